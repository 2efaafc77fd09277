//! Plans changed by hand: forks to try something on, and changes that are timed, priced and judged at once.

use super::plans::load;
use crate::app::App;
use crate::ask::{Ask, Context, Id, reply};
use crate::forks::{self, Fork, Outcome};
use crate::machine::{Done, read};
use crate::office::Fact;
use crate::plans::Loaded;
use crate::problem::Problem;
use crate::runs::{Job, Wish};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_model::plan::{Lock, VisitLock};
use xiangyun_planning::repair::Edit;
use xiangyun_planning::search::Variant;

/// How free a visit is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockWord {
    /// Vehicle and order stay.
    FixedOrder,
    /// The vehicle stays.
    FixedVehicle,
    /// Anything may change.
    Free,
}

/// The lock of a visit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockBody {
    /// The visit, by the plan's own id.
    #[schema(min_length = 1, max_length = 200)]
    pub visit: String,
    /// How free it is.
    pub lock: LockWord,
}

/// One change.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum EditBody {
    /// A load, named by itself or by one of its orders, rides on another vehicle.
    Move {
        /// Load or order.
        #[schema(max_length = 200)]
        load: String,
        /// Vehicle.
        #[schema(max_length = 200)]
        vehicle: String,
    },
    /// Everything that is done at a stop is done by another vehicle.
    MoveStop {
        /// The visit, by the plan's own id.
        #[schema(max_length = 200)]
        visit: String,
        /// Vehicle.
        #[schema(max_length = 200)]
        vehicle: String,
    },
    /// Two trips that have not begun change vehicles and drivers.
    Swap {
        /// One trip, by the plan's own id.
        #[schema(max_length = 200)]
        trip: String,
        /// The other.
        #[schema(max_length = 200)]
        other: String,
    },
    /// Some orders of a load become a load of their own.
    Split {
        /// Load.
        #[schema(max_length = 200)]
        load: String,
        /// Orders of the new load.
        #[schema(min_items = 1, max_items = 1000)]
        orders: Vec<String>,
        /// Vehicle of the new load; the same if absent.
        #[schema(max_length = 200)]
        vehicle: Option<String>,
    },
    /// Locks visits, or sets them free; every later change keeps what is locked.
    Lock {
        /// 1 to 1,000 visits.
        #[schema(min_items = 1, max_items = 1000)]
        locks: Vec<LockBody>,
    },
    /// Takes the last change back.
    Undo {},
}

/// What came of a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditView {
    /// The plan that has the change: a fork, which is published like any other plan.
    pub plan: String,
    /// Changes that it has now.
    pub edits: u64,
    /// Locks that it has now.
    pub locks: u64,
    /// Price of this change, fen.
    pub price_fen: i64,
    /// Price of all changes, fen.
    pub total_fen: i64,
    /// Lateness left in the whole plan, seconds.
    pub lateness_s: i64,
    /// Stops that this change moves.
    pub moved_stops: u32,
    /// Trips that this change touches, by the plan's own ids.
    pub trips: Vec<String>,
}

/// A change, validated at once: what it would break comes back with code, place and what would be allowed, and changes
/// nothing. On a plan that is no fork the first change makes one.
#[utoipa::path(post, path = "/api/v1/plans/{id}/edits", tag = "plans", params(("id" = String, Path, description = "Plan or fork")), request_body = EditBody, responses((status = 200, body = EditView)))]
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<EditBody>,
) -> Result<Response, Problem> {
    let _one_at_a_time = app.editing.lock().await;
    if let Some(answer) = app.replayed(&ask.context).await? {
        return Ok(answer);
    }
    let base = load(&app, &id).await?;
    if let Some(version) = ask.context.if_match
        && read(&app.world).version(&format!("plan/{id}")) != version
    {
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, "H607", "the plan changed meanwhile"));
    }
    let published = read(&app.world).office.plans.get(&id).is_some_and(|p| p.published);
    let known = {
        let (app, id) = (Arc::clone(&app), id.clone());
        blocking(move || Fork::read(&app, &id)).await?
    };
    if matches!(ask.value, EditBody::Undo {}) && (known.is_none() || published) {
        return Err(Problem::conflict("there is no change to undo"));
    }
    let fresh = known.is_none() || published;
    let target = if fresh { make(&app, base).await?.plan.id.clone() } else { id.clone() };
    let undo = matches!(ask.value, EditBody::Undo {});
    let outcome = {
        let (app, target, body) = (Arc::clone(&app), target.clone(), ask.value);
        blocking(move || change(&app, &target, body)).await
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(problem) => {
            if fresh {
                // Nothing came of it: the copy that was made for it goes too.
                let dir = app.plans.dir_of(&target);
                app.plans.forget(&target);
                let _ = tokio::fs::remove_dir_all(dir).await;
            }
            return Err(problem);
        }
    };
    note(&app, &ask.context, &target, &outcome, undo).await
}

fn change(app: &App, target: &str, body: EditBody) -> Result<Outcome, Problem> {
    let edit = match body {
        EditBody::Move { load, vehicle } => Edit::Move { load, vehicle },
        EditBody::MoveStop { visit, vehicle } => Edit::MoveStop { visit, vehicle },
        EditBody::Swap { trip, other } => Edit::Swap { trip, other },
        EditBody::Split { load, orders, vehicle } => Edit::Split { load, orders, vehicle },
        EditBody::Undo {} => return forks::edit(app, target, None),
        EditBody::Lock { locks } => {
            let word = |w: LockWord| match w {
                LockWord::FixedOrder => Lock::FixedOrder,
                LockWord::FixedVehicle => Lock::FixedVehicle,
                LockWord::Free => Lock::Free,
            };
            let locks = locks.into_iter().map(|l| VisitLock { visit: l.visit, lock: word(l.lock) }).collect();
            return forks::lock(app, target, locks);
        }
    };
    forks::edit(app, target, Some(&edit))
}

