//! The day itself: a clock in steps of [`TICK_MS`], vehicles, and people. Whoever does something tells the desk.

use crate::chance::Chance;
use crate::desk::{Desk, Refused, Sent};
use crate::faults::Faults;
use crate::people::People;
use crate::truth::{Parcel, Truth, Where};
use crate::vehicle::{Doing, Vehicle};
use crate::ways::{Line, Ways};
use std::collections::BTreeMap;
use std::sync::Arc;
use xiangyun_dispatch::arrival::Fix;
use xiangyun_dispatch::command::{Command, HandOver, PlaceOrder};
use xiangyun_dispatch::event::{
    Agreed, CashDue, Condition, Counted, Found, PlannedTrip, PlannedVisit, Returnable,
};
use xiangyun_dispatch::holder::Holder;
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_model::order::OrderKind;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::travel::Travel;

/// One step of the clock.
pub const TICK_MS: i64 = 15_000;
/// The day begins, in seconds after midnight.
pub const BEGIN_S: i64 = 4 * 3_600 + 1_800;
/// Vehicles are home and shelves are closed by then.
pub const END_S: i64 = 22 * 3_600 + 1_800;
/// Goods that have not come this long after a stop's latest start are not waited for.
const PATIENCE_MS: i64 = 300_000;
/// A broken vehicle is towed after this.
const TOW_MS: i64 = 4 * 3_600_000;
/// Suffix of the id of a visit at the roadside, as `planning::repair` names it.
const TRANSFER: &str = "-x";

/// What a day needs.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The county.
    pub county: &'a County,
    /// Its orders for the day.
    pub orders: &'a [OrderRow],
    /// Orders that come in during the day.
    pub later: &'a [OrderRow],
    /// Times and lengths.
    pub travel: &'a Travel,
    /// Ways on the road network; none for straight lines.
    pub ways: Option<&'a Ways>,
    /// Instant of local midnight.
    pub midnight_ms: i64,
    /// Seed of everything by chance.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
}

/// Counts of what was done and refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Requests made.
    pub asked: u64,
    /// Requests refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Positions sent.
    pub positions: u64,
    /// Breakdowns.
    pub breakdowns: u64,
    /// Metres by the tables of all legs driven.
    pub legs: u64,
}

/// The simulated county.
pub struct World<'a> {
    pub(crate) setting: Setting<'a>,
    pub(crate) truth: Truth,
    pub(crate) vehicles: BTreeMap<String, Vehicle>,
    places: BTreeMap<String, LonLat>,
    pub(crate) people: People,
    drive: Chance,
    serve: Chance,
    luck: Chance,
    fog: bool,
    closed: Option<(i64, i64, String)>,
    later: Vec<(i64, usize)>,
    pub(crate) handovers: u64,
    /// What was done and refused.
    pub counts: Counts,
    /// Where each vehicle really stood: site, from, to.
    pub stood: BTreeMap<String, Vec<(String, i64, i64)>>,
    /// Every refusal, for people who look for faults.
    pub refusals: Vec<(i64, String)>,
}

