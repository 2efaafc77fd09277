//! One stored position and its two codings: alone in the log, and relative to its forerunner in a run.

use super::varint::{Bytes, put_i64, put_u64};
use crate::position::{Feed, Flags};
use xiangyun_model::geo::{Datum, LonLat};

/// A device within one log: the index of its identifier in the log's dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

/// A position as it is stored: WGS-84, integers, source facts kept.
///
/// `items` are opaque to the log: of JT/T 808 the additional items as they came, of other feeds our own MessagePack
/// (see [`crate::session::stored`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Whose position.
    pub device: DeviceId,
    /// When it was so, UTC milliseconds, repaired where the device's clock was wrong.
    pub time_ms: i64,
    /// What the device's clock said, UTC milliseconds.
    pub device_time_ms: i64,
    /// When it reached us, UTC milliseconds.
    pub received_ms: i64,
    /// Longitude in 1e-6 degree, WGS-84.
    pub lon_e6: i32,
    /// Latitude in 1e-6 degree, WGS-84.
    pub lat_e6: i32,
    /// Height in metres, if told.
    pub altitude_m: Option<i16>,
    /// Speed in 0.1 km/h, if told.
    pub speed_dkmh: Option<u16>,
    /// Course in degrees clockwise from north, if told.
    pub course_deg: Option<u16>,
    /// Status bits of the source.
    pub status: u32,
    /// Alarm bits of the source.
    pub alarm: u32,
    /// What is known about the record.
    pub flags: Flags,
    /// The feed it came by.
    pub feed: Feed,
    /// The datum that the source recorded; the place here is WGS-84 already.
    pub datum: Datum,
    /// Additional items, raw.
    pub items: Vec<u8>,
}

/// The identity of a report: equal keys are the same report sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Device clock.
    pub device_time_ms: i64,
    /// Longitude in 1e-6 degree.
    pub lon_e6: i32,
    /// Latitude in 1e-6 degree.
    pub lat_e6: i32,
    /// Alarm bits.
    pub alarm: u32,
}

impl Key {
    /// A hash of the key that is the same in every process (FNV-1a over its bytes, then mixed).
    #[must_use]
    pub fn digest(self) -> u64 {
        let mut x = (self.device_time_ms as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x ^= (u64::from(self.lon_e6 as u32) << 32 | u64::from(self.lat_e6 as u32))
            .wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        x = x.rotate_left(29) ^ u64::from(self.alarm).wrapping_mul(0x1656_67B1_9E37_79F9);
        x ^= x >> 31;
        x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 30)
    }
}

impl Record {
    /// The identity of the report within its device.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            device_time_ms: self.device_time_ms,
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
            alarm: self.alarm,
        }
    }

    /// The place in degrees.
    #[must_use]
    pub fn place(&self) -> LonLat {
        LonLat { lon: f64::from(self.lon_e6) / 1e6, lat: f64::from(self.lat_e6) / 1e6 }
    }

    /// Whether the record may be part of a track.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.flags.has(Flags::FIX) && !self.flags.has(Flags::QUARANTINED) && !self.flags.has(Flags::NO_PLACE)
    }
}

/// Kind byte of a position payload.
pub(crate) const KIND_POSITION: u8 = 1;
/// Kind byte of a dictionary payload.
pub(crate) const KIND_DEVICE: u8 = 2;
/// Bytes before each payload: length u16, CRC-32 of the payload u32.
pub(crate) const FRAME_BYTES: usize = 6;

