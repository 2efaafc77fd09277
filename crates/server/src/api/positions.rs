//! Positions and trails.

use super::{Page, query_fault};
use crate::app::App;
use crate::ask::{Id, Query, Raw, parse, reply};
use crate::auth::{Action, Resource, authorize};
use crate::fleet::{Last, last};
use crate::machine::read;
use crate::office::Role;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use xiangyun_model::geo::Datum;
use xiangyun_telematics::msgpack;
use xiangyun_telematics::position::{Feed, Flags, Position, TerminalKey};
use xiangyun_telematics::session::Reported;

/// Reports of one request.
pub const REPORTS_MAX: usize = 10_000;
/// Points of one trail.
pub const TRAIL_MAX: usize = 20_000;
/// Longest span of one trail.
pub const TRAIL_HOURS_MAX: i64 = 48;

/// Where every vehicle was last.
#[utoipa::path(get, path = "/api/v1/positions", tag = "fleet", responses((status = 200, body = Page<Last>)))]
pub(super) async fn positions(State(app): State<Arc<App>>) -> Response {
    reply(StatusCode::OK, &Page::whole(app.fleet.all()))
}

/// Which part of a trail.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// From, RFC 3339; a day ago if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<jiff::Timestamp>,
    /// To, RFC 3339; now if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<jiff::Timestamp>,
}

/// Where a vehicle was.
#[utoipa::path(get, path = "/api/v1/vehicles/{id}/trail", tag = "fleet", params(("id" = String, Path, description = "Vehicle or terminal"), Span), responses((status = 200, body = Page<Last>)))]
pub(super) async fn trail(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Query(span): Query<Span>,
) -> Result<Response, Problem> {
    let to = span.to.map_or_else(|| app.clock.now_ms(), jiff::Timestamp::as_millisecond);
    let from = span.from.map_or(to - 86_400_000, jiff::Timestamp::as_millisecond);
    if from > to || to - from > TRAIL_HOURS_MAX * 3_600_000 {
        return Err(query_fault("from", &from.to_string(), "at most 48 hours before `to`"));
    }
    let hub = app.gateway.get().cloned().ok_or_else(not_ready)?;
    let records = {
        let id = id.clone();
        tokio::task::spawn_blocking(move || hub.log.vehicle(&id, from, to))
            .await
            .map_err(|e| Problem::internal(&e))?
            .map_err(|e| Problem::internal(&e))?
    };
    let known = app.county.vehicles.iter().any(|v| v.id.as_str() == id);
    if records.is_empty() && !known {
        return Err(Problem::not_found("vehicle", &id));
    }
    let step = records.len().div_ceil(TRAIL_MAX).max(1);
    let items = records.iter().step_by(step).map(|r| last(&id, r)).collect();
    Ok(reply(StatusCode::OK, &Page::whole(items)))
}

fn not_ready() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "H613", "the gateway is starting").retry(1)
}

/// A report of a place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionBody {
    /// Vehicle.
    #[schema(min_length = 1, max_length = 64)]
    pub vehicle: String,
    /// When, RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// `wgs84`, `gcj02` or `bd09`; `wgs84` if absent.
    #[serde(default)]
    pub datum: DatumWord,
    /// Speed in km/h.
    #[schema(minimum = 0, maximum = 400)]
    pub speed_kmh: Option<f64>,
    /// Course in degrees clockwise from north.
    #[schema(minimum = 0, maximum = 359)]
    pub course_deg: Option<u16>,
}

/// A datum.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatumWord {
    /// WGS-84.
    #[default]
    Wgs84,
    /// GCJ-02.
    Gcj02,
    /// BD-09.
    Bd09,
}

/// Reports.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionsBody {
    /// 1 to 10,000.
    #[schema(min_items = 1, max_items = 10000)]
    pub positions: Vec<PositionBody>,
}

/// What became of reports; all that were stored are durable.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Taken {
    /// Stored.
    pub stored: u64,
    /// Reported before.
    pub duplicates: u64,
    /// Signs of life without a place.
    pub alive: u64,
    /// Of devices that are not taken.
    pub turned_away: u64,
}

