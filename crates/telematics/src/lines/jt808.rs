//! Lines of JT/T 808 frames.

use super::refusal;
use crate::fault::Fault;
use crate::jt808::{
    Attributes, Body, Edition, Frame, Header, Message, Packet, Phone, open, segments, write_frame,
};
use crate::wire::{from_hex, to_hex};
use serde_json::{Map, Value, json};

/// Decodes a line of hex that holds one or more frames. Split messages are not put together.
///
/// The line is refused only when it holds no good frame; faults of further frames are listed under `errors`.
/// `edition` reads bodies by that edition where the header leaves a choice (2011 or 2013).
#[must_use]
pub fn decode_jt808(line: &str, edition: Option<Edition>) -> Value {
    let bytes = match from_hex(line.trim()) {
        Ok(bytes) => bytes,
        Err(fault) => return refusal(&fault),
    };
    let mut scratch = Vec::new();
    let (mut messages, mut faults) = (Vec::new(), Vec::new());
    let mut told = None;
    for (_, segment) in segments(&bytes) {
        let read = open(segment, &mut scratch).and_then(|frame| message_json(&frame, edition));
        match read {
            Ok((message, edition)) => {
                told.get_or_insert(edition);
                messages.push(message);
            }
            Err(fault) => faults.push(fault),
        }
    }
    let Some(told) = told else {
        return refusal(faults.first().unwrap_or(&Fault::Framing { at: bytes.len() }));
    };
    let mut line = json!({"ok": true, "protocol": "jt808", "edition": told.as_str(), "messages": messages});
    if !faults.is_empty() {
        line["errors"] = faults.iter().map(|fault| refusal(fault)["error"].take()).collect();
    }
    line
}

/// The edition to read a body by: the header decides for 2019, the caller between the older two.
fn body_edition(header: &Header, told: Option<Edition>) -> Edition {
    match (header.edition(), told) {
        (Edition::V2019, _) | (_, None | Some(Edition::V2019)) => header.edition(),
        (_, Some(older)) => older,
    }
}

fn message_json(frame: &Frame<'_>, told: Option<Edition>) -> Result<(Value, Edition), Fault> {
    let (header, body) = Header::read(frame.content)?;
    let edition = body_edition(&header, told);
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("id", format!("0x{:04X}", header.id).into());
    put("phone_bcd", header.phone.digits().into());
    put("phone_is_bcd", header.phone.is_decimal().into());
    put("seq", header.sequence.into());
    put("body_len", header.attributes.body_len().into());
    put("body_len_ok", header.length_agrees(body).into());
    put("encrypt", header.attributes.encrypt().into());
    put("subpackaged", header.attributes.split().into());
    put("escaped_bytes", frame.escapes.into());
    if let Some(version) = header.version {
        put("protocol_version", version.into());
    }
    if let Some(packet) = header.packet {
        put("pkt_no", packet.number.into());
        put("pkt_total", packet.total.into());
    }
    let mut shown = Value::Null;
    let mut told_edition = edition;
    let mut complete = false;
    if header.attributes.encrypt() == 0 && header.packet.is_none() {
        match Body::read(header.id, body, edition) {
            Ok(read) => {
                if let Message::Register(register) = &read.message {
                    told_edition = register.layout;
                }
                if !matches!(read.message, Message::Unknown { .. }) {
                    shown = serde_json::to_value(&read.message).unwrap_or_default();
                    complete = written_again(header.id, &shown, edition).as_deref() == Some(body);
                }
            }
            Err(fault) => {
                put("body_error", fault.to_string().into());
            }
        }
    }
    put("body", shown);
    // What `body` does not say is kept, so that `encode` gives the same frame.
    if !complete && !body.is_empty() {
        put("body_raw", to_hex(body).into());
    }
    if header.attributes != canonical_attributes(&header, body.len()) {
        put("attributes", header.attributes.0.into());
    }
    Ok((Value::Object(out), told_edition))
}

/// What `encode` would make of a body's JSON.
fn written_again(id: u16, body: &Value, edition: Edition) -> Option<Vec<u8>> {
    let message = Message::from_json(id, body.clone()).ok()?;
    let mut bytes = Vec::new();
    message.write(&mut bytes, edition);
    Some(bytes)
}