/// Frames a payload that `write` appends: length and checksum before it.
#[inline]
pub(crate) fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_BYTES]);
    write(out);
    let length = (out.len() - start - FRAME_BYTES) as u16;
    let crc = crc32fast::hash(&out[start + FRAME_BYTES..]);
    out[start..start + 2].copy_from_slice(&length.to_le_bytes());
    out[start + 2..start + FRAME_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// Appends the record as one framed payload of the log; allocates only when `out` must grow.
#[inline]
pub(crate) fn encode_framed(record: &Record, out: &mut Vec<u8>) {
    frame(out, |out| {
        out.push(KIND_POSITION);
        out.extend_from_slice(&record.device.0.to_le_bytes());
        out.extend_from_slice(&record.flags.0.to_le_bytes());
        out.push(origin(record));
        out.extend_from_slice(&record.received_ms.to_le_bytes()[..6]);
        out.extend_from_slice(&record.lon_e6.to_le_bytes());
        out.extend_from_slice(&record.lat_e6.to_le_bytes());
        put_i64(out, record.received_ms.wrapping_sub(record.device_time_ms));
        put_i64(out, record.time_ms.wrapping_sub(record.device_time_ms));
        put_i64(out, altitude(record));
        put_i64(out, told(record.speed_dkmh));
        put_i64(out, told(record.course_deg));
        put_u64(out, u64::from(record.status));
        put_u64(out, u64::from(record.alarm));
        out.extend_from_slice(&record.items);
    });
}

/// Reads a position payload (with its kind byte) into `record`, reusing its buffers.
pub(crate) fn decode_payload(payload: &[u8], record: &mut Record) -> Option<()> {
    let mut bytes = Bytes::new(payload);
    if bytes.u8()? != KIND_POSITION {
        return None;
    }
    record.device = DeviceId(bytes.le_u32()?);
    record.flags = Flags(u16::from_le_bytes(bytes.take(2)?.try_into().ok()?));
    (record.feed, record.datum) = from_origin(bytes.u8()?)?;
    let mut six = [0u8; 8];
    six[..6].copy_from_slice(bytes.take(6)?);
    // Sign extension: 48 bits reach from the year −2489 to 6429.
    record.received_ms = (i64::from_le_bytes(six) << 16) >> 16;
    record.lon_e6 = bytes.le_u32()? as i32;
    record.lat_e6 = bytes.le_u32()? as i32;
    record.device_time_ms = record.received_ms.wrapping_sub(bytes.i64()?);
    record.time_ms = record.device_time_ms.wrapping_add(bytes.i64()?);
    record.altitude_m = from_altitude(bytes.i64()?)?;
    record.speed_dkmh = from_told(bytes.i64()?)?;
    record.course_deg = from_told(bytes.i64()?)?;
    record.status = u32::try_from(bytes.u64()?).ok()?;
    record.alarm = u32::try_from(bytes.u64()?).ok()?;
    record.items.clear();
    record.items.extend_from_slice(bytes.rest());
    Some(())
}

/// A value that may be untold as one number: −1 for untold.
fn told(value: Option<u16>) -> i64 {
    value.map_or(-1, i64::from)
}

fn from_told(value: i64) -> Option<Option<u16>> {
    if value == -1 { Some(None) } else { u16::try_from(value).ok().map(Some) }
}

/// Height as one number: 32 768 for untold.
fn altitude(record: &Record) -> i64 {
    record.altitude_m.map_or(1 << 15, i64::from)
}

fn from_altitude(value: i64) -> Option<Option<i16>> {
    if value == 1 << 15 { Some(None) } else { i16::try_from(value).ok().map(Some) }
}

/// Feed and datum in one byte.
fn origin(record: &Record) -> u8 {
    let datum = match record.datum {
        Datum::Wgs84 => 0,
        Datum::Gcj02 => 1,
        Datum::Bd09 => 2,
    };
    record.feed as u8 | datum << 4
}

fn from_origin(byte: u8) -> Option<(Feed, Datum)> {
    let feed = match byte & 0x0F {
        0 => Feed::Jt808,
        1 => Feed::Jt809,
        2 => Feed::Osmand,
        3 => Feed::Owntracks,
        4 => Feed::Msgpack,
        _ => return None,
    };
    let datum = match byte >> 4 {
        0 => Datum::Wgs84,
        1 => Datum::Gcj02,
        2 => Datum::Bd09,
        _ => return None,
    };
    Some((feed, datum))
}

/// The state of a run coding: the record before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forerunner {
    record: Record,
    step_ms: i64,
}