impl<'a> World<'a> {
    /// A county at night, before the first truck comes.
    #[must_use]
    pub fn new(setting: Setting<'a>) -> Self {
        let seed = setting.seed;
        let mut luck = Chance::new(seed, "luck");
        let county = setting.county;
        let place = |s: &xiangyun_model::site::Site| (s.id.to_string(), s.place);
        let places: BTreeMap<String, LonLat> = county.sites.iter().map(place).collect();
        let mut vehicles = BTreeMap::new();
        for v in &county.vehicles {
            let base = county.site(v.base).id.to_string();
            let wrong = luck.happens(setting.faults.wrong_clock);
            let clock_off_ms = if wrong { luck.within(-8, 8) * 3_600_000 } else { 0 };
            let pace = luck.around(setting.faults.drive_spread / 2);
            let one = Vehicle::at(base.clone(), places[&base], &v.profile);
            vehicles.insert(v.id.to_string(), Vehicle { clock_off_ms, pace, ..one });
        }
        // The buses of the fixed lines drive by their timetable and carry no terminal of ours.
        for line in &county.line_trips {
            let Some(first) = line.stops.first() else { continue };
            let site = county.site(first.site).id.to_string();
            let bus = Vehicle::at(site.clone(), places[&site], "bus");
            vehicles.insert(line.id.to_string(), Vehicle { terminal: false, ..bus });
        }
        let fog = luck.happens(setting.faults.fog);
        let mut later: Vec<(i64, usize)> = (0..setting.later.len())
            .map(|i| (setting.midnight_ms + luck.within(7 * 3_600, 14 * 3_600) * 1_000, i))
            .collect();
        later.sort_unstable();
        let closed = (setting.faults.closed_roads > 0).then(|| {
            let villages: Vec<&String> = places.keys().filter(|id| id.starts_with('V')).collect();
            let from = luck.within(8 * 3_600, 11 * 3_600);
            let at = villages.get(luck.below(villages.len() as u64) as usize).map_or("", |s| s.as_str());
            (setting.midnight_ms + from * 1_000, setting.midnight_ms + (from + 7_200) * 1_000, at.to_owned())
        });
        let people = People::new(&setting, &mut luck);
        Self {
            truth: Truth::default(),
            vehicles,
            places,
            people,
            drive: Chance::new(seed, "drive"),
            serve: Chance::new(seed, "serve"),
            luck,
            fog,
            closed,
            later,
            handovers: 0,
            counts: Counts::default(),
            stood: BTreeMap::new(),
            refusals: Vec::new(),
            setting,
        }
    }

    /// Asks the desk and keeps count.
    pub(crate) fn ask(&mut self, desk: &mut dyn Desk, command: &Command, now_ms: i64) -> Result<(), Refused> {
        self.counts.asked += 1;
        let answer = desk.submit(command, now_ms);
        if let Err(refused) = &answer {
            *self.counts.refused.entry(refused.code.clone()).or_insert(0) += 1;
            if self.refusals.len() < 1_000 {
                self.refusals.push((now_ms, refused.words.clone()));
            }
        }
        answer
    }

    /// Says what is known before the day: places' room and the orders.
    pub fn open(&mut self, desk: &mut dyn Desk) {
        let now_ms = self.begin_ms();
        let orders = self.setting.orders;
        for row in orders {
            // What the day before left is known on both sides.
            if self.truth.parcels.contains_key(row.order.id.as_str()) {
                continue;
            }
            let order = self.order_of(row);
            self.know(row, &order);
            let _ = self.ask(desk, &Command::PlaceOrder(order), now_ms);
        }
        for site in &self.setting.county.sites {
            if site.store_pieces > 0 {
                let room = Command::SetRoom { site: site.id.to_string(), pieces: site.store_pieces };
                let _ = self.ask(desk, &room, now_ms);
            }
        }
    }

    /// When the day begins.
    #[must_use]
    pub const fn begin_ms(&self) -> i64 {
        self.setting.midnight_ms + BEGIN_S * 1_000
    }

    /// Time of the day.
    #[must_use]
    pub const fn since_midnight_ms(&self, now_ms: i64) -> i64 {
        now_ms - self.setting.midnight_ms
    }

    /// Breakdowns are drawn among vehicles with a plan; call it once trips are published.
    pub fn draw_breakdowns(&mut self, desk: &mut dyn Desk) {
        let own = self.vehicles.iter().filter(|(_, v)| v.terminal);
        let ids: Vec<String> = own.map(|(id, _)| id.clone()).collect();
        let mut used: Vec<(String, i64, i64)> = Vec::new();
        for id in ids {
            let trips = desk.trips(&id);
            if let Some(trip) = trips.iter().max_by_key(|t| t.visits.len()).filter(|t| t.visits.len() >= 4) {
                used.push((id, trip.visits[0].depart_ms, trip.visits[trip.visits.len() - 1].arrive_ms));
            }
        }
        for _ in 0..self.setting.faults.breakdowns {
            if used.is_empty() {
                return;
            }
            let (id, from, to) = used.swap_remove(self.luck.below(used.len() as u64) as usize);
            let at = from + (to - from) * self.luck.within(15, 70) / 100;
            if let Some(vehicle) = self.vehicles.get_mut(&id) {
                vehicle.breaks_ms = Some(at);
            }
        }
    }

