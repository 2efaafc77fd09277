//! Cells as people write them: full-width digits, units behind numbers, dates in ten forms. A reading either has one
//! meaning or none; where two are possible nothing is guessed.

use jiff::civil::Date;

/// Full-width forms to their half-width ones, white space to single spaces, zero-width characters out.
#[must_use]
pub fn halfwidth(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{3000}' | '\u{a0}' | '\t' | '\n' | '\r' => out.push(' '),
            '\u{ff01}'..='\u{ff5e}' => {
                out.push(char::from_u32(c as u32 - 0xfee0).unwrap_or(c));
            }
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{202a}'..='\u{202e}' => {}
            _ => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// Text that a spreadsheet wrapped to keep it text: `="0123"` and a leading apostrophe.
#[must_use]
pub fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix("=\"").and_then(|t| t.strip_suffix('"'));
    let inner = inner.or_else(|| text.strip_prefix('\'')).unwrap_or(text);
    inner.trim()
}

/// What a number is counted in, as thousandths of the base unit's multiple: grams, cm³ or pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pieces.
    Pieces,
    /// Mass, in grams a unit.
    Grams(i64),
    /// Volume, in cm³ a unit.
    Cm3(i64),
    /// Money, in fen a unit.
    Fen(i64),
}

/// Units that stand behind numbers and in headers.
const UNITS: [(&str, Unit); 27] = [
    ("公斤", Unit::Grams(1000)),
    ("千克", Unit::Grams(1000)),
    ("kg", Unit::Grams(1000)),
    ("市斤", Unit::Grams(500)),
    ("斤", Unit::Grams(500)),
    ("吨", Unit::Grams(1_000_000)),
    ("克", Unit::Grams(1)),
    ("g", Unit::Grams(1)),
    ("立方米", Unit::Cm3(1_000_000)),
    ("m3", Unit::Cm3(1_000_000)),
    ("m³", Unit::Cm3(1_000_000)),
    ("方", Unit::Cm3(1_000_000)),
    ("立方厘米", Unit::Cm3(1)),
    ("cm3", Unit::Cm3(1)),
    ("cm³", Unit::Cm3(1)),
    ("升", Unit::Cm3(1000)),
    ("l", Unit::Cm3(1000)),
    ("毫升", Unit::Cm3(1)),
    ("ml", Unit::Cm3(1)),
    ("件", Unit::Pieces),
    ("个", Unit::Pieces),
    ("箱", Unit::Pieces),
    ("袋", Unit::Pieces),
    ("票", Unit::Pieces),
    ("元", Unit::Fen(100)),
    ("分", Unit::Fen(1)),
    ("角", Unit::Fen(10)),
];

/// The unit that a word names.
#[must_use]
pub fn unit_named(word: &str) -> Option<Unit> {
    let word = word.trim().to_lowercase();
    UNITS.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit)
}

/// A number with or without a unit, as thousandths and the unit written.
fn thousandths(text: &str) -> Option<(i64, Option<Unit>)> {
    let text = halfwidth(unwrapped(text));
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | ',' | '-' | '+')).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let unit = match rest.trim() {
        "" => None,
        word => Some(unit_named(word)?),
    };
    let negative = number.starts_with('-');
    let number = number.trim_start_matches(['-', '+']);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    // Commas group by thousands or are not ours to explain.
    if whole.contains(',') {
        let mut groups = whole.split(',');
        if groups.next().is_none_or(|g| g.is_empty() || g.len() > 3) || groups.any(|g| g.len() != 3) {
            return None;
        }
    }
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !digits(&whole) || !digits(part) || whole.len() > 15 {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut three: String = part.chars().take(3).collect();
    while three.len() < 3 {
        three.push('0');
    }
    let up = part.as_bytes().get(3).is_some_and(|&b| b >= b'5');
    let value = whole.checked_mul(1000)?.checked_add(three.parse::<i64>().ok()? + i64::from(up))?;
    Some((if negative { -value } else { value }, unit))
}

/// A quantity in its base unit (grams, cm³, pieces, fen), rounded to nearest; `usual` is the column's unit. `None` when it is no
/// number or is in a unit of another kind.
#[must_use]
pub fn quantity(text: &str, usual: Unit) -> Option<i64> {
    let (value, written) = thousandths(text)?;
    let factor = match (written, usual) {
        (Some(Unit::Grams(f)), Unit::Grams(_))
        | (Some(Unit::Cm3(f)), Unit::Cm3(_))
        | (Some(Unit::Fen(f)), Unit::Fen(_))
        | (None, Unit::Grams(f) | Unit::Cm3(f) | Unit::Fen(f)) => f,
        (Some(Unit::Pieces) | None, Unit::Pieces) => 1,
        _ => return None,
    };
    let scaled = i128::from(value) * i128::from(factor);
    if usual == Unit::Pieces && value % 1000 != 0 {
        return None;
    }
    i64::try_from((scaled + if scaled < 0 { -500 } else { 500 }) / 1000).ok()
}

