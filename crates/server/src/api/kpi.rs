//! Figures of the day, and everything at once.

use crate::app::App;
use crate::ask::{Context, reply};
use crate::auth::{Action, Resource, authorize};
use crate::machine::read;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::duties;
use xiangyun_dispatch::kpi::DayFigures;
use xiangyun_store::log;

/// One figure, with what it is made of.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Figure {
    /// Id.
    pub id: String,
    /// Value; absent when the denominator is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Numerator.
    pub numerator: i64,
    /// Denominator.
    pub denominator: i64,
    /// Formula.
    pub formula: String,
    /// Version of the formula.
    pub version: u32,
}

/// Figures of the log so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct KpiView {
    /// Last event counted.
    pub seq: i64,
    /// Figures.
    pub figures: Vec<Figure>,
    /// Orders by custody state at this moment: delivered, returned, lost, held, open.
    pub custody: BTreeMap<String, u64>,
    /// Orders by kind of holder.
    pub holders: BTreeMap<String, u64>,
}

/// The figures of a fold: the same for the projection and for a fold over an exported log.
#[must_use]
pub fn figures(f: &DayFigures) -> Vec<Figure> {
    let n = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
    let ratio = |id: &str, a: i64, b: i64, formula: &str| Figure {
        id: id.into(),
        value: (b != 0).then(|| a as f64 / b as f64),
        unit: "1".into(),
        numerator: a,
        denominator: b,
        formula: formula.into(),
        version: 1,
    };
    let count = |id: &str, a: i64, unit: &str, formula: &str| Figure {
        id: id.into(),
        value: Some(a as f64),
        unit: unit.into(),
        numerator: a,
        denominator: 1,
        formula: formula.into(),
        version: 1,
    };
    let done = n(f.delivered) + n(f.handed_on);
    vec![
        count("orders_placed", n(f.placed), "orders", "OrderPlaced"),
        count("orders_delivered", n(f.delivered), "orders", "Delivered"),
        count("orders_handed_on", n(f.handed_on), "orders", "handed on to a carrier from the hub"),
        count("orders_returned", n(f.returned), "orders", "ReturnedToSender"),
        count("orders_refused", n(f.refused), "orders", "RefusedByRecipient"),
        count("orders_lost", n(f.lost), "orders", "DeclaredLost"),
        count("orders_deferred", n(f.deferred), "orders", "Deferred"),
        ratio(
            "on_time",
            n(f.on_time),
            done,
            "delivered or handed on by the promise / delivered or handed on",
        ),
        count("stops_served", n(f.stops_served), "stops", "StopServed"),
        count("stops_failed", n(f.stops_failed), "stops", "StopFailed"),
        count("handovers", n(f.handovers), "records", "HandOverConfirmed"),
        ratio(
            "handover_differences",
            n(f.differences),
            n(f.handovers),
            "records with a difference / records",
        ),
        count("exceptions", n(f.exceptions), "exceptions", "ExceptionRaised"),
        ratio("false_alarms", n(f.false_alarms), n(f.exceptions), "closed without anybody acting / raised"),
        count("repairs", n(f.repairs), "repairs", "RepairAccepted"),
        count("breakdowns", n(f.breakdowns), "breakdowns", "VehicleCondition broken"),
        count("cold_runs", n(f.cold_runs), "runs", "ColdRun"),
        count("cash_fen", f.cash_fen, "fen", "CashTaken"),
        count("cash_difference_fen", f.cash_difference_fen, "fen", "CashClosed, without sign"),
        count("claims", n(f.claims), "claims", "ClaimOpened"),
    ]
}

/// Figures so far.
#[utoipa::path(get, path = "/api/v1/kpi", tag = "figures", responses((status = 200, body = KpiView)))]
pub(super) async fn kpi(State(app): State<Arc<App>>) -> Response {
    let world = read(&app.world);
    let named = |map: BTreeMap<&'static str, u64>| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let view = KpiView {
        seq: world.seq,
        figures: figures(&world.figures),
        custody: named(duties::balance(&world.day)),
        holders: named(super::orders::by_holder(&world)),
    };
    reply(StatusCode::OK, &view)
}

/// Everything that happened, one event a line of JSON with its hash, as the log has it. Personal data is not in it.
#[utoipa::path(get, path = "/api/v1/export", tag = "figures", responses((status = 200, content_type = "application/x-ndjson", body = String)))]
pub(super) async fn export(State(app): State<Arc<App>>, context: Context) -> Result<Response, Problem> {
    authorize(&read(&app.world), &context.caller, Action::Export, Resource::Any)?;
    let head = read(&app.world).seq;
    let stream = futures_util::stream::unfold((app, 0i64), move |(app, at)| async move {
        if at >= head {
            return None;
        }
        let events = match log::read(&app.store, &app.code, at, 1_000).await {
            Ok(events) if !events.is_empty() => events,
            Ok(_) => return None,
            Err(err) => {
                // An aborted body tells the reader that it is not whole.
                return Some((Err(std::io::Error::other(err.to_string())), (app, head)));
            }
        };
        let mut text = String::new();
        let mut last = at;
        for event in events.iter().filter(|e| e.seq <= head) {
            text.push_str(&crate::export::line(event));
            text.push('\n');
            last = event.seq;
        }
        Some((Ok::<String, std::io::Error>(text), (app, last)))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"events.ndjson\""),
    );
    Ok(response)
}
