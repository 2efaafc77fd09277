//! Stops: what is due there, scans, proof of delivery.

use super::county::{Did, did, text_of};
use super::custody::{CountedBody, HolderBody, judge_items, sides};
use super::{Page, instant, limit_of, maybe_instant};
use crate::app::App;
use crate::ask::{Ask, Id, Query, Raw, reply};
use crate::auth::secret::{random_code, random_id, sha256_hex};
use crate::auth::{Action, Caller, Resource, authorize};
use crate::machine::{Done, World, read};
use crate::office::{Fact, Role};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Row;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use xiangyun_dispatch::command::{Command as DayCommand, HandOver};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::event::{Counted, Event, ProofKind};
use xiangyun_dispatch::holder::Holder;
use xiangyun_model::geo::LonLat;

/// Longest photo or signature in bytes.
pub const EVIDENCE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Items that one scan may name.
pub const ITEMS_MAX: usize = 20_000;

/// A stop.
#[derive(Debug, Serialize, ToSchema)]
pub struct StopView {
    /// Id.
    pub visit: String,
    /// Trip.
    pub trip: String,
    /// Vehicle.
    pub vehicle: String,
    /// Driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Site.
    pub site: String,
    /// Place in the trip, from 0.
    pub position: i64,
    /// Planned arrival.
    #[schema(value_type = String, format = DateTime)]
    pub planned_arrive: jiff::Timestamp,
    /// Planned departure.
    #[schema(value_type = String, format = DateTime)]
    pub planned_depart: jiff::Timestamp,
    /// `planned`, `en_route`, `arrived`, `served`, `skipped`, `failed`.
    pub phase: String,
    /// When the vehicle came.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrived: Option<jiff::Timestamp>,
    /// When it left.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<jiff::Timestamp>,
    /// Expected arrival, as likely earlier as later.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_p50: Option<jiff::Timestamp>,
    /// Expected arrival that holds in nine of ten cases.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_p90: Option<jiff::Timestamp>,
    /// Orders off, in number.
    pub unload_orders: i64,
    /// Orders on, in number.
    pub load_orders: i64,
}

/// Which stops.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StopFilter {
    /// `next` of the page before.
    #[param(max_length = 400)]
    pub cursor: Option<String>,
    /// Items, 1 to 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<i64>,
    /// Only of this vehicle.
    pub vehicle: Option<String>,
    /// Only at this site.
    pub site: Option<String>,
    /// Only in this phase.
    pub phase: Option<String>,
}

