//! Plain pages, made on the server, that a person can work with: no build step, Chinese first with English beside it.

mod board;
mod driver;
pub mod map;
mod sign_in;
mod station;
mod tracking;
mod words;

use crate::api;
use crate::app::App;
use crate::ask::Context;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::sync::Arc;

const STYLE: &str = include_str!("style.css");
const BOARD_JS: &str = include_str!("board.js");
const STATION_JS: &str = include_str!("station.js");
const DRIVER_JS: &str = include_str!("driver.js");
const WORKER_JS: &str = include_str!("worker.js");
const SIGN_IN_JS: &str = include_str!("sign_in.js");

/// Percent-encodes a text for a query.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A whole page.
fn page(title_zh: &str, title_en: &str, script: Option<&str>, body: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title_zh) " · " (title_en) " · 乡运" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/assets/style.css";
                @if let Some(script) = script { script defer src={ "/assets/" (script) } {} }
            }
            body { (body) }
        }
    };
    let mut response = Html(markup.into_string()).into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
        ),
    );
    response
}

/// The same text in both languages.
fn both(zh: &str, en: &str) -> Markup {
    html! { (zh) " " small.en { (en) } }
}

async fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "board.js" => ("text/javascript; charset=utf-8", BOARD_JS),
        "station.js" => ("text/javascript; charset=utf-8", STATION_JS),
        "driver.js" => ("text/javascript; charset=utf-8", DRIVER_JS),
        "sign_in.js" => ("text/javascript; charset=utf-8", SIGN_IN_JS),
        _ => return Problem::not_found("file", &name).into_response(),
    };
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

async fn worker() -> Response {
    let mut response = WORKER_JS.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    response
}

async fn docs() -> Response {
    let document: serde_json::Value = serde_json::from_str(api::document()).unwrap_or_default();
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let body = html! {
        main.docs {
            h1 { (both("接口说明", "API")) }
            p { "OpenAPI 3.1: " a href="/api/v1/openapi.json" { "/api/v1/openapi.json" } }
            @for (path, item) in paths {
                @for (method, operation) in item.as_object().unwrap_or(&empty) {
                    details {
                        summary { code { (method.to_uppercase()) " " (path) } " " (operation["summary"].as_str().unwrap_or("")) }
                        p { (operation["description"].as_str().unwrap_or("")) }
                        @if let Some(roles) = operation["x-roles"].as_array() {
                            p.roles { (both("角色", "roles")) ": " @for role in roles { code { (role.as_str().unwrap_or("")) } " " } }
                        }
                        @if let Some(schema) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() {
                            p { (both("请求", "request")) ": " code { (schema.trim_start_matches("#/components/schemas/")) } }
                            pre { (schema_text(&document, schema)) }
                        }
                    }
                }
            }
        }
    };
    page("接口说明", "API", None, &body)
}

fn schema_text(document: &serde_json::Value, reference: &str) -> String {
    let found = document.pointer(reference.trim_start_matches('#')).unwrap_or(&serde_json::Value::Null);
    serde_json::to_string_pretty(found).unwrap_or_default()
}

async fn openapi() -> Response {
    let mut response = api::document().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn healthz() -> Response {
    (StatusCode::OK, "ok\n").into_response()
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    let ready = *app.ready.borrow() && !*app.draining.borrow() && app.writer().is_some();
    if ready {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    crate::daemon::gateway_figures(&app);
    let mut response = app.metrics.text().into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    response
}

async fn home(context: Context) -> Redirect {
    let s = &context.caller.standing;
    match (s.role, &s.site) {
        (crate::office::Role::Station | crate::office::Role::Keeper, Some(site)) => {
            Redirect::to(&format!("/station/{}", encode(site)))
        }
        _ => Redirect::to("/day"),
    }
}

/// Pages, probes and what belongs to them.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home))
        .route("/login", get(sign_in::show))
        .route("/day", get(board::show))
        .route("/day/board", get(board::part))
        .route("/station/{site}", get(station::show))
        .route("/d/{plan}/{stop}", get(driver::show))
        .route("/t/{token}", get(tracking::show))
        .route("/assets/{name}", get(asset))
        .route("/worker.js", get(worker))
        .route("/api/docs", get(docs))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

/// A problem as a page.
fn sorry(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = html! { main { h1 { (both("无法显示", "Not shown")) } p { (problem.code) " " (problem.detail) } p { a href="/login" { (both("重新登录", "Sign in")) } } } };
    let mut response = page("无法显示", "Not shown", None, &body);
    *response.status_mut() = status;
    response
}

/// Data for a page's script, safe inside an element.
fn data(id: &str, value: &serde_json::Value) -> Markup {
    let text = value.to_string().replace("</", "<\\/");
    html! { script type="application/json" id=(id) { (PreEscaped(text)) } }
}
