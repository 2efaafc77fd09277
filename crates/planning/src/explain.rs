//! Why an order, a stop or a vehicle is where it is, from a plan directory alone.

use serde::Serialize;
use xiangyun_model::plan::{Load, Plan, Reason, Repair, Trip, Visit};
use xiangyun_model::time::DayTime;

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
        /// Metres and seconds that the detour by this stop adds to its trip.
        detour: Option<(i64, i64)>,
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
pub fn explain(plan: &Plan, known_vehicles: &[String], name: &str) -> Option<Explanation> {
    order(plan, name).or_else(|| stop(plan, name)).or_else(|| vehicle(plan, known_vehicles, name))
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

fn stop(plan: &Plan, name: &str) -> Option<Explanation> {
    let (trip, at) = visit(plan, name)?;
    Some(Explanation::Stop {
        trip: trip.id.clone(),
        vehicle: trip.vehicle.clone(),
        slack_s: at.latest - at.start,
        detour: None,
        visit: Box::new(at.clone()),
    })
}

fn vehicle(plan: &Plan, known: &[String], name: &str) -> Option<Explanation> {
    let mine: Vec<&Trip> = plan.trips.iter().filter(|t| t.vehicle == name).collect();
    if mine.is_empty() {
        return known.iter().any(|v| v == name).then(|| Explanation::Idle { vehicle: name.into() });
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

/// The explanation in plain words, Chinese or English.
#[must_use]
pub fn words(found: &Explanation, chinese: bool) -> String {
    let say = |zh: String, en: String| if chinese { zh } else { en };
    let t = DayTime;
    match found {
        Explanation::Carried { order, load, rides, slack_s } => {
            let mut text = say(
                format!("运单 {order} 在装载 {} 中，{} 件同行\n", load.id, load.orders.len()),
                format!("order {order} rides in load {} with {} orders\n", load.id, load.orders.len()),
            );
            for r in rides {
                text += &say(
                    format!(
                        "  {}：{} {} 装车 → {} {} 卸车，可晚 {} 分钟\n",
                        r.vehicle,
                        t(r.at),
                        r.from,
                        t(r.until),
                        r.to,
                        r.slack_s / 60
                    ),
                    format!(
                        "  {}: boards at {} {}, leaves at {} {}; may be {} min later\n",
                        r.vehicle,
                        r.from,
                        t(r.at),
                        r.to,
                        t(r.until),
                        r.slack_s / 60
                    ),
                );
            }
            text + &say(
                format!("  距承诺还有 {} 分钟", slack_s / 60),
                format!("  {} min before its promise", slack_s / 60),
            )
        }
        Explanation::Left { order, site, reasons, repair, new_date } => {
            let date = new_date.clone().unwrap_or_default();
            let mut text = say(
                format!("运单 {order} 今天留在 {site}，改期 {date}\n"),
                format!("order {order} stays at {site} today, new date {date}\n"),
            );
            for r in reasons {
                let limit = serde_json::to_value(r.limit)
                    .ok()
                    .and_then(|v| v.as_str().map(str::to_owned))
                    .unwrap_or_default();
                text += &say(
                    format!(
                        "  {}：{limit}（{}），需要 {} {}，只有 {}\n",
                        r.vehicle_kind, r.at, r.needs, r.unit, r.has
                    ),
                    format!(
                        "  {}: {limit} at {}, needs {} {}, has {}\n",
                        r.vehicle_kind, r.at, r.needs, r.unit, r.has
                    ),
                );
            }
            let action = serde_json::to_value(repair.action)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default();
            text + &say(
                format!(
                    "  最省的办法：{action} {} {} {}，{} 分",
                    repair.subject, repair.by, repair.unit, repair.cost_fen
                ),
                format!(
                    "  cheapest repair: {action} {} by {} {}, {} fen",
                    repair.subject, repair.by, repair.unit, repair.cost_fen
                ),
            )
        }
        Explanation::Stop { trip, vehicle, visit, slack_s, .. } => say(
            format!(
                "{}：{vehicle} 的 {trip}，{} 到 {}，{} 离开；卸 {} 装 {}；可晚 {} 分钟",
                visit.id,
                t(visit.arrive),
                visit.site,
                t(visit.depart),
                visit.unload.len(),
                visit.load.len(),
                slack_s / 60
            ),
            format!(
                "{}: {vehicle} on {trip} comes to {} at {}, leaves at {}; {} loads off, {} on; may be {} min later",
                visit.id,
                visit.site,
                t(visit.arrive),
                t(visit.depart),
                visit.unload.len(),
                visit.load.len(),
                slack_s / 60
            ),
        ),
        Explanation::Vehicle { vehicle, trips, tightest } => {
            let mut text = say(format!("车辆 {vehicle}\n"), format!("vehicle {vehicle}\n"));
            for r in trips {
                text += &say(
                    format!(
                        "  {}：{}–{}，{} 站，{} 米，{} 分\n",
                        r.trip,
                        t(r.from),
                        t(r.to),
                        r.stops,
                        r.metres,
                        r.cost_fen
                    ),
                    format!(
                        "  {}: {}-{}, {} stops, {} m, {} fen\n",
                        r.trip,
                        t(r.from),
                        t(r.to),
                        r.stops,
                        r.metres,
                        r.cost_fen
                    ),
                );
            }
            let (id, s) = tightest.clone().unwrap_or_default();
            text + &say(
                format!("  最紧的一站：{id}，{} 分钟", s / 60),
                format!("  tightest stop: {id}, {} min", s / 60),
            )
        }
        Explanation::Idle { vehicle } => say(
            format!("车辆 {vehicle} 今天不出车"),
            format!("vehicle {vehicle} stays at home today: the rest of the fleet does the day for less"),
        ),
    }
}
