//! Whose waybill a number looks like. Shapes overlap and change, so the answer is a ranked list and never a reason to
//! refuse anything.

use serde::Serialize;

/// A carrier whose numbers have this shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// Name of the carrier, as people say it.
    pub carrier_zh: &'static str,
    /// How telling the shape is, in hundredths: a prefix of its own counts more than a length.
    pub weight: u32,
}

/// A shape: fixed letters, then digits of some length, then letters.
struct Shape {
    carrier_zh: &'static str,
    prefix: &'static [&'static str],
    /// Letters that must follow the prefix, any of A to Z.
    letters: usize,
    digits: std::ops::RangeInclusive<usize>,
    tail_letters: usize,
    weight: u32,
}

const fn shape(
    carrier_zh: &'static str,
    prefix: &'static [&'static str],
    letters: usize,
    digits: std::ops::RangeInclusive<usize>,
    tail_letters: usize,
    weight: u32,
) -> Shape {
    Shape { carrier_zh, prefix, letters, digits, tail_letters, weight }
}

/// Shapes by a public table of 2022; the more telling first.
const SHAPES: [Shape; 15] = [
    shape("京东", &["JDX", "JDK"], 0, 12..=12, 0, 95),
    shape("京东", &["JDV"], 1, 11..=11, 0, 95),
    shape("极兔", &["JT"], 0, 12..=13, 0, 95),
    shape("圆通", &["YT"], 0, 10..=13, 0, 95),
    shape("邮政", &[""], 2, 9..=9, 2, 90),
    shape("申通", &["773", "772", "777", "771", "770"], 0, 9..=13, 0, 80),
    shape("中通", &["731", "732", "751", "752", "753", "754", "758", "781", "782", "788"], 0, 9..=11, 0, 70),
    shape("韵达", &["43", "46", "31", "12", "13"], 0, 11..=13, 0, 45),
    shape("邮政", &["98", "99", "11", "10", "96", "12"], 0, 11..=11, 0, 55),
    shape("中通", &[""], 0, 14..=14, 0, 35),
    shape("韵达", &[""], 0, 13..=13, 0, 30),
    shape("韵达", &[""], 0, 15..=15, 0, 40),
    shape("圆通", &[""], 0, 18..=18, 0, 40),
    shape("邮政", &[""], 0, 13..=13, 0, 30),
    shape("中通", &[""], 0, 12..=12, 0, 25),
];

impl Shape {
    fn fits(&self, number: &str) -> bool {
        self.prefix.iter().any(|prefix| {
            let Some(rest) = number.strip_prefix(prefix) else { return false };
            let letters = rest.len().min(self.letters);
            if !rest.is_char_boundary(letters) || rest.len() < self.letters + self.tail_letters {
                return false;
            }
            let (head, rest) = rest.split_at(letters);
            let cut = rest.len() - self.tail_letters;
            if !rest.is_char_boundary(cut) {
                return false;
            }
            let (digits, tail) = rest.split_at(cut);
            let is_letters = |s: &str| s.bytes().all(|b| b.is_ascii_uppercase());
            is_letters(head)
                && is_letters(tail)
                && self.digits.contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit())
        })
    }
}

/// Carriers whose numbers look like this one, the likeliest first.
#[must_use]
pub fn guesses(number: &str) -> Vec<Guess> {
    let number = number.trim().to_ascii_uppercase();
    let mut found: Vec<Guess> = Vec::new();
    for shape in SHAPES.iter().filter(|s| s.fits(&number)) {
        match found.iter_mut().find(|g| g.carrier_zh == shape.carrier_zh) {
            Some(known) => known.weight = known.weight.max(shape.weight),
            None => found.push(Guess { carrier_zh: shape.carrier_zh, weight: shape.weight }),
        }
    }
    found.sort_by_key(|g| std::cmp::Reverse(g.weight));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_ranked_and_overlap() {
        let names = |n: &str| guesses(n).iter().map(|g| g.carrier_zh).collect::<Vec<_>>();
        assert_eq!(names("YT1234567890123"), ["圆通"]);
        assert_eq!(names("jt1234567890123"), ["极兔"]);
        assert_eq!(names("JDVA12345678901"), ["京东"]);
        assert_eq!(names("EA123456789CN"), ["邮政"]);
        assert_eq!(names("1234567890123")[0], "邮政");
        assert!(names("1234567890123").len() >= 2);
        assert!(names("ZTO261124D000001").is_empty());
        assert!(names("").is_empty() && names("单号").is_empty());
    }
}