/// Which fields follow explicitly in a run.
const CHANGED_STATUS: u8 = 1;
const CHANGED_ALARM: u8 = 2;
const CHANGED_FLAGS: u8 = 4;
const CHANGED_ITEMS: u8 = 8;
const CHANGED_TIME_REPAIR: u8 = 16;
const CHANGED_ALTITUDE: u8 = 32;
const CHANGED_DELAY: u8 = 64;

impl Forerunner {
    /// Appends `record` relative to the one before; the device is not written.
    pub(crate) fn encode(&mut self, record: &Record, out: &mut Vec<u8>) {
        let before = &self.record;
        let step_ms = record.device_time_ms.wrapping_sub(before.device_time_ms);
        let delay = record.received_ms.wrapping_sub(record.device_time_ms);
        let delay_before = before.received_ms.wrapping_sub(before.device_time_ms);
        let repair = record.time_ms.wrapping_sub(record.device_time_ms);
        let repair_before = before.time_ms.wrapping_sub(before.device_time_ms);
        let mut mask = 0;
        let mut mark = |bit, changed: bool| mask |= if changed { bit } else { 0 };
        mark(CHANGED_STATUS, record.status != before.status);
        mark(CHANGED_ALARM, record.alarm != before.alarm);
        mark(CHANGED_FLAGS, record.flags != before.flags || origin(record) != origin(before));
        mark(CHANGED_ITEMS, record.items != before.items);
        mark(CHANGED_TIME_REPAIR, repair != repair_before);
        mark(CHANGED_ALTITUDE, record.altitude_m != before.altitude_m);
        mark(CHANGED_DELAY, delay != delay_before);
        out.push(mask);
        put_i64(out, step_ms.wrapping_sub(self.step_ms));
        put_i64(out, i64::from(record.lon_e6) - i64::from(before.lon_e6));
        put_i64(out, i64::from(record.lat_e6) - i64::from(before.lat_e6));
        put_i64(out, told(record.speed_dkmh) - told(before.speed_dkmh));
        put_i64(out, told(record.course_deg) - told(before.course_deg));
        if mask & CHANGED_STATUS != 0 {
            put_u64(out, u64::from(record.status ^ before.status));
        }
        if mask & CHANGED_ALARM != 0 {
            put_u64(out, u64::from(record.alarm));
        }
        if mask & CHANGED_FLAGS != 0 {
            put_u64(out, u64::from(record.flags.0));
            out.push(origin(record));
        }
        if mask & CHANGED_ITEMS != 0 {
            put_u64(out, record.items.len() as u64);
            out.extend_from_slice(&record.items);
        }
        if mask & CHANGED_TIME_REPAIR != 0 {
            put_i64(out, repair);
        }
        if mask & CHANGED_ALTITUDE != 0 {
            put_i64(out, altitude(record));
        }
        if mask & CHANGED_DELAY != 0 {
            put_i64(out, delay.wrapping_sub(delay_before));
        }
        self.step_ms = step_ms;
        self.record.clone_from(record);
    }

