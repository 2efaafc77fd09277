//! Where an order is and was: by waybill for those who may see it, by a link for whoever has it.

use super::instant;
use crate::app::App;
use crate::ask::{Context, Id, reply};
use crate::auth::secret::{random_token, sha256_hex};
use crate::auth::{Action, Resource, authorize};
use crate::machine::{Done, World, read};
use crate::office::Fact;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use sqlx::Row;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::state::{OrderState, StopPhase};
use xiangyun_dispatch::status;

/// A step of an order's way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
    /// Status after it.
    pub status: String,
    /// In Chinese.
    pub status_zh: String,
    /// Where.
    pub site: String,
    /// Its name.
    pub site_zh: String,
}

/// Where an order is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrackView {
    /// Waybill; a link shows its last four characters.
    pub waybill: String,
    /// Status.
    pub status: String,
    /// In Chinese.
    pub status_zh: String,
    /// Promised by.
    #[schema(value_type = String, format = DateTime)]
    pub promise: jiff::Timestamp,
    /// Expected at its destination.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<jiff::Timestamp>,
    /// Shelf, where it waits for its recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelf: Option<String>,
    /// Its way, oldest first.
    pub steps: Vec<StepView>,
}

/// The Chinese word of a status.
pub(crate) fn status_zh(ours: &str) -> String {
    static MAP: std::sync::OnceLock<std::collections::BTreeMap<String, status::StatusRow>> =
        std::sync::OnceLock::new();
    let map = MAP.get_or_init(|| status::read_map(status::DEFAULT_MAP).unwrap_or_default());
    map.get(ours).map_or_else(|| ours.to_owned(), |r| r.zh.clone())
}

/// When it is expected at its destination, by the arrivals reckoned last.
fn expected(app: &App, world: &World, id: &str, order: &OrderState) -> Option<jiff::Timestamp> {
    let Holder::Vehicle(vehicle) = &order.holder else { return None };
    let etas = app.etas.all();
    crate::auth::trips(world, vehicle)
        .flat_map(|t| &t.visits)
        .filter(|v| v.unload.iter().any(|o| o == id))
        .filter(|v| world.day.stops.get(&v.visit).is_some_and(|s| s.phase != StopPhase::Served))
        .find_map(|v| etas.get(&v.visit).map(|e| instant(e.p90_ms)))
}

/// Everything that a tracking page shows.
///
/// # Errors
/// The store's faults; an order that is not there.
pub(crate) async fn tracked(app: &App, id: &str) -> Result<TrackView, Problem> {
    let rows = sqlx::query(
        "SELECT at_ms, status, site FROM trace WHERE county = $1 AND order_id = $2 ORDER BY seq LIMIT 200",
    )
    .bind(app.code.clone())
    .bind(id.to_owned())
    .fetch_all(app.store.readers())
    .await?;
    let mut steps: Vec<StepView> = Vec::new();
    for row in &rows {
        let site: String = row.try_get("site")?;
        let status: String = row.try_get("status")?;
        if steps.last().is_some_and(|s| s.status == status && s.site == site) {
            continue;
        }
        steps.push(StepView {
            at: instant(row.try_get("at_ms")?),
            status_zh: status_zh(&status),
            status,
            site_zh: app.site(&site).map_or_else(String::new, |s| s.name_zh.clone()),
            site,
        });
    }
    let world = read(&app.world);
    let order = world.day.orders.get(id).ok_or_else(|| Problem::not_found("order", id))?;
    let ours = status::of(order);
    Ok(TrackView {
        waybill: id.to_owned(),
        status: ours.to_owned(),
        status_zh: status_zh(ours),
        promise: instant(order.promise_ms),
        expected: expected(app, &world, id, order),
        shelf: order.shelf.as_ref().map(|s| s.shelf.clone()),
        steps,
    })
}

/// Where an order is and was.
#[utoipa::path(get, path = "/api/v1/track/{waybill}", tag = "tracking", params(("waybill" = String, Path, description = "Waybill")), responses((status = 200, body = TrackView)))]
pub(super) async fn track(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    {
        let world = read(&app.world);
        let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
        authorize(&world, &context.caller, Action::ReadOrders, Resource::Order { id: &id, order })?;
    }
    Ok(reply(StatusCode::OK, &tracked(&app, &id).await?))
}

/// A tracking link.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkView {
    /// Path of the page.
    pub path: String,
    /// Until when it holds.
    #[schema(value_type = String, format = DateTime)]
    pub expires: jiff::Timestamp,
}

/// Makes a public tracking link: it expires, and shows no name, phone or whole waybill.
#[utoipa::path(post, path = "/api/v1/track/{waybill}", tag = "tracking", params(("waybill" = String, Path, description = "Waybill")), responses((status = 201, body = LinkView)))]
pub(super) async fn link(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    if context.caller.read_only {
        return Err(Problem::forbidden("this key may only read"));
    }
    let caller = context.caller.clone();
    let days = app.config.auth.token_days;
    let token = random_token();
    app.act(&context, "make link", &format!("order/{id}"), move |world, now| {
        let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
        authorize(world, &caller, Action::ReadOrders, Resource::Order { id: &id, order })?;
        let expires_ms = now + days * 86_400_000;
        let body = json!({ "path": format!("/t/{token}"), "expires": instant(expires_ms) });
        let fact = Fact::TokenMade { token: sha256_hex(token.as_bytes()), order: id, expires_ms };
        Ok(Done::new(StatusCode::CREATED, body).with([fact]))
    })
    .await
}
