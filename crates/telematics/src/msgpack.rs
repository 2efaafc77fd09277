//! Batches of positions in MessagePack, version 1: arrays throughout, so that a row costs no field names.
//!
//! `[1, source, base_time_ms, datum, [[vehicle, dt_ms, lat_e6, lon_e6, speed_dkmh, course_deg, alt_m, status, alarm,
//! items?], …]]`, datum 0 for WGS-84, 1 for GCJ-02, 2 for BD-09; times are signed offsets from the base; what is not
//! known is nil. Elements beyond these are passed over, so that rows can grow.
//!
//! ```
//! use xiangyun_telematics::msgpack::{self, Batch};
//! # use xiangyun_telematics::osmand;
//! # let report = osmand::from_query("id=van-3&lat=33.87&lon=113.05&timestamp=1795478400", 0).unwrap();
//! let batch = Batch { source: "gear-1".into(), base_time_ms: 1_795_478_000_000, datum: Default::default(), positions: vec![report] };
//! let bytes = msgpack::encode(&batch);
//! let again = msgpack::decode(&bytes, 0).unwrap();
//! assert_eq!(again.positions[0].time_ms, 1_795_478_400_000);
//! assert!(msgpack::decode(&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF], 0).is_err()); // claims four thousand million elements
//! ```

use crate::fault::Fault;
use crate::limits::{BATCH_DEPTH_MAX, BATCH_MAX_BYTES, BATCH_ROWS_MAX};
use crate::osmand::blank;
use crate::position::{Feed, Flags, Item, Position, TerminalKey};
use rmp::Marker;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xiangyun_model::geo::Datum;

/// A batch of positions of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Who sends it.
    pub source: String,
    /// The time that rows count from, UTC milliseconds.
    pub base_time_ms: i64,
    /// Datum of all places.
    pub datum: Datum,
    /// The rows.
    pub positions: Vec<Position>,
}

/// An id that may come as text or number.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an id as text or whole number")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Name, E> {
                if text.is_empty() { Err(E::custom("an id is empty")) } else { Ok(Name(text.to_owned())) }
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Name, E> {
                Ok(Name(number.to_string()))
            }
        }
        deserializer.deserialize_any(NameVisitor)
    }
}

struct Row {
    vehicle: Name,
    dt_ms: Option<i64>,
    place: Option<(i32, i32)>,
    speed_dkmh: Option<u16>,
    course_deg: Option<u16>,
    alt_m: Option<i16>,
    status: Option<u32>,
    alarm: Option<u32>,
    items: Vec<Item>,
}

/// The next element of a sequence that must have it.
fn need<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A, name: &'static str) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| A::Error::missing_field(name))
}

/// The next element of a sequence if it is there, nil counting as absent.
fn may<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<Option<T>, A::Error> {
    Ok(seq.next_element::<Option<T>>()?.flatten())
}

fn pass_over<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "a row: vehicle, dt_ms, lat_e6, lon_e6, speed, course, altitude, status, alarm, items",
                )
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
                let vehicle = need(&mut seq, "vehicle")?;
                let dt_ms = may(&mut seq)?;
                let place = may::<i32, _>(&mut seq)?.zip(may::<i32, _>(&mut seq)?);
                let row = Row {
                    vehicle,
                    dt_ms,
                    place,
                    speed_dkmh: may(&mut seq)?,
                    course_deg: may(&mut seq)?,
                    alt_m: may(&mut seq)?,
                    status: may(&mut seq)?,
                    alarm: may(&mut seq)?,
                    items: may(&mut seq)?.unwrap_or_default(),
                };
                pass_over(&mut seq)?;
                Ok(row)
            }
        }
        deserializer.deserialize_seq(RowVisitor)
    }
}

