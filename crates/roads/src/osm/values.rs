//! Values of OSM tags with their units. Absurd text gives `None` and is reported by the caller; nothing panics.

use crate::limits::TAG_VALUE_BYTES_MAX;

/// A speed in tenths of km/h, or no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Speed {
    Limit(u16),
    Free,
}

/// A leading number and the rest of the text, trimmed.
fn number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    if text.len() > TAG_VALUE_BYTES_MAX {
        return None;
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let value: f64 = text[..end].replace(',', ".").parse().ok()?;
    (value.is_finite() && value >= 0.0).then(|| (value, text[end..].trim()))
}

/// `maxspeed`: km/h without unit, `mph`, `knots`, `walk`, `none`, zones such as `CN:urban`, several values by `;` or
/// `|` (the least counts). Zones by the Chinese regulation (Implementation Regulation of the Road Traffic Safety
/// Law, art. 45 and 78): in town 50 with one lane a direction, on highways 70, expressway 120.
pub(crate) fn parse_speed(text: &str) -> Option<Speed> {
    if text.len() > TAG_VALUE_BYTES_MAX {
        return None;
    }
    let mut least: Option<Speed> = None;
    for part in text.split([';', '|']).map(str::trim).filter(|p| !p.is_empty()) {
        let speed = one_speed(part)?;
        least = Some(match (least, speed) {
            (None | Some(Speed::Free), s) => s,
            (Some(s), Speed::Free) => s,
            (Some(Speed::Limit(a)), Speed::Limit(b)) => Speed::Limit(a.min(b)),
        });
    }
    least
}

fn one_speed(text: &str) -> Option<Speed> {
    let tenths = |kmh: f64| {
        // At most 400 km/h is believed of any road; below 1 km/h nobody could drive.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in 10..=4000 by the test
        (1.0..=400.0).contains(&kmh).then(|| Speed::Limit((kmh * 10.0).round() as u16))
    };
    match text {
        "none" | "unlimited" => return Some(Speed::Free),
        "walk" | "walking" => return tenths(7.0),
        "signals" | "variable" | "implicit" | "default" => return Some(Speed::Free),
        _ => {}
    }
    if let Some((_, zone)) = text.split_once(':') {
        let zone = zone.trim_start_matches("zone").trim_start_matches(':');
        return match zone {
            "urban" => tenths(50.0),
            "rural" => tenths(70.0),
            "trunk" => tenths(80.0),
            "motorway" | "expressway" => tenths(120.0),
            "living_street" | "walk" => tenths(10.0),
            "school" => tenths(30.0),
            digits => number(digits).and_then(|(n, _)| tenths(n)),
        };
    }
    let (n, unit) = number(text)?;
    match unit {
        "" | "km/h" | "kmh" | "kph" | "KM/H" => tenths(n),
        "mph" => tenths(n * 1.609_344),
        "knots" => tenths(n * 1.852),
        _ => None,
    }
}

/// A limit value: a number in the wanted unit, or "no limit of its own".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    At(u32),
    Unlimited,
}

/// Words that say that no limit below the law's is posted.
fn unlimited(text: &str) -> bool {
    matches!(
        text,
        "default" | "none" | "no" | "unsigned" | "no_sign" | "no_indications" | "below_default" | "unlimited"
    )
}

/// A length in centimetres: metres without unit, `cm`, `ft`, `12'6"`.
pub(crate) fn parse_length_cm(text: &str) -> Option<Limit> {
    let text = text.trim();
    if unlimited(text) {
        return Some(Limit::Unlimited);
    }
    let mut least: Option<f64> = None;
    for part in text.split(';') {
        let (n, unit) = number(part)?;
        let cm = match unit {
            "" | "m" | "metre" | "metres" | "meter" | "米" => n * 100.0,
            "cm" => n,
            "ft" | "'" => n * 30.48,
            "in" | "\"" => n * 2.54,
            inches => {
                let inches = inches.strip_prefix('\'')?.trim().strip_suffix('"')?;
                n * 30.48 + number(inches)?.0 * 2.54
            }
        };
        least = Some(least.map_or(cm, |l| l.min(cm)));
    }
    let cm = least?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in 10..=100_000 by the test
    (10.0..=100_000.0).contains(&cm).then(|| Limit::At(cm.round() as u32))
}

