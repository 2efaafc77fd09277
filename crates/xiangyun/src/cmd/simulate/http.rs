//! The county's people at a daemon: everything they do is a request of its API, everything terminals say a JT/T 808 frame.

use super::api::{Api, Keys, Pass};
use super::stream::Stream;
use super::terminal::Terminals;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use xiangyun_dispatch::command::{Command, PlaceOrder};
use xiangyun_dispatch::event::{Agreed, Condition, Event, Found, PlannedTrip, ProofKind, Returnable};
use xiangyun_dispatch::holder::Holder;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::travel::Travel;
use xiangyun_simulation::desk::{Desk, Refused, Sent};

/// Orders in one request.
const BULK: usize = 1_000;
/// Business time between two looks of the dispatcher at the queue.
const LOOK_MS: i64 = 60_000;
/// How long the dispatcher lets an exception settle by itself.
const PATIENCE_MS: i64 = 8 * 60_000;
/// How long a repair is shown before the dispatcher accepts it: somebody at the day board may be quicker.
const SHOWN_MS: i64 = 3 * 60_000;
/// Longest wait for the live stream to tell what was acknowledged.
const TOLD_WAIT: Duration = Duration::from_secs(20);

/// How the business clock of the daemon moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// We move it.
    Stepped,
    /// It runs by itself; we keep up with it.
    Scaled,
}

/// The desk at a daemon.
pub(crate) struct Remote {
    pub(crate) api: Api,
    pub(crate) keys: Keys,
    pub(crate) terminals: Terminals,
    pub(crate) pace: Pace,
    orders: BTreeMap<String, Vec<Value>>,
    shelves: BTreeMap<String, Vec<String>>,
    codes: BTreeMap<String, String>,
    /// Where orders were shelved.
    shelved: BTreeMap<String, String>,
    looked_ms: i64,
    seen: BTreeMap<String, i64>,
    /// Roads that are closed, as subjects.
    closed: BTreeSet<String>,
    /// Repairs accepted.
    pub(crate) repairs: u64,
    /// What went wrong on the way, first of all.
    pub(crate) trouble: Vec<String>,
    clock_ms: i64,
    pub(crate) stream: Stream,
    /// Tells what the dispatcher sees and does: local time is the caller's to know.
    pub(crate) tell: Option<Tell>,
}

fn at(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

const fn agreed(a: &Agreed) -> &'static str {
    match a {
        Agreed::Door => "door",
        Agreed::Point => "point",
        Agreed::Proxy => "proxy",
    }
}

fn order_body(o: &PlaceOrder) -> Value {
    json!({
        "id": o.order, "direction": o.direction, "carrier": o.carrier, "origin": o.origin,
        "destination": o.destination, "class": o.class, "pieces": o.pieces, "mass_g": o.g, "volume_cm3": o.cm3,
        "promise": at(o.promise_ms), "cash": o.cash.as_ref().map(|c| json!({ "fen": c.fen, "goods": c.goods })),
        "agreed": o.agreed.as_ref().map(agreed), "keep_days": o.keep_days,
    })
}

