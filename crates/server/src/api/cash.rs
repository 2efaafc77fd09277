//! Money at the door, returns, claims.

use super::county::{Did, decided, text_of};
use super::custody::{HolderBody, sides};
use super::listing::Cut;
use super::order_steps::on_order;
use super::{Page, Paging, instant, maybe_instant};
use crate::app::App;
use crate::ask::{Ask, Context, Id, Query, reply, usable_id};
use crate::auth::secret::random_id;
use crate::auth::{Action, Resource, authorize, sees};
use crate::machine::read;
use crate::office::Role;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::command::Command as DayCommand;

/// A step of a return.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStep {
    /// It goes back.
    Start,
    /// The sender or its carrier has it back.
    TakenBack,
    /// Nobody can find it.
    Lost,
}

/// A return.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnBody {
    /// Order.
    #[schema(min_length = 1, max_length = 64)]
    pub order: String,
    /// Step.
    pub step: ReturnStep,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub cause: String,
}

/// Begins or ends a return, or declares an order lost.
#[utoipa::path(post, path = "/api/v1/returns", tag = "money", request_body = ReturnBody, responses((status = 200, body = Did)))]
pub(super) async fn start_return(
    State(app): State<Arc<App>>,
    ask: Ask<ReturnBody>,
) -> Result<Response, Problem> {
    let ReturnBody { order, step, cause } = ask.value;
    text_of("/cause", &cause, 200)?;
    let command = match step {
        ReturnStep::Start => DayCommand::Return { order: order.clone(), cause },
        ReturnStep::TakenBack => DayCommand::TakeBack { order: order.clone(), at_ms: app.clock.now_ms() },
        ReturnStep::Lost => DayCommand::Lose { order: order.clone() },
    };
    on_order(&app, &ask.context, "return order", Action::Return, order, command).await
}

/// A claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimView {
    /// Number.
    pub id: String,
    /// Order.
    pub order: String,
    /// Why.
    pub cause: String,
    /// Fen asked.
    pub asked_fen: i64,
    /// Fen paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_fen: Option<i64>,
    /// Who pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub opened: jiff::Timestamp,
    /// When it was settled.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<jiff::Timestamp>,
}

/// Claims by number.
#[utoipa::path(get, path = "/api/v1/claims", tag = "money", params(Paging), responses((status = 200, body = Page<ClaimView>)))]
pub(super) async fn claims(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
    context: Context,
) -> Result<Response, Problem> {
    const SQL: &str = "SELECT id, order_id, cause, asked_fen, paid_fen, payer, opened_ms, settled_ms FROM claims \
        WHERE county = $1 AND id > $2 ORDER BY id LIMIT $3";
    let view = |r: &AnyRow| {
        Ok(ClaimView {
            id: r.try_get("id")?,
            order: r.try_get("order_id")?,
            cause: r.try_get("cause")?,
            asked_fen: r.try_get("asked_fen")?,
            paid_fen: r.try_get("paid_fen")?,
            payer: r.try_get("payer")?,
            opened: instant(r.try_get("opened_ms")?),
            settled: maybe_instant(r.try_get("settled_ms")?),
        })
    };
    let mut page = Cut::by_id(&paging)?.page(&app, SQL, None, view, |i| i.id.clone()).await?;
    let world = read(&app.world);
    let standing = &context.caller.standing;
    page.items
        .retain(|c| world.day.orders.get(&c.order).is_some_and(|o| sees(&world, standing, &c.order, o)));
    Ok(reply(StatusCode::OK, &page))
}

/// A claim to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// Number; made here if absent.
    #[schema(max_length = 64)]
    pub id: Option<String>,
    /// Order.
    #[schema(min_length = 1, max_length = 64)]
    pub order: String,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub cause: String,
    /// Fen asked.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub fen: i64,
}

/// Opens a claim.
#[utoipa::path(post, path = "/api/v1/claims", tag = "money", request_body = ClaimBody, responses((status = 200, body = Did)))]
pub(super) async fn claim(State(app): State<Arc<App>>, ask: Ask<ClaimBody>) -> Result<Response, Problem> {
    let ClaimBody { id, order, cause, fen } = ask.value;
    text_of("/cause", &cause, 200)?;
    if !(0..=100_000_000).contains(&fen) {
        return Err(Problem::value("/fen", &fen.to_string(), "0 to 100,000,000 fen"));
    }
    let id = id.unwrap_or_else(random_id);
    if !usable_id(&id) || id.len() > 64 {
        return Err(Problem::value("/id", &id, "1 to 64 bytes"));
    }
    let command = DayCommand::Claim { claim: id, order: order.clone(), cause, fen };
    on_order(&app, &ask.context, "open claim", Action::Claim, order, command).await
}

/// How a claim is settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleBody {
    /// Fen paid.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub fen: i64,
    /// Who pays.
    pub by: HolderBody,
}

