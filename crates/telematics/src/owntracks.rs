//! OwnTracks messages and our own topics, as they come over MQTT. The broker's client is elsewhere.
//!
//! ```
//! use xiangyun_telematics::owntracks::{self, Message};
//! let body = r#"{"_type":"location","tid":"zl","lat":33.87,"lon":113.05,"tst":1795478400,"vel":36,"batt":81}"#;
//! let Message::Report(report) = owntracks::read(Some("owntracks/zhang/phone"), body, 0).unwrap() else { panic!() };
//! assert_eq!(report.terminal.as_str(), "zhang/phone");
//! assert_eq!(report.speed_dkmh, Some(360));
//! ```

use crate::fault::Fault;
use crate::msgpack::{self, Batch};
use crate::osmand::blank;
use crate::position::{Feed, Flags, Item, Position, TerminalKey};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use xiangyun_model::geo::Datum;

/// A topic that concerns us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// `owntracks/<user>/<device>` with what may follow.
    OwnTracks {
        /// User.
        user: &'a str,
        /// Device.
        device: &'a str,
        /// `event`, `waypoint`, `cmd`, `status`, or nothing.
        part: Option<&'a str>,
    },
    /// `fleet/<tenant>/<vehicle>/<part>`, our own gear.
    House {
        /// Tenant.
        tenant: &'a str,
        /// Vehicle.
        vehicle: &'a str,
        /// What it is about.
        part: HousePart,
    },
}

/// What a house topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HousePart {
    /// Positions.
    Pos,
    /// Events.
    Evt,
    /// Commands to the vehicle.
    Cmd,
    /// Answers to commands.
    Ack,
    /// Whether it is connected; the last will.
    Online,
}

impl<'a> Topic<'a> {
    /// Reads a topic; nothing for those that are not ours.
    #[must_use]
    pub fn parse(topic: &'a str) -> Option<Self> {
        let mut parts = topic.split('/');
        let found = match (parts.next()?, parts.next()?, parts.next()?, parts.next()) {
            ("owntracks", user, device, part) => Self::OwnTracks { user, device, part },
            ("fleet", tenant, vehicle, Some(part)) => {
                let part = match part {
                    "pos" => HousePart::Pos,
                    "evt" => HousePart::Evt,
                    "cmd" => HousePart::Cmd,
                    "ack" => HousePart::Ack,
                    "online" => HousePart::Online,
                    _ => return None,
                };
                Self::House { tenant, vehicle, part }
            }
            _ => return None,
        };
        let (first, second) = match found {
            Self::OwnTracks { user, device, .. } => (user, device),
            Self::House { tenant, vehicle, .. } => (tenant, vehicle),
        };
        (parts.next().is_none() && !first.is_empty() && !second.is_empty()).then_some(found)
    }

    /// The terminal that publishes there.
    #[must_use]
    pub fn terminal(&self) -> TerminalKey {
        match self {
            Self::OwnTracks { user, device, .. } => TerminalKey::verbatim(&format!("{user}/{device}")),
            Self::House { vehicle, .. } => TerminalKey::verbatim(vehicle),
        }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A position.
    Report(Position),
    /// A region was entered or left; the place where it was noticed.
    Transition {
        /// Where and when; without a place when the app gave none.
        report: Position,
        /// Whether the region was entered.
        entered: bool,
        /// Name of the region.
        region: String,
    },
    /// A message that carries nothing for a tracker: its `_type`.
    Other(String),
}

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "_type")]
    kind: Option<String>,
    topic: Option<String>,
    tid: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    tst: Option<f64>,
    acc: Option<f64>,
    alt: Option<f64>,
    vel: Option<f64>,
    cog: Option<f64>,
    batt: Option<f64>,
    event: Option<String>,
    desc: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// Reads an OwnTracks message. The terminal is told by the topic, else by the body's own `topic`, else by its `tid`.
