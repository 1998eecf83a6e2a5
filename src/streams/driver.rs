//! Reads topics again: when the cache tells of a change, when a writer publishes one, when an interval is
//! over. One thread, with connections of its own; what it reads is taken over by the topics.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{runtime::Builder, sync::mpsc, time::sleep_until};

use super::{
    hub::Hub,
    sheet::{Said, Sheet},
    topic::{Topic, Wanted},
};
use crate::{
    cache::{Cache, Event, Glob, Means, Stored, View, Wish},
    operation::Answer,
    protocol::{Error, ErrorCode, Result},
};

/// How many events and wishes may wait.
const MOST_WAITING: usize = 1024;
/// How long changes are gathered before they are read, so that a burst is one read.
const GATHER: Duration = Duration::from_millis(2);
/// Within what time of a change of a key its writer's message explains it.
const EXPLAINED: Duration = Duration::from_millis(100);

/// A read that is under way: which topic's, what it wanted, and what came of it.
type Reading = BoxFuture<'static, (u64, Wanted, Sheet, Result<()>)>;

/// Reads topics again.
pub(super) struct Driver {
    hub: Weak<Hub>,
    cache: Cache,
    means: Means,
    is_up: bool,
    events: mpsc::Receiver<Event>,
    wishes: mpsc::Sender<Wish>,
    /// What was wished for.
    wished: BTreeSet<Wish>,
    /// How many wishes are not granted yet.
    pending: usize,
    tracked: HashMap<u64, Tracked>,
    last_id: u64,
    /// When each is to be read next.
    due: BTreeSet<(Instant, u64)>,
    readings: FuturesUnordered<Reading>,
}

/// A topic as the driver knows it.
struct Tracked {
    topic: Arc<Topic>,
    /// The keys that it is read from.
    globs: Vec<Glob>,
    /// None while it is being read.
    sheet: Option<Sheet>,
    /// When it is to be read next.
    due: Instant,
    /// When it was to be read, before a change came that a message may yet explain.
    regular: Option<Instant>,
    /// Whether it changed while it was being read.
    is_dirty: bool,
    /// What the writer publishes, held against what changes.
    messages: Messages,
    /// Messages that came while it was being read.
    waiting: Vec<Said>,
    unused_since: Option<Instant>,
}

/// Which changes of a key its writer's messages explain: each message one, shortly before or after it.
/// Redis tells of several changes at once, but never of one twice, so what is left over is another's.
#[derive(Default)]
struct Messages {
    /// Messages that no change was told for yet.
    ahead: u32,
    last: Option<Instant>,
    /// Changes that no message came for yet.
    unexplained: u32,
}

impl Messages {
    /// A change was told. Says whether it still wants a message.
    fn explain_a_change(&mut self) -> bool {
        if self.last.is_none_or(|last| last.elapsed() >= EXPLAINED) {
            self.ahead = 0;
        }
        let is_explained = self.ahead > 0;
        match is_explained {
            true => self.ahead -= 1,
            false => self.unexplained += 1,
        }
        !is_explained
    }

    /// A message came. Says whether every change is explained now.
    fn count(&mut self) -> bool {
        self.last = Some(Instant::now());
        match self.unexplained.checked_sub(1) {
            Some(fewer) => self.unexplained = fewer,
            None => self.ahead += 1,
        }
        self.unexplained == 0
    }
}

