//! Phone apps that speak OsmAnd's HTTP form, as Traccar Client does: a query (in the address or a form body), or the
//! JSON of newer clients.
//!
//! ```
//! use xiangyun_telematics::osmand;
//! let report = osmand::from_query("id=tractor-7&lat=33.87&lon=113.05&timestamp=1795478400&speed=10&batt=81", 0).unwrap();
//! assert_eq!(report.terminal.as_str(), "tractor-7");
//! assert_eq!((report.lat_e6, report.lon_e6), (33_870_000, 113_050_000));
//! assert_eq!(report.speed_dkmh, Some(185)); // 10 knots
//! ```

use crate::fault::Fault;
use crate::limits::{APP_ATTRIBUTES_MAX, APP_TEXT_MAX_BYTES};
use crate::position::{Feed, Flags, Item, Position, TerminalKey};
use serde::Deserialize;
use serde_json::Value;
use xiangyun_model::geo::Datum;

/// Knots to tenths of km/h.
const KNOTS_TO_DKMH: f64 = 18.52;
/// Metres a second to tenths of km/h.
const MPS_TO_DKMH: f64 = 36.0;
/// From here on a whole-number timestamp is in milliseconds.
const FIRST_MILLISECONDS: f64 = 2_147_483_648.0;

/// A report being read: an empty one without place, motion or items.
pub(crate) fn blank(terminal: TerminalKey, feed: Feed, received_ms: i64) -> Position {
    Position {
        terminal,
        time_ms: received_ms,
        received_ms,
        lat_e6: 0,
        lon_e6: 0,
        speed_dkmh: None,
        course_deg: None,
        alt_m: None,
        status: 0,
        alarm: 0,
        datum: Datum::Wgs84,
        feed,
        flags: Flags::NO_PLACE.with(Flags::NO_DEVICE_TIME),
        items: Vec::new(),
    }
}

impl Position {
    /// Puts a place in degrees into the report.
    ///
    /// # Errors
    /// [`Fault::Value`] when a number is not finite or off the globe.
    pub(crate) fn put_place(&mut self, lat: f64, lon: f64) -> Result<(), Fault> {
        let range = |key, value: f64, most: f64, want| {
            if value.is_finite() && value.abs() <= most {
                Ok((value * 1e6).round() as i32)
            } else {
                Err(Fault::Value { key, found: value.to_string(), want })
            }
        };
        self.lat_e6 = range("lat", lat, 90.0, "degrees from -90 to 90")?;
        self.lon_e6 = range("lon", lon, 180.0, "degrees from -180 to 180")?;
        self.flags = self.flags.set(Flags::NO_PLACE, false).set(Flags::FIX, true);
        Ok(())
    }

    /// Puts the device's time into the report.
    pub(crate) fn put_time(&mut self, time_ms: i64) {
        self.time_ms = time_ms;
        self.flags = self.flags.set(Flags::NO_DEVICE_TIME, false);
    }

    /// Puts a course of any number of turns into the report; a negative one means unknown.
    pub(crate) fn put_course(&mut self, degrees: f64) {
        if degrees.is_finite() && degrees >= 0.0 {
            self.course_deg = Some((degrees.rem_euclid(360.0).round() as u16) % 360);
        }
    }

    /// Puts a speed into the report; a negative one means unknown.
    pub(crate) fn put_speed_dkmh(&mut self, speed: f64) {
        if speed.is_finite() && speed >= 0.0 {
            self.speed_dkmh = Some(speed.round().min(f64::from(u16::MAX)) as u16);
        }
    }

    /// Puts an altitude in metres into the report.
    pub(crate) fn put_altitude(&mut self, metres: f64) {
        if metres.is_finite() {
            self.alt_m = Some(metres.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16);
        }
    }

    /// Puts a horizontal accuracy in metres into the report; a negative one means unknown.
    pub(crate) fn put_accuracy(&mut self, metres: f64) {
        if metres.is_finite() && metres >= 0.0 {
            self.items.push(Item::AccuracyDm((metres * 10.0).round().min(f64::from(u32::MAX)) as u32));
        }
    }

