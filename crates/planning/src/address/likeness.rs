//! How readily one character is written for another: same sound, near sound, like shape.
//!
//! Sound comes from the readings of each character, shape from a table of pictures compared (`data/like_shape.txt`,
//! made by the script beside it).

use pinyin::ToPinyinMulti;
use std::collections::HashMap;

/// A character with the same sound, tones apart.
pub(super) const SAME_SOUND: u32 = 250;
/// A sound that local speech does not keep apart (z/zh, c/ch, s/sh, n/l, f/h, n/ng at the end).
pub(super) const NEAR_SOUND: u32 = 400;
/// A like shape.
pub(super) const LIKE_SHAPE: u32 = 350;
/// A shape less like.
const FAINT_SHAPE: u32 = 500;
/// How many of a character's look-alikes, the likest first, count as like.
const LIKE_FIRST: usize = 8;
/// Any other character.
pub(super) const OTHER: u32 = 1000;

/// Pairs of look-alikes: each line a character, then those that look like it.
const SHAPES: &str = include_str!("../../data/like_shape.txt");

/// The block of common Chinese characters.
const HAN: std::ops::RangeInclusive<char> = '\u{4e00}'..='\u{9fff}';

/// Whether a character is Chinese.
pub(super) fn is_han(c: char) -> bool {
    HAN.contains(&c) || ('\u{3400}'..='\u{4dbf}').contains(&c)
}

/// Readings of a character without tones.
pub(super) fn readings(c: char) -> Vec<&'static str> {
    let mut all: Vec<&'static str> =
        c.to_pinyin_multi().map(|m| m.into_iter().map(pinyin::Pinyin::plain).collect()).unwrap_or_default();
    all.dedup();
    all
}

/// A reading with what local speech merges merged.
pub(super) fn merged(reading: &str) -> String {
    let mut text = reading.replace("zh", "z").replace("ch", "c").replace("sh", "s");
    if let Some(rest) = text.strip_prefix('l') {
        text = format!("n{rest}");
    } else if let Some(rest) = text.strip_prefix('h') {
        text = format!("f{rest}");
    }
    text.strip_suffix("ng").map_or(text.clone(), |head| format!("{head}n"))
}

/// For each written character, the characters of names that it may stand for, with the cost.
pub(super) struct Likeness {
    near: HashMap<char, Vec<(char, u32)>>,
}

impl Likeness {
    /// Prepares the characters that occur in names.
    pub(super) fn new(targets: &[char]) -> Self {
        let mut best: HashMap<(char, char), u32> = HashMap::new();
        let mut put = |written: char, meant: char, cost: u32| {
            let known = best.entry((written, meant)).or_insert(cost);
            *known = (*known).min(cost);
        };
        let mut same: HashMap<&str, Vec<char>> = HashMap::new();
        let mut near: HashMap<String, Vec<char>> = HashMap::new();
        for &target in targets {
            put(target, target, 0);
            for reading in readings(target) {
                same.entry(reading).or_default().push(target);
                near.entry(merged(reading)).or_default().push(target);
            }
        }
        for written in HAN {
            for reading in readings(written) {
                for &target in same.get(reading).into_iter().flatten() {
                    put(written, target, SAME_SOUND);
                }
                for &target in near.get(&merged(reading)).into_iter().flatten() {
                    put(written, target, NEAR_SOUND);
                }
            }
        }
        for line in SHAPES.lines() {
            let mut chars = line.chars();
            let Some(one) = chars.next() else { continue };
            for (rank, other) in chars.enumerate() {
                let cost = if rank < LIKE_FIRST { LIKE_SHAPE } else { FAINT_SHAPE };
                // Likeness holds both ways.
                for (written, meant) in [(one, other), (other, one)] {
                    if targets.contains(&meant) {
                        put(written, meant, cost);
                    }
                }
            }
        }
        for &target in targets {
            put(target, target, 0);
        }
        let mut table: HashMap<char, Vec<(char, u32)>> = HashMap::new();
        for ((written, meant), cost) in best {
            table.entry(written).or_default().push((meant, cost));
        }
        for list in table.values_mut() {
            list.sort_unstable_by_key(|&(c, cost)| (cost, c));
        }
        Self { near: table }
    }

    /// What a written character may stand for.
    pub(super) fn meant(&self, written: char) -> &[(char, u32)] {
        self.near.get(&written).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_and_shape_are_known() {
        let l = Likeness::new(&['楼', '庄', '营', '南']);
        let cost =
            |written: char, meant: char| l.meant(written).iter().find(|(c, _)| *c == meant).map(|(_, k)| *k);
        assert_eq!(cost('楼', '楼'), Some(0));
        assert_eq!(cost('娄', '楼'), Some(SAME_SOUND));
        assert_eq!(cost('搂', '楼'), Some(SAME_SOUND));
        assert_eq!(cost('兰', '南'), Some(NEAR_SOUND));
        assert_eq!(cost('压', '庄'), Some(LIKE_SHAPE));
        assert_eq!(cost('天', '庄'), None);
    }
}
