//! From calls and trunk demands to problems of the search core, and from its routes back to drafts.
//!
//! Money inside the search core is thousandths of a fen, so that a metre and a second have whole prices. Handling by the
//! unit at the base is charged in time to the job that needs it: the core knows one loading time a trip, our timer the
//! true one.

use crate::consolidate::{Call, Cargo, Consolidated};
use crate::day::{Crew, Day};
use crate::rooms::{compartment_of, is_hardy};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::fleet::{Layout, VehicleKind};
use xiangyun_model::id::{BandId, SiteId, VehicleId};
use xiangyun_model::time::Window;
use xiangyun_model::units::Amount;
use xiangyun_solver::Problem;
use xiangyun_solver::problem as core;

/// Part of a room that boxes for the goods of one cold band take, in hundredths.
const BOXES_PERCENT: i64 = 8;
/// Thousandths of a fen in a fen.
pub const MILLI: i64 = 1000;
/// The hour whose band of the matrices the search core uses.
const SEARCH_BAND_S: i64 = 9 * 3600;
/// Seconds kept free at the end of a shift for what the core does not see: docks, unloading.
const SHIFT_RESERVE_S: i64 = 900;

/// The core's view of the day: matrices by profile, bits of skills.
pub struct Frames<'a> {
    /// The day.
    pub day: &'a Day<'a>,
    /// Its goods.
    pub goods: &'a Consolidated,
    matrices: Vec<core::Matrix>,
    /// Cold bands in groups: those of one group ride in the same compartment in every layout of the rounds.
    cold: Vec<Vec<BandId>>,
    /// For each size of vehicle, the bands that some vehicle of rounds up to that size has a compartment for.
    held: [Vec<BandId>; 4],
    /// Whether some vehicle of rounds has no cold room: cold goods then ride in boxes in its ordinary one.
    boxes: bool,
    /// Who came to which place in the evening plan, when its dawn is searched.
    pub usual: Option<Usual>,
}

/// Vehicles by the places they came to in an evening plan, and what another one costs in the eyes of the search.
#[derive(Clone, Debug, Default)]
pub struct Usual {
    /// Vans of rounds by place.
    pub vans: BTreeMap<SiteId, BTreeSet<VehicleId>>,
    /// Trucks of the trunk by station.
    pub trucks: BTreeMap<SiteId, BTreeSet<VehicleId>>,
    /// Price of a task done by another truck, in fen. It guides the search and stands in no account.
    pub other_truck_fen: i64,
}

/// A problem of the core with what its numbers stand for.
pub struct Framed {
    /// The problem.
    pub problem: Problem,
    /// What each job stands for, by job.
    pub jobs: Vec<u32>,
    /// The crew of each vehicle.
    pub crews: Vec<usize>,
}

/// One demand of the trunk at a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkTask {
    /// The station.
    pub site: SiteId,
    /// Loads brought there from the hub.
    pub drop: Vec<u32>,
    /// Loads taken from there to the hub.
    pub pick: Vec<u32>,
    /// Handling may begin.
    pub from_s: i64,
    /// Handling begins at the latest.
    pub to_s: i64,
    /// Wished: handling begins by then.
    pub wish_s: i64,
    /// What is dropped can be loaded at the hub.
    pub ready_s: i64,
}

/// What the rounds of a base are asked to carry.
pub enum RoundItem<'c> {
    /// A call.
    Call {
        /// Its number among the items.
        item: u32,
        /// The call as far as rounds carry it.
        call: Cow<'c, Call>,
        /// What it gets can be loaded at the base.
        release_s: i64,
        /// What it gives must be back at the base.
        back_by_s: i64,
    },
    /// A load from point to point, or between the base and a point.
    Local {
        /// Its number among the items.
        item: u32,
        /// The load.
        load: u32,
    },
}

/// Whether no layout of a crew's vehicle keeps anything cold.
fn has_no_cold_room(day: &Day<'_>, crew: &Crew) -> bool {
    let layouts = &day.county.vehicle(crew.vehicle).layouts;
    layouts.iter().flat_map(|l| &l.compartments).all(|room| !day.county.band(room.band).cold)
}

impl TrunkTask {
    /// A task at a station with nothing to do yet and all the time in the world.
    #[must_use]
    pub const fn at(site: SiteId) -> Self {
        let late = i64::MAX / 4;
        Self { site, drop: Vec::new(), pick: Vec::new(), from_s: 0, to_s: late, wish_s: late, ready_s: 0 }
    }
}