    /// Puts a battery level in percent into the report; a negative one means unknown.
    pub(crate) fn put_battery(&mut self, percent: f64) {
        if percent.is_finite() && percent >= 0.0 {
            self.items.push(Item::BatteryPct(percent.round().min(100.0) as u8));
        }
    }

    /// Keeps a named value, within bounds.
    pub(crate) fn put_text(&mut self, key: &str, value: &str) {
        if self.items.len() < APP_ATTRIBUTES_MAX {
            self.items.push(Item::Text { key: cut(key), value: cut(value) });
        }
    }
}

/// The text cut to its bound at a character.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(APP_TEXT_MAX_BYTES)].to_owned()
}

/// Reads a query such as `id=1&lat=33.87&lon=113.05`, received at `received_ms`. A report without a place is kept as a
/// sign of life; one without a time gets the time of receipt; both are flagged.
///
/// # Errors
/// [`Fault::NoDevice`] without a device id; [`Fault::Value`] when time or place cannot be read.
pub fn from_query(query: &str, received_ms: i64) -> Result<Position, Fault> {
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .take(4 * APP_ATTRIBUTES_MAX)
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (percent_decode(key), percent_decode(value)))
        .collect();
    let find = |name: &str| {
        pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, v)| v.as_str())
    };
    let device = find("id").or_else(|| find("deviceid")).ok_or(Fault::NoDevice)?;
    let mut report = blank(TerminalKey::verbatim(&cut(device)), Feed::Osmand, received_ms);
    let (mut lat, mut lon) = (None, None);
    for (key, value) in &pairs {
        match key.as_str() {
            "id" | "deviceid" => {}
            "timestamp" => report.put_time(timestamp_ms(value)?),
            "lat" => lat = Some(number("lat", value)?),
            "lon" => lon = Some(number("lon", value)?),
            "location" => {
                let (first, second) = value.split_once(',').ok_or_else(|| Fault::Value {
                    key: "location",
                    found: value.clone(),
                    want: "latitude,longitude",
                })?;
                lat = Some(number("location", first)?);
                lon = Some(number("location", second)?);
            }
            other => put_attribute(&mut report, other, value),
        }
    }
    if let (Some(lat), Some(lon)) = (lat, lon) {
        let valid = !report.flags.has(Flags::QUARANTINED);
        report.put_place(lat, lon)?;
        report.flags = report.flags.set(Flags::FIX, valid);
    }
    report.flags = report.flags.set(Flags::QUARANTINED, false);
    Ok(report)
}

/// An attribute of the query: one that the common report has a field for, or a named text. A number that cannot be
/// read is kept as text: it costs itself only.
fn put_attribute(report: &mut Position, key: &str, value: &str) {
    let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    match (key, number) {
        ("speed", Some(knots)) => report.put_speed_dkmh(knots * KNOTS_TO_DKMH),
        ("bearing" | "heading", Some(degrees)) => report.put_course(degrees),
        ("altitude", Some(metres)) => report.put_altitude(metres),
        ("accuracy", Some(metres)) => report.put_accuracy(metres),
        ("hdop", Some(hdop)) if hdop >= 0.0 => {
            report.items.push(Item::HdopCenti((hdop * 100.0).round().min(f64::from(u16::MAX)) as u16));
        }
        ("batt", Some(percent)) => report.put_battery(percent),
        // Remembered until the place is known, which is what it speaks of.
        ("valid", _) => {
            report.flags = report.flags.set(Flags::QUARANTINED, matches!(value, "false" | "0"));
        }
        ("ignition", _) if matches!(value, "true" | "1" | "false" | "0") => {
            let on = matches!(value, "true" | "1");
            report.flags = report.flags.with(Flags::ACC_KNOWN).set(Flags::ACC, on);
        }
        ("mock", _) => report.flags = report.flags.set(Flags::MOCK, matches!(value, "true" | "1")),
        _ => report.put_text(key, value),
    }
}

fn number(key: &'static str, text: &str) -> Result<f64, Fault> {
    let wrong = || Fault::Value { key, found: text.to_owned(), want: "a number" };
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(wrong)
}

