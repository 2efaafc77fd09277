//! Webhooks by the Standard Webhooks rules.

use super::Page;
use super::access::credential;
use crate::app::App;
use crate::ask::{Ask, Context, Id, reply};
use crate::auth::secret::random_id;
use crate::machine::{Done, read};
use crate::office::{Fact, Role};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_store::personal::seal_file;

/// Webhooks at once.
pub const WEBHOOKS_MAX: usize = 64;

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// Id.
    pub id: String,
    /// Where events are posted.
    pub url: String,
    /// Kinds of events; empty: all that may be heard.
    pub kinds: Vec<String>,
    /// Only this carrier's orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The secret (`whsec_…`), shown once when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Webhooks; a carrier sees its own.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", responses((status = 200, body = Page<WebhookView>)))]
pub(super) async fn list(State(app): State<Arc<App>>, context: Context) -> Response {
    let s = &context.caller.standing;
    let world = read(&app.world);
    let items = world
        .office
        .webhooks
        .iter()
        .filter(|(_, w)| w.active && (s.role == Role::Admin || w.carrier == s.carrier))
        .map(|(id, w)| WebhookView {
            id: id.clone(),
            url: w.url.clone(),
            kinds: w.kinds.clone(),
            carrier: w.carrier.clone(),
            secret: None,
        })
        .collect();
    reply(StatusCode::OK, &Page::whole(items))
}

/// A webhook to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// Where events are posted: `https://`, or `http://` to this machine.
    #[schema(min_length = 10, max_length = 500, pattern = "^https?://.+$")]
    pub url: String,
    /// Kinds of events; all if absent.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub kinds: Vec<String>,
}

fn judge(url: &str) -> Result<(), Problem> {
    let fault = || Problem::value("/url", url, "an https:// address, or http:// to 127.0.0.1 or localhost");
    let uri: axum::http::Uri = url.parse().map_err(|_| fault())?;
    let host = uri.host().unwrap_or("");
    let local = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(()),
        Some("http") if local => Ok(()),
        _ => Err(fault()),
    }
}

/// Sets a webhook; its secret is shown in this answer only.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookBody, responses((status = 201, body = WebhookView)))]
pub(super) async fn save(State(app): State<Arc<App>>, ask: Ask<WebhookBody>) -> Result<Response, Problem> {
    let WebhookBody { url, kinds } = ask.value;
    if url.len() > 500 {
        return Err(Problem::value("/url", &url, "up to 500 bytes"));
    }
    judge(&url)?;
    if kinds.len() > 100 || kinds.iter().any(|k| k.len() > 64 || k.is_empty()) {
        return Err(Problem::value("/kinds", "", "up to 100 kinds of events"));
    }
    let id = random_id();
    let mut secret = [0u8; 24];
    getrandom::fill(&mut secret).map_err(|e| Problem::internal(&e))?;
    let sealed = STANDARD.encode(seal_file(&app.master, &app.code, &id, &secret));
    let name = format!("webhook/{id}");
    let ops = vec![credential(&app.code, &name, &sealed)];
    app.doors.keep(&name, &sealed);
    let carrier = match ask.context.caller.role() {
        Role::Carrier => ask.context.caller.standing.carrier.clone(),
        _ => None,
    };
    let view = WebhookView {
        id: id.clone(),
        url: url.clone(),
        kinds: kinds.clone(),
        carrier: carrier.clone(),
        secret: Some(format!("whsec_{}", STANDARD.encode(secret))),
    };
    let body = serde_json::to_value(&view).map_err(|e| Problem::internal(&e))?;
    // The secret is in this answer alone: a kept answer would keep it too.
    let mut context = ask.context;
    context.key = None;
    app.act(&context, "set webhook", &name, move |world, _| {
        if world.office.webhooks.values().filter(|w| w.active).count() >= WEBHOOKS_MAX {
            return Err(Problem::conflict("there are 64 webhooks; remove one first"));
        }
        let fact = Fact::WebhookSaved { webhook: id, url, kinds, carrier, active: true };
        Ok(Done::new(StatusCode::CREATED, body).with([fact]).rows(ops))
    })
    .await
}

/// Removes a webhook.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, description = "Webhook")), responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let standing = context.caller.standing.clone();
    app.act(&context, "remove webhook", &format!("webhook/{id}"), move |world, _| {
        let hook = world
            .office
            .webhooks
            .get(&id)
            .filter(|w| w.active && (standing.role == Role::Admin || w.carrier == standing.carrier))
            .ok_or_else(|| Problem::not_found("webhook", &id))?;
        let fact = Fact::WebhookSaved {
            webhook: id,
            url: hook.url.clone(),
            kinds: hook.kinds.clone(),
            carrier: hook.carrier.clone(),
            active: false,
        };
        Ok(Done::new(StatusCode::NO_CONTENT, serde_json::Value::Null).with([fact]))
    })
    .await
}
