//! Counters that `get_server_stats` shows.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::protocol::ErrorCode;

/// Counts of what happened since the start.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    open: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    too_slow: AtomicU64,
    requests: AtomicU64,
    errors: [AtomicU64; ErrorCode::ALL.len()],
}

/// A connection that counts as open for as long as this lives.
pub(crate) struct OpenConnection<'s>(&'s Stats);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stats {
    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self)
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn too_slow(&self) {
        self.too_slow.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        self.errors[code as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn accepted_total(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn refused_total(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn too_slow_total(&self) -> u64 {
        self.too_slow.load(Ordering::Relaxed)
    }

    pub(crate) fn requests_total(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The codes that were answered with, and how often.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        ErrorCode::ALL
            .into_iter()
            .map(|code| (code, self.errors[code as usize].load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
    }
}
