//! Lines of app reports and batches.

use super::refusal;
use crate::fault::Fault;
use crate::msgpack::{self, Batch};
use crate::osmand;
use crate::owntracks::{self, Message};
use crate::position::{Feed, Flags, Item, Position, TerminalKey};
use crate::wire::{from_hex, to_hex};
use serde_json::{Map, Value, json};
use xiangyun_model::geo::Datum;

const FLAG_NAMES: [(Flags, &str); 12] = [
    (Flags::FIX, "fix"),
    (Flags::BACKFILL, "backfill"),
    (Flags::NO_DEVICE_TIME, "no_device_time"),
    (Flags::MOCK, "mock"),
    (Flags::NO_PLACE, "no_place"),
    (Flags::ACC_KNOWN, "acc_known"),
    (Flags::ACC, "acc"),
    (Flags::MOVING, "moving"),
    (Flags::SHIFTED, "shifted"),
    (Flags::RETAINED, "retained"),
    (Flags::QUARANTINED, "quarantined"),
    (Flags::TIME_REPAIRED, "time_repaired"),
];

/// A report as JSON, with the field names of the 808 location where it has the same fields. Absent things are null.
#[must_use]
pub fn report_json(report: &Position) -> Value {
    let timed = !report.flags.has(Flags::NO_DEVICE_TIME);
    let placed = !report.flags.has(Flags::NO_PLACE);
    let flags: Vec<&str> =
        FLAG_NAMES.iter().filter(|(bit, _)| report.flags.has(*bit)).map(|(_, name)| *name).collect();
    let time = jiff::Timestamp::from_millisecond(report.time_ms).ok().filter(|_| timed);
    json!({
        "device": report.terminal,
        "time": time.map(|time| time.to_string()),
        "time_ms": timed.then_some(report.time_ms),
        "lat_udeg": placed.then_some(report.lat_e6),
        "lon_udeg": placed.then_some(report.lon_e6),
        "speed_dkmh": report.speed_dkmh,
        "course_deg": report.course_deg,
        "alt_m": report.alt_m,
        "status": report.status,
        "alarm": report.alarm,
        "datum": report.datum,
        "flags": flags,
        "items": report.items,
    })
}

/// The report of [`report_json`]'s JSON.
fn report_of(body: &Value, feed: Feed) -> Result<Position, Fault> {
    let wrong = |what: &str| Fault::Description { what: what.to_owned() };
    let device = body.get("device").and_then(Value::as_str).ok_or_else(|| wrong("device is missing"))?;
    let mut report = osmand::blank(TerminalKey::verbatim(device), feed, 0);
    if let Some(time_ms) = body.get("time_ms").and_then(Value::as_i64) {
        report.put_time(time_ms);
    } else if let Some(time) = body.get("time").and_then(Value::as_str) {
        let moment: jiff::Timestamp = time.parse().map_err(|_| wrong("time is not ISO 8601"))?;
        report.put_time(moment.as_millisecond());
    }
    let degrees = |key: &str| body.get(key).and_then(Value::as_f64).map(|udeg| udeg / 1e6);
    if let (Some(lat), Some(lon)) = (degrees("lat_udeg"), degrees("lon_udeg")) {
        report.put_place(lat, lon)?;
    }
    let number = |key: &str| body.get(key).and_then(Value::as_i64);
    report.speed_dkmh = number("speed_dkmh").and_then(|speed| u16::try_from(speed).ok());
    report.course_deg = number("course_deg").and_then(|course| u16::try_from(course).ok());
    report.alt_m = number("alt_m").and_then(|alt| i16::try_from(alt).ok());
    report.status = number("status").and_then(|status| u32::try_from(status).ok()).unwrap_or(0);
    report.alarm = number("alarm").and_then(|alarm| u32::try_from(alarm).ok()).unwrap_or(0);
    if let Some(datum) = body.get("datum") {
        report.datum = serde_json::from_value(datum.clone()).map_err(|error| wrong(&error.to_string()))?;
    }
    for flag in body.get("flags").and_then(Value::as_array).into_iter().flatten() {
        if let Some((bit, _)) = FLAG_NAMES.iter().find(|(_, name)| flag.as_str() == Some(*name)) {
            report.flags = report.flags.with(*bit);
        }
    }
    if let Some(items) = body.get("items") {
        let items: Vec<Item> =
            serde_json::from_value(items.clone()).map_err(|error| wrong(&error.to_string()))?;
        report.items = items;
    }
    Ok(report)
}

fn accepted(protocol: &str, messages: &[Value]) -> Value {
    json!({"ok": true, "protocol": protocol, "edition": null, "messages": messages})
}

fn line_object(line: &str) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::Json { what: "the line is not a JSON object".to_owned(), at: 0 }),
        Err(error) => Err(Fault::Json { what: error.to_string(), at: error.column() }),
    }
}

/// The body of a line, given as text or as the JSON itself.
fn body_text(object: &Map<String, Value>) -> Option<String> {
    object.get("body").map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned))
}

