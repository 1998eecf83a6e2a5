//! Answers that are kept: who asks in the same words gets the same answer, for as long as nothing that it rests on has
//! changed. Each worker has its own, so that no thread waits for another; that an answer no longer holds is seen by all
//! at once.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use hashbrown::HashTable;
use serde_json::Value;

use super::{
    replying::Given,
    subject::{Key, Subject},
};
use crate::{
    cache::{Basis, Notes},
    config::NearCache,
    metrics::Counter,
    operation::Outcome,
    protocol::Remarks,
};

/// What an answer takes beside its text and that of its params, about: the params' values, the table's part of it.
const OVERHEAD: usize = 512;
/// How much of all one answer may take.
const SHARE: usize = 8;

/// The answers that one worker keeps.
#[derive(Default)]
pub(super) struct Kept {
    shelves: Mutex<Shelves>,
    /// How many requests were answered by one.
    given: Counter,
    /// How many could have been, and were not.
    missed: Counter,
}

/// An answer, and what it is the answer to.
pub(super) struct Answer {
    key: Key,
    pub(super) params: Arc<Value>,
    pub(super) result: String,
    pub(super) remarks: Remarks,
    pub(super) basis: Basis,
    bytes: usize,
}

/// Answers, and how many bytes they take.
#[derive(Default)]
struct Shelf {
    answers: HashTable<Arc<Answer>>,
    bytes: usize,
}

impl Shelf {
    fn get(&self, subject: Subject<'_>) -> Option<&Arc<Answer>> {
        self.answers.find(subject.hash(), |answer| answer.key.is(subject))
    }

    fn take(&mut self, subject: Subject<'_>) -> Option<Arc<Answer>> {
        let found = self.answers.find_entry(subject.hash(), |answer| answer.key.is(subject)).ok()?;
        let (taken, _) = found.remove();
        self.bytes -= taken.bytes;
        Some(taken)
    }

    fn put(&mut self, answer: Arc<Answer>) {
        self.take(answer.key.subject());
        self.bytes += answer.bytes;
        self.answers.insert_unique(answer.key.hash(), answer, |answer| answer.key.hash());
    }
}

/// New answers lie on the first shelf, and those that were asked for lately. When it is full the second is cleared and
/// takes its place.
#[derive(Default)]
struct Shelves {
    first: Shelf,
    second: Shelf,
}

impl Shelves {
    fn get(&self, subject: Subject<'_>) -> Option<&Arc<Answer>> {
        self.first.get(subject).or_else(|| self.second.get(subject))
    }

    fn put(&mut self, answer: Arc<Answer>, most: usize) {
        let begun_later =
            |other: &Arc<Answer>| other.basis.since() > answer.basis.since() && other.basis.holds();
        if self.get(answer.key.subject()).is_some_and(begun_later) {
            return;
        }
        if self.first.bytes + answer.bytes > most / 2 {
            self.second = mem::take(&mut self.first);
        }
        self.second.take(answer.key.subject());
        self.first.put(answer);
    }
}

impl Answer {
    pub(super) fn outcome(&self) -> Given<'_> {
        Ok((&self.result, &self.remarks))
    }

    /// Whether it may be given, to who asks now.
    fn holds(&self, now: Instant, settings: &NearCache) -> bool {
        now.saturating_duration_since(self.basis.since()) < settings.max_age.get() && self.basis.holds()
    }
}

impl Kept {
    /// The answer to who asks for that.
    pub(super) fn find(
        &self,
        subject: Subject<'_>,
        now: Instant,
        settings: &NearCache,
    ) -> Option<Arc<Answer>> {
        let mut shelves = self.shelves();
        if let Some(answer) = shelves.first.get(subject).filter(|answer| answer.holds(now, settings)) {
            return Some(answer.clone());
        }
        shelves.first.take(subject);
        let answer = shelves.second.take(subject).filter(|answer| answer.holds(now, settings))?;
        shelves.put(answer.clone(), settings.bytes);
        Some(answer)
    }

    /// Counts requests that might be answered by what is kept: whether they were.
    pub(super) fn note(&self, requests: u32, are_given: bool) {
        if are_given { &self.given } else { &self.missed }.add(requests.into());
    }

    /// How many requests were answered by an answer that was kept.
    pub(super) fn given(&self) -> u64 {
        self.given.get()
    }

    /// How many could have been, and were not.
    pub(super) fn missed(&self) -> u64 {
        self.missed.get()
    }

    /// How many bytes the answers take, about.
    pub(super) fn bytes(&self) -> usize {
        let shelves = self.shelves();
        shelves.first.bytes + shelves.second.bytes
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is to be kept when it is there.
pub(super) struct Keeping {
    kept: Arc<Kept>,
    notes: Arc<Notes>,
    key: Key,
    params: Arc<Value>,
    settings: NearCache,
}

impl Keeping {
    /// Begins to keep the answer to that. Nothing of it may be read yet.
    pub(super) fn begin(
        kept: &Arc<Kept>,
        notes: Notes,
        key: Key,
        params: Arc<Value>,
        settings: &NearCache,
    ) -> Self {
        Self { kept: kept.clone(), notes: Arc::new(notes), key, params, settings: settings.clone() }
    }

    /// What takes note of what the answer rests on.
    pub(super) fn notes(&self) -> Arc<Notes> {
        self.notes.clone()
    }

    /// The answer, if one is kept by now.
    pub(super) fn find(&self) -> Option<Arc<Answer>> {
        let shelves = self.kept.shelves();
        shelves.get(self.key.subject()).filter(|answer| answer.holds(Instant::now(), &self.settings)).cloned()
    }

    /// Counts requests that it is the answer to, and whether it was kept.
    pub(super) fn note(&self, requests: u32, are_given: bool) {
        self.kept.note(requests, are_given);
    }

    /// Keeps the answer, if it is one that nothing had to be left out of.
    pub(super) fn keep(self, outcome: &Outcome) {
        let Ok((result, remarks)) = outcome else { return };
        let is_whole = remarks.warnings.is_empty();
        let Some(basis) = self.notes.basis().filter(|basis| is_whole && basis.holds()) else { return };
        let bytes = result.len() + 2 * self.key.len() + OVERHEAD;
        let most = self.settings.bytes;
        if bytes > most / SHARE {
            return;
        }
        let Self { kept, key, params, .. } = self;
        let (result, remarks) = (result.clone(), remarks.clone());
        let answer = Arc::new(Answer { key, params, result, remarks, basis, bytes });
        kept.shelves().put(answer, most);
    }
}
