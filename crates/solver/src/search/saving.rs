//! Vehicles first: routes are given up one by one, at first by sums of absences (`fleet.rs`), then among plans of one route
//! less that break rules at a price (`breed`), each for a share of the budget.

use super::eval::Eval;
use super::team::{Member, Run, SMALL};
use crate::problem::{Job, Objective, Role};

/// Share of the budget that vehicles may take: where they come first, and where they only cost.
const FEW_SHARE: f64 = 0.5;
const PRICED_SHARE: f64 = 0.15;
/// Share after which priced plans take over from absences. R112 seed 5 keeps ten vehicles by absences alone (15 s); from 6 s
/// on the ninth route is found within a second.
const ABSENCES_SHARE: f64 = 0.2;
/// Share after which it ends unless a vehicle was saved lately: by absences alone, and with priced plans; and how many times
/// as long as the last saving took it goes on.
const ALONE_LEAST: f64 = 0.3;
const PRICED_LEAST: f64 = 0.35;
const LATELY: f64 = 4.0;
/// Share in which all jobs must have found a place, else no vehicle is saved.
const PLACED_SHARE: f64 = 0.1;
/// The part of a plan's cost from which on vehicles weigh, and the part of the vehicles found that may be opened beyond them.
const WEIGHS: i64 = 10;
const SPARE: u32 = 20;
/// Steps of one cooling while vehicles are being saved, and between which temperatures.
const CYCLE: u64 = 60_000;
const HOT: f64 = 0.3;
const COLD: f64 = 0.02;
/// Temperature of every other of these cycles.
const STEADY: f64 = 0.03;

impl Run<'_> {
    /// Gives up routes one by one while the share of the budget lasts; whether it is done with that.
    pub(super) fn save_vehicles<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) -> bool {
        let few = self.net.problem.objective() == Objective::VehiclesThenCost;
        let kinds = self.net.problem.kinds();
        let priced = kinds.len() == 1 && kinds[0].fixed > 0;
        // Where a start leaves jobs out there may be no room for them at all.
        let hopeless = member.walk.best.missing > 0 && (!few || self.start.is_some());
        if !(few || priced) || hopeless {
            return true;
        }
        let share = if few { FEW_SHARE } else { PRICED_SHARE };
        let breeds = few && member.breeder.is_some();
        let absences = if breeds { ABSENCES_SHARE } else { share };
        let least = if breeds { PRICED_LEAST } else { ALONE_LEAST };
        let bound = self.fewest_vehicles();
        loop {
            let spent = member.clock.fraction();
            let over = member.clock.is_over() || spent >= share.min(least.max(LATELY * member.saved_at));
            let unplaced = member.walk.best.missing > 0 && spent >= PLACED_SHARE;
            let fewest = |missing: usize, used: u32| missing == 0 && used <= bound;
            let best = &member.walk.best;
            if over
                || unplaced
                || fewest(best.missing, best.used)
                || fewest(member.walk.absence().1, member.walk.links.used)
            {
                break;
            }
            if spent >= until {
                return false;
            }
            if spent >= absences {
                self.squeeze(member, until.min(share));
            } else {
                if member.walk.absence().1 == 0 && !member.walk.give_up_route() {
                    break;
                }
                self.fill_up(member, few);
            }
        }
        member.walk.fleet = match (member.walk.best.missing, few) {
            (0, true) => member.walk.best.used,
            (0, false) => self.priced_fleet(member),
            _ => u32::MAX,
        };
        member.walk.recall();
        true
    }

    /// Routes that a cooling may open where vehicles have a price that weighs: while it is hot, routes cost next to nothing, and
    /// later few of them are closed again (JD in benches/RESULTS.md).
    fn priced_fleet<E: Eval>(&self, member: &Member<'_, E>) -> u32 {
        let best = &member.walk.best;
        let fixed = self.net.problem.kinds()[0].fixed.saturating_mul(i64::from(best.used));
        // A plan that goes on from another one knows its fleet; lateness or a breakdown may need many more.
        if self.start.is_some() || self.net.jobs <= SMALL || fixed < best.cost / WEIGHS {
            return u32::MAX;
        }
        best.used + (best.used / SPARE).max(2)
    }

    /// One iteration that minds absences first; a plan that leaves none is kept.
    fn fill_up<E: Eval>(&self, member: &mut Member<'_, E>, few: bool) {
        member.clock.tick();
        // Cools again and again: some fleets need a cold search for the last gap, others to be shaken.
        let phase = (member.clock.steps % CYCLE) as f64 / CYCLE as f64;
        let shaken = (member.clock.steps / CYCLE).is_multiple_of(2);
        let cooled = HOT * (COLD / HOT).powf(phase);
        let temperature = member.unit * if shaken { cooled } else { STEADY };
        if member.walk.fleet_step(temperature) && (few || member.walk.is_better(member.walk.cost())) {
            member.walk.store();
            member.saved_at = member.clock.fraction();
            self.note(member);
        }
    }

    /// Looks for a plan with a route less among plans that break rules at a price.
    fn squeeze<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) {
        let Some(mut breeder) = member.breeder.take() else { return };
        member.tell_best(&mut *breeder);
        let fleet = member.walk.best.used - 1;
        if let Some(plan) = breeder.breed(&mut member.clock, until, i64::MAX, fleet) {
            member.heard = plan.cost;
            member.walk.adopt(&plan);
            member.saved_at = member.clock.fraction();
            self.note(member);
        }
        member.breeder = Some(breeder);
    }

    /// Vehicles that the loads need at least.
    fn fewest_vehicles(&self) -> u32 {
        let p = self.net.problem;
        let jobs = || p.jobs().iter().filter(|j| j.prize.is_none() && j.role == Role::Single);
        let need = |d: usize| {
            let sum =
                |get: fn(&Job) -> &Vec<i64>| jobs().map(|j| get(j).get(d).copied().unwrap_or(0)).sum::<i64>();
            let holds = p.kinds().iter().map(|k| {
                let trips = i64::from(k.max_trips.max(1));
                k.layouts
                    .iter()
                    .map(|l| l.get(d).copied().unwrap_or(0))
                    .max()
                    .unwrap_or(0)
                    .saturating_mul(trips)
            });
            let most = holds.max().unwrap_or(0).max(1);
            let sum = sum(|j| &j.delivery).max(sum(|j| &j.pickup));
            (sum + most - 1) / most
        };
        (0..p.dimensions().len()).map(need).max().unwrap_or(0).clamp(1, i64::from(u32::MAX)) as u32
    }
}
