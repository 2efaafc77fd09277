//! A vehicle is out: another one comes to where it stands, takes over what is aboard unit by unit (驳货) and makes its stops;
//! trips that it had not begun go to other vehicles.

use super::edit::{Trial, blank_visit};
use super::judge::{Judgement, TRANSFER};
use super::ways::NewTrip;
use super::{NoOffer, Offer, Running, WAYS_TRIED_MAX};
use crate::day::{Crew, Day};
use std::collections::BTreeSet;
use xiangyun_model::fleet::Vehicle;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{Handling, Leg, Trip, TripKind, Visit};

/// One way to get help: a trial with its bill.
struct Rescue {
    trial: Trial,
    fen: i64,
    left: usize,
}

impl Running {
    /// A vehicle cannot go on. `near` is the site nearest to where it stands; tables of times know sites only, so the
    /// rescue is timed to there. The vehicle must be marked broken in the progress.
    ///
    /// # Errors
    /// [`NoOffer::Unknown`] when it has nothing more to do, [`NoOffer::NoHelp`] when nobody can take over.
    pub fn rescue(&self, vehicle: &str, near: &str) -> Result<Offer, NoOffer> {
        let open = self.open_trips(vehicle);
        if open.is_empty() || !self.progress.broken.contains(vehicle) {
            return Err(NoOffer::Unknown { what: format!("an open trip of vehicle {vehicle}") });
        }
        let begun = |t: usize| {
            self.plan.trips[t].visits.first().is_some_and(|v| self.progress.visits.contains_key(&v.id))
        };
        let ids: Vec<String> = open.iter().map(|&t| self.plan.trips[t].id.clone()).collect();
        // Without help nobody makes these trips: an offer may leave undone what would be undone anyway.
        let within = self.helpless(&ids, near);
        let mut trial = self.trial();
        let mut helped = false;
        for (id, &t) in ids.iter().zip(&open) {
            let found = if begun(t) {
                self.take_over(&trial, id, near, &within)
            } else {
                self.hand_on(&trial, id, &within)
            };
            match found {
                Some(next) => (trial, helped) = (next.trial, true),
                None => self.give_up(&mut trial, id, near, begun(t)),
            }
        }
        trial.retime(&self.inputs, &self.progress, &self.names);
        let before: BTreeSet<String> = super::price::unserved(&self.plan).into_iter().collect();
        let left: Vec<String> =
            super::price::unserved(&trial.plan).into_iter().filter(|l| !before.contains(l)).collect();
        helped |= self.place_left(&mut trial, &left, &within) > 0;
        if !helped {
            return Err(NoOffer::NoHelp { vehicle: vehicle.to_owned() });
        }
        self.offer_within(&trial, Vec::new(), 0, &within)
    }

    /// What is broken when nobody comes to help.
    fn helpless(&self, trips: &[String], near: &str) -> Judgement {
        let mut trial = self.trial();
        for id in trips {
            let first = trial.plan.trip(id).and_then(|t| t.visits.first());
            let begun = first.is_some_and(|v| self.progress.visits.contains_key(&v.id));
            self.give_up(&mut trial, id, near, begun);
        }
        trial.retime(&self.inputs, &self.progress, &self.names);
        self.before().with(self.news(&trial.plan))
    }

    fn crews(&self) -> Vec<Crew> {
        let county = &self.inputs.county;
        Day::new(county, self.plan.date, &[], &self.inputs.travel, &self.inputs.opening)
            .crews
            .into_iter()
            .filter(|c| !self.progress.broken.contains(county.vehicle(c.vehicle).id.as_str()))
            .collect()
    }

    /// Compartment names of another vehicle that take the same goods, by layout.
    pub(super) fn layout_like(
        &self,
        vehicle: &Vehicle,
        trip: &Trip,
    ) -> Option<(usize, Vec<(String, String)>)> {
        let county = &self.inputs.county;
        let used: BTreeSet<&str> = trip
            .visits
            .iter()
            .flat_map(|v| v.load.iter().chain(&v.unload))
            .map(|h| h.compartment.as_str())
            .collect();
        (0..vehicle.layouts.len()).find_map(|layout| {
            let names: Option<Vec<(String, String)>> = used
                .iter()
                .map(|name| {
                    let old = trip.compartments.iter().find(|c| c.name == *name)?;
                    let new = vehicle.layouts[layout]
                        .compartments
                        .iter()
                        .find(|c| county.band(c.band).id.as_str() == old.band)?;
                    Some(((*name).to_owned(), new.name.clone()))
                })
                .collect();
            names.map(|n| (layout, n))
        })
    }

