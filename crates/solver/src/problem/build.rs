//! Putting a problem together, and every check that it must pass.

use super::{
    Backhaul, DIMENSIONS_MAX, Fault, GroupId, JOBS_MAX, Job, JobId, KindId, Matrix, Objective, Problem,
    ProfileId, Role, VALUE_MAX, VEHICLES_MAX, VehicleKind, Window,
};
use std::collections::HashSet;

/// Largest price of a unit of distance or time: with it the price of [`super::NO_WAY`] stays within 64 bits.
pub const PRICE_MAX: i64 = 1 << 18;

/// Most faults reported of one problem.
const FAULTS_MAX: usize = 1000;

/// Collects the parts of a problem; [`ProblemBuilder::build`] checks them all at once.
///
/// ```
/// use xiangyun_solver::problem::{Job, Matrix, PlaceId, ProblemBuilder, VehicleKind};
/// let mut b = ProblemBuilder::new(&["kg"]);
/// b.profile(Matrix::shared(3, vec![0, 4, 5, 4, 0, 3, 5, 3, 0]).expect("3 x 3"));
/// b.vehicles(VehicleKind::at(PlaceId(0), 1, vec![10]));
/// b.job(Job { delivery: vec![6], pickup: vec![2], ..Job::at(PlaceId(1)) });
/// b.job(Job { delivery: vec![4], pickup: vec![7], ..Job::at(PlaceId(2)) });
/// assert_eq!(b.build().expect("a sound problem").jobs().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct ProblemBuilder {
    problem: Problem,
}

impl ProblemBuilder {
    /// A problem with these load dimensions and nothing else.
    #[must_use]
    pub fn new(dimensions: &[&str]) -> Self {
        Self {
            problem: Problem {
                jobs: Vec::new(),
                kinds: Vec::new(),
                first_vehicle: Vec::new(),
                profiles: Vec::new(),
                dimensions: dimensions.iter().map(|&d| d.to_owned()).collect(),
                conflicts: [0; 64],
                group_prices: Vec::new(),
                objective: Objective::Cost,
                backhaul: Backhaul::Mixed,
            },
        }
    }

    /// Adds a matrix.
    pub fn profile(&mut self, matrix: Matrix) -> ProfileId {
        self.problem.profiles.push(matrix);
        ProfileId(self.problem.profiles.len() as u32 - 1)
    }

    /// Adds vehicles of one kind.
    pub fn vehicles(&mut self, kind: VehicleKind) -> KindId {
        self.problem.kinds.push(kind);
        KindId(self.problem.kinds.len() as u32 - 1)
    }

    /// Adds a job.
    pub fn job(&mut self, job: Job) -> JobId {
        self.problem.jobs.push(job);
        JobId(self.problem.jobs.len() as u32 - 1)
    }

    /// Adds a shipment: `from` takes its `pickup` aboard, `to` puts the same load down later in the same trip. The
    /// price of leaving it out is the `prize` of `from`.
    pub fn shipment(&mut self, mut from: Job, mut to: Job) -> (JobId, JobId) {
        let first = JobId(self.problem.jobs.len() as u32);
        let second = JobId(first.0 + 1);
        if to.delivery.is_empty() {
            to.delivery.clone_from(&from.pickup);
        }
        from.role = Role::PickupFor(second);
        to.role = Role::DeliveryOf(first);
        to.prize = from.prize.map(|_| 0);
        self.problem.jobs.push(from);
        self.problem.jobs.push(to);
        (first, second)
    }

    /// Adds a group with its price for each vehicle beyond the first.
    pub fn group(&mut self, price: i64) -> GroupId {
        self.problem.group_prices.push(price);
        GroupId(self.problem.group_prices.len() as u32 - 1)
    }

    /// Two goods classes (bits 0 to 63) that may not share a trip. Bits beyond 63 are ignored.
    pub fn incompatible(&mut self, one: u8, other: u8) {
        if one < 64 && other < 64 {
            self.problem.conflicts[usize::from(one)] |= 1 << other;
            self.problem.conflicts[usize::from(other)] |= 1 << one;
        }
    }

    /// Sets what ranks plans.
    pub fn objective(&mut self, objective: Objective) {
        self.problem.objective = objective;
    }

    /// Sets how deliveries and pickups mix.
    pub fn backhaul(&mut self, backhaul: Backhaul) {
        self.problem.backhaul = backhaul;
    }