/// A time as the apps write it: UNIX seconds, milliseconds from 2³¹ on, ISO 8601, or `yyyy-MM-dd HH:mm:ss` in UTC.
fn timestamp_ms(text: &str) -> Result<i64, Fault> {
    let text = text.trim();
    let wrong = || Fault::Value {
        key: "timestamp",
        found: text.to_owned(),
        want: "UNIX seconds or milliseconds, ISO 8601, or yyyy-MM-dd HH:mm:ss in UTC",
    };
    if let Ok(number) = text.parse::<f64>() {
        let ms = if number >= FIRST_MILLISECONDS { number } else { number * 1000.0 };
        // Beyond the year 9999 there is no time that anyone means.
        return if (0.0..253_402_300_800_000.0).contains(&ms) { Ok(ms.round() as i64) } else { Err(wrong()) };
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let utc = format!("{}Z", text.replacen(' ', "T", 1));
    utc.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| wrong())
}

/// Text of a query part: `+` is a blank, `%xx` a byte; what is not such a pair stays as it is.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'+', _) => out.push(b' '),
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 2;
            }
            _ => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[derive(Deserialize)]
struct Envelope {
    device_id: Option<Value>,
    location: Option<Fix>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fix {
    timestamp: Option<Value>,
    coords: Option<Coords>,
    is_moving: Option<bool>,
    odometer: Option<f64>,
    event: Option<String>,
    battery: Option<Battery>,
    activity: Option<Activity>,
    mock: bool,
    extras: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Coords {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy: Option<f64>,
    speed: Option<f64>,
    heading: Option<f64>,
    altitude: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Battery {
    level: Option<f64>,
    is_charging: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Activity {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Reads a request body, received at `received_ms`: the JSON of newer clients, or a form.
///
/// # Errors
/// [`Fault::Json`] when it is neither; [`Fault::NoDevice`] without a device id; [`Fault::Value`] when time or place
/// cannot be read.
pub fn from_body(body: &str, received_ms: i64) -> Result<Position, Fault> {
    if !body.trim_start().starts_with('{') {
        return from_query(body.trim(), received_ms);
    }
    let envelope: Envelope = serde_json::from_str(body)
        .map_err(|error| Fault::Json { what: error.to_string(), at: error.column() })?;
    let device = match envelope.device_id {
        Some(Value::String(device)) if !device.is_empty() => device,
        Some(Value::Number(device)) => device.to_string(),
        _ => return Err(Fault::NoDevice),
    };
    let mut report = blank(TerminalKey::verbatim(&cut(&device)), Feed::Osmand, received_ms);
    let fix = envelope.location.unwrap_or_default();
    match &fix.timestamp {
        Some(Value::String(text)) => report.put_time(timestamp_ms(text)?),
        Some(Value::Number(number)) => report.put_time(timestamp_ms(&number.to_string())?),
        _ => {}
    }
    let coords = fix.coords.unwrap_or_default();
    if let (Some(lat), Some(lon)) = (coords.latitude, coords.longitude) {
        report.put_place(lat, lon)?;
    }
    report.put_speed_dkmh(coords.speed.map_or(-1.0, |mps| mps * MPS_TO_DKMH));
    report.put_course(coords.heading.unwrap_or(-1.0));
    report.put_altitude(coords.altitude.unwrap_or(f64::NAN));
    report.put_accuracy(coords.accuracy.unwrap_or(-1.0));
    report.put_battery(
        fix.battery.as_ref().and_then(|battery| battery.level).map_or(-1.0, |level| level * 100.0),
    );
    if let Some(metres) = fix.odometer.filter(|metres| *metres >= 0.0) {
        report.items.push(Item::MileageM(metres.round() as u64));
    }
    if let Some(charging) = fix.battery.and_then(|battery| battery.is_charging) {
        report.put_text("charge", if charging { "true" } else { "false" });
    }
    if let Some(event) = fix.event {
        report.put_text("event", &event);
    }
    if let Some(activity) = fix.activity.and_then(|activity| activity.kind) {
        report.put_text("activity", &activity);
    }
    if let Some(Value::Object(extras)) = fix.extras {
        for (key, value) in &extras {
            match value {
                Value::String(text) => report.put_text(key, text),
                other => report.put_text(key, &other.to_string()),
            }
        }
    }
    let moving = fix.is_moving == Some(true);
    report.flags = report.flags.set(Flags::MOVING, moving).set(Flags::MOCK, fix.mock);
    Ok(report)
}

/// Reads a request address such as `/?id=1&lat=…` or `http://host/osmand?…`.
///
/// # Errors
/// As [`from_query`].
pub fn from_uri(uri: &str, received_ms: i64) -> Result<Position, Fault> {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    from_query(query.split('#').next().unwrap_or(""), received_ms)
}

/// The query form of a report, for tools that play a phone.
#[must_use]
pub fn to_query(report: &Position) -> String {
    let mut query = format!("id={}", percent_encode(report.terminal.as_str()));
    if !report.flags.has(Flags::NO_DEVICE_TIME) {
        query += &format!("&timestamp={}", report.time_ms);
    }
    if !report.flags.has(Flags::NO_PLACE) {
        query += &format!("&lat={}&lon={}", f64::from(report.lat_e6) / 1e6, f64::from(report.lon_e6) / 1e6);
    }
    if let Some(speed) = report.speed_dkmh {
        query += &format!("&speed={}", f64::from(speed) / KNOTS_TO_DKMH);
    }
    if let Some(course) = report.course_deg {
        query += &format!("&bearing={course}");
    }
    if let Some(altitude) = report.alt_m {
        query += &format!("&altitude={altitude}");
    }
    for item in &report.items {
        match item {
            Item::AccuracyDm(tenths) => query += &format!("&accuracy={}", f64::from(*tenths) / 10.0),
            Item::HdopCenti(hundredths) => query += &format!("&hdop={}", f64::from(*hundredths) / 100.0),
            Item::BatteryPct(percent) => query += &format!("&batt={percent}"),
            Item::Text { key, value } => {
                query += &format!("&{}={}", percent_encode(key), percent_encode(value));
            }
            _ => {}
        }
    }
    query
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_in_all_their_forms() {
        for text in [
            "1795478400",
            "1795478400000",
            "2026-11-24T00:00:00Z",
            "2026-11-24T08:00:00+08:00",
            "2026-11-24 00:00:00",
        ] {
            assert_eq!(timestamp_ms(text), Ok(1_795_478_400_000), "{text}");
        }
        assert!(
            timestamp_ms("yesterday").is_err() && timestamp_ms("NaN").is_err() && timestamp_ms("-5").is_err()
        );
    }

    #[test]
    fn what_is_missing_is_flagged_not_invented() {
        let report = from_query("id=1", 77).unwrap();
        assert!(report.flags.has(Flags::NO_PLACE) && report.flags.has(Flags::NO_DEVICE_TIME));
        assert_eq!((report.time_ms, report.speed_dkmh), (77, None));
        assert_eq!(from_query("lat=1&lon=2", 0), Err(Fault::NoDevice));
        assert!(matches!(from_query("id=1&lat=91&lon=2", 0), Err(Fault::Value { key: "lat", .. })));
        assert!(matches!(from_query("id=1&lat=NaN&lon=2", 0), Err(Fault::Value { .. })));
        assert!(!from_query("id=1&lat=1&lon=2&valid=false", 0).unwrap().flags.has(Flags::FIX));
        assert!(from_body("{\"location\":{}}", 0).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            let _ = from_query(&text, 0);
            let _ = from_body(&text, 0);
            let _ = from_uri(&text, 0);
        }

        #[test]
        fn queries_round_trip(id in "[^\\x00]{1,20}", lat in -90_000_000..=90_000_000_i32, lon in -180_000_000..=180_000_000_i32,
                              time_ms in FIRST_MILLISECONDS as i64..4_102_444_800_000, value in ".{0,20}") {
            let mut report = blank(TerminalKey::verbatim(&id), Feed::Osmand, 9);
            report.put_time(time_ms);
            report.put_place(f64::from(lat) / 1e6, f64::from(lon) / 1e6).unwrap();
            report.speed_dkmh = Some(421);
            report.items = vec![Item::AccuracyDm(51), Item::BatteryPct(80), Item::Text { key: "note".into(), value }];
            prop_assert_eq!(from_query(&to_query(&report), 9).unwrap(), report);
        }
    }
}
