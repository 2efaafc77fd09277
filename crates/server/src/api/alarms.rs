//! What the daemon itself reports to people: alarms of the nightly plan, and how carriers took their scans.

use super::{Page, instant};
use crate::app::App;
use crate::ask::{Context, Id, reply};
use crate::auth::{Action, Resource, authorize};
use crate::machine::read;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use sqlx::Row;
use std::sync::Arc;
use utoipa::ToSchema;

/// Alarms of one answer, the last ones.
pub const ALARMS_MAX: i64 = 200;
/// Scans of one answer.
pub const SCANS_SHOWN_MAX: usize = 1_000;

/// An alarm.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlarmView {
    /// `late_input`, `run_refused`, `fallback`, `no_plan`.
    pub kind: String,
    /// What is wrong, in Chinese.
    pub text_zh: String,
    /// The same in English.
    pub text_en: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
}

/// The last alarms since an instant, the newest first.
///
/// # Errors
/// The store's faults.
pub(crate) async fn since(app: &App, from_ms: i64, most: i64) -> Result<Vec<AlarmView>, Problem> {
    let rows = sqlx::query(
        "SELECT kind, text_zh, text_en, at_ms FROM alarms WHERE county = $1 AND at_ms >= $2 ORDER BY seq DESC LIMIT $3",
    )
    .bind(app.code.clone())
    .bind(from_ms)
    .bind(most)
    .fetch_all(app.store.readers())
    .await?;
    let view = |r: &sqlx::any::AnyRow| {
        Ok(AlarmView {
            kind: r.try_get("kind")?,
            text_zh: r.try_get("text_zh")?,
            text_en: r.try_get("text_en")?,
            at: instant(r.try_get("at_ms")?),
        })
    };
    Ok(rows.iter().map(view).collect::<Result<Vec<_>, sqlx::Error>>()?)
}

/// Alarms of the nightly plan, the newest first.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "exceptions", responses((status = 200, body = Page<AlarmView>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    Ok(reply(StatusCode::OK, &Page::whole(since(&app, 0, ALARMS_MAX).await?)))
}

/// A scan on its way to its carrier's system.
#[derive(Debug, Serialize, ToSchema)]
pub struct CarrierScan {
    /// Its number: waybill and event.
    pub scan: String,
    /// Waybill.
    pub order: String,
    /// Tries so far.
    pub attempts: u32,
    /// What the carrier's system answered when it took it; never overwritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// What it said last, when it did not take it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// How a carrier's system took its scans: those without a receipt first.
#[utoipa::path(get, path = "/api/v1/carriers/{id}/scans", tag = "orders", params(("id" = String, Path, description = "Carrier")), responses((status = 200, body = Page<CarrierScan>)))]
pub(super) async fn scans(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let world = read(&app.world);
    if !app.county.carriers.iter().any(|c| c.id.as_str() == id) {
        return Err(Problem::not_found("carrier", &id));
    }
    authorize(&world, &context.caller, Action::ReadCarrierScans, Resource::Carrier(&id))?;
    let mut items: Vec<CarrierScan> = world
        .day
        .scans
        .iter()
        .filter_map(|(scan, s)| {
            let order = scan.rsplit_once('#').map_or(scan.as_str(), |(order, _)| order);
            let own = world.day.orders.get(order).is_some_and(|o| o.carrier == id);
            own.then(|| CarrierScan {
                scan: scan.clone(),
                order: order.to_owned(),
                attempts: s.attempts,
                receipt: s.receipt.clone(),
                why: s.why.clone(),
            })
        })
        .collect();
    items.sort_by(|a, b| (a.receipt.is_some(), &b.scan).cmp(&(b.receipt.is_some(), &a.scan)));
    items.truncate(SCANS_SHOWN_MAX);
    Ok(reply(StatusCode::OK, &Page::whole(items)))
}
