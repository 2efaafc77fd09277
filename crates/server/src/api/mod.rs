//! The HTTP API. Its types are its own: what the day keeps inside may change without changing what others read.

pub mod access;
pub mod alarms;
pub mod cash;
pub mod county;
pub mod custody;
pub mod edits;
pub mod events;
pub mod exceptions;
pub mod imports;
pub mod kpi;
mod listing;
pub mod messages;
pub mod order_steps;
pub mod orders;
pub mod plans;
pub mod positions;
pub mod runs;
pub mod stops;
pub mod tidy;
pub mod track;
pub mod webhooks;

use crate::app::App;
use crate::auth::Action;
use crate::http::guard::guard;
use crate::pages;
use crate::problem::Problem;
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Items of a page when nothing else is asked.
pub const PAGE_DEFAULT: i64 = 100;
/// Most items of a page.
pub const PAGE_MAX: i64 = 1_000;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing, and it answers while the daemon is overloaded or ends.
    Probe,
    /// Nothing.
    Open,
    /// Somebody signed in; others are sent to the sign-in page.
    Page,
    /// Somebody whose role may do this.
    May(Action),
}

/// Every operation with what it needs: the one list that the guard asks and the tests walk.
pub const OPERATIONS: &[(&str, &str, Need)] = &[
    ("GET", "/healthz", Need::Probe),
    ("GET", "/readyz", Need::Probe),
    ("GET", "/metrics", Need::Probe),
    ("GET", "/api/docs", Need::Open),
    ("GET", "/api/v1/openapi.json", Need::Open),
    ("POST", "/api/v1/login", Need::Open),
    ("POST", "/api/v1/logout", Need::May(Action::Leave)),
    ("GET", "/api/v1/me", Need::May(Action::Leave)),
    ("GET", "/api/v1/clock", Need::May(Action::ReadCounty)),
    ("POST", "/api/v1/clock", Need::May(Action::StepClock)),
    ("GET", "/api/v1/sites", Need::May(Action::ReadCounty)),
    ("GET", "/api/v1/vehicles", Need::May(Action::ReadCounty)),
    ("GET", "/api/v1/drivers", Need::May(Action::ReadCounty)),
    ("GET", "/api/v1/carriers", Need::May(Action::ReadCounty)),
    ("GET", "/api/v1/carriers/{id}/scans", Need::May(Action::ReadCarrierScans)),
    ("GET", "/api/v1/alarms", Need::May(Action::ReadExceptions)),
    ("GET", "/api/v1/vehicles/{id}/trail", Need::May(Action::ReadFleet)),
    ("POST", "/api/v1/vehicles/{id}/condition", Need::May(Action::RaiseExceptions)),
    ("GET", "/api/v1/positions", Need::May(Action::ReadFleet)),
    ("POST", "/api/v1/positions", Need::May(Action::WritePositions)),
    ("GET", "/api/v1/orders", Need::May(Action::ReadOrders)),
    ("POST", "/api/v1/orders", Need::May(Action::PlaceOrders)),
    ("POST", "/api/v1/orders/bulk", Need::May(Action::PlaceOrders)),
    ("GET", "/api/v1/orders/{id}", Need::May(Action::ReadOrders)),
    ("PATCH", "/api/v1/orders/{id}", Need::May(Action::ChangeOrders)),
    ("DELETE", "/api/v1/orders/{id}", Need::May(Action::ChangeOrders)),
    ("POST", "/api/v1/orders/{id}/acceptance", Need::May(Action::AcceptOrders)),
    ("POST", "/api/v1/orders/{id}/consent", Need::May(Action::Scan)),
    ("POST", "/api/v1/orders/{id}/deferral", Need::May(Action::Scan)),
    ("POST", "/api/v1/orders/{id}/diversion", Need::May(Action::Scan)),
    ("POST", "/api/v1/orders/{id}/erasure", Need::May(Action::Erase)),
    ("POST", "/api/v1/imports", Need::May(Action::PlaceOrders)),
    ("GET", "/api/v1/plans", Need::May(Action::ReadPlans)),
    ("POST", "/api/v1/plans", Need::May(Action::MakePlans)),
    ("GET", "/api/v1/plans/{id}", Need::May(Action::ReadPlans)),
    ("POST", "/api/v1/plans/{id}/publish", Need::May(Action::MakePlans)),
    ("POST", "/api/v1/plans/{id}/edits", Need::May(Action::EditPlans)),
    ("POST", "/api/v1/plans/{id}/forks", Need::May(Action::EditPlans)),
    ("POST", "/api/v1/plans/{id}/tidy-up", Need::May(Action::Repair)),
    ("GET", "/api/v1/plans/{id}/compare/{other}", Need::May(Action::ReadPlans)),
    ("GET", "/api/v1/runs", Need::May(Action::ReadPlans)),
    ("POST", "/api/v1/runs", Need::May(Action::MakePlans)),
    ("GET", "/api/v1/runs/{id}", Need::May(Action::ReadPlans)),
    ("DELETE", "/api/v1/runs/{id}", Need::May(Action::MakePlans)),
    ("GET", "/api/v1/runs/{id}/report", Need::May(Action::ReadPlans)),
    ("POST", "/api/v1/reports", Need::May(Action::MakePlans)),
    ("GET", "/api/v1/stops", Need::May(Action::ReadPlans)),
    ("POST", "/api/v1/stops/{id}/scans", Need::May(Action::Scan)),
    ("POST", "/api/v1/stops/{id}/proof", Need::May(Action::Prove)),
    ("POST", "/api/v1/stops/{id}/evidence", Need::May(Action::Prove)),
    ("GET", "/api/v1/handovers", Need::May(Action::ReadHandovers)),
    ("POST", "/api/v1/handovers", Need::May(Action::HandOver)),
    ("POST", "/api/v1/handovers/{id}/confirm", Need::May(Action::HandOver)),
    ("POST", "/api/v1/units", Need::May(Action::Scan)),
    ("DELETE", "/api/v1/units/{id}", Need::May(Action::Scan)),
    ("POST", "/api/v1/returnables", Need::May(Action::Scan)),
    ("POST", "/api/v1/shifts", Need::May(Action::Scan)),
    ("GET", "/api/v1/exceptions", Need::May(Action::ReadExceptions)),
    ("POST", "/api/v1/exceptions", Need::May(Action::RaiseExceptions)),
    ("POST", "/api/v1/exceptions/{id}/close", Need::May(Action::Repair)),
    ("GET", "/api/v1/exceptions/{id}/repairs", Need::May(Action::ReadExceptions)),
    ("POST", "/api/v1/exceptions/{id}/repairs", Need::May(Action::Repair)),
    ("GET", "/api/v1/messages", Need::May(Action::ReadMessages)),
    ("POST", "/api/v1/messages", Need::May(Action::SendMessages)),
    ("GET", "/api/v1/notices", Need::May(Action::ReadNotices)),
    ("POST", "/api/v1/notices/opt-outs", Need::May(Action::OptOut)),
    ("GET", "/api/v1/track/{waybill}", Need::May(Action::ReadOrders)),
    ("POST", "/api/v1/track/{waybill}", Need::May(Action::ReadOrders)),
    ("POST", "/api/v1/returns", Need::May(Action::Return)),
    ("GET", "/api/v1/claims", Need::May(Action::ReadClaims)),
    ("POST", "/api/v1/claims", Need::May(Action::Claim)),
    ("POST", "/api/v1/claims/{id}/settle", Need::May(Action::Settle)),
    ("GET", "/api/v1/cash", Need::May(Action::ReadCash)),
    ("POST", "/api/v1/cash", Need::May(Action::Cash)),
    ("POST", "/api/v1/cash/close", Need::May(Action::Cash)),
    ("GET", "/api/v1/webhooks", Need::May(Action::ReadWebhooks)),
    ("POST", "/api/v1/webhooks", Need::May(Action::WriteWebhooks)),
    ("DELETE", "/api/v1/webhooks/{id}", Need::May(Action::WriteWebhooks)),
    ("GET", "/api/v1/kpi", Need::May(Action::ReadKpi)),
    ("GET", "/api/v1/events", Need::May(Action::Listen)),
    ("GET", "/api/v1/users", Need::May(Action::ReadUsers)),
    ("POST", "/api/v1/users", Need::May(Action::WriteUsers)),
    ("GET", "/api/v1/keys", Need::May(Action::ReadKeys)),
    ("POST", "/api/v1/keys", Need::May(Action::WriteKeys)),
    ("DELETE", "/api/v1/keys/{id}", Need::May(Action::WriteKeys)),
    ("GET", "/api/v1/audit", Need::May(Action::ReadAudit)),
    ("GET", "/api/v1/export", Need::May(Action::Export)),
    ("GET", "/", Need::Page),
    ("GET", "/login", Need::Open),
    ("GET", "/t/{token}", Need::Open),
    ("GET", "/day", Need::Page),
    ("GET", "/day/board", Need::Page),
    ("GET", "/station/{site}", Need::Page),
    ("GET", "/d/{plan}/{stop}", Need::Page),
    ("GET", "/assets/{name}", Need::Open),
    ("GET", "/worker.js", Need::Open),
];