/// Whether a text is a number that lost its last digits to scientific notation.
#[must_use]
pub fn is_scientific(text: &str) -> bool {
    let text = halfwidth(text);
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    mantissa.contains('.')
        && !exponent.is_empty()
        && exponent.bytes().all(|b| b.is_ascii_digit())
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Why a text is no date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadWhen {
    /// No date or time at all.
    Unreadable,
    /// Day and month could be either.
    TwoReadings,
    /// A day that the calendar does not have, an hour beyond 24.
    Impossible,
}

/// An instant `YYYY-MM-DDTHH:MM[:SS]`; a date alone gets `clock` as its time, a time alone the plan date.
///
/// # Errors
/// [`BadWhen`].
pub fn instant(text: &str, plan: Date, clock: &str) -> Result<String, BadWhen> {
    let text = halfwidth(unwrapped(text));
    let (date_text, time_text) = split_when(&text);
    let date = if date_text.is_empty() { plan } else { date(date_text, plan)? };
    let time = if time_text.is_empty() { clock.to_owned() } else { time(time_text)? };
    Ok(format!("{date}T{time}"))
}

/// Where the date ends and the time begins.
fn split_when(text: &str) -> (&str, &str) {
    if let Some(at) = text.find(['T', ' ']) {
        return (text[..at].trim(), text[at + 1..].trim());
    }
    if let Some(at) = text.find('日') {
        let end = at + '日'.len_utf8();
        return (&text[..end], text[end..].trim());
    }
    if text.contains(':') || text.contains('时') || text.contains('点') { ("", text) } else { (text, "") }
}

/// A time of day.
fn time(text: &str) -> Result<String, BadWhen> {
    let mut text = text.trim().trim_end_matches(['Z', 'z']).to_owned();
    let mut add = 0;
    for (word, hours) in
        [("下午", 12), ("晚上", 12), ("上午", 0), ("早上", 0), ("凌晨", 0), ("PM", 12), ("AM", 0)]
    {
        if let Some(at) = text.to_uppercase().find(word).filter(|&at| text.is_char_boundary(at)) {
            text = format!("{}{}", &text[..at], text.get(at + word.len()..).unwrap_or(""));
            add = hours;
        }
    }
    if let Some(at) = text.find('+').filter(|&at| at >= 4) {
        text.truncate(at);
    }
    let text = text.replace(['时', '点'], ":").replace(['分', '秒'], "");
    let text = text.trim().trim_end_matches(':');
    let mut parts = text.split(':').map(str::trim);
    let number = |part: Option<&str>| -> Result<Option<u32>, BadWhen> {
        match part {
            None => Ok(None),
            Some("半") => Ok(Some(30)),
            Some(p) => {
                let whole = p.split('.').next().unwrap_or(p);
                if whole.is_empty() || whole.len() > 2 {
                    return Err(BadWhen::Unreadable);
                }
                whole.parse().map(Some).map_err(|_| BadWhen::Unreadable)
            }
        }
    };
    let hour = number(parts.next())?.ok_or(BadWhen::Unreadable)?;
    let minute = number(parts.next())?.unwrap_or(0);
    let second = number(parts.next())?.unwrap_or(0);
    if parts.next().is_some() {
        return Err(BadWhen::Unreadable);
    }
    let hour = if add == 12 && hour < 12 { hour + 12 } else { hour };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(BadWhen::Impossible);
    }
    Ok(if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    })
}

/// A date: year first in any dress, the day first or the month first where only one reading is possible, without a
/// year (that of the plan), eight digits, or the serial number of a spreadsheet.
///
/// # Errors
/// [`BadWhen`].
pub fn date(text: &str, plan: Date) -> Result<Date, BadWhen> {
    let text = halfwidth(unwrapped(text));
    let numbers: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|p| !p.is_empty()).collect();
    let other = text
        .chars()
        .any(|c| !c.is_ascii_digit() && !matches!(c, '-' | '/' | '.' | '年' | '月' | '日' | '号' | ' '));
    if other || numbers.is_empty() {
        return Err(BadWhen::Unreadable);
    }
    let value = |at: usize| numbers[at].parse::<i32>().map_err(|_| BadWhen::Unreadable);
    let make = |year: i32, month: i32, day: i32| {
        let small = |n: i32| i8::try_from(n).map_err(|_| BadWhen::Impossible);
        let year = i16::try_from(year).map_err(|_| BadWhen::Impossible)?;
        Date::new(year, small(month)?, small(day)?).map_err(|_| BadWhen::Impossible)
    };
    match numbers.len() {
        1 if numbers[0].len() == 8 => {
            let n = value(0)?;
            make(n / 10_000, n / 100 % 100, n % 100)
        }
        // Days since 1899-12-30, as spreadsheets count; 2010 to 2063.
        1 if numbers[0].len() == 5 && (40_179..=59_899).contains(&value(0)?) => {
            let origin = Date::new(1899, 12, 30).map_err(|_| BadWhen::Impossible)?;
            origin.checked_add(jiff::Span::new().days(value(0)?)).map_err(|_| BadWhen::Impossible)
        }
        2 if text.contains('月') => make(i32::from(plan.year()), value(0)?, value(1)?),
        3 if numbers[0].len() == 4 => make(value(0)?, value(1)?, value(2)?),
        3 if text.contains('年') && numbers[0].len() == 2 => make(2000 + value(0)?, value(1)?, value(2)?),
        3 if numbers[2].len() == 4 => {
            let (a, b, year) = (value(0)?, value(1)?, value(2)?);
            match (a > 12, b > 12) {
                (true, false) => make(year, b, a),
                (false, true) => make(year, a, b),
                (false, false) if a == b => make(year, a, b),
                (false, false) => Err(BadWhen::TwoReadings),
                (true, true) => Err(BadWhen::Impossible),
            }
        }
        3 => Err(BadWhen::TwoReadings),
        _ => Err(BadWhen::Unreadable),
    }
}