/// Stops by id.
#[utoipa::path(get, path = "/api/v1/stops", tag = "day", params(StopFilter), responses((status = 200, body = Page<StopView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(filter): Query<StopFilter>,
) -> Result<Response, Problem> {
    let limit = limit_of(filter.limit)?;
    let rows = sqlx::query(
        "SELECT visit, trip, vehicle, driver, site, position, planned_arrive_ms, planned_depart_ms, phase, arrived_ms, left_ms, \
         unload_orders, load_orders FROM stops WHERE county = $1 AND visit > $2 AND ($3 = '' OR vehicle = $3) \
         AND ($4 = '' OR site = $4) AND ($5 = '' OR phase = $5) ORDER BY visit LIMIT $6",
    )
    .bind(app.code.clone())
    .bind(filter.cursor.clone().unwrap_or_default())
    .bind(filter.vehicle.clone().unwrap_or_default())
    .bind(filter.site.clone().unwrap_or_default())
    .bind(filter.phase.clone().unwrap_or_default())
    .bind(limit + 1)
    .fetch_all(app.store.readers())
    .await?;
    let etas = app.etas.all();
    let items = rows
        .iter()
        .map(|r| {
            let visit: String = r.try_get("visit")?;
            let eta = etas.get(&visit);
            Ok(StopView {
                trip: r.try_get("trip")?,
                vehicle: r.try_get("vehicle")?,
                driver: r.try_get("driver")?,
                site: r.try_get("site")?,
                position: r.try_get("position")?,
                planned_arrive: instant(r.try_get("planned_arrive_ms")?),
                planned_depart: instant(r.try_get("planned_depart_ms")?),
                phase: r.try_get("phase")?,
                arrived: maybe_instant(r.try_get("arrived_ms")?),
                left: maybe_instant(r.try_get("left_ms")?),
                eta_p50: eta.map(|e| instant(e.p50_ms)),
                eta_p90: eta.map(|e| instant(e.p90_ms)),
                unload_orders: r.try_get("unload_orders")?,
                load_orders: r.try_get("load_orders")?,
                visit,
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    Ok(reply(StatusCode::OK, &Page::cut(items, limit, |i| i.visit.clone())))
}

/// What a scan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanKind {
    /// From the site onto the stop's vehicle.
    Load,
    /// From the stop's vehicle to the site.
    Unload,
    /// Into the site's hands from whoever has it: a carrier's delivery at the hub, a sender at a point.
    In,
    /// Onto a shelf for the recipient; the answer has the pick-up code (取件码).
    Shelve,
    /// The vehicle has come.
    Arrive,
    /// Everything here is done.
    Depart,
    /// The stop cannot be served.
    Fail,
}

/// A scan.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanBody {
    /// What it does.
    pub kind: ScanKind,
    /// Waybills and units scanned; for `load` and `unload` nothing means all that the plan says and is there.
    #[serde(default)]
    #[schema(max_items = 20000)]
    pub items: Vec<CountedBody>,
    /// Seals read.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub seals: Vec<String>,
    /// When, RFC 3339, for scans kept while offline; now if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<jiff::Timestamp>,
    /// Number of the record, made by the device; made here if absent.
    #[schema(max_length = 64)]
    pub record: Option<String>,
    /// Giver of `in` when it is not who has the items now: `carrier:ID` or `sender:ID`.
    pub from: Option<HolderBody>,
    /// Shelf of `shelve`; made from the site's count if absent.
    #[schema(max_length = 40)]
    pub shelf: Option<String>,
    /// Cause of `fail`.
    #[schema(max_length = 200)]
    pub cause: Option<String>,
}

/// A pick-up code.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shelf {
    /// Order.
    pub order: String,
    /// Shelf.
    pub shelf: String,
    /// Pick-up code.
    pub code: String,
}

/// What a scan led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scanned {
    /// Kinds of events.
    pub events: Vec<String>,
    /// Orders that changed hands.
    pub moved: u64,
    /// Expected but not scanned (少件).
    pub missing: Vec<String>,
    /// Scanned but not expected (多件).
    pub extra: Vec<String>,
    /// Codes of what was shelved.
    pub shelves: Vec<Shelf>,
}

/// The site and, for a planned stop, its vehicle.
struct Place {
    site: String,
    vehicle: Option<String>,
    visit: Option<String>,
}

fn place_of(app: &App, world: &World, id: &str) -> Result<Place, Problem> {
    if let Some((trip, visit, _)) = world.day.visit(id) {
        return Ok(Place {
            site: visit.site.clone(),
            vehicle: Some(trip.vehicle.clone()),
            visit: Some(id.to_owned()),
        });
    }
    match app.site(id) {
        Some(_) => Ok(Place { site: id.to_owned(), vehicle: None, visit: None }),
        None => Err(Problem::not_found("stop", id)),
    }
}

/// Whoever scans stands at the site or belongs to the vehicle.
fn may_scan(world: &World, caller: &Caller, action: Action, place: &Place) -> Result<(), Problem> {
    match (caller.role(), &place.vehicle) {
        (Role::Driver, Some(vehicle)) => authorize(world, caller, action, Resource::Vehicle(vehicle)),
        (Role::Driver, None) => Err(Problem::forbidden("a driver scans at the stops of the own vehicle")),
        _ => authorize(world, caller, action, Resource::Site(&place.site)),
    }
}

