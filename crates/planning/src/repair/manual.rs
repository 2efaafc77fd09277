//! Changes by hand: a person moves a load to another vehicle, swaps the vehicles of two trips, splits a load. Each is timed
//! over both tiers and judged by the checker like any offer; what it would break comes back as reasons.

use super::edit::{Trial, recount};
use super::{NoOffer, Offer, Running, ways};
use crate::check::Violation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{Handling, Lock, Plan, Trip, TripKind, VisitLock};
use xiangyun_model::site::SiteKind;

/// A change by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// A load, named by itself or by one of its orders, rides on another vehicle.
    Move {
        /// Load or order.
        load: String,
        /// The vehicle.
        vehicle: String,
    },
    /// Everything that is done at a stop is done by another vehicle.
    MoveStop {
        /// The visit.
        visit: String,
        /// The vehicle.
        vehicle: String,
    },
    /// Two trips that have not begun change vehicles and drivers.
    Swap {
        /// One trip.
        trip: String,
        /// The other.
        other: String,
    },
    /// Some orders of a load become a load of their own, on another vehicle if one is named.
    Split {
        /// The load.
        load: String,
        /// Orders of the new load.
        orders: Vec<String>,
        /// Its vehicle.
        vehicle: Option<String>,
    },
}

/// Why a change by hand is not made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoEdit {
    /// A name that the plan does not have.
    #[error("{0} is not in the plan")]
    Unknown(String),
    /// It has happened, or begun.
    #[error("{0} has begun; what is done stays done")]
    Begun(String),
    /// The change is none, or makes no sense.
    #[error("{0}")]
    Senseless(String),
    /// A lock forbids it.
    #[error("visit {0} is locked")]
    Locked(String),
    /// The vehicle cannot carry it: layouts, tiers, places.
    #[error(
        "{vehicle} has no place for {what}: no trip of it passes both ends in time, and none can be added"
    )]
    NoPlace {
        /// What was to be moved.
        what: String,
        /// Where to.
        vehicle: String,
    },
    /// Loads would miss a ride.
    #[error("{} loads would miss a ride, first {}", .0.len(), .0.first().map_or("", String::as_str))]
    Misses(Vec<String>),
    /// The checker refuses the result.
    #[error("it would break {} rules, first {}", .0.len(), .0.first().map_or("", |v| v.code))]
    Broken(Vec<Violation>),
}

impl Running {
    /// A change by hand as an offer; [`Running::accept`] makes it the plan.
    ///
    /// # Errors
    /// [`NoEdit`] with the reasons; nothing is changed.
    pub fn edit(&self, edit: &Edit, locks: &[VisitLock]) -> Result<Offer, NoEdit> {
        let mut trial = self.trial();
        match edit {
            Edit::Move { load, vehicle } => self.move_anywhere(&mut trial, load, vehicle)?,
            Edit::MoveStop { visit, vehicle } => {
                let found = self.plan.trips.iter().flat_map(|t| &t.visits).find(|v| v.id == *visit);
                let found = found.ok_or_else(|| NoEdit::Unknown(format!("visit {visit}")))?;
                let site = self.names.site(&found.site);
                let loads: Vec<String> =
                    found.load.iter().chain(&found.unload).map(|h| h.load.clone()).collect();
                if loads.is_empty() {
                    return Err(NoEdit::Senseless(format!("nothing is done at visit {visit}")));
                }
                for load in loads {
                    self.move_load(&mut trial, &load, vehicle, Some(site))?;
                }
            }
            Edit::Swap { trip, other } => self.swap(&mut trial, trip, other)?,
            Edit::Split { load, orders, vehicle } => {
                let new = self.split(&mut trial, load, orders)?;
                if let Some(vehicle) = vehicle {
                    self.move_anywhere(&mut trial, &new, vehicle)?;
                }
            }
        }
        let missed = trial.retime(&self.inputs, &self.progress, &self.names);
        if !missed.is_empty() {
            return Err(NoEdit::Misses(missed));
        }
        let judged = self.verdict(&trial.plan);
        let broken = judged.more_than(self.before());
        if !broken.is_empty() {
            return Err(NoEdit::Broken(broken));
        }
        if let Some(visit) = unlocked(&self.plan, &trial.plan, locks) {
            return Err(NoEdit::Locked(visit));
        }
        self.priced(&trial, Vec::new()).map_err(|err| match err {
            NoOffer::Budget { .. } => NoEdit::Senseless(err.to_string()),
            _ => NoEdit::Broken(Vec::new()),
        })
    }

