//! What lets an answer be kept and given again: the keys that it rests on, and whether Redis has told since that one of
//! them changed.
//!
//! Why no answer outlives its data: before a read is sent, its key has a [`Mark`] in the book, and Redis is bound to
//! tell of changes of that key. Whatever changes it after it was read is told of after that, finds the mark and raises
//! it; so does the loss of the connection on which it would be told. A raised mark is never lowered: what is read next
//! rests on a new one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use hashbrown::HashMap;
use tokio::sync::Notify;

use super::Key;

/// Raised when a key has changed, or may have.
type Mark = Arc<AtomicBool>;

/// Which keys answers rest on. One for all threads; to look whether an answer holds takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Near {
    book: Mutex<Book>,
    /// Whether Redis was ever willing to tell of changes.
    is_fed: AtomicBool,
    /// Rings when Redis is to be asked to tell of more.
    news: Notify,
    /// How many marks were raised.
    raised: AtomicU64,
}

#[derive(Debug, Default)]
struct Book {
    /// By the keys.
    marks: HashMap<Box<str>, Mark>,
    /// How many marks there may be before it is looked which of them no answer rests on any more.
    sweep_at: usize,
    /// How the keys begin that Redis may be asked to tell the changes of.
    allowed: BTreeSet<String>,
    /// Those among them that it is to tell of.
    wanted: BTreeSet<String>,
    /// The feeds that are not lost, each with those that it tells of.
    feeds: BTreeMap<u64, BTreeSet<String>>,
    /// The number of the last feed.
    last: u64,
}

/// How few marks are never looked through.
const FEW: usize = 1024;

impl Near {
    /// From now on Redis may be asked to tell of keys that begin so, and of no others: it refuses prefixes that overlap.
    pub(super) fn allow(&self, prefixes: BTreeSet<String>) {
        let mut book = self.book();
        book.wanted.retain(|prefix| prefixes.contains(prefix));
        book.allowed = prefixes;
    }

    /// A connection on which Redis will tell of changes.
    pub(super) fn feed(self: &Arc<Self>) -> Feed {
        let mut book = self.book();
        book.last += 1;
        let number = book.last;
        book.feeds.insert(number, BTreeSet::new());
        Feed { near: self.clone(), number }
    }

    /// Whether Redis was ever willing to tell of changes: without that there is nothing to keep.
    pub(crate) fn is_fed(&self) -> bool {
        self.is_fed.load(Ordering::Relaxed)
    }

    /// Waits until Redis is to be asked to tell of more.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// How the keys begin that Redis is to tell the changes of.
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        self.book().wanted.clone()
    }

    /// A key has changed.
    pub(crate) fn changed(&self, key: &str) {
        if let Some(mark) = self.book().marks.remove(key) {
            self.raise(&mark);
        }
    }

    /// Any key may have changed.
    pub(super) fn all_changed(&self) {
        let mut book = self.book();
        book.sweep_at = 0;
        book.marks.drain().for_each(|(_, mark)| self.raise(&mark));
    }

    /// How many times a key changed that answers rested on.
    pub(crate) fn raised(&self) -> u64 {
        self.raised.load(Ordering::Relaxed)
    }

    /// The mark of a key that is about to be read, if Redis tells of its changes. If not, it is asked to do so from now
    /// on, of all keys that begin so.
    fn mark(&self, key: &Key, prefix: &str) -> Option<Mark> {
        let mut book = self.book();
        if !book.feeds.values().any(|told| told.contains(prefix)) {
            if book.allowed.contains(prefix) && book.wanted.insert(prefix.to_owned()) {
                self.news.notify_one();
            }
            return None;
        }
        if let Some(mark) = book.marks.get(key.as_str()) {
            return Some(mark.clone());
        }
        if book.marks.len() >= book.sweep_at.max(FEW) {
            book.marks.retain(|_, mark| Arc::strong_count(mark) > 1);
            book.sweep_at = book.marks.len() * 2;
        }
        let mark = Mark::default();
        book.marks.insert(key.as_str().into(), mark.clone());
        Some(mark)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, mark: &Mark) {
        mark.store(true, Ordering::Release);
        self.raised.fetch_add(1, Ordering::Relaxed);
    }
}

/// One connection on which Redis tells of changes, until it is lost.
#[derive(Debug)]
pub(super) struct Feed {
    near: Arc<Near>,
    number: u64,
}