/// Scans at a stop, or at a site by its id.
#[utoipa::path(post, path = "/api/v1/stops/{id}/scans", tag = "day", params(("id" = String, Path, description = "Visit of the plan, or a site")), request_body = ScanBody, responses((status = 200, body = Scanned)))]
pub(super) async fn scan(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ScanBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    judge_items(&body.items, "/items")?;
    if body.seals.len() > 1_000 {
        return Err(Problem::value("/seals", &body.seals.len().to_string(), "at most 1,000 seals"));
    }
    for seal in &body.seals {
        text_of("/seals", seal, 64)?;
    }
    for (field, text) in [("/shelf", &body.shelf), ("/cause", &body.cause), ("/record", &body.record)] {
        if let Some(text) = text {
            text_of(field, text, 200)?;
        }
    }
    let caller = ask.context.caller.clone();
    let shared = Arc::clone(&app);
    app.act(&ask.context, "scan", &format!("stop/{id}"), move |world, now| {
        let place = place_of(&shared, world, &id)?;
        may_scan(world, &caller, Action::Scan, &place)?;
        scanned(&shared, world, now, &caller, &place, body)
    })
    .await
}

fn needs_visit(place: &Place) -> Result<(&str, &str), Problem> {
    match (&place.visit, &place.vehicle) {
        (Some(visit), Some(vehicle)) => Ok((visit, vehicle)),
        _ => Err(Problem::value(
            "/kind",
            "",
            "a stop of the plan; at a site alone `in` and `shelve` are scanned",
        )),
    }
}

