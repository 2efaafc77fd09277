//! The day as a one-tier problem for other solvers: every load goes straight between the hub and its place, as if all
//! vehicles stood at the hub and there were no stations (baseline (d)).
//!
//! Two views of the same visits. VROOM's: one matrix a profile whose durations are the costs, jobs with delivery and
//! pickup in g, cm³ and pieces, one vehicle for each trip slot of a crew, no compartments, breaks or reloads. Our own:
//! compartments by band, several trips a vehicle, release times, the rest rule, costs in thousandths of a fen.

use crate::day::Day;
use crate::inputs::Inputs;
use jiff::civil::Date;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::fleet::{Layout, VehicleKind};
use xiangyun_model::id::{BandId, SiteId};
use xiangyun_model::order::Order;
use xiangyun_model::time::Window;
use xiangyun_model::units::Amount;
use xiangyun_solver::io::rich::model::{Driving, FORMAT, Job, Matrix, Reload, Rich, VERSION, Vehicle};
use xiangyun_solver::io::rich::value::{HOLE, Int, Row};

/// Goods of one place released within one slot of this length ride in one visit, as far as a small van holds them.
const SLOT_S: i64 = 6 * 3600;
/// Part of the smallest vehicle that one visit may fill: one in so many.
const VISITS_A_VAN: i64 = 2;
/// Thousandths of a fen in a fen: prices by the metre stay whole.
const MILLI: i64 = 1_000;

/// A visit before it is written down.
#[derive(Clone, Debug)]
struct Visit {
    site: SiteId,
    release_s: i64,
    windows: Vec<Window>,
    service_s: i64,
    /// What is brought and taken, by band.
    delivery: BTreeMap<BandId, Amount>,
    pickup: BTreeMap<BandId, Amount>,
}

/// The one-tier problem of a day.
#[derive(Debug)]
pub struct OneTier<'a> {
    day: &'a Day<'a>,
    /// Sites that appear, the hub first: places of the matrices.
    places: Vec<SiteId>,
    visits: Vec<Visit>,
}

impl<'a> OneTier<'a> {
    /// Gathers the day's goods into visits. Goods between two places of the county are a pickup at one and a
    /// delivery at the other; goods that miss their wave stay out.
    #[must_use]
    pub fn new(day: &'a Day<'a>) -> Self {
        let hub = day.county.hub;
        let most = smallest_room(day);
        let mut open: BTreeMap<(SiteId, i64), Vec<Visit>> = BTreeMap::new();
        for order in day.orders {
            let Some(release_s) = day.release_s(order) else { continue };
            let (from, to) = (order.origin, day.end_of(order));
            for (site, down) in [(from, false), (to, true)] {
                if site != hub && from != to {
                    // What is only picked up need not wait for a wave at the hub, but for its own readiness.
                    let ready = if down { release_s } else { order.ready_s };
                    add(day, &mut open, most, order, site, down, ready);
                }
            }
        }
        let visits: Vec<Visit> = open.into_values().flatten().filter(|v| !v.windows.is_empty()).collect();
        let sites: BTreeSet<SiteId> = visits.iter().map(|v| v.site).filter(|&s| s != hub).collect();
        let places = std::iter::once(hub).chain(sites).collect();
        Self { day, places, visits }
    }

    fn place(&self, site: SiteId) -> usize {
        self.places[1..].binary_search(&site).map_or(0, |at| at + 1)
    }

    /// Seconds and metres of a profile between the places, in the band in which most crews start.
    fn matrix(&self, profile: usize) -> Matrix {
        let start = self.day.crews.iter().map(|c| c.window.from_s).min().unwrap_or(0);
        let band = self.day.travel.band(profile, start);
        let row = |from: &SiteId, metres: bool| {
            let cell = |to: &SiteId| match self.day.travel.leg(profile, band, from.index(), to.index()) {
                Some((seconds, length)) => {
                    if metres {
                        length
                    } else {
                        seconds
                    }
                }
                None => HOLE,
            };
            Row(self.places.iter().map(cell).collect())
        };
        Matrix {
            durations: self.places.iter().map(|from| row(from, false)).collect(),
            distances: self.places.iter().map(|from| row(from, true)).collect(),
        }
    }

    fn profiles(&self) -> BTreeMap<String, usize> {
        let name = |crew: &crate::day::Crew| self.day.county.vehicle(crew.vehicle).profile.clone();
        self.day.crews.iter().map(|crew| (name(crew), crew.profile)).collect()
    }

    /// A visit's window for a vehicle that leaves the hub at the release or later.
    fn after_release(&self, visit: &Visit) -> Vec<Window> {
        let least = self
            .profiles()
            .values()
            .filter_map(|&profile| {
                let band = self.day.travel.band(profile, visit.release_s);
                let leg = self.day.travel.leg(profile, band, self.day.county.hub.index(), visit.site.index());
                leg.map(|(seconds, _)| seconds)
            })
            .min()
            .unwrap_or(0);
        let from_s = if visit.delivery.is_empty() { visit.release_s } else { visit.release_s + least };
        let cut = |w: &Window| Window { from_s: w.from_s.max(from_s), to_s: w.to_s };
        visit.windows.iter().map(cut).filter(|w| w.from_s <= w.to_s).collect()
    }

