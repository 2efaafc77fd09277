//! Chance by seed: SplitMix64 (Steele, Lea and Flood, 2014), one stream for each purpose, so that a change in one part of the
//! simulation does not reshuffle the others.

/// A stream of chance.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mixed = purpose.bytes().fold(seed ^ 0x9E37_79B9_7F4A_7C15, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3).rotate_left(17)
        });
        Self(mixed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 up to below `n`; 0 for nothing to choose from.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { ((u128::from(self.draw()) * u128::from(n)) >> 64) as u64 }
    }

    /// A number from `from` to `to`, both possible.
    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from).max(0) as u64 + 1) as i64
    }

    /// Whether something that happens `per_10_000` times in ten thousand happens.
    pub fn happens(&mut self, per_10_000: u32) -> bool {
        self.below(10_000) < u64::from(per_10_000)
    }

    /// A factor in thousandths around 1,000: the sum of three even draws, about normal, with this spread, never below 500.
    pub fn around(&mut self, spread: i64) -> i64 {
        let sum = self.within(-spread, spread) + self.within(-spread, spread) + self.within(-spread, spread);
        (1_000 + sum).max(500)
    }

    /// A delay in thousandths, mostly small and now and then long: 1,000 plus a squared draw.
    pub fn stretched(&mut self, most: i64) -> i64 {
        let draw = self.within(0, 1_000);
        1_000 + most * draw * draw / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draws = |purpose| {
            let mut c = Chance::new(7, purpose);
            (0..8).map(|_| c.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draws("a"), draws("a"));
        assert_ne!(draws("a"), draws("b"));
        let mut c = Chance::new(1, "x");
        assert!((0..1_000).all(|_| (500..=2_000).contains(&c.around(200))));
        assert_eq!(c.below(0), 0);
    }
}
