//! What a handler is given of a request: who asks, the body in its type or every reason why it is not, the
//! Idempotency-Key and the version seen; and how it answers.

use crate::app::{App, KEY_BYTES_MAX};
use crate::auth::Caller;
use crate::problem::{Problem, clip};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Longest time that a body may take.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// Who asks and under which conditions.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who.
    pub caller: Caller,
    /// Idempotency-Key.
    pub key: Option<String>,
    /// SHA-256 of method, path and body.
    pub hash: [u8; 32],
    /// Version of If-Match.
    pub if_match: Option<i64>,
}

/// A context with a JSON body.
#[derive(Clone, Debug)]
pub struct Ask<T> {
    /// Who asks.
    pub context: Context,
    /// What.
    pub value: T,
}

/// A context with a body of any kind.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Who asks.
    pub context: Context,
    /// Its media type, lower case, without parameters.
    pub media: String,
    /// Content.
    pub bytes: Bytes,
}

/// A query in its type.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

/// A path parameter: 1 to 200 bytes of printable text.
#[derive(Clone, Debug)]
pub struct Id(pub String);

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let caller = parts
            .extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "H603", "sign in, or send a key"))?;
        let path = parts.uri.path_and_query().map_or("", |p| p.as_str());
        let mut hash = Sha256::new();
        hash.update(parts.method.as_str());
        hash.update([0]);
        hash.update(path);
        Ok(Self {
            caller,
            key: key_of(&parts.headers)?,
            hash: hash.finalize().into(),
            if_match: if_match(&parts.headers)?,
        })
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or("");
    let good = (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if good {
        return Ok(Some(text.to_owned()));
    }
    Err(Problem::new(StatusCode::BAD_REQUEST, "H615", "Idempotency-Key is not usable").at(
        "#/header/Idempotency-Key",
        "H615",
        "empty, too long or with blanks",
        "1 to 200 visible ASCII characters, new for each request",
    ))
}

fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or("").trim();
    if text == "*" {
        return Ok(None);
    }
    text.trim_start_matches("W/").trim_matches('"').parse().map(Some).map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "H615", "If-Match is not one of our ETags").at(
            "#/header/If-Match",
            "H615",
            clip(text),
            "the ETag of the last answer, such as \"42\"",
        )
    })
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "H614", "the body took longer than 30 s")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(err)) if err.downcast_ref::<LengthLimitError>().is_some() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "H601",
            format!("the body is longer than {limit} bytes; split it"),
        )),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "H600", "the body broke off")),
    }
}

fn media_of(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

impl FromRequest<Arc<App>> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let mut context = Context::from_request_parts(&mut parts, app).await?;
        let limits = &app.config.limits;
        let limit = if bulky(parts.uri.path()) { limits.bulk_bytes_max } else { limits.body_bytes_max };
        let bytes = collect(body, limit).await?;
        let mut hash = Sha256::new();
        hash.update(context.hash);
        hash.update(&bytes);
        context.hash = hash.finalize().into();
        Ok(Self { context, media: media_of(&parts.headers), bytes })
    }
}

/// Paths whose bodies carry many items.
fn bulky(path: &str) -> bool {
    ["/orders/bulk", "/imports", "/handovers", "/positions", "/scans", "/plans", "/evidence"]
        .iter()
        .any(|end| path.ends_with(end))
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Ask<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let raw = Raw::from_request(request, app).await?;
        if raw.media != "application/json" {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "H602",
                format!("\"{}\" is not taken here; application/json is", clip(&raw.media)),
            ));
        }
        Ok(Self { context: raw.context, value: parse(&raw.bytes)? })
    }
}

/// Reads a JSON body, saying where it is wrong.
///
/// # Errors
/// `H600` for text that is no JSON, `H616` with a pointer for a value of the wrong kind.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|err| {
        let pointer = pointer(err.path());
        let inner = err.into_inner();
        if inner.is_data() {
            let detail = clip(&inner.to_string());
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "H616", detail.clone()).at(
                pointer,
                "H616",
                detail,
                "see /api/v1/openapi.json",
            )
        } else {
            not_json(&inner)
        }
    })?;
    deserializer.end().map_err(|err| not_json(&err))?;
    Ok(value)
}

fn not_json(err: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "H600", format!("not JSON: {err}"))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        out.push('/');
        out.push_str(&part);
    }
    out
}

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri).map(|q| Self(q.0)).map_err(|err| {
            let detail = clip(&err.body_text());
            Problem::new(StatusCode::BAD_REQUEST, "H615", detail.clone()).at(
                "#/query",
                "H615",
                detail,
                "see /api/v1/openapi.json",
            )
        })
    }
}

impl FromRequestParts<Arc<App>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let bad = || {
            Problem::new(StatusCode::BAD_REQUEST, "H615", "the id in the path is not usable").at(
                "#/path",
                "H615",
                "not an id",
                "1 to 200 bytes of text without control characters",
            )
        };
        let found = axum::extract::Path::<Vec<(String, String)>>::from_request_parts(parts, &()).await;
        let id = found.ok().and_then(|p| p.0.into_iter().next()).map(|(_, v)| v).ok_or_else(bad)?;
        if usable_id(&id) { Ok(Self(id)) } else { Err(bad()) }
    }
}

/// Whether a text may be an id.
#[must_use]
pub fn usable_id(id: &str) -> bool {
    (1..=200).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// A JSON answer.
#[must_use]
pub fn reply<T: Serialize>(status: StatusCode, value: &T) -> Response {
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = (status, body).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(err) => Problem::internal(&err).into_response(),
    }
}

/// A JSON answer with its version.
#[must_use]
pub fn versioned<T: Serialize>(value: &T, version: i64) -> Response {
    let mut response = reply(StatusCode::OK, value);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[allow(dead_code)]
        pieces: i64,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Body {
        #[allow(dead_code)]
        items: Vec<Item>,
    }

    #[test]
    fn a_wrong_value_is_pointed_at() {
        let err = parse::<Body>(br#"{"items":[{"pieces":1},{"pieces":"two"}]}"#).unwrap_err();
        assert_eq!((err.status, err.errors[0].pointer.as_str()), (422, "/items/1/pieces"));
        let err = parse::<Body>(br#"{"items":[{"pieces":1,"x":2}]}"#).unwrap_err();
        assert!(err.detail.contains('x'));
        assert_eq!(parse::<Body>(b"{").unwrap_err().status, 400);
        assert_eq!(parse::<Body>(br#"{"items":[]} x"#).unwrap_err().status, 400);
    }
}
