//! The county's people at a daemon: everything they do is a request of its API, everything terminals say a JT/T 808 frame.

use super::terminal::Terminals;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use xiangyun_dispatch::command::{Command, PlaceOrder};
use xiangyun_dispatch::event::{Agreed, Condition, Event, Found, PlannedTrip, ProofKind, Returnable};
use xiangyun_dispatch::holder::Holder;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::travel::Travel;
use xiangyun_simulation::desk::{Desk, Refused, Sent};

/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Orders in one request.
const BULK: usize = 1_000;
/// Business time between two looks of the dispatcher at the queue.
const LOOK_MS: i64 = 60_000;
/// How long the dispatcher lets an exception settle by itself.
const PATIENCE_MS: i64 = 8 * 60_000;

/// Who signs a request.
#[derive(Clone, Debug)]
pub(crate) enum Pass {
    /// An API key or first-run token.
    Bearer(String),
    /// A session cookie.
    Cookie(String),
    /// Nobody.
    None,
}

/// A daemon's API.
pub(crate) struct Api {
    agent: ureq::Agent,
    base: String,
    pub(crate) pass: Pass,
    /// Requests made.
    pub(crate) requests: u64,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) cookie: Option<String>,
}

impl Api {
    pub(crate) fn new(base: &str, pass: Pass) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_WAIT))
            .build();
        Self { agent: config.new_agent(), base: base.trim_end_matches('/').to_owned(), pass, requests: 0 }
    }

    /// Reads a body as text.
    pub(crate) fn text(&mut self, path: &str) -> io::Result<(u16, String)> {
        self.requests += 1;
        let mut request = self.agent.get(format!("{}{path}", self.base));
        request = match &self.pass {
            Pass::Bearer(token) => request.header("authorization", format!("Bearer {token}")),
            Pass::Cookie(cookie) => request.header("cookie", cookie),
            Pass::None => request,
        };
        let mut response = request.call().map_err(io::Error::other)?;
        let text =
            response.body_mut().with_config().limit(4 << 30).read_to_string().map_err(io::Error::other)?;
        Ok((response.status().as_u16(), text))
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Value> {
        let (status, text) = self.text(path)?;
        if status >= 400 {
            return Err(io::Error::other(format!("{path}: {status} {text}")));
        }
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        self.requests += 1;
        let mut request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        request = match &self.pass {
            Pass::Bearer(token) => request.header("authorization", format!("Bearer {token}")),
            Pass::Cookie(cookie) => request.header("cookie", cookie),
            Pass::None => request,
        };
        let mut response = request.send(body.to_string().as_bytes()).map_err(io::Error::other)?;
        let cookie = response
            .headers()
            .get("set-cookie")
            .and_then(|c| c.to_str().ok())
            .and_then(|c| c.split(';').next())
            .map(ToOwned::to_owned);
        let text = response.body_mut().read_to_string().map_err(io::Error::other)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status: response.status().as_u16(), body, cookie })
    }
}

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
    pub(crate) terminals: Terminals,
    pace: Pace,
    orders: Vec<Value>,
    shelves: BTreeMap<String, Vec<String>>,
    codes: BTreeMap<String, String>,
    looked_ms: i64,
    seen: BTreeMap<String, i64>,
    asked: BTreeSet<String>,
    /// Repairs accepted.
    pub(crate) repairs: u64,
    /// What went wrong on the way, first of all.
    pub(crate) trouble: Vec<String>,
    clock_ms: i64,
    pub(crate) trips: Trips,
    /// The repair worker, where it runs in this process.
    pub(crate) worker: Option<Worker>,
    /// Told when an offer was accepted.
    pub(crate) accepted: Option<Box<dyn FnMut(&str)>>,
}

