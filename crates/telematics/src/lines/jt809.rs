//! Lines of JT/T 809 messages.

use super::jt808::message_id;
use super::refusal;
use crate::fault::Fault;
use crate::jt808::Edition;
use crate::jt809::{Cipher, Envelope, Header, PlatformBody, VehicleMessage, detect, envelopes, id, write};
use crate::wire::{Reader, from_hex, to_hex};
use serde_json::{Map, Value, json};

/// Decodes a line of hex that holds one or more platform messages. The line is refused only when it holds no good
/// one; faults of further ones are listed under `errors`. Without `edition` it is told from each message.
#[must_use]
pub fn decode_jt809(line: &str, edition: Option<Edition>, cipher: Option<&Cipher>) -> Value {
    let bytes = match from_hex(line.trim()) {
        Ok(bytes) => bytes,
        Err(fault) => return refusal(&fault),
    };
    let (mut messages, mut faults) = (Vec::new(), Vec::new());
    for envelope in envelopes(&bytes) {
        match envelope {
            Ok(envelope) => messages.push(message_json(&envelope, edition, cipher)),
            Err(fault) => faults.push(fault),
        }
    }
    let Some(first) = messages.first() else {
        return refusal(faults.first().unwrap_or(&Fault::Framing { at: bytes.len() }));
    };
    let mut line = json!({"ok": true, "protocol": "jt809", "edition": first["layout"], "messages": messages});
    if !faults.is_empty() {
        line["errors"] = faults.iter().map(|fault| refusal(fault)["error"].take()).collect();
    }
    line
}

fn message_json(envelope: &Envelope, told: Option<Edition>, cipher: Option<&Cipher>) -> Value {
    let header = &envelope.header;
    let [major, minor, patch] = header.version;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("id", format!("0x{:04X}", header.id).into());
    put("sn", header.sequence.into());
    put("access_code", header.access_code.into());
    put("version", format!("{major}.{minor}.{patch}").into());
    put("encrypt", header.encrypt.into());
    put("key", header.key.into());
    put("length", header.length.into());
    put("length_ok", envelope.length_agrees.into());
    put("crc", envelope.crc.into());
    put("crc_ok", true.into());
    let layout = match told {
        None => detect(envelope),
        Some(Edition::V2019) => envelope.after_header.first_chunk::<8>().map(|_| Edition::V2019),
        Some(_) => Some(Edition::V2011),
    };
    put("layout", layout.map_or("unknown", Edition::as_str).into());
    let Some(edition) = layout else {
        put("body", Value::Null);
        put("body_raw", to_hex(&envelope.after_header).into());
        return Value::Object(out);
    };
    if edition == Edition::V2019
        && let Some(utc) = envelope.after_header.first_chunk::<8>()
    {
        put("utc", u64::from_be_bytes(*utc).into());
    }
    let body = envelope.body(edition, cipher);
    if header.encrypt != 0 && cipher.is_none() {
        put("trailing", 0.into());
        put("body", Value::Null);
        put("body_error", "encrypted".into());
        put("body_raw", to_hex(&body).into());
        return Value::Object(out);
    }
    if header.encrypt != 0 {
        put("body_plain", to_hex(&body).into());
    }
    let mut reader = Reader::new(&body);
    let shown = match PlatformBody::read(header.id, &mut reader, edition) {
        Ok(read) => body_json(&read, edition),
        Err(fault) => {
            put("body_error", fault.to_string().into());
            Value::Null
        }
    };
    put("trailing", reader.left().into());
    // What `body` does not say is kept, so that `encode` gives the same message.
    if header.encrypt == 0 && written_again(header.id, &shown, edition).as_deref() != Some(&body) {
        put("body_raw", to_hex(&body).into());
    }
    put("body", shown);
    Value::Object(out)
}

fn body_json(body: &PlatformBody<'_>, edition: Edition) -> Value {
    let mut shown = serde_json::to_value(body).unwrap_or_default();
    if let PlatformBody::Vehicle(message) = body {
        shown["sub_len_ok"] = message.length_agrees().into();
        match (message.sub_id, message.positions(edition)) {
            (0x1202 | 0x9202, Some(Ok(positions))) => {
                shown["location"] = serde_json::to_value(&positions[0]).unwrap_or_default();
                shown.as_object_mut().map(|shown| shown.remove("sub_raw"));
            }
            (_, Some(Ok(positions))) => {
                shown["locations"] = serde_json::to_value(&positions).unwrap_or_default();
            }
            _ => {}
        }
    }
    shown
}

fn written_again(id: u16, shown: &Value, edition: Edition) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    body_of(id, shown, edition).ok()?.write(&mut bytes, edition);
    Some(bytes)
}

