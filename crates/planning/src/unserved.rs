//! Why an order stays: for every kind of vehicle the first limit that truly binds, the cheapest repair among the limits,
//! the new date, and the breach that a second deferral is.

use crate::consolidate::{Cargo, Consolidated, Refused};
use crate::day::{Crew, Day};
use crate::rooms::compartment_for;
use crate::timing::Timing;
use jiff::civil::Date;
use std::collections::BTreeMap;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::id::{OrderId, SiteId};
use xiangyun_model::order::Order;
use xiangyun_model::plan::{Breach, Deferral, Direction, Limit, Reason, Repair, RepairAction, Unassigned};
use xiangyun_model::site::SiteKind;

/// What a day leaves, with everything said about it.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Every order left, ordered.
    pub unassigned: Vec<Unassigned>,
    /// Their new dates.
    pub deferrals: Vec<Deferral>,
    /// Second deferrals.
    pub breaches: Vec<Breach>,
}

/// Works out [`Left`] for a timed day.
pub struct Leftovers<'a> {
    day: &'a Day<'a>,
    goods: &'a Consolidated,
    timing: &'a Timing,
    /// When each crew is free for good.
    free_s: Vec<i64>,
    trips: Vec<usize>,
    metres: Vec<i64>,
}

/// The date promised instead: some days later, on a day on which both ends work if one is near.
#[must_use]
pub fn new_date(day: &Day<'_>, order: &Order) -> Date {
    let mut date = day.date;
    for ahead in 0..day.county.rules.defer_days.max(1) + 7 {
        date = date.tomorrow().unwrap_or(date);
        let works = |site: SiteId| day.county.site(site).works_on(date);
        if ahead + 1 >= day.county.rules.defer_days && works(order.origin) && works(day.end_of(order)) {
            break;
        }
    }
    date
}

impl<'a> Leftovers<'a> {
    /// Prepares what crews have left.
    #[must_use]
    pub fn new(day: &'a Day<'a>, goods: &'a Consolidated, timing: &'a Timing) -> Self {
        let mut all = Self {
            day,
            goods,
            timing,
            free_s: day.crews.iter().map(|c| c.window.from_s).collect(),
            trips: vec![0; day.crews.len()],
            metres: vec![0; day.crews.len()],
        };
        for trip in &timing.trips {
            all.free_s[trip.crew] = all.free_s[trip.crew].max(trip.to_s());
            all.trips[trip.crew] += 1;
            all.metres[trip.crew] += trip.metres();
        }
        all
    }

    /// Everything that is left, explained.
    #[must_use]
    pub fn list(&self) -> Left {
        let mut left = Left::default();
        for refused in &self.goods.refused {
            self.add(refused.order, self.refusal(refused), &mut left);
        }
        for (at, cargo) in self.goods.cargo.iter().enumerate() {
            if self.timing.arrives[at].is_none() {
                let reasons = self.reasons(cargo);
                for &order in &cargo.orders {
                    self.add(order, reasons.clone(), &mut left);
                }
            }
        }
        left.unassigned.sort_by(|a, b| a.order.cmp(&b.order));
        left.deferrals.sort_by(|a, b| a.order.cmp(&b.order));
        left.breaches.sort_by(|a, b| a.subject.cmp(&b.subject));
        left
    }

    fn add(&self, id: OrderId, reasons: Vec<Reason>, left: &mut Left) {
        let order = &self.day.orders[id.index()];
        let site = self.day.county.site(order.origin).id.to_string();
        let to = new_date(self.day, order);
        let binding =
            reasons.iter().max_by_key(|r| nearness(r)).expect("there is a reason for every kind of vehicle");
        if order.deferrals >= 1 {
            left.breaches.push(Breach {
                kind: "second_deferral".into(),
                subject: order.id.to_string(),
                limit: binding.limit,
                at: binding.at.clone(),
            });
        }
        left.deferrals.push(Deferral {
            order: order.id.to_string(),
            site: site.clone(),
            from: self.day.date,
            to,
            times: order.deferrals + 1,
        });
        let repair = self.repair(order, &reasons, to);
        left.unassigned.push(Unassigned { order: order.id.to_string(), site, reasons, repair });
    }