///
/// # Errors
/// [`Fault::Json`] when it is not one; [`Fault::NoDevice`] when nothing names the device; [`Fault::Value`] when a
/// location lacks place or time, or they cannot be.
pub fn read(topic: Option<&str>, body: &str, received_ms: i64) -> Result<Message, Fault> {
    let json = |what: String, at| Fault::Json { what, at };
    let form: Form = serde_json::from_str(body).map_err(|error| json(error.to_string(), error.column()))?;
    let kind = form.kind.clone().ok_or_else(|| json("_type is missing".to_owned(), 0))?;
    if !matches!(kind.as_str(), "location" | "transition") {
        return Ok(Message::Other(kind));
    }
    let named = [topic, form.topic.as_deref()].into_iter().flatten().find_map(Topic::parse);
    let terminal = match (named, &form.tid) {
        (Some(topic), _) => topic.terminal(),
        (None, Some(tid)) if !tid.is_empty() => TerminalKey::verbatim(tid),
        _ => return Err(Fault::NoDevice),
    };
    let mut report = blank(terminal, Feed::Owntracks, received_ms);
    match form.tst {
        Some(seconds) if (0.0..253_402_300_800.0).contains(&seconds) => {
            report.put_time((seconds * 1000.0).round() as i64);
        }
        other => {
            let found = other.map_or_else(|| "missing".to_owned(), |tst| tst.to_string());
            return Err(Fault::Value { key: "tst", found, want: "UNIX seconds" });
        }
    }
    match (form.lat, form.lon) {
        (Some(lat), Some(lon)) => report.put_place(lat, lon)?,
        _ if kind == "transition" => {}
        _ => {
            return Err(Fault::Value {
                key: "lat",
                found: "missing".to_owned(),
                want: "lat and lon in degrees",
            });
        }
    }
    report.put_speed_dkmh(form.vel.map_or(-1.0, |kmh| kmh * 10.0));
    report.put_course(form.cog.unwrap_or(-1.0));
    report.put_altitude(form.alt.unwrap_or(f64::NAN));
    report.put_accuracy(form.acc.unwrap_or(-1.0));
    report.put_battery(form.batt.unwrap_or(-1.0));
    for (key, value) in &form.more {
        match value {
            Value::String(text) => report.put_text(key, text),
            other => report.put_text(key, &other.to_string()),
        }
    }
    if kind == "transition" {
        let entered = form.event.as_deref() == Some("enter");
        return Ok(Message::Transition { report, entered, region: form.desc.unwrap_or_default() });
    }
    Ok(Message::Report(report))
}

/// The OwnTracks form of a report, for tools that play a phone.
#[must_use]
pub fn to_json(report: &Position) -> Value {
    let mut body = json!({
        "_type": "location",
        "tid": report.terminal.as_str().chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect::<String>(),
        "tst": report.time_ms / 1000,
        "lat": f64::from(report.lat_e6) / 1e6,
        "lon": f64::from(report.lon_e6) / 1e6,
    });
    if let Some(speed) = report.speed_dkmh {
        body["vel"] = (f64::from(speed) / 10.0).into();
    }
    if let Some(course) = report.course_deg {
        body["cog"] = course.into();
    }
    if let Some(altitude) = report.alt_m {
        body["alt"] = altitude.into();
    }
    for item in &report.items {
        match item {
            Item::AccuracyDm(tenths) => body["acc"] = (f64::from(*tenths) / 10.0).into(),
            Item::BatteryPct(percent) => body["batt"] = (*percent).into(),
            _ => {}
        }
    }
    body
}

/// A position on a house topic in JSON. Times are UTC milliseconds, speeds km/h.
#[derive(Deserialize)]
struct HouseForm {
    time_ms: Option<i64>,
    lat: Option<f64>,
    lon: Option<f64>,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    alt_m: Option<f64>,
    acc_m: Option<f64>,
    batt_pct: Option<f64>,
    ignition: Option<bool>,
    #[serde(default)]
    datum: Datum,
    #[serde(default)]
    items: Vec<Item>,
}