    /// The load that is meant: by its own id, or by an order in it.
    fn load_named(&self, plan: &Plan, name: &str) -> Result<usize, NoEdit> {
        let at = plan.loads.iter().position(|l| l.id == name);
        let at = at.or_else(|| plan.loads.iter().position(|l| l.orders.iter().any(|o| o == name)));
        let at = at.ok_or_else(|| NoEdit::Unknown(format!("load or order {name}")))?;
        let begun = plan.loads[at].legs.first().is_some_and(|l| self.progress.visits.contains_key(&l.from));
        if begun { Err(NoEdit::Begun(format!("load {}", plan.loads[at].id))) } else { Ok(at) }
    }

    /// The vehicle takes a load over at its village if it can, else on any ride.
    fn move_anywhere(&self, trial: &mut Trial, name: &str, vehicle: &str) -> Result<(), NoEdit> {
        let county = &self.inputs.county;
        let at = self.load_named(&trial.plan, name)?;
        let ends = [&trial.plan.loads[at].destination, &trial.plan.loads[at].origin];
        let is_village = |s: &SiteId| !matches!(county.site(*s).kind, SiteKind::Hub | SiteKind::Station);
        let village = ends.into_iter().map(|s| self.names.site(s)).find(is_village);
        if village.is_some() {
            let mut there = trial.clone();
            if self.move_load(&mut there, name, vehicle, village).is_ok() {
                *trial = there;
                return Ok(());
            }
        }
        self.move_load(trial, name, vehicle, None)
    }

    /// `end` is a place where the vehicle itself must take the load on or off.
    fn move_load(
        &self,
        trial: &mut Trial,
        name: &str,
        vehicle: &str,
        end: Option<SiteId>,
    ) -> Result<(), NoEdit> {
        if !self.names.vehicles.contains_key(vehicle) {
            return Err(NoEdit::Unknown(format!("vehicle {vehicle}")));
        }
        let at = self.load_named(&trial.plan, name)?;
        let mut load = trial.plan.loads.remove(at);
        let rides: Vec<String> = load.legs.iter().map(|l| l.trip.clone()).collect();
        if rides.iter().any(|t| trial.plan.trip(t).is_some_and(|t| t.vehicle == vehicle)) {
            trial.plan.loads.insert(at, load);
            return Err(NoEdit::Senseless(format!("{name} rides on {vehicle} already")));
        }
        trial.drop_load(&load.id);
        load.legs.clear();
        trial.prune(&self.progress);
        trial.retime(&self.inputs, &self.progress, &self.names);
        let wanted = |plan: &Plan, way: &ways::Way| {
            let touches = |ride: &&ways::Ride| end.is_none_or(|s| ride.from == s || ride.to == s);
            way.rides.iter().filter(touches).any(|ride| match (&ride.new, ride.trip) {
                (Some(new), _) => self.inputs.county.vehicle(new.vehicle).id.as_str() == vehicle,
                (None, Some(t)) => plan.trips[t].vehicle == vehicle,
                (None, None) => false,
            })
        };
        let one = std::slice::from_ref(&load);
        let placed = self.place_where(&trial.plan, one, self.before(), super::WAYS_TRIED_MAX, wanted);
        placed.map(|(next, _)| *trial = next).map_err(|(_, reasons)| {
            if reasons.is_empty() {
                NoEdit::NoPlace { what: name.to_owned(), vehicle: vehicle.to_owned() }
            } else {
                NoEdit::Broken(reasons)
            }
        })
    }

