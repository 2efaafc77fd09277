//! The shared county: places, vehicles, people who drive, carriers, the clock.

use super::Page;
use crate::app::App;
use crate::ask::{Ask, Context, Id, reply};
use crate::auth::{Action, Resource, authorize};
use crate::clock::wall_ms;
use crate::machine::{Done, World, read};
use crate::problem::Problem;
use crate::project::word;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::event::Condition;

/// The clocks.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// `system`, `scaled` or `stepped`.
    pub source: String,
    /// Business time.
    #[schema(value_type = String, format = DateTime)]
    pub now: jiff::Timestamp,
    /// The same in UTC milliseconds.
    pub now_ms: i64,
    /// How fast it runs; 0 for a stepped clock.
    pub speed: f64,
    /// Wall time.
    #[schema(value_type = String, format = DateTime)]
    pub wall: jiff::Timestamp,
    /// Time zone of the county.
    pub zone: String,
    /// Last event of the log.
    pub seq: i64,
}

fn view(app: &App) -> ClockView {
    let now_ms = app.clock.now_ms();
    ClockView {
        source: app.clock.name().to_owned(),
        now: super::instant(now_ms),
        now_ms,
        speed: app.clock.speed(),
        wall: super::instant(wall_ms()),
        zone: app.county.time_zone.clone(),
        seq: read(&app.world).seq,
    }
}

/// What time it is.
#[utoipa::path(get, path = "/api/v1/clock", tag = "county", responses((status = 200, body = ClockView)))]
pub(super) async fn clock(State(app): State<Arc<App>>) -> Response {
    reply(StatusCode::OK, &view(&app))
}

/// Where to move a stepped clock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepBody {
    /// The new time, not before the present one, UTC milliseconds.
    pub to_ms: i64,
}

/// Moves a stepped clock forward and does what has become due; answers when that is durable.
#[utoipa::path(post, path = "/api/v1/clock", tag = "county", request_body = StepBody, responses((status = 200, body = ClockView)))]
pub(super) async fn step_clock(State(app): State<Arc<App>>, ask: Ask<StepBody>) -> Result<Response, Problem> {
    if app.clock.name() != "stepped" {
        return Err(Problem::conflict(format!(
            "the clock is {}; only a stepped clock is moved",
            app.clock.name()
        )));
    }
    app.fleet.caught_up().await;
    // A day at a time at most: a slip of digits must not carry the county into another century.
    let now = app.clock.now_ms();
    let to = ask.value.to_ms;
    if to < now || to > now + 7 * 86_400_000 {
        return Err(Problem::value("/to_ms", &to.to_string(), format!("{now} to {now} and seven days")));
    }
    if !app.clock.step_to(to) {
        return Err(Problem::conflict("the clock was moved meanwhile"));
    }
    crate::ticks::tick(&app).await;
    app.worker.look().await;
    Ok(reply(StatusCode::OK, &view(&app)))
}

/// A place.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteView {
    /// Id.
    pub id: String,
    /// `hub`, `station`, `village`, `park` or `gateway`.
    pub kind: String,
    /// Division code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English or pinyin name.
    pub name_en: String,
    /// Degrees east, WGS-84.
    pub lon: f64,
    /// Degrees north, WGS-84.
    pub lat: f64,
    /// Where the coordinates come from: `surveyed`, `estimated`, `assumed`.
    pub coord_source: String,
    /// Station of a village, hub of a station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Pieces that it stores.
    pub store_pieces: i64,
    /// Pieces on its shelves now.
    pub shelved_pieces: i64,
}