    /// Checks everything.
    ///
    /// # Errors
    /// Every fault found, at most 1000.
    pub fn build(mut self) -> Result<Problem, Vec<Fault>> {
        let mut check = Check { problem: &self.problem, faults: Vec::new() };
        check.sizes();
        if check.faults.is_empty() {
            check.matrices();
            check.jobs();
            check.kinds();
        }
        if check.faults.is_empty() {
            check.sums();
        }
        if !check.faults.is_empty() {
            check.faults.truncate(FAULTS_MAX);
            return Err(check.faults);
        }
        let mut first = 0;
        self.problem.first_vehicle = vec![0];
        for kind in &self.problem.kinds {
            first += kind.count;
            self.problem.first_vehicle.push(first);
        }
        Ok(self.problem)
    }
}

struct Check<'a> {
    problem: &'a Problem,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn number(&mut self, field: impl Fn() -> String, value: i64) {
        if !(0..=VALUE_MAX).contains(&value) {
            self.fault(Fault::OutOfRange { field: field(), value });
        }
    }

    fn reference(&mut self, field: impl Fn() -> String, found: u32, have: usize) {
        if found as usize >= have {
            self.fault(Fault::Missing { field: field(), found: u64::from(found), have: have as u64 });
        }
    }

    fn window(&mut self, field: impl Fn() -> String, window: Window) {
        if !(0 <= window.from && window.from <= window.to && window.to <= VALUE_MAX) {
            self.fault(Fault::Window { field: field(), from: window.from, to: window.to });
        }
    }

    fn too_many(&mut self, field: &str, found: u64, most: u64) {
        if found > most {
            self.fault(Fault::TooMany { field: field.into(), found, most });
        }
    }

    fn sizes(&mut self) {
        let p = self.problem;
        self.too_many("jobs", p.jobs.len() as u64, JOBS_MAX as u64);
        self.too_many("dimensions", p.dimensions.len() as u64, DIMENSIONS_MAX as u64);
        let vehicles: u64 = p.kinds.iter().map(|k| u64::from(k.count)).sum();
        self.too_many("vehicles", vehicles, VEHICLES_MAX);
        if vehicles == 0 {
            self.fault(Fault::NoVehicle);
        }
        if p.profiles.is_empty() {
            self.fault(Fault::Matrices { what: "there is none".into() });
        }
        for (at, kind) in p.kinds.iter().enumerate() {
            self.too_many(&format!("kinds[{at}].max_trips"), u64::from(kind.max_trips), 1000);
        }
    }

    fn matrices(&mut self) {
        let places = self.problem.profiles[0].places();
        for (profile, matrix) in self.problem.profiles.iter().enumerate() {
            if matrix.places() != places {
                let what =
                    format!("profile {profile} has {} places, profile 0 has {places}", matrix.places());
                self.fault(Fault::Matrices { what });
            } else if let Some((from, to, value)) = matrix.first_bad() {
                self.fault(Fault::Cell { profile, from, to, value });
            }
        }
    }

    fn loads(&mut self, field: impl Fn() -> String, loads: &[i64]) {
        let have = self.problem.dimensions.len();
        if loads.len() > have {
            self.fault(Fault::Dimensions { field: field(), found: loads.len(), have });
        }
        for &load in loads {
            self.number(&field, load);
        }
    }

    fn jobs(&mut self) {
        let p = self.problem;
        let mut names = HashSet::new();
        for (at, job) in p.jobs.iter().enumerate() {
            let path = |field: &str| format!("jobs[{at}].{field}");
            if !job.name.is_empty() && !names.insert(job.name.as_str()) {
                self.fault(Fault::TwiceNamed { field: path("name"), name: job.name.clone() });
            }
            self.reference(|| path("place"), job.place.0, p.places());
            self.loads(|| path("delivery"), &job.delivery);
            self.loads(|| path("pickup"), &job.pickup);
            self.number(|| path("service"), job.service);
            self.number(|| path("setup"), job.setup);
            self.number(|| path("release"), job.release);
            self.number(|| path("prize"), job.prize.unwrap_or(0));
            self.number(|| path("max_on_board"), job.max_on_board.unwrap_or(0));
            let mut before = -1;
            for &window in &job.windows {
                self.window(|| path("windows"), window);
                if window.from <= before {
                    self.fault(Fault::Window { field: path("windows"), from: window.from, to: window.to });
                }
                before = window.to;
            }
            if let Some(soft) = job.soft {
                self.window(|| path("soft"), soft.window);
                self.number(|| path("soft.early_price"), soft.early_price);
                self.number(|| path("soft.late_price"), soft.late_price);
            }
            if let Some(group) = job.group {
                self.reference(|| path("group"), group.0, p.group_prices.len());
            }
            if let Some(prefer) = &job.prefer {
                self.number(|| path("prefer.price"), prefer.price);
                let vehicles: u64 = p.kinds.iter().map(|k| u64::from(k.count)).sum();
                for vehicle in &prefer.vehicles {
                    self.reference(|| path("prefer.vehicles"), vehicle.0, vehicles as usize);
                }
            }
            self.role(at, job);
        }
        for (at, &price) in p.group_prices.iter().enumerate() {
            self.number(|| format!("groups[{at}].price"), price);
        }
    }

    fn role(&mut self, at: usize, job: &Job) {
        let p = self.problem;
        let field = || format!("jobs[{at}].role");
        let (Role::PickupFor(other) | Role::DeliveryOf(other)) = job.role else { return };
        let Some(partner) = p.jobs.get(other.index()) else {
            return self.reference(field, other.0, p.jobs.len());
        };
        let back = match job.role {
            Role::PickupFor(_) => Role::DeliveryOf(JobId(at as u32)),
            _ => Role::PickupFor(JobId(at as u32)),
        };
        if partner.role != back {
            self.fault(Fault::Shipment {
                field: field(),
                what: "the partner does not point back; use ProblemBuilder::shipment".into(),
            });
        }
        if let Role::PickupFor(_) = job.role {
            let get = |loads: &[i64], d: usize| loads.get(d).copied().unwrap_or(0);
            let dims = 0..p.dimensions.len();
            let same = dims.clone().all(|d| get(&job.pickup, d) == get(&partner.delivery, d));
            let pure = dims.clone().all(|d| get(&job.delivery, d) == 0 && get(&partner.pickup, d) == 0);
            if !same || !pure {
                self.fault(Fault::Shipment {
                    field: field(),
                    what: "what is taken must be what is put down, and nothing else".into(),
                });
            }
            if job.prize.is_some() != partner.prize.is_some() {
                self.fault(Fault::Shipment {
                    field: field(),
                    what: "both halves or neither have a prize".into(),
                });
            }
        }
    }

    /// Whether the sums that any plan may come to stay far below 64 bits.
    fn sums(&mut self) {
        let p = self.problem;
        let jobs = p.jobs.len() as i128;
        let wide = |value: i64| i128::from(value);
        let most = |values: &mut dyn Iterator<Item = i64>| values.map(i128::from).max().unwrap_or(0);
        let kinds = || p.kinds.iter();
        let vehicles = kinds().map(|k| i128::from(k.count)).sum::<i128>().min(jobs);
        // Each job has a way to it, at most one reload before it, and a share of the ways home.
        let legs = 3 * jobs + 1;
        let (mut longest, mut slowest) = (0, 0);
        for matrix in &p.profiles {
            let (distance, duration) = matrix.largest();
            (longest, slowest) = (longest.max(wide(distance)), slowest.max(wide(duration)));
        }
        let driven = legs * slowest;
        let rest = |k: &VehicleKind| {
            k.driving.map_or(0, |rule| wide(rule.rest) * (driven / wide(rule.max_driving).max(1) + legs))
        };
        let pauses = |k: &VehicleKind| k.breaks.iter().map(|b| wide(b.duration)).sum::<i128>() + rest(k);
        let open = |to: i64| if to < VALUE_MAX { to } else { 0 };
        let job_ends = p.jobs.iter().flat_map(|j| j.windows.iter().flat_map(|w| [w.from, open(w.to)]));
        let kind_ends = kinds().flat_map(|k| {
            let windows = k.reloads.iter().map(|r| r.window).chain(k.breaks.iter().map(|b| b.window));
            windows.chain([k.shift]).flat_map(|w| [w.from, open(w.to)]).collect::<Vec<_>>()
        });
        let at_last = most(&mut job_ends.chain(kind_ends).chain(p.jobs.iter().map(|j| j.release)));
        let loading = most(&mut kinds().flat_map(|k| k.reloads.iter().map(|r| r.loading).chain([k.loading])));
        let service: i128 = p.jobs.iter().map(|j| wide(j.service) + wide(j.setup)).sum();
        let time = at_last + driven + service + jobs * loading + kinds().map(pauses).max().unwrap_or(0);
        let distance = legs * longest;
        let load: i128 =
            p.jobs.iter().flat_map(|j| j.delivery.iter().chain(&j.pickup)).map(|&l| wide(l)).sum();
        let timed = most(&mut kinds().map(|k| k.per_time)) + most(&mut kinds().map(|k| k.overtime_price));
        let uneven = most(&mut kinds().filter_map(|k| k.balance).map(|b| b.price));
        let soft: i128 = p
            .jobs
            .iter()
            .filter_map(|j| j.soft)
            .map(|s| wide(s.early_price).max(wide(s.late_price)) * (time + wide(s.window.from)))
            .sum();
        let wishes: i128 = p.jobs.iter().filter_map(|j| j.prefer.as_ref()).map(|w| wide(w.price)).sum();
        let groups: i128 = p.group_prices.iter().map(|&g| wide(g) * jobs).sum();
        let prizes: i128 = p.jobs.iter().filter_map(|j| j.prize).map(wide).sum();
        let cost = most(&mut kinds().map(|k| k.fixed)) * vehicles
            + most(&mut kinds().map(|k| k.per_distance)) * distance
            + timed * time * vehicles
            + uneven * (time.max(distance).max(jobs)) * vehicles
            + soft
            + wishes
            + groups
            + prizes;
        for (field, sum) in [("time", time), ("distance", distance), ("load", load), ("cost", cost)] {
            if sum > 1 << 60 {
                self.fault(Fault::Sum { field: field.into() });
            }
        }
        for (at, kind) in p.kinds.iter().enumerate() {
            // A way that is not there is still multiplied.
            for (field, value) in [
                ("per_distance", kind.per_distance),
                ("per_time", kind.per_time),
                ("overtime_price", kind.overtime_price),
                ("balance.price", kind.balance.map_or(0, |b| b.price)),
            ] {
                if value > PRICE_MAX {
                    let field = format!("kinds[{at}].{field}");
                    self.too_many(&field, value.unsigned_abs(), PRICE_MAX.unsigned_abs());
                }
            }
        }
    }

    fn kinds(&mut self) {
        let p = self.problem;
        for (at, kind) in p.kinds.iter().enumerate() {
            let path = |field: &str| format!("kinds[{at}].{field}");
            self.reference(|| path("profile"), kind.profile.0, p.profiles.len());
            for (field, place) in [("start", kind.start), ("end", kind.end)] {
                if let Some(place) = place {
                    self.reference(|| path(field), place.0, p.places());
                }
            }
            self.window(|| path("shift"), kind.shift);
            for (field, value) in [
                ("loading", kind.loading),
                ("fixed", kind.fixed),
                ("per_distance", kind.per_distance),
                ("per_time", kind.per_time),
                ("overtime_after", kind.overtime_after),
                ("overtime_price", kind.overtime_price),
                ("max_duration", kind.max_duration.unwrap_or(0)),
                ("max_distance", kind.max_distance.unwrap_or(0)),
            ] {
                self.number(|| path(field), value);
            }
            if kind.layouts.is_empty() {
                self.fault(Fault::NoLayout { field: path("layouts") });
            }
            for layout in &kind.layouts {
                self.loads(|| path("layouts"), layout);
            }
            if kind.max_trips == 0 {
                self.fault(Fault::Rule {
                    field: path("max_trips"),
                    what: "0 trips; 1 means no reload".into(),
                });
            }
            for reload in &kind.reloads {
                self.reference(|| path("reloads.place"), reload.place.0, p.places());
                self.number(|| path("reloads.loading"), reload.loading);
                self.window(|| path("reloads.window"), reload.window);
            }
            if kind.driving.is_some_and(|d| d.max_driving <= 0 || d.rest < 0) {
                self.fault(Fault::Rule {
                    field: path("driving"),
                    what: "driving between rests must be positive, the rest not negative".into(),
                });
            }
            for pause in &kind.breaks {
                self.window(|| path("breaks.window"), pause.window);
                self.number(|| path("breaks.duration"), pause.duration);
            }
            if let Some(balance) = kind.balance {
                self.number(|| path("balance.target"), balance.target);
                self.number(|| path("balance.price"), balance.price);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PlaceId, Window};
    use super::*;

    #[test]
    fn all_faults_come_at_once() {
        let mut b = ProblemBuilder::new(&["kg"]);
        b.profile(Matrix::shared(2, vec![0, 1, -1, 0]).expect("2 x 2"));
        b.vehicles(VehicleKind { max_trips: 0, layouts: vec![], ..VehicleKind::at(PlaceId(9), 1, vec![]) });
        b.job(Job { service: -4, windows: vec![Window::new(5, 2)], name: "a".into(), ..Job::at(PlaceId(7)) });
        b.job(Job { delivery: vec![1, 2], name: "a".into(), ..Job::at(PlaceId(1)) });
        let mut codes: Vec<_> = b.build().expect_err("all is wrong").iter().map(Fault::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, ["V501", "V502", "V503", "V505", "V508", "V510", "V511", "V512"]);
    }

    #[test]
    fn an_empty_problem_names_what_it_lacks() {
        let codes: Vec<_> =
            ProblemBuilder::new(&[]).build().expect_err("empty").iter().map(Fault::code).collect();
        assert_eq!(codes, ["V507", "V504"]);
    }
}