fn scanned(
    app: &App,
    world: &World,
    now: i64,
    caller: &Caller,
    place: &Place,
    body: ScanBody,
) -> Result<Done, Problem> {
    let at_ms = body.at.map_or(now, jiff::Timestamp::as_millisecond).min(now);
    let site = Holder::Site(place.site.clone());
    let mut events = Vec::new();
    let mut facts = Vec::new();
    let mut shelves = Vec::new();
    match body.kind {
        ScanKind::Load | ScanKind::Unload => {
            let (visit, vehicle) = needs_visit(place)?;
            let truck = Holder::Vehicle(vehicle.to_owned());
            let (from, to) = if body.kind == ScanKind::Load { (site, truck) } else { (truck, site) };
            let actual = if body.items.is_empty() {
                planned_there(world, visit, body.kind, &from)
            } else {
                body.items.iter().map(CountedBody::inner).collect()
            };
            let record = body.record.unwrap_or_else(random_id);
            let handover = HandOver {
                handover: record,
                site: place.site.clone(),
                from,
                to,
                visit: Some(visit.to_owned()),
                expected: Vec::new(),
                actual,
                seals: body.seals,
                confirmed_by: Some(caller.who.clone()),
            };
            events.extend(decide(&world.day, &DayCommand::HandOver(handover), now)?);
        }
        ScanKind::In => {
            if body.items.is_empty() {
                return Err(Problem::value("/items", "", "what was scanned"));
            }
            let mut by_giver: BTreeMap<Holder, Vec<Counted>> = BTreeMap::new();
            for item in &body.items {
                let giver = match &body.from {
                    Some(from) => sides(app, from, "/from")?,
                    None => world
                        .day
                        .orders_of(&item.item)
                        .first()
                        .and_then(|id| world.day.orders.get(id))
                        .map(|o| o.holder.clone())
                        .ok_or_else(|| Problem::not_found("order", &item.item))?,
                };
                if giver != site {
                    by_giver.entry(giver).or_default().push(item.inner());
                }
            }
            let record = body.record.unwrap_or_else(random_id);
            for (n, (from, actual)) in by_giver.into_iter().enumerate() {
                let handover = HandOver {
                    handover: if n == 0 { record.clone() } else { format!("{record}-{n}") },
                    site: place.site.clone(),
                    from,
                    to: site.clone(),
                    visit: place.visit.clone(),
                    expected: Vec::new(),
                    actual,
                    seals: body.seals.clone(),
                    confirmed_by: Some(caller.who.clone()),
                };
                events.extend(decide(&world.day, &DayCommand::HandOver(handover), now)?);
            }
        }
        ScanKind::Shelve => {
            if body.items.is_empty() {
                return Err(Problem::value("/items", "", "what is put on the shelf"));
            }
            let count = world.day.shelved_at(&place.site);
            let orders: Vec<String> = body.items.iter().flat_map(|i| world.day.orders_of(&i.item)).collect();
            for (n, order) in orders.into_iter().enumerate() {
                let keep_days = world.day.orders.get(&order).map_or(3, |o| i64::from(o.keep_days));
                let code = random_code();
                let shelf =
                    body.shelf.clone().unwrap_or_else(|| format!("A-{:03}", (count + n as i64) % 1_000));
                let keep_until_ms = now + keep_days * 86_400_000;
                let command = DayCommand::Shelve {
                    order: order.clone(),
                    site: place.site.clone(),
                    shelf: shelf.clone(),
                    code_hash: code_hash(&order, &code),
                    keep_until_ms,
                };
                events.extend(decide(&world.day, &command, now)?);
                facts.extend(crate::notices::pick_up(
                    app,
                    world,
                    &order,
                    &place.site,
                    &shelf,
                    &code,
                    keep_until_ms,
                    now,
                ));
                shelves.push(Shelf { order, shelf, code });
            }
        }
        ScanKind::Arrive => {
            let (visit, _) = needs_visit(place)?;
            let command = DayCommand::Arrive { visit: visit.to_owned(), at_ms };
            events.extend(decide(&world.day, &command, now)?);
        }
        ScanKind::Depart => {
            let (visit, _) = needs_visit(place)?;
            let command = DayCommand::Serve { visit: visit.to_owned(), at_ms };
            events.extend(decide(&world.day, &command, now)?);
        }
        ScanKind::Fail => {
            let (visit, _) = needs_visit(place)?;
            let cause = body.cause.unwrap_or_else(|| "not served".into());
            let command = DayCommand::Fail { visit: visit.to_owned(), cause, skipped: false };
            events.extend(decide(&world.day, &command, now)?);
        }
    }
    let (mut moved, mut missing, mut extra) = (0, Vec::new(), Vec::new());
    for event in &events {
        if let Event::HandOverConfirmed(e) = event {
            moved += e.moved.len() as u64;
            missing.extend(e.missing.iter().cloned());
            extra.extend(e.extra.iter().cloned());
        }
    }
    let kinds: Vec<String> = events.iter().map(|e| e.kind().to_owned()).collect();
    let answer = serde_json::to_value(Scanned { events: kinds, moved, missing, extra, shelves })
        .map_err(|e| Problem::internal(&e))?;
    Ok(Done::new(StatusCode::OK, answer).with(events).with(facts))
}

/// SHA-256 of order and code: the order is the salt.
pub(crate) fn code_hash(order: &str, code: &str) -> String {
    sha256_hex(format!("{order}\u{0}{code}").as_bytes())
}

/// What the plan says changes hands at a stop and is with the giver now.
fn planned_there(world: &World, visit: &str, kind: ScanKind, from: &Holder) -> Vec<Counted> {
    let Some((_, planned, _)) = world.day.visit(visit) else { return Vec::new() };
    let list = if kind == ScanKind::Load { &planned.load } else { &planned.unload };
    list.iter()
        .filter(|id| world.day.orders.get(*id).is_some_and(|o| o.holder == *from))
        .map(|id| Counted { item: id.clone(), found: xiangyun_dispatch::event::Found::Good })
        .collect()
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Handed over.
    Delivered,
    /// Refused by the recipient; its return begins.
    Refused,
}