    /// One vehicle that drives between two stops of a trip of at least four within a span of time breaks down in it: a
    /// visitor of the day's beginning is to see what happens then.
    pub fn break_early(&mut self, desk: &mut dyn Desk, from_ms: i64, to_ms: i64) {
        let own = self.vehicles.iter().filter(|(_, v)| v.terminal);
        let ids: Vec<String> = own.map(|(id, _)| id.clone()).collect();
        let mut best: Option<(usize, String, i64)> = None;
        for id in ids {
            for trip in desk.trips(&id).iter().filter(|t| t.visits.len() >= 4) {
                // With everything aboard and every stop but one still ahead it matters most.
                let Some(leg) = trip.visits.windows(2).find(|w| {
                    let middle = i64::midpoint(w[0].depart_ms, w[1].arrive_ms);
                    (from_ms..to_ms).contains(&middle) && w[1].arrive_ms - w[0].depart_ms > 120_000
                }) else {
                    continue;
                };
                let middle = i64::midpoint(leg[0].depart_ms, leg[1].arrive_ms);
                let ahead: usize =
                    trip.visits.iter().filter(|v| v.arrive_ms > middle).map(|v| v.unload.len()).sum();
                if best.as_ref().is_none_or(|(most, ..)| ahead > *most) {
                    best = Some((ahead, id.clone(), middle));
                }
            }
        }
        if let Some((_, id, at)) = best
            && let Some(vehicle) = self.vehicles.get_mut(&id)
        {
            vehicle.breaks_ms = Some(at);
        }
    }

    fn order_of(&mut self, row: &OrderRow) -> PlaceOrder {
        let o = &row.order;
        let county = self.setting.county;
        let site = |s| county.site(s).id.to_string();
        let down = o.kind == OrderKind::Down;
        let cash = (down && self.luck.happens(300))
            .then(|| CashDue { fen: self.luck.within(1_000, 30_000), goods: self.luck.happens(7_000) });
        PlaceOrder {
            order: o.id.to_string(),
            direction: o.kind.word().to_owned(),
            carrier: county.carrier(o.carrier).id.to_string(),
            origin: site(o.origin),
            destination: site(o.destination),
            class: county.class(o.class).id.to_string(),
            pieces: o.amount.pieces,
            g: o.amount.g,
            cm3: o.amount.cm3,
            promise_ms: self.setting.midnight_ms + o.promise_s * 1_000,
            person: None,
            cash,
            agreed: (!self.luck.happens(300)).then_some(Agreed::Point),
            keep_days: 3,
        }
    }

    fn know(&mut self, row: &OrderRow, order: &PlaceOrder) {
        let down = row.order.kind == OrderKind::Down;
        self.truth.add(
            &order.order,
            Parcel {
                at: if down { Where::Carrier } else { Where::Sender },
                origin: order.origin.clone(),
                destination: order.destination.clone(),
                carrier: order.carrier.clone(),
                down,
                transfer: row.order.kind == OrderKind::Transfer,
                cash_fen: order.cash.as_ref().map(|c| c.fen),
                consent: order.agreed.is_some(),
                accepted: false,
                keep_days: order.keep_days,
            },
        );
        if down {
            self.people.expect(row.order.ready_s * 1_000 + self.setting.midnight_ms, order);
        }
    }

