//! Numbers from text, each with its bound and its coded problem.

use super::fault::{Fault, Sink};
use super::instance::AMOUNT_SCALE;
use super::limits::{AMOUNT_MAX, ARC_MAX, COORDINATE_MAX, COST_MAX, TIME_MAX};

/// What a number is for: its bounds and how problems name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Coordinate,
    Time,
    Arc,
    Amount,
    SignedAmount,
    Cost,
}

impl Role {
    fn bound(self) -> f64 {
        match self {
            Self::Coordinate => COORDINATE_MAX,
            Self::Time => TIME_MAX,
            Self::Arc => ARC_MAX,
            Self::Amount | Self::SignedAmount => AMOUNT_MAX,
            Self::Cost => COST_MAX,
        }
    }

    fn signed(self) -> bool {
        matches!(self, Self::Coordinate | Self::SignedAmount)
    }
}

/// One field of a row: where it stands and what it is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) row: u64,
    pub(super) column: &'a str,
    pub(super) text: Option<&'a str>,
}

/// Reads a decimal number within the bounds of its role.
pub(super) fn number(sink: &mut Sink, field: Field<'_>, role: Role) -> Option<f64> {
    let Some(text) = field.text else {
        sink.push(
            Fault::Malformed,
            field.row,
            field.column,
            "",
            "the row is too short; give this column a number",
        );
        return None;
    };
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    let value = match text.parse::<f64>() {
        Ok(value) if plain => value,
        _ => {
            sink.push(
                Fault::Malformed,
                field.row,
                field.column,
                text,
                "not a number; a decimal number such as 12.5",
            );
            return None;
        }
    };
    if value.abs() > role.bound() {
        let want = format!("too large; at most {} either way", role.bound());
        sink.push(Fault::TooLarge, field.row, field.column, text, want);
        return None;
    }
    if value < 0.0 && !role.signed() {
        sink.push(Fault::Negative, field.row, field.column, text, "negative; zero or more");
        return None;
    }
    Some(value)
}

/// Whether a text is how writers say "no limit": the largest 32-bit or 64-bit integer, or infinity.
pub(super) fn is_no_limit(text: &str) -> bool {
    let text = text.strip_suffix(".0").unwrap_or(text);
    matches!(text, "2147483647" | "9223372036854775807")
        || matches!(text.to_ascii_lowercase().as_str(), "inf" | "infinity")
}

/// Reads a demand or capacity exactly, in millionths.
pub(super) fn amount(sink: &mut Sink, field: Field<'_>, role: Role) -> Option<i64> {
    // Within the bound the product is below 2^53, so rounding it is exact for up to six decimals.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    number(sink, field, role).map(|value| (value * AMOUNT_SCALE as f64).round() as i64)
}

/// Reads a whole number from 0 to `most`.
pub(super) fn count(sink: &mut Sink, field: Field<'_>, most: usize) -> Option<usize> {
    let Some(text) = field.text else {
        sink.push(
            Fault::Malformed,
            field.row,
            field.column,
            "",
            "the row is too short; give this column a number",
        );
        return None;
    };
    if text.starts_with('-') && text[1..].bytes().all(|b| b.is_ascii_digit()) && text.len() > 1 {
        sink.push(Fault::Negative, field.row, field.column, text, "negative; zero or more");
        return None;
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<usize>() {
            Ok(value) if value <= most => Some(value),
            _ => {
                sink.push(Fault::TooMany, field.row, field.column, text, format!("too many; at most {most}"));
                None
            }
        };
    }
    sink.push(Fault::Malformed, field.row, field.column, text, "not a whole number; digits such as 25");
    None
}

/// Reads an id; its range is the caller's concern.
pub(super) fn id(sink: &mut Sink, field: Field<'_>) -> Option<u64> {
    match field.text.map(str::parse::<u64>) {
        Some(Ok(value)) => Some(value),
        _ => {
            let found = field.text.unwrap_or("");
            sink.push(
                Fault::Malformed,
                field.row,
                field.column,
                found,
                "not an id; a whole number of 0 or more",
            );
            None
        }
    }
}