    /// Another vehicle meets the broken one and goes on with its trip.
    fn take_over(&self, trial: &Trial, id: &str, near: &str, within: &Judgement) -> Option<Rescue> {
        let trip = trial.plan.trip(id)?;
        let done = trip.visits.iter().rposition(|v| self.progress.visits.contains_key(&v.id))?;
        // The last visit of a trip is its base: somebody brings back what was collected.
        let rest: Vec<Visit> = trip.visits[done + 1..].to_vec();
        let aboard = aboard(&trip.visits[..=done]);
        let base = self.names.site(&trip.visits[0].site);
        let place = self.names.site(near);
        let mut found: Vec<Rescue> = Vec::new();
        for crew in self.nearest_crews(trial, place) {
            let Some(rescue) = self.rescued_by(trial, id, done, &rest, &aboard, place, base, &crew, within)
            else {
                continue;
            };
            let better = found.first().is_none_or(|b| (rescue.left, rescue.fen) < (b.left, b.fen));
            if better {
                found.insert(0, rescue);
            }
        }
        found.into_iter().next()
    }

    /// Crews by how soon they could be at a place, those still free first.
    fn nearest_crews(&self, trial: &Trial, place: SiteId) -> Vec<Crew> {
        let mut crews: Vec<(i64, Crew)> = self
            .crews()
            .into_iter()
            .filter_map(|c| {
                let free = self.free_at(trial, &c);
                let band = self.inputs.travel.band(c.profile, free);
                let (s, _) = self.inputs.travel.leg(c.profile, band, c.base.index(), place.index())?;
                Some((free + s, c))
            })
            .collect();
        crews.sort_by_key(|(at, c)| (*at, c.vehicle));
        crews.into_iter().map(|(_, c)| c).take(WAYS_TRIED_MAX).collect()
    }

    /// When a crew has made all its trips.
    fn free_at(&self, trial: &Trial, crew: &Crew) -> i64 {
        let id = self.inputs.county.vehicle(crew.vehicle).id.as_str();
        let ends = trial
            .plan
            .trips
            .iter()
            .filter(|t| t.kind != TripKind::Line && t.vehicle == id)
            .filter_map(|t| t.visits.last())
            .map(|v| v.depart)
            .max();
        ends.unwrap_or(crew.window.from_s).max(crew.window.from_s).max(self.progress.now)
    }

    fn trips_of(&self, trial: &Trial, vehicle: &str) -> u32 {
        trial.plan.trips.iter().filter(|t| t.kind != TripKind::Line && t.vehicle == vehicle).count() as u32
    }

