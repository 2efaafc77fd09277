//! Time and distance in one integer, so that "the fastest, of equals the shortest" is a plain minimum.
//!
//! The high 32 bits are milliseconds; the low 32 bits are the count of entries into restricted roads (4 bits) above
//! centimetres (28 bits: 2,684 km). Adding two weights adds all three; comparing compares time first. A path with
//! more than fifteen entries carries one into the milliseconds, which costs a millisecond and nothing else.

use crate::graph::{INF_MS, REACH_MS};

/// A packed weight.
pub(crate) type Weight = u64;

/// What may not be driven. Two of them add without overflow.
pub(crate) const INF: Weight = (INF_MS as u64) << 32;
/// Weights from here on count as unreachable.
pub(crate) const REACH: Weight = (REACH_MS as u64) << 32;
/// Bits of the centimetres.
const CM_BITS: u32 = 28;
/// One entry into a restricted road.
pub(crate) const ENTRY: Weight = 1 << CM_BITS;
/// Longest arc in centimetres that is carried exactly.
const CM_MAX: u32 = (1 << CM_BITS) - 1;

/// Packs a time and a distance.
pub(crate) fn pack(ms: u32, cm: u32) -> Weight {
    u64::from(ms) << 32 | u64::from(cm.min(CM_MAX))
}

/// Milliseconds of choice: with the cost of entries.
pub(crate) fn ms(weight: Weight) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // the high half
    let ms = (weight >> 32) as u32;
    ms
}

/// Entries into restricted roads.
pub(crate) fn entries(weight: Weight) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // four bits
    let count = (weight >> CM_BITS) as u32 & 0xF;
    count
}

/// Centimetres.
pub(crate) fn cm(weight: Weight) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // 28 bits
    let cm = weight as u32 & CM_MAX;
    cm
}

/// Whole centimetres of a length in millimetres, rounded to nearest.
pub(crate) fn cm_of_mm(mm: u32) -> u32 {
    mm / 10 + u32::from(mm % 10 >= 5)
}

/// Seconds rounded up and metres rounded to nearest, entries taken off and the ends' access added.
pub(crate) fn answer(weight: Weight, entry_ms: u32, access_ms: u32, access_cm: u32) -> (u32, u32) {
    let drive = ms(weight).saturating_sub(entries(weight) * entry_ms);
    ((drive + access_ms).div_ceil(1000), (cm(weight) + access_cm + 50) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_and_compare() {
        let a = pack(1_000, 500) + ENTRY;
        let b = pack(2_000, 100) + ENTRY;
        assert_eq!((ms(a + b), cm(a + b), entries(a + b)), (3_000, 600, 2));
        assert!(pack(1, CM_MAX) < pack(2, 0) && pack(2, 1) < pack(2, 2));
        assert!(INF.checked_add(INF).is_some() && INF > REACH);
        assert_eq!(answer(pack(1_001, 149), 0, 0, 0), (2, 1));
        assert_eq!(answer(pack(601_000, 150) + ENTRY, 600_000, 0, 0), (1, 2));
    }
}