    /// Reads the next record of a run; the result borrows the state and keeps its device.
    pub(crate) fn decode(&mut self, bytes: &mut Bytes<'_>) -> Option<&Record> {
        let r = &mut self.record;
        let mask = bytes.u8()?;
        let delay_before = r.received_ms.wrapping_sub(r.device_time_ms);
        let repair_before = r.time_ms.wrapping_sub(r.device_time_ms);
        self.step_ms = self.step_ms.wrapping_add(bytes.i64()?);
        r.device_time_ms = r.device_time_ms.wrapping_add(self.step_ms);
        r.lon_e6 = i32::try_from(i64::from(r.lon_e6).checked_add(bytes.i64()?)?).ok()?;
        r.lat_e6 = i32::try_from(i64::from(r.lat_e6).checked_add(bytes.i64()?)?).ok()?;
        r.speed_dkmh = from_told(told(r.speed_dkmh).checked_add(bytes.i64()?)?)?;
        r.course_deg = from_told(told(r.course_deg).checked_add(bytes.i64()?)?)?;
        if mask & CHANGED_STATUS != 0 {
            r.status ^= u32::try_from(bytes.u64()?).ok()?;
        }
        if mask & CHANGED_ALARM != 0 {
            r.alarm = u32::try_from(bytes.u64()?).ok()?;
        }
        if mask & CHANGED_FLAGS != 0 {
            r.flags = Flags(u16::try_from(bytes.u64()?).ok()?);
            (r.feed, r.datum) = from_origin(bytes.u8()?)?;
        }
        if mask & CHANGED_ITEMS != 0 {
            let length = usize::try_from(bytes.u64()?).ok()?;
            let items = bytes.take(length)?;
            r.items.clear();
            r.items.extend_from_slice(items);
        }
        let repair = if mask & CHANGED_TIME_REPAIR != 0 { bytes.i64()? } else { repair_before };
        if mask & CHANGED_ALTITUDE != 0 {
            r.altitude_m = from_altitude(bytes.i64()?)?;
        }
        let delay =
            if mask & CHANGED_DELAY != 0 { delay_before.wrapping_add(bytes.i64()?) } else { delay_before };
        r.time_ms = r.device_time_ms.wrapping_add(repair);
        r.received_ms = r.device_time_ms.wrapping_add(delay);
        Some(&self.record)
    }

    /// The state at the start of a device's run.
    pub(crate) fn of(device: DeviceId) -> Self {
        Self { record: Record { device, ..Record::default() }, step_ms: 0 }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any record that a terminal could cause, awkward values included.
    pub(crate) fn any_record() -> impl Strategy<Value = Record> {
        let time = -(1i64 << 46)..(1i64 << 46);
        (
            (0u32..50, time.clone(), time.clone(), time),
            (any::<i32>(), any::<i32>(), any::<Option<i16>>(), any::<Option<u16>>(), any::<Option<u16>>()),
            (any::<u32>(), any::<u32>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..60), 0u8..15),
        )
            .prop_map(
                |((device, t, d, r), (lon, lat, alt, speed, course), (status, alarm, flags, items, o))| {
                    Record {
                        device: DeviceId(device),
                        time_ms: t,
                        device_time_ms: d,
                        received_ms: r,
                        lon_e6: lon,
                        lat_e6: lat,
                        altitude_m: alt,
                        speed_dkmh: speed,
                        course_deg: course,
                        status,
                        alarm,
                        flags: Flags(flags),
                        feed: from_origin(o % 5).unwrap().0,
                        datum: from_origin((o / 5) << 4).unwrap().1,
                        items,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn both_codings_are_lossless(records in prop::collection::vec(any_record(), 1..20)) {
            let mut forerunner = Forerunner::of(DeviceId(7));
            let mut run = Vec::new();
            for record in &records {
                let mut framed = Vec::new();
                encode_framed(record, &mut framed);
                let mut back = Record { items: vec![1, 2, 3], ..Record::default() };
                decode_payload(&framed[FRAME_BYTES..], &mut back).unwrap();
                prop_assert_eq!(&back, record);
                forerunner.encode(record, &mut run);
            }
            let mut reader = Forerunner::of(DeviceId(7));
            let mut bytes = Bytes::new(&run);
            for record in &records {
                let back = reader.decode(&mut bytes).unwrap();
                prop_assert_eq!(back, &Record { device: DeviceId(7), ..record.clone() });
            }
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn rubbish_never_panics(raw in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut record = Record::default();
            let _ = decode_payload(&raw, &mut record);
            let mut reader = Forerunner::default();
            let mut bytes = Bytes::new(&raw);
            while reader.decode(&mut bytes).is_some() {}
        }
    }
}