/// Takes positions as JSON or as a MessagePack batch (`application/msgpack`); answers when they are durable.
#[utoipa::path(post, path = "/api/v1/positions", tag = "fleet",
    request_body(content((PositionsBody = "application/json"), (Vec<u8> = "application/msgpack"))),
    responses((status = 200, body = Taken)))]
pub(super) async fn report(State(app): State<Arc<App>>, raw: Raw) -> Result<Response, Problem> {
    let received_ms = app.clock.now_ms();
    let list = match raw.media.as_str() {
        "application/json" => json_positions(&app, &parse(&raw.bytes)?, received_ms)?,
        "application/msgpack" => {
            let batch = msgpack::decode(&raw.bytes, received_ms).map_err(|fault| {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, fault.code(), fault.to_string())
            })?;
            batch.positions
        }
        other => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "H602",
                format!("\"{}\" is not taken here", crate::problem::clip(other)),
            ));
        }
    };
    let caller = &raw.context.caller;
    if caller.role() == Role::Driver {
        let world = read(&app.world);
        for position in &list {
            authorize(&world, caller, Action::WritePositions, Resource::Vehicle(position.terminal.as_str()))?;
        }
    }
    let hub = app.gateway.get().cloned().ok_or_else(not_ready)?;
    let outcomes = hub.report(&list).await.map_err(|refused| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "H614", refused.to_string()).retry(5)
    })?;
    let mut taken = Taken::default();
    for outcome in outcomes {
        match outcome {
            Reported::Stored => taken.stored += 1,
            Reported::Duplicate => taken.duplicates += 1,
            Reported::Alive => taken.alive += 1,
            Reported::TurnedAway => taken.turned_away += 1,
        }
    }
    Ok(reply(StatusCode::OK, &taken))
}

fn json_positions(app: &App, body: &PositionsBody, received_ms: i64) -> Result<Vec<Position>, Problem> {
    if !(1..=REPORTS_MAX).contains(&body.positions.len()) {
        return Err(Problem::value("/positions", &body.positions.len().to_string(), "1 to 10,000 positions"));
    }
    let mut faults = Vec::new();
    let mut out = Vec::with_capacity(body.positions.len());
    for (i, p) in body.positions.iter().enumerate() {
        let mut fault = |field: &str, found: String, cure: &str| {
            if faults.len() < 100 {
                faults.push(crate::problem::Fault {
                    pointer: format!("/positions/{i}/{field}"),
                    code: "H616".into(),
                    detail: format!("\"{found}\" is not allowed"),
                    cure: cure.into(),
                });
            }
        };
        if !app.county.vehicles.iter().any(|v| v.id.as_str() == p.vehicle) {
            fault("vehicle", crate::problem::clip(&p.vehicle), "an id of vehicles.csv");
        }
        if !(-180.0..=180.0).contains(&p.lon) {
            fault("lon", p.lon.to_string(), "-180 to 180 degrees");
        }
        if !(-90.0..=90.0).contains(&p.lat) {
            fault("lat", p.lat.to_string(), "-90 to 90 degrees");
        }
        if p.speed_kmh.is_some_and(|v| !(0.0..=400.0).contains(&v)) {
            fault("speed_kmh", p.speed_kmh.unwrap_or(0.0).to_string(), "0 to 400");
        }
        if p.course_deg.is_some_and(|c| c > 359) {
            fault("course_deg", p.course_deg.unwrap_or(0).to_string(), "0 to 359");
        }
        out.push(Position {
            terminal: TerminalKey::verbatim(&p.vehicle),
            time_ms: p.at.as_millisecond(),
            received_ms,
            lat_e6: (p.lat * 1e6).round() as i32,
            lon_e6: (p.lon * 1e6).round() as i32,
            speed_dkmh: p.speed_kmh.map(|v| (v * 10.0).round() as u16),
            course_deg: p.course_deg,
            alt_m: None,
            status: 0,
            alarm: 0,
            datum: match p.datum {
                DatumWord::Wgs84 => Datum::Wgs84,
                DatumWord::Gcj02 => Datum::Gcj02,
                DatumWord::Bd09 => Datum::Bd09,
            },
            feed: Feed::Msgpack,
            flags: Flags::FIX,
            items: Vec::new(),
        });
    }
    if faults.is_empty() { Ok(out) } else { Err(Problem::many(faults)) }
}
