//! Live re-dispatch: the day departs from its plan and the plan is repaired with as little change as possible.
//!
//! [`Running`] holds the plan under way with what has happened so far. A change (a new order, a breakdown, a closed road, a
//! late trunk vehicle, a cancelled order) leads to an [`Offer`]: a [`Patch`] of trips and loads with its price in fen, the
//! lateness that it leaves and the stops that it moves. What is done stays done; the stop that a vehicle is driving to stays
//! its next; loads that have boarded stay aboard. Every offer is timed exactly over both tiers and judged by the
//! independent checker: it may add no violation to those that the day has already, whatever is done about it.
//!
//! Promises: same input, same offer; nothing of the running plan changes before [`Running::accept`]. Never: reads a clock.

mod breakdown;
mod docks;
mod edit;
mod forward;
mod fresh;
mod join;
mod judge;
mod manual;
mod places;
mod price;
mod tidy;
mod ways;
mod wheel;

pub use edit::Patch;
pub use manual::{Edit, NoEdit};
pub use price::{Bill, bill};
pub use tidy::{TIDY_LATE_S, TIDY_MOVED_PM, TidyUp};

use crate::check::{Index, Violation};
use crate::fast::Map;
use crate::inputs::Inputs;
use crate::orders::OrderRow;
use crate::travel::Travel;
use judge::Judgement;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use thiserror::Error;
use xiangyun_model::id::{ClassId, SiteId};
use xiangyun_model::plan::{Bounds, Load, Plan, TripKind};

/// Ways tried exactly before an order is given up.
pub const WAYS_TRIED_MAX: usize = 12;

/// Exact checks spent on goods that a repair has left standing: a repair is offered within two seconds, not best possible.
pub const LEFT_CHECKS_MAX: usize = 60;
/// Of these, spent on goods that stand together before they are tried in halves.
const TOGETHER_CHECKS_MAX: usize = 4;

/// What has happened of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Came, in seconds after the plan's midnight.
    pub arrived: i64,
    /// Left; none while it stands there.
    pub left: Option<i64>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Now, in seconds after the plan's midnight.
    pub now: i64,
    /// Visits reached, by id.
    pub visits: BTreeMap<String, Done>,
    /// Vehicles that cannot go on.
    pub broken: BTreeSet<String>,
    /// Trips held back at their base until a moment, by id: a trunk vehicle that starts late.
    pub held: BTreeMap<String, i64>,
    /// Orders that a visit reached should have taken on and did not, by visit. All others of its list are aboard.
    pub left_behind: BTreeMap<String, BTreeSet<String>>,
}

/// A repair that the checker accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What changes.
    pub patch: Patch,
    /// Price against the plan as it would run without the change, in fen.
    pub price_fen: i64,
    /// Lateness of all loads together that it leaves, in seconds.
    pub lateness_s: i64,
    /// Stops, not yet reached, whose vehicle or order changes.
    pub moved_stops: u32,
    /// Loads that it leaves unserved today.
    pub left: Vec<String>,
}

/// Why there is no offer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoOffer {
    /// The order cannot move today whatever is done.
    #[error("order {order}: {why}")]
    Impossible {
        /// The order.
        order: String,
        /// Why.
        why: &'static str,
    },
    /// No vehicle has a place for it.
    #[error("order {order}: no vehicle of either tier has a feasible place; {tried} tried exactly")]
    NoPlace {
        /// The order.
        order: String,
        /// Ways that were timed and checked.
        tried: usize,
    },
    /// Nobody can take over from a vehicle.
    #[error(
        "nobody can take over from {vehicle}: no free crew is there in time with room for its goods, no other trip takes them"
    )]
    NoHelp {
        /// The vehicle.
        vehicle: String,
    },
    /// A tidy-up finds nothing that is cheaper within its budget.
    #[error("nothing is cheaper within the stops that may move; the day was timed {tried} times")]
    Nothing {
        /// Timings of the whole day.
        tried: usize,
    },
    /// The thing named is not in the plan, or is done.
    #[error("{what} is not in the plan or is over already")]
    Unknown {
        /// What was named.
        what: String,
    },
    /// It would move more stops than allowed.
    #[error("it would move {moved} stops; at most {most} may be moved")]
    Budget {
        /// Stops moved.
        moved: u32,
        /// Allowed.
        most: u32,
    },
}

