//! The one ranked queue of what is wrong, and the repairs offered for it.

use super::Page;
use super::county::{Did, decided, text_of};
use crate::app::App;
use crate::ask::{Ask, Context, Id, Query, reply};
use crate::auth::secret::random_id;
use crate::auth::{Action, Resource, authorize, sees};
use crate::machine::{World, read};
use crate::office::Role;
use crate::problem::Problem;
use crate::project::word;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::event::{ExceptionKind, PlannedTrip};
use xiangyun_dispatch::state::{ExceptionState, OfferState};

/// Times that an accepted repair is made anew because the day has moved on meanwhile.
pub const REBASES_MAX: usize = 3;

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExceptionView {
    /// Number.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// What it is about, `vehicle/ID`, `order/ID` and so on.
    pub subject: String,
    /// Who has the thing in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_charge: Option<String>,
    /// What speaks for it, in Chinese and English.
    pub evidence: String,
    /// What it may cost if nothing is done, fen.
    pub price_fen: i64,
    /// Whether it is settled.
    pub closed: bool,
    /// Repairs offered for it, the last one last.
    pub repairs: Vec<RepairView>,
    /// Why no repair is offered, once it was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_repair: Option<String>,
}

/// A repair.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairView {
    /// Number of the offer.
    pub offer: String,
    /// Its price in fen.
    pub price_fen: i64,
    /// Lateness it leaves, seconds.
    pub lateness_s: i64,
    /// Stops that move.
    pub moved_stops: u32,
    /// Vehicles it touches.
    pub vehicles: Vec<String>,
    /// What changes, by trip.
    pub changes: Vec<ChangeView>,
    /// Whether it became the plan.
    pub accepted: bool,
    /// Whether it can still be accepted: the vehicles are as they were.
    pub fresh: bool,
}

/// What a repair changes of one trip.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// The trip.
    pub trip: String,
    /// Its vehicle.
    pub vehicle: String,
    /// Whether the trip is new.
    pub new: bool,
    /// Whether the trip falls away.
    pub dropped: bool,
    /// Sites where a stop is added.
    pub added: Vec<String>,
    /// Sites where a stop falls away.
    pub removed: Vec<String>,
    /// Orders that the trip takes on or sets down and did not before, in number.
    pub orders: u64,
    /// Seconds by which its last stop comes later; negative: earlier.
    pub later_s: i64,
}

fn changes(world: &World, offer: &OfferState) -> Vec<ChangeView> {
    let orders = |t: &PlannedTrip| -> BTreeSet<String> {
        t.visits.iter().flat_map(|v| v.load.iter().chain(&v.unload)).cloned().collect()
    };
    let ends = |t: &PlannedTrip| t.visits.last().map_or(0, |v| v.arrive_ms);
    let lacks = |of: &PlannedTrip, other: Option<&PlannedTrip>| -> Vec<String> {
        let known: BTreeSet<&str> = other.iter().flat_map(|t| &t.visits).map(|v| v.visit.as_str()).collect();
        of.visits.iter().filter(|v| !known.contains(v.visit.as_str())).map(|v| v.site.clone()).collect()
    };
    let changed = offer.trips.iter().map(|now| {
        let before = world.day.trips.get(&now.trip);
        let had = before.map(&orders).unwrap_or_default();
        ChangeView {
            trip: now.trip.clone(),
            vehicle: now.vehicle.clone(),
            new: before.is_none(),
            dropped: false,
            added: lacks(now, before),
            removed: before.map_or_else(Vec::new, |b| lacks(b, Some(now))),
            orders: orders(now).difference(&had).count() as u64,
            later_s: before.map_or(0, |b| (ends(now) - ends(b)) / 1_000),
        }
    });
    let dropped = offer.dropped.iter().filter_map(|id| world.day.trips.get(id)).map(|t| ChangeView {
        trip: t.trip.clone(),
        vehicle: t.vehicle.clone(),
        new: false,
        dropped: true,
        added: Vec::new(),
        removed: t.visits.iter().map(|v| v.site.clone()).collect(),
        orders: 0,
        later_s: 0,
    });
    changed.chain(dropped).collect()
}

