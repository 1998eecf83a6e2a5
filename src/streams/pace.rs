//! What reading large topics again may cost, for each and for all together.
//!
//! Redis tells which key changed, not which field of a hash. A hash of very many fields that changes all the time would
//! be read all the time, so each topic rests after a read, the longer the larger it is, and all that are very large
//! share one budget.

use std::time::{Duration, Instant};

/// How many items make a topic one that shares the budget of all such ones.
const LARGE: usize = 10_000;

/// Until when large topics are to rest.
#[derive(Debug)]
pub(super) struct Pace {
    rested: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { rested: now }
    }

    /// So many items were read, of which so many may be in a second. Gives until when they are not to be read again.
    pub(super) fn pay(&mut self, items: usize, per_second: usize, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(items as f64 / per_second.max(1) as f64);
        if items < LARGE {
            return now + cost;
        }
        self.rested = self.rested.max(now) + cost;
        self.rested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rests_for_its_size_and_large_ones_for_each_other_too() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let mut rest = |items, at: f64| {
            let at = now + Duration::from_secs_f64(at);
            (pace.pay(items, 100_000, at) - now).as_millis()
        };
        assert_eq!((rest(100, 0.0), rest(9_000, 0.0)), (1, 90));
        assert_eq!((rest(100_000, 0.0), rest(100_000, 0.0)), (1000, 2000), "the budget is one");
        assert_eq!(rest(9_000, 0.0), 90, "the others do not wait for them");
        assert_eq!(rest(100_000, 5.0), 6000, "nothing is saved up");
    }
}