impl<'a> Frames<'a> {
    /// Prepares the matrices of a day.
    #[must_use]
    pub fn new(day: &'a Day<'a>, goods: &'a Consolidated) -> Self {
        let n = day.travel.sites;
        let matrices = (0..day.travel.tables.len())
            .map(|profile| {
                let band = &day.travel.tables[profile].bands[day.travel.band(profile, SEARCH_BAND_S)];
                let wide = |cells: &[u32]| -> Vec<i64> {
                    let cell =
                        |&c: &u32| if c == crate::travel::NO_WAY { core::NO_WAY } else { i64::from(c) };
                    cells.iter().map(cell).collect()
                };
                core::Matrix::dense(n, wide(&band.metres), wide(&band.seconds))
                    .expect("Travel::new checked the size")
            })
            .collect();
        let rounds = || day.crews.iter().filter(|c| !c.trunk).map(|c| day.county.vehicle(c.vehicle));
        let cold_room = |layout: &Layout, band: BandId| {
            compartment_of(day.county, layout, band, false)
                .filter(|&room| day.county.band(layout.compartments[room].band).cold)
        };
        let mut bands: Vec<BandId> = goods
            .cargo
            .iter()
            .filter(|c| !is_hardy(c))
            .map(|c| c.band)
            .filter(|&b| day.county.band(b).cold)
            .collect();
        bands.sort_unstable();
        bands.dedup();
        let held = [0, 1, 2, 3].map(|size| {
            let fits = |band: &BandId| {
                rounds()
                    .filter(|v| v.kind as usize <= size)
                    .any(|v| v.layouts.iter().any(|l| cold_room(l, *band).is_some()))
            };
            bands.iter().copied().filter(fits).collect()
        });
        let mut cold: Vec<Vec<BandId>> = Vec::new();
        for band in bands {
            let shares = |group: &&mut Vec<BandId>| {
                rounds()
                    .flat_map(|v| &v.layouts)
                    .all(|layout| cold_room(layout, band) == cold_room(layout, group[0]))
            };
            match cold.iter_mut().find(shares) {
                Some(group) => group.push(band),
                None => cold.push(vec![band]),
            }
        }
        cold.truncate(crate::limits::ROOMS_MAX);
        let boxes = day.crews.iter().any(|c| !c.trunk && has_no_cold_room(day, c));
        Self { day, goods, matrices, cold, held, boxes, usual: None }
    }

    /// Dimension block of a load on the rounds: 0 the ordinary room, 1.. the cold rooms. Where no vehicle that may come
    /// to the place has a cold room, cold goods ride in the ordinary one as long as they may be out of their band; so do
    /// hardy ones anywhere, if need be.
    fn room(&self, cargo: &Cargo) -> usize {
        if is_hardy(cargo) {
            return 0;
        }
        let sizes = [cargo.origin, cargo.destination].map(|s| self.day.county.site(s).max_vehicle as usize);
        let size = sizes.into_iter().min().unwrap_or(3).min(3);
        if !self.held[size].contains(&cargo.band) {
            return 0;
        }
        self.cold.iter().position(|group| group.contains(&cargo.band)).map_or(0, |at| at + 1)
    }

    /// Longest time aboard on a round that the goods of a call allow.
    fn aboard_max(&self, loads: &[u32]) -> Option<i64> {
        let limit = |&l: &u32| {
            let cargo = &self.goods.cargo[l as usize];
            // Half of the time out of band is left to the other legs.
            let cold = self.room(cargo) > 0 && !self.boxes;
            let warm = cargo.out_of_band_max_s.filter(|_| !cold).map(|most| most / 2);
            cargo.on_way_max_s.into_iter().chain(warm).min()
        };
        loads.iter().filter_map(limit).min()
    }

    fn loads(&self, which: &[u32], trunk: bool) -> Vec<i64> {
        let mut dims = vec![0; 3 * (1 + self.cold.len())];
        for &load in which {
            let cargo = &self.goods.cargo[load as usize];
            let block = 3 * if trunk { 0 } else { self.room(cargo) };
            dims[block] += cargo.amount.g;
            dims[block + 1] += cargo.amount.cm3;
            dims[block + 2] += cargo.amount.pieces;
        }
        dims
    }

