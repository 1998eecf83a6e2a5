//! Answers that are kept: who asks in the same words gets the same answer, for as long as nothing that it rests on has
//! changed. Each worker has its own, so that no thread waits for another; that an answer no longer holds is seen by all
//! at once.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::Value;

use crate::{
    cache::{Basis, Near, Notes, Plan},
    config::NearCache,
    metrics::Counter,
    operation::Outcome,
    protocol::Remarks,
    registry::Registered,
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
    plan: Arc<Plan>,
    pub(super) params: Arc<Value>,
    pub(super) result: String,
    pub(super) remarks: Remarks,
    pub(super) basis: Basis,
    bytes: usize,
}

/// Answers by the operation's number and the params' text, as it came.
#[derive(Default)]
struct Shelf {
    answers: Vec<HashMap<Arc<str>, Arc<Answer>>>,
    bytes: usize,
}

impl Shelf {
    fn get(&self, number: usize, params: &str) -> Option<&Arc<Answer>> {
        self.answers.get(number)?.get(params)
    }

    fn take(&mut self, number: usize, params: &str) -> Option<(Arc<str>, Arc<Answer>)> {
        let taken = self.answers.get_mut(number)?.remove_entry(params)?;
        self.bytes -= taken.1.bytes;
        Some(taken)
    }

    fn put(&mut self, number: usize, params: Arc<str>, answer: Arc<Answer>) {
        if self.answers.len() <= number {
            self.answers.resize_with(number + 1, HashMap::new);
        }
        self.bytes += answer.bytes;
        if let Some(before) = self.answers[number].insert(params, answer) {
            self.bytes -= before.bytes;
        }
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
    fn get(&self, number: usize, params: &str) -> Option<&Arc<Answer>> {
        self.first.get(number, params).or_else(|| self.second.get(number, params))
    }

    fn put(&mut self, number: usize, params: Arc<str>, answer: Arc<Answer>, most: usize) {
        let begun_later =
            |other: &Arc<Answer>| other.basis.since() > answer.basis.since() && other.basis.holds();
        if self.get(number, &params).is_some_and(begun_later) {
            return;
        }
        if self.first.bytes + answer.bytes > most / 2 {
            self.second = mem::take(&mut self.first);
        }
        self.first.put(number, params, answer);
    }
}

impl Answer {
    /// Whether it may be given, to who asks now for the operation as it is now.
    fn holds(&self, plan: &Arc<Plan>, now: Instant, settings: &NearCache) -> bool {
        Arc::ptr_eq(&self.plan, plan)
            && now.saturating_duration_since(self.basis.since()) < settings.max_age.get()
            && self.basis.holds()
    }
}

impl Kept {
    /// The answer to who asks an operation, by its number and as it is now, with params of this text.
    pub(super) fn find(
        &self,
        (number, plan): (usize, &Arc<Plan>),
        params: &str,
        now: Instant,
        settings: &NearCache,
    ) -> Option<Arc<Answer>> {
        let mut shelves = self.shelves();
        if !shelves.get(number, params)?.holds(plan, now, settings) {
            shelves.first.take(number, params);
            shelves.second.take(number, params);
            return None;
        }
        if let Some((params, answer)) = shelves.second.take(number, params) {
            shelves.put(number, params, answer, settings.bytes);
        }
        shelves.first.get(number, params).cloned()
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
    number: usize,
    plan: Arc<Plan>,
    text: Arc<str>,
    params: Arc<Value>,
    settings: NearCache,
}

impl Keeping {
    /// Begins to keep the answer to params of this text. Nothing of it may be read yet.
    pub(super) fn begin(
        kept: &Arc<Kept>,
        near: &Arc<Near>,
        operation: &Registered,
        (text, params): (Arc<str>, Arc<Value>),
        settings: &NearCache,
    ) -> Self {
        Self {
            kept: kept.clone(),
            notes: Arc::new(Notes::new(near.clone(), operation.prefixes.clone())),
            number: operation.number,
            plan: operation.plan.clone(),
            text,
            params,
            settings: settings.clone(),
        }
    }

    /// What takes note of what the answer rests on.
    pub(super) fn notes(&self) -> Arc<Notes> {
        self.notes.clone()
    }

    /// The answer, if one is kept by now. One to the operation as it is since a reload stays where it is.
    pub(super) fn find(&self) -> Option<Arc<Answer>> {
        let shelves = self.kept.shelves();
        let answer = shelves.get(self.number, &self.text)?;
        answer.holds(&self.plan, Instant::now(), &self.settings).then(|| answer.clone())
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
        let bytes = result.len() + 2 * self.text.len() + OVERHEAD;
        let most = self.settings.bytes;
        if bytes > most / SHARE {
            return;
        }
        let (plan, params) = (self.plan, self.params);
        let answer = Answer { plan, params, result: result.clone(), remarks: remarks.clone(), basis, bytes };
        self.kept.shelves().put(self.number, self.text, Arc::new(answer), most);
    }
}