/// What an operation needs; nothing for one that is not there.
#[must_use]
pub fn need(method: &Method, path: &str) -> Option<Need> {
    let asked = if *method == Method::HEAD { "GET" } else { method.as_str() };
    OPERATIONS.iter().find(|(m, p, _)| *m == asked && *p == path).map(|(_, _, n)| *n)
}

/// Whether a path may take longer.
#[must_use]
pub fn is_bulk(path: &str) -> bool {
    [
        "/orders/bulk",
        "/imports",
        "/plans",
        "/publish",
        "/edits",
        "/forks",
        "/export",
        "/handovers",
        "/scans",
        "/clock",
        "/confirm",
        "/repairs",
        "/tidy-up",
    ]
    .iter()
    .any(|end| path.ends_with(end))
}

/// Whether a path has places of its own when the daemon is overloaded: proof of delivery, scans, hand-overs.
#[must_use]
pub fn is_urgent(path: &str) -> bool {
    ["/scans", "/proof", "/handovers", "/confirm"].iter().any(|end| path.ends_with(end))
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Items in order.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of up to `limit` items, one more having been read to know whether there is a next.
    pub fn cut(mut items: Vec<T>, limit: i64, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }

    /// Everything at once.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Where a page begins and how long it is.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// `next` of the page before.
    #[param(max_length = 400)]
    pub cursor: Option<String>,
    /// Items, 1 to 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<i64>,
}