    /// Runs the whole day. `each` is called after every step.
    pub fn run(&mut self, desk: &mut dyn Desk, mut each: impl FnMut(&mut Self, &mut dyn Desk, i64)) {
        let end = self.setting.midnight_ms + END_S * 1_000;
        let mut now_ms = self.begin_ms();
        while now_ms <= end {
            self.step(desk, now_ms);
            desk.tick(now_ms);
            each(self, desk, now_ms);
            now_ms += TICK_MS;
        }
    }

    /// One step of the clock.
    pub fn step(&mut self, desk: &mut dyn Desk, now_ms: i64) {
        self.roads(desk, now_ms);
        while self.later.first().is_some_and(|(at, _)| *at <= now_ms) {
            let (_, i) = self.later.remove(0);
            let later = self.setting.later;
            let order = self.order_of(&later[i]);
            self.know(&later[i], &order);
            desk.new_order(&later[i], order, now_ms);
        }
        self.folk(desk, now_ms);
        let ids: Vec<String> = self.vehicles.keys().cloned().collect();
        for id in &ids {
            self.act(desk, id, now_ms);
            self.report(desk, id, now_ms);
        }
    }

    fn roads(&mut self, desk: &mut dyn Desk, now_ms: i64) {
        let Some((from, to, village)) = self.closed.clone() else { return };
        let opens = now_ms >= to;
        if (now_ms >= from && now_ms < from + TICK_MS) || (opens && now_ms < to + TICK_MS) {
            let mut travel = self.setting.travel.clone();
            if let Some(site) = self.setting.county.find_site(&village).filter(|_| !opens) {
                stretch(&mut travel, site.index(), 2_500);
            }
            desk.roads_changed(&travel, &village, now_ms);
        }
        if opens && now_ms >= to + TICK_MS {
            self.closed = None;
        }
    }

    fn factor(&mut self, id: &str, to: &str, now_ms: i64) -> i64 {
        let faults = &self.setting.faults;
        let (spread, stretch) = (faults.drive_spread, faults.drive_stretch);
        let mut factor = self.drive.around(spread) * self.drive.stretched(stretch) / 1_000;
        factor = factor * self.vehicles[id].pace / 1_000;
        let hour = (now_ms - self.setting.midnight_ms) / 3_600_000;
        if self.fog && hour < 9 {
            factor = factor * 1_300 / 1_000;
        }
        if let Some((from, until, village)) = &self.closed
            && (*from..*until).contains(&now_ms)
            && village == to
        {
            factor = factor * 2_500 / 1_000;
        }
        factor
    }

    /// What a vehicle does now.
    fn act(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let vehicle = &self.vehicles[id];
        if let Some(at) = vehicle.breaks_ms
            && now_ms >= at
            && matches!(vehicle.doing, Doing::Driving { .. })
        {
            self.break_down(desk, id, now_ms);
            return;
        }
        match self.vehicles[id].doing.clone() {
            Doing::Idle => self.next_stop(desk, id, now_ms),
            Doing::Driving { trip, visit, line, comes_ms, .. } => {
                if now_ms >= comes_ms {
                    let vehicle = self.vehicles.get_mut(id).expect("it is there");
                    vehicle.place = line.at(1.0).0;
                    vehicle.site.clone_from(&visit.site);
                    vehicle.doing = Doing::Stopped { trip, visit, came_ms: comes_ms, done_ms: None };
                    self.stop(desk, id, now_ms);
                }
            }
            Doing::Stopped { .. } => self.stop(desk, id, now_ms),
            Doing::Broken => {
                let towed = self.vehicles[id].broke_at_ms.is_some_and(|at| now_ms - at > TOW_MS);
                if towed {
                    self.bring_home(desk, id, now_ms);
                }
            }
        }
    }

    fn break_down(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let place = self.vehicles[id].position(now_ms);
        let near = self.nearest(place);
        let vehicle = self.vehicles.get_mut(id).expect("it is there");
        vehicle.place = place;
        vehicle.breaks_ms = None;
        vehicle.broke_at_ms = Some(now_ms);
        vehicle.doing = Doing::Broken;
        self.counts.breakdowns += 1;
        let command = Command::SetCondition {
            vehicle: id.to_owned(),
            condition: Condition::Broken,
            site: Some(near),
            note: "发动机故障 engine".into(),
        };
        let _ = self.ask(desk, &command, now_ms);
    }