impl Driver {
    /// Starts the thread. It ends when the hub is gone.
    pub(super) fn start(hub: &Arc<Hub>, cache: &Cache, channels: Vec<Glob>) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let cache = {
            let _within = runtime.enter();
            cache.of_worker()
        };
        let hub = Arc::downgrade(hub);
        thread::Builder::new().name("streams".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let (wishes, wanted) = mpsc::channel(MOST_WAITING);
                let (tell, events) = mpsc::channel(MOST_WAITING);
                cache.listen(channels, wanted, tell);
                let driver = Self {
                    hub,
                    cache,
                    means: Means::default(),
                    is_up: false,
                    events,
                    wishes,
                    wished: BTreeSet::new(),
                    pending: 0,
                    tracked: HashMap::new(),
                    last_id: 0,
                    due: BTreeSet::new(),
                    readings: FuturesUnordered::new(),
                };
                driver.run().await;
            });
        })?;
        Ok(())
    }

    async fn run(mut self) {
        /// How often it is looked whether the hub is still there.
        const LOOK: Duration = Duration::from_secs(1);
        loop {
            let Some(hub) = self.hub.upgrade() else { return };
            self.take_in(&hub).await;
            self.begin_due(&hub);
            let next = match self.due.first() {
                Some((due, _)) if self.pending == 0 => *due,
                _ => Instant::now() + LOOK,
            };
            tokio::select! {
                biased;
                Some((id, wanted, sheet, result)) = self.readings.next(), if !self.readings.is_empty() => {
                    self.finish(&hub, id, wanted, sheet, result);
                }
                event = self.events.recv() => match event {
                    Some(event) => self.happen(&hub, event),
                    None => return,
                },
                () = hub.news.notified() => {}
                () = sleep_until(next.min(Instant::now() + LOOK).into()) => {}
            }
        }
    }

    /// Takes in topics that are new, and asks to be told of what they are made of.
    async fn take_in(&mut self, hub: &Hub) {
        let (new, again) = {
            let mut topics = hub.topics();
            (std::mem::take(&mut topics.new), std::mem::take(&mut topics.wanted_more))
        };
        for topic in new {
            for wish in topic.operation.wishes() {
                if self.wished.insert(wish.clone()) {
                    // An error means that the listener is gone, which ends the driver soon.
                    if self.wishes.send(wish).await.is_ok() {
                        self.pending += 1;
                    }
                }
            }
            self.last_id += 1;
            let now = Instant::now();
            self.due.insert((now, self.last_id));
            let tracked = Tracked {
                globs: topic.operation.globs(&topic.params),
                topic,
                sheet: Some(Sheet::default()),
                due: now,
                regular: None,
                is_dirty: false,
                messages: Messages::default(),
                waiting: Vec::new(),
                unused_since: None,
            };
            self.tracked.insert(self.last_id, tracked);
        }
        for topic in again {
            let found = self.tracked.iter().find(|(_, tracked)| Arc::ptr_eq(&tracked.topic, &topic));
            if let Some(id) = found.map(|(id, _)| *id) {
                self.mark(id, Instant::now());
            }
        }
    }

    fn happen(&mut self, hub: &Hub, event: Event) {
        match event {
            Event::Up(means) => {
                self.is_up = true;
                self.set_means(hub, means);
                self.mark_all();
            }
            Event::Armed(means) => {
                self.pending = self.pending.saturating_sub(1);
                if self.is_up {
                    self.set_means(hub, means);
                }
            }
            Event::Down(reason) => {
                self.is_up = false;
                self.set_means(hub, Means::default());
                self.tracked.values().for_each(|tracked| tracked.topic.declare_stale(&reason));
                self.mark_all();
            }
            Event::Changed(keys) => keys.iter().for_each(|key| self.change(key)),
            Event::EverythingChanged => self.mark_all(),
            Event::Said { channel, payload } => self.say(&channel, payload),
        }
    }

    fn set_means(&mut self, hub: &Hub, means: Means) {
        if self.means != means {
            self.means = means;
            hub.set_means(means);
            // What was to be read in half a minute may be polled now.
            self.mark_all();
        }
    }

    fn mark_all(&mut self) {
        let now = Instant::now();
        let ids: Vec<u64> = self.tracked.keys().copied().collect();
        ids.into_iter().for_each(|id| self.mark(id, now));
    }

    /// Has a topic read at a time, or before.
    fn mark(&mut self, id: u64, at: Instant) {
        let Some(tracked) = self.tracked.get_mut(&id) else { return };
        if tracked.sheet.is_none() {
            tracked.is_dirty = true;
        } else if at < tracked.due {
            self.due.remove(&(tracked.due, id));
            tracked.due = at;
            self.due.insert((at, id));
        }
    }

    /// A key may have changed.
    fn change(&mut self, key: &str) {
        self.cache.take_note_of(key);
        let now = Instant::now();
        let channels = self.means.channels;
        let touched: Vec<(u64, Instant)> = self
            .tracked
            .iter_mut()
            .filter(|(_, tracked)| tracked.globs.iter().any(|glob| glob.matches(key)))
            .filter_map(|(id, tracked)| {
                if !(channels && tracked.topic.operation.has_channel()) {
                    return Some((*id, now + GATHER));
                }
                // The writer publishes what it changed. If nothing comes, another did it.
                tracked.messages.explain_a_change().then_some((*id, now + EXPLAINED))
            })
            .collect();
        for (id, at) in touched {
            let before = self.tracked.get(&id).map(|tracked| tracked.due);
            self.mark(id, at);
            if let Some(tracked) = self.tracked.get_mut(&id).filter(|_| at == now + EXPLAINED) {
                let is_moved = before != Some(tracked.due);
                tracked.regular = tracked.regular.or(before.filter(|_| is_moved));
            }
        }
    }

    /// A writer published something.
    fn say(&mut self, channel: &str, payload: Vec<u8>) {
        let stored = Stored::new(payload);
        let mut explained = Vec::new();
        for (id, tracked) in &mut self.tracked {
            let Some(slots) = tracked.topic.operation.hears(&tracked.topic.params, channel) else { continue };
            let is_explained = tracked.messages.count();
            let said = Said { slots, payload: stored.clone() };
            match &mut tracked.sheet {
                Some(sheet) if tracked.topic.has_been_read() => {
                    hear(&self.cache, &tracked.topic, sheet, said);
                    explained.extend(is_explained.then_some(*id));
                }
                // Until all was read, a message is only a reason to read.
                Some(_) => {}
                None => {
                    /// How many messages wait for a read to end; after more it is read again.
                    const MOST: usize = 10_000;
                    match tracked.waiting.len() {
                        MOST.. => tracked.is_dirty = true,
                        _ => tracked.waiting.push(said),
                    }
                }
            }
        }
        // What a message explains need not be read.
        for id in explained {
            self.postpone(id);
        }
    }

    /// Takes back a read that an unexplained change of the key was the only reason for.
    fn postpone(&mut self, id: u64) {
        let Some(tracked) = self.tracked.get_mut(&id) else { return };
        if let Some(regular) = tracked.regular.take() {
            self.due.remove(&(tracked.due, id));
            tracked.due = regular;
            self.due.insert((regular, id));
        }
    }

    /// Begins to read what is due.
    fn begin_due(&mut self, hub: &Hub) {
        // Nothing is read before it is sure that a change after it will be told.
        if self.pending > 0 {
            return;
        }
        let now = Instant::now();
        while let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.pop_first();
            let Some(tracked) = self.tracked.get_mut(&id) else { continue };
            if is_over(hub, tracked) {
                self.tracked.remove(&id);
                continue;
            }
            let Some(sheet) = tracked.sheet.take() else { continue };
            (tracked.is_dirty, tracked.regular) = (false, None);
            tracked.messages.unexplained = 0;
            self.readings.push(read(self.cache.clone(), tracked.topic.clone(), id, sheet));
        }
    }

    fn finish(&mut self, hub: &Hub, id: u64, wanted: Wanted, mut sheet: Sheet, result: Result<()>) {
        let Some(tracked) = self.tracked.get_mut(&id) else { return };
        let topic = tracked.topic.clone();
        let changes = sheet.finish(result.is_ok());
        match result {
            Ok(()) => topic.apply(changes, Some(wanted)),
            Err(error) => {
                // What was seen before it failed is true all the same, and is not told again.
                topic.apply(changes, None);
                topic.declare_stale(&error.message().into());
                if error.code() == ErrorCode::InternalError {
                    tracing::error!(
                        operation = topic.operation.name(),
                        cause = error.cause(),
                        "a stream's read failed"
                    );
                }
            }
        }
        for said in std::mem::take(&mut tracked.waiting) {
            hear(&self.cache, &topic, &mut sheet, said);
        }
        let is_pushed =
            self.is_up && (self.means.tracking || (self.means.channels && topic.operation.has_channel()));
        let interval = match is_pushed && !topic.is_stale() {
            true => hub.settings.refresh.get(),
            false => topic.operation.poll_interval(),
        };
        let interval = if tracked.is_dirty { GATHER } else { interval };
        tracked.sheet = Some(sheet);
        tracked.due = Instant::now() + interval;
        self.due.insert((tracked.due, id));
    }
}

