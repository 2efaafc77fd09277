//! The body of 0x0200 straight to a record: the hot path of a session.

use super::clock::{ClockVerdict, judge_clock};
use super::registry::{SessionSettings, TerminalProfile};
use crate::bcd::BcdTime;
use crate::position::{Feed, Flags};
use crate::segments::{DeviceId, Record};
use xiangyun_model::geo::{Datum, LonLat};

/// Bytes before the items.
const FIXED: usize = 28;

/// The fields of a location report as they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// Alarm bits.
    pub alarm: u32,
    /// Status bits.
    pub status: u32,
    /// Latitude magnitude, 1e-6 degree.
    pub lat_e6: u32,
    /// Longitude magnitude, 1e-6 degree.
    pub lon_e6: u32,
    /// Height in metres, two's complement.
    pub altitude_m: i16,
    /// Speed in 0.1 km/h.
    pub speed_dkmh: u16,
    /// Course in degrees.
    pub course_deg: u16,
    /// Beijing time.
    pub time: [u8; 6],
    /// Additional items, raw.
    pub items: &'a [u8],
}

/// The body is too short for its fixed fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationFault;

impl<'a> Location<'a> {
    /// Reads the body of 0x0200.
    ///
    /// # Errors
    /// [`LocationFault`] if fewer than 28 bytes are there; whatever follows is items.
    #[inline]
    pub fn read(body: &'a [u8]) -> Result<Self, LocationFault> {
        let (fixed, items) = body.split_first_chunk::<FIXED>().ok_or(LocationFault)?;
        let long = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let short = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        Ok(Self {
            alarm: long(0),
            status: long(4),
            lat_e6: long(8),
            lon_e6: long(12),
            altitude_m: short(16) as i16,
            speed_dkmh: short(18),
            course_deg: short(20),
            time: [fixed[22], fixed[23], fixed[24], fixed[25], fixed[26], fixed[27]],
            items,
        })
    }
}

const STATUS_ACC: u32 = 1;
const STATUS_FIX: u32 = 1 << 1;
const STATUS_SOUTH: u32 = 1 << 2;
const STATUS_WEST: u32 = 1 << 3;
const STATUS_SHIFTED: u32 = 1 << 5;
const STATUS_MOVING: u32 = 1 << 22;

/// What is known beside the report itself.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) device: DeviceId,
    pub(super) received_ms: i64,
    pub(super) backfill: bool,
    pub(super) offset_ms: Option<i64>,
    pub(super) profile: &'a TerminalProfile,
    pub(super) settings: &'a SessionSettings,
    /// Sequence of the message: tells reports without readable time apart.
    pub(super) sequence: u16,
}

/// Fills `record` from a location; reuses its buffers.
pub(super) fn fill(record: &mut Record, location: &Location<'_>, context: &Context<'_>) {
    let device_ms = BcdTime(location.time).utc_ms();
    let judged = judge_clock(device_ms, context.received_ms, context.backfill, context.offset_ms);
    let status = location.status;
    let mut flags = Flags::ACC_KNOWN
        .set(Flags::ACC, status & STATUS_ACC != 0)
        .set(Flags::FIX, status & STATUS_FIX != 0)
        .set(Flags::MOVING, status & STATUS_MOVING != 0)
        .set(Flags::SHIFTED, status & STATUS_SHIFTED != 0)
        .set(Flags::BACKFILL, context.backfill)
        .set(Flags::NO_DEVICE_TIME, device_ms.is_none());
    match judged.verdict {
        ClockVerdict::Good => {}
        ClockVerdict::Repaired => flags = flags.with(Flags::TIME_REPAIRED),
        ClockVerdict::Quarantined => flags = flags.with(Flags::QUARANTINED),
    }
    record.device = context.device;
    record.time_ms = judged.time_ms;
    // A report without readable time is known by its sequence: the same frame sent again has the same.
    record.device_time_ms = device_ms.unwrap_or_else(|| i64::from(context.sequence));
    record.received_ms = context.received_ms;
    record.altitude_m = Some(location.altitude_m);
    record.speed_dkmh = Some(location.speed_dkmh);
    record.course_deg = Some(location.course_deg);
    record.status = status;
    record.alarm = location.alarm;
    record.feed = Feed::Jt808;
    record.datum = context.profile.datum.unwrap_or(if status & STATUS_SHIFTED != 0 {
        Datum::Gcj02
    } else {
        Datum::Wgs84
    });
    record.items.clear();
    record.items.extend_from_slice(location.items);
    record.flags = flags;
    place(record, location, context.settings);
}

/// Places the record on the globe, in WGS-84, or says that it has no place.
fn place(record: &mut Record, location: &Location<'_>, settings: &SessionSettings) {
    let (Ok(lat), Ok(lon)) = (i32::try_from(location.lat_e6), i32::try_from(location.lon_e6)) else {
        (record.lat_e6, record.lon_e6) = (0, 0);
        record.flags = record.flags.with(Flags::NO_PLACE).with(Flags::QUARANTINED);
        return;
    };
    record.lat_e6 = if location.status & STATUS_SOUTH != 0 { -lat } else { lat };
    record.lon_e6 = if location.status & STATUS_WEST != 0 { -lon } else { lon };
    if lat == 0 && lon == 0 {
        record.flags = record.flags.with(Flags::NO_PLACE);
        return;
    }
    if record.datum != Datum::Wgs84 {
        let source = LonLat { lon: f64::from(record.lon_e6) / 1e6, lat: f64::from(record.lat_e6) / 1e6 };
        let there = record.datum.to_wgs84(source);
        record.lon_e6 = (there.lon * 1e6).round() as i32;
        record.lat_e6 = (there.lat * 1e6).round() as i32;
    }
    if !settings.region.holds(record) {
        record.flags = record.flags.with(Flags::QUARANTINED);
    }
}