/// Reads the payload of `fleet/<tenant>/<vehicle>/pos`: one report or a list of them in JSON, or a MessagePack batch
/// (its rows may be of several vehicles; a payload in JSON is of the topic's).
///
/// # Errors
/// [`Fault::Json`], [`Fault::Value`], or what [`msgpack::decode`] refuses.
pub fn read_house(vehicle: &str, payload: &[u8], received_ms: i64) -> Result<Vec<Position>, Fault> {
    let first = payload.iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(first, Some(b'{' | b'[')) {
        return msgpack::decode(payload, received_ms).map(|Batch { positions, .. }| positions);
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Payload {
        One(Box<HouseForm>),
        Many(Vec<HouseForm>),
    }
    let fault = |error: serde_json::Error| Fault::Json { what: error.to_string(), at: error.column() };
    let forms = match serde_json::from_slice(payload).map_err(fault)? {
        Payload::One(form) => vec![*form],
        Payload::Many(forms) => forms,
    };
    forms.into_iter().map(|form| house_position(vehicle, form, received_ms)).collect()
}

fn house_position(vehicle: &str, form: HouseForm, received_ms: i64) -> Result<Position, Fault> {
    let mut report = blank(TerminalKey::verbatim(vehicle), Feed::Msgpack, received_ms);
    if let Some(time_ms) = form.time_ms {
        report.put_time(time_ms);
    }
    if let (Some(lat), Some(lon)) = (form.lat, form.lon) {
        report.put_place(lat, lon)?;
    }
    report.put_speed_dkmh(form.speed_kmh.map_or(-1.0, |kmh| kmh * 10.0));
    report.put_course(form.course_deg.unwrap_or(-1.0));
    report.put_altitude(form.alt_m.unwrap_or(f64::NAN));
    report.put_accuracy(form.acc_m.unwrap_or(-1.0));
    report.put_battery(form.batt_pct.unwrap_or(-1.0));
    if let Some(on) = form.ignition {
        report.flags = report.flags.with(Flags::ACC_KNOWN).set(Flags::ACC, on);
    }
    report.datum = form.datum;
    report.items.extend(form.items.into_iter().take(crate::limits::APP_ATTRIBUTES_MAX));
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn topics() {
        assert_eq!(
            Topic::parse("fleet/baofeng/van-3/pos"),
            Some(Topic::House { tenant: "baofeng", vehicle: "van-3", part: HousePart::Pos })
        );
        assert_eq!(
            Topic::parse("owntracks/zhang/phone/event"),
            Some(Topic::OwnTracks { user: "zhang", device: "phone", part: Some("event") })
        );
        for strange in [
            "",
            "owntracks",
            "owntracks//phone",
            "fleet/a/b",
            "fleet/a/b/other",
            "a/b/c/d",
            "fleet/a/b/pos/x",
        ] {
            assert_eq!(Topic::parse(strange), None, "{strange}");
        }
    }

    #[test]
    fn transitions_and_the_rest() {
        let body =
            r#"{"_type":"transition","tid":"zl","tst":1795478400,"event":"enter","desc":"hub","wtst":1}"#;
        let message = read(None, body, 0).unwrap();
        assert!(matches!(message, Message::Transition { entered: true, ref region, .. } if region == "hub"));
        assert_eq!(read(None, r#"{"_type":"lwt","tst":1}"#, 0), Ok(Message::Other("lwt".to_owned())));
        assert!(matches!(
            read(None, r#"{"_type":"location","tid":"a","tst":1}"#, 0),
            Err(Fault::Value { .. })
        ));
        assert_eq!(read(None, r#"{"_type":"location","lat":1,"lon":2,"tst":1}"#, 0), Err(Fault::NoDevice));
    }

    #[test]
    fn house_reports() {
        let one = br#"{"time_ms":1795478400000,"lat":33.87,"lon":113.05,"speed_kmh":36.5,"datum":"gcj02","items":[{"temperature_dc":{"probe":1,"deci_c":-180}}]}"#;
        let reports = read_house("van-3", one, 0).unwrap();
        assert_eq!((reports[0].speed_dkmh, reports[0].datum), (Some(365), Datum::Gcj02));
        assert_eq!(reports[0].temperatures().next(), Some((1, -180)));
        assert_eq!(
            read_house("van-3", b"[{\"lat\":1,\"lon\":2},{\"lat\":3,\"lon\":4}]", 5).unwrap().len(),
            2
        );
        assert!(read_house("van-3", b"{\"lat\":100,\"lon\":2}", 5).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}", topic in prop::option::of(".{0,40}")) {
            let _ = read(topic.as_deref(), &text, 0);
            let _ = read_house("v", text.as_bytes(), 0);
        }
    }
}