/// A phone number's digits with stars where it is masked, or `None` when it is none.
#[must_use]
pub fn phone(text: &str) -> Option<String> {
    let text = halfwidth(unwrapped(text));
    let kept: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let kept = kept.strip_prefix("+86").unwrap_or(&kept).replace(['＊', 'x', 'X', '×'], "*");
    let ok = (7..=12).contains(&kept.chars().count()) && kept.chars().all(|c| c.is_ascii_digit() || c == '*');
    (ok && kept.chars().filter(char::is_ascii_digit).count() >= 4).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Date = jiff::civil::date(2026, 11, 24);

    #[test]
    fn numbers_with_units_of_their_own() {
        let kg = Unit::Grams(1000);
        for (text, grams) in [
            ("1.2", 1200),
            ("１．２", 1200),
            ("1.2kg", 1200),
            ("800克", 800),
            ("3斤", 1500),
            ("1,250", 1_250_000),
            (".5", 500),
        ] {
            assert_eq!(quantity(text, kg), Some(grams), "{text}");
        }
        for text in ["", "约2", "1.2.3", "2升", "1,2", "两公斤", "9999999999999999", "-"] {
            assert_eq!(quantity(text, kg), None, "{text}");
        }
        assert_eq!(quantity("-1", kg), Some(-1000));
        assert_eq!(quantity("2件", Unit::Pieces), Some(2));
        assert_eq!(quantity("1.5", Unit::Pieces), None);
        assert_eq!(quantity("0.02", Unit::Cm3(1_000_000)), Some(20_000));
    }

    #[test]
    fn dates_of_every_dress() {
        for text in [
            "2026-11-24",
            "2026/11/24",
            "2026.11.24",
            "2026年11月24日",
            "２０２６－１１－２４",
            "20261124",
            "26年11月24日",
            "11月24日",
            "24/11/2026",
            "11/24/2026",
            "46350",
        ] {
            assert_eq!(date(text, PLAN), Ok(PLAN), "{text}");
        }
        assert_eq!(date("11/12/2026", PLAN), Err(BadWhen::TwoReadings));
        assert_eq!(date("24/11/26", PLAN), Err(BadWhen::TwoReadings));
        assert_eq!(date("2026-11-31", PLAN), Err(BadWhen::Impossible));
        assert_eq!(date("明天", PLAN), Err(BadWhen::Unreadable));
        assert_eq!(date("", PLAN), Err(BadWhen::Unreadable));
    }

    #[test]
    fn instants_of_every_dress() {
        let read = |text: &str| instant(text, PLAN, "20:00");
        for (text, want) in [
            ("2026-11-24T06:20", "2026-11-24T06:20"),
            ("2026/11/24 6:20:00", "2026-11-24T06:20"),
            ("2026年11月24日6时20分", "2026-11-24T06:20"),
            ("2026年11月24日 下午3点半", "2026-11-24T15:30"),
            ("06：20", "2026-11-24T06:20"),
            ("2026-11-24", "2026-11-24T20:00"),
            ("2026-11-24T06:20:30+08:00", "2026-11-24T06:20:30"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(want), "{text}");
        }
        assert_eq!(read("2026-11-24 25:00"), Err(BadWhen::Impossible));
        assert_eq!(read("尽快"), Err(BadWhen::Unreadable));
        assert_eq!(read("2026-11-24 6:2:3:4"), Err(BadWhen::Unreadable));
    }

    #[test]
    fn digits_lost_and_phones_masked() {
        assert!(is_scientific("7.73123E+14") && !is_scientific("JE12") && !is_scientific("773"));
        assert_eq!(phone("138****1234").as_deref(), Some("138****1234"));
        assert_eq!(phone("+86 138-0000-1234").as_deref(), Some("13800001234"));
        assert_eq!(phone("张三"), None);
    }
}