/// Something that a bystander wants to hear.
pub(crate) enum News<'a> {
    /// Something is wrong: kind, subject, evidence.
    Raised(&'a str, &'a str, &'a str),
    /// A repair was accepted: kind, price in fen, stops moved.
    Repaired(&'a str, i64, i64),
    /// Settled by hand: kind and subject.
    Settled(&'a str, &'a str),
}

/// Hears news; the instant is the business clock's.
pub(crate) type Tell = Box<dyn FnMut(i64, &News<'_>)>;

impl Remote {
    pub(crate) fn new(api: Api, keys: Keys, terminals: Terminals, pace: Pace, stream: Stream) -> Self {
        Self {
            api,
            keys,
            terminals,
            pace,
            orders: BTreeMap::new(),
            shelves: BTreeMap::new(),
            codes: BTreeMap::new(),
            shelved: BTreeMap::new(),
            looked_ms: i64::MIN,
            seen: BTreeMap::new(),
            closed: BTreeSet::new(),
            repairs: 0,
            trouble: Vec::new(),
            clock_ms: i64::MIN,
            stream,
            tell: None,
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        if self.trouble.len() < 100 {
            self.trouble.push(what.into());
        }
    }

    /// Asks as the dispatcher.
    fn post(&mut self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.post_as(&self.keys.dispatcher.clone(), path, body)
    }

    fn post_as(&mut self, pass: &Pass, path: &str, body: &Value) -> Result<Value, Refused> {
        match self.api.post_as(pass, path, body) {
            Ok(answer) if answer.status < 300 => Ok(answer.body),
            Ok(answer) => {
                let text = |key: &str| answer.body.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
                let code = if text("code").is_empty() { answer.status.to_string() } else { text("code") };
                Err(Refused { code, words: format!("{path}: {} {}", answer.status, text("detail")) })
            }
            Err(err) => {
                self.note(format!("{path}: {err}"));
                Err(Refused { code: "IO".into(), words: err.to_string() })
            }
        }
    }

    /// Orders that gathered go in bulk, each carrier's from its own system.
    pub(crate) fn place_all(&mut self) {
        for (carrier, orders) in std::mem::take(&mut self.orders) {
            let pass = self.keys.carrier(&carrier);
            for part in orders.chunks(BULK) {
                let placed = self.post_as(&pass, "/api/v1/orders/bulk", &json!({ "orders": part }));
                if let Err(refused) = placed {
                    self.note(refused.words);
                }
            }
        }
    }

    /// Waits until the stream has told everything that the daemon has acknowledged.
    pub(crate) fn caught_up(&mut self) {
        match self.api.get("/api/v1/clock") {
            Ok(view) => self.told(&view),
            Err(err) => self.note(err.to_string()),
        }
    }

    fn told(&mut self, clock: &Value) {
        let seq = clock.get("seq").and_then(Value::as_i64).unwrap_or(0);
        if !self.stream.wait_for(seq, TOLD_WAIT) {
            self.note(format!("the live stream has not told event {seq} within {} s", TOLD_WAIT.as_secs()));
        }
    }

    fn shelve_all(&mut self) {
        for (site, orders) in std::mem::take(&mut self.shelves) {
            let items: Vec<Value> = orders.iter().map(|o| json!({ "item": o })).collect();
            let body = json!({ "kind": "shelve", "items": items });
            let keeper = self.keys.site(&site);
            match self.post_as(&keeper, &format!("/api/v1/stops/{site}/scans"), &body) {
                Ok(body) => {
                    for shelf in body.get("shelves").and_then(Value::as_array).into_iter().flatten() {
                        let text =
                            |key: &str| shelf.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
                        self.codes.insert(text("order"), text("code"));
                    }
                }
                Err(refused) => self.note(refused.words),
            }
        }
    }

    /// The dispatcher takes the queue: accepts the cheapest repair, else settles what has waited long enough.
    fn dispatcher(&mut self, now_ms: i64) {
        let page = match self.api.get("/api/v1/exceptions") {
            Ok(page) => page,
            Err(err) => return self.note(err.to_string()),
        };
        for found in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            self.take_up(found, now_ms);
        }
    }

    fn take_up(&mut self, found: &Value, now_ms: i64) {
        let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let (id, kind, subject) = (text("id"), text("kind"), text("subject"));
        if !self.seen.contains_key(&id) {
            self.seen.insert(id.clone(), now_ms);
            self.say(now_ms, &News::Raised(&kind, &subject, &text("evidence")));
        }
        let waited = now_ms - self.seen[&id];
        let offers = found.get("repairs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let number = |o: &Value, key: &str| o.get(key).and_then(Value::as_i64).unwrap_or(0);
        // One that the day has left behind is made anew by the daemon as it is accepted.
        let fresh = |o: &Value| o.get("fresh").and_then(Value::as_bool) == Some(true);
        let offer = offers.iter().min_by_key(|o| (!fresh(o), number(o, "price_fen")));
        if let Some(offer) = offer {
            if waited >= SHOWN_MS {
                let name = offer.get("offer").and_then(Value::as_str).unwrap_or_default();
                if self.accept(&id, name) {
                    let (price, moved) = (number(offer, "price_fen"), number(offer, "moved_stops"));
                    self.say(now_ms, &News::Repaired(&kind, price, moved));
                    return;
                }
            } else {
                return;
            }
        }
        let patience = match kind.as_str() {
            "breakdown" => 45 * 60_000,
            "late_risk" | "trunk_late" | "no_signal" | "deviation" => PATIENCE_MS,
            // Settling it would open the road.
            "road_closed" => i64::MAX,
            "unassigned" => 60 * 60_000,
            _ => 30 * 60_000,
        };
        if waited >= patience {
            let body = json!({ "how": "已处理 looked into by the dispatcher", "acted": true });
            match self.post(&format!("/api/v1/exceptions/{id}/close"), &body) {
                Ok(_) => self.say(now_ms, &News::Settled(&kind, &subject)),
                Err(refused) => self.note(refused.words),
            }
        }
    }

    /// A closed road is open again: its exception is settled.
    fn reopen(&mut self, subject: &str, now_ms: i64) {
        let Ok(page) = self.api.get("/api/v1/exceptions") else { return };
        for found in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or("");
            if text("kind") != "road_closed" || text("subject") != subject {
                continue;
            }
            let body = json!({ "how": "道路恢复 the road is open again", "acted": true });
            match self.post(&format!("/api/v1/exceptions/{}/close", text("id")), &body) {
                Ok(_) => self.say(now_ms, &News::Settled("road_closed", subject)),
                Err(refused) => self.note(refused.words),
            }
        }
    }

    /// Accepts an offer; one that went stale in between is no fault.
    fn accept(&mut self, exception: &str, offer: &str) -> bool {
        let body = json!({ "verdict": "accept", "offer": offer });
        if let Err(refused) = self.post(&format!("/api/v1/exceptions/{exception}/repairs"), &body) {
            if refused.code.starts_with("IO") {
                self.note(refused.words);
            }
            return false;
        }
        self.repairs += 1;
        self.caught_up();
        true
    }

    fn say(&mut self, now_ms: i64, news: &News<'_>) {
        if let Some(tell) = &mut self.tell {
            tell(now_ms, news);
        }
    }

    /// From now on the daemon's clock runs by itself; it was started again meanwhile, so links are opened anew.
    pub(crate) fn run_free(&mut self) {
        self.pace = Pace::Scaled;
        self.clock_ms = i64::MIN;
        self.api.renew();
        self.terminals.part();
    }

    /// Moves a stepped clock forward, or waits until a running one is there.
    pub(crate) fn move_to(&mut self, to_ms: i64) {
        match self.pace {
            Pace::Stepped => match self.post("/api/v1/clock", &json!({ "to_ms": to_ms })) {
                Ok(view) => self.told(&view),
                Err(refused) => self.note(refused.words),
            },
            // Somebody else's clock: wait until it is there.
            Pace::Scaled => {
                while self.clock_ms < to_ms {
                    match self.clock() {
                        Ok((_, now, speed)) => {
                            self.clock_ms = now;
                            let left_ms = (to_ms - now).max(0) as f64 / speed.max(0.001);
                            std::thread::sleep(Duration::from_millis((left_ms as u64).clamp(1, 1_000)));
                        }
                        Err(err) => return self.note(err.to_string()),
                    }
                }
            }
        }
    }

    /// What the daemon's clock says.
    pub(crate) fn clock(&mut self) -> io::Result<(String, i64, f64)> {
        let view = self.api.get("/api/v1/clock")?;
        let source = view.get("source").and_then(Value::as_str).unwrap_or("").to_owned();
        let now = view
            .get("now_ms")
            .and_then(Value::as_i64)
            .or_else(|| {
                let text = view.get("now").and_then(Value::as_str)?;
                text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
            })
            .unwrap_or(0);
        let speed = view.get("speed").and_then(Value::as_f64).unwrap_or(1.0);
        Ok((source, now, speed))
    }

    /// The whole log as the daemon exports it.
    pub(crate) fn log(&mut self) -> io::Result<Vec<(i64, Event)>> {
        let usual = std::mem::replace(&mut self.api.pass, self.keys.auditor.clone());
        let answer = self.api.text("/api/v1/export");
        self.api.pass = usual;
        let (status, text) = answer?;
        if status != 200 {
            return Err(io::Error::other(format!("/api/v1/export: {status}")));
        }
        let mut log = Vec::new();
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).map_err(io::Error::other)?;
            let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or("");
            if !Event::KINDS.contains(&text("kind")) {
                continue;
            }
            let body: Vec<u8> = (0..text("body").len() / 2)
                .filter_map(|i| u8::from_str_radix(text("body").get(2 * i..2 * i + 2)?, 16).ok())
                .collect();
            let schema = row.get("schema").and_then(Value::as_i64).unwrap_or(0) as i32;
            let event = Event::read(text("kind"), schema, &body).map_err(io::Error::other)?;
            log.push((row.get("at_ms").and_then(Value::as_i64).unwrap_or(0), event));
        }
        Ok(log)
    }
}