    fn nearest(&self, place: LonLat) -> String {
        let away = |p: &LonLat| p.metres_to(place);
        let near = self.places.iter().min_by(|a, b| away(a.1).total_cmp(&away(b.1)));
        near.map_or_else(String::new, |(id, _)| id.clone())
    }

    /// Sets out for the next stop of the plan as it is now.
    fn next_stop(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let trips = desk.trips(id);
        let vehicle = &self.vehicles[id];
        // The trip under way first; a trip whose first stop is made by somebody else is none of ours.
        let mut open: Vec<&Arc<PlannedTrip>> =
            trips.iter().filter(|t| t.visits.iter().any(|v| !vehicle.made.contains(&v.visit))).collect();
        open.sort_by_key(|t| (vehicle.trip.as_deref() != Some(t.trip.as_str()), t.visits[0].depart_ms));
        let Some(trip) = open.first() else { return };
        let at = trip.visits.iter().rposition(|v| vehicle.made.contains(&v.visit)).map_or(0, |i| i + 1);
        let Some(visit) = trip.visits.get(at).cloned() else {
            // Everything after the last stop made was taken away: the rest of the trip is over.
            let over: Vec<String> = trip.visits.iter().map(|v| v.visit.clone()).collect();
            self.vehicles.get_mut(id).expect("it is there").made.extend(over);
            return;
        };
        let trip_id = trip.trip.clone();
        if at == 0 {
            // The crew loads when the plan says so, not before.
            if now_ms < visit.arrive_ms {
                return;
            }
            let vehicle = self.vehicles.get_mut(id).expect("it is there");
            vehicle.trip = Some(trip_id.clone());
            vehicle.doing = Doing::Stopped { trip: trip_id, visit, came_ms: now_ms, done_ms: None };
            return;
        }
        let planned_ms = visit.arrive_ms - trip.visits[at - 1].depart_ms;
        let factor = self.factor(id, &visit.site, now_ms);
        let takes_ms = (planned_ms * factor / 1_000).max(0);
        let blind = (self.luck.happens(self.setting.faults.blind) && takes_ms > 240_000).then(|| {
            let from = now_ms + takes_ms / 4;
            (from, from + takes_ms / 2 + self.luck.within(0, 300) * 1_000)
        });
        let line = self.line(id, &visit.site);
        self.counts.legs += 1;
        let vehicle = self.vehicles.get_mut(id).expect("it is there");
        vehicle.doing = Doing::Driving {
            trip: trip_id,
            visit,
            line,
            left_ms: now_ms,
            comes_ms: now_ms + takes_ms,
            blind,
        };
    }

    /// The line that a vehicle drives from where it stands to a site.
    fn line(&self, id: &str, to: &str) -> Arc<Line> {
        let vehicle = &self.vehicles[id];
        let at_site = self.places.get(&vehicle.site) == Some(&vehicle.place);
        let way = self.setting.ways.filter(|_| at_site && vehicle.site != to);
        way.and_then(|w| w.way(&vehicle.profile, &vehicle.site, to)).unwrap_or_else(|| {
            let end = self.places.get(to).copied().unwrap_or(vehicle.place);
            Arc::new(Line::new(vec![vehicle.place, end]))
        })
    }

