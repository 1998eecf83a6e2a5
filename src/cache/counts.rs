//! What is asked of the cache, counted and measured.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use super::{CacheError, Verb};
use crate::metrics::{Counter, Histogram};

/// Of all commands since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    times: [Histogram; Verb::ALL.len()],
    failures: [Counter; CacheError::KINDS.len()],
    waiting: AtomicUsize,
}

impl Counts {
    /// Takes note of a command that is sent now.
    pub(super) fn ask(&self, verb: Verb) -> Asked<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Asked { counts: self, verb, since: Instant::now() }
    }

    /// How many commands wait for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How long those took that were answered, by command; their wait for a connection is part of it.
    pub(crate) fn times(&self) -> impl Iterator<Item = (Verb, &Histogram)> {
        Verb::ALL.into_iter().zip(&self.times)
    }

    /// How many commands were not answered, by what went wrong.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CacheError::KINDS.into_iter().zip(self.failures.iter().map(Counter::get))
    }
}

/// A command that waits for its answer, until this is dropped.
pub(super) struct Asked<'c> {
    counts: &'c Counts,
    verb: Verb,
    since: Instant,
}

impl Asked<'_> {
    /// Takes note of what has become of it.
    pub(super) fn note<T>(&self, answer: &Result<T, CacheError>) {
        match answer {
            Ok(_) => self.counts.times[self.verb as usize].observe(self.since.elapsed()),
            Err(error) => self.counts.failures[error.kind()].add_one(),
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
