//! So many bytes a second, and no more.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::time::{Sleep, sleep_until};

/// How much may come at once after a pause: what would come in this time.
const BURST: Duration = Duration::from_secs(1);

/// The time whose bytes go at once, so that no wait is much longer: a client is asked whether it is there, and told
/// why it is left, in between.
const SHARE: Duration = Duration::from_millis(100);

/// Lets so many bytes a second through. What is more waits.
#[derive(Debug)]
pub(super) struct Throttle {
    /// How many bytes go at once.
    share: usize,
    /// How long a byte takes, in nanoseconds.
    nanoseconds: f64,
    /// How many bytes went that are yet to be counted: so few that the time need not be looked up for them.
    uncounted: usize,
    /// When all bytes so far would be through, if they came evenly.
    even: Instant,
    /// When more may come, if not now.
    until: Option<Instant>,
    /// Under way while somebody waits for that.
    pub(super) wait: Option<Pin<Box<Sleep>>>,
}

impl Throttle {
    pub(super) fn new(bytes_per_second: usize) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        let share = (bytes_per_second as f64 * SHARE.as_secs_f64()) as usize;
        Self {
            share: share.max(1),
            nanoseconds: 1e9 / bytes_per_second as f64,
            uncounted: 0,
            even: Instant::now(),
            until: None,
            wait: None,
        }
    }

    /// How many bytes may go at once.
    pub(super) fn share(&self) -> usize {
        self.share
    }

    /// Ready when more may come.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(until) = self.until {
            ready!(self.wait.get_or_insert_with(|| Box::pin(sleep_until(until.into()))).as_mut().poll(cx));
            self.wait = None;
            self.until = None;
        }
        Poll::Ready(())
    }

    /// Takes note of what came.
    pub(super) fn note(&mut self, bytes: usize) {
        /// Which part of a share is counted at once, at the most.
        const PART: usize = 16;
        self.uncounted += bytes;
        if self.uncounted < self.share / PART {
            return;
        }
        let (now, bytes) = (Instant::now(), std::mem::take(&mut self.uncounted));
        let cost = Duration::from_nanos((bytes as f64 * self.nanoseconds) as u64);
        self.even = self.even.max(now.checked_sub(BURST).unwrap_or(now)) + cost;
        if self.even > now {
            self.until = Some(self.even);
        }
    }
}