/// A mass in kilograms: tonnes without unit, `t`, `kg`, `st` (short tons), `lbs`, `lt` (long tons).
pub(crate) fn parse_mass_kg(text: &str) -> Option<Limit> {
    let text = text.trim();
    if unlimited(text) {
        return Some(Limit::Unlimited);
    }
    let mut least: Option<f64> = None;
    for part in text.split(';') {
        let (n, unit) = number(part)?;
        let kg = match unit {
            "" | "t" | "T" | "吨" | "ton" | "tons" => n * 1000.0,
            "kg" | "KG" => n,
            "st" => n * 907.184_74,
            "lt" => n * 1_016.046_9,
            "lb" | "lbs" => n * 0.453_592_37,
            _ => return None,
        };
        least = Some(least.map_or(kg, |l| l.min(kg)));
    }
    let kg = least?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in 50..=1_000_000 by the test
    (50.0..=1_000_000.0).contains(&kg).then(|| Limit::At(kg.round() as u32))
}

/// A duration in seconds: `HH:MM`, `HH:MM:SS`, minutes without unit, ISO `PT1H30M`.
pub(crate) fn parse_duration_s(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.len() > TAG_VALUE_BYTES_MAX {
        return None;
    }
    let seconds = if let Some(iso) = text.strip_prefix("PT") {
        let (mut total, mut rest) = (0.0, iso);
        while !rest.is_empty() {
            let (n, unit) = number(rest)?;
            let factor = match unit.chars().next()? {
                'H' => 3600.0,
                'M' => 60.0,
                'S' => 1.0,
                _ => return None,
            };
            total += n * factor;
            rest = &unit[1..];
        }
        total
    } else if text.contains(':') {
        let parts: Vec<u32> = text.split(':').map(|p| p.trim().parse().ok()).collect::<Option<_>>()?;
        match parts[..] {
            [h, m] => f64::from(h) * 3600.0 + f64::from(m) * 60.0,
            [h, m, s] => f64::from(h) * 3600.0 + f64::from(m) * 60.0 + f64::from(s),
            _ => return None,
        }
    } else {
        number(text).filter(|(_, unit)| matches!(*unit, "" | "min" | "minutes"))?.0 * 60.0
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in 1..=172_800 by the test
    (1.0..=172_800.0).contains(&seconds).then(|| seconds.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn speeds() {
        let cases = [
            ("50", Some(Speed::Limit(500))),
            ("30 mph", Some(Speed::Limit(483))),
            ("30mph", Some(Speed::Limit(483))),
            ("CN:urban", Some(Speed::Limit(500))),
            ("CN:rural", Some(Speed::Limit(700))),
            ("DE:zone:30", Some(Speed::Limit(300))),
            ("CH:zone30", Some(Speed::Limit(300))),
            ("walk", Some(Speed::Limit(70))),
            ("none", Some(Speed::Free)),
            ("40;60", Some(Speed::Limit(400))),
            ("60|40|none", Some(Speed::Limit(400))),
            ("", None),
            ("fast", None),
            ("-5", None),
            ("0", None),
            ("1e9", None),
            ("99999999999999999999999999", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_speed(text), want, "{text}");
        }
    }

    #[test]
    fn lengths_and_masses() {
        assert_eq!(parse_length_cm("3.5"), Some(Limit::At(350)));
        assert_eq!(parse_length_cm("3,5 m"), Some(Limit::At(350)));
        assert_eq!(parse_length_cm("12'6\""), Some(Limit::At(381)));
        assert_eq!(parse_length_cm("default"), Some(Limit::Unlimited));
        assert_eq!(parse_length_cm("NaN"), None);
        assert_eq!(parse_mass_kg("7.5"), Some(Limit::At(7_500)));
        assert_eq!(parse_mass_kg("3500 kg"), Some(Limit::At(3_500)));
        assert_eq!(parse_mass_kg("8 st"), Some(Limit::At(7_257)));
        assert_eq!(parse_mass_kg("10;8"), Some(Limit::At(8_000)));
        assert_eq!(parse_mass_kg("heavy"), None);
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration_s("00:20"), Some(1_200));
        assert_eq!(parse_duration_s("1:02:03"), Some(3_723));
        assert_eq!(parse_duration_s("15"), Some(900));
        assert_eq!(parse_duration_s("PT1H30M"), Some(5_400));
        assert_eq!(parse_duration_s("PT"), None);
        assert_eq!(parse_duration_s("soon"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}", odd in "[0-9.,;|:'\"a-zPTHMS @()>=-]{0,30}") {
            for t in [text.as_str(), odd.as_str()] {
                let _ = (parse_speed(t), parse_length_cm(t), parse_mass_kg(t), parse_duration_s(t));
            }
        }
    }
}
