//! Additional items of vendors: temperatures, humidity, fuel, batteries.
//!
//! The same id means different things to different makers, so nothing is assumed: each reading is switched on by
//! terminal model, and what is not switched on stays raw.

use super::location::{RawItem, sign_magnitude};
use crate::position::Item;

/// Which vendor readings to apply, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialect(u16);

/// One vendor reading: its name in settings, its bit.
const READINGS: [(&str, Dialect); 12] = [
    ("probes_51", Dialect::PROBES_51),
    ("ble_e6", Dialect::BLE_E6),
    ("temperature_f8", Dialect::TEMPERATURE_F8),
    ("humidity_f7", Dialect::HUMIDITY_F7),
    ("aovx_f6", Dialect::AOVX_F6),
    ("extended_ea", Dialect::EXTENDED_EA),
    ("fuel_percent", Dialect::FUEL_PERCENT),
    ("volts_61", Dialect::VOLTS_61),
    ("volts_69", Dialect::VOLTS_69),
    ("battery_e4", Dialect::BATTERY_E4),
    ("battery_d4", Dialect::BATTERY_D4),
    ("millivolts_e1", Dialect::MILLIVOLTS_E1),
];

impl Dialect {
    /// Standard items only.
    pub const STANDARD: Self = Self(0);
    /// 0x51: one or eight cold-chain probes, tenths of a degree, bit 15 the sign, 0xFFFF absent.
    pub const PROBES_51: Self = Self(1);
    /// 0xE6: Bluetooth sensors of 11 bytes each: number, MAC, temperature and humidity as whole and 255ths.
    pub const BLE_E6: Self = Self(1 << 1);
    /// 0xF8: temperature, tenths of a degree above −50.
    pub const TEMPERATURE_F8: Self = Self(1 << 2);
    /// 0xF7: humidity, thousandths.
    pub const HUMIDITY_F7: Self = Self(1 << 3);
    /// 0xF6: mask and readings; bit 1 temperature, bit 2 humidity, tenths.
    pub const AOVX_F6: Self = Self(1 << 4);
    /// 0xEA: list of id, length, value; 0x15 humidity, 0x16 temperature above −50, tenths.
    pub const EXTENDED_EA: Self = Self(1 << 5);
    /// 0x02 with bit 15 set is percent, not litres.
    pub const FUEL_PERCENT: Self = Self(1 << 6);
    /// 0x61: supply voltage, hundredths of a volt.
    pub const VOLTS_61: Self = Self(1 << 7);
    /// 0x69: battery voltage, hundredths of a volt.
    pub const VOLTS_69: Self = Self(1 << 8);
    /// 0xE4: battery, status and percent.
    pub const BATTERY_E4: Self = Self(1 << 9);
    /// 0xD4: battery percent.
    pub const BATTERY_D4: Self = Self(1 << 10);
    /// 0xE1 of two bytes: supply voltage, tenths of a volt.
    pub const MILLIVOLTS_E1: Self = Self(1 << 11);

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are switched on.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// A set from its names separated by commas, such as `probes_51,fuel_percent`; the name not known, if there is one.
    ///
    /// # Errors
    /// The first name that is not one of [`Dialect::names`].
    pub fn parse(names: &str) -> Result<Self, String> {
        let mut set = Self::STANDARD;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match READINGS.iter().find(|(known, _)| *known == name) {
                Some((_, reading)) => set = set.with(*reading),
                None => return Err(name.to_owned()),
            }
        }
        Ok(set)
    }

    /// The names that [`Dialect::parse`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        READINGS.iter().map(|(name, _)| *name)
    }

    /// Reads one item into common items; false when this dialect has no reading for it, or its bytes do not fit.
    pub(crate) fn read(self, item: &RawItem<'_>, out: &mut Vec<Item>) -> bool {
        let before = out.len();
        match (item.id, item.value) {
            (0x51, value) if self.has(Self::PROBES_51) && matches!(value.len(), 2 | 16) => probes(value, out),
            (0xE6, value) if self.has(Self::BLE_E6) && !value.is_empty() && value.len() % 11 == 0 => {
                value.chunks_exact(11).for_each(|sensor| ble_sensor(sensor, out));
            }
            (0xF8, [a, b]) if self.has(Self::TEMPERATURE_F8) => {
                out.push(Item::TemperatureDc { probe: 1, deci_c: above_minus_50(*a, *b) });
            }
            (0xF7, [a, b]) if self.has(Self::HUMIDITY_F7) => {
                out.push(Item::HumidityPm { probe: 1, permille: u16::from_be_bytes([*a, *b]) });
            }
            (0xF6, [_, mask, rest @ ..]) if self.has(Self::AOVX_F6) => aovx(*mask, rest, out),
            (0xEA, [_, list @ ..]) if self.has(Self::EXTENDED_EA) => extended(list, out),
            (0x02, [a, b]) if self.has(Self::FUEL_PERCENT) && a & 0x80 != 0 => {
                let percent = u16::from_be_bytes([a & 0x7F, *b]);
                out.push(Item::FuelPct(percent.min(255) as u8));
            }
            (0x61, [a, b]) if self.has(Self::VOLTS_61) => out.push(volts(*a, *b, 10)),
            (0x69, [a, b]) if self.has(Self::VOLTS_69) => out.push(volts(*a, *b, 10)),
            (0xE1, [a, b]) if self.has(Self::MILLIVOLTS_E1) => out.push(volts(*a, *b, 100)),
            (0xE4, [_, percent]) if self.has(Self::BATTERY_E4) => out.push(Item::BatteryPct(*percent)),
            (0xD4, [percent]) if self.has(Self::BATTERY_D4) => out.push(Item::BatteryPct(*percent)),
            _ => {}
        }
        out.len() > before
    }
}