struct Form {
    source: Name,
    base_time_ms: i64,
    datum: Datum,
    rows: Vec<Row>,
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FormVisitor;
        impl<'de> Visitor<'de> for FormVisitor {
            type Value = Form;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a batch: version, source, base_time_ms, datum, rows")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Form, A::Error> {
                let version: u64 = need(&mut seq, "version")?;
                if version != 1 {
                    return Err(A::Error::custom("version is not 1"));
                }
                let source = need(&mut seq, "source")?;
                let base_time_ms = need(&mut seq, "base_time_ms")?;
                let datum = match need::<u8, _>(&mut seq, "datum")? {
                    0 => Datum::Wgs84,
                    1 => Datum::Gcj02,
                    2 => Datum::Bd09,
                    _ => return Err(A::Error::custom("datum is not 0, 1 or 2")),
                };
                let rows = need(&mut seq, "rows")?;
                pass_over(&mut seq)?;
                Ok(Form { source, base_time_ms, datum, rows })
            }
        }
        deserializer.deserialize_seq(FormVisitor)
    }
}

/// Walks the bytes once without storing anything: claims beyond the bytes at hand, the rows allowed or the depth
/// allowed are refused before anything is reserved for them.
fn screen(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() > BATCH_MAX_BYTES {
        return Err(Fault::BatchBound { what: "bytes", found: bytes.len(), limit: BATCH_MAX_BYTES });
    }
    let mut at = 0;
    // Elements left to read at each depth.
    let mut open = vec![1_usize];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let marker = *bytes.get(at).ok_or(Fault::Batch { what: "it ends early".into(), at })?;
        let marker_at = at;
        at += 1;
        let mut claim = |width: usize| {
            let digits =
                bytes.get(at..at + width).ok_or(Fault::Batch { what: "it ends early".into(), at })?;
            at += width;
            Ok(digits.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)))
        };
        let (payload, children) = match Marker::from_u8(marker) {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (0, 0),
            Marker::FixStr(length) => (usize::from(length), 0),
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            Marker::Str8 | Marker::Bin8 => (claim(1)?, 0),
            Marker::Str16 | Marker::Bin16 => (claim(2)?, 0),
            Marker::Str32 | Marker::Bin32 => (claim(4)?, 0),
            Marker::FixArray(count) => (0, usize::from(count)),
            Marker::Array16 => (0, claim(2)?),
            Marker::Array32 => (0, claim(4)?),
            Marker::FixMap(count) => (0, 2 * usize::from(count)),
            Marker::Map16 => (0, 2 * claim(2)?),
            Marker::Map32 => (0, 2 * claim(4)?),
            Marker::FixExt1 => (2, 0),
            Marker::FixExt2 => (3, 0),
            Marker::FixExt4 => (5, 0),
            Marker::FixExt8 => (9, 0),
            Marker::FixExt16 => (17, 0),
            Marker::Ext8 => (claim(1)? + 1, 0),
            Marker::Ext16 => (claim(2)? + 1, 0),
            Marker::Ext32 => (claim(4)? + 1, 0),
            Marker::Reserved => {
                return Err(Fault::Batch {
                    what: "a byte that MessagePack does not use".into(),
                    at: marker_at,
                });
            }
        };
        at += payload;
        if at > bytes.len() || children > bytes.len() - at {
            return Err(Fault::Batch { what: "it claims more than there is".into(), at: marker_at });
        }
        if children > 0 {
            if open.len() == 2 && children > BATCH_ROWS_MAX {
                return Err(Fault::BatchBound { what: "rows", found: children, limit: BATCH_ROWS_MAX });
            }
            if open.len() >= BATCH_DEPTH_MAX {
                return Err(Fault::BatchBound {
                    what: "levels",
                    found: open.len() + 1,
                    limit: BATCH_DEPTH_MAX,
                });
            }
            open.push(children);
        }
    }
    if at < bytes.len() { Err(Fault::Batch { what: "bytes after the batch".into(), at }) } else { Ok(()) }
}