impl Remote {
    /// Who does it in the county.
    fn who(&self, command: &Command) -> Pass {
        let keys = &self.keys;
        let crew = |visit: &str| self.stream.vehicle_of(visit).map(|v| keys.driver(&v));
        match command {
            Command::Arrive { visit, .. } | Command::Serve { visit, .. } | Command::Fail { visit, .. } => {
                crew(visit).unwrap_or_else(|| keys.dispatcher.clone())
            }
            Command::HandOver(h) => match (&h.from, &h.to) {
                (_, Holder::Vehicle(v)) | (Holder::Vehicle(v), _) => keys.driver(v),
                (_, Holder::Site(site)) | (Holder::Site(site), _) => keys.site(site),
                _ => keys.dispatcher.clone(),
            },
            Command::Accept { by, .. } if by == "hub" => keys.hub(),
            Command::Accept { by, .. } => keys.driver(by),
            Command::MoveReturnables { to: Holder::Vehicle(v), .. }
            | Command::SetCondition { vehicle: v, .. } => keys.driver(v),
            Command::Agree { order, .. }
            | Command::Refuse { order, .. }
            | Command::TakeCash { order, .. } => {
                self.shelved.get(order).map_or_else(|| keys.dispatcher.clone(), |site| keys.site(site))
            }
            Command::Deliver { site, .. } => keys.site(site),
            _ => keys.dispatcher.clone(),
        }
    }
}