    /// VROOM's input.
    #[must_use]
    pub fn vroom(&self) -> serde_json::Value {
        let list = |a: Amount| [a.g, a.cm3, a.pieces];
        let sum = |parts: &BTreeMap<BandId, Amount>| list(parts.values().copied().sum());
        let mut jobs = Vec::new();
        for visit in &self.visits {
            let windows: Vec<[i64; 2]> =
                self.after_release(visit).iter().map(|w| [w.from_s, w.to_s]).collect();
            if windows.is_empty() {
                continue;
            }
            let site = self.day.county.site(visit.site);
            let mut job = json!({
                "id": jobs.len() + 1,
                "description": site.id.as_str(),
                "location_index": self.place(visit.site),
                "service": visit.service_s,
                "delivery": sum(&visit.delivery),
                "pickup": sum(&visit.pickup),
                "time_windows": windows,
            });
            if site.max_vehicle < VehicleKind::Truck {
                job["skills"] = json!([site.max_vehicle as u32 + 1]);
            }
            jobs.push(job);
        }
        let mut vehicles = Vec::new();
        for crew in &self.day.crews {
            let vehicle = self.day.county.vehicle(crew.vehicle);
            let room = largest_room(&vehicle.layouts, vehicle.payload_g);
            let slots = i64::from(vehicle.trips_max.clamp(1, 12));
            let skills: Vec<u32> =
                (0..3).filter(|&size| vehicle.kind as u32 <= size).map(|size| size + 1).collect();
            for slot in 0..slots {
                let at =
                    |part: i64| crew.window.from_s + (crew.window.to_s - crew.window.from_s) * part / slots;
                vehicles.push(json!({
                    "id": vehicles.len() + 1,
                    "description": format!("{} {}", vehicle.id, slot + 1),
                    "profile": vehicle.profile,
                    "start_index": 0,
                    "end_index": 0,
                    "capacity": list(room),
                    "skills": skills,
                    "time_window": [at(slot), at(slot + 1)],
                }));
            }
        }
        let mut matrices = serde_json::Map::new();
        for (name, profile) in self.profiles() {
            let matrix = self.matrix(profile);
            let hole = |v: &i64| if *v == HOLE { i64::from(u32::MAX) } else { *v };
            let rows: Vec<Vec<i64>> =
                matrix.durations.iter().map(|row| row.0.iter().map(hole).collect()).collect();
            matrices.insert(name, json!({ "durations": rows }));
        }
        json!({ "jobs": jobs, "vehicles": vehicles, "matrices": matrices })
    }

    /// Our own format.
    #[must_use]
    pub fn rich(&self, name: &str) -> Rich {
        let county = self.day.county;
        let bands: Vec<BandId> = (0..county.bands.len()).map(BandId::at).collect();
        let unit_names = ["g", "cm3", "pieces"];
        let dimensions = bands
            .iter()
            .flat_map(|&b| unit_names.map(|unit| format!("{} {unit}", county.band(b).id)))
            .collect();
        let loads = |parts: &BTreeMap<BandId, Amount>| -> Vec<Int> {
            let of = |b: &BandId| parts.get(b).copied().unwrap_or(Amount::ZERO);
            bands.iter().map(of).flat_map(|a| [Int(a.g), Int(a.cm3), Int(a.pieces)]).collect()
        };
        let job = |(at, visit): (usize, &Visit)| {
            let site = county.site(visit.site);
            Job {
                id: format!("{} {}", site.id, at + 1),
                place: Int(self.place(visit.site) as i64),
                delivery: loads(&visit.delivery),
                pickup: loads(&visit.pickup),
                service: Int(visit.service_s),
                release: Int(if visit.delivery.is_empty() { 0 } else { visit.release_s }),
                windows: self.after_release(visit).iter().map(|w| (Int(w.from_s), Int(w.to_s))).collect(),
                skills: size_skill(site.max_vehicle),
                ..Job::default()
            }
        };
        let jobs =
            self.visits.iter().filter(|v| !self.after_release(v).is_empty()).enumerate().map(job).collect();
        let vehicles = self.day.crews.iter().map(|crew| self.vehicle(crew, &bands)).collect();
        let matrices =
            self.profiles().into_iter().map(|(name, profile)| (name, self.matrix(profile))).collect();
        Rich {
            format: FORMAT.into(),
            version: VERSION,
            name: name.into(),
            dimensions,
            jobs,
            vehicles,
            matrices,
            ..Rich::default()
        }
    }

