//! The objective in fen, term by term, from a timed draft. The search and the published plan use this one account.

use crate::consolidate::Cargo;
use crate::day::Day;
use crate::draft::Draft;
use crate::timing::Timing;
use std::collections::BTreeSet;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{CostLine, CostTerm, Direction};
use xiangyun_model::rules::Costs;
use xiangyun_model::site::SiteKind;

/// All terms of the objective with their quantities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Fen by term, in the order of [`TERMS`].
    pub fen: [i64; 11],
    /// Quantity by term.
    pub quantity: [i64; 11],
    /// Orders served.
    pub served: u64,
    /// Orders of loads that are left.
    pub left: u64,
    /// Orders that must not be left and are.
    pub must_left: u64,
}

/// The terms with the unit of their quantity.
pub const TERMS: [(CostTerm, &str); 11] = [
    (CostTerm::Vehicles, "vehicles"),
    (CostTerm::Kilometres, "m"),
    (CostTerm::Crew, "s"),
    (CostTerm::Overtime, "s"),
    (CostTerm::Lines, "departures"),
    (CostTerm::Handling, "units"),
    (CostTerm::Lateness, "s"),
    (CostTerm::Unserved, "orders"),
    (CostTerm::Stability, "visits"),
    (CostTerm::Balance, "s"),
    (CostTerm::Floor, "villages"),
];

impl Account {
    /// The objective.
    #[must_use]
    pub fn total_fen(&self) -> i64 {
        self.fen.iter().sum()
    }

    fn add(&mut self, term: CostTerm, quantity: i64, fen: i64) {
        let at = TERMS.iter().position(|&(t, _)| t == term).expect("every term is listed");
        self.fen[at] += fen;
        self.quantity[at] += quantity;
    }

    /// Adds orders that no draft could serve.
    pub fn add_unserved(&mut self, orders: i64, fen: i64) {
        self.add(CostTerm::Unserved, orders, fen);
    }

    /// The lines of the published account.
    #[must_use]
    pub fn lines(&self) -> Vec<CostLine> {
        let total = self.total_fen().max(1);
        TERMS
            .iter()
            .enumerate()
            .map(|(at, &(term, unit))| CostLine {
                term,
                quantity: self.quantity[at],
                unit: unit.into(),
                fen: self.fen[at],
                share_ppm: self.fen[at] * 1_000_000 / total,
            })
            .collect()
    }
}

/// Accounts for a timed draft. `floor_due` are the villages that today's floor of service asks for.
#[must_use]
pub fn account(
    day: &Day<'_>,
    cargo: &[Cargo],
    draft: &Draft,
    timing: &Timing,
    floor_due: &BTreeSet<SiteId>,
) -> Account {
    let mut sum = Account::default();
    vehicles_and_crews(day, timing, &mut sum);
    lines(day, cargo, draft, timing, &mut sum);
    goods(day, cargo, timing, &mut sum);
    let mut missed = floor_due.clone();
    for trip in &timing.trips {
        let driver = day.county.driver(day.crews[trip.crew].driver);
        for visit in trip.visits.iter().filter(|v| !(v.drop.is_empty() && v.pick.is_empty())) {
            missed.remove(&visit.site);
            let village = matches!(day.county.site(visit.site).kind, SiteKind::Village | SiteKind::Park);
            if village && !driver.knows.contains(&visit.site) {
                sum.add(CostTerm::Stability, 1, day.county.costs.stranger_fen);
            }
        }
    }
    for (&line, rides) in &draft.lines {
        for &(_, from, to) in &rides.rides {
            let stops = &day.county.line_trips[line].stops;
            missed.remove(&stops[from].site);
            missed.remove(&stops[to].site);
        }
    }
    let missed = missed.len() as i64;
    sum.add(CostTerm::Floor, missed, missed * day.county.costs.floor_fen);
    // Orders that consolidation refused are unserved whatever the draft does: the caller adds them once.
    sum
}

