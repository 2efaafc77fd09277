//! Every check of a rich problem, all problems at once, each with the path of its field.

use super::model::{FORMAT, Job, Matrix, Rich, VERSION, Vehicle};
use super::solution::{numbers, slot};
use super::value::{HOLE, Int};
use crate::io::fault::{Fault, Sink};
use crate::io::limits::{
    RICH_CELL_MAX, RICH_DIMENSIONS_MAX, RICH_JOBS_MAX, RICH_VALUE_MAX, RICH_WINDOWS_MAX, VEHICLES_MAX,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most distinct skills, and most distinct goods classes.
pub const SKILLS_MAX: usize = 128;
/// Most distinct goods classes.
pub const GOODS_MAX: usize = 64;

/// Notes every problem of the file.
pub(super) fn validate(sink: &mut Sink, rich: &Rich) {
    let mut check = Check { sink, rich, places: rich.places() };
    check.frame();
    check.matrices();
    check.names();
    for (at, job) in rich.jobs.iter().enumerate() {
        check.job(&format!("jobs[{at}]"), job);
    }
    for (at, shipment) in rich.shipments.iter().enumerate() {
        check.job(&format!("shipments[{at}].pickup"), &shipment.pickup);
        check.job(&format!("shipments[{at}].delivery"), &shipment.delivery);
        check.pair(at);
    }
    for (at, vehicle) in rich.vehicles.iter().enumerate() {
        check.vehicle(&format!("vehicles[{at}]"), vehicle);
    }
    check.reach();
    check.plan();
}

struct Check<'a, 'b> {
    sink: &'a mut Sink,
    rich: &'b Rich,
    places: usize,
}

impl Check<'_, '_> {
    #[allow(clippy::needless_pass_by_value)] // numbers and texts alike, at each call
    fn fault(&mut self, fault: Fault, path: &str, found: impl ToString, want: impl Into<String>) {
        self.sink.push(fault, 0, path, &found.to_string(), want);
    }

    fn frame(&mut self) {
        if self.rich.format != FORMAT || self.rich.version != VERSION {
            let found = format!("{} {}", self.rich.format, self.rich.version);
            self.fault(
                Fault::UnknownFormat,
                "format",
                found,
                format!("not a version we read; {FORMAT} {VERSION}"),
            );
        }
        let dimensions = self.rich.dimensions.len();
        if dimensions > RICH_DIMENSIONS_MAX {
            self.fault(
                Fault::TooMany,
                "dimensions",
                dimensions,
                format!("too many; at most {RICH_DIMENSIONS_MAX}"),
            );
        }
        let jobs = self.rich.visit_count();
        if jobs == 0 {
            self.fault(Fault::Missing, "jobs", "", "nothing to do; at least one job or shipment");
        }
        if jobs > RICH_JOBS_MAX {
            self.fault(Fault::TooMany, "jobs", jobs, format!("too many visits; at most {RICH_JOBS_MAX}"));
        }
        let vehicles: i64 = self.rich.vehicles.iter().map(|v| v.count.0.clamp(0, RICH_VALUE_MAX)).sum();
        if vehicles == 0 {
            self.fault(Fault::NoCapacity, "vehicles", 0, "no vehicle; at least one with a count above 0");
        }
        if vehicles > VEHICLES_MAX as i64 {
            self.fault(Fault::TooMany, "vehicles", vehicles, format!("too many; at most {VEHICLES_MAX}"));
        }
        for (name, price) in &self.rich.groups {
            self.number(&format!("groups.{name}"), *price);
        }
    }

    fn number(&mut self, path: &str, Int(value): Int) {
        if value < 0 {
            self.fault(Fault::Negative, path, value, "negative; zero or more");
        } else if value > RICH_VALUE_MAX {
            self.fault(
                Fault::TooLarge,
                path,
                value,
                format!("too large; at most {RICH_VALUE_MAX}, use a larger unit"),
            );
        }
    }

    fn matrices(&mut self) {
        if self.rich.matrices.is_empty() {
            self.fault(Fault::Matrix, "matrices", "", "no matrix; one for each profile with durations");
        }
        let rich = self.rich;
        for (profile, matrix) in &rich.matrices {
            self.matrix(profile, matrix);
        }
    }

    fn matrix(&mut self, profile: &str, matrix: &Matrix) {
        for (what, rows) in [("durations", &matrix.durations), ("distances", &matrix.distances)] {
            let path = format!("matrices.{profile}.{what}");
            if rows.is_empty() && what == "distances" {
                continue;
            }
            if rows.len() != self.places || rows.iter().any(|row| row.0.len() != self.places) {
                let want = format!("wrong size; {0} rows of {0}, as every matrix of the file", self.places);
                self.fault(Fault::Matrix, &path, rows.len(), want);
                continue;
            }
            let bad =
                |&(_, _, cell): &(usize, usize, i64)| cell != HOLE && !(0..=RICH_CELL_MAX).contains(&cell);
            let cells = rows
                .iter()
                .enumerate()
                .flat_map(|(i, row)| row.0.iter().enumerate().map(move |(j, &c)| (i, j, c)));
            if let Some((i, j, cell)) = cells.into_iter().find(bad) {
                let fault = if cell < 0 { Fault::Negative } else { Fault::TooLarge };
                let found = if cell < 0 { "negative".to_owned() } else { cell.to_string() };
                self.fault(
                    fault,
                    &format!("{path}[{i}][{j}]"),
                    found,
                    format!("0 to {RICH_CELL_MAX}, null for no way"),
                );
            }
        }
    }

    fn names(&mut self) {
        let rich = self.rich;
        let mut seen = BTreeMap::new();
        for (at, job) in rich.visits().enumerate() {
            if let Some(first) = seen.insert(job.id.as_str(), at) {
                let want = format!("visit {} has this id already; each id once", first + 1);
                self.fault(Fault::Twice, &format!("visit {}.id", at + 1), &job.id, want);
            }
        }
        let mut seen = BTreeSet::new();
        for (at, vehicle) in rich.vehicles.iter().enumerate() {
            if !seen.insert(vehicle.id.as_str()) {
                self.fault(
                    Fault::Twice,
                    &format!("vehicles[{at}].id"),
                    &vehicle.id,
                    "given before; each id once",
                );
            }
        }
        let all = |list: &mut dyn Iterator<Item = &String>| list.collect::<BTreeSet<_>>().len();
        let skills = all(&mut rich
            .visits()
            .flat_map(|j| &j.skills)
            .chain(rich.vehicles.iter().flat_map(|v| &v.skills)));
        let goods = all(&mut rich.visits().flat_map(|j| &j.goods));
        for (what, found, most) in [("skills", skills, SKILLS_MAX), ("goods", goods, GOODS_MAX)] {
            if found > most {
                self.fault(Fault::TooMany, what, found, format!("too many different names; at most {most}"));
            }
        }
    }

    fn place(&mut self, path: &str, Int(place): Int) {
        if place < 0 || place as u64 >= self.places as u64 {
            self.fault(
                Fault::UnknownId,
                path,
                place,
                format!("no such place; 0 to {}", self.places.saturating_sub(1)),
            );
        }
    }

    fn loads(&mut self, path: &str, loads: &[Int]) {
        let dimensions = self.rich.dimensions.len();
        if loads.len() > dimensions {
            self.fault(
                Fault::UnknownId,
                path,
                loads.len(),
                format!("more numbers than dimensions; at most {dimensions}"),
            );
        }
        for &load in loads {
            self.number(path, load);
        }
    }

    fn window(&mut self, path: &str, (from, to): (Int, Int)) {
        self.number(path, from);
        self.number(path, to);
        if from > to {
            let want = "the window closes before it opens; earliest, then latest";
            self.fault(Fault::Window, path, format!("{} {}", from.0, to.0), want);
        }
    }

    fn job(&mut self, path: &str, job: &Job) {
        self.place(&format!("{path}.place"), job.place);
        self.loads(&format!("{path}.delivery"), &job.delivery);
        self.loads(&format!("{path}.pickup"), &job.pickup);
        for (field, value) in [
            ("service", job.service),
            ("setup", job.setup),
            ("release", job.release),
            ("prize", job.prize.unwrap_or_default()),
            ("max_on_board", job.max_on_board.unwrap_or_default()),
        ] {
            self.number(&format!("{path}.{field}"), value);
        }
        if job.windows.len() > RICH_WINDOWS_MAX {
            self.fault(
                Fault::TooMany,
                &format!("{path}.windows"),
                job.windows.len(),
                format!("at most {RICH_WINDOWS_MAX}"),
            );
        }
        for &window in &job.windows {
            self.window(&format!("{path}.windows"), window);
        }
        if job.windows.windows(2).any(|pair| pair[0].1 >= pair[1].0) {
            self.fault(
                Fault::Window,
                &format!("{path}.windows"),
                "",
                "windows overlap or are out of order; sort and join them",
            );
        }
        if let Some(soft) = job.soft {
            self.window(&format!("{path}.soft.window"), soft.window);
            self.number(&format!("{path}.soft.early_price"), soft.early_price);
            self.number(&format!("{path}.soft.late_price"), soft.late_price);
        }
        if let Some(group) = &job.group
            && !self.rich.groups.contains_key(group)
        {
            self.fault(Fault::UnknownId, &format!("{path}.group"), group, "no such group; a key of groups");
        }
        if let Some(prefer) = &job.prefer {
            self.number(&format!("{path}.prefer.price"), prefer.price);
            for id in &prefer.vehicles {
                if !self.rich.vehicles.iter().any(|v| v.id == *id) {
                    self.fault(
                        Fault::UnknownId,
                        &format!("{path}.prefer.vehicles"),
                        id,
                        "no such vehicle; an id of vehicles",
                    );
                }
            }
        }
    }

    fn pair(&mut self, at: usize) {
        let shipment = &self.rich.shipments[at];
        let path = format!("shipments[{at}]");
        let (from, to) = (&shipment.pickup, &shipment.delivery);
        if !to.delivery.is_empty() && to.delivery != from.pickup {
            self.fault(
                Fault::Pair,
                &path,
                "",
                "what is delivered differs from what is picked up; leave delivery out",
            );
        }
        if from.delivery.iter().chain(&to.pickup).any(|load| load.0 != 0) {
            self.fault(Fault::Pair, &path, "", "a shipment only moves its own load; use a job for the rest");
        }
        if to.prize.is_some() && from.prize.is_none() {
            self.fault(
                Fault::Pair,
                &path,
                "",
                "the delivery has a prize and the pickup none; put it on the pickup",
            );
        }
    }

    fn vehicle(&mut self, path: &str, vehicle: &Vehicle) {
        if !self.rich.matrices.contains_key(&vehicle.profile) {
            let want = "no matrix of this name; a key of matrices";
            self.fault(Fault::Matrix, &format!("{path}.profile"), &vehicle.profile, want);
        }
        for (field, place) in [("start", vehicle.start), ("end", vehicle.end)] {
            if let Some(place) = place {
                self.place(&format!("{path}.{field}"), place);
            }
        }
        if let Some(shift) = vehicle.shift {
            self.window(&format!("{path}.shift"), shift);
        }
        for (field, value) in [
            ("count", vehicle.count),
            ("loading", vehicle.loading),
            ("fixed", vehicle.fixed),
            ("per_distance", vehicle.per_distance),
            ("per_time", vehicle.per_time),
            ("max_duration", vehicle.max_duration.unwrap_or_default()),
            ("max_distance", vehicle.max_distance.unwrap_or_default()),
            ("max_stops", vehicle.max_stops.unwrap_or_default()),
            ("overtime.after", vehicle.overtime.unwrap_or_default().after),
            ("overtime.price", vehicle.overtime.unwrap_or_default().price),
        ] {
            self.number(&format!("{path}.{field}"), value);
        }
        if !(1..=1000).contains(&vehicle.max_trips.0) {
            self.fault(
                Fault::TooMany,
                &format!("{path}.max_trips"),
                vehicle.max_trips.0,
                "1 to 1000 trips; 1 means no reload",
            );
        }
        self.layouts(path, vehicle);
        self.pauses(path, vehicle);
    }

    fn layouts(&mut self, path: &str, vehicle: &Vehicle) {
        if vehicle.layouts.is_empty() {
            self.fault(
                Fault::NoCapacity,
                &format!("{path}.layouts"),
                "",
                "no layout; one capacity list at least",
            );
        }
        for layout in &vehicle.layouts {
            self.loads(&format!("{path}.layouts"), layout);
        }
        let asked = self.rich.visits().any(|j| j.delivery.iter().chain(&j.pickup).any(|load| load.0 > 0));
        let holds = vehicle.layouts.iter().flatten().any(|capacity| capacity.0 > 0);
        if asked && !holds {
            self.fault(Fault::NoCapacity, &format!("{path}.layouts"), 0, "holds nothing; a capacity above 0");
        }
    }

    fn pauses(&mut self, path: &str, vehicle: &Vehicle) {
        for reload in &vehicle.reloads {
            self.place(&format!("{path}.reloads.place"), reload.place);
            self.number(&format!("{path}.reloads.loading"), reload.loading);
            if let Some(window) = reload.window {
                self.window(&format!("{path}.reloads.window"), window);
            }
        }
        if let Some(rule) = vehicle.driving {
            self.number(&format!("{path}.driving.max_driving"), rule.max_driving);
            self.number(&format!("{path}.driving.rest"), rule.rest);
            if rule.max_driving.0 == 0 {
                self.fault(
                    Fault::Window,
                    &format!("{path}.driving.max_driving"),
                    0,
                    "no driving at all; above 0",
                );
            }
        }
        for pause in &vehicle.breaks {
            self.window(&format!("{path}.breaks.window"), pause.window);
            self.number(&format!("{path}.breaks.duration"), pause.duration);
        }
        if let Some(balance) = vehicle.balance {
            self.number(&format!("{path}.balance.target"), balance.target);
            self.number(&format!("{path}.balance.price"), balance.price);
        }
    }

    /// The plan to begin from, and what is locked of it.
    fn plan(&mut self) {
        if !self.sink.is_empty() {
            return;
        }
        let rich = self.rich;
        let routes = numbers(self.sink, rich, "plan", &rich.plan);
        let mut seen = BTreeSet::new();
        let visits = rich.visit_count();
        for number in routes.iter().flatten().copied().filter(|number| (1..=visits).contains(number)) {
            if !seen.insert(number) {
                self.fault(Fault::Twice, "plan", number, "a visit is in two places; each once");
            }
        }
        for (at, route) in rich.plan.iter().enumerate() {
            let reloads = rich.vehicles.iter().find(|v| v.id == route.vehicle).map_or(0, |v| v.reloads.len());
            if let Some(which) = route.stops.iter().filter_map(|s| s.reload).find(|&which| which >= reloads) {
                let want = format!("no such reload of this vehicle; below {reloads}");
                self.fault(Fault::UnknownId, &format!("plan[{at}].stops.reload"), which, want);
            }
        }
        let planned: BTreeSet<&str> =
            rich.plan.iter().flat_map(|r| &r.stops).filter_map(|s| s.visit.as_deref()).collect();
        for id in rich.locks.visits.keys().filter(|id| !planned.contains(id.as_str())) {
            self.fault(
                Fault::UnknownId,
                "locks.visits",
                id,
                "not a visit of plan; lock what the plan serves",
            );
        }
        let mut vehicles = BTreeSet::new();
        for (at, prefix) in rich.locks.prefixes.iter().enumerate() {
            let path = format!("locks.prefixes[{at}]");
            self.place(&format!("{path}.place"), prefix.place);
            self.number(&format!("{path}.time"), prefix.time);
            let Some(slot) = slot(rich, &prefix.vehicle, prefix.which.0) else {
                let want = "no such vehicle; an id of vehicles, which from 1 to its count";
                self.fault(Fault::UnknownId, &format!("{path}.vehicle"), &prefix.vehicle, want);
                continue;
            };
            if !vehicles.insert(slot) {
                self.fault(
                    Fault::Twice,
                    &path,
                    &prefix.vehicle,
                    "this vehicle has a prefix already; one each",
                );
            }
            let most = routes.get(slot).map_or(0, Vec::len) as i64;
            if !(0..=most).contains(&prefix.stops.0) {
                let want = format!("the plan has {most} stops for this vehicle; at most these are over");
                self.fault(Fault::TooMany, &format!("{path}.stops"), prefix.stops.0, want);
            }
        }
    }

    /// Places that no vehicle can reach and leave by its matrix.
    fn reach(&mut self) {
        if !self.sink.is_empty() {
            return;
        }
        let rich = self.rich;
        for (at, job) in rich.visits().enumerate() {
            let way = |vehicle: &Vehicle| {
                let matrix = &rich.matrices[&vehicle.profile];
                let open = |from: Int, to: Int| {
                    matrix.durations[from.0 as usize].0[to.0 as usize] != HOLE
                        && matrix
                            .distances
                            .get(from.0 as usize)
                            .is_none_or(|row| row.0[to.0 as usize] != HOLE)
                };
                let there = vehicle.start.is_none_or(|start| open(start, job.place));
                let back = vehicle.end.is_none_or(|end| open(job.place, end));
                // Another stop on the way may help; then the search decides.
                (there || matrix.durations.iter().any(|row| row.0[job.place.0 as usize] > 0))
                    && (back || matrix.durations[job.place.0 as usize].0.iter().any(|&cell| cell > 0))
            };
            if !rich.vehicles.iter().any(way) {
                let want = "no vehicle's matrix has a way to this place and back; correct the matrix";
                self.fault(Fault::Unreachable, &format!("visit {}.place", at + 1), &job.id, want);
            }
        }
    }
}