/// The limit within its bounds.
///
/// # Errors
/// `H615` outside them.
pub fn limit_of(limit: Option<i64>) -> Result<i64, Problem> {
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(query_fault("limit", &limit.to_string(), "1 to 1000"))
}

/// A parameter that cannot be taken.
#[must_use]
pub fn query_fault(name: &str, found: &str, cure: &str) -> Problem {
    let detail = format!("\"{}\" is not allowed", crate::problem::clip(found));
    Problem::new(StatusCode::BAD_REQUEST, "H615", detail.clone()).at(
        format!("#/query/{name}"),
        "H615",
        detail,
        cure,
    )
}

/// A cursor that is a number of the log.
///
/// # Errors
/// `H615` for another text.
pub fn seq_of(cursor: Option<&String>) -> Result<i64, Problem> {
    cursor.map_or(Ok(0), |c| {
        c.parse().ok().filter(|n| *n >= 0).ok_or_else(|| query_fault("cursor", c, "next of the page before"))
    })
}

/// An instant of the API from the milliseconds inside.
#[must_use]
pub fn instant(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default()
}

/// The same where there may be none.
#[must_use]
pub fn maybe_instant(ms: Option<i64>) -> Option<jiff::Timestamp> {
    ms.map(instant)
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Xiangyun",
    description = "The running day of a county's logistics: orders, custody, plans, positions, exceptions, cash. \
        Errors are RFC 9457 problems with stable codes and JSON pointers. Unsafe requests take an Idempotency-Key; \
        what has an ETag takes If-Match. Lists give `next` for the next page. `x-roles` says who may ask.",
    license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0")
))]
struct Doc;

