//! Chance without state: every draw is a pure function of a seed and the names of what is drawn.
//!
//! A stream of random numbers would shift as soon as one draw is added; here each draw has its own key, so a
//! seed gives the same world for ever. The mixer is the finaliser of SplitMix64, and the only arithmetic on
//! fractions is what IEEE 754 fixes to the last bit (`+ - * /` and the square root).

/// The odds of one subject: an account, a post, an account's day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The odds of something within this subject.
    pub(crate) fn of(self, key: u64) -> Self {
        Self(mix(self.0 ^ key.wrapping_mul(0xd6e8_feb8_6659_fd93)))
    }

    /// A fraction from 0 to before 1.
    pub(crate) fn unit(self, draw: u64) -> f64 {
        (self.of(draw).0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A fraction from `low` to before `high`.
    pub(crate) fn between(self, draw: u64, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit(draw)
    }

    /// A whole number from 0 to before `count`.
    pub(crate) fn below(self, draw: u64, count: usize) -> usize {
        ((self.unit(draw) * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(self, draw: u64, probability: f64) -> bool {
        self.unit(draw) < probability
    }

    /// One of several, by weight.
    pub(crate) fn weighted(self, draw: u64, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.unit(draw) * weights.clone().sum::<f64>();
        let mut last = 0;
        for (i, weight) in weights.enumerate() {
            if weight > 0.0 {
                last = i;
            }
            if left < weight {
                return i;
            }
            left -= weight;
        }
        last
    }

    /// The raw bits, for checks and identifiers.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published first outputs of SplitMix64 from seed 0: the mixer may never change.
    #[test]
    fn the_mixer_is_splitmix64() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn draws_are_spread_and_weighted() {
        let dice = Dice::new(7);
        let mean = (0..10_000).map(|i| dice.of(i).unit(1)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let second = (0..10_000).filter(|i| dice.of(*i).weighted(2, [1.0, 3.0].into_iter()) == 1).count();
        assert!((7_200..7_800).contains(&second), "{second}");
        assert_eq!(dice.weighted(3, [1.0, 0.0].into_iter()), 0);
    }
}
