//! Tidying up the day's plan after orders that came one by one.

use super::county::decided;
use super::exceptions::{RepairView, exception_view};
use crate::app::App;
use crate::ask::{Context, Id, reply};
use crate::auth::secret::random_id;
use crate::machine::read;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::event::ExceptionKind;

/// What came of asking for a tidy-up.
#[derive(Debug, Serialize, ToSchema)]
pub struct TidyUpView {
    /// The exception that stands for it in the queue: its repairs are accepted, refused and made anew like any other's.
    pub exception: String,
    /// The repair offered; none when nothing costs less, and the exception is closed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairView>,
    /// Why none is offered, in Chinese and English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_repair: Option<String>,
}

/// Asks for a tidy-up of the plan of the day: a repair that moves at most a tenth of the stops ahead so that all of it costs
/// less. Nothing changes before it is accepted at `/exceptions/{exception}/repairs`.
#[utoipa::path(post, path = "/api/v1/plans/{id}/tidy-up", tag = "plans", params(("id" = String, Path, description = "The plan of the day")), responses((status = 200, body = TidyUpView)))]
pub(super) async fn tidy_up(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let subject = format!("plan/{id}");
    let open = {
        let world = read(&app.world);
        if !world.office.plans.contains_key(&id) {
            return Err(Problem::not_found("plan", &id));
        }
        if world.office.published.as_ref() != Some(&id) {
            return Err(Problem::conflict(format!("plan {id} is not the plan of the day")));
        }
        let mine = |kind, of: &str| kind == ExceptionKind::TidyUp && of == subject;
        let mut open = world.day.exceptions.iter().filter(|(_, e)| !e.closed && mine(e.kind, &e.subject));
        open.next().map(|(exception, _)| exception.clone())
    };
    let exception = match open {
        Some(exception) => exception,
        None => {
            let exception = format!("TU-{id}-{}", random_id());
            let name = exception.clone();
            decided(&app, &context, "ask for a tidy-up", &format!("plan/{id}"), StatusCode::OK, move |_| {
                Ok(DayCommand::Raise {
                    exception: name,
                    kind: ExceptionKind::TidyUp,
                    subject,
                    in_charge: None,
                    evidence: "调度要求整理计划 | a tidy-up was asked for".into(),
                    price_fen: 0,
                })
            })
            .await?;
            let is_raised = read(&app.world).day.exceptions.contains_key(&exception);
            if !is_raised {
                // The same request again, or somebody else's at the same moment: no second wish.
                let again =
                    || Problem::conflict("a tidy-up was asked for at the same moment; ask again").retry(1);
                return app.replayed(&context).await?.ok_or_else(again);
            }
            exception
        }
    };
    let asked = app.worker.ask(&exception).await;
    let world = read(&app.world);
    let found = world.day.exceptions.get(&exception);
    let repair = found.and_then(|e| exception_view(&app, &world, &exception, e).repairs.pop());
    let view = match (asked, repair) {
        (Ok(_), Some(repair)) => TidyUpView { exception, repair: Some(repair), no_repair: None },
        // Found to be settled: the answer, not a fault.
        (Err(problem), _) if found.is_some_and(|e| e.closed) => {
            TidyUpView { exception, repair: None, no_repair: Some(problem.detail) }
        }
        (Err(problem), _) => return Err(problem),
        (Ok(offer), None) => return Err(Problem::not_found("offer", &offer)),
    };
    Ok(reply(StatusCode::OK, &view))
}