impl Desk for Remote {
    fn submit(&mut self, command: &Command, _now_ms: i64) -> Result<(), Refused> {
        let pass = self.who(command);
        let (path, body) = match command {
            Command::PlaceOrder(order) => {
                self.orders.entry(order.carrier.clone()).or_default().push(order_body(order));
                return Ok(());
            }
            // The daemon knows the places' room from its own county.
            Command::SetRoom { .. } => return Ok(()),
            Command::Shelve { order, site, .. } => {
                self.shelves.entry(site.clone()).or_default().push(order.clone());
                self.shelved.insert(order.clone(), site.clone());
                return Ok(());
            }
            Command::Arrive { visit, at_ms } => {
                (format!("/api/v1/stops/{visit}/scans"), json!({ "kind": "arrive", "at": at(*at_ms) }))
            }
            Command::Serve { visit, at_ms } => {
                (format!("/api/v1/stops/{visit}/scans"), json!({ "kind": "depart", "at": at(*at_ms) }))
            }
            Command::Fail { visit, cause, .. } => {
                (format!("/api/v1/stops/{visit}/scans"), json!({ "kind": "fail", "cause": cause }))
            }
            Command::HandOver(h) => {
                let found = |f: Found| match f {
                    Found::Good => "good",
                    Found::Damaged => "damaged",
                    Found::MisSorted => "mis_sorted",
                };
                let items: Vec<Value> =
                    h.actual.iter().map(|c| json!({ "item": c.item, "found": found(c.found) })).collect();
                let body = json!({
                    "id": h.handover, "site": h.site, "from": &h.from, "to": &h.to,
                    "visit": h.visit, "expected": h.expected, "items": items, "confirmed": true,
                });
                ("/api/v1/handovers".to_owned(), body)
            }
            Command::Accept { order, real_name, inspected, screened, .. } => (
                format!("/api/v1/orders/{order}/acceptance"),
                json!({ "real_name": real_name, "inspected": inspected, "screened": screened }),
            ),
            Command::Agree { order, agreed: a, how } => {
                (format!("/api/v1/orders/{order}/consent"), json!({ "agreed": agreed(a), "how": how }))
            }
            Command::Deliver { order, site, proof: ProofKind::Code, code_hash, .. } => {
                let wrong = code_hash.as_deref() == Some("wrong");
                let code = if wrong { "000000" } else { self.codes.get(order).map_or("", String::as_str) };
                (
                    format!("/api/v1/stops/{site}/proof"),
                    json!({ "order": order, "outcome": "delivered", "proof": "code", "code": code }),
                )
            }
            Command::Refuse { order, cause } => {
                let body = json!({ "order": order, "outcome": "refused", "cause": cause });
                let site = self.shelved.get(order).cloned().unwrap_or_default();
                (format!("/api/v1/stops/{site}/proof"), body)
            }
            Command::TakeCash { order, fen, method, .. } => {
                ("/api/v1/cash".to_owned(), json!({ "order": order, "fen": fen, "method": method }))
            }
            Command::CloseCash { holder: h, counted_fen, .. } => {
                ("/api/v1/cash/close".to_owned(), json!({ "holder": h, "counted_fen": counted_fen }))
            }
            Command::Defer { order, promise_ms, cause } => (
                format!("/api/v1/orders/{order}/deferral"),
                json!({ "promise": at(*promise_ms), "cause": cause }),
            ),
            Command::SetCondition { vehicle, condition, site, note } => {
                let word = match condition {
                    Condition::Ready => "ready",
                    Condition::Broken => "broken",
                    Condition::Off => "off",
                };
                (
                    format!("/api/v1/vehicles/{vehicle}/condition"),
                    json!({ "condition": word, "site": site, "note": note }),
                )
            }
            Command::MoveReturnables { record, item, count, from, to } => {
                let word = match item {
                    Returnable::Bag => "bag",
                    Returnable::Tote => "tote",
                    Returnable::Cage => "cage",
                    Returnable::CoolBox => "cool_box",
                    Returnable::IcePack => "ice_pack",
                };
                (
                    "/api/v1/returnables".to_owned(),
                    json!({ "record": record, "item": word, "count": count, "from": from, "to": to }),
                )
            }
            other => return Err(Refused { code: "SIM".into(), words: format!("{other:?} has no path") }),
        };
        self.post_as(&pass, &path, &body).map(|_| ())
    }