/// Whether a topic has been without anyone who watches it for so long that it ends.
fn is_over(hub: &Hub, tracked: &mut Tracked) -> bool {
    if tracked.topic.is_watched() {
        tracked.unused_since = None;
        return false;
    }
    let since = *tracked.unused_since.get_or_insert_with(Instant::now);
    since.elapsed() >= hub.settings.resume_window.get() && hub.forget(&tracked.topic)
}

fn view_of(cache: &Cache, topic: &Topic) -> View {
    View::new(cache.clone(), topic.operation.plan.clone(), topic.params.clone())
}

/// Reads a topic.
fn read(cache: Cache, topic: Arc<Topic>, id: u64, mut sheet: Sheet) -> Reading {
    Box::pin(async move {
        let wanted = topic.wanted();
        sheet.begin(wanted.groups());
        let Answer::Stream { read, .. } = topic.operation.answer else {
            return (id, wanted, sheet, Err(Error::internal("a topic of what is no stream")));
        };
        // It ends in time: each of its commands does.
        let (sheet, result) = read(view_of(&cache, &topic), sheet).await;
        (id, wanted, sheet, result)
    })
}

/// Takes over what a writer published.
fn hear(cache: &Cache, topic: &Topic, sheet: &mut Sheet, said: Said) {
    let Answer::Stream { hear, .. } = topic.operation.answer else { return };
    let is_wanted = said.slots.last().is_some_and(|(_, group)| topic.wanted().covers_one(group));
    if is_wanted {
        hear(view_of(cache, topic), sheet, said);
        topic.apply(sheet.finish(false), None);
    }
}