/// An offer as it stands now.
pub(crate) fn repair_view(world: &World, id: &str, o: &OfferState) -> RepairView {
    let version = |v: &str| world.day.vehicles.get(v).map_or(0, |s| s.version);
    RepairView {
        offer: id.to_owned(),
        price_fen: o.price_fen,
        lateness_s: o.lateness_s,
        moved_stops: o.moved_stops,
        vehicles: o.touched.iter().map(|t| t.vehicle.clone()).collect(),
        changes: if o.accepted { Vec::new() } else { changes(world, o) },
        accepted: o.accepted,
        fresh: !o.accepted && o.touched.iter().all(|t| version(&t.vehicle) == t.version),
    }
}

/// An exception as it stands now.
pub(crate) fn exception_view(app: &App, world: &World, id: &str, e: &ExceptionState) -> ExceptionView {
    ExceptionView {
        id: id.to_owned(),
        kind: word(&e.kind),
        subject: e.subject.clone(),
        in_charge: e.in_charge.as_ref().map(ToString::to_string),
        evidence: e.evidence.clone(),
        price_fen: e.price_fen,
        closed: e.closed,
        repairs: e
            .offers
            .iter()
            .filter_map(|o| Some(repair_view(world, o, world.day.offers.get(o)?)))
            .collect(),
        no_repair: if e.closed { None } else { app.worker.reason(id) },
    }
}

/// Which exceptions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExceptionFilter {
    /// Also those that are settled.
    #[serde(default)]
    pub closed: bool,
}

/// Whether an exception is a caller's to see.
fn visible(world: &World, context: &Context, e: &ExceptionState) -> bool {
    let s = &context.caller.standing;
    let about_order = e.subject.strip_prefix("order/");
    match (s.role, about_order) {
        (Role::Carrier | Role::Station, Some(id)) => {
            world.day.orders.get(id).is_some_and(|o| sees(world, s, id, o))
        }
        // A difference names waybills of many carriers.
        (Role::Carrier, None) => e.kind != ExceptionKind::HandOverDifference,
        _ => true,
    }
}

/// The queue, dearest first.
#[utoipa::path(get, path = "/api/v1/exceptions", tag = "exceptions", params(ExceptionFilter), responses((status = 200, body = Page<ExceptionView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(filter): Query<ExceptionFilter>,
    context: Context,
) -> Response {
    let world = read(&app.world);
    let mut items: Vec<ExceptionView> = world
        .day
        .queue()
        .into_iter()
        .filter(|(_, e)| visible(&world, &context, e))
        .map(|(id, e)| exception_view(&app, &world, id, e))
        .collect();
    if filter.closed {
        let closed =
            world.day.exceptions.iter().rev().filter(|(_, e)| e.closed && visible(&world, &context, e));
        items.extend(closed.take(1_000).map(|(id, e)| exception_view(&app, &world, id, e)));
    }
    reply(StatusCode::OK, &Page::whole(items))
}

/// A kind of exception.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindWord {
    /// A promise is in danger.
    LateRisk,
    /// Off the planned way.
    Deviation,
    /// No position for too long.
    NoSignal,
    /// Out of the temperature band.
    ColdExcursion,
    /// More on board than allowed.
    Overload,
    /// A vehicle cannot go on.
    Breakdown,
    /// A road is closed.
    RoadClosed,
    /// A trunk vehicle is late.
    TrunkLate,
    /// Something is where it should not be.
    WrongPlace,
}

/// Something wrong to report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RaiseBody {
    /// Kind.
    pub kind: KindWord,
    /// What it is about: `vehicle/ID`, `order/ID`, `site/ID`, or `road/LON,LAT`.
    #[schema(min_length = 3, max_length = 200, pattern = "^(vehicle|order|site|road|visit)/.+$")]
    pub subject: String,
    /// What was seen.
    #[schema(max_length = 500)]
    pub evidence: String,
    /// What it may cost if nothing is done, fen.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub price_fen: i64,
}