fn vehicles_and_crews(day: &Day<'_>, timing: &Timing, sum: &mut Account) {
    let mut spans: Vec<Option<(i64, i64)>> = vec![None; day.crews.len()];
    let mut metres = vec![0; day.crews.len()];
    for trip in &timing.trips {
        let span = spans[trip.crew].get_or_insert((trip.from_s(), trip.to_s()));
        *span = (span.0.min(trip.from_s()), span.1.max(trip.to_s()));
        metres[trip.crew] += trip.metres();
    }
    let used: Vec<i64> = spans.iter().flatten().map(|&(from, to)| to - from).collect();
    let mean = used.iter().sum::<i64>() / (used.len().max(1) as i64);
    for (crew, span) in spans.iter().enumerate() {
        let Some((from, to)) = *span else { continue };
        let vehicle = day.county.vehicle(day.crews[crew].vehicle);
        let driver = day.county.driver(day.crews[crew].driver);
        sum.add(CostTerm::Vehicles, 1, vehicle.fixed_fen);
        sum.add(CostTerm::Kilometres, metres[crew], vehicle.distance_fen(metres[crew]));
        let over = driver.overtime_s(from, to);
        let (regular_fen, over_fen) = driver.crew_fen(to - from, over);
        sum.add(CostTerm::Crew, to - from - over, regular_fen);
        sum.add(CostTerm::Overtime, over, over_fen);
        let above = (to - from - mean).max(0);
        sum.add(CostTerm::Balance, above, above * day.county.costs.balance_fen_h / 3600);
    }
}

fn lines(day: &Day<'_>, cargo: &[Cargo], draft: &Draft, timing: &Timing, sum: &mut Account) {
    for (&line, rides) in &draft.lines {
        let departure = &day.county.line_trips[line];
        let served = rides.rides.iter().filter(|&&(l, _, _)| timing.arrives[l as usize].is_some());
        let pieces: i64 = served.clone().map(|&(l, _, _)| cargo[l as usize].amount.pieces).sum();
        if served.count() > 0 {
            sum.add(CostTerm::Lines, 1, departure.use_fen + pieces * departure.piece_fen);
        }
    }
}

/// Price of putting a load on or taking it off at a site, and the units handled there.
#[must_use]
pub fn handling_fen(day: &Day<'_>, cargo: &Cargo, site: SiteId) -> (i64, i64) {
    match day.county.site(site).kind {
        SiteKind::Hub | SiteKind::Station => (cargo.handled, cargo.handled * day.county.costs.unit_fen),
        _ => (cargo.amount.pieces, cargo.amount.pieces * day.county.costs.piece_fen),
    }
}

fn goods(day: &Day<'_>, cargo: &[Cargo], timing: &Timing, sum: &mut Account) {
    let costs = &day.county.costs;
    for (at, load) in cargo.iter().enumerate() {
        let Some(arrives) = timing.arrives[at] else {
            sum.add(CostTerm::Unserved, load.orders.len() as i64, load.price_fen);
            sum.left += load.orders.len() as u64;
            if load.must {
                sum.must_left += load.orders.len() as u64;
            }
            continue;
        };
        sum.served += load.orders.len() as u64;
        for ride in &timing.rides[at] {
            for site in [ride.from, ride.to] {
                let (units, fen) = handling_fen(day, load, site);
                sum.add(CostTerm::Handling, units, fen);
            }
        }
        if load.direction == Direction::Down {
            sum.add(CostTerm::Handling, 0, load.amount.pieces * costs.hub_sort_piece_fen);
        }
        if arrives > load.due_s {
            for order in load.orders.iter().map(|o| &day.orders[o.index()]) {
                let late = day.due_s(order).map_or(0, |(due, _)| (arrives - due).max(0));
                sum.add(CostTerm::Lateness, late, Costs::late_fen(order.late_fen_h, late));
            }
        }
    }
}