/// The fact of a changed fork, with the answer.
async fn note(
    app: &Arc<App>,
    context: &Context,
    target: &str,
    outcome: &Outcome,
    undo: bool,
) -> Result<Response, Problem> {
    let Outcome { fork, plan } = outcome;
    let last = if undo { None } else { fork.edits.last() };
    let view = EditView {
        plan: target.to_owned(),
        edits: fork.edits.len() as u64,
        locks: fork.locks.len() as u64,
        price_fen: last.map_or(0, |m| m.price_fen),
        total_fen: fork.edits.iter().map(|m| m.price_fen).sum(),
        lateness_s: fork.edits.last().map_or(0, |m| m.lateness_s),
        moved_stops: last.map_or(0, |m| m.moved_stops),
        trips: last.map_or_else(Vec::new, |m| m.patch.trips.iter().map(|t| t.id.clone()).collect()),
    };
    let fact = Fact::PlanTaken {
        plan: target.to_owned(),
        date: plan.date.to_string(),
        base: Some(fork.base.clone()),
        origin: "edit".into(),
        orders: plan.orders,
        served: plan.served(),
        cost_fen: plan.cost_fen,
        summary: format!("{} changes by hand", fork.edits.len()),
    };
    let body = serde_json::to_value(&view).map_err(|e| Problem::internal(&e))?;
    let mut context = context.clone();
    // The version was judged before the work was done; what is noted now is the work.
    context.if_match = None;
    app.act(&context, "edit plan", &format!("plan/{target}"), move |_, _| {
        Ok(Done::new(StatusCode::OK, body).with([fact]))
    })
    .await
}

/// What a fork tries.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkBody {
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub summary: String,
    /// Plan the day anew under other conditions; absent: a copy of the plan as it runs, to be changed by hand.
    pub run: Option<ForkRun>,
}

/// Other conditions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkRun {
    /// Vehicles left out.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub without_vehicles: Vec<String>,
    /// Plan the orders of the running day instead of the county's file.
    #[serde(default)]
    pub live_orders: bool,
    /// Seconds of search; the configuration's if absent.
    #[schema(minimum = 1, maximum = 3600)]
    pub seconds: Option<f64>,
    /// Steps of search instead, so that no clock counts.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub steps: Option<u64>,
}

/// Forks a plan: a copy at once (201), or a planner run under other conditions (202). `GET /plans/{fork}` compares it with
/// its base.
#[utoipa::path(post, path = "/api/v1/plans/{id}/forks", tag = "plans", params(("id" = String, Path, description = "Plan")), request_body = ForkBody, responses((status = 201, body = super::plans::PlanView), (status = 202, body = crate::runs::RunView)))]
pub(super) async fn fork(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ForkBody>,
) -> Result<Response, Problem> {
    super::county::text_of("/summary", &ask.value.summary, 200)?;
    let base = load(&app, &id).await?;
    let Some(run) = ask.value.run else {
        if let Some(answer) = app.replayed(&ask.context).await? {
            return Ok(answer);
        }
        let made = make(&app, base).await?;
        let fact = made.taken("fork", Some(id), ask.value.summary);
        return super::plans::taken(&app, &ask.context, fact).await;
    };
    if let Some(unknown) =
        run.without_vehicles.iter().find(|v| !app.county.vehicles.iter().any(|c| c.id.as_str() == *v))
    {
        return Err(Problem::value("/run/without_vehicles", unknown, "ids of vehicles.csv"));
    }
    let (seconds, steps) = super::runs::effort(run.seconds, run.steps, app.config.planner.seconds)?;
    let wish = Wish {
        date: base.plan.date,
        seconds,
        steps,
        seed: 1,
        origin: "fork".into(),
        base: Some(id),
        live_orders: run.live_orders,
        known_only: false,
        mends: None,
        without_vehicles: run.without_vehicles,
        variant: Variant::default(),
        summary: ask.value.summary,
    };
    let view = app.runs.start(Job::Plan(wish), &ask.context.caller.who, app.config.planner.waiting_max)?;
    Ok(reply(StatusCode::ACCEPTED, &view))
}

/// A copy of a plan as it runs.
async fn make(app: &Arc<App>, base: Arc<Loaded>) -> Result<Arc<Loaded>, Problem> {
    let now = app.worker.copy(&base.plan.id).await?;
    let app = Arc::clone(app);
    blocking(move || forks::make(&app, &base, now)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(&e))?
}

/// The difference of any two plans.
#[utoipa::path(get, path = "/api/v1/plans/{id}/compare/{other}", tag = "plans", params(("id" = String, Path, description = "Plan"), ("other" = String, Path, description = "The plan it is compared with")), responses((status = 200, body = super::plans::Compared)))]
pub(super) async fn compare(
    State(app): State<Arc<App>>,
    axum::extract::Path((id, other)): axum::extract::Path<(String, String)>,
) -> Result<Response, Problem> {
    let (ours, theirs) = (load(&app, &id).await?, load(&app, &other).await?);
    Ok(reply(StatusCode::OK, &json!(super::plans::compare(&ours, &theirs))))
}
