//! Refusals as RFC 9457 problem details: one shape for every answer from 400 on, with a stable code, JSON pointers to
//! what is wrong and what would be right.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use xiangyun_dispatch::refusal::Refusal;
use xiangyun_store::error::StoreError;
use xiangyun_store::writer::Undone;

/// One fault with its place in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON pointer into the body, `#/query/NAME` for a parameter, empty for the whole.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What would be right.
    pub cure: String,
}

/// An answer that says why not (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:xiangyun:error:CODE`; `xiangyun errors CODE` explains it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// All faults found.
    pub errors: Vec<Fault>,
    /// Seconds after which to try again, where that makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem with one sentence.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:xiangyun:error:{code}"),
            title: status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// A value of the body that cannot be taken.
    #[must_use]
    pub fn value(pointer: impl Into<String>, found: &str, cure: impl Into<String>) -> Self {
        let detail = format!("\"{}\" is not allowed", clip(found));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "H616", detail.clone()).at(pointer, "H616", detail, cure)
    }

    /// Something that is not there, or not for this caller.
    #[must_use]
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "H605", format!("{what} \"{}\" is not known", clip(id)))
    }

    /// The state does not allow it.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "H617", detail)
    }

    /// Not for this caller.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "H604", detail)
    }

    /// A fault of ours: the detail goes to the log, the caller learns the request only.
    #[must_use]
    pub fn internal(what: &dyn std::fmt::Display) -> Self {
        tracing::error!(%what, "internal fault");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "H619",
            "an internal fault; the log has it under this request id",
        )
    }

    /// Adds a fault with its place.
    #[must_use]
    pub fn at(
        mut self,
        pointer: impl Into<String>,
        code: &str,
        detail: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        self.errors.push(Fault {
            pointer: pointer.into(),
            code: code.to_owned(),
            detail: detail.into(),
            cure: cure.into(),
        });
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Many faults under one roof.
    #[must_use]
    pub fn many(errors: Vec<Fault>) -> Self {
        let detail = format!("{} faults; nothing was applied", errors.len());
        let code = errors.first().map_or_else(|| "H616".to_owned(), |f| f.code.clone());
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, &code, detail);
        problem.errors = errors;
        problem
    }
}

/// The first 200 characters of what somebody sent.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.retry_after_s;
        let body = serde_json::to_vec(&self).expect("a problem is plain data");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"xiangyun\""));
        }
        response.extensions_mut().insert(Refused(self.code));
        response
    }
}

/// The code of a refusal, for metrics.
#[derive(Clone, Debug)]
pub(crate) struct Refused(pub(crate) String);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        let (code, detail) = text.split_once(' ').unwrap_or(("D203", text.as_str()));
        let (status, pointer, cure) = match &refusal {
            Refusal::Exists { field, .. } => (StatusCode::CONFLICT, *field, "another id"),
            Refusal::Unknown { field, .. } => (StatusCode::NOT_FOUND, *field, "an id that exists"),
            Refusal::State { needs, .. } => (StatusCode::CONFLICT, "", *needs),
            Refusal::NotHeld { .. } => (StatusCode::CONFLICT, "/items", "items that the giver holds"),
            Refusal::Value { field, want, .. } => (StatusCode::UNPROCESSABLE_ENTITY, *field, *want),
            Refusal::WrongCode { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "/code", "the code of the notice")
            }
            Refusal::Stale { .. } => (StatusCode::CONFLICT, "/offer", "a new offer"),
            Refusal::NotAccepted { .. } => (StatusCode::CONFLICT, "/items", "all legal steps done first"),
            Refusal::NoConsent { .. } => {
                (StatusCode::CONFLICT, "/order", "the recipient's consent, or delivery to the door")
            }
            _ => (StatusCode::CONFLICT, "", "see the detail"),
        };
        Self::new(status, code, detail).at(pointer, code, detail, cure)
    }
}

impl From<StoreError> for Problem {
    fn from(err: StoreError) -> Self {
        let text = err.to_string();
        match err {
            StoreError::Overloaded { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "S407", "too many commands wait").retry(1)
            }
            StoreError::DiskFull => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "S404", "the disk is full; nothing was applied")
                    .retry(10)
            }
            StoreError::NoPerson { .. } => Self::new(StatusCode::GONE, "S412", "erased"),
            StoreError::WriterGone { .. } | StoreError::Fatal { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "S406", "the writer has stopped").retry(5)
            }
            StoreError::Sql(sqlx::Error::PoolTimedOut) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "S416", "no reading connection is free").retry(1)
            }
            _ => Self::internal(&text),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(err: sqlx::Error) -> Self {
        StoreError::from(err).into()
    }
}

impl From<Undone<Problem>> for Problem {
    fn from(undone: Undone<Problem>) -> Self {
        match undone {
            Undone::Refused(problem) => problem,
            Undone::Store(err) => err.into(),
        }
    }
}