/// Outside names to positions, built once.
#[derive(Clone, Debug, Default)]
struct Names {
    sites: Map<String, SiteId>,
    vehicles: Map<String, usize>,
    drivers: Map<String, usize>,
    lines: Map<String, usize>,
    orders: Map<String, usize>,
    classes: Map<String, ClassId>,
    /// Seconds that goods may be out of their band, by class, where that is limited.
    limited: Map<String, i64>,
    /// Whether any order has agreed hours: most days have none.
    any_window: bool,
    /// Whether some carriers' goods or vehicles exclude others.
    any_exclusion: bool,
}

impl Names {
    fn new(inputs: &Inputs) -> Self {
        let county = &inputs.county;
        let at = |i: usize, id: &str| (id.to_owned(), i);
        Self {
            sites: county.sites.iter().enumerate().map(|(i, s)| (s.id.to_string(), SiteId::at(i))).collect(),
            vehicles: county.vehicles.iter().enumerate().map(|(i, v)| at(i, v.id.as_str())).collect(),
            drivers: county.drivers.iter().enumerate().map(|(i, d)| at(i, d.id.as_str())).collect(),
            lines: county.line_trips.iter().enumerate().map(|(i, l)| at(i, l.id.as_str())).collect(),
            orders: inputs.orders.iter().enumerate().map(|(i, r)| at(i, r.order.id.as_str())).collect(),
            classes: county
                .classes
                .iter()
                .enumerate()
                .map(|(i, c)| (c.id.to_string(), ClassId::at(i)))
                .collect(),
            limited: county
                .classes
                .iter()
                .filter_map(|c| c.out_of_band_max_s.map(|most| (c.id.to_string(), most)))
                .collect(),
            any_window: inputs.orders.iter().any(|r| r.order.window.is_some()),
            any_exclusion: county.carriers.iter().any(|c| !c.excludes.is_empty())
                || county.vehicles.iter().any(|v| !v.excludes.is_empty()),
        }
    }

    fn site(&self, id: &str) -> SiteId {
        self.sites.get(id).copied().unwrap_or(SiteId::at(0))
    }
}

/// The plan under way.
///
/// What drivers have on their lists ([`Running::accept`] alone changes it) is kept beside the plan timed forward from what
/// has happened: there, loads that will miss a ride are off it. That is a forecast, which the next news may overturn; a load
/// that boarded after all is aboard.
#[derive(Debug)]
pub struct Running {
    published: Plan,
    plan: Plan,
    /// Loads of `published` that miss a ride in `plan`.
    lost: Vec<String>,
    /// Loads that accepted changes have taken off their rides without giving them others.
    unbooked: BTreeSet<String>,
    inputs: Inputs,
    names: Names,
    index: Index,
    progress: Progress,
    /// Stops of the plan that the day began with.
    first: BTreeSet<String>,
    /// What is broken already, and the bill, of the plan as it runs: reckoned when first asked for.
    before: OnceLock<Judgement>,
    costs: OnceLock<Bill>,
    /// Most stops that one offer may move; none is no limit.
    pub moved_max: Option<u32>,
}

impl Running {
    /// A published plan before its day begins. The accounts of the night (cost lines, bounds, closing state) do not run
    /// with it and are left out.
    #[must_use]
    pub fn new(mut plan: Plan, inputs: Inputs) -> Self {
        plan.cost.clear();
        plan.bounds =
            Bounds { served_at_most: 0, served: 0, gap_ppm: 0, by_township: Vec::new(), scarce: Vec::new() };
        plan.floors.clear();
        plan.breaches.clear();
        plan.closing.backlog.clear();
        plan.closing.stock.clear();
        let (names, index) = (Names::new(&inputs), Index::new(&inputs));
        // The night keeps each dock for whom it gave it to; during the day whoever comes takes a free one.
        forward::renew(&mut plan, &inputs, &names);
        let (before, costs) = (OnceLock::new(), OnceLock::new());
        let first = plan.trips.iter().flat_map(|t| &t.visits).map(|v| v.id.clone()).collect();
        Self {
            first,
            published: plan.clone(),
            plan,
            lost: Vec::new(),
            unbooked: BTreeSet::new(),
            inputs,
            names,
            index,
            progress: Progress::default(),
            before,
            costs,
            moved_max: None,
        }
    }