/// Reports something wrong; the same again is no news.
#[utoipa::path(post, path = "/api/v1/exceptions", tag = "exceptions", request_body = RaiseBody, responses((status = 201, body = Did)))]
pub(super) async fn raise(State(app): State<Arc<App>>, ask: Ask<RaiseBody>) -> Result<Response, Problem> {
    let body = ask.value;
    text_of("/evidence", &body.evidence, 500)?;
    text_of("/subject", &body.subject, 200)?;
    if !(0..=1_000_000_000).contains(&body.price_fen) {
        return Err(Problem::value("/price_fen", &body.price_fen.to_string(), "0 to 1,000,000,000 fen"));
    }
    let (family, id) = body.subject.split_once('/').unwrap_or(("", ""));
    let known = match family {
        "vehicle" => app.county.vehicles.iter().any(|v| v.id.as_str() == id),
        "site" => app.site(id).is_some(),
        "order" => read(&app.world).day.orders.contains_key(id),
        "visit" => read(&app.world).day.stops.contains_key(id),
        "road" => {
            id.split_once(',').is_some_and(|(x, y)| x.parse::<f64>().is_ok() && y.parse::<f64>().is_ok())
        }
        _ => false,
    };
    if !known {
        return Err(Problem::value(
            "/subject",
            &body.subject,
            "vehicle/ID, order/ID, site/ID, visit/ID or road/LON,LAT",
        ));
    }
    let kind = match body.kind {
        KindWord::LateRisk => ExceptionKind::LateRisk,
        KindWord::Deviation => ExceptionKind::Deviation,
        KindWord::NoSignal => ExceptionKind::NoSignal,
        KindWord::ColdExcursion => ExceptionKind::ColdExcursion,
        KindWord::Overload => ExceptionKind::Overload,
        KindWord::Breakdown => ExceptionKind::Breakdown,
        KindWord::RoadClosed => ExceptionKind::RoadClosed,
        KindWord::TrunkLate => ExceptionKind::TrunkLate,
        KindWord::WrongPlace => ExceptionKind::WrongPlace,
    };
    let caller = ask.context.caller.clone();
    let exception = format!("{}-{}", caller.role().word(), random_id());
    let resource = format!("exception/{exception}");
    decided(&app, &ask.context, "raise exception", &resource, StatusCode::CREATED, move |world| {
        if let Some(vehicle) = body.subject.strip_prefix("vehicle/") {
            authorize(world, &caller, Action::RaiseExceptions, Resource::Vehicle(vehicle))?;
        }
        Ok(DayCommand::Raise {
            exception,
            kind,
            subject: body.subject,
            in_charge: caller.holder(),
            evidence: body.evidence,
            price_fen: body.price_fen,
        })
    })
    .await
}

/// How it was settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseBody {
    /// How.
    #[schema(min_length = 1, max_length = 200)]
    pub how: String,
    /// Whether anybody had to do anything.
    pub acted: bool,
}

/// Closes an exception.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/close", tag = "exceptions", params(("id" = String, Path, description = "Exception")), request_body = CloseBody, responses((status = 200, body = Did)))]
pub(super) async fn close(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<CloseBody>,
) -> Result<Response, Problem> {
    let CloseBody { how, acted } = ask.value;
    text_of("/how", &how, 200)?;
    let resource = format!("exception/{id}");
    decided(&app, &ask.context, "close exception", &resource, StatusCode::OK, move |world| {
        if !world.day.exceptions.contains_key(&id) {
            return Err(Problem::not_found("exception", &id));
        }
        Ok(DayCommand::Close { exception: id, how, acted })
    })
    .await
}

/// Repairs offered for an exception.
#[utoipa::path(get, path = "/api/v1/exceptions/{id}/repairs", tag = "exceptions", params(("id" = String, Path, description = "Exception")), responses((status = 200, body = Page<RepairView>)))]
pub(super) async fn repairs(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let world = read(&app.world);
    let found = world
        .day
        .exceptions
        .get(&id)
        .filter(|e| visible(&world, &context, e))
        .ok_or_else(|| Problem::not_found("exception", &id))?;
    Ok(reply(StatusCode::OK, &Page::whole(exception_view(&app, &world, &id, found).repairs)))
}

/// What to do with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Make it the plan.
    Accept,
    /// Not this one; the exception is closed as settled by hand.
    Refuse,
    /// Make one anew on the day as it is now.
    Renew,
}

