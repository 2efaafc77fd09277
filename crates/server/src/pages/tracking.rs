//! The public page behind a tracking link: no name, no phone, no whole waybill, and it expires.

use super::{both, page};
use crate::api::track::tracked;
use crate::app::App;
use crate::auth::secret::sha256_hex;
use crate::machine::read;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::html;
use std::sync::Arc;

/// The last four characters, the rest hidden.
pub(super) fn masked(waybill: &str) -> String {
    let chars: Vec<char> = waybill.chars().collect();
    let shown: String = chars.iter().skip(chars.len().saturating_sub(4)).collect();
    format!("{}{shown}", "*".repeat(chars.len().saturating_sub(4).min(12)))
}

/// Shows where a parcel is.
pub(super) async fn show(State(app): State<Arc<App>>, Path(token): Path<String>) -> Response {
    let gone = || Problem::new(StatusCode::NOT_FOUND, "H605", "this link is not valid any more");
    let order = {
        let world = read(&app.world);
        let found = world.office.tokens.get(&sha256_hex(token.as_bytes()));
        found.filter(|t| t.expires_ms > app.clock.now_ms()).map(|t| t.order.clone())
    };
    let Some(order) = order else { return super::sorry(&gone()) };
    let found = match tracked(&app, &order).await {
        Ok(found) => found,
        Err(problem) => return super::sorry(&problem),
    };
    let when = |t: jiff::Timestamp| super::board::local(&app, t.as_millisecond());
    let body = html! {
        main.track {
            h1 { (found.status_zh) " " small.en { (found.status) } }
            p { (both("运单", "waybill")) " " (masked(&found.waybill)) }
            @if let Some(expected) = found.expected { p { (both("预计到达", "expected")) " " b { (when(expected)) } } }
            @if let Some(shelf) = &found.shelf { p { (both("货架", "shelf")) " " b { (shelf) } } }
            ol.steps {
                @for step in found.steps.iter().rev() { li { time { (when(step.at)) } " " (step.status_zh) " " (step.site_zh) } }
            }
        }
    };
    let mut response = page("快件查询", "tracking", None, &body);
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_waybill_shows_its_end_only() {
        assert_eq!(super::masked("JT0012345678"), "********5678");
        assert_eq!(super::masked("12"), "12");
    }
}
