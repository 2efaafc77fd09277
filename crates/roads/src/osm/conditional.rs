//! Conditional values (`no @ (Mo-Fr 07:00-20:00); 40 @ (weight>7.5)`) as far as the county needs them.
//!
//! Understood: weekdays, hours, months with days, comparisons of weight, height, width, length and axle load, all
//! joined by AND. Anything else is reported and not honoured.

use serde::{Deserialize, Serialize};

/// A weekly time span within a season.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TimeSpan {
    /// Days as bits, Monday the lowest.
    pub(crate) days: u8,
    /// Minutes of the day, start included, end excluded; an end below the start passes midnight.
    pub(crate) from_min: u16,
    pub(crate) to_min: u16,
    /// Season as month × 32 + day, both ends included; `None` all year.
    pub(crate) season: Option<(u16, u16)>,
}

impl TimeSpan {
    /// The whole week, the whole year.
    pub(crate) const ALWAYS: Self = Self { days: 0x7F, from_min: 0, to_min: 1440, season: None };

    /// Minutes of the week that the span covers, as up to two ranges a day, calling `each` with
    /// (first minute of the week, minute after the last).
    fn ranges(&self) -> Vec<(u32, u32)> {
        let mut list = Vec::new();
        for day in 0..7u32 {
            if self.days >> day & 1 == 0 {
                continue;
            }
            let base = day * 1440;
            let (from, to) = (u32::from(self.from_min), u32::from(self.to_min));
            if to > from {
                list.push((base + from, base + to));
            } else {
                list.push((base + from, base + 1440));
                if to > 0 {
                    let next = (day + 1) % 7 * 1440;
                    list.push((next, next + to));
                }
            }
        }
        list
    }

    /// Days of the year as month × 32 + day, one or two ranges.
    fn seasons(&self) -> Vec<(u16, u16)> {
        match self.season {
            None => vec![(0, u16::MAX)],
            Some((a, b)) if a <= b => vec![(a, b)],
            Some((a, b)) => vec![(a, u16::MAX), (0, b)],
        }
    }

    /// Whether two spans have a minute of the year in common.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let touch = |a: &[(u32, u32)], b: &[(u32, u32)]| {
            a.iter().any(|(a0, a1)| b.iter().any(|(b0, b1)| a0 < b1 && b0 < a1))
        };
        let season = |a: &[(u16, u16)], b: &[(u16, u16)]| {
            a.iter().any(|(a0, a1)| b.iter().any(|(b0, b1)| a0 <= b1 && b0 <= a1))
        };
        touch(&self.ranges(), &other.ranges()) && season(&self.seasons(), &other.seasons())
    }

    /// Whether a moment lies in the span: weekday 0 = Monday, minute of the day, month and day of the month.
    pub(crate) fn holds(&self, weekday: u8, minute: u16, month: u8, day: u8) -> bool {
        let at = u32::from(weekday) * 1440 + u32::from(minute);
        let date = u16::from(month) * 32 + u16::from(day);
        self.ranges().iter().any(|(a, b)| (*a..*b).contains(&at))
            && self.seasons().iter().any(|(a, b)| (*a..=*b).contains(&date))
    }
}

/// What a vehicle's figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Figure {
    Weight,
    Axle,
    Height,
    Width,
    Length,
}

/// One condition: all of its parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Condition {
    /// Any of these spans; empty: at any time.
    pub(crate) spans: Vec<TimeSpan>,
    /// Figure, whether the vehicle must be above (true) or below it, whether equality counts, and the bound in kg
    /// or cm.
    pub(crate) figures: Vec<(Figure, bool, bool, u32)>,
}

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Splits a conditional tag into values with their conditions; `None` for a condition that is not understood.
pub(crate) fn parse_conditional(text: &str) -> Vec<(String, Option<Condition>)> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0usize);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
        .into_iter()
        .filter(|p| !p.trim().is_empty())
        .take(32)
        .map(|part| match part.split_once('@') {
            Some((value, condition)) => (value.trim().to_owned(), parse_condition(condition)),
            None => (part.trim().to_owned(), None),
        })
        .collect()
}

fn parse_condition(text: &str) -> Option<Condition> {
    let text = text.trim();
    let text = text.strip_prefix('(').map_or(text, |t| t.strip_suffix(')').unwrap_or(t)).trim();
    let mut condition = Condition::default();
    for part in text.split(" AND ").flat_map(|p| p.split(" and ")).map(str::trim) {
        if let Some(figure) = parse_figure(part) {
            condition.figures.push(figure?);
        } else {
            for rule in part.split(';').map(str::trim).filter(|r| !r.is_empty()) {
                condition.spans.extend(parse_spans(rule)?);
            }
        }
    }
    (condition.spans.len() <= 64 && !(condition.spans.is_empty() && condition.figures.is_empty()))
        .then_some(condition)
}

/// `Some(None)` is a comparison that cannot be read.
fn parse_figure(text: &str) -> Option<Option<(Figure, bool, bool, u32)>> {
    let at = text.find(['<', '>'])?;
    let above = text[at..].starts_with('>');
    let rest = &text[at + 1..];
    let (equal, bound) = rest.strip_prefix('=').map_or((false, rest), |r| (true, r));
    let (figure, bound) = match text[..at].trim() {
        "weight" | "maxweight" | "weightrating" | "maxweightrating" => {
            (Figure::Weight, super::values::parse_mass_kg(bound))
        }
        "axleload" | "maxaxleload" => (Figure::Axle, super::values::parse_mass_kg(bound)),
        "height" | "maxheight" => (Figure::Height, super::values::parse_length_cm(bound)),
        "width" | "maxwidth" => (Figure::Width, super::values::parse_length_cm(bound)),
        "length" | "maxlength" => (Figure::Length, super::values::parse_length_cm(bound)),
        _ => return Some(None),
    };
    match bound {
        Some(super::values::Limit::At(n)) => Some(Some((figure, above, equal, n))),
        _ => Some(None),
    }
}

