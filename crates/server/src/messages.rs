//! Messages with cabs by JT/T 808: texts down with their answer, texts and events up.

use crate::app::App;
use crate::machine::{Command, Done};
use crate::office::Fact;
use axum::http::StatusCode;
use std::sync::Arc;
use xiangyun_telematics::jt808::{Body, Edition, Header, Message};
use xiangyun_telematics::position::TerminalKey;
use xiangyun_telematics::session::{Command as Down, Outcome};

/// Sends a text to the terminal of a vehicle and notes what becomes of it.
pub fn send_down(app: &Arc<App>, message: String, vehicle: &str, text: &str, urgent: bool) {
    let Some(hub) = app.gateway.get().cloned() else { return };
    let key = hub
        .registry
        .keys_by_vehicle()
        .get(vehicle)
        .cloned()
        .unwrap_or_else(|| TerminalKey::verbatim(vehicle));
    let app = Arc::clone(app);
    let command = Down::text(text, urgent);
    let text_fits = command.is_ok();
    tokio::spawn(async move {
        let given = match command {
            Ok(command) => hub.send(&key, command).ok(),
            Err(_) => None,
        };
        let state = match given {
            None if text_fits => "no_terminal",
            None => "too_long",
            Some(id) => {
                note(&app, &message, "sent").await;
                match hub.answered(id).await {
                    Some(Outcome::Replied(0) | Outcome::Answered(_)) => "answered",
                    Some(Outcome::Replied(_)) => "refused",
                    Some(Outcome::Unanswered) => "unanswered",
                    Some(Outcome::Expired) | None => "expired",
                }
            }
        };
        note(&app, &message, state).await;
    });
}

async fn note(app: &App, message: &str, state: &str) {
    let fact = Fact::MessageState { message: message.to_owned(), state: state.to_owned() };
    let command =
        Command::own(move |_, _| Ok(Done::new(StatusCode::OK, serde_json::Value::Null).with([fact])));
    if let Err(problem) = app.send(command).await {
        tracing::warn!(message, detail = problem.detail, "the state of a message was not noted");
    }
}

/// Keeps what a terminal said that is no position and no business of the session.
pub async fn inbound(app: &App, vehicle: &str, at_ms: i64, content: &[u8]) {
    let Some((kind, text)) = said(content) else { return };
    let digest = crate::auth::secret::sha256_hex(content);
    let fact = Fact::MessageReceived {
        message: format!("up-{vehicle}-{at_ms}-{}", &digest[..8]),
        vehicle: vehicle.to_owned(),
        kind: kind.to_owned(),
        text,
    };
    let command =
        Command::own(move |_, _| Ok(Done::new(StatusCode::OK, serde_json::Value::Null).with([fact])));
    if let Err(problem) = app.send(command).await {
        tracing::warn!(vehicle, detail = problem.detail, "a message was not noted");
    }
}

/// What a frame's content says, for messages that people or cargo systems send.
fn said(content: &[u8]) -> Option<(&'static str, String)> {
    let (header, body) = Header::read(content).ok()?;
    let edition = if header.version.is_some() { Edition::V2019 } else { Edition::V2013 };
    let kind = match header.id {
        0x0301 => "event",
        0x0302 => "answer",
        0x0303 => "information",
        0x0701 => "waybill",
        0x0702 => "driver",
        _ => return None,
    };
    let read: Message<'_> = Body::read(header.id, body, edition).ok()?.message;
    Some((kind, serde_json::to_string(&read).ok()?))
}
