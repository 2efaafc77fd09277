//! Why an order, a stop or a vehicle is where it is, from a plan directory alone.

mod words;

use crate::inputs::Inputs;
use serde::Serialize;
pub use words::words;
use xiangyun_model::county::County;
use xiangyun_model::plan::{Load, Plan, Reason, Repair, Trip, TripKind, Visit};

/// What is asked about, found in a plan.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Explanation {
    /// An order that a load carries.
    Carried {
        /// The order.
        order: String,
        /// Its load.
        load: Box<Load>,
        /// Where it boards and leaves: site, from, to, vehicle.
        rides: Vec<Ride>,
        /// Seconds between the hand-over and the promise.
        slack_s: i64,
    },
    /// An order that stays.
    Left {
        /// The order.
        order: String,
        /// Where.
        site: String,
        /// Why, by kind of vehicle.
        reasons: Vec<Reason>,
        /// The cheapest repair.
        repair: Repair,
        /// The new date.
        new_date: Option<String>,
    },
    /// A stop.
    Stop {
        /// The trip it belongs to.
        trip: String,
        /// The vehicle.
        vehicle: String,
        /// The visit.
        visit: Box<Visit>,
        /// Seconds it may be later with everything after it in both tiers still holding.
        slack_s: i64,
        /// What the way by this stop adds to its trip; `None` at the trip's ends and on lines.
        detour: Option<Detour>,
        /// The other vehicle that passes nearest, and what the way by this stop would add to its trip.
        elsewhere: Option<Elsewhere>,
    },
    /// A vehicle's day.
    Vehicle {
        /// The vehicle.
        vehicle: String,
        /// Its trips: id, from, to, visits, metres, price in fen.
        trips: Vec<VehicleTrip>,
        /// The tightest visit: id and seconds of slack.
        tightest: Option<(String, i64)>,
    },
    /// A vehicle that stays at home.
    Idle {
        /// The vehicle.
        vehicle: String,
    },
}

/// What going by a place adds to a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Detour {
    /// Metres.
    pub metres: i64,
    /// Seconds of driving.
    pub drive_s: i64,
    /// Seconds of the stop itself.
    pub stop_s: i64,
    /// Distance and crew at the vehicle's and driver's prices.
    pub cost_fen: i64,
}

/// A place on another vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The vehicle.
    pub vehicle: String,
    /// The trip.
    pub trip: String,
    /// What the place would add to it. Whether its goods would fit is not judged here.
    pub detour: Detour,
}

/// A ride in words.
#[derive(Clone, Debug, Serialize)]
pub struct Ride {
    /// The vehicle.
    pub vehicle: String,
    /// The trip.
    pub trip: String,
    /// Boards here.
    pub from: String,
    /// At.
    pub at: i64,
    /// Leaves here.
    pub to: String,
    /// At.
    pub until: i64,
    /// Seconds the boarding may be later.
    pub slack_s: i64,
}

/// A trip in one line.
#[derive(Clone, Debug, Serialize)]
pub struct VehicleTrip {
    /// The trip.
    pub trip: String,
    /// Leaves.
    pub from: i64,
    /// Is back.
    pub to: i64,
    /// Stops away from its base.
    pub stops: usize,
    /// Metres.
    pub metres: i64,
    /// Price in fen.
    pub cost_fen: i64,
}

/// Looks a name up among orders, stops and vehicles, in this order.
#[must_use]
pub fn explain(plan: &Plan, inputs: &Inputs, name: &str) -> Option<Explanation> {
    order(plan, name).or_else(|| stop(plan, inputs, name)).or_else(|| vehicle(plan, &inputs.county, name))
}

fn visit<'p>(plan: &'p Plan, id: &str) -> Option<(&'p Trip, &'p Visit)> {
    plan.trips.iter().find_map(|t| t.visits.iter().find(|v| v.id == id).map(|v| (t, v)))
}

fn order(plan: &Plan, name: &str) -> Option<Explanation> {
    if let Some(load) = plan.loads.iter().find(|l| l.orders.iter().any(|o| o == name)) {
        let ride = |leg: &xiangyun_model::plan::Leg| {
            let (trip, from) = visit(plan, &leg.from)?;
            let (_, to) = visit(plan, &leg.to)?;
            Some(Ride {
                vehicle: trip.vehicle.clone(),
                trip: trip.id.clone(),
                from: from.site.clone(),
                at: from.start,
                to: to.site.clone(),
                until: to.finish,
                slack_s: from.latest - from.start,
            })
        };
        return Some(Explanation::Carried {
            order: name.into(),
            rides: load.legs.iter().filter_map(ride).collect(),
            slack_s: load.due - load.arrives,
            load: Box::new(load.clone()),
        });
    }
    let left = plan.unassigned.iter().find(|u| u.order == name)?;
    Some(Explanation::Left {
        order: name.into(),
        site: left.site.clone(),
        reasons: left.reasons.clone(),
        repair: left.repair.clone(),
        new_date: plan.deferrals.iter().find(|d| d.order == name).map(|d| d.to.to_string()),
    })
}