/// The body of an id from its JSON.
fn body_of(message_id: u16, shown: &Value, edition: Edition) -> Result<PlatformBody<'static>, Fault> {
    let wrong = |error: serde_json::Error| Fault::Description { what: format!("{message_id:#06x}: {error}") };
    let body = shown.clone();
    if body.get("plate").is_some() {
        return vehicle_of(body, edition).map(PlatformBody::Vehicle).map_err(wrong);
    }
    if body.get("sub_id").is_some() {
        return serde_json::from_value(body).map(PlatformBody::Platform).map_err(wrong);
    }
    if body.get("empty").is_some() {
        return Ok(PlatformBody::Empty { empty: true });
    }
    if let Some(raw) = body.get("raw") {
        return serde_json::from_value(raw.clone()).map(|raw| PlatformBody::Unknown { raw }).map_err(wrong);
    }
    match message_id {
        id::LOGIN => serde_json::from_value(body).map(PlatformBody::Login),
        id::LOGIN_REPLY => serde_json::from_value(body).map(PlatformBody::LoginReply),
        id::LOGOUT | id::SUB_LOGOUT => serde_json::from_value(body).map(PlatformBody::Logout),
        id::SUB_LOGIN => serde_json::from_value(body).map(PlatformBody::SubLogin),
        id::SUB_LOGIN_REPLY => serde_json::from_value(body).map(PlatformBody::ResultByte),
        id::LINK_BROKEN | id::CLOSING | id::SUB_LINK_BROKEN | id::UPPER_CLOSING => {
            serde_json::from_value(body).map(PlatformBody::LinkError)
        }
        id::RECEIVED_COUNT => serde_json::from_value(body).map(PlatformBody::ReceivedCount),
        _ => {
            return Err(Fault::Description { what: format!("{message_id:#06x}: no body that encode knows") });
        }
    }
    .map_err(wrong)
}

fn vehicle_of(mut body: Value, edition: Edition) -> Result<VehicleMessage<'static>, serde_json::Error> {
    if let Some(location) = body.get("location").cloned() {
        let mut bytes = Vec::new();
        if edition == Edition::V2019 {
            use crate::wire::Wire;
            serde_json::from_value::<crate::jt809::Position2019<'_>>(location)?.write(&mut bytes, edition);
        } else {
            use crate::wire::Wire;
            serde_json::from_value::<crate::jt809::Position2011>(location)?.write(&mut bytes, edition);
        }
        body["sub_raw"] = to_hex(&bytes).into();
        if body.get("sub_len").is_none() {
            body["sub_len"] = bytes.len().into();
        }
    }
    serde_json::from_value(body)
}

/// Turns a line of JSON as [`decode_jt809`] writes it, or one of its messages alone, into the hex of its messages.
///
/// # Errors
/// [`Fault::Description`] says what is missing or wrong.
pub fn encode_jt809(
    line: &Value,
    edition: Option<Edition>,
    cipher: Option<&Cipher>,
) -> Result<String, Fault> {
    let one = std::slice::from_ref(line);
    let messages = line.get("messages").and_then(Value::as_array).map_or(one, Vec::as_slice);
    let mut wire = Vec::new();
    for message in messages {
        encode_message(message, edition, cipher, &mut wire)?;
    }
    Ok(to_hex(&wire))
}

fn encode_message(
    message: &Value,
    told: Option<Edition>,
    cipher: Option<&Cipher>,
    wire: &mut Vec<u8>,
) -> Result<(), Fault> {
    let word = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0) as u32;
    let id = message_id(message)?;
    let mut version = [1, 0, 0];
    if let Some(text) = message.get("version").and_then(Value::as_str) {
        for (place, part) in version.iter_mut().zip(text.split('.')) {
            *place = part
                .parse()
                .map_err(|_| Fault::Description { what: format!("version {text:?} is not a.b.c") })?;
        }
    }
    let utc = message.get("utc").and_then(Value::as_u64);
    let layout = message.get("layout").and_then(Value::as_str).and_then(Edition::parse);
    let edition = if utc.is_some() { Edition::V2019 } else { layout.or(told).unwrap_or(Edition::V2011) };
    let header = Header {
        length: 0,
        sequence: word("sn"),
        id,
        access_code: word("access_code"),
        version,
        encrypt: word("encrypt") as u8,
        key: word("key"),
    };
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    let (body, cipher) = match (text("body_plain"), text("body_raw")) {
        (Some(plain), _) => (from_hex(plain)?, cipher),
        // Raw bytes of an encrypted body are encrypted already.
        (None, Some(raw)) => (from_hex(raw)?, if header.encrypt == 0 { cipher } else { None }),
        (None, None) => {
            let shown = message.get("body").cloned().unwrap_or_default();
            let mut bytes = Vec::new();
            if !shown.is_null() {
                body_of(id, &shown, edition)?.write(&mut bytes, edition);
            }
            (bytes, cipher)
        }
    };
    let utc = if edition == Edition::V2019 { Some(utc.unwrap_or(0)) } else { None };
    write(&header, utc, &body, cipher, wire);
    Ok(())
}