    fn capacity(&self, layout: &Layout, payload_g: i64) -> Vec<i64> {
        let mut dims = vec![0; 3 * (1 + self.cold.len())];
        let mut set = |block: usize, room: Amount| {
            dims[3 * block] = room.g.min(payload_g);
            dims[3 * block + 1] = room.cm3;
            dims[3 * block + 2] = room.pieces;
        };
        if let Some(room) = layout.compartments.iter().find(|c| !self.day.county.band(c.band).cold) {
            set(0, room.room);
        }
        for (at, group) in self.cold.iter().enumerate() {
            let found = compartment_of(self.day.county, layout, group[0], false);
            if let Some(room) =
                found.map(|r| &layout.compartments[r]).filter(|r| self.day.county.band(r.band).cold)
            {
                set(at + 1, room.room);
            }
        }
        dims
    }

    /// What the layouts of a vehicle hold. One without any cold room may keep a part of its ordinary one for cold goods in
    /// boxes, as long as these may be out of their band.
    fn layouts(&self, crew: &Crew) -> Vec<Vec<i64>> {
        let vehicle = self.day.county.vehicle(crew.vehicle);
        let mut all: Vec<Vec<i64>> =
            vehicle.layouts.iter().map(|l| self.capacity(l, vehicle.payload_g)).collect();
        if !crew.trunk && !self.cold.is_empty() && has_no_cold_room(self.day, crew) {
            let mut parted = all[0].clone();
            for dim in 0..3 {
                let boxes = parted[dim] * BOXES_PERCENT / 100;
                parted[dim] -= boxes * self.cold.len() as i64;
                (1..=self.cold.len()).for_each(|block| parted[3 * block + dim] = boxes);
            }
            all.push(parted);
        }
        all
    }

    fn kind(&self, crew: &Crew) -> core::VehicleKind {
        let county = self.day.county;
        let (vehicle, driver) = (county.vehicle(crew.vehicle), county.driver(crew.driver));
        let base = core::PlaceId(crew.base.0);
        let loading = county.site(crew.base).service_s;
        let end = crew.window.to_s - SHIFT_RESERVE_S;
        core::VehicleKind {
            name: vehicle.id.to_string(),
            profile: core::ProfileId(crew.profile as u32),
            shift: core::Window::new(crew.window.from_s.max(0), end.max(crew.window.from_s.max(0))),
            loading,
            layouts: self.layouts(crew),
            skills: self.vehicle_skills(crew),
            fixed: vehicle.fixed_fen * MILLI,
            per_distance: vehicle.km_fen,
            per_time: driver.hour_fen * MILLI / 3600,
            max_distance: crew.range_m,
            max_trips: vehicle.trips_max,
            reloads: vec![core::Reload { place: base, loading: 2 * loading, window: core::Window::ALWAYS }],
            driving: Some(core::DrivingRule {
                max_driving: county.rules.drive_max_s,
                rest: county.rules.rest_s,
            }),
            ..core::VehicleKind::at(base, 1, Vec::new())
        }
    }

    /// Whether two crews may do the same, as far as the core sees.
    pub(crate) fn alike(&self, one: &Crew, other: &Crew) -> bool {
        core::VehicleKind { name: String::new(), ..self.kind(one) }
            == core::VehicleKind { name: String::new(), ..self.kind(other) }
    }

    /// Bits 0 to 31: carriers that it may take; 32 to 35: sizes of place that it may enter.
    fn vehicle_skills(&self, crew: &Crew) -> u128 {
        let vehicle = self.day.county.vehicle(crew.vehicle);
        let carriers = vehicle.excludes.iter().fold(u32::MAX, |bits, c| bits & !(1 << (c.index() % 32)));
        let sizes = (0..4)
            .filter(|&size| vehicle.kind as usize <= size)
            .fold(0_u128, |bits, size| bits | 1 << (32 + size));
        u128::from(carriers) | sizes
    }

    fn job_skills(&self, site: SiteId, loads: impl Iterator<Item = u32>) -> u128 {
        let carriers = loads.fold(0, |bits, l| bits | self.goods.cargo[l as usize].carriers);
        let size = self.day.county.site(site).max_vehicle as usize;
        u128::from(carriers) | 1 << (32 + size)
    }