    fn untouched<'p>(&self, plan: &'p Plan, id: &str) -> Result<&'p Trip, NoEdit> {
        let trip = plan.trip(id).filter(|t| t.kind != TripKind::Line);
        let trip = trip.ok_or_else(|| NoEdit::Unknown(format!("trip {id}")))?;
        let begun = trip.visits.iter().any(|v| self.progress.visits.contains_key(&v.id));
        if begun { Err(NoEdit::Begun(format!("trip {id}"))) } else { Ok(trip) }
    }

    fn swap(&self, trial: &mut Trial, one: &str, other: &str) -> Result<(), NoEdit> {
        let (a, b) = (self.untouched(&trial.plan, one)?.clone(), self.untouched(&trial.plan, other)?.clone());
        if a.vehicle == b.vehicle {
            return Err(NoEdit::Senseless(format!("{one} and {other} are trips of one vehicle")));
        }
        for (trip, from) in [(&a, &b), (&b, &a)] {
            let unknown = || NoEdit::Unknown(format!("vehicle {}", from.vehicle));
            let at = *self.names.vehicles.get(&from.vehicle).ok_or_else(unknown)?;
            let vehicle = &self.inputs.county.vehicles[at];
            let Some((layout, rooms)) = self.layout_like(vehicle, trip) else {
                return Err(NoEdit::NoPlace { what: trip.id.clone(), vehicle: from.vehicle.clone() });
            };
            self.ride_with(trial, &trip.id, vehicle, (layout, &rooms), from.driver.clone(), from.number);
        }
        Ok(())
    }

    /// Gives the id of the new load.
    fn split(&self, trial: &mut Trial, name: &str, orders: &[String]) -> Result<String, NoEdit> {
        let at = self.load_named(&trial.plan, name)?;
        let mut rest = trial.plan.loads[at].clone();
        let stays = rest.orders.iter().filter(|o| !orders.contains(o)).count();
        if let Some(foreign) = orders.iter().find(|o| !rest.orders.contains(o)) {
            return Err(NoEdit::Unknown(format!("order {foreign} in load {}", rest.id)));
        }
        if orders.is_empty() || stays == 0 {
            return Err(NoEdit::Senseless("some orders must go and some must stay".into()));
        }
        let known = |id: &str| trial.plan.loads.iter().any(|l| l.id == id);
        let free = (1..).map(|n| format!("{}-s{n}", rest.id)).find(|id| !known(id)).expect("a free number");
        let mut new = rest.clone();
        new.id.clone_from(&free);
        new.orders.retain(|o| orders.contains(o));
        rest.orders.retain(|o| !orders.contains(o));
        recount(&mut new, &self.inputs, &self.names);
        recount(&mut rest, &self.inputs, &self.names);
        for leg in &new.legs {
            let handling = Handling { load: free.clone(), compartment: leg.compartment.clone() };
            for visit in trial.plan.trips.iter_mut().filter(|t| t.id == leg.trip).flat_map(|t| &mut t.visits)
            {
                if visit.id == leg.from {
                    visit.load.push(handling.clone());
                }
                if visit.id == leg.to {
                    visit.unload.push(handling.clone());
                }
            }
        }
        trial.plan.loads[at] = rest;
        trial.plan.loads.push(new);
        Ok(free)
    }
}

/// The first locked visit that does not keep what its lock says.
pub(super) fn unlocked(before: &Plan, after: &Plan, locks: &[VisitLock]) -> Option<String> {
    fn places(plan: &Plan) -> BTreeMap<&str, (&str, Vec<&str>)> {
        plan.trips
            .iter()
            .flat_map(|t| {
                let ids: Vec<&str> = t.visits.iter().map(|v| v.id.as_str()).collect();
                t.visits
                    .iter()
                    .enumerate()
                    .map(move |(i, v)| (v.id.as_str(), (t.vehicle.as_str(), ids[..=i].to_vec())))
            })
            .collect()
    }
    let (was, is) = (places(before), places(after));
    let keeps = |lock: &VisitLock| match (was.get(lock.visit.as_str()), is.get(lock.visit.as_str())) {
        (Some((v, ids)), Some((w, now))) => match lock.lock {
            Lock::Free => true,
            Lock::FixedVehicle => v == w,
            Lock::FixedOrder | Lock::Done => v == w && ids == now,
        },
        (None, _) => true,
        (Some(_), None) => lock.lock == Lock::Free,
    };
    locks.iter().find(|lock| !keeps(lock)).map(|lock| lock.visit.clone())
}