fn volts(a: u8, b: u8, millivolts: u32) -> Item {
    Item::VoltageMv(u32::from(u16::from_be_bytes([a, b])) * millivolts)
}

fn above_minus_50(a: u8, b: u8) -> i16 {
    (i32::from(u16::from_be_bytes([a, b])) - 500).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

fn probes(value: &[u8], out: &mut Vec<Item>) {
    for (index, pair) in value.chunks_exact(2).enumerate() {
        let raw = u16::from_be_bytes([pair[0], pair[1]]);
        if raw != 0xFFFF {
            out.push(Item::TemperatureDc { probe: index as u8 + 1, deci_c: sign_magnitude(raw) });
        }
    }
}

fn ble_sensor(sensor: &[u8], out: &mut Vec<Item>) {
    let probe = sensor[0];
    let tenths = |fraction: u8| i16::from(fraction) * 10 / 255;
    out.push(Item::TemperatureDc { probe, deci_c: i16::from(sensor[7] as i8) * 10 + tenths(sensor[8]) });
    let permille = u16::from(sensor[9]) * 10 + tenths(sensor[10]).unsigned_abs();
    out.push(Item::HumidityPm { probe, permille });
}

fn aovx(mask: u8, rest: &[u8], out: &mut Vec<Item>) {
    let light = if mask & 1 == 0 { 0 } else { 2 };
    let mut words = rest.get(light..).unwrap_or_default().chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    if mask & 2 != 0
        && let Some(word) = words.next()
    {
        out.push(Item::TemperatureDc { probe: 1, deci_c: i16::from_be_bytes(word) });
    }
    if mask & 4 != 0
        && let Some(word) = words.next()
    {
        out.push(Item::HumidityPm { probe: 1, permille: u16::from_be_bytes(word) });
    }
}

fn extended(mut list: &[u8], out: &mut Vec<Item>) {
    while let [id, length, rest @ ..] = list {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { return };
        list = rest;
        match (id, value) {
            (0x15, [a, b]) => out.push(Item::HumidityPm { probe: 1, permille: u16::from_be_bytes([*a, *b]) }),
            (0x16, [a, b]) => out.push(Item::TemperatureDc { probe: 1, deci_c: above_minus_50(*a, *b) }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: &str, id: u8, hex: &str) -> Vec<Item> {
        let value = crate::wire::from_hex(hex).unwrap();
        let mut out = Vec::new();
        let item = RawItem { id, value: &value };
        let read = Dialect::parse(dialect).unwrap().read(&item, &mut out);
        assert_eq!(read, !out.is_empty());
        assert!(!Dialect::STANDARD.read(&item, &mut Vec::new()));
        out
    }

    #[test]
    fn cold_chain_probes() {
        assert_eq!(read("probes_51", 0x51, "80b6"), [Item::TemperatureDc { probe: 1, deci_c: -182 }]);
        let eight = read("probes_51", 0x51, "0100ffff010401030104010301040104");
        assert_eq!(eight.len(), 7);
        assert_eq!(eight[1], Item::TemperatureDc { probe: 3, deci_c: 260 });
    }

    #[test]
    fn other_vendors() {
        let ble = read("ble_e6", 0xE6, "03bc572900ce2eef183200");
        assert_eq!(ble[1], Item::HumidityPm { probe: 3, permille: 500 });
        assert_eq!(ble[0], Item::TemperatureDc { probe: 3, deci_c: -170 });
        assert_eq!(
            read("aovx_f6", 0xF6, "001e00d3026b0000ffd0")[0],
            Item::TemperatureDc { probe: 1, deci_c: 211 }
        );
        assert_eq!(read("fuel_percent", 0x02, "8032"), [Item::FuelPct(50)]);
        assert_eq!(read("volts_61", 0x61, "055f"), [Item::VoltageMv(13_750)]);
        assert_eq!(
            read("extended_ea", 0xEA, "001602012c")[0],
            Item::TemperatureDc { probe: 1, deci_c: -200 }
        );
        assert!(read("probes_51", 0x51, "0000000000000000").is_empty());
        assert_eq!(Dialect::parse("probes_51,nonsense"), Err("nonsense".to_owned()));
    }
}
