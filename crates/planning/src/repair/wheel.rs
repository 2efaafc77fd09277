//! A driver's time at the wheel along a day of trips, so that a way which the checker would refuse for it is not tried.

use xiangyun_model::plan::{Trip, Visit};
use xiangyun_model::rules::Rules;

/// Time at the wheel without a rest (道路交通安全法实施条例, article 62): what the checker measures.
pub(super) struct Wheel {
    pub(super) spell_s: i64,
    rest_s: i64,
    max_s: i64,
    pub(super) too_long: bool,
}

impl Wheel {
    pub(super) const fn new(rules: &Rules, spell_s: i64) -> Self {
        Self { spell_s, rest_s: rules.rest_s, max_s: rules.drive_max_s, too_long: false }
    }

    pub(super) const fn drive(&mut self, s: i64) {
        self.spell_s += s;
        self.too_long |= self.spell_s > self.max_s;
    }

    pub(super) const fn stand(&mut self, s: i64) {
        if s >= self.rest_s {
            self.spell_s = 0;
        }
    }

    pub(super) const fn visit(&mut self, visit: &Visit) {
        self.drive(visit.leg_s);
        self.stand(visit.start - visit.arrive);
        self.stand(visit.depart - visit.finish);
    }
}

/// A driver's next trip.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) begins: i64,
    /// At the wheel before its first rest.
    pub(super) spell_s: i64,
}

impl Next {
    /// A trip as what follows another one, with what follows itself as long as its driver does not rest.
    pub(super) fn of(trip: &Trip, after: Option<Self>, rules: &Rules) -> Self {
        let mut spell_s = 0;
        let rests = trip.visits.iter().any(|visit| {
            spell_s += visit.leg_s;
            visit.start - visit.arrive >= rules.rest_s || visit.depart - visit.finish >= rules.rest_s
        });
        let ends = trip.visits.last().map_or(0, |v| v.depart);
        if let Some(after) = after.filter(|after| !rests && after.begins - ends < rules.rest_s) {
            spell_s += after.spell_s;
        }
        Self { begins: begins(trip), spell_s }
    }
}

/// When a trip begins.
pub(super) fn begins(trip: &Trip) -> i64 {
    trip.visits.first().map_or(0, |v| v.arrive)
}