    fn before(&self) -> &Judgement {
        self.before.get_or_init(|| self.verdict(&self.plan))
    }

    fn costs(&self) -> &Bill {
        self.costs.get_or_init(|| self.bill(&self.plan))
    }

    fn bill(&self, plan: &Plan) -> Bill {
        price::bill_of(plan, &self.inputs, &self.names.orders)
    }

    /// What the checker says of a plan of this day.
    fn verdict(&self, plan: &Plan) -> Judgement {
        judge::judge(plan, &self.inputs, &self.index, &self.progress)
    }

    /// The same of a trial, quicker: what is broken in the plan as it runs too may be left out. For comparing with what
    /// that plan breaks.
    fn news(&self, plan: &Plan) -> Judgement {
        judge::judge_since(&self.plan, plan, &self.inputs, &self.index, &self.progress, false)
    }

    /// The same of one try among many, which is judged again before it is offered.
    fn first_news(&self, plan: &Plan) -> Judgement {
        judge::judge_since(&self.plan, plan, &self.inputs, &self.index, &self.progress, true)
    }

    /// The plan, its orders or its roads are others now.
    fn changed(&mut self) {
        self.before = OnceLock::new();
        self.costs = OnceLock::new();
    }

    /// The plan as it runs now.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it was made from, with the orders that came since.
    #[must_use]
    pub const fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What has happened.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Takes in what has happened: times of everything still ahead follow from it, in both tiers. Gives the loads that
    /// miss a ride as things stand and have no other yet.
    pub fn happened(&mut self, progress: Progress) -> Vec<String> {
        self.progress = progress;
        self.retime();
        self.missed()
    }