/// All places.
#[utoipa::path(get, path = "/api/v1/sites", tag = "county", responses((status = 200, body = Page<SiteView>)))]
pub(super) async fn sites(State(app): State<Arc<App>>) -> Response {
    let world = read(&app.world);
    let items = app
        .county
        .sites
        .iter()
        .map(|s| SiteView {
            id: s.id.as_str().to_owned(),
            kind: s.kind.word().to_owned(),
            code: s.code.clone(),
            name_zh: s.name_zh.clone(),
            name_en: s.name_en.clone(),
            lon: s.place.lon,
            lat: s.place.lat,
            coord_source: s.coord_source.clone(),
            parent: s.parent.map(|p| app.county.site(p).id.as_str().to_owned()),
            store_pieces: s.store_pieces,
            shelved_pieces: world.day.shelved_at(s.id.as_str()),
        })
        .collect();
    reply(StatusCode::OK, &Page::whole(items))
}

/// A vehicle.
#[derive(Debug, Serialize, ToSchema)]
pub struct VehicleView {
    /// Id.
    pub id: String,
    /// Plate.
    pub plate: String,
    /// Base.
    pub base: String,
    /// Owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Payload in grams.
    pub payload_g: i64,
    /// `ready`, `broken` or `off`.
    pub condition: String,
    /// Trips of the day.
    pub trips: Vec<String>,
    /// Driver on duty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Orders on board.
    pub orders_on_board: u64,
}

/// All vehicles: shared in the alliance.
#[utoipa::path(get, path = "/api/v1/vehicles", tag = "county", responses((status = 200, body = Page<VehicleView>)))]
pub(super) async fn vehicles(State(app): State<Arc<App>>) -> Response {
    let world = read(&app.world);
    let mut on_board: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
    for order in world.day.orders.values() {
        if let xiangyun_dispatch::holder::Holder::Vehicle(v) = &order.holder {
            *on_board.entry(v.as_str()).or_default() += 1;
        }
    }
    let items = app
        .county
        .vehicles
        .iter()
        .map(|v| {
            let id = v.id.as_str();
            let state = world.day.vehicles.get(id);
            VehicleView {
                id: id.to_owned(),
                plate: v.plate.clone(),
                base: app.county.site(v.base).id.as_str().to_owned(),
                carrier: v.carrier.map(|c| app.county.carriers[c.index()].id.as_str().to_owned()),
                payload_g: v.payload_g,
                condition: state.map_or_else(|| "ready".into(), |s| word(&s.condition)),
                trips: state.map_or_else(Vec::new, |s| s.trips.clone()),
                driver: world.day.shifts.iter().find(|(_, on)| on.as_str() == id).map(|(d, _)| d.clone()),
                orders_on_board: on_board.get(id).copied().unwrap_or(0),
            }
        })
        .collect();
    reply(StatusCode::OK, &Page::whole(items))
}

/// A driver, by number only.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriverView {
    /// Id.
    pub id: String,
    /// Base.
    pub base: String,
    /// Vehicle when on duty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
}

/// All drivers.
#[utoipa::path(get, path = "/api/v1/drivers", tag = "county", responses((status = 200, body = Page<DriverView>)))]
pub(super) async fn drivers(State(app): State<Arc<App>>) -> Response {
    let world = read(&app.world);
    let items = app
        .county
        .drivers
        .iter()
        .map(|d| DriverView {
            id: d.id.as_str().to_owned(),
            base: app.county.site(d.base).id.as_str().to_owned(),
            vehicle: world.day.shifts.get(d.id.as_str()).cloned(),
        })
        .collect();
    reply(StatusCode::OK, &Page::whole(items))
}

/// A carrier.
#[derive(Debug, Serialize, ToSchema)]
pub struct CarrierView {
    /// Id.
    pub id: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// All carriers, by id: none ranks above another.
#[utoipa::path(get, path = "/api/v1/carriers", tag = "county", responses((status = 200, body = Page<CarrierView>)))]
pub(super) async fn carriers(State(app): State<Arc<App>>) -> Response {
    let mut items: Vec<CarrierView> = app
        .county
        .carriers
        .iter()
        .map(|c| CarrierView {
            id: c.id.as_str().to_owned(),
            name_zh: c.name_zh.clone(),
            name_en: c.name_en.clone(),
        })
        .collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    reply(StatusCode::OK, &Page::whole(items))
}

/// How a vehicle is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionBody {
    /// `ready`, `broken` or `off`.
    pub condition: ConditionWord,
    /// The site nearest to where it stands.
    #[schema(max_length = 64)]
    pub site: Option<String>,
    /// What is the matter.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
}