/// How it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofWord {
    /// Scanned.
    Scan,
    /// By pick-up code (取件码).
    Code,
    /// By an agreed proxy.
    Proxy,
    /// Signed.
    Signature,
    /// Photographed.
    Photo,
}

/// Proof of a delivery.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofBody {
    /// Order.
    #[schema(min_length = 1, max_length = 64)]
    pub order: String,
    /// How it ended.
    #[serde(default = "delivered")]
    pub outcome: Outcome,
    /// How it is proved.
    #[serde(default = "by_scan")]
    pub proof: ProofWord,
    /// Pick-up code.
    #[schema(max_length = 20)]
    pub code: Option<String>,
    /// Hash of a photo or signature kept by `/evidence`.
    #[schema(max_length = 64)]
    pub evidence: Option<String>,
    /// Where the device is: degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: Option<f64>,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: Option<f64>,
    /// When, RFC 3339, for proofs kept while offline; now if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<jiff::Timestamp>,
    /// Cause of a refusal.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub cause: String,
    /// How what was due was paid: `cash`, `wechat`, `alipay`, `card`; it is taken with the delivery.
    #[schema(max_length = 20)]
    pub paid_by: Option<String>,
}

const fn delivered() -> Outcome {
    Outcome::Delivered
}

const fn by_scan() -> ProofWord {
    ProofWord::Scan
}

/// Hands an order to its recipient, or notes the refusal.
#[utoipa::path(post, path = "/api/v1/stops/{id}/proof", tag = "day", params(("id" = String, Path, description = "Visit of the plan, or a site")), request_body = ProofBody, responses((status = 200, body = Did)))]
pub(super) async fn proof(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ProofBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    text_of("/cause", &body.cause, 200)?;
    for (field, text) in [("/code", &body.code), ("/evidence", &body.evidence), ("/paid_by", &body.paid_by)] {
        if let Some(text) = text {
            text_of(field, text, 64)?;
        }
    }
    let device = match (body.lon, body.lat) {
        (Some(lon), Some(lat)) => Some(
            LonLat::new(lon, lat).map_err(|_| Problem::value("/lon", &format!("{lon},{lat}"), "degrees"))?,
        ),
        _ => None,
    };
    let caller = ask.context.caller.clone();
    let shared = Arc::clone(&app);
    let answer = app
        .act(&ask.context, "deliver", &format!("order/{}", body.order), move |world, now| {
            let place = place_of(&shared, world, &id)?;
            may_scan(world, &caller, Action::Prove, &place)?;
            prove(&shared, world, now, &caller, &place, device, body)
        })
        .await?;
    Ok(answer)
}