impl Feed {
    /// What takes note of changes.
    pub(super) fn near(&self) -> &Near {
        &self.near
    }

    /// Redis grants that it is asked to tell of changes.
    pub(super) fn is_granted(&self) {
        self.near.is_fed.store(true, Ordering::Relaxed);
    }

    /// From now on Redis tells of the changes of keys that begin so.
    pub(super) fn tells_of(&self, prefix: &str) {
        // One that is lost tells of nothing more.
        if let Some(told) = self.near.book().feeds.get_mut(&self.number) {
            told.insert(prefix.to_owned());
        }
    }

    /// Whether it tells of the changes of keys that begin so.
    pub(super) fn does_tell_of(&self, prefix: &str) -> bool {
        self.near.book().feeds.get(&self.number).is_some_and(|told| told.contains(prefix))
    }

    /// From now on Redis tells of nothing, and may have failed to before.
    pub(super) fn is_lost(&self) {
        // Once: what others tell of meanwhile still holds.
        let was_there = self.near.book().feeds.remove(&self.number).is_some();
        if was_there {
            self.near.all_changed();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.is_lost();
    }
}

/// Takes note of what an answer rests on, while it is read.
#[derive(Debug)]
pub(crate) struct Notes {
    near: Arc<Near>,
    /// How the keys begin that the operation reads.
    prefixes: Arc<[String]>,
    /// None: it cannot be told whether the answer still holds.
    marks: Mutex<Option<Vec<Mark>>>,
    /// When the first command was sent.
    since: OnceLock<Instant>,
}

impl Notes {
    pub(crate) fn new(near: Arc<Near>, prefixes: Arc<[String]>) -> Self {
        Self { near, prefixes, marks: Mutex::new(Some(Vec::new())), since: OnceLock::new() }
    }

    /// A key is about to be read; None: many are looked for.
    pub(super) fn note(&self, key: Option<&Key>) {
        self.since.get_or_init(Instant::now);
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = &mut *marks else { return };
        let prefix = |key: &Key| self.prefixes.iter().find(|prefix| key.as_str().starts_with(&***prefix));
        let mark = key.and_then(|key| self.near.mark(key, prefix(key)?));
        match mark {
            Some(mark) => known.push(mark),
            None => *marks = None,
        }
    }

    /// What the answer rests on; None if that cannot be watched.
    pub(crate) fn basis(&self) -> Option<Basis> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Basis { marks, since: *self.since.get()? })
    }
}

/// What an answer rests on.
#[derive(Debug)]
pub(crate) struct Basis {
    marks: Vec<Mark>,
    since: Instant,
}