/// How a vehicle is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionWord {
    /// Able to drive.
    Ready,
    /// Cannot go on where it stands.
    Broken,
    /// Not used today.
    Off,
}

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Did {
    /// Kinds of events that it led to.
    pub events: Vec<String>,
}

/// The answer for events of the day.
pub(super) fn did(events: &[xiangyun_dispatch::event::Event]) -> Value {
    serde_json::json!({ "events": events.iter().map(xiangyun_dispatch::event::Event::kind).collect::<Vec<_>>() })
}

/// Decides one command of the day for a caller and answers with what happened; `command` looks at the day first, and
/// refuses who may not.
pub(super) async fn decided(
    app: &Arc<App>,
    context: &Context,
    name: &str,
    resource: &str,
    status: StatusCode,
    command: impl FnOnce(&World) -> Result<DayCommand, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    app.act(context, name, resource, move |world, now| {
        let events = decide(&world.day, &command(world)?, now)?;
        Ok(Done::new(status, did(&events)).with(events))
    })
    .await
}

/// Says that a vehicle broke down, is ready again or is out for the day.
#[utoipa::path(post, path = "/api/v1/vehicles/{id}/condition", tag = "county", params(("id" = String, Path, description = "Vehicle")), request_body = ConditionBody, responses((status = 200, body = Did)))]
pub(super) async fn set_condition(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ConditionBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    if !app.county.vehicles.iter().any(|v| v.id.as_str() == id) {
        return Err(Problem::not_found("vehicle", &id));
    }
    if let Some(site) = &body.site
        && app.site(site).is_none()
    {
        return Err(Problem::value("/site", site, "an id of sites.csv"));
    }
    text_of("/note", &body.note, 500)?;
    // Whoever reports a breakdown rarely knows the name of the place; the vehicle's last position does.
    let site =
        body.site.or_else(|| app.fleet.of(&id).and_then(|last| nearest_site(&app, last.lon, last.lat)));
    let caller = ask.context.caller.clone();
    let condition = match body.condition {
        ConditionWord::Ready => Condition::Ready,
        ConditionWord::Broken => Condition::Broken,
        ConditionWord::Off => Condition::Off,
    };
    let resource = format!("vehicle/{id}");
    decided(&app, &ask.context, "set condition", &resource, StatusCode::OK, move |world| {
        authorize(world, &caller, Action::RaiseExceptions, Resource::Vehicle(&id))?;
        Ok(DayCommand::SetCondition { vehicle: id, condition, site, note: body.note })
    })
    .await
}

/// The site nearest to a place.
fn nearest_site(app: &App, lon: f64, lat: f64) -> Option<String> {
    let scale = lat.to_radians().cos();
    let away = |s: &xiangyun_model::site::Site| ((s.place.lon - lon) * scale).hypot(s.place.lat - lat);
    let sites = app.county.sites.iter();
    sites.min_by(|a, b| away(a).total_cmp(&away(b))).map(|s| s.id.to_string())
}

/// A text that people wrote, within a length and without control characters but newlines.
///
/// # Errors
/// `H616` with the field.
pub(super) fn text_of(pointer: &str, text: &str, chars_max: usize) -> Result<(), Problem> {
    let good = text.chars().count() <= chars_max && !text.chars().any(|c| c.is_control() && c != '\n');
    if good {
        Ok(())
    } else {
        Err(Problem::value(
            pointer,
            text,
            format!("up to {chars_max} characters, none of them control characters"),
        ))
    }
}