/// Settles a claim.
#[utoipa::path(post, path = "/api/v1/claims/{id}/settle", tag = "money", params(("id" = String, Path, description = "Claim")), request_body = SettleBody, responses((status = 200, body = Did)))]
pub(super) async fn settle(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<SettleBody>,
) -> Result<Response, Problem> {
    let by = sides(&app, &ask.value.by, "/by")?;
    let fen = ask.value.fen;
    let resource = format!("claim/{id}");
    let command = DayCommand::Settle { claim: id, fen, by };
    decided(&app, &ask.context, "settle claim", &resource, StatusCode::OK, move |_| Ok(command)).await
}

/// A booking of cash.
#[derive(Debug, Serialize, ToSchema)]
pub struct CashView {
    /// Number in the log.
    pub seq: i64,
    /// Who holds it.
    pub holder: String,
    /// `taken` from a recipient, or `closed`: counted at the end of a day.
    pub kind: String,
    /// Order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Fen taken or counted.
    pub fen: i64,
    /// Fen that should have been there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_fen: Option<i64>,
    /// How it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
}

/// Bookings, oldest first; a place or vehicle sees its own.
#[utoipa::path(get, path = "/api/v1/cash", tag = "money", params(Paging), responses((status = 200, body = Page<CashView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
    context: Context,
) -> Result<Response, Problem> {
    const SQL: &str = "SELECT seq, holder, kind, order_id, fen, expected_fen, method, at_ms FROM cash \
        WHERE county = $1 AND seq > $2 AND ($4 = '' OR holder = $4) ORDER BY seq LIMIT $3";
    let own = context.caller.holder().map(|h| h.to_string()).unwrap_or_default();
    let view = |r: &AnyRow| {
        Ok(CashView {
            seq: r.try_get("seq")?,
            holder: r.try_get("holder")?,
            kind: r.try_get("kind")?,
            order: r.try_get("order_id")?,
            fen: r.try_get("fen")?,
            expected_fen: r.try_get("expected_fen")?,
            method: r.try_get("method")?,
            at: instant(r.try_get("at_ms")?),
        })
    };
    let page = Cut::by_seq(&paging)?.page(&app, SQL, Some(own), view, |i| i.seq.to_string()).await?;
    Ok(reply(StatusCode::OK, &page))
}

/// Cash taken at the door.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CashTaken {
    /// Order.
    #[schema(min_length = 1, max_length = 64)]
    pub order: String,
    /// Fen.
    #[schema(minimum = 1, maximum = 100_000_000)]
    pub fen: i64,
    /// `cash`, `wechat`, `alipay`, `card`.
    #[schema(min_length = 1, max_length = 20)]
    pub method: String,
}

/// Takes what is due of an order; whoever holds the order holds the money.
#[utoipa::path(post, path = "/api/v1/cash", tag = "money", request_body = CashTaken, responses((status = 200, body = Did)))]
pub(super) async fn take(State(app): State<Arc<App>>, ask: Ask<CashTaken>) -> Result<Response, Problem> {
    let CashTaken { order, fen, method } = ask.value;
    text_of("/method", &method, 20)?;
    let holder = read(&app.world)
        .day
        .orders
        .get(&order)
        .map(|o| o.holder.clone())
        .ok_or_else(|| Problem::not_found("order", &order))?;
    let command = DayCommand::TakeCash { order: order.clone(), fen, method, holder };
    on_order(&app, &ask.context, "take cash", Action::Cash, order, command).await
}

/// A count at the end of a day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountBody {
    /// Whose cash.
    pub holder: HolderBody,
    /// Fen counted.
    #[schema(minimum = 0, maximum = 10_000_000_000_i64)]
    pub counted_fen: i64,
}

/// Closes a holder's day: a difference is booked and raised.
#[utoipa::path(post, path = "/api/v1/cash/close", tag = "money", request_body = CountBody, responses((status = 200, body = Did)))]
pub(super) async fn close(State(app): State<Arc<App>>, ask: Ask<CountBody>) -> Result<Response, Problem> {
    let holder = sides(&app, &ask.value.holder, "/holder")?;
    let counted_fen = ask.value.counted_fen;
    if !(0..=10_000_000_000).contains(&counted_fen) {
        return Err(Problem::value("/counted_fen", &counted_fen.to_string(), "0 to 10,000,000,000 fen"));
    }
    let caller = ask.context.caller.clone();
    let resource = format!("cash/{holder}");
    decided(&app, &ask.context, "close cash", &resource, StatusCode::OK, move |world| {
        if caller.role() != Role::Dispatcher {
            authorize(world, &caller, Action::Cash, Resource::Holder(&holder))?;
            if caller.holder().is_some_and(|own| own != holder) {
                return Err(Problem::forbidden("everybody counts their own"));
            }
        }
        Ok(DayCommand::CloseCash { holder, counted_fen, by: caller.who })
    })
    .await
}