    /// Kinds of vehicle of the county, lines among them.
    fn kinds(&self) -> Vec<VehicleKind> {
        VehicleKind::ALL
            .into_iter()
            .filter(|&kind| match kind {
                VehicleKind::Bus => !self.day.county.line_trips.is_empty(),
                _ => self.day.county.vehicles.iter().any(|v| v.kind == kind),
            })
            .collect()
    }

    fn refusal(&self, refused: &Refused) -> Vec<Reason> {
        let reason = |kind: VehicleKind| Reason {
            vehicle_kind: name(kind),
            limit: refused.limit,
            at: refused.at.clone(),
            needs: refused.needs,
            has: refused.has,
            unit: refused.unit.into(),
        };
        self.kinds().into_iter().map(reason).collect()
    }

    fn reasons(&self, cargo: &Cargo) -> Vec<Reason> {
        self.kinds().into_iter().map(|kind| self.reason(cargo, kind)).collect()
    }

    /// The far end of a load's way: the village, or the station where no village is.
    fn far_end(&self, cargo: &Cargo) -> SiteId {
        if cargo.direction == Direction::Down { cargo.destination } else { cargo.origin }
    }

    /// The first limit that a load meets with vehicles of a kind, from what never changes to what this day used up.
    fn reason(&self, cargo: &Cargo, kind: VehicleKind) -> Reason {
        let county = self.day.county;
        let site = self.far_end(cargo);
        let place = county.site(site);
        let say = |limit, at: &dyn std::fmt::Display, needs, has, unit: &str| Reason {
            vehicle_kind: name(kind),
            limit,
            at: at.to_string(),
            needs,
            has,
            unit: unit.into(),
        };
        if kind == VehicleKind::Bus {
            let stops_here = county.line_trips.iter().any(|t| t.stops.iter().any(|s| s.site == site));
            let hold = county.line_trips.iter().map(|t| t.hold.pieces).max().unwrap_or(0);
            return if !stops_here {
                say(Limit::Unreachable, &place.id, 1, 0, "")
            } else if (0..county.classes.len())
                .any(|c| cargo.classes >> (c % 32) & 1 == 1 && !county.classes[c].on_lines)
            {
                say(Limit::Forbidden, &place.id, 1, 0, "")
            } else if cargo.amount.pieces > hold {
                say(Limit::Pieces, &place.id, cargo.amount.pieces, hold, "pieces")
            } else {
                say(Limit::Price, &place.id, cargo.amount.pieces, hold, "pieces")
            };
        }
        if place.max_vehicle < kind {
            return say(Limit::Forbidden, &place.id, kind as i64, place.max_vehicle as i64, "");
        }
        let crews: Vec<usize> = (0..self.day.crews.len())
            .filter(|&c| county.vehicle(self.day.crews[c].vehicle).kind == kind)
            .collect();
        if crews.is_empty() {
            let vehicles = county.vehicles.iter().filter(|v| v.kind == kind).count() as i64;
            return say(Limit::Shift, &"drivers", vehicles, 0, "");
        }
        let far = place.kind == SiteKind::Village || place.kind == SiteKind::Park;
        if far && crews.iter().all(|&c| self.day.crews[c].trunk) {
            return say(Limit::Trunk, &county.site(county.hub).id, 1, 0, "");
        }
        self.by_size(cargo, kind, &crews).unwrap_or_else(|| self.by_time(cargo, kind, &crews))
    }

