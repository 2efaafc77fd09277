//! Planner runs, studies of plans and of the county's past, and their reports.

use super::Page;
use crate::app::App;
use crate::ask::{Ask, Context, Id, reply};
use crate::problem::Problem;
use crate::runs::{Job, RunView, Wish};
use crate::studies::Study;
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
    let view = app.runs.start(Job::Plan(wish), &ask.context.caller.who, app.config.planner.waiting_max)?;
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

/// What to look into.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReportBody {
    /// A plan replayed under noise: how surely each village is served in time, what breaks first, slack to buy.
    Robustness {
        /// The plan.
        #[schema(min_length = 1, max_length = 200)]
        plan: String,
        /// Replays.
        #[serde(default = "replays")]
        #[schema(minimum = 1, maximum = 10_000)]
        replays: u64,
        /// Seed.
        #[serde(default = "one")]
        seed: u64,
    },
    /// The day planned again: a van fewer, a line cut, a station closed, more parcels, earlier promises.
    WhatIf {
        /// The plan.
        #[schema(min_length = 1, max_length = 200)]
        plan: String,
        /// Steps of search of each case.
        #[serde(default = "case_steps")]
        #[schema(minimum = 1, maximum = 1_000_000)]
        steps: u64,
        /// Seed.
        #[serde(default = "one")]
        seed: u64,
    },
    /// Parcels down and lots up by place with P50, P80 and P90.
    Forecast {
        /// The day, `YYYY-MM-DD`.
        #[schema(format = Date)]
        date: String,
        /// Days of history.
        #[serde(default = "history")]
        #[schema(minimum = 7, maximum = 400)]
        history: u32,
    },
    /// Weekly master rounds with a timetable for the wall, for volumes that four days in five do not exceed.
    Rounds {
        /// First day of the history, `YYYY-MM-DD`.
        #[schema(format = Date)]
        from: String,
        /// Last day of the history.
        #[schema(format = Date)]
        to: String,
        /// Steps of search.
        #[serde(default = "rounds_steps")]
        #[schema(minimum = 1, maximum = 10_000_000)]
        steps: u64,
        /// Seed.
        #[serde(default = "one")]
        seed: u64,
    },
}

const fn replays() -> u64 {
    200
}

const fn case_steps() -> u64 {
    30_000
}

const fn history() -> u32 {
    56
}

const fn rounds_steps() -> u64 {
    100_000
}

fn day(pointer: &str, text: &str) -> Result<jiff::civil::Date, Problem> {
    text.parse().map_err(|_| Problem::value(pointer, text, "a day such as 2026-11-24"))
}

fn within(pointer: &str, n: u64, most: u64) -> Result<u64, Problem> {
    if (1..=most).contains(&n) {
        Ok(n)
    } else {
        Err(Problem::value(pointer, &n.to_string(), format!("1 to {most}")))
    }
}

fn known(app: &App, plan: &str) -> Result<(), Problem> {
    if app.plans.known(plan) {
        Ok(())
    } else {
        Err(Problem::value("/plan", plan, "a plan of GET /api/v1/plans"))
    }
}

fn study(app: &App, body: ReportBody) -> Result<Study, Problem> {
    Ok(match body {
        ReportBody::Robustness { plan, replays, seed } => {
            known(app, &plan)?;
            Study::Robustness { plan, replays: within("/replays", replays, 10_000)?, seed }
        }
        ReportBody::WhatIf { plan, steps, seed } => {
            known(app, &plan)?;
            Study::WhatIf { plan, steps: within("/steps", steps, 1_000_000)?, seed }
        }
        ReportBody::Forecast { date, history } => {
            if !(7..=400).contains(&history) {
                return Err(Problem::value("/history", &history.to_string(), "7 to 400 days"));
            }
            Study::Forecast { date: day("/date", &date)?, history }
        }
        ReportBody::Rounds { from, to, steps, seed } => {
            let (first, last) = (day("/from", &from)?, day("/to", &to)?);
            let days = (last - first).get_days();
            if !(0..400).contains(&days) {
                return Err(Problem::value("/to", &to, format!("a day from {first} on, within 400 days")));
            }
            Study::Rounds { from: first, to: last, steps: within("/steps", steps, 10_000_000)?, seed }
        }
    })
}

/// Starts a study; it waits in the queue of the planner's runs.
#[utoipa::path(post, path = "/api/v1/reports", tag = "plans", request_body = ReportBody, responses((status = 202, body = RunView)))]
pub(super) async fn study_of(State(app): State<Arc<App>>, ask: Ask<ReportBody>) -> Result<Response, Problem> {
    let study = study(&app, ask.value)?;
    let most = app.config.planner.waiting_max;
    let view = app.runs.start(Job::Study(study), &ask.context.caller.who, most)?;
    Ok(reply(StatusCode::ACCEPTED, &view))
}

/// The report of a study; the daemon keeps the last ones until it ends.
#[utoipa::path(get, path = "/api/v1/runs/{id}/report", tag = "plans", params(("id" = String, Path, description = "Run")), responses((status = 200, body = serde_json::Value)))]
pub(super) async fn report(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Problem> {
    let report = app.runs.report(&id).ok_or_else(|| Problem::not_found("report of run", &id))?;
    Ok(reply(StatusCode::OK, &*report))
}