    /// Loads that miss a ride as things stand, and those taken off their rides, that have no other yet.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let lost = self.lost.iter().filter(|l| !self.unbooked.contains(*l));
        self.unbooked.iter().chain(lost).cloned().collect()
    }

    fn retime(&mut self) {
        self.plan.clone_from(&self.published);
        self.lost = forward::retime(&mut self.plan, &self.inputs, &self.progress, &self.names, 0);
        self.changed();
    }

    /// Another plan on the same day, to try something on it: a what-if fork.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            first: self.first.clone(),
            published: self.published.clone(),
            plan: self.plan.clone(),
            lost: self.lost.clone(),
            unbooked: self.unbooked.clone(),
            inputs: self.inputs.clone(),
            names: self.names.clone(),
            index: self.index.clone(),
            progress: self.progress.clone(),
            before: self.before.clone(),
            costs: self.costs.clone(),
            moved_max: self.moved_max,
        }
    }

    /// Makes an offer the plan. The caller has made sure that nothing of it has changed since (`dispatch` does so by the
    /// versions of vehicles).
    pub fn accept(&mut self, patch: &Patch) {
        patch.apply(&mut self.published);
        let left: BTreeSet<String> = price::unserved(&self.published).into_iter().collect();
        for load in patch.loads.iter().map(|l| &l.id).chain(&patch.gone) {
            if left.contains(load) {
                self.unbooked.insert(load.clone());
            } else {
                self.unbooked.remove(load);
            }
        }
        for row in &patch.orders {
            self.note(row.clone());
        }
        self.retime();
        // Every offer on the new plan needs these: reckoned with the change, not while somebody waits for an offer.
        self.before();
        self.costs();
    }

    fn note(&mut self, row: OrderRow) {
        let id = row.order.id.to_string();
        if !self.names.orders.contains_key(&id) {
            self.names.orders.insert(id, self.inputs.orders.len());
            self.names.any_window |= row.order.window.is_some();
            self.inputs.orders.push(row);
            self.index.added(&self.inputs);
            self.count_orders();
        }
    }

    const fn count_orders(&mut self) {
        self.plan.orders = self.inputs.orders.len() as u64;
        self.published.orders = self.plan.orders;
    }

    /// The cheapest feasible place of a new order over all vehicles and both tiers.
    ///
    /// # Errors
    /// [`NoOffer`] when it cannot move today or no vehicle has a place for it.
    pub fn insert(&mut self, row: &OrderRow) -> Result<Offer, NoOffer> {
        let known = self.names.orders.contains_key(row.order.id.as_str());
        // What is broken already and what the day costs are those without the order: it is not in any load yet.
        self.before();
        self.costs();
        self.note(row.clone());
        let alone_fen = if known {
            0
        } else {
            self.inputs.county.costs.unserved_fen(row.order.unserved_fen, row.order.deferrals)
        };
        let found = self.insert_noted(row, alone_fen);
        if !known {
            // Nothing changes before the offer is accepted.
            self.inputs.orders.pop();
            self.index.removed(row.order.id.as_str());
            self.names.orders.remove(row.order.id.as_str());
            self.count_orders();
        }
        found
    }

    /// `alone_fen` is what the order costs if it gets no place, where the day's bill does not hold that yet.
    fn insert_noted(&self, row: &OrderRow, alone_fen: i64) -> Result<Offer, NoOffer> {
        let order = row.order.id.to_string();
        let fresh = fresh::load_of(&self.inputs, self.plan.date, &self.progress, &row.order)
            .map_err(|why| NoOffer::Impossible { order: order.clone(), why })?;
        // In a bag that is not sealed yet it needs no handling and no stop of its own.
        let joined = self.insert_joined(row, &fresh);
        let driven = |bill: &Bill| bill.driving_fen + bill.crew_fen + bill.lateness_fen;
        if let Some((trial, bill)) = &joined
            && driven(bill) <= driven(self.costs())
        {
            let mut offer = self.offer(trial, vec![row.clone()], 1)?;
            offer.price_fen -= alone_fen;
            return Ok(offer);
        }
        let one = std::slice::from_ref(&fresh);
        let found = self.place_where(&self.plan, one, self.before(), WAYS_TRIED_MAX, |_, _| true);
        let trial =
            match (found, joined) {
                (Ok((trial, _)), Some((other, bill))) => {
                    if bill.total_fen <= self.bill(&trial.plan).total_fen { other } else { trial }
                }
                (Ok((trial, _)), None) | (Err(_), Some((trial, _))) => trial,
                (Err((tried, _)), None) => return Err(NoOffer::NoPlace { order, tried }),
            };
        let mut offer = self.offer(&trial, vec![row.clone()], 1)?;
        offer.price_fen -= alone_fen;
        Ok(offer)
    }

    /// A new order in a load that goes its way already, with the bill.
    fn insert_joined(&self, row: &OrderRow, fresh: &Load) -> Option<(edit::Trial, Bill)> {
        let into = join::candidates(&self.plan, fresh, &self.inputs, &self.progress, &self.names);
        // Only where it need not be waited for: each try takes half of the time that a place may take.
        let in_time = |id: &String| self.plan.loads.iter().any(|l| l.id == *id && l.release >= fresh.release);
        let into = into.into_iter().find(in_time)?;
        let mut trial = self.trial();
        trial.plan.loads.push(fresh.clone());
        trial.plan.unassigned.retain(|u| u.order != row.order.id.as_str());
        trial.plan.deferrals.retain(|u| u.order != row.order.id.as_str());
        join::join(&mut trial, &into, &fresh.id, &self.inputs, &self.names);
        let missed = trial.retime(&self.inputs, &self.progress, &self.names);
        if !missed.is_empty() || !self.first_news(&trial.plan).is_no_worse_than(self.before()) {
            return None;
        }
        let bill = self.bill(&trial.plan);
        Some((trial, bill))
    }

    /// An order falls away before it is collected or loaded.
    ///
    /// # Errors
    /// [`NoOffer::Unknown`] when it is not in the plan or aboard already.
    pub fn cancel(&self, order: &str) -> Result<Offer, NoOffer> {
        let unknown = || NoOffer::Unknown { what: format!("order {order}") };
        let at =
            self.plan.loads.iter().position(|l| l.orders.iter().any(|o| o == order)).ok_or_else(unknown)?;
        let begun =
            self.plan.loads[at].legs.first().is_some_and(|leg| self.progress.visits.contains_key(&leg.from));
        if begun {
            return Err(unknown());
        }
        let mut trial = self.trial();
        trial.take_out(at, order, &self.inputs, &self.progress, &self.names);
        trial.retime(&self.inputs, &self.progress, &self.names);
        self.offer(&trial, Vec::new(), 0)
    }

    /// The offer for loads that miss a ride: each gets another one where there is room.
    ///
    /// # Errors
    /// [`NoOffer`] when nothing better is found for any of them.
    pub fn rebook(&self, missed: &[String]) -> Result<Offer, NoOffer> {
        let mut trial = self.trial();
        let placed = self.place_left(&mut trial, missed, self.before());
        if placed == 0 {
            return Err(NoOffer::NoPlace { order: missed.join(" "), tried: 0 });
        }
        self.offer(&trial, Vec::new(), placed)
    }

    /// Roads have closed or speeds have changed: the same stops over new tables. Gives the loads that now miss a ride;
    /// [`Self::rebook`] finds others.
    pub fn roads_changed(&mut self, travel: Travel) -> Vec<String> {
        self.inputs.travel = travel;
        self.retime();
        self.missed()
    }

    /// What a fork costs and moves against this plan.
    #[must_use]
    pub fn compare(&self, fork: &Self) -> (Bill, Bill, u32) {
        let here = self.bill(&self.plan);
        let there = fork.bill(&fork.plan);
        (here, there, edit::moved_stops(&self.plan, &fork.plan, &self.progress))
    }

    fn trial(&self) -> edit::Trial {
        edit::Trial { plan: self.plan.clone() }
    }

    /// Puts loads that stand together and go to one place on the cheapest way that holds, over some ways only and within
    /// some rules broken anyway. Gives the plan with them and how many ways were tried; when none holds, what the cheapest
    /// of them would break.
    fn place_where(
        &self,
        plan: &Plan,
        loads: &[Load],
        within: &Judgement,
        most: usize,
        allowed: impl Fn(&Plan, &ways::Way) -> bool,
    ) -> Result<(edit::Trial, usize), (usize, Vec<Violation>)> {
        let board = ways::Board::new(plan, &self.inputs, &self.progress, &self.names);
        let whole = together(loads);
        let found: Vec<ways::Way> = board.ways(&whole).into_iter().filter(|way| allowed(plan, way)).collect();
        let mut tried = 0;
        let mut reasons = Vec::new();
        for way in found.into_iter().take(most) {
            tried += 1;
            let mut next = edit::Trial { plan: plan.clone() };
            next.put_all(&way, loads, &self.inputs, &self.names);
            let missed = next.retime(&self.inputs, &self.progress, &self.names);
            if !missed.is_empty() {
                continue;
            }
            let judged = self.first_news(&next.plan);
            if judged.is_no_worse_than(within) {
                return Ok((next, tried));
            }
            if reasons.is_empty() {
                reasons = judged.more_than(within);
            }
        }
        Err((tried, reasons))
    }

    /// Gives loads that miss a ride another one: those that stand together and go to one place as one, in halves where
    /// there is no room for all. Gives how many were placed.
    fn place_left(&self, trial: &mut edit::Trial, left: &[String], within: &Judgement) -> usize {
        let site: Map<&str, &str> = trial
            .plan
            .trips
            .iter()
            .flat_map(|t| &t.visits)
            .map(|v| (v.id.as_str(), v.site.as_str()))
            .collect();
        let mut groups: BTreeMap<(String, String, String, bool), Vec<Load>> = BTreeMap::new();
        let known: BTreeSet<&str> = left.iter().map(String::as_str).collect();
        for load in trial.plan.loads.iter().filter(|l| known.contains(l.id.as_str())) {
            let last = load.legs.last().and_then(|leg| site.get(leg.to.as_str())).copied();
            let from = last.unwrap_or(&load.origin).to_owned();
            let key = (from, load.destination.clone(), load.band.clone(), load.hard);
            groups.entry(key).or_default().push(load.clone());
        }
        // Where most is at stake first.
        let mut waiting: Vec<Vec<Load>> = groups.into_values().collect();
        waiting.sort_by_key(|g| g.iter().map(|l| l.orders.len()).sum::<usize>());
        let (mut checks, mut placed) = (LEFT_CHECKS_MAX, 0);
        while checks > 0
            && let Some(group) = waiting.pop()
        {
            let most = checks.min(TOGETHER_CHECKS_MAX);
            match self.place_where(&trial.plan, &group, within, most, |_, _| true) {
                Ok((next, tried)) => {
                    *trial = next;
                    checks -= tried;
                    placed += group.len();
                }
                Err((tried, _)) => {
                    checks -= tried;
                    if group.len() > 1 {
                        let (a, b) = group.split_at(group.len() / 2);
                        // After everybody else's turn.
                        waiting.splice(0..0, [b.to_vec(), a.to_vec()]);
                    }
                }
            }
        }
        placed
    }

    /// Checks a trial by what differs from the plan as it runs, and prices it.
    fn offer(&self, trial: &edit::Trial, orders: Vec<OrderRow>, tried: usize) -> Result<Offer, NoOffer> {
        // The plan as it runs is judged as a whole, with every change: what differs from it is what can be wrong.
        let judged = self.news(&trial.plan);
        debug_assert_eq!(
            judged.is_no_worse_than(self.before()),
            self.verdict(&trial.plan).is_no_worse_than(self.before()),
            "what differs breaks other rules than the whole"
        );
        if !judged.is_no_worse_than(self.before()) {
            return Err(NoOffer::NoPlace { order: String::new(), tried });
        }
        self.priced(trial, orders)
    }

    fn offer_within(
        &self,
        trial: &edit::Trial,
        orders: Vec<OrderRow>,
        tried: usize,
        within: &Judgement,
    ) -> Result<Offer, NoOffer> {
        let judged = self.verdict(&trial.plan);
        if !judged.is_no_worse_than(within) {
            return Err(NoOffer::NoPlace { order: String::new(), tried });
        }
        self.priced(trial, orders)
    }

    /// Prices a checked trial against the plan as it runs.
    fn priced(&self, trial: &edit::Trial, orders: Vec<OrderRow>) -> Result<Offer, NoOffer> {
        let moved = edit::moved_stops(&self.plan, &trial.plan, &self.progress);
        if let Some(most) = self.moved_max.filter(|&most| moved > most) {
            return Err(NoOffer::Budget { moved, most });
        }
        let (was, is) = (*self.costs(), self.bill(&trial.plan));
        let left = price::unserved(&trial.plan);
        Ok(Offer {
            patch: Patch::between(&self.plan, &trial.plan, orders).complete(
                &self.published,
                &trial.plan,
                &self.lost,
            ),
            price_fen: is.total_fen - was.total_fen,
            lateness_s: is.lateness_s,
            moved_stops: moved,
            left,
        })
    }

    /// Trips of a vehicle that are not over, in order of their begin.
    fn open_trips(&self, vehicle: &str) -> Vec<usize> {
        let over = |t: &xiangyun_model::plan::Trip| {
            t.visits.last().is_none_or(|v| self.progress.visits.contains_key(&v.id))
        };
        let mut own: Vec<usize> = (0..self.plan.trips.len())
            .filter(|&t| {
                let trip = &self.plan.trips[t];
                trip.vehicle == vehicle && trip.kind != TripKind::Line && !over(trip)
            })
            .collect();
        own.sort_by_key(|&t| self.plan.trips[t].number);
        own
    }
}

/// Loads as one: what a way must have room for.
fn together(loads: &[Load]) -> Load {
    let mut whole = loads[0].clone();
    for load in &loads[1..] {
        whole.amount += load.amount;
        whole.units += load.units;
        whole.orders.extend(load.orders.iter().cloned());
        whole.release = whole.release.max(load.release);
        whole.due = whole.due.min(load.due);
    }
    whole
}

#[cfg(test)]
mod tests;