impl Basis {
    /// When the first of it was asked for. Of two answers that were read by the same connection, the newer one has the
    /// later time.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Whether nothing of it has changed since it was read, as far as Redis has told.
    pub(crate) fn holds(&self) -> bool {
        self.marks.iter().all(|mark| !mark.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::cache::Pattern;

    /// What happens, one thing at a time.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Step {
        /// The value changes; Redis tells of it, if there is a connection to tell it on.
        Write,
        /// What was told first and is still on its way gets there.
        Hear,
        /// A reader goes one step on: it notes the key, Redis reads the value, the answer is there.
        Read(usize),
        /// The connection breaks, with all that is on its way; that is noticed; there is a new one.
        Break,
        Notice,
        Connect,
    }

    /// A Redis with one key, what it tells, and those who read and keep it.
    struct World {
        near: Arc<Near>,
        feed: Feed,
        key: Key,
        is_connected: bool,
        value: u32,
        told: VecDeque<u32>,
        readers: Vec<Reader>,
        /// What was heard of last, or was the value when the connection was made.
        known: u32,
    }

    enum Reader {
        Idle,
        Noted(Notes),
        Read(Notes, u32),
        Kept(Option<Basis>, u32),
    }

    const PREFIX: &str = "tickers:";

    impl World {
        fn new(readers: usize) -> Self {
            let near = Arc::<Near>::default();
            let feed = near.feed();
            feed.tells_of(PREFIX);
            let key = Pattern::parse("tickers:{exchange}").unwrap().fill(|_| Some("x".into())).unwrap();
            let readers = (0..readers).map(|_| Reader::Idle).collect();
            Self { near, feed, key, is_connected: true, value: 0, told: VecDeque::new(), readers, known: 0 }
        }

        fn go(&mut self, step: Step) {
            match step {
                Step::Write => {
                    self.value += 1;
                    if self.is_connected {
                        self.told.push_back(self.value);
                    }
                }
                Step::Hear => {
                    if let Some(value) = self.told.pop_front() {
                        self.near.changed(self.key.as_str());
                        self.known = self.known.max(value);
                    }
                }
                Step::Read(reader) => {
                    let before = std::mem::replace(&mut self.readers[reader], Reader::Idle);
                    self.readers[reader] = match before {
                        Reader::Idle => {
                            let notes = Notes::new(self.near.clone(), [PREFIX.to_owned()].into());
                            notes.note(Some(&self.key));
                            Reader::Noted(notes)
                        }
                        Reader::Noted(notes) => Reader::Read(notes, self.value),
                        Reader::Read(notes, value) => Reader::Kept(notes.basis(), value),
                        kept @ Reader::Kept(..) => kept,
                    };
                }
                Step::Break => {
                    self.is_connected = false;
                    self.told.clear();
                }
                Step::Notice => {
                    self.feed.is_lost();
                    // Nothing from before is good any more, whatever has changed since.
                    self.known = self.value;
                }
                Step::Connect => {
                    self.is_connected = true;
                    // What the one before still wants to say of itself counts for nothing.
                    std::mem::replace(&mut self.feed, self.near.feed()).tells_of(PREFIX);
                    self.feed.tells_of(PREFIX);
                }
            }
        }

        /// Answers that would be given now.
        fn kept(&self) -> impl Iterator<Item = u32> {
            self.readers.iter().filter_map(|reader| match reader {
                Reader::Kept(Some(basis), value) if basis.holds() => Some(*value),
                _ => None,
            })
        }
    }

    /// Goes through all orders in which the rest of what each does may happen, and calls this after each step.
    fn all_orders(
        readers: usize,
        actors: &[Vec<Step>],
        path: &mut Vec<Step>,
        check: &mut impl FnMut(&World, &[Step]),
    ) {
        let mut world = World::new(readers);
        path.iter().for_each(|step| world.go(*step));
        check(&world, path);
        for (actor, steps) in actors.iter().enumerate() {
            let Some((step, rest)) = steps.split_first() else { continue };
            let mut actors = actors.to_vec();
            actors[actor] = rest.to_vec();
            path.push(*step);
            all_orders(readers, &actors, path, check);
            path.pop();
        }
    }

    fn never_old(readers: usize, actors: &[Vec<Step>]) {
        let (mut orders, mut given) = (0, 0);
        all_orders(readers, actors, &mut Vec::new(), &mut |world, path| {
            orders += usize::from(path.len() == actors.iter().map(Vec::len).sum::<usize>());
            for value in world.kept() {
                given += 1;
                assert!(value >= world.known, "{value} is given, {} is known of: {path:?}", world.known);
            }
        });
        assert!(orders > 1000 && given > 0, "{orders} orders, {given} answers");
    }

    #[test]
    fn whatever_the_order_no_answer_is_older_than_what_was_told() {
        let read = |reader| vec![Step::Read(reader); 3];
        never_old(2, &[read(0), read(1), vec![Step::Write; 2], vec![Step::Hear; 2]]);
    }

    #[test]
    fn whatever_the_order_no_answer_is_from_before_a_reconnect() {
        let outage = vec![Step::Break, Step::Notice, Step::Connect];
        let read = vec![Step::Read(0); 3];
        never_old(1, &[read, vec![Step::Write; 2], vec![Step::Hear; 2], outage]);
    }

    #[test]
    fn marks_that_no_answer_rests_on_are_swept() {
        let near = Arc::<Near>::default();
        let feed = near.feed();
        feed.tells_of(PREFIX);
        let pattern = Pattern::parse("tickers:{exchange}").unwrap();
        let key = |number: usize| pattern.fill(|_| Some(number.to_string().into())).unwrap();
        let kept: Vec<_> = (0..10).map(|number| near.mark(&key(number), PREFIX).unwrap()).collect();
        (10..5 * FEW).for_each(|number| drop(near.mark(&key(number), PREFIX)));
        let marks = near.book().marks.len();
        assert!(marks <= FEW, "{marks}");
        feed.is_lost();
        assert!(near.mark(&key(0), PREFIX).is_none(), "nobody tells");
        assert!(kept.iter().all(|mark| mark.load(Ordering::Acquire)));
    }
}