/// Reads a batch received at `received_ms`.
///
/// # Errors
/// [`Fault::Batch`] when it is not a batch of version 1, [`Fault::BatchBound`] when it claims too much. A batch is
/// taken as a whole or not at all.
pub fn decode(bytes: &[u8], received_ms: i64) -> Result<Batch, Fault> {
    screen(bytes)?;
    let form: Form = rmp_serde::from_slice(bytes)
        .map_err(|error| Fault::Batch { what: error.to_string().into(), at: 0 })?;
    let Form { source, base_time_ms, datum, rows } = form;
    let position = |row: Row| {
        let mut position = blank(TerminalKey::verbatim(&row.vehicle.0), Feed::Msgpack, received_ms);
        if let Some(dt_ms) = row.dt_ms {
            position.put_time(base_time_ms.saturating_add(dt_ms));
        }
        if let Some((lat_e6, lon_e6)) = row.place {
            if lat_e6.abs() > 90_000_000 || lon_e6.abs() > 180_000_000 {
                let found = format!("{lat_e6}, {lon_e6}");
                return Err(Fault::Value {
                    key: "lat_e6",
                    found,
                    want: "millionths of a degree on the globe",
                });
            }
            (position.lat_e6, position.lon_e6) = (lat_e6, lon_e6);
            position.flags = position.flags.set(Flags::NO_PLACE, false).set(Flags::FIX, true);
        }
        position.speed_dkmh = row.speed_dkmh;
        position.course_deg = row.course_deg.map(|course| course % 360);
        position.alt_m = row.alt_m;
        position.status = row.status.unwrap_or(0);
        position.alarm = row.alarm.unwrap_or(0);
        if row.status.is_some() {
            let acc = position.status & crate::jt808::location::status::ACC != 0;
            position.flags = position.flags.with(Flags::ACC_KNOWN).set(Flags::ACC, acc);
        }
        position.datum = datum;
        position.items = row.items;
        Ok(position)
    };
    let positions = rows.into_iter().map(position).collect::<Result<_, _>>()?;
    Ok(Batch { source: source.0, base_time_ms, datum, positions })
}

struct RowOut<'a>(&'a Position, i64);

impl Serialize for RowOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(position, base_time_ms) = self;
        let known = !position.flags.has(Flags::NO_PLACE);
        let timed = !position.flags.has(Flags::NO_DEVICE_TIME);
        let told = position.flags.has(Flags::ACC_KNOWN) || position.status != 0;
        let items = !position.items.is_empty();
        let mut row = serializer.serialize_tuple(9 + usize::from(items))?;
        row.serialize_element(position.terminal.as_str())?;
        row.serialize_element(&timed.then(|| position.time_ms.saturating_sub(*base_time_ms)))?;
        row.serialize_element(&known.then_some(position.lat_e6))?;
        row.serialize_element(&known.then_some(position.lon_e6))?;
        row.serialize_element(&position.speed_dkmh)?;
        row.serialize_element(&position.course_deg)?;
        row.serialize_element(&position.alt_m)?;
        row.serialize_element(&told.then_some(position.status))?;
        row.serialize_element(&position.alarm)?;
        if items {
            row.serialize_element(&position.items)?;
        }
        row.end()
    }
}