    /// At a stop: waits for what is to be taken on, works, hands over, leaves.
    fn stop(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let Doing::Stopped { trip, visit, came_ms, done_ms } = self.vehicles[id].doing.clone() else {
            return;
        };
        let Some(done_ms) = done_ms else {
            // The plan may have changed while it waits.
            let visit = current(desk, id, &trip, &visit).unwrap_or(visit);
            let waits = visit.start_ms > visit.arrive_ms;
            let opens = if waits { came_ms.max(visit.start_ms) } else { came_ms };
            let there = visit.load.iter().all(|o| self.can_board(o, &visit));
            // A bus keeps its timetable, whatever has not come.
            let waited = now_ms > visit.latest_ms + PATIENCE_MS || !self.vehicles[id].terminal;
            let begins = now_ms >= opens && (there || waited);
            let done_ms = begins.then(|| {
                let planned = (visit.depart_ms - visit.start_ms.max(visit.arrive_ms)).max(0);
                let (spread, most) = (self.setting.faults.serve_spread, self.setting.faults.serve_stretch);
                let mut factor = self.serve.around(spread) * self.serve.stretched(most) / 1_000;
                if self.people.is_market(&visit.site) {
                    factor = factor * (1_000 + self.setting.faults.market_stretch) / 1_000;
                }
                now_ms.max(opens) + planned * factor / 1_000
            });
            let vehicle = self.vehicles.get_mut(id).expect("it is there");
            vehicle.doing = Doing::Stopped { trip, visit, came_ms, done_ms };
            return;
        };
        if now_ms < done_ms {
            return;
        }
        // What is on the list now counts: it may have changed during the work.
        let visit = current(desk, id, &trip, &visit).unwrap_or(visit);
        // The driver's first scan is proof of arrival where no position was.
        let _ = self.ask(desk, &Command::Arrive { visit: visit.visit.clone(), at_ms: came_ms }, now_ms);
        self.hand_over(desk, id, &visit, now_ms);
        let _ = self.ask(desk, &Command::Serve { visit: visit.visit.clone(), at_ms: now_ms }, now_ms);
        self.stood.entry(id.to_owned()).or_default().push((visit.site.clone(), came_ms, now_ms));
        let vehicle = self.vehicles.get_mut(id).expect("it is there");
        vehicle.made.insert(visit.visit.clone());
        vehicle.doing = Doing::Idle;
        self.next_stop(desk, id, now_ms);
    }

    /// Whether an order is where this stop takes it on.
    fn can_board(&self, order: &str, visit: &PlannedVisit) -> bool {
        let Some(parcel) = self.truth.parcels.get(order) else { return true };
        match &parcel.at {
            Where::Site(site) => *site == visit.site,
            Where::Sender => parcel.origin == visit.site,
            // From a broken vehicle at the roadside.
            Where::Vehicle(other) => {
                visit.visit.ends_with(TRANSFER)
                    && self.vehicles.get(other).is_some_and(|v| matches!(v.doing, Doing::Broken))
            }
            Where::Carrier => false,
            // Gone for good: not worth waiting for.
            Where::Recipient => true,
        }
    }

    fn number(&mut self, id: &str) -> String {
        self.handovers += 1;
        format!("{id}-{}", self.handovers)
    }