fn described() -> (Router<Arc<App>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Doc::openapi())
        .routes(routes!(access::login))
        .routes(routes!(access::logout))
        .routes(routes!(access::me))
        .routes(routes!(access::users, access::save_user))
        .routes(routes!(access::keys, access::make_key))
        .routes(routes!(access::revoke_key))
        .routes(routes!(access::audit))
        .routes(routes!(county::clock, county::step_clock))
        .routes(routes!(county::sites))
        .routes(routes!(county::vehicles))
        .routes(routes!(county::drivers))
        .routes(routes!(county::carriers))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::scans))
        .routes(routes!(county::set_condition))
        .routes(routes!(positions::trail))
        .routes(routes!(positions::positions, positions::report))
        .routes(routes!(orders::list, orders::place))
        .routes(routes!(orders::bulk))
        .routes(routes!(orders::one, order_steps::change, order_steps::cancel))
        .routes(routes!(order_steps::acceptance))
        .routes(routes!(order_steps::consent))
        .routes(routes!(order_steps::defer))
        .routes(routes!(order_steps::divert))
        .routes(routes!(order_steps::erase))
        .routes(routes!(imports::import))
        .routes(routes!(plans::list, plans::take))
        .routes(routes!(plans::one))
        .routes(routes!(plans::publish))
        .routes(routes!(edits::edit))
        .routes(routes!(edits::fork))
        .routes(routes!(edits::compare))
        .routes(routes!(tidy::tidy_up))
        .routes(routes!(runs::list, runs::start))
        .routes(routes!(runs::one_run, runs::cancel))
        .routes(routes!(runs::report))
        .routes(routes!(runs::study_of))
        .routes(routes!(stops::list))
        .routes(routes!(stops::scan))
        .routes(routes!(stops::proof))
        .routes(routes!(stops::evidence))
        .routes(routes!(custody::list, custody::hand_over))
        .routes(routes!(custody::confirm))
        .routes(routes!(custody::pack))
        .routes(routes!(custody::unpack))
        .routes(routes!(custody::returnables))
        .routes(routes!(custody::shift))
        .routes(routes!(exceptions::list, exceptions::raise))
        .routes(routes!(exceptions::close))
        .routes(routes!(exceptions::repairs, exceptions::decide_repair))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(messages::notices))
        .routes(routes!(messages::opt_out))
        .routes(routes!(track::track, track::link))
        .routes(routes!(cash::start_return))
        .routes(routes!(cash::claims, cash::claim))
        .routes(routes!(cash::settle))
        .routes(routes!(cash::list, cash::take))
        .routes(routes!(cash::close))
        .routes(routes!(webhooks::list, webhooks::save))
        .routes(routes!(webhooks::remove))
        .routes(routes!(kpi::kpi))
        .routes(routes!(kpi::export))
        .routes(routes!(events::events))
        .split_for_parts()
}

/// Answers that every operation may give, beside its own.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "Not understood"),
    ("401", "Nobody signed in"),
    ("403", "Not for this role"),
    ("404", "Not there, or not for this caller"),
    ("405", "Another method"),
    ("408", "Too slow"),
    ("409", "The state does not allow it"),
    ("410", "Gone"),
    ("412", "Changed meanwhile"),
    ("413", "Too large"),
    ("415", "Another media type"),
    ("422", "A value that cannot be taken"),
    ("429", "Too many"),
    ("503", "Overloaded, or ending"),
    ("507", "The disk is full"),
];

/// The OpenAPI 3.1 document.
pub fn document() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut value = serde_json::to_value(described().1).expect("the document is plain data");
        finish(&mut value);
        let mut text = serde_json::to_string_pretty(&value).expect("the document is plain data");
        text.push('\n');
        text
    })
}

/// Adds what all operations share: refusals, who may ask, the key against doubles.
fn finish(document: &mut Value) {
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document["servers"] = json!([{ "url": "/" }]);
    document["components"]["securitySchemes"] = json!({
        "key": { "type": "http", "scheme": "bearer", "description": "An API key" },
        "session": { "type": "apiKey", "in": "cookie", "name": "xiangyun" }
    });
    document["security"] = json!([{ "key": [] }, { "session": [] }]);
    let refusal = json!({
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    });
    document["components"]["schemas"]["Problem"] =
        serde_json::to_value(<Problem as utoipa::PartialSchema>::schema()).expect("plain data");
    document["components"]["schemas"]["Fault"] =
        serde_json::to_value(<crate::problem::Fault as utoipa::PartialSchema>::schema()).expect("plain data");
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        let Some(item) = item.as_object_mut() else { continue };
        for (method, operation) in item {
            let Ok(name) = method.to_uppercase().parse::<Method>() else { continue };
            for (status, words) in REFUSALS {
                let mut answer = refusal.clone();
                answer["description"] = json!(words);
                if operation["responses"].get(*status).is_none() {
                    operation["responses"][*status] = answer;
                }
            }
            match need(&name, path) {
                Some(Need::May(action)) => {
                    let roles: Vec<&str> = action.roles().map(crate::office::Role::word).collect();
                    operation["x-action"] = json!(action.word());
                    operation["x-roles"] = json!(roles);
                }
                _ => operation["security"] = json!([]),
            }
            if name != Method::GET {
                let key = json!({
                    "name": "Idempotency-Key", "in": "header", "required": false,
                    "description": "New for each request; the same key again gives the same answer and no second effect",
                    "schema": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]{1,200}$" }
                });
                match operation["parameters"].as_array_mut() {
                    Some(list) => list.push(key),
                    None => operation["parameters"] = json!([key]),
                }
            }
        }
    }
}

/// All routes behind the guard.
pub fn router(app: &Arc<App>) -> Router {
    described()
        .0
        .merge(pages::routes())
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "H605", "no such path; /api/docs lists them").into_response()
        })
        .layer(from_fn_with_state(Arc::clone(app), guard))
        .with_state(Arc::clone(app))
}