    fn begin(&self, crews: &[usize]) -> core::ProblemBuilder {
        let names: Vec<String> = (0..3 * (1 + self.cold.len())).map(|d| format!("d{d}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut builder = core::ProblemBuilder::new(&names);
        for matrix in &self.matrices {
            builder.profile(matrix.clone());
        }
        for &crew in crews {
            builder.vehicles(self.kind(&self.day.crews[crew]));
        }
        for (at, class) in self.day.county.classes.iter().enumerate().take(32) {
            for other in &class.incompatible {
                builder.incompatible(at as u8, (other.index() % 32) as u8);
            }
        }
        for (at, carrier) in self.day.county.carriers.iter().enumerate().take(32) {
            for other in &carrier.excludes {
                builder.incompatible(32 + at as u8, 32 + (other.index() % 32) as u8);
            }
        }
        builder
    }

    /// Seconds of handling a call takes at its site, without what the base adds.
    fn handled(&self, loads: impl Iterator<Item = u32>) -> i64 {
        loads.map(|l| self.goods.cargo[l as usize].handled).sum()
    }

    /// Windows in which handling at a site may begin, so that it ends inside.
    fn windows(&self, site: SiteId, collects: bool, length_s: i64, within: Window) -> Vec<core::Window> {
        let open = if collects { &self.day.staffed } else { &self.day.windows };
        open[site.index()]
            .iter()
            .map(|w| (w.from_s.max(within.from_s).max(0), w.to_s.min(within.to_s) - length_s))
            .filter(|&(from, to)| from <= to)
            .map(|(from, to)| core::Window::new(from, to))
            .collect()
    }

    /// Windows without the beginnings of stays during which the calendar keeps trucks out of a site.
    fn let_in(&self, site: SiteId, length_s: i64, windows: Vec<core::Window>) -> Vec<core::Window> {
        let limits = self.day.county.truck_limits(self.day.date, site, VehicleKind::Truck);
        limits.fold(windows, |all, limit| {
            let parts = |w: core::Window| {
                [(w.from, w.to.min(limit.from_s - length_s)), (w.from.max(limit.to_s), w.to)]
            };
            let left = all.into_iter().flat_map(parts).filter(|(from, to)| from <= to);
            left.map(|(from, to)| core::Window::new(from, to)).collect()
        })
    }

    /// The rounds of one base: calls with their release at the base and the time by which what they collect must be
    /// back there, and loads from point to point. At dawn a visit by another van than the evening's costs `other_van_fen`
    /// in the eyes of the search.
    #[must_use]
    pub fn rounds(
        &self,
        base: SiteId,
        crews: &[usize],
        items: &[RoundItem<'_>],
        other_van_fen: i64,
    ) -> Option<Framed> {
        let mut builder = self.begin(crews);
        let mut jobs = Vec::with_capacity(items.len());
        for item in items {
            match item {
                RoundItem::Call { item, call, release_s, back_by_s } => {
                    if let Some(job) = self.round_job(base, crews, call, *release_s, *back_by_s) {
                        let job = core::Job {
                            prefer: self.usual_van(call.site, crews, other_van_fen).or(job.prefer),
                            ..job
                        };
                        builder.job(job);
                        jobs.push(*item);
                    }
                }
                RoundItem::Local { item, load } => match self.local_jobs(base, crews, *load, other_van_fen) {
                    Some((Some(from), Some(to))) => {
                        builder.shipment(from, to);
                        jobs.extend([*item, *item]);
                    }
                    Some((Some(job), None) | (None, Some(job))) => {
                        builder.job(job);
                        jobs.push(*item);
                    }
                    Some((None, None)) | None => {}
                },
            }
        }
        let problem = builder.build().ok()?;
        Some(Framed { problem, jobs, crews: crews.to_vec() })
    }

    /// Where a load within the county boards and leaves, each unless that is the base itself. `None` when an end is
    /// closed.
    fn local_jobs(
        &self,
        base: SiteId,
        crews: &[usize],
        load: u32,
        other_van_fen: i64,
    ) -> Option<(Option<core::Job>, Option<core::Job>)> {
        let county = self.day.county;
        let cargo = &self.goods.cargo[load as usize];
        let job = |site: SiteId, collects: bool| -> Option<core::Job> {
            let place = county.site(site);
            let length = place.stop_s(cargo.handled);
            let from_s = if collects { cargo.release_s } else { 0 };
            let to_s = if cargo.hard { cargo.due_s } else { i64::MAX / 4 };
            let mut within = cargo.window.filter(|_| collects).unwrap_or(Window { from_s: 0, to_s });
            within.from_s = within.from_s.max(from_s);
            let windows = self.windows(site, collects, length, within);
            let late = cargo.late_fen_h * MILLI / 3600;
            (!windows.is_empty()).then(|| core::Job {
                service: place.unit_s * cargo.handled,
                setup: place.service_s,
                windows,
                soft: (!collects && late > 0).then_some(core::SoftWindow {
                    window: core::Window::new(0, (cargo.due_s - length).max(0)),
                    early_price: 0,
                    late_price: late,
                }),
                prize: Some(cargo.price_fen * MILLI * if cargo.must { 20 } else { 1 }),
                skills: self.job_skills(site, std::iter::once(load)),
                classes: cargo.classes | cargo.carriers << 32,
                max_on_board: self.aboard_max(&[load]),
                prefer: self.usual_van(site, crews, other_van_fen),
                ..core::Job::at(core::PlaceId(site.0))
            })
        };
        let loads = self.loads(&[load], false);
        let from = match cargo.origin == base {
            true => None,
            false => Some(core::Job { pickup: loads.clone(), ..job(cargo.origin, true)? }),
        };
        let to = match cargo.destination == base {
            true => None,
            false => {
                let release = if from.is_none() { cargo.release_s } else { 0 };
                Some(core::Job { delivery: loads, release, ..job(cargo.destination, false)? })
            }
        };
        Some((from, to))
    }

    fn round_job(
        &self,
        base: SiteId,
        crews: &[usize],
        call: &Call,
        release: i64,
        back_by: i64,
    ) -> Option<core::Job> {
        let county = self.day.county;
        let site = county.site(call.site);
        let both = || call.down.iter().chain(&call.up).copied();
        let handled = self.handled(both());
        let cargo = |l: u32| &self.goods.cargo[l as usize];
        let mut within =
            both().filter_map(|l| cargo(l).window).fold(Window { from_s: 0, to_s: i64::MAX / 4 }, |w, v| {
                Window { from_s: w.from_s.max(v.from_s), to_s: w.to_s.min(v.to_s) }
            });
        within.from_s = call.up.iter().map(|&l| cargo(l).release_s).fold(within.from_s, i64::max);
        let hard_due = call.down.iter().filter(|&&l| cargo(l).hard).map(|&l| cargo(l).due_s).min();
        within.to_s = within.to_s.min(hard_due.unwrap_or(i64::MAX));
        if !call.up.is_empty() {
            let home = crews.iter().filter_map(|&c| {
                self.day.travel.leg(self.day.crews[c].profile, 0, call.site.index(), base.index())
            });
            let way = home.map(|(s, _)| s).min()?;
            let unload = county.site(base).stop_s(self.handled(call.up.iter().copied()));
            within.to_s = within.to_s.min(back_by - way - unload + site.stop_s(handled));
        }
        let windows = self.windows(call.site, !call.up.is_empty(), site.stop_s(handled), within);
        if windows.is_empty() {
            return None;
        }
        let must = both().any(|l| cargo(l).must);
        let price: i64 = both().map(|l| cargo(l).price_fen).sum();
        // Their way is longer: at an equal price they would be the ones left.
        let price = if site.poor || site.remote { price * 2 } else { price };
        let due = call.down.iter().map(|&l| cargo(l).due_s).min();
        let late: i64 = call.down.iter().map(|&l| cargo(l).late_fen_h).sum();
        Some(core::Job {
            delivery: self.loads(&call.down, false),
            pickup: self.loads(&call.up, false),
            service: (site.unit_s + county.site(base).unit_s) * handled,
            setup: site.service_s,
            windows,
            soft: due.filter(|_| late > 0).map(|due| core::SoftWindow {
                window: core::Window::new(0, (due - site.stop_s(handled)).max(0)),
                early_price: 0,
                late_price: late * MILLI / 3600,
            }),
            release: release.max(0),
            prize: Some(price * MILLI * if must { 20 } else { 1 }),
            skills: self.job_skills(call.site, both()),
            classes: both().fold(0, |bits, l| bits | cargo(l).classes | cargo(l).carriers << 32),
            max_on_board: self.aboard_max(&call.down).into_iter().chain(self.aboard_max(&call.up)).min(),
            prefer: self.known_to(call.site, crews),
            ..core::Job::at(core::PlaceId(call.site.0))
        })
    }

    /// Vans whose drivers know a place are preferred.
    fn known_to(&self, site: SiteId, crews: &[usize]) -> Option<core::Preference> {
        let county = self.day.county;
        let price = county.costs.stranger_fen * MILLI;
        let vehicles = preferred(crews, |c| county.driver(self.day.crews[c].driver).knows.contains(&site));
        (!vehicles.is_empty() || price > 0).then_some(core::Preference { vehicles, price })
    }

    /// At dawn the vans that came to a place in the evening plan are, whoever knows it.
    fn usual_van(&self, site: SiteId, crews: &[usize], other_fen: i64) -> Option<core::Preference> {
        let usual = self.usual.as_ref()?;
        let vans = usual.vans.get(&site)?;
        let vehicles = preferred(crews, |c| vans.contains(&self.day.crews[c].vehicle));
        Some(core::Preference { vehicles, price: other_fen * MILLI })
    }

    /// So are the trucks that came to a station.
    fn usual_truck(&self, site: SiteId, crews: &[usize]) -> Option<core::Preference> {
        let usual = self.usual.as_ref()?;
        let trucks = usual.trucks.get(&site)?;
        let vehicles = preferred(crews, |c| trucks.contains(&self.day.crews[c].vehicle));
        Some(core::Preference { vehicles, price: usual.other_truck_fen * MILLI })
    }

    /// The trunk: its tasks at stations, and crews of trucks.
    #[must_use]
    pub fn trunk(&self, crews: &[usize], tasks: &[TrunkTask]) -> Option<Framed> {
        let mut builder = self.begin(crews);
        let mut jobs = Vec::with_capacity(tasks.len());
        for (at, task) in tasks.iter().enumerate() {
            if let Some(job) = self.trunk_job(task, crews) {
                builder.job(job);
                jobs.push(at as u32);
            }
        }
        let problem = builder.build().ok()?;
        Some(Framed { problem, jobs, crews: crews.to_vec() })
    }

    fn trunk_job(&self, task: &TrunkTask, crews: &[usize]) -> Option<core::Job> {
        let county = self.day.county;
        let site = county.site(task.site);
        let both = || task.drop.iter().chain(&task.pick).copied();
        let cargo = |l: u32| &self.goods.cargo[l as usize];
        let handled = self.handled(both());
        let length = site.stop_s(handled);
        let to_s = task.to_s + length;
        let windows =
            self.windows(task.site, !task.pick.is_empty(), length, Window { from_s: task.from_s, to_s });
        let windows = self.let_in(task.site, length, windows);
        if windows.is_empty() {
            return None;
        }
        let hub_unit_s = county.site(county.hub).unit_s;
        let must = both().any(|l| cargo(l).must);
        let price: i64 = both().map(|l| cargo(l).price_fen).sum();
        let late: i64 = both().map(|l| cargo(l).late_fen_h).sum();
        let cold = both().filter_map(|l| cargo(l).out_of_band_max_s).min();
        Some(core::Job {
            delivery: self.loads(&task.drop, true),
            pickup: self.loads(&task.pick, true),
            service: (site.unit_s + hub_unit_s) * handled,
            setup: site.service_s,
            windows,
            soft: (task.wish_s < task.to_s).then_some(core::SoftWindow {
                window: core::Window::new(0, task.wish_s.max(0)),
                early_price: 0,
                late_price: (late * MILLI / 3600).max(1),
            }),
            release: task.ready_s.max(0),
            prize: Some(price * MILLI * if must { 20 } else { 1 }),
            skills: self.job_skills(task.site, both()),
            classes: both().fold(0, |bits, l| bits | cargo(l).classes | cargo(l).carriers << 32),
            max_on_board: cold.map(|limit| limit * 2 / 3),
            prefer: self.usual_truck(task.site, crews),
            ..core::Job::at(core::PlaceId(task.site.0))
        })
    }
}

/// The vehicles of a problem whose crews are of a kind.
fn preferred(crews: &[usize], of_kind: impl Fn(usize) -> bool) -> Vec<core::VehicleId> {
    let numbered = crews.iter().enumerate().filter(|&(_, &c)| of_kind(c));
    numbered.map(|(at, _)| core::VehicleId(at as u32)).collect()
}