    /// Whether any layout of the kind has a compartment that takes the band and the size at all.
    fn by_size(&self, cargo: &Cargo, kind: VehicleKind, crews: &[usize]) -> Option<Reason> {
        let county = self.day.county;
        let rooms: Vec<_> = crews
            .iter()
            .flat_map(|&c| &county.vehicle(self.day.crews[c].vehicle).layouts)
            .filter_map(|l| compartment_for(county, l, cargo, true).map(|r| l.compartments[r].room))
            .collect();
        let at = self.day.county.vehicle(self.day.crews[crews[0]].vehicle).id.to_string();
        let say = |limit, needs, has, unit: &str| {
            Some(Reason { vehicle_kind: name(kind), limit, at: at.clone(), needs, has, unit: unit.into() })
        };
        if rooms.is_empty() {
            return say(Limit::Band, 1, 0, "");
        }
        if rooms.iter().any(|&room| cargo.amount.fits(room)) {
            return None;
        }
        let most = rooms.iter().fold(xiangyun_model::units::Amount::ZERO, |m, &r| m.max(r));
        if cargo.amount.g > most.g {
            say(Limit::Weight, cargo.amount.g, most.g, "g")
        } else if cargo.amount.cm3 > most.cm3 {
            say(Limit::Volume, cargo.amount.cm3, most.cm3, "cm3")
        } else {
            say(Limit::Pieces, cargo.amount.pieces, most.pieces, "pieces")
        }
    }

    /// Seconds that one more trip for this load alone takes a crew, and whether hours and cut-offs allow it when the crew
    /// starts as soon as it is free.
    fn trip_s(&self, cargo: &Cargo, crew: &Crew) -> Option<(i64, i64)> {
        let county = self.day.county;
        let site = self.far_end(cargo);
        let (out_s, out_m) = self.day.travel.leg(crew.profile, 0, crew.base.index(), site.index())?;
        let (back_s, back_m) = self.day.travel.leg(crew.profile, 0, site.index(), crew.base.index())?;
        let handling =
            2 * county.site(crew.base).stop_s(cargo.handled) + county.site(site).stop_s(cargo.handled);
        Some((out_s + back_s + handling, out_m + back_m))
    }

    /// What this day used up: the crew that comes nearest to one more trip decides.
    fn by_time(&self, cargo: &Cargo, kind: VehicleKind, crews: &[usize]) -> Reason {
        let county = self.day.county;
        let mut nearest: Option<(i64, Reason)> = None;
        let mut all_unreachable = true;
        for &c in crews {
            let crew = &self.day.crews[c];
            let vehicle = county.vehicle(crew.vehicle);
            let say = |limit, needs, has, unit: &str| Reason {
                vehicle_kind: name(kind),
                limit,
                at: vehicle.id.to_string(),
                needs,
                has,
                unit: unit.into(),
            };
            let Some((trip_s, trip_m)) = self.trip_s(cargo, crew) else { continue };
            all_unreachable = false;
            let begin_s = self.free_s[c].max(cargo.release_s);
            let short_s = begin_s + trip_s - crew.window.to_s;
            let due_short_s = begin_s + trip_s - cargo.due_s;
            let (missing, reason) = if self.trips[c] >= vehicle.trips_max as usize {
                (
                    i64::MAX / 2,
                    say(Limit::Shift, self.trips[c] as i64 + 1, i64::from(vehicle.trips_max), "trips"),
                )
            } else if crew.range_m.is_some_and(|r| self.metres[c] + trip_m > r) {
                let needs = self.metres[c] + trip_m;
                (i64::MAX / 4, say(Limit::Range, needs, crew.range_m.unwrap_or(0), "m"))
            } else if cargo.hard && due_short_s > 0 {
                (due_short_s, say(Limit::CutOff, begin_s + trip_s, cargo.due_s, "s"))
            } else if short_s > 0 {
                (short_s, say(Limit::Shift, trip_s, (crew.window.to_s - begin_s).max(0), "s"))
            } else {
                (0, self.by_chain(cargo, kind, crew, trip_s, trip_m))
            };
            if nearest.as_ref().is_none_or(|(least, _)| missing < *least) {
                nearest = Some((missing, reason));
            }
        }
        let nowhere = Reason {
            vehicle_kind: name(kind),
            limit: Limit::Unreachable,
            at: county.site(self.far_end(cargo)).id.to_string(),
            needs: 1,
            has: 0,
            unit: String::new(),
        };
        match nearest {
            Some((_, reason)) if !all_unreachable => reason,
            _ => nowhere,
        }
    }