    fn hand_over(&mut self, desk: &mut dyn Desk, id: &str, visit: &PlannedVisit, now_ms: i64) {
        let van = Where::Vehicle(id.to_owned());
        let off: Vec<String> = visit.unload.iter().filter(|o| self.truth.is(o, &van)).cloned().collect();
        if !visit.unload.is_empty() {
            let site = Holder::Site(visit.site.clone());
            let to = (site, Where::Site(visit.site.clone()));
            let from = Holder::Vehicle(id.to_owned());
            // What never boarded was a difference when it was loaded; the driver's list says so.
            self.record(desk, id, visit, from, to, &off, &off, now_ms);
        }
        if visit.load.is_empty() {
            return;
        }
        let mut groups: BTreeMap<Where, Vec<String>> = BTreeMap::new();
        for order in &visit.load {
            if self.can_board(order, visit)
                && let Some(parcel) = self.truth.parcels.get(order)
                && parcel.at != Where::Recipient
            {
                groups.entry(parcel.at.clone()).or_default().push(order.clone());
            }
        }
        let at_site = Where::Site(visit.site.clone());
        let missing: Vec<String> = visit.load.iter().filter(|o| !self.can_board(o, visit)).cloned().collect();
        if !missing.is_empty() {
            groups.entry(at_site.clone()).or_default();
        }
        for (from, mut orders) in groups {
            let holder = match &from {
                Where::Site(site) => Holder::Site(site.clone()),
                Where::Vehicle(other) => Holder::Vehicle(other.clone()),
                _ => Holder::Sender(orders.first().cloned().unwrap_or_default()),
            };
            if from == Where::Sender {
                let no_show = self.setting.faults.no_show;
                orders.retain(|_| !self.luck.happens(no_show));
                for order in &orders {
                    let accept = Command::Accept {
                        order: order.clone(),
                        real_name: true,
                        inspected: false,
                        screened: false,
                        by: id.to_owned(),
                    };
                    let _ = self.ask(desk, &accept, now_ms);
                }
            }
            let mut expected = orders.clone();
            if from == at_site {
                expected.extend(missing.iter().cloned());
            }
            let to = (Holder::Vehicle(id.to_owned()), van.clone());
            self.record(desk, id, visit, holder, to, &expected, &orders, now_ms);
            if let Where::Vehicle(other) = &from {
                self.strand(desk, other, now_ms);
            }
        }
        let bags = Command::MoveReturnables {
            record: format!("RB-{}", visit.visit),
            item: Returnable::Bag,
            count: 1,
            from: Holder::Site(visit.site.clone()),
            to: Holder::Vehicle(id.to_owned()),
        };
        let _ = self.ask(desk, &bags, now_ms);
    }

    /// The broken vehicle's trip ends where it stands, empty.
    fn strand(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let came_ms = self.vehicles[id].broke_at_ms.unwrap_or(now_ms);
        for trip in desk.trips(id) {
            for visit in trip.visits.iter().filter(|v| v.visit.ends_with(TRANSFER)) {
                if self.vehicles[id].made.contains(&visit.visit) {
                    continue;
                }
                let _ =
                    self.ask(desk, &Command::Arrive { visit: visit.visit.clone(), at_ms: came_ms }, now_ms);
                let _ = self.ask(desk, &Command::Serve { visit: visit.visit.clone(), at_ms: now_ms }, now_ms);
                self.stood.entry(id.to_owned()).or_default().push((visit.site.clone(), came_ms, now_ms));
                self.vehicles.get_mut(id).expect("it is there").made.insert(visit.visit.clone());
            }
        }
    }

    /// One hand-over record, both sides on one device. Orders that move are moved in truth too.
    #[allow(clippy::too_many_arguments)] // a form with its boxes
    pub(crate) fn record(
        &mut self,
        desk: &mut dyn Desk,
        by: &str,
        visit: &PlannedVisit,
        from: Holder,
        (to, place): (Holder, Where),
        expected: &[String],
        orders: &[String],
        now_ms: i64,
    ) {
        if orders.is_empty() && expected.is_empty() {
            return;
        }
        let spoiled = self.setting.faults.spoiled;
        let actual: Vec<Counted> = orders
            .iter()
            .map(|o| Counted {
                item: o.clone(),
                found: if self.luck.happens(spoiled) { Found::Damaged } else { Found::Good },
            })
            .collect();
        let record = HandOver {
            handover: self.number(by),
            site: visit.site.clone(),
            from,
            to,
            visit: (!visit.visit.is_empty()).then(|| visit.visit.clone()),
            expected: expected.to_vec(),
            actual,
            seals: vec![],
            confirmed_by: Some(by.to_owned()),
        };
        if self.ask(desk, &Command::HandOver(record), now_ms).is_ok() {
            for order in orders {
                self.truth.set(order, place.clone());
                if let Where::Site(site) = &place {
                    self.people.came(order, site, &self.truth, now_ms);
                }
            }
        }
    }

