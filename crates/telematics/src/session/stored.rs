//! Between the common report and what the log stores: positions of the other feeds on their way in.

use crate::position::{Feed, Flags, Item, Position, TerminalKey};
use crate::segments::limits::ITEMS_BYTES_MAX;
use crate::segments::{DeviceId, Record};
use xiangyun_model::geo::{Datum, LonLat};

/// A record of a report that came by a feed other than JT/T 808 links, placed in WGS-84. Items are kept as our own
/// MessagePack; those beyond the bound of a record are dropped from the end.
#[must_use]
pub fn record_of(position: &Position, device: DeviceId) -> Record {
    let mut flags = position.flags;
    let source = LonLat { lon: f64::from(position.lon_e6) / 1e6, lat: f64::from(position.lat_e6) / 1e6 };
    let place = match position.wgs84() {
        Ok(place) => place,
        Err(_) => {
            flags = flags.with(Flags::QUARANTINED).with(Flags::NO_PLACE);
            source
        }
    };
    let (lon_e6, lat_e6) = if position.datum == Datum::Wgs84 || flags.has(Flags::NO_PLACE) {
        (position.lon_e6, position.lat_e6)
    } else {
        ((place.lon * 1e6).round() as i32, (place.lat * 1e6).round() as i32)
    };
    Record {
        device,
        time_ms: position.time_ms,
        device_time_ms: position.time_ms,
        received_ms: position.received_ms,
        lon_e6,
        lat_e6,
        altitude_m: position.alt_m,
        speed_dkmh: position.speed_dkmh,
        course_deg: position.course_deg,
        status: position.status,
        alarm: position.alarm,
        flags,
        feed: position.feed,
        datum: position.datum,
        items: pack(&position.items),
    }
}

/// Items as bytes; none is no bytes.
fn pack(items: &[Item]) -> Vec<u8> {
    let mut count = items.len();
    while count > 0 {
        match rmp_serde::to_vec(&items[..count]) {
            Ok(bytes) if bytes.len() <= ITEMS_BYTES_MAX => return bytes,
            _ => count -= 1,
        }
    }
    Vec::new()
}

/// The items of a record as values: of JT/T 808 read from its bytes, of other feeds as they were packed. What cannot
/// be read is left out.
#[must_use]
pub fn items_of(record: &Record) -> Vec<Item> {
    match record.feed {
        Feed::Jt808 => jt808_items(&record.items),
        _ => rmp_serde::from_slice(&record.items).unwrap_or_default(),
    }
}

/// The common report of a stored record, in WGS-84.
#[must_use]
pub fn position_of(record: &Record, key: TerminalKey) -> Position {
    Position {
        terminal: key,
        time_ms: record.time_ms,
        received_ms: record.received_ms,
        lat_e6: record.lat_e6,
        lon_e6: record.lon_e6,
        speed_dkmh: record.speed_dkmh,
        course_deg: record.course_deg,
        alt_m: record.altitude_m,
        status: record.status,
        alarm: record.alarm,
        datum: Datum::Wgs84,
        feed: record.feed,
        flags: record.flags,
        items: items_of(record),
    }
}

/// The additional items of 0x0200 that tracks and cold-chain logs need; others stay raw. An item that runs past the
/// end stops the reading and costs itself only.
fn jt808_items(bytes: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = bytes;
    while let [id, length, after @ ..] = rest {
        let Some((value, next)) = after.split_at_checked(usize::from(*length)) else { break };
        let sign_magnitude = |raw: u16| if raw & 0x8000 == 0 { raw as i16 } else { -((raw & 0x7FFF) as i16) };
        match (id, value) {
            (0x01, [a, b, c, d]) => {
                items.push(Item::MileageM(u64::from(u32::from_be_bytes([*a, *b, *c, *d])) * 100));
            }
            (0x02, [a, b]) => items.push(Item::FuelDl(u16::from_be_bytes([*a, *b]))),
            (0x06, [a, b]) => {
                let whole = sign_magnitude(u16::from_be_bytes([*a, *b]));
                items.push(Item::TemperatureDc { probe: 0, deci_c: whole.saturating_mul(10) });
            }
            (0x31, [n]) => items.push(Item::Satellites(*n)),
            (0x51, probes) if probes.len() == 2 || probes.len() == 16 => {
                for (index, raw) in probes.chunks_exact(2).enumerate() {
                    let raw = u16::from_be_bytes([raw[0], raw[1]]);
                    if raw != 0xFFFF {
                        items.push(Item::TemperatureDc {
                            probe: index as u8 + 1,
                            deci_c: sign_magnitude(raw),
                        });
                    }
                }
            }
            _ => items.push(Item::Raw { id: *id, value: value.to_vec() }),
        }
        rest = next;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_feeds_keep_their_items_and_place() {
        let position = Position {
            terminal: TerminalKey::new("phone1"),
            time_ms: 5,
            received_ms: 6,
            lat_e6: 33_868_664,
            lon_e6: 113_056_336,
            speed_dkmh: None,
            course_deg: Some(90),
            alt_m: None,
            status: 0,
            alarm: 0,
            datum: Datum::Gcj02,
            feed: Feed::Osmand,
            flags: Flags::FIX,
            items: vec![Item::BatteryPct(80), Item::AccuracyDm(120)],
        };
        let record = record_of(&position, DeviceId(3));
        assert!((record.lon_e6 - 113_050_000).abs() <= 1 && (record.lat_e6 - 33_870_000).abs() <= 1);
        assert_eq!(items_of(&record), position.items);
        assert_eq!(position_of(&record, position.terminal.clone()).speed_dkmh, None);
    }

    #[test]
    fn probes_of_a_terminal_are_read() {
        let record = Record { items: vec![0x51, 2, 0x80, 0xB4, 0x31, 1, 9, 0x01, 4, 0], ..Record::default() };
        assert_eq!(
            items_of(&record),
            [Item::TemperatureDc { probe: 1, deci_c: -180 }, Item::Satellites(9)],
            "the item that runs past the end costs itself"
        );
    }
}