    /// A crew has time for the trip: then the trunk did not bring or fetch the goods, a rule of time out of band keeps
    /// them, or the trip costs more than leaving them.
    fn by_chain(&self, cargo: &Cargo, kind: VehicleKind, crew: &Crew, trip_s: i64, trip_m: i64) -> Reason {
        let county = self.day.county;
        let vehicle = county.vehicle(crew.vehicle);
        let price = vehicle.distance_fen(trip_m) + county.driver(crew.driver).crew_fen(trip_s, 0).0;
        let say = |limit, at: String, needs, has, unit: &str| Reason {
            vehicle_kind: name(kind),
            limit,
            at,
            needs,
            has,
            unit: unit.into(),
        };
        if let Some(most) = cargo.out_of_band_max_s.filter(|&most| trip_s > most) {
            return say(Limit::TimeOnBoard, vehicle.id.to_string(), trip_s, most, "s");
        }
        if crew.base != county.hub {
            return say(Limit::Trunk, county.site(crew.base).id.to_string(), cargo.amount.g, 0, "g");
        }
        say(Limit::Price, vehicle.id.to_string(), price, cargo.price_fen, "fen")
    }

    /// The cheapest of the changes that lift a reason, or waiting for the new date.
    fn repair(&self, order: &Order, reasons: &[Reason], to: Date) -> Repair {
        let county = self.day.county;
        let mut best = Repair {
            action: RepairAction::NextDay,
            subject: to.to_string(),
            by: 1,
            unit: "days".into(),
            cost_fen: county.costs.unserved_fen(order.unserved_fen, order.deferrals),
        };
        for reason in reasons {
            let repair = match reason.limit {
                Limit::Shift if reason.unit == "s" => {
                    let by = (reason.needs - reason.has).max(0);
                    let hour = county
                        .vehicles
                        .iter()
                        .position(|v| v.id.as_str() == reason.at)
                        .and_then(|v| self.day.crews.iter().find(|c| c.vehicle.index() == v))
                        .map_or(0, |c| county.driver(c.driver).overtime_hour_fen);
                    let allowed = by <= county.rules.overtime_max_s && hour > 0;
                    allowed.then(|| (RepairAction::ExtendShift, by, "s", (by * hour + 3599) / 3600))
                }
                Limit::Price => Some((RepairAction::Pay, reason.needs - reason.has, "fen", reason.needs)),
                Limit::Forbidden if reason.vehicle_kind != "line" && !order.cleared => {
                    Some((RepairAction::ChangeHandling, 1, "", 0))
                }
                _ => None,
            };
            if let Some((action, by, unit, cost_fen)) = repair.filter(|&(.., cost)| cost < best.cost_fen) {
                best = Repair { action, subject: reason.at.clone(), by, unit: unit.into(), cost_fen };
            }
        }
        best
    }

    /// Reasons of all orders left, counted by limit and resource.
    #[must_use]
    pub fn scarce(&self) -> BTreeMap<(Limit, String), u64> {
        let mut counts = BTreeMap::new();
        for (at, cargo) in self.goods.cargo.iter().enumerate() {
            if self.timing.arrives[at].is_some() {
                continue;
            }
            let reasons = self.reasons(cargo);
            if let Some(first) =
                reasons.iter().filter(|r| r.vehicle_kind != "line").max_by_key(|r| nearness(r))
            {
                *counts.entry((first.limit, first.vehicle_kind.clone())).or_insert(0) +=
                    cargo.orders.len() as u64;
            }
        }
        counts
    }
}

/// How near a kind of vehicle came to carrying an order: what a rule forbids is further off than what this day used up.
pub(crate) fn nearness(reason: &Reason) -> u8 {
    match reason.limit {
        Limit::Unreachable => 0,
        Limit::Forbidden | Limit::Incompatible => 1,
        Limit::Band | Limit::Weight | Limit::Volume | Limit::Pieces => 2,
        Limit::Release | Limit::CutOff | Limit::Hours | Limit::TimeOnBoard => 3,
        Limit::Storage | Limit::Dock => 4,
        Limit::Range | Limit::DrivingTime => 5,
        Limit::Trunk => 6,
        Limit::Shift => 7,
        Limit::Price => 8,
    }
}

fn name(kind: VehicleKind) -> String {
    if kind == VehicleKind::Bus { "line".into() } else { kind.word().into() }
}