/// Decodes a line `{"uri"}` or `{"body"}` of the OsmAnd form.
#[must_use]
pub fn decode_osmand(line: &str) -> Value {
    let read = line_object(line).and_then(|object| {
        match (object.get("uri").and_then(Value::as_str), body_text(&object)) {
            (Some(uri), _) => osmand::from_uri(uri, 0),
            (None, Some(body)) => osmand::from_body(&body, 0),
            (None, None) => Err(Fault::Json { what: "neither uri nor body is given".to_owned(), at: 0 }),
        }
    });
    match read {
        Ok(report) => accepted("osmand", &[json!({"id": "location", "body": report_json(&report)})]),
        Err(fault) => refusal(&fault),
    }
}

/// Decodes a line `{"body","topic"?}` of OwnTracks or a house topic, or the OwnTracks message itself.
#[must_use]
pub fn decode_owntracks(line: &str) -> Value {
    let read = line_object(line).and_then(|object| {
        let topic = object.get("topic").and_then(Value::as_str).filter(|_| object.contains_key("body"));
        let body = body_text(&object).unwrap_or_else(|| line.to_owned());
        match topic.and_then(owntracks::Topic::parse) {
            Some(owntracks::Topic::House { vehicle, part: owntracks::HousePart::Pos, .. }) => {
                let reports = owntracks::read_house(vehicle, body.as_bytes(), 0)?;
                Ok(reports
                    .iter()
                    .map(|report| json!({"id": "location", "body": report_json(report)}))
                    .collect())
            }
            _ => owntracks::read(topic, &body, 0).map(|message| vec![owntracks_json(&message)]),
        }
    });
    match read {
        Ok(messages) => accepted("owntracks", &messages),
        Err(fault) => refusal(&fault),
    }
}

fn owntracks_json(message: &Message) -> Value {
    match message {
        Message::Report(report) => json!({"id": "location", "body": report_json(report)}),
        Message::Transition { report, entered, region } => {
            let mut body = report_json(report);
            body["entered"] = (*entered).into();
            body["region"] = region.as_str().into();
            json!({"id": "transition", "body": body})
        }
        Message::Other(kind) => json!({"id": kind, "body": null}),
    }
}

/// Decodes a line of hex that holds a MessagePack batch.
#[must_use]
pub fn decode_msgpack(line: &str) -> Value {
    let batch = from_hex(line.trim()).and_then(|bytes| msgpack::decode(&bytes, 0));
    match batch {
        Ok(batch) => {
            let rows: Vec<Value> = batch.positions.iter().map(report_json).collect();
            let body = json!({"source": batch.source, "base_time_ms": batch.base_time_ms, "datum": batch.datum, "rows": rows});
            accepted("msgpack", &[json!({"id": "batch", "body": body})])
        }
        Err(fault) => refusal(&fault),
    }
}

/// The messages of a line as `decode` writes it, or the line itself as the only one.
fn bodies(line: &Value) -> Vec<&Value> {
    let one = std::slice::from_ref(line);
    let messages = line.get("messages").and_then(Value::as_array).map_or(one, Vec::as_slice);
    messages.iter().map(|message| message.get("body").unwrap_or(message)).collect()
}

/// Turns reports into lines `{"uri"}`, one after the other.
///
/// # Errors
/// [`Fault::Description`] says what is missing or wrong.
pub fn encode_osmand(line: &Value) -> Result<String, Fault> {
    let uri = |body| {
        report_of(body, Feed::Osmand).map(|report| json!({"uri": format!("/?{}", osmand::to_query(&report))}))
    };
    let lines = bodies(line)
        .into_iter()
        .map(|body| uri(body).map(|line| line.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(lines.join("\n"))
}

/// Turns reports into lines `{"body","topic"}`, one after the other.
///
/// # Errors
/// [`Fault::Description`] says what is missing or wrong.
pub fn encode_owntracks(line: &Value) -> Result<String, Fault> {
    let text = |body| {
        report_of(body, Feed::Owntracks).map(|report| {
            let device = report.terminal.as_str();
            let topic = if device.contains('/') {
                format!("owntracks/{device}")
            } else {
                format!("owntracks/user/{device}")
            };
            json!({"body": owntracks::to_json(&report).to_string(), "topic": topic}).to_string()
        })
    };
    Ok(bodies(line).into_iter().map(text).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// Turns a batch into hex.
///
/// # Errors
/// [`Fault::Description`] says what is missing or wrong.
pub fn encode_msgpack(line: &Value) -> Result<String, Fault> {
    let mut hex = String::new();
    for body in bodies(line) {
        let rows = body.get("rows").and_then(Value::as_array);
        let rows = rows.ok_or_else(|| Fault::Description { what: "rows are missing".to_owned() })?;
        let positions: Vec<Position> =
            rows.iter().map(|row| report_of(row, Feed::Msgpack)).collect::<Result<_, _>>()?;
        let first = positions.first().map_or(0, |position| position.time_ms);
        let datum: Option<Datum> =
            body.get("datum").and_then(|datum| serde_json::from_value(datum.clone()).ok());
        let batch = Batch {
            source: body.get("source").and_then(Value::as_str).unwrap_or("encode").to_owned(),
            base_time_ms: body.get("base_time_ms").and_then(Value::as_i64).unwrap_or(first),
            datum: datum.unwrap_or_default(),
            positions,
        };
        hex += &to_hex(&msgpack::encode(&batch));
    }
    Ok(hex)
}
