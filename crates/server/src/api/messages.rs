//! Messages with cabs, notices to people.

use super::county::text_of;
use super::listing::Cut;
use super::{Page, Paging, instant};
use crate::app::App;
use crate::ask::{Ask, Context, Query, reply};
use crate::auth::secret::random_id;
use crate::machine::Done;
use crate::messages::send_down;
use crate::notices::contact_hash;
use crate::office::{Fact, Role};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::Arc;
use utoipa::ToSchema;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// Number.
    pub id: String,
    /// Vehicle.
    pub vehicle: String,
    /// `down` to the cab, `up` from it.
    pub direction: String,
    /// What it says.
    pub text: String,
    /// Down: `queued`, `sent`, `answered`, `refused`, `unanswered`, `expired`, `no_terminal`. Up: its kind.
    pub state: String,
    /// Who sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
}

/// Messages by number; a driver sees the own vehicle's.
#[utoipa::path(get, path = "/api/v1/messages", tag = "messages", params(Paging), responses((status = 200, body = Page<MessageView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
    context: Context,
) -> Result<Response, Problem> {
    const SQL: &str = "SELECT id, vehicle, direction, text, state, by_whom, at_ms FROM messages \
        WHERE county = $1 AND id > $2 AND ($4 = '' OR vehicle = $4) ORDER BY id LIMIT $3";
    let own = match context.caller.role() {
        Role::Driver => context.caller.standing.vehicle.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let view = |r: &AnyRow| {
        Ok(MessageView {
            id: r.try_get("id")?,
            vehicle: r.try_get("vehicle")?,
            direction: r.try_get("direction")?,
            text: r.try_get("text")?,
            state: r.try_get("state")?,
            by: r.try_get("by_whom")?,
            at: instant(r.try_get("at_ms")?),
        })
    };
    let page = Cut::by_id(&paging)?.page(&app, SQL, Some(own), view, |i| i.id.clone()).await?;
    Ok(reply(StatusCode::OK, &page))
}

/// A message to a cab.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    /// Vehicle.
    #[schema(max_length = 64)]
    pub vehicle: String,
    /// What it says.
    #[schema(min_length = 1, max_length = 400)]
    pub text: String,
    /// Shown at once and read aloud.
    #[serde(default)]
    pub urgent: bool,
}

/// A message that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sent {
    /// Number.
    pub id: String,
}

/// Sends a text to a cab (JT/T 808 0x8300); its state says whether the terminal answered.
#[utoipa::path(post, path = "/api/v1/messages", tag = "messages", request_body = MessageBody, responses((status = 202, body = Sent)))]
pub(super) async fn send(State(app): State<Arc<App>>, ask: Ask<MessageBody>) -> Result<Response, Problem> {
    let MessageBody { vehicle, text, urgent } = ask.value;
    if !app.county.vehicles.iter().any(|v| v.id.as_str() == vehicle) {
        return Err(Problem::value("/vehicle", &vehicle, "an id of vehicles.csv"));
    }
    if text.is_empty() {
        return Err(Problem::value("/text", "", "1 to 400 characters"));
    }
    text_of("/text", &text, 400)?;
    let id = random_id();
    let by = ask.context.caller.who.clone();
    let sent =
        Fact::MessageSent { message: id.clone(), vehicle: vehicle.clone(), text: text.clone(), urgent, by };
    let body = json!({ "id": id });
    let answer = app
        .act(&ask.context, "send message", &format!("vehicle/{vehicle}"), move |_, _| {
            Ok(Done::new(StatusCode::ACCEPTED, body).with([sent]))
        })
        .await?;
    if !answer.headers().contains_key("idempotency-replayed") {
        send_down(&app, id, &vehicle, &text, urgent);
    }
    Ok(answer)
}

/// A notice to a recipient or keeper.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeView {
    /// Number.
    pub id: String,
    /// Order.
    pub order: String,
    /// Template.
    pub template: String,
    /// `waiting`, `sent`, `opted_out`, `no_contact`, `failed`.
    pub state: String,
    /// Not before: quiet hours are kept.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: jiff::Timestamp,
}

/// Notices by number.
#[utoipa::path(get, path = "/api/v1/notices", tag = "messages", params(Paging), responses((status = 200, body = Page<NoticeView>)))]
pub(super) async fn notices(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
) -> Result<Response, Problem> {
    const SQL: &str = "SELECT id, order_id, template, state, not_before_ms FROM notices \
        WHERE county = $1 AND id > $2 ORDER BY id LIMIT $3";
    let view = |r: &AnyRow| {
        Ok(NoticeView {
            id: r.try_get("id")?,
            order: r.try_get("order_id")?,
            template: r.try_get("template")?,
            state: r.try_get("state")?,
            not_before: instant(r.try_get("not_before_ms")?),
        })
    };
    let page = Cut::by_id(&paging)?.page(&app, SQL, None, view, |i| i.id.clone()).await?;
    Ok(reply(StatusCode::OK, &page))
}

/// Somebody who wants no notices, or wants them again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptOutBody {
    /// Phone number; only its hash is kept.
    #[schema(min_length = 5, max_length = 30)]
    pub phone: String,
    /// Whether to stop.
    pub out: bool,
}

/// Stops or restarts notices to a number.
#[utoipa::path(post, path = "/api/v1/notices/opt-outs", tag = "messages", request_body = OptOutBody, responses((status = 204)))]
pub(super) async fn opt_out(State(app): State<Arc<App>>, ask: Ask<OptOutBody>) -> Result<Response, Problem> {
    let OptOutBody { phone, out } = ask.value;
    if !(5..=30).contains(&phone.chars().count()) {
        return Err(Problem::value("/phone", "", "5 to 30 characters"));
    }
    let contact = contact_hash(&app.code, &phone);
    app.act(&ask.context, "opt out", "notices", move |_, _| {
        Ok(Done::new(StatusCode::NO_CONTENT, serde_json::Value::Null).with([Fact::OptedOut { contact, out }]))
    })
    .await
}