fn at(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

fn holder(h: &Holder) -> Value {
    let (kind, id) = match h {
        Holder::Carrier(id) => ("carrier", id),
        Holder::Sender(id) => ("sender", id),
        Holder::Site(id) => ("site", id),
        Holder::Vehicle(id) => ("vehicle", id),
        Holder::Recipient(id) => ("recipient", id),
        Holder::Returned(id) => ("returned", id),
        Holder::Lost(id) => ("lost", id),
    };
    json!({ "kind": kind, "id": id })
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

/// Trips as the live stream tells them.
#[derive(Clone, Default)]
pub(crate) struct Trips(Arc<Mutex<BTreeMap<String, PlannedTrip>>>);

#[derive(Deserialize)]
struct Told {
    kind: String,
    data: Value,
}

impl Trips {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, PlannedTrip>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.with(|t| t.len())
    }

    /// Follows the daemon's stream in a thread of its own until the daemon ends it.
    pub(crate) fn follow(base: &str, pass: &Pass) -> io::Result<Self> {
        let agent = ureq::Agent::config_builder().build().new_agent();
        let url = format!("{}/api/v1/events?kinds=TripPlanned,TripDropped&after=0", base.trim_end_matches('/'));
        let Pass::Bearer(token) = pass else { return Err(io::Error::other("a key is needed")) };
        let answer = agent
            .get(url)
            .header("authorization", format!("Bearer {token}"))
            .call()
            .map_err(io::Error::other)?;
        let trips = Self::default();
        let known = trips.clone();
        std::thread::spawn(move || {
            let lines = BufReader::new(answer.into_body().into_reader()).lines();
            for line in lines.map_while(Result::ok) {
                let Some(told) =
                    line.strip_prefix("data:").and_then(|d| serde_json::from_str::<Told>(d.trim()).ok())
                else {
                    continue;
                };
                let trip = told.data.get("trip").cloned().unwrap_or_default();
                known.with(|all| match told.kind.as_str() {
                    "TripPlanned" => {
                        if let Ok(trip) = serde_json::from_value::<PlannedTrip>(trip) {
                            all.insert(trip.trip.clone(), trip);
                        }
                    }
                    _ => {
                        if let Some(id) = trip.as_str() {
                            all.remove(id);
                        }
                    }
                });
            }
        });
        Ok(trips)
    }

    /// Waits until so many are known.
    pub(crate) fn wait_for(&self, many: usize, longest: Duration) -> bool {
        let until = Instant::now() + longest;
        while self.len() < many && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.len() >= many
    }
}

/// Makes an offer for an exception where the repair worker is at hand; whether there is one now.
pub(crate) type Worker = Box<dyn FnMut(&str, i64) -> bool>;

impl Remote {
    pub(crate) fn new(api: Api, terminals: Terminals, pace: Pace, trips: Trips) -> Self {
        Self {
            api,
            terminals,
            pace,
            orders: Vec::new(),
            shelves: BTreeMap::new(),
            codes: BTreeMap::new(),
            looked_ms: i64::MIN,
            seen: BTreeMap::new(),
            asked: BTreeSet::new(),
            repairs: 0,
            trouble: Vec::new(),
            clock_ms: i64::MIN,
            trips,
            worker: None,
            accepted: None,
        }
    }

    fn note(&mut self, what: impl ToString) {
        if self.trouble.len() < 100 {
            self.trouble.push(what.to_string());
        }
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Value, Refused> {
        match self.api.post(path, body) {
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

    /// Orders that gathered go in bulk.
    pub(crate) fn place_all(&mut self) {
        let orders = std::mem::take(&mut self.orders);
        for part in orders.chunks(BULK) {
            if let Err(refused) = self.post("/api/v1/orders/bulk", &json!({ "orders": part })) {
                self.note(refused.words);
            }
        }
    }

    fn shelve_all(&mut self) {
        for (site, orders) in std::mem::take(&mut self.shelves) {
            let items: Vec<Value> = orders.iter().map(|o| json!({ "item": o })).collect();
            match self
                .post(&format!("/api/v1/stops/{site}/scans"), &json!({ "kind": "shelve", "items": items }))
            {
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

    /// The dispatcher takes the queue: accepts the cheapest fresh repair, else settles what has waited long enough.
    fn dispatcher(&mut self, now_ms: i64) {
        let Ok(page) = self.api.get("/api/v1/exceptions") else { return };
        for found in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
            let (id, kind) = (text("id"), text("kind"));
            let since = *self.seen.entry(id.clone()).or_insert(now_ms);
            let waited = now_ms - since;
            let offers = found.get("repairs").and_then(Value::as_array).cloned().unwrap_or_default();
            let fresh = offers
                .iter()
                .filter(|o| o.get("fresh").and_then(Value::as_bool) == Some(true))
                .min_by_key(|o| o.get("price_fen").and_then(Value::as_i64).unwrap_or(i64::MAX));
            let path = format!("/api/v1/exceptions/{id}/repairs");
            if let Some(offer) = fresh {
                let body = json!({ "verdict": "accept", "offer": offer.get("offer") });
                match self.post(&path, &body) {
                    Ok(_) => {
                        self.repairs += 1;
                        if let (Some(told), Some(offer)) =
                            (&mut self.accepted, offer.get("offer").and_then(Value::as_str))
                        {
                            told(offer);
                        }
                        // The stream brings the new trips in a moment.
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    Err(refused) => self.note(refused.words),
                }
                continue;
            }
            let by_plan = matches!(
                kind.as_str(),
                "breakdown" | "late_risk" | "trunk_late" | "unassigned" | "road_closed"
            );
            let turn = format!("{id}/{}", waited / 600_000);
            if by_plan && waited < 40 * 60_000 && self.asked.insert(turn) {
                if let Some(worker) = &mut self.worker
                    && worker(&id, now_ms)
                {
                    continue;
                }
            }
            let patience = match kind.as_str() {
                "breakdown" => 45 * 60_000,
                "late_risk" | "trunk_late" | "road_closed" | "no_signal" | "unassigned" => PATIENCE_MS,
                _ => 30 * 60_000,
            };
            if waited >= patience {
                let body = json!({ "how": "已处理 looked into by the dispatcher", "acted": true });
                if let Err(refused) = self.post(&format!("/api/v1/exceptions/{id}/close"), &body) {
                    self.note(refused.words);
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
        let (status, text) = self.api.text("/api/v1/export")?;
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

impl Desk for Remote {
    fn submit(&mut self, command: &Command, _now_ms: i64) -> Result<(), Refused> {
        let (path, body) = match command {
            Command::PlaceOrder(order) => {
                self.orders.push(order_body(order));
                return Ok(());
            }
            // The daemon knows the places' room from its own county.
            Command::SetRoom { .. } => return Ok(()),
            Command::Shelve { order, site, .. } => {
                self.shelves.entry(site.clone()).or_default().push(order.clone());
                return Ok(());
            }
            Command::Arrive { visit, at_ms } => {
                (format!("/api/v1/stops/{visit}/scans"), json!({ "kind": "arrive", "at": at(*at_ms) }))
            }
            Command::Serve { visit, at_ms } => {
                (format!("/api/v1/stops/{visit}/scans"), json!({ "kind": "depart", "at": at(*at_ms) }))
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
                    "id": h.handover, "site": h.site, "from": holder(&h.from), "to": holder(&h.to),
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
                let site = self.api.get(&format!("/api/v1/orders/{order}")).ok();
                let site = site
                    .as_ref()
                    .and_then(|o| o.get("site").and_then(Value::as_str))
                    .unwrap_or_default()
                    .to_owned();
                (format!("/api/v1/stops/{site}/proof"), body)
            }
            Command::TakeCash { order, fen, method, .. } => {
                ("/api/v1/cash".to_owned(), json!({ "order": order, "fen": fen, "method": method }))
            }
            Command::CloseCash { holder: h, counted_fen, .. } => {
                ("/api/v1/cash/close".to_owned(), json!({ "holder": holder(h), "counted_fen": counted_fen }))
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
                    json!({ "record": record, "item": word, "count": count, "from": holder(from), "to": holder(to) }),
                )
            }
            other => return Err(Refused { code: "SIM".into(), words: format!("{other:?} has no path") }),
        };
        self.post(&path, &body).and_then(|answer| {
            let events = answer.get("events").and_then(Value::as_array);
            let tried = events.is_some_and(|e| e.iter().any(|k| k.as_str() == Some("CodeTried")));
            if tried { Err(Refused { code: "D206".into(), words: "wrong code".into() }) } else { Ok(()) }
        })
    }

    fn trips(&mut self, vehicle: &str) -> Vec<PlannedTrip> {
        let mut trips: Vec<PlannedTrip> =
            self.trips.with(|all| all.values().filter(|t| t.vehicle == vehicle).cloned().collect());
        trips.sort_by_key(|t| t.visits.first().map_or(0, |v| v.depart_ms));
        trips
    }

    fn position(&mut self, vehicle: &str, sent: Sent, _now_ms: i64) {
        self.terminals.report(vehicle, sent);
    }

    fn new_order(&mut self, _row: &OrderRow, order: PlaceOrder, _now_ms: i64) {
        let id = order.order.clone();
        if let Err(refused) = self.post("/api/v1/orders", &order_body(&order)) {
            self.note(refused.words);
            return;
        }
        let body = json!({
            "kind": "unassigned", "subject": format!("order/{id}"),
            "evidence": "当日新单，未排入 | came in during the day, not in the plan", "price_fen": 1_000,
        });
        if let Err(refused) = self.post("/api/v1/exceptions", &body) {
            self.note(refused.words);
        }
    }

    fn roads_changed(&mut self, _travel: &Travel, why: &str, _now_ms: i64) {
        let body = json!({
            "kind": "road_closed", "subject": format!("site/{why}"),
            "evidence": format!("{why} 道路封闭或恢复 | the road at {why} closed or opened"), "price_fen": 0,
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
        let next = now_ms + xiangyun_simulation::world::TICK_MS;
        match self.pace {
            Pace::Stepped => {
                if let Err(refused) = self.post("/api/v1/clock", &json!({ "to_ms": next })) {
                    self.note(refused.words);
                }
            }
            Pace::Scaled => {
                // Somebody else's clock: wait until it is there.
                while self.clock_ms < next {
                    match self.clock() {
                        Ok((_, now, speed)) => {
                            self.clock_ms = now;
                            let left_ms = (next - now).max(0) as f64 / speed.max(0.001);
                            std::thread::sleep(Duration::from_millis((left_ms as u64).clamp(1, 1_000)));
                        }
                        Err(err) => {
                            self.note(err);
                            return;
                        }
                    }
                }
            }
        }
    }
}