/// Writes a batch. Positions are written in the batch's datum as they stand.
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn encode(batch: &Batch) -> Vec<u8> {
    let rows: Vec<RowOut<'_>> =
        batch.positions.iter().map(|position| RowOut(position, batch.base_time_ms)).collect();
    let datum = match batch.datum {
        Datum::Wgs84 => 0_u8,
        Datum::Gcj02 => 1,
        Datum::Bd09 => 2,
    };
    rmp_serde::to_vec(&(1_u8, &batch.source, batch.base_time_ms, datum, rows))
        .expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positions() -> impl Strategy<Value = Position> {
        (
            "[a-zA-Z0-9豫]{1,12}",
            0..4_000_000_000_000_i64,
            -90_000_000..=90_000_000_i32,
            -180_000_000..=180_000_000_i32,
            prop::option::of(any::<u16>()),
            prop::option::of(0..360_u16),
            prop::option::of(any::<i16>()),
            any::<(u32, u32)>(),
            prop::bool::ANY,
        )
            .prop_map(
                |(
                    vehicle,
                    time_ms,
                    lat_e6,
                    lon_e6,
                    speed_dkmh,
                    course_deg,
                    alt_m,
                    (status, alarm),
                    items,
                )| {
                    let mut position = blank(TerminalKey::verbatim(&vehicle), Feed::Msgpack, 42);
                    position.put_time(time_ms);
                    (position.lat_e6, position.lon_e6) = (lat_e6, lon_e6);
                    let flags = Flags::FIX.with(Flags::ACC_KNOWN).set(Flags::ACC, status & 1 != 0);
                    let items = if items {
                        vec![
                            Item::TemperatureDc { probe: 2, deci_c: -40 },
                            Item::Raw { id: 0xEB, value: vec![0, 1] },
                        ]
                    } else {
                        Vec::new()
                    };
                    Position { speed_dkmh, course_deg, alt_m, status, alarm, flags, items, ..position }
                },
            )
    }

    proptest! {
        #[test]
        fn batches_round_trip(positions in prop::collection::vec(positions(), 0..30), base_time_ms in 0..4_000_000_000_000_i64) {
            let batch = Batch { source: "s".into(), base_time_ms, datum: Datum::Wgs84, positions };
            let bytes = encode(&batch);
            prop_assert_eq!(decode(&bytes, 42).unwrap(), batch);
            for cut in (0..bytes.len()).step_by(7) {
                prop_assert!(decode(&bytes[..cut], 42).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, 0);
            let mut framed = vec![0x95, 1, 0xA1, b's', 0, 0];
            framed.extend_from_slice(&bytes);
            let _ = decode(&framed, 0);
        }
    }

    #[test]
    fn rows_may_grow_and_shrink() {
        let row = (
            77_u32,
            5_i64,
            33_870_000_i32,
            113_050_000_i32,
            (),
            (),
            (),
            (),
            (),
            (),
            "from the future",
            [1, 2],
        );
        let bytes = rmp_serde::to_vec(&(1, "s", 1000_i64, 1, [row], "more")).unwrap();
        let batch = decode(&bytes, 0).unwrap();
        assert_eq!((batch.positions[0].terminal.as_str(), batch.positions[0].time_ms), ("77", 1005));
        assert_eq!((batch.positions[0].datum, batch.positions[0].speed_dkmh), (Datum::Gcj02, None));
        let short = rmp_serde::to_vec(&(1, "s", 1000_i64, 0, [("v", 5_i64)])).unwrap();
        assert!(decode(&short, 0).unwrap().positions[0].flags.has(Flags::NO_PLACE));
    }

    #[test]
    fn lies_are_refused_cheaply() {
        let too_many = rmp_serde::to_vec(&(1, "s", 0, 0, vec![0_u8; BATCH_ROWS_MAX + 1])).unwrap();
        assert!(matches!(decode(&too_many, 0), Err(Fault::BatchBound { what: "rows", .. })));
        let deep: Vec<u8> = std::iter::repeat_n(0x91, 1000).chain([0xC0]).collect();
        assert!(matches!(decode(&deep, 0), Err(Fault::BatchBound { what: "levels", .. })));
        assert!(matches!(decode(&[0xDF, 0xFF, 0xFF, 0xFF, 0xFF], 0), Err(Fault::Batch { .. })));
        let nan = rmp_serde::to_vec(&(1, "s", 0, 0, [("v", 0, f64::NAN, 1.0)])).unwrap();
        assert!(decode(&nan, 0).is_err());
        let off = rmp_serde::to_vec(&(1, "s", 0, 0, [("v", 0, 90_000_001, 1)])).unwrap();
        assert!(matches!(decode(&off, 0), Err(Fault::Value { .. })));
    }
}
