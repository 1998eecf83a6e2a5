//! What waits to be taken of a stream.

use std::{
    collections::{BTreeMap, HashMap},
    mem::Discriminant,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use serde_json::Value;
use tokio::sync::Notify;

use super::{ClientError, Event, Position, RawUpdate};
use crate::registry::named_by;

/// What a stream is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamKind {
    /// Items that come, change and go, each named by these members: of what waits, an item's newest form is kept.
    State(Vec<String>),
    /// Entries, each of which counts.
    Log,
}

impl StreamKind {
    /// What a stream is made of, by what `describe` says of its operation.
    pub fn of(described: &Value) -> Self {
        named_by(&described["update"]).map_or(Self::Log, Self::State)
    }
}

/// What waits of one stream: of a state the newest form of every item, so that it is no larger than the state but for
/// removals; of a log every entry. Removals and entries are counted, so that the stream can be paused.
#[derive(Debug)]
pub(super) struct Mailbox {
    is_of_log: bool,
    most: usize,
    /// Tells the driver that there is room again, or that nobody takes anything any more.
    bell: Arc<Notify>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    entries: BTreeMap<u64, Entry>,
    /// Where that waits which takes the place of an older one.
    places: HashMap<Key, u64>,
    next_place: u64,
    counted: usize,
    is_paused: bool,
    is_left: bool,
    end: Option<Result<(), ClientError>>,
    position: Option<Position>,
    waker: Option<Waker>,
}

/// What the newest is kept of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// An item, by what names it.
    Item(String),
    /// The corrupt form of an item.
    Warning(Option<String>),
    /// A kind of event.
    Event(Discriminant<Event<RawUpdate>>),
}

#[derive(Debug)]
struct Entry {
    event: Event<RawUpdate>,
    /// What it is the newest of; None: it stands for itself.
    key: Option<Key>,
    /// Whether it counts against the bound.
    counts: bool,
    /// Where the stream stands when it is taken; None for what is no update.
    position: Option<Position>,
}

impl Mailbox {
    pub(super) fn new(kind: &StreamKind, most: usize, position: Option<Position>, bell: Arc<Notify>) -> Self {
        let queue = Mutex::new(Queue { position, ..Queue::default() });
        Self { is_of_log: *kind == StreamKind::Log, most: most.max(1), bell, queue }
    }

    /// Appends an update; of a state it takes the place of an older one of the same item, which this names. Gives
    /// whether as much waits as may.
    pub(super) fn push(&self, update: RawUpdate, name: Option<String>, position: Position) -> bool {
        let counts = name.is_none() || update.is_removed;
        let event = Event::Update(update);
        self.put(Entry { event, key: name.map(Key::Item), counts, position: Some(position) })
    }

    /// Appends what is no update. Of each kind that only tells how things are, the newest is kept. Gives whether as much
    /// waits as may.
    pub(super) fn tell(&self, event: Event<RawUpdate>) -> bool {
        let counts = self.is_of_log && matches!(event, Event::Gap(_));
        let key = match &event {
            Event::Gap(_) if counts => None,
            Event::Warning(warning) => Some(Key::Warning(warning.item.clone())),
            event => Some(Key::Event(std::mem::discriminant(event))),
        };
        self.put(Entry { event, key, counts, position: None })
    }

    /// Gives whether as much waits as may.
    fn put(&self, entry: Entry) -> bool {
        let mut queue = self.lock();
        queue.put(entry);
        queue.is_paused |= queue.counted >= self.most;
        queue.is_paused
    }

    /// Nothing more comes: what waits can still be taken, then it is over.
    pub(super) fn finish(&self, end: Result<(), ClientError>) {
        let mut queue = self.lock();
        if queue.end.is_none() {
            queue.end = Some(end);
            queue.wake();
        }
    }

    /// The next, as soon as there is one.
    pub(super) fn poll_take(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Event<RawUpdate>, ClientError>>> {
        let mut queue = self.lock();
        if let Some(event) = queue.take() {
            if queue.is_paused && queue.counted <= self.most / 2 {
                self.bell.notify_one();
            }
            return Poll::Ready(Some(Ok(event)));
        }
        match &mut queue.end {
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
            // An error is told once.
            Some(end) => Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err)),
        }
    }

    /// Whether it was paused and may go on; from then on it is not paused.
    pub(super) fn goes_on(&self) -> bool {
        let mut queue = self.lock();
        let goes_on = queue.is_paused && queue.counted <= self.most / 2;
        queue.is_paused &= !goes_on;
        goes_on
    }

    pub(super) fn is_paused(&self) -> bool {
        self.lock().is_paused
    }

    /// Nobody takes anything any more.
    pub(super) fn leave(&self) {
        let mut queue = self.lock();
        queue.is_left = true;
        queue.entries.clear();
        queue.places.clear();
        self.bell.notify_one();
    }

    pub(super) fn is_left(&self) -> bool {
        self.lock().is_left
    }

    /// Where what was taken ends.
    pub(super) fn position(&self) -> Option<Position> {
        self.lock().position.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn put(&mut self, entry: Entry) {
        if self.is_left || self.end.is_some() {
            return;
        }
        let place = self.next_place;
        self.next_place += 1;
        if let Some(key) = &entry.key
            && let Some(older) = self.places.insert(key.clone(), place)
            && let Some(older) = self.entries.remove(&older)
        {
            self.counted -= usize::from(older.counts);
        }
        self.counted += usize::from(entry.counts);
        self.entries.insert(place, entry);
        self.wake();
    }

    fn take(&mut self) -> Option<Event<RawUpdate>> {
        let (_, Entry { event, key, counts, position }) = self.entries.pop_first()?;
        if let Some(key) = key {
            self.places.remove(&key);
        }
        self.counted -= usize::from(counts);
        if position.is_some() {
            self.position = position;
        }
        Some(event)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