    fn vehicle(&self, crew: &crate::day::Crew, bands: &[BandId]) -> Vehicle {
        let county = self.day.county;
        let vehicle = county.vehicle(crew.vehicle);
        let layout = |layout: &Layout| -> Vec<Int> {
            let room = |&band: &BandId| -> Amount {
                let own = layout.compartments.iter().filter(|c| c.band == band);
                let sum: Amount = own.map(|c| c.room).sum();
                if !sum.is_zero() {
                    return sum;
                }
                // A band without its own compartment may ride where it is kept as well, if that is no band's own.
                let free = layout
                    .compartments
                    .iter()
                    .filter(|c| county.in_band(band, c.band) && !bands.contains(&c.band));
                free.map(|c| c.room).sum()
            };
            bands.iter().map(room).flat_map(|a| [Int(a.g), Int(a.cm3), Int(a.pieces)]).collect()
        };
        let skills =
            VehicleKind::ALL.iter().filter(|&&size| vehicle.kind <= size).flat_map(|&size| size_skill(size));
        Vehicle {
            id: vehicle.id.to_string(),
            profile: vehicle.profile.clone(),
            start: Some(Int(0)),
            end: Some(Int(0)),
            shift: Some((Int(crew.window.from_s), Int(crew.window.to_s))),
            layouts: vehicle.layouts.iter().map(layout).collect(),
            skills: skills.collect(),
            fixed: Int(vehicle.fixed_fen * MILLI),
            per_distance: Int(vehicle.km_fen),
            max_distance: crew.range_m.map(Int),
            max_trips: Int(i64::from(vehicle.trips_max.clamp(1, 12))),
            reloads: vec![Reload { place: Int(0), ..Reload::default() }],
            driving: Some(Driving {
                max_driving: Int(county.rules.drive_max_s),
                rest: Int(county.rules.rest_s),
            }),
            ..Vehicle::default()
        }
    }
}

fn size_skill(largest: VehicleKind) -> Vec<String> {
    match largest {
        VehicleKind::MicroVan => vec!["micro van".into()],
        VehicleKind::Van => vec!["van or smaller".into()],
        VehicleKind::Truck | VehicleKind::Bus => Vec::new(),
    }
}

/// Adds an order's goods to the last visit of its place and slot, or begins another when that is full.
fn add(
    day: &Day<'_>,
    open: &mut BTreeMap<(SiteId, i64), Vec<Visit>>,
    most: Amount,
    order: &Order,
    site: SiteId,
    down: bool,
    release_s: i64,
) {
    let place = day.county.site(site);
    let windows = if down { &day.windows[site.index()] } else { &day.staffed[site.index()] };
    let visits = open.entry((site, release_s.div_euclid(SLOT_S))).or_default();
    let total = |v: &Visit| {
        if down { v.delivery.values().copied().sum::<Amount>() } else { v.pickup.values().copied().sum() }
    };
    let full = visits.last().is_none_or(|v| !(total(v) + order.amount).fits(most));
    if full {
        visits.push(Visit {
            site,
            release_s,
            windows: windows.clone(),
            service_s: place.service_s,
            delivery: BTreeMap::new(),
            pickup: BTreeMap::new(),
        });
    }
    let Some(visit) = visits.last_mut() else { return };
    visit.release_s = visit.release_s.max(release_s);
    if !down {
        visit.windows.clone_from(&day.staffed[site.index()]);
    }
    visit.service_s += place.unit_s * order.amount.pieces;
    let band = day.county.class(order.class).band;
    let parts = if down { &mut visit.delivery } else { &mut visit.pickup };
    *parts.entry(band).or_insert(Amount::ZERO) += order.amount;
}

/// Room of the largest layout, payload considered.
fn largest_room(layouts: &[Layout], payload_g: i64) -> Amount {
    let rooms = layouts.iter().map(|l| l.compartments.iter().map(|c| c.room).sum::<Amount>());
    let room = rooms.max_by_key(|room| room.cm3).unwrap_or(Amount::ZERO);
    Amount { g: room.g.min(payload_g), ..room }
}

/// A part of the smallest vehicle, so that every vehicle can make every visit.
fn smallest_room(day: &Day<'_>) -> Amount {
    let room = |crew: &crate::day::Crew| {
        let vehicle = day.county.vehicle(crew.vehicle);
        largest_room(&vehicle.layouts, vehicle.payload_g)
    };
    let least = |f: fn(Amount) -> i64| day.crews.iter().map(|c| f(room(c))).min().unwrap_or(0) / VISITS_A_VAN;
    Amount { g: least(|a| a.g), cm3: least(|a| a.cm3), pieces: least(|a| a.pieces) }
}

/// Orders of the inputs as the day takes them.
#[must_use]
pub fn orders_of(inputs: &Inputs) -> Vec<Order> {
    inputs.orders.iter().map(|row| row.order.clone()).collect()
}

/// The day of a plan's inputs.
#[must_use]
pub fn day<'a>(inputs: &'a Inputs, orders: &'a [Order], date: Date) -> Day<'a> {
    Day::new(&inputs.county, date, orders, &inputs.travel, &inputs.opening)
}
