//! What holds a stream's frames back.

use std::sync::atomic::{AtomicU64, Ordering};

/// A reply that a stream's frames come after: they are held back until it is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold(u64);

impl Hold {
    /// One that nothing else has.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(COUNT.fetch_add(1, Ordering::Relaxed))
    }
}
