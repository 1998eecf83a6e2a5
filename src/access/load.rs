//! How much is under way, and what is refused when that is too much.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::Principal;
use crate::protocol::{Error, ErrorCode, Result};

/// How long a client does well to wait before it asks again.
const RETRY_AFTER_MS: u64 = 50;

/// The reads that one worker has under way.
#[derive(Default)]
pub(crate) struct Load {
    reads: AtomicUsize,
}

/// A read that is under way, until this is dropped.
pub(crate) struct UnderWay {
    load: Arc<Load>,
    principal: Arc<Principal>,
    busy: Arc<AtomicUsize>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.load.reads.fetch_sub(1, Ordering::Relaxed);
        if self.principal.reads.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What one may have under way, and who shares it.
pub(crate) struct Bounds<'s> {
    /// The most reads of a worker.
    pub(crate) reads: usize,
    /// How many workers there are.
    pub(crate) workers: usize,
    /// How many logins, or connections without one, have reads under way.
    pub(crate) busy: &'s Arc<AtomicUsize>,
}

impl Load {
    /// Takes note of one more read; an error if it is one too many. When half of all that may be is under
    /// way, nobody gets more than an equal part, so that who asks for much is refused before who does not; nor
    /// does one alone get so much that others are not let in.
    pub(crate) fn begin(
        self: &Arc<Self>,
        principal: &Arc<Principal>,
        bounds: &Bounds<'_>,
    ) -> Result<UnderWay> {
        let before = self.reads.fetch_add(1, Ordering::Relaxed);
        let own = principal.reads.fetch_add(1, Ordering::Relaxed);
        if own == 0 {
            bounds.busy.fetch_add(1, Ordering::Relaxed);
        }
        // From here on it is given back whatever becomes of it.
        let busy = bounds.busy.clone();
        let under_way = UnderWay { load: self.clone(), principal: principal.clone(), busy };
        let is_much = before >= bounds.reads / 2;
        let all = bounds.reads.saturating_mul(bounds.workers);
        let share = (all / bounds.busy.load(Ordering::Relaxed).max(1)).min(refuses_connections_from(all));
        match before >= bounds.reads || is_much && own >= share.max(1) {
            true => Err(overloaded()),
            false => Ok(under_way),
        }
    }

    /// How many there are.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    /// Whether new streams are refused.
    pub(crate) fn refuses_streams(&self, most: usize) -> bool {
        self.reads.load(Ordering::Relaxed) >= most - most / 8
    }

    /// Whether new connections are refused.
    pub(crate) fn refuses_connections(&self, most: usize) -> bool {
        self.reads.load(Ordering::Relaxed) >= refuses_connections_from(most)
    }
}

fn refuses_connections_from(most: usize) -> usize {
    most - most / 4
}

pub(crate) fn overloaded() -> Error {
    Error::new(ErrorCode::Overloaded, "more is being read than can be; ask again in a moment")
        .retry_after_ms(RETRY_AFTER_MS)
}