    #[allow(clippy::too_many_arguments)] // the broken trip in its parts, and who comes
    fn rescued_by(
        &self,
        trial: &Trial,
        id: &str,
        done: usize,
        rest: &[Visit],
        aboard: &[Handling],
        place: SiteId,
        base: SiteId,
        crew: &Crew,
        within: &Judgement,
    ) -> Option<Rescue> {
        let county = &self.inputs.county;
        let vehicle = county.vehicle(crew.vehicle);
        let number = self.trips_of(trial, vehicle.id.as_str()) + 1;
        let reach = |s: SiteId| vehicle.kind <= county.site(s).max_vehicle;
        let old = trial.plan.trip(id)?;
        if number > vehicle.trips_max
            || !reach(place)
            || !rest.iter().all(|v| reach(self.names.site(&v.site)))
        {
            return None;
        }
        let (layout, rooms) = self.layout_like(vehicle, old)?;
        let mut next = trial.clone();
        let mut sites = vec![crew.base, place];
        sites.extend(rest[..rest.len().saturating_sub(1)].iter().map(|v| self.names.site(&v.site)));
        let brings = base != crew.base;
        if brings {
            sites.push(base);
        }
        sites.push(crew.base);
        let begins = self.free_at(trial, crew);
        let new =
            NewTrip { vehicle: crew.vehicle, driver: crew.driver.index(), layout, number, sites, begins };
        let t = next.add_trip(&new, &self.inputs);
        let new_id = next.plan.trips[t].id.clone();
        let renamed = |h: &Handling| Handling {
            load: h.load.clone(),
            compartment: rooms
                .iter()
                .find(|(a, _)| *a == h.compartment)
                .map_or_else(|| h.compartment.clone(), |(_, b)| b.clone()),
        };
        // The stops ahead keep their names on the new trip: papers and codes at the points stay good.
        let meeting = format!("{new_id}{TRANSFER}");
        let n = next.plan.trips[t].visits.len();
        next.plan.trips[t].visits[1].id.clone_from(&meeting);
        next.plan.trips[t].visits[1].load = aboard.iter().map(renamed).collect();
        let home = if brings { n - 2 } else { n - 1 };
        for (i, visit) in rest.iter().enumerate() {
            let last = i + 1 == rest.len();
            let slot = if last { home } else { 2 + i };
            let own = &mut next.plan.trips[t].visits[slot];
            if !last {
                own.id.clone_from(&visit.id);
                own.latest = visit.latest.max(self.progress.now);
            }
            own.unload = visit.unload.iter().map(renamed).collect();
            own.load = visit.load.iter().map(renamed).collect();
        }
        let home_id = next.plan.trips[t].visits[home].id.clone();
        let last_id = rest.last().map(|v| v.id.clone()).unwrap_or_default();
        // The broken trip ends where it stands, with everything aboard handed over.
        let strand = format!("{id}{TRANSFER}");
        let broken = next.plan.trips.iter_mut().find(|x| x.id == id)?;
        broken.visits.truncate(done + 1);
        let mut end = blank_visit(strand.clone(), county.site(place).id.to_string(), self.progress.now);
        end.unload = aboard.to_vec();
        broken.visits.push(end);
        let ahead: BTreeSet<&str> = rest.iter().map(|v| v.id.as_str()).collect();
        for load in &mut next.plan.loads {
            let Some(at) = load.legs.iter().position(|leg| leg.trip == id && ahead.contains(leg.to.as_str()))
            else {
                continue;
            };
            let leg = load.legs[at].clone();
            let to = if leg.to == last_id { home_id.clone() } else { leg.to.clone() };
            let compartment = rooms
                .iter()
                .find(|(a, _)| *a == leg.compartment)
                .map_or_else(|| leg.compartment.clone(), |(_, b)| b.clone());
            if aboard.iter().any(|h| h.load == load.id) {
                load.legs[at].to.clone_from(&strand);
                let onward = Leg {
                    trip: new_id.clone(),
                    from: meeting.clone(),
                    to,
                    compartment,
                    ready: self.progress.now,
                };
                load.legs.insert(at + 1, onward);
            } else {
                load.legs[at] =
                    Leg { trip: new_id.clone(), from: leg.from, to, compartment, ready: leg.ready };
            }
        }
        self.judged(next, within)
    }

    /// A trip that has not begun goes to another vehicle as it is.
    fn hand_on(&self, trial: &Trial, id: &str, within: &Judgement) -> Option<Rescue> {
        let county = &self.inputs.county;
        let old = trial.plan.trip(id)?.clone();
        let base = self.names.site(&old.visits[0].site);
        let mut found: Vec<Rescue> = Vec::new();
        for crew in self.nearest_crews(trial, base).into_iter().filter(|c| c.base == base) {
            let vehicle = county.vehicle(crew.vehicle);
            let number = self.trips_of(trial, vehicle.id.as_str()) + 1;
            let reach =
                old.visits.iter().all(|v| vehicle.kind <= county.site(self.names.site(&v.site)).max_vehicle);
            let Some((layout, rooms)) = self.layout_like(vehicle, &old) else { continue };
            if number > vehicle.trips_max || !reach {
                continue;
            }
            let mut next = trial.clone();
            let begins = self.free_at(trial, &crew).max(old.visits[0].arrive.min(crew.window.to_s));
            let driver = Some(county.driver(crew.driver).id.to_string());
            if !self.ride_with(&mut next, id, vehicle, (layout, &rooms), driver, number) {
                continue;
            }
            let Some(trip) = next.plan.trips.iter_mut().find(|t| t.id == id) else { continue };
            trip.visits[0].arrive = begins;
            if let Some(rescue) = self.judged(next, within) {
                found.push(rescue);
            }
        }
        found.into_iter().min_by_key(|r| (r.left, r.fen))
    }

