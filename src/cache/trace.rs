//! Where the time of a read goes, for who asks that.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Verb, scan::ScanResult};

/// The course of one read: whom it is for, and, if one of them wants to know, what it does and waits for. It looks at
/// no clock otherwise.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    asked_by: AtomicU32,
    is_wanted: AtomicBool,
    has_begun: AtomicBool,
    /// Takes no room where it is not wanted.
    spent: OnceLock<Box<Mutex<Spent>>>,
}

/// What a read has done and waited for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    /// When it began.
    pub(crate) begun: Option<Instant>,
    /// It has sent no command, for an answer was kept that was read then.
    pub(crate) found: Option<Instant>,
    /// How long it waited for others after that.
    pub(crate) waited: Duration,
    /// For how long the cache had yet to answer at least one command.
    pub(crate) in_cache: Duration,
    commands: [u32; Verb::ALL.len()],
    /// How many commands are unanswered, and since when there are any.
    unanswered: usize,
    since: Option<Instant>,
}

impl Spent {
    /// How many commands were sent, by their names.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let counted = Verb::ALL.into_iter().zip(self.commands);
        counted.filter(|(_, count)| *count > 0).map(|(verb, count)| (verb.name(), count))
    }
}

/// A while that a read waits; it ends when this is dropped.
pub(super) struct Spell<'t> {
    trace: &'t Trace,
    since: Instant,
    what: What,
}

enum What {
    /// An answer of the cache.
    Answer,
    /// Its turn.
    Turn,
}

impl Trace {
    /// One more asks for the read, unless it has begun, and says whether to know its course.
    pub(crate) fn join(&self, wants: bool) -> bool {
        // Before it is looked whether it has begun: who begins looks at it after.
        if wants {
            self.is_wanted.store(true, Ordering::SeqCst);
        }
        let is_in_time = !self.has_begun.load(Ordering::SeqCst);
        if is_in_time {
            self.asked_by.fetch_add(1, Ordering::Relaxed);
        }
        is_in_time
    }

    /// How many asked for it.
    pub(crate) fn asked_by(&self) -> u32 {
        self.asked_by.load(Ordering::Relaxed)
    }

    /// The read begins.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
        if self.is_wanted() {
            self.spent().begun = Some(Instant::now());
        }
    }

    /// It sends no command, for an answer is kept that was read then.
    pub(crate) fn finds(&self, read: Instant) {
        if self.is_wanted() {
            self.spent().found = Some(read);
        }
    }

    /// What it has come to.
    pub(crate) fn so_far(&self) -> Spent {
        self.spent().clone()
    }

    fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::SeqCst)
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.get_or_init(Box::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command is sent, and its answer waited for.
    pub(super) fn command(trace: Option<&Arc<Self>>, verb: Verb) -> Option<Spell<'_>> {
        let spell = Self::answer(trace)?;
        spell.trace.count(verb, 1);
        Some(spell)
    }

    /// The cache is waited for.
    pub(super) fn answer(trace: Option<&Arc<Self>>) -> Option<Spell<'_>> {
        let trace = trace.filter(|trace| trace.is_wanted())?;
        let since = Instant::now();
        let mut spent = trace.spent();
        spent.unanswered += 1;
        spent.since.get_or_insert(since);
        drop(spent);
        Some(Spell { trace, since, what: What::Answer })
    }

    /// The read waits for its turn.
    pub(super) fn turn(trace: Option<&Arc<Self>>) -> Option<Spell<'_>> {
        let trace = trace.filter(|trace| trace.is_wanted())?;
        Some(Spell { trace, since: Instant::now(), what: What::Turn })
    }

    fn count(&self, verb: Verb, times: u32) {
        let count = &mut self.spent().commands[verb as usize];
        *count = count.saturating_add(times);
    }
}

impl Spell<'_> {
    /// What was waited for is a scan. One that was kept from before sent nothing now.
    pub(super) fn of_scan(&self, scan: &ScanResult) {
        if scan.finished >= self.since {
            self.trace.count(Verb::Scan, scan.steps);
        }
    }
}

impl Drop for Spell<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut spent = self.trace.spent();
        match self.what {
            What::Turn => spent.waited += now.duration_since(self.since),
            What::Answer => {
                spent.unanswered -= 1;
                if spent.unanswered == 0
                    && let Some(since) = spent.since.take()
                {
                    spent.in_cache += now.duration_since(since);
                }
            }
        }
    }
}
