//! Chance.

/// SplitMix64: one addition and three shifts a number. The demo needs numbers that look random and come
/// again with the same seed; their quality does not matter here, and nothing secret depends on them.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        // 32 bits are plenty, and convert to a float without loss.
        f64::from((self.next() >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
    }

    /// From `low` up to `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` up to, not including, `high`.
    pub(super) fn whole(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % high.saturating_sub(low).max(1)
    }

    /// True this often, from 0 to 1.
    pub(super) fn chance(&mut self, often: f64) -> bool {
        self.unit() < often
    }

    /// About a normal distribution around 0 with a deviation of 1, and never beyond 3.5.
    pub(super) fn bell(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 3f64.sqrt()
    }

    /// One of several; None of none.
    pub(super) fn pick<'a, T>(&mut self, some: &'a [T]) -> Option<&'a T> {
        some.get(self.below(some.len()))
    }

    /// An index into so many.
    pub(super) fn below(&mut self, length: usize) -> usize {
        // 31 bits: they fit into any usize.
        (self.next() >> 33) as usize % length.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_stay_in_their_ranges_and_come_again() {
        let (mut random, mut again) = (Random::new(7), Random::new(7));
        for _ in 0..1000 {
            let unit = random.unit();
            assert!((0.0..1.0).contains(&unit));
            assert_eq!(unit.to_bits(), again.unit().to_bits());
            assert!(random.bell().abs() < 3.5);
            assert!((3..9).contains(&random.whole(3, 9)));
            assert!(random.below(4) < 4);
            for _ in 0..6 {
                again.next();
            }
        }
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