/// `[Nov 15-Mar 15] [Mo-Fr[,Su]] [07:00-09:00[,17:00-19:00]]`.
fn parse_spans(text: &str) -> Option<Vec<TimeSpan>> {
    let mut season = None;
    let mut days = 0x7F;
    let mut rest = text.trim();
    if rest == "24/7" {
        return Some(vec![TimeSpan::ALWAYS]);
    }
    if MONTHS.iter().any(|m| rest.starts_with(m)) {
        let (from, after) = month_day(rest, 1)?;
        let (to, after) = match after.strip_prefix('-') {
            Some(end) => month_day(end.trim_start(), 31)?,
            None => (from | 31, after),
        };
        season = Some((from, to));
        rest = after.trim_start_matches([':', ' ']).trim_start();
    }
    if DAYS.iter().any(|d| rest.starts_with(d)) {
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        days = 0;
        for item in rest[..end].trim().trim_end_matches(',').split(',') {
            let day = |name: &str| DAYS.iter().position(|d| *d == name.trim());
            if let Some((a, b)) = item.split_once('-') {
                let (mut i, b) = (day(a)?, day(b)?);
                loop {
                    days |= 1 << i;
                    if i == b {
                        break;
                    }
                    i = (i + 1) % 7;
                }
            } else {
                days |= 1 << day(item)?;
            }
        }
        rest = rest[end..].trim();
    }
    if rest.is_empty() {
        return Some(vec![TimeSpan { days, from_min: 0, to_min: 1440, season }]);
    }
    rest.split(',')
        .map(|hours| {
            let (from, to) = hours.trim().split_once('-')?;
            Some(TimeSpan { days, from_min: clock(from)?, to_min: clock(to)?, season })
        })
        .collect()
}

/// A month with an optional day at the front of the text, as month × 32 + day.
fn month_day(text: &str, default_day: u16) -> Option<(u16, &str)> {
    let month = MONTHS.iter().position(|m| text.starts_with(m))?;
    let rest = text[3..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    // Digits with a colon after them are hours, not a day.
    let (day, rest) = if end == 0 || rest[end..].starts_with(':') {
        (default_day, rest)
    } else {
        (rest[..end].parse().ok().filter(|d| (1..=31).contains(d))?, &rest[end..])
    };
    #[allow(clippy::cast_possible_truncation)] // a month is below 12
    Some(((month as u16 + 1) * 32 + day, rest.trim_start()))
}

/// `HH:MM` in minutes of the day, 24:00 included.
pub(crate) fn clock(text: &str) -> Option<u16> {
    let (h, m) = text.trim().split_once(':')?;
    let (h, m): (u16, u16) = (h.parse().ok()?, m.parse().ok()?);
    (m < 60 && h <= 24 && h * 60 + m <= 1440).then_some(h * 60 + m)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn only(text: &str) -> Condition {
        let mut list = parse_conditional(text);
        assert_eq!(list.len(), 1, "{list:?}");
        list.remove(0).1.expect("a condition that is understood")
    }

    #[test]
    fn hours_days_and_seasons() {
        let c = only("no @ (Mo-Fr 07:00-20:00)");
        assert_eq!(c.spans, [TimeSpan { days: 0b1_1111, from_min: 420, to_min: 1200, season: None }]);
        let c = only("no @ 22:00-06:00");
        assert!(c.spans[0].holds(6, 23 * 60, 1, 1) && c.spans[0].holds(0, 5 * 60, 1, 1));
        assert!(!c.spans[0].holds(0, 12 * 60, 1, 1));
        let c = only("no @ (Nov 15-Mar 15 07:00-09:00,17:00-19:00)");
        assert_eq!(c.spans.len(), 2);
        assert!(c.spans[1].holds(2, 18 * 60, 12, 24) && !c.spans[1].holds(2, 18 * 60, 6, 24));
        let c = only("no @ (Sa,Su)");
        assert_eq!(c.spans[0].days, 0b110_0000);
    }

    #[test]
    fn figures_and_several_parts() {
        let c = only("no @ (weight>7.5 AND 07:00-20:00)");
        assert_eq!(c.figures, [(Figure::Weight, true, false, 7_500)]);
        assert_eq!(c.spans.len(), 1);
        let list = parse_conditional("40 @ (22:00-06:00); 60 @ (PH)");
        assert_eq!(list.len(), 2);
        assert!(list[0].1.is_some() && list[1].1.is_none());
    }

    #[test]
    fn spans_overlap_across_midnight_and_new_year() {
        let night = TimeSpan { days: 0x7F, from_min: 1320, to_min: 360, season: None };
        let early = TimeSpan { days: 1, from_min: 300, to_min: 400, season: None };
        let noon = TimeSpan { days: 1, from_min: 700, to_min: 800, season: None };
        assert!(night.overlaps(&early) && early.overlaps(&night) && !night.overlaps(&noon));
        let winter = TimeSpan { season: Some((11 * 32 + 15, 3 * 32 + 15)), ..noon.clone() };
        let july = TimeSpan { season: Some((7 * 32 + 1, 7 * 32 + 31)), ..noon.clone() };
        assert!(winter.overlaps(&noon) && !winter.overlaps(&july));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,60}", odd in "[A-Za-z0-9@(); :,<>=-]{0,60}") {
            let _ = parse_conditional(&text);
            let _ = parse_conditional(&format!("no @ ({odd})"));
        }
    }
}