/// A decision about a repair.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideBody {
    /// What to do.
    pub verdict: Verdict,
    /// Which offer; the last one if absent.
    #[schema(max_length = 200)]
    pub offer: Option<String>,
    /// Why, when it is refused.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub why: String,
}

/// Accepts or refuses a repair, or asks for one anew. Where the day has moved on since the offer was made, it is made again
/// at once: one that is no dearer, no later and moves no more stops is accepted in its place, any other is offered.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/repairs", tag = "exceptions", params(("id" = String, Path, description = "Exception")), request_body = DecideBody, responses((status = 200, body = Did)))]
pub(super) async fn decide_repair(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<DecideBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    text_of("/why", &body.why, 200)?;
    if body.verdict == Verdict::Refuse {
        return refuse(&app, &ask.context, id, body).await;
    }
    let known = {
        let world = read(&app.world);
        let found = world.day.exceptions.get(&id).ok_or_else(|| Problem::not_found("exception", &id))?;
        let offer = body.offer.clone().or_else(|| found.offers.last().cloned());
        let offer = offer.filter(|o| found.offers.contains(o));
        let state = offer.as_ref().and_then(|o| world.day.offers.get(o)).cloned();
        offer.zip(state)
    };
    if body.verdict == Verdict::Renew {
        app.worker.ask(&id).await?;
        return Ok(reply(StatusCode::OK, &serde_json::json!({ "events": ["RepairOffered"] })));
    }
    let Some((mut offer, seen)) = known else {
        return Err(Problem::value(
            "/offer",
            body.offer.as_deref().unwrap_or(""),
            "an offer of this exception",
        ));
    };
    for _ in 0..REBASES_MAX {
        let refused = match accept(&app, &ask.context, &id, &offer).await {
            // The day has moved on: vehicles have other versions, or stops of the offer are done.
            Err(problem) if matches!(problem.code.as_str(), "D207" | "D203") => problem,
            outcome => return outcome,
        };
        if read(&app.world).day.exceptions.get(&id).is_none_or(|e| e.closed) {
            return Err(refused);
        }
        // Without a plan to repair on, the first refusal is the one that tells why.
        let Ok(anew) = app.worker.ask(&id).await else { return Err(refused) };
        offer = anew;
        let world = read(&app.world);
        let Some(now) = world.day.offers.get(&offer) else { return Err(refused) };
        let worse = now.price_fen > seen.price_fen
            || now.lateness_s > seen.lateness_s
            || now.moved_stops > seen.moved_stops;
        if worse {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "H632",
                format!(
                    "the day has moved on; offer {offer} now costs {} fen ({} before), leaves {} s of lateness ({}) and \
                     moves {} stops ({})",
                    now.price_fen,
                    seen.price_fen,
                    now.lateness_s,
                    seen.lateness_s,
                    now.moved_stops,
                    seen.moved_stops
                ),
            )
            .at("/offer", "H632", "worse than the one that was seen", "look at the new offer and accept it by its number"));
        }
    }
    Err(Problem::conflict("the day moves faster than the repair; try again").retry(1))
}

async fn accept(app: &Arc<App>, context: &Context, id: &str, offer: &str) -> Result<Response, Problem> {
    let command = DayCommand::AcceptOffer { offer: offer.to_owned(), by: context.caller.who.clone() };
    let resource = format!("exception/{id}");
    decided(app, context, "accept repair", &resource, StatusCode::OK, move |_| Ok(command)).await
}

async fn refuse(
    app: &Arc<App>,
    context: &Context,
    id: String,
    body: DecideBody,
) -> Result<Response, Problem> {
    let resource = format!("exception/{id}");
    decided(app, context, "refuse repair", &resource, StatusCode::OK, move |world| {
        let found = world.day.exceptions.get(&id).ok_or_else(|| Problem::not_found("exception", &id))?;
        let offer = body.offer.or_else(|| found.offers.last().cloned());
        let Some(offer) = offer.filter(|o| found.offers.contains(o)) else {
            return Err(Problem::value("/offer", "", "an offer of this exception"));
        };
        let why = if body.why.is_empty() { "by hand" } else { body.why.as_str() };
        let how = format!("offer {offer} refused: {why}");
        Ok(DayCommand::Close { exception: id, how, acted: true })
    })
    .await
}
