//! Planner runs.

use super::Page;
use crate::app::App;
use crate::ask::{Ask, Context, Id, reply};
use crate::problem::Problem;
use crate::runs::{RunView, Wish};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_planning::search::Variant;

/// A run to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunBody {
    /// The day, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub date: String,
    /// Seconds of search, 1 to 3600; the configuration's if absent.
    #[schema(minimum = 1, maximum = 3600)]
    pub seconds: Option<f64>,
    /// Steps of search instead, so that no clock counts.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub steps: Option<u64>,
    /// Seed; 1 if absent.
    #[serde(default = "one")]
    pub seed: u64,
    /// Plan the orders of the running day instead of the county's file.
    #[serde(default)]
    pub live_orders: bool,
}

const fn one() -> u64 {
    1
}

/// The effort of a wish within its bounds.
///
/// # Errors
/// `H616` with the field.
pub(super) fn effort(
    seconds: Option<f64>,
    steps: Option<u64>,
    usual: f64,
) -> Result<(f64, Option<u64>), Problem> {
    let seconds = seconds.unwrap_or(usual);
    if !(0.1..=3_600.0).contains(&seconds) {
        return Err(Problem::value("/seconds", &seconds.to_string(), "0.1 to 3600"));
    }
    if let Some(steps) = steps.filter(|s| !(1..=1_000_000_000).contains(s)) {
        return Err(Problem::value("/steps", &steps.to_string(), "1 to 1,000,000,000"));
    }
    Ok((seconds, steps))
}

/// Runs, the last one first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "plans", responses((status = 200, body = Page<RunView>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Response {
    reply(StatusCode::OK, &Page::whole(app.runs.all()))
}

/// Starts a planner run; one runs, a few wait, more are refused.
#[utoipa::path(post, path = "/api/v1/runs", tag = "plans", request_body = RunBody, responses((status = 202, body = RunView)))]
pub(super) async fn start(State(app): State<Arc<App>>, ask: Ask<RunBody>) -> Result<Response, Problem> {
    let body = ask.value;
    let date =
        body.date.parse().map_err(|_| Problem::value("/date", &body.date, "a day such as 2026-11-24"))?;
    let (seconds, steps) = effort(body.seconds, body.steps, app.config.planner.seconds)?;
    let wish = Wish {
        date,
        seconds,
        steps,
        seed: body.seed,
        origin: "run".into(),
        base: None,
        live_orders: body.live_orders,
        known_only: false,
        mends: None,
        without_vehicles: Vec::new(),
        variant: Variant::default(),
        summary: String::new(),
    };
    let view = app.runs.start(wish, &ask.context.caller.who, app.config.planner.waiting_max)?;
    Ok(reply(StatusCode::ACCEPTED, &view))
}

/// One run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "plans", params(("id" = String, Path, description = "Run")), responses((status = 200, body = RunView)))]
pub(super) async fn one_run(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Problem> {
    let view = app.runs.one(&id).ok_or_else(|| Problem::not_found("run", &id))?;
    Ok(reply(StatusCode::OK, &view))
}

/// Stops a run.
#[utoipa::path(delete, path = "/api/v1/runs/{id}", tag = "plans", params(("id" = String, Path, description = "Run")), responses((status = 200, body = RunView)))]
pub(super) async fn cancel(State(app): State<Arc<App>>, Id(id): Id, _: Context) -> Result<Response, Problem> {
    let view = app.runs.cancel(&id).ok_or_else(|| Problem::not_found("run", &id))?;
    Ok(reply(StatusCode::OK, &view))
}