fn stop(plan: &Plan, inputs: &Inputs, name: &str) -> Option<Explanation> {
    let (trip, at) = visit(plan, name)?;
    let place = trip.visits.iter().position(|v| v.id == name)?;
    let stop_s = at.finish - at.start;
    let away = place > 0 && place + 1 < trip.visits.len();
    let detour = away.then(|| {
        let ends = (trip.visits[place - 1].site.as_str(), trip.visits[place + 1].site.as_str());
        added(inputs, trip, ends, &at.site, stop_s)
    });
    Some(Explanation::Stop {
        trip: trip.id.clone(),
        vehicle: trip.vehicle.clone(),
        slack_s: at.latest - at.start,
        detour: detour.flatten(),
        elsewhere: away.then(|| elsewhere(plan, inputs, trip, at)).flatten(),
        visit: Box::new(at.clone()),
    })
}

/// What going from one place to another by a third adds to a trip.
fn added(inputs: &Inputs, trip: &Trip, (from, to): (&str, &str), by: &str, stop_s: i64) -> Option<Detour> {
    let county = &inputs.county;
    let profile = inputs.travel.profile(&trip.profile)?;
    let leg = |a: &str, b: &str| {
        let (a, b) = (county.find_site(a)?, county.find_site(b)?);
        inputs.travel.leg(profile, trip.band as usize, a.index(), b.index())
    };
    let (there, on, straight) = (leg(from, by)?, leg(by, to)?, leg(from, to)?);
    let (drive_s, metres) = (there.0 + on.0 - straight.0, there.1 + on.1 - straight.1);
    let vehicle = county.vehicles.iter().find(|v| v.id.as_str() == trip.vehicle)?;
    let driver = county.drivers.iter().find(|d| Some(d.id.as_str()) == trip.driver.as_deref())?;
    let cost_fen = vehicle.distance_fen(metres) + driver.crew_fen(drive_s + stop_s, 0).0;
    Some(Detour { metres, drive_s, stop_s, cost_fen })
}

/// The cheapest place for a stop on a trip of another vehicle of the same tier.
fn elsewhere(plan: &Plan, inputs: &Inputs, mine: &Trip, stop: &Visit) -> Option<Elsewhere> {
    let rounds = |kind: TripKind| matches!(kind, TripKind::Round | TripKind::Direct);
    let others =
        plan.trips.iter().filter(|t| t.vehicle != mine.vehicle && rounds(t.kind) == rounds(mine.kind));
    others
        .flat_map(|trip| trip.visits.windows(2).map(move |pair| (trip, pair)))
        .filter_map(|(trip, pair)| {
            let ends = (pair[0].site.as_str(), pair[1].site.as_str());
            added(inputs, trip, ends, &stop.site, stop.finish - stop.start).map(|detour| (trip, detour))
        })
        .min_by_key(|(trip, detour)| (detour.cost_fen, trip.id.clone()))
        .map(|(trip, detour)| Elsewhere { vehicle: trip.vehicle.clone(), trip: trip.id.clone(), detour })
}

fn vehicle(plan: &Plan, county: &County, name: &str) -> Option<Explanation> {
    let mine: Vec<&Trip> = plan.trips.iter().filter(|t| t.vehicle == name).collect();
    if mine.is_empty() {
        let known = county.vehicles.iter().any(|v| v.id.as_str() == name);
        return known.then(|| Explanation::Idle { vehicle: name.into() });
    }
    let tightest = mine
        .iter()
        .flat_map(|t| &t.visits)
        .filter(|v| !(v.load.is_empty() && v.unload.is_empty()))
        .min_by_key(|v| v.latest - v.start)
        .map(|v| (v.id.clone(), v.latest - v.start));
    let line = |t: &&Trip| VehicleTrip {
        trip: t.id.clone(),
        from: t.visits[0].depart,
        to: t.visits[t.visits.len() - 1].arrive,
        stops: t.visits.len().saturating_sub(2),
        metres: t.metres,
        cost_fen: t.cost_fen,
    };
    Some(Explanation::Vehicle { vehicle: name.into(), trips: mine.iter().map(line).collect(), tightest })
}
