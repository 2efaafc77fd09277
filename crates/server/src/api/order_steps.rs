//! One order after it was placed: changed, cancelled, accepted, agreed, deferred, diverted, forgotten.

use super::county::{Did, decided, did, text_of};
use super::orders::AgreedWord;
use crate::app::App;
use crate::ask::{Ask, Context, Id};
use crate::auth::{Action, Resource, authorize};
use crate::machine::Done;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::decide::decide;
use xiangyun_store::personal;

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeBody {
    /// New destination.
    #[schema(max_length = 64)]
    pub destination: Option<String>,
    /// New promise, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub promise: Option<jiff::Timestamp>,
    /// Where the recipient agreed to take it.
    pub agreed: Option<AgreedWord>,
}

/// Changes an order on its way. Send its ETag as If-Match to be sure that nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path, description = "Waybill")), request_body = ChangeBody, responses((status = 200, body = Did)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ChangeBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    if let Some(site) = &body.destination
        && app.site(site).is_none()
    {
        return Err(Problem::value("/destination", site, "an id of sites.csv"));
    }
    let command = DayCommand::ChangeOrder {
        order: id.clone(),
        destination: body.destination,
        promise_ms: body.promise.map(jiff::Timestamp::as_millisecond),
        agreed: body.agreed.map(AgreedWord::inner),
    };
    on_order(&app, &ask.context, "change order", Action::ChangeOrders, id, command).await
}

/// Decides a command about an order that the caller may act on.
pub(super) async fn on_order(
    app: &Arc<App>,
    context: &Context,
    name: &'static str,
    action: Action,
    id: String,
    command: DayCommand,
) -> Result<Response, Problem> {
    let caller = context.caller.clone();
    let resource = format!("order/{id}");
    decided(app, context, name, &resource, StatusCode::OK, move |world| {
        let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
        authorize(world, &caller, action, Resource::Order { id: &id, order })?;
        Ok(command)
    })
    .await
}

/// Cancels an order; goods in custody go back.
#[utoipa::path(delete, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path, description = "Waybill")), responses((status = 200, body = Did)))]
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let command = DayCommand::CancelOrder { order: id.clone(), cause: "cancelled".into() };
    on_order(&app, &context, "cancel order", Action::ChangeOrders, id, command).await
}

/// Legal steps done now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptanceBody {
    /// Real-name acceptance (实名收寄).
    #[serde(default)]
    pub real_name: bool,
    /// Opening check (验视).
    #[serde(default)]
    pub inspected: bool,
    /// Machine screening (安检).
    #[serde(default)]
    pub screened: bool,
}

/// Notes steps of outbound acceptance.
#[utoipa::path(post, path = "/api/v1/orders/{id}/acceptance", tag = "orders", params(("id" = String, Path, description = "Waybill")), request_body = AcceptanceBody, responses((status = 200, body = Did)))]
pub(super) async fn acceptance(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<AcceptanceBody>,
) -> Result<Response, Problem> {
    let command = DayCommand::Accept {
        order: id.clone(),
        real_name: ask.value.real_name,
        inspected: ask.value.inspected,
        screened: ask.value.screened,
        by: ask.context.caller.who.clone(),
    };
    on_order(&app, &ask.context, "accept parcel", Action::AcceptOrders, id, command).await
}

/// What the recipient agreed to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    /// Where to take it.
    pub agreed: AgreedWord,
    /// How it was given: app, call, in writing.
    #[schema(min_length = 1, max_length = 100)]
    pub how: String,
}

/// Records the recipient's consent.
#[utoipa::path(post, path = "/api/v1/orders/{id}/consent", tag = "orders", params(("id" = String, Path, description = "Waybill")), request_body = ConsentBody, responses((status = 200, body = Did)))]
pub(super) async fn consent(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ConsentBody>,
) -> Result<Response, Problem> {
    text_of("/how", &ask.value.how, 100)?;
    let command =
        DayCommand::Agree { order: id.clone(), agreed: ask.value.agreed.inner(), how: ask.value.how };
    on_order(&app, &ask.context, "record consent", Action::Scan, id, command).await
}

/// Another day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeferBody {
    /// New promise, RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    pub promise: jiff::Timestamp,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub cause: String,
}

/// Holds an order where it is until another day.
#[utoipa::path(post, path = "/api/v1/orders/{id}/deferral", tag = "orders", params(("id" = String, Path, description = "Waybill")), request_body = DeferBody, responses((status = 200, body = Did)))]
pub(super) async fn defer(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<DeferBody>,
) -> Result<Response, Problem> {
    text_of("/cause", &ask.value.cause, 200)?;
    let command = DayCommand::Defer {
        order: id.clone(),
        promise_ms: ask.value.promise.as_millisecond(),
        cause: ask.value.cause,
    };
    on_order(&app, &ask.context, "defer order", Action::Scan, id, command).await
}

/// Another point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DivertBody {
    /// Where to.
    #[schema(max_length = 64)]
    pub to: String,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub cause: String,
}

/// Sends an order to another point because the agreed one cannot take it.
#[utoipa::path(post, path = "/api/v1/orders/{id}/diversion", tag = "orders", params(("id" = String, Path, description = "Waybill")), request_body = DivertBody, responses((status = 200, body = Did)))]
pub(super) async fn divert(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<DivertBody>,
) -> Result<Response, Problem> {
    text_of("/cause", &ask.value.cause, 200)?;
    if app.site(&ask.value.to).is_none() {
        return Err(Problem::value("/to", &ask.value.to, "an id of sites.csv"));
    }
    let command = DayCommand::Divert { order: id.clone(), to: ask.value.to, cause: ask.value.cause };
    on_order(&app, &ask.context, "divert order", Action::Scan, id, command).await
}

/// Forgets the person of an order: the key is destroyed, here and in every backup's key file at the next backup.
#[utoipa::path(post, path = "/api/v1/orders/{id}/erasure", tag = "orders", params(("id" = String, Path, description = "Waybill")), responses((status = 200, body = Did)))]
pub(super) async fn erase(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let caller = context.caller.clone();
    let county = app.code.clone();
    app.act(&context, "erase person", &format!("order/{id}"), move |world, now| {
        let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
        authorize(world, &caller, Action::Erase, Resource::Order { id: &id, order })?;
        let Some(person) = order.person else {
            return Err(Problem::conflict(format!("order {id} has no personal data")));
        };
        let events = decide(&world.day, &DayCommand::ErasePerson { person }, now)?;
        Ok(Done::new(StatusCode::OK, did(&events)).with(events).rows(vec![personal::erased(&county, person)]))
    })
    .await
}
