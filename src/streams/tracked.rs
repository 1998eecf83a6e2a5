//! A topic as the driver knows it: what has changed since it was read, and when it is to be read next.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    messages::Messages,
    sheet::{Said, Sheet},
    topic::Topic,
};
use crate::cache::Cache;

/// How long changes are gathered before they are read, so that a burst is one read.
const GATHER: Duration = Duration::from_millis(2);
/// How soon after a read failed it is tried again; it doubles up to the topic's interval.
const FIRST_RETRY: Duration = Duration::from_millis(25);
/// How many changed keys are remembered; after more, anything may have changed.
const MOST_CHANGED: usize = 1000;

/// A topic as the driver knows it.
pub(super) struct Tracked {
    pub(super) topic: Arc<Topic>,
    /// None while it is being read.
    pub(super) sheet: Option<Sheet>,
    /// When it is to be read next.
    pub(super) due: Instant,
    /// When it was to be read, before a change came that a message may yet explain.
    pub(super) regular: Option<Instant>,
    /// Whether it changed while it was being read.
    pub(super) is_dirty: bool,
    /// What the writer publishes, held against what changes.
    pub(super) messages: Messages,
    /// Messages that came while it was being read.
    pub(super) waiting: Vec<Said>,
    pub(super) unused_since: Option<Instant>,
    /// The keys that it is read from, as far as it is known which they are.
    pub(super) keys: Vec<String>,
    /// The keys that changed since it was last begun to be read; None: any may have.
    changed: Option<BTreeSet<String>>,
    /// When all of it is to be read, whatever is told.
    all_due: Instant,
    /// Whether the last read was of all.
    was_all: bool,
    /// When it was last begun to be read, and how long that took.
    began: Instant,
    took: Duration,
    /// Until when it is not read again for a change.
    not_before: Instant,
    /// How soon it is tried again if that fails.
    retry: Duration,
}

/// How a read went, and what is told of changes after it.
pub(super) struct Outcome {
    pub(super) has_failed: bool,
    /// How long all that is not told of may stay unread.
    pub(super) interval: Duration,
    /// Until when it is not to be read again.
    pub(super) not_before: Instant,
}

impl Tracked {
    /// A topic that is to be read for the first time.
    pub(super) fn new(topic: Arc<Topic>, keys: Vec<String>, now: Instant) -> Self {
        Self {
            topic,
            keys,
            sheet: Some(Sheet::default()),
            due: now,
            regular: None,
            is_dirty: false,
            messages: Messages::default(),
            waiting: Vec::new(),
            unused_since: None,
            changed: None,
            all_due: now,
            was_all: false,
            began: now,
            took: Duration::ZERO,
            not_before: now,
            retry: FIRST_RETRY,
        }
    }

    /// Has no answer be given again that rests on its keys. Redis may tell of their change a moment after the change
    /// was read or published, and who has seen an update must be given no older answer.
    pub(super) fn disown_answers(&self, cache: &Cache) {
        self.keys.iter().for_each(|key| cache.near().changed(key));
    }

    /// When a change that is told now is to be read: what takes long to read, or is large, is not read all the time.
    pub(super) fn after_gathering(&self, now: Instant) -> Instant {
        let gather = self.took.min(self.topic.operation().poll_interval()).max(GATHER);
        self.when_rested(now + gather)
    }

    /// The same time, or when it may be read again.
    pub(super) fn when_rested(&self, at: Instant) -> Instant {
        at.max(self.not_before)
    }

    /// A key changed.
    pub(super) fn note(&mut self, key: &str) {
        if let Some(changed) = &mut self.changed {
            changed.insert(key.to_owned());
        }
        if self.changed.as_ref().is_some_and(|changed| changed.len() > MOST_CHANGED) {
            self.changed = None;
        }
    }

    /// Anything may have changed.
    pub(super) fn note_all(&mut self) {
        self.changed = None;
    }

    /// Begins a read, and gives the keys that it may leave all others for; None if it is to be of all.
    pub(super) fn begin(&mut self, now: Instant) -> Option<BTreeSet<String>> {
        if now >= self.all_due {
            self.changed = None;
        }
        let changed = self.changed.replace(BTreeSet::new());
        self.was_all = changed.is_none();
        (self.is_dirty, self.regular, self.began) = (false, None, now);
        self.messages.forgive(now);
        changed
    }

    /// Ends a read, and sets when the next is due.
    pub(super) fn end(&mut self, sheet: Sheet, outcome: Outcome, now: Instant) {
        self.sheet = Some(sheet);
        self.took = now.duration_since(self.began);
        self.not_before = outcome.not_before;
        if outcome.has_failed {
            let wait = self.retry.min(self.topic.operation().poll_interval());
            (self.due, self.retry) = (now + wait, wait * 2);
            return self.note_all();
        }
        self.retry = FIRST_RETRY;
        if self.was_all || self.messages.are_doubtful() {
            self.all_due = (now + outcome.interval).max(self.not_before);
        }
        self.due = match self.is_dirty {
            true => self.after_gathering(now),
            false => self.all_due,
        };
    }
}
