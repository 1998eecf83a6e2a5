//! So many bytes a second, and no more.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::time::{Sleep, sleep_until};

/// How much may come at once after a pause: what would come in this time.
const BURST: Duration = Duration::from_secs(1);

/// Lets so many bytes a second through. What is more waits.
#[derive(Debug)]
pub(super) struct Throttle {
    /// How long a byte takes, in nanoseconds.
    nanoseconds: f64,
    /// When all bytes so far would be through, if they came evenly.
    even: Instant,
    /// Under way while it waits.
    wait: Option<Pin<Box<Sleep>>>,
}

impl Throttle {
    pub(super) fn new(bytes_per_second: usize) -> Self {
        Self { nanoseconds: nanoseconds(bytes_per_second), even: Instant::now(), wait: None }
    }

    pub(super) fn adopt(&mut self, bytes_per_second: usize) {
        self.nanoseconds = nanoseconds(bytes_per_second);
    }

    /// Ready when more may come.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        Poll::Ready(())
    }

    /// Takes note of what came.
    pub(super) fn note(&mut self, bytes: usize) {
        let now = Instant::now();
        let cost = Duration::from_nanos((bytes as f64 * self.nanoseconds) as u64);
        self.even = self.even.max(now.checked_sub(BURST).unwrap_or(now)) + cost;
        if self.even > now {
            self.wait = Some(Box::pin(sleep_until(self.even.into())));
        }
    }
}

fn nanoseconds(bytes_per_second: usize) -> f64 {
    1e9 / bytes_per_second.max(1) as f64
}