fn prove(
    app: &App,
    world: &World,
    now: i64,
    caller: &Caller,
    place: &Place,
    device: Option<LonLat>,
    body: ProofBody,
) -> Result<Done, Problem> {
    let id = body.order.clone();
    let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
    authorize(world, caller, Action::Prove, Resource::Order { id: &id, order })?;
    if body.outcome == Outcome::Refused {
        let events = decide(&world.day, &DayCommand::Refuse { order: id, cause: body.cause }, now)?;
        return Ok(Done::new(StatusCode::OK, did(&events)).with(events));
    }
    let mut all = Vec::new();
    let mut order_paid = None;
    if let (Some(due), Some(method)) = (&order.cash, &body.paid_by) {
        let command = DayCommand::TakeCash {
            order: id.clone(),
            fen: due.fen,
            method: method.clone(),
            holder: order.holder.clone(),
        };
        let events = decide(&world.day, &command, now)?;
        // The delivery is decided on the day as it is after the money was taken.
        let mut after = xiangyun_dispatch::state::State::new(&world.day.county);
        after.orders.insert(id.clone(), order.clone());
        for event in &events {
            after.apply(event);
        }
        all.extend(events);
        order_paid = Some(after);
    }
    let state = order_paid.as_ref().unwrap_or(&world.day);
    let distance_m = device.and_then(|d| app.site(&place.site).map(|s| d.metres_to(s.place).round() as i64));
    let command = DayCommand::Deliver {
        order: id.clone(),
        site: place.site.clone(),
        from: order.holder.clone(),
        proof: match body.proof {
            ProofWord::Scan => ProofKind::Scan,
            ProofWord::Code => ProofKind::Code,
            ProofWord::Proxy => ProofKind::Proxy,
            ProofWord::Signature => ProofKind::Signature,
            ProofWord::Photo => ProofKind::Photo,
        },
        code_hash: body.code.as_deref().map(|code| code_hash(&id, code.trim())),
        evidence: body.evidence,
        distance_m,
        at_ms: body.at.map_or(now, jiff::Timestamp::as_millisecond).min(now),
    };
    let events = decide(state, &command, now)?;
    if let Some(Event::CodeTried(_)) = events.first() {
        // The try is kept; the answer says that the code does not fit.
        let tries = order.shelf.as_ref().map_or(0, |s| s.tries) + 1;
        let left = xiangyun_dispatch::decide::CODE_TRIES_MAX.saturating_sub(tries);
        let problem = Problem::from(xiangyun_dispatch::refusal::Refusal::WrongCode { order: id, left });
        let body = serde_json::to_value(&problem).map_err(|e| Problem::internal(&e))?;
        return Ok(Done::new(StatusCode::UNPROCESSABLE_ENTITY, body).with(events));
    }
    all.extend(events);
    Ok(Done::new(StatusCode::OK, did(&all)).with(all))
}

/// A photo or signature that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept {
    /// SHA-256 in hex: give it as `evidence` of a proof.
    pub hash: String,
}

/// Keeps a photo (JPEG, PNG) or a signature; sealed with the county's key.
#[utoipa::path(post, path = "/api/v1/stops/{id}/evidence", tag = "day", params(("id" = String, Path, description = "Order")),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"))), responses((status = 201, body = Kept)))]
pub(super) async fn evidence(State(app): State<Arc<App>>, Id(id): Id, raw: Raw) -> Result<Response, Problem> {
    let known: &[&[u8]] = match raw.media.as_str() {
        "image/jpeg" => &[&[0xFF, 0xD8, 0xFF]],
        "image/png" => &[&[0x89, b'P', b'N', b'G', 0x0D, 0x0A]],
        other => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "H602",
                format!("\"{}\" is not taken; image/jpeg or image/png is", crate::problem::clip(other)),
            ));
        }
    };
    if raw.bytes.len() > EVIDENCE_BYTES_MAX {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "H601", "a picture has at most 4 MiB"));
    }
    if !known.iter().any(|magic| raw.bytes.starts_with(magic)) {
        return Err(Problem::value("", "", "a picture of the type that Content-Type names"));
    }
    let caller = raw.context.caller.clone();
    {
        let world = read(&app.world);
        let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
        authorize(&world, &caller, Action::Prove, Resource::Order { id: &id, order })?;
    }
    let hash = sha256_hex(&raw.bytes);
    let sealed = xiangyun_store::personal::seal_file(&app.master, &app.code, &hash, &raw.bytes);
    let dir = app.config.data.join("evidence");
    let path = dir.join(&hash);
    let bytes = raw.bytes.len() as u64;
    tokio::task::spawn_blocking(move || crate::files::write_whole(&path, &sealed))
        .await
        .map_err(|e| Problem::internal(&e))?
        .map_err(|e| Problem::internal(&e))?;
    app.act(&raw.context, "keep evidence", &format!("order/{id}"), move |_, _| {
        let body = json!({ "hash": hash });
        Ok(Done::new(StatusCode::CREATED, body).with([Fact::EvidenceKept { hash, bytes, order: id }]))
    })
    .await
}