    /// Gives a trip to another vehicle with its own layout; `rooms` are the compartments' names before and after.
    pub(super) fn ride_with(
        &self,
        next: &mut Trial,
        id: &str,
        vehicle: &Vehicle,
        (layout, rooms): (usize, &[(String, String)]),
        driver: Option<String>,
        number: u32,
    ) -> bool {
        let county = &self.inputs.county;
        let Some(trip) = next.plan.trips.iter_mut().find(|t| t.id == id) else { return false };
        let rename = |name: &mut String| {
            if let Some((_, new)) = rooms.iter().find(|(a, _)| a == name) {
                name.clone_from(new);
            }
        };
        trip.vehicle = vehicle.id.to_string();
        trip.driver = driver;
        trip.number = number;
        trip.profile.clone_from(&vehicle.profile);
        trip.compartments = vehicle.layouts[layout]
            .compartments
            .iter()
            .map(|c| xiangyun_model::plan::Compartment {
                name: c.name.clone(),
                band: county.band(c.band).id.to_string(),
                capacity: c.room,
            })
            .collect();
        for visit in &mut trip.visits {
            visit.load.iter_mut().chain(&mut visit.unload).for_each(|h| rename(&mut h.compartment));
        }
        for leg in next.plan.loads.iter_mut().flat_map(|l| &mut l.legs).filter(|leg| leg.trip == id) {
            rename(&mut leg.compartment);
        }
        true
    }

    /// Times, checks and prices a trial; none when it breaks a rule that would hold without it. Loads that come too late
    /// for their next ride count as left; they may find another.
    fn judged(&self, mut next: Trial, within: &Judgement) -> Option<Rescue> {
        next.retime(&self.inputs, &self.progress, &self.names);
        if !self.first_news(&next.plan).is_no_worse_than(within) {
            return None;
        }
        let fen = self.bill(&next.plan).total_fen;
        Some(Rescue { left: super::price::unserved(&next.plan).len(), trial: next, fen })
    }

    /// Nobody can make the rest of a trip: it ends where the vehicle stands; what is aboard stays there, what was still to
    /// come is free for other vehicles.
    fn give_up(&self, trial: &mut Trial, id: &str, near: &str, begun: bool) {
        let Some(trip) = trial.plan.trips.iter_mut().find(|t| t.id == id) else { return };
        let done = trip.visits.iter().rposition(|v| self.progress.visits.contains_key(&v.id));
        let aboard = done.map_or_else(Vec::new, |d| aboard(&trip.visits[..=d]));
        let ahead: BTreeSet<String> =
            trip.visits.iter().skip(done.map_or(0, |d| d + 1)).map(|v| v.id.clone()).collect();
        let strand = format!("{id}{TRANSFER}");
        match done {
            Some(d) if begun => {
                trip.visits.truncate(d + 1);
                let mut end = blank_visit(strand.clone(), near.to_owned(), self.progress.now);
                end.unload.clone_from(&aboard);
                trip.visits.push(end);
            }
            _ => trial.plan.trips.retain(|t| t.id != id),
        }
        for load in &mut trial.plan.loads {
            let Some(at) = load.legs.iter().position(|l| l.trip == id && ahead.contains(&l.to)) else {
                continue;
            };
            let on_it = aboard.iter().any(|h| h.load == load.id);
            let keep = if on_it { at + 1 } else { at };
            for leg in load.legs.split_off(keep) {
                for visit in
                    trial.plan.trips.iter_mut().filter(|t| t.id == leg.trip).flat_map(|t| &mut t.visits)
                {
                    if visit.id == leg.from {
                        visit.load.retain(|h| h.load != load.id);
                    }
                    if visit.id == leg.to {
                        visit.unload.retain(|h| h.load != load.id);
                    }
                }
            }
            if on_it {
                load.legs[at].to.clone_from(&strand);
            }
        }
    }
}

/// What is aboard after these visits, as it was loaded.
fn aboard(visits: &[Visit]) -> Vec<Handling> {
    let mut held: Vec<Handling> = Vec::new();
    for visit in visits {
        held.retain(|h| !visit.unload.iter().any(|u| u.load == h.load));
        held.extend(visit.load.iter().cloned());
    }
    held
}