    /// Everything aboard goes back to the base: after a tow, or at the end of the day.
    pub(crate) fn bring_home(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let aboard = self.truth.at(&Where::Vehicle(id.to_owned()));
        if aboard.is_empty() {
            return;
        }
        let base = self.vehicles[id].base.clone();
        let visit = PlannedVisit {
            visit: String::new(),
            site: base.clone(),
            arrive_ms: now_ms,
            start_ms: now_ms,
            depart_ms: now_ms,
            latest_ms: now_ms,
            unload: vec![],
            load: vec![],
        };
        let to = (Holder::Site(base.clone()), Where::Site(base));
        let from = Holder::Vehicle(id.to_owned());
        self.record(desk, id, &visit, from, to, &aboard, &aboard, now_ms);
    }

    /// The terminal's report of this step.
    fn report(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let vehicle = &self.vehicles[id];
        if vehicle.trip.is_none() || !vehicle.terminal {
            return;
        }
        let (place, speed_dkmh, course_deg) = vehicle.motion(now_ms);
        let blind = match &vehicle.doing {
            Doing::Driving { blind: Some((from, to)), .. } => (*from..*to).contains(&now_ms),
            _ => false,
        };
        let noise = |c: &mut Chance| c.within(-80, 80) as f64 * 1e-6;
        let fix = Fix {
            at_ms: now_ms + vehicle.clock_off_ms,
            lon: place.lon + noise(&mut self.luck),
            lat: place.lat + noise(&mut self.luck),
        };
        let sent = Sent { fix, speed_dkmh, course_deg, backfill: blind };
        let vehicle = self.vehicles.get_mut(id).expect("it is there");
        if blind {
            vehicle.stored.push(sent);
            return;
        }
        let stored = std::mem::take(&mut vehicle.stored);
        for sent in stored.into_iter().chain([sent]) {
            self.counts.positions += 1;
            desk.position(id, sent, now_ms);
        }
    }

    /// The holder that truth gives each order, in the desk's words.
    #[must_use]
    pub fn holders(&self) -> BTreeMap<String, Holder> {
        let holder = |id: &String, p: &Parcel| match &p.at {
            Where::Carrier => Holder::Carrier(p.carrier.clone()),
            Where::Sender => Holder::Sender(id.clone()),
            Where::Site(site) => Holder::Site(site.clone()),
            Where::Vehicle(v) => Holder::Vehicle(v.clone()),
            Where::Recipient => Holder::Recipient(id.clone()),
        };
        self.truth.parcels.iter().map(|(id, p)| (id.clone(), holder(id, p))).collect()
    }

    fn folk(&mut self, desk: &mut dyn Desk, now_ms: i64) {
        // People are taken out while they act, because they act on this world.
        let stand_in = self.people.stand_in();
        let mut people = std::mem::replace(&mut self.people, stand_in);
        people.act(self, desk, now_ms);
        people.absorb(std::mem::take(&mut self.people));
        self.people = people;
    }

    /// The county.
    #[must_use]
    pub const fn county(&self) -> &County {
        self.setting.county
    }

    pub(crate) const fn luck(&mut self) -> &mut Chance {
        &mut self.luck
    }
}

/// A visit as the desk's list has it now.
fn current(desk: &mut dyn Desk, vehicle: &str, trip: &str, visit: &PlannedVisit) -> Option<PlannedVisit> {
    let trips = desk.trips(vehicle);
    let trip = trips.iter().find(|t| t.trip == trip)?;
    trip.visits.iter().find(|v| v.visit == visit.visit).cloned()
}

/// All ways to and from a place take longer.
fn stretch(travel: &mut Travel, site: usize, thousandths: u64) {
    let n = travel.sites;
    for band in travel.tables.iter_mut().flat_map(|t| &mut t.bands) {
        for other in 0..n {
            for cell in [site * n + other, other * n + site] {
                let s = band.seconds[cell];
                if s != xiangyun_planning::travel::NO_WAY {
                    band.seconds[cell] = u32::try_from(u64::from(s) * thousandths / 1_000).unwrap_or(s);
                }
            }
        }
    }
}
