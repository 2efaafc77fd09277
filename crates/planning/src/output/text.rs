//! Numbers as people read them.

/// Seconds after midnight as `HH:MM`; the next day's hours go on from 24.
pub(super) fn clock(seconds: i64) -> String {
    let minutes = seconds.div_euclid(60);
    format!("{:02}:{:02}", minutes.div_euclid(60), minutes.rem_euclid(60))
}

/// Grams as kilograms with one decimal.
pub(super) fn kg(grams: i64) -> String {
    let tenths = (grams + 50).div_euclid(100);
    format!("{}.{}", tenths / 10, tenths.rem_euclid(10))
}

/// Cubic centimetres as cubic metres with two decimals.
pub(super) fn m3(cm3: i64) -> String {
    let hundredths = (cm3 + 5_000).div_euclid(10_000);
    format!("{}.{:02}", hundredths / 100, hundredths.rem_euclid(100))
}

/// Metres as kilometres with one decimal.
pub(super) fn km(metres: i64) -> String {
    let tenths = (metres + 50).div_euclid(100);
    format!("{}.{}", tenths / 10, tenths.rem_euclid(10))
}

/// A whole number with thin groups of three.
pub(super) fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(clock(6 * 3600 + 59 * 60 + 59), "06:59");
        assert_eq!(clock(25 * 3600), "25:00");
        assert_eq!(kg(1_249), "1.2");
        assert_eq!(kg(50), "0.1");
        assert_eq!(m3(14_255_000), "14.26");
        assert_eq!(km(99), "0.1");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(grouped(999), "999");
    }
}