fn canonical_attributes(header: &Header, body_len: usize) -> Attributes {
    let mut bytes = Vec::new();
    let plain = Attributes(header.attributes.0 & 0x7C00);
    Header { attributes: plain, ..*header }.write(body_len, &mut bytes);
    Attributes(u16::from_be_bytes([bytes[2], bytes[3]]))
}

/// Turns a line of JSON as [`decode_jt808`] writes it, or one of its messages alone, into the hex of its frames.
///
/// `body_raw` is used as it is where given; otherwise the frame is built from `body`. `id` and `phone_bcd` must be
/// there; `protocol_version` or a phone of 20 digits makes a frame of the 2019 edition; `seq` defaults to 0.
///
/// # Errors
/// [`Fault::Description`] says what is missing or wrong.
pub fn encode_jt808(line: &Value, edition: Option<Edition>) -> Result<String, Fault> {
    let one = std::slice::from_ref(line);
    let messages = line.get("messages").and_then(Value::as_array).map_or(one, Vec::as_slice);
    let mut wire = Vec::new();
    for message in messages {
        let content = content_of(message, edition)?;
        write_frame(&content, &mut wire);
    }
    Ok(to_hex(&wire))
}

fn wrong(what: impl Into<String>) -> Fault {
    Fault::Description { what: what.into() }
}

/// A number that may be missing; one that does not fit is a fault.
fn number(message: &Value, key: &str, most: u64) -> Result<Option<u64>, Fault> {
    match message.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|number| *number <= most) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(format!("{key} must be a whole number of at most {most}"))),
        },
    }
}

/// A message id as `"0x0200"`, `"0200"` or a number.
pub(super) fn message_id(message: &Value) -> Result<u16, Fault> {
    let id = match message.get("id") {
        Some(Value::String(text)) => u16::from_str_radix(text.trim_start_matches("0x"), 16).ok(),
        Some(Value::Number(number)) => number.as_u64().and_then(|id| u16::try_from(id).ok()),
        _ => None,
    };
    id.ok_or_else(|| wrong("id must be a message id such as \"0x0200\""))
}

fn content_of(message: &Value, told: Option<Edition>) -> Result<Vec<u8>, Fault> {
    let id = message_id(message)?;
    let digits =
        message.get("phone_bcd").and_then(Value::as_str).ok_or_else(|| wrong("phone_bcd is missing"))?;
    let version = number(message, "protocol_version", 255)?;
    let newest =
        version.is_some() || digits.len() > 12 || (told == Some(Edition::V2019) && digits.len() != 12);
    let edition =
        if newest { Edition::V2019 } else { told.filter(|t| *t != Edition::V2019).unwrap_or_default() };
    let phone =
        Phone::parse(digits, edition).ok_or_else(|| wrong("phone_bcd must be 12 or 20 hex digits"))?;
    let mut header = Header::new(id, phone, number(message, "seq", 0xFFFF)?.unwrap_or(0) as u16);
    if let Some(version) = version {
        header.version = Some(version as u8);
    }
    if let Some(total) = number(message, "pkt_total", 0xFFFF)? {
        let part = number(message, "pkt_no", 0xFFFF)?.unwrap_or(1);
        header.packet = Some(Packet { total: total as u16, number: part as u16 });
    }
    header.attributes.0 |= (number(message, "encrypt", 7)?.unwrap_or(0) as u16) << 10;
    let body = match message.get("body_raw").and_then(Value::as_str) {
        Some(raw) => from_hex(raw)?,
        None => {
            let body = message.get("body").filter(|body| !body.is_null());
            let mut bytes = Vec::new();
            if let Some(body) = body {
                Message::from_json(id, body.clone())?.write(&mut bytes, edition);
            }
            bytes
        }
    };
    let mut content = Vec::with_capacity(body.len() + 24);
    header.write(body.len(), &mut content);
    if let Some(attributes) = number(message, "attributes", 0xFFFF)? {
        content[2..4].copy_from_slice(&(attributes as u16).to_be_bytes());
    }
    content.extend_from_slice(&body);
    Ok(content)
}