    fn trips(&mut self, vehicle: &str) -> Vec<Arc<PlannedTrip>> {
        self.stream.trips(vehicle)
    }

    fn position(&mut self, vehicle: &str, sent: Sent, _now_ms: i64) {
        self.terminals.report(vehicle, sent);
    }

    fn new_order(&mut self, row: &OrderRow, order: PlaceOrder, _now_ms: i64) {
        let keeper = self.keys.site(&order.origin);
        let mut steps = vec![("/api/v1/orders".to_owned(), order_body(&order))];
        // Whoever takes it in at the counter does what the law asks there and then: only then may it be planned.
        if row.order.cleared {
            let done = json!({ "real_name": true, "inspected": true, "screened": true });
            steps.push((format!("/api/v1/orders/{}/acceptance", order.order), done));
        }
        for (path, body) in steps {
            if let Err(refused) = self.post_as(&keeper, &path, &body) {
                return self.note(refused.words);
            }
        }
    }

    fn roads_changed(&mut self, _travel: &Travel, why: &str, now_ms: i64) {
        let subject = format!("site/{why}");
        if !self.closed.insert(subject.clone()) {
            self.closed.remove(&subject);
            return self.reopen(&subject, now_ms);
        }
        let body = json!({
            "kind": "road_closed", "subject": subject,
            "evidence": format!("{why} 道路封闭 | the road at {why} is closed"), "price_fen": 0,
        });
        if let Err(refused) = self.post("/api/v1/exceptions", &body) {
            self.note(refused.words);
        }
    }

    fn tick(&mut self, now_ms: i64) {
        self.shelve_all();
        if let Err(err) = self.terminals.flush() {
            self.note(format!("terminals: {err}"));
        }
        if now_ms >= self.looked_ms.saturating_add(LOOK_MS) {
            self.looked_ms = now_ms;
            self.dispatcher(now_ms);
        }
        self.move_to(now_ms + xiangyun_simulation::world::TICK_MS);
    }
}
