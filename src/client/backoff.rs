//! Pauses between attempts.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// The longest pause, unless it is said otherwise.
pub(super) const LONGEST: Duration = Duration::from_secs(20);
/// The longest first pause, unless it is said otherwise.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

/// No pause is longer than that, whatever is said.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Pauses of any length up to a bound that doubles each time: those who lost their server at once come back at
/// different times.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    bound: Duration,
}

impl Backoff {
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        let longest = longest.min(LIMIT);
        Self { shortest, longest, bound: shortest.min(longest) }
    }

    /// The next pause, and before it what the server wants: those whom it told the same do not come at once either.
    pub(super) fn next(&mut self, at_least: Option<Duration>) -> Duration {
        let pause = self.bound.mul_f64(random_part());
        self.bound = (self.bound * 2).min(self.longest);
        pause.saturating_add(at_least.unwrap_or_default()).min(LIMIT)
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.shortest, self.longest);
    }
}

/// Anything from 0 to 1. The keys of hash maps are random enough, and there at no cost.
fn random_part() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}
