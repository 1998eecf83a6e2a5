//! Reads topics again: when the cache tells of a change, when a writer publishes one, when an interval is
//! over. One thread, with connections of its own; what it reads is taken over by the topics, and few are told of it
//! right there.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use hashbrown::HashMap;
use tokio::{runtime::Builder, sync::mpsc, time::sleep_until};

use super::{
    hub::Hub,
    index::Index,
    messages::EXPLAINED,
    pace::Pace,
    sheet::{Said, Sheet},
    telling::ToTell,
    topic::Topic,
    tracked::{Outcome, Tracked},
    wanted::Wanted,
};
use crate::{
    cache::{Cache, Event, Means, Stored, View, Wish},
    config::Streams,
    operation::Answer,
    protocol::{Error, ErrorCode, Result},
};

/// How many events may wait; beyond that everything counts as changed.
const MOST_EVENTS: usize = 16 << 10;
/// How many wishes may wait.
const MOST_WISHES: usize = 1024;
/// How many topics are read at once.
const READS_AT_ONCE: usize = 128;
/// How many events, or messages, are taken in before anyone is told.
const MOST_UNTOLD: usize = 16;
/// The least time that a read has in all.
const SHORTEST_LIMIT: Duration = Duration::from_secs(10);
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
    /// What may be wished for.
    may_wish: BTreeSet<Wish>,
    /// What was wished for.
    wished: BTreeSet<Wish>,
    /// How many wishes are not granted yet.
    pending: usize,
    tracked: HashMap<u64, Tracked>,
    /// The keys that topics are read from.
    keys: Index,
    /// The channels that topics hear of changes on.
    channels: Index,
    /// When each is to be read next.
    due: BTreeSet<(Instant, u64)>,
    readings: FuturesUnordered<Reading>,
    pace: Pace,
    /// Those who are to be told.
    to_tell: ToTell,
}

impl Driver {
    /// Starts the thread. It ends when the hub is gone.
    pub(super) fn start(hub: &Arc<Hub>, cache: &Cache, may_wish: BTreeSet<Wish>) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let cache = {
            let _within = runtime.enter();
            cache.of_worker()
        };
        let hub = Arc::downgrade(hub);
        thread::Builder::new().name("streams".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let (wishes, events) = listen(&cache, &may_wish);
                let driver = Self {
                    hub,
                    cache,
                    means: Means::default(),
                    is_up: false,
                    events,
                    wishes,
                    may_wish,
                    wished: BTreeSet::new(),
                    pending: 0,
                    tracked: HashMap::new(),
                    keys: Index::default(),
                    channels: Index::default(),
                    due: BTreeSet::new(),
                    readings: FuturesUnordered::new(),
                    pace: Pace::new(Instant::now()),
                    to_tell: ToTell::default(),
                };
                driver.run().await;
            });
        })?;
        Ok(())
    }

    async fn run(mut self) {
        /// How often it is looked whether the hub is still there, and which topics nobody needs any more.
        const LOOK: Duration = Duration::from_secs(1);
        let mut swept = Instant::now();
        loop {
            let Some(hub) = self.hub.upgrade() else { return };
            hub.note_look();
            self.take_in(&hub).await;
            if swept.elapsed() >= LOOK {
                swept = Instant::now();
                self.sweep(&hub);
            }
            self.begin_due(&hub);
            let next = match self.due.first() {
                Some((due, _)) if self.pending == 0 && self.has_room() => *due,
                _ => Instant::now() + LOOK,
            };
            tokio::select! {
                biased;
                Some((id, wanted, sheet, result)) = self.readings.next(), if !self.readings.is_empty() => {
                    self.finish(&hub, id, wanted, sheet, result);
                }
                event = self.events.recv() => match event {
                    Some(event) => self.happen_all(&hub, event),
                    None => return,
                },
                () = hub.news.notified() => {}
                () = sleep_until(next.min(Instant::now() + LOOK).into()) => {}
            }
            match self.events.is_empty() {
                true => self.to_tell.tell(&hub),
                // There is more to do.
                false => self.to_tell.leave_all(&hub),
            }
        }
    }

    /// Takes in topics that are new, and asks to be told of what they are made of.
    async fn take_in(&mut self, hub: &Hub) {
        let (new, again, reload) = {
            let mut topics = hub.topics();
            (std::mem::take(&mut topics.new), std::mem::take(&mut topics.wanted_more), topics.reload.take())
        };
        if let Some(may_wish) = reload {
            self.adopt(may_wish).await;
        }
        for topic in new {
            self.wish_for(&topic).await;
            let (now, id) = (Instant::now(), topic.number);
            self.due.insert((now, id));
            let mut keys = Vec::new();
            for glob in topic.operation().globs(&topic.params) {
                keys.extend(glob.only_key().map(str::to_owned));
                self.keys.insert(glob, id);
            }
            if let Some(glob) = topic.operation().channel(&topic.params) {
                self.channels.insert(glob, id);
            }
            self.tracked.insert(id, Tracked::new(topic, keys, now));
        }
        for topic in again {
            self.mark(topic.number, Instant::now());
        }
    }

    async fn wish_for(&mut self, topic: &Topic) {
        let wishes = topic.operation().wishes();
        for wish in wishes {
            if self.wished.insert(wish.clone()) {
                // An error means that the listener is gone, which ends the driver soon.
                if self.wishes.send(wish).await.is_ok() {
                    self.pending += 1;
                }
            }
        }
    }

    /// Takes over a reload: forgets the topics that it ended, has what it changed read by its intervals, and
    /// listens anew if something else is to be listened to.
    async fn adopt(&mut self, may_wish: BTreeSet<Wish>) {
        let topics: Vec<Arc<Topic>> = self.tracked.values().map(|tracked| tracked.topic.clone()).collect();
        let (over, going_on): (Vec<_>, Vec<_>) = topics.into_iter().partition(|topic| topic.is_over());
        over.iter().for_each(|topic| self.drop_topic(topic));
        if may_wish != self.may_wish {
            (self.wishes, self.events) = listen(&self.cache, &may_wish);
            self.may_wish = may_wish;
            self.wished.clear();
            self.pending = 0;
            for topic in &going_on {
                self.wish_for(topic).await;
            }
        }
        self.mark_all();
    }

    /// Forgets the topics that are over.
    fn sweep(&mut self, hub: &Hub) {
        let over = self.tracked.values_mut().filter_map(|tracked| {
            let is_over = is_over(hub, tracked);
            is_over.then(|| tracked.topic.clone())
        });
        let over: Vec<Arc<Topic>> = over.collect();
        over.iter().for_each(|topic| self.drop_topic(topic));
    }

    fn drop_topic(&mut self, topic: &Topic) {
        if let Some(tracked) = self.tracked.remove(&topic.number) {
            self.due.remove(&(tracked.due, topic.number));
        }
        for glob in topic.operation().globs(&topic.params) {
            self.keys.remove(&glob, topic.number);
        }
        if let Some(glob) = topic.operation().channel(&topic.params) {
            self.channels.remove(&glob, topic.number);
        }
    }

    /// Takes in an event, and what else is there already: a change comes as several, and is told of once.
    fn happen_all(&mut self, hub: &Hub, event: Event) {
        self.happen(hub, event);
        for _ in 1..MOST_UNTOLD {
            let Ok(event) = self.events.try_recv() else { break };
            self.happen(hub, event);
        }
    }

    fn happen(&mut self, hub: &Hub, event: Event) {
        if matches!(event, Event::Up(_) | Event::Armed(_) | Event::EverythingChanged) {
            // A scan from before may lack what came while nobody listened.
            self.cache.forget_scans();
        }
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
            // Why is for the log, which has it.
            Event::Down(_) => {
                let reason: Arc<str> = "the cache cannot be reached".into();
                self.is_up = false;
                self.set_means(hub, Means::default());
                let topics = self.tracked.values().map(|tracked| &tracked.topic);
                topics.for_each(|topic| topic.declare_stale(&reason, &mut self.to_tell));
                self.mark_all();
            }
            Event::Changed(keys) => keys.iter().for_each(|key| self.change(key)),
            Event::EverythingChanged => self.mark_all(),
            Event::Said { channel, payload } => self.say(hub, &channel, payload),
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

    /// Has all of a topic read at a time, or before.
    fn mark(&mut self, id: u64, at: Instant) {
        if let Some(tracked) = self.tracked.get_mut(&id) {
            tracked.note_all();
            // No message takes this read back.
            tracked.regular = None;
            let at = tracked.when_rested(at);
            self.schedule(id, at);
        }
    }

    /// Has what changed of a topic read at a time, or before.
    fn schedule(&mut self, id: u64, at: Instant) {
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
        for id in self.keys.find(key) {
            let Some(tracked) = self.tracked.get_mut(&id) else { continue };
            if !(self.means.channels && tracked.topic.operation().has_channel()) {
                tracked.note(key);
                let at = tracked.after_gathering(now);
                self.schedule(id, at);
                continue;
            }
            // The writer publishes what it changed. If nothing comes, another did it.
            if tracked.messages.explain_a_change(now) {
                self.mark_until_explained(id, now + EXPLAINED);
            } else {
                self.postpone(id);
            }
            self.doubt(id, now);
        }
    }

    /// Has a topic read within its interval, if messages may not have told of all that changed. One that is
    /// being read is looked at again when that is done.
    fn doubt(&mut self, id: u64, now: Instant) {
        let is_doubtful = |tracked: &&mut Tracked| tracked.messages.are_doubtful() && tracked.sheet.is_some();
        let Some(tracked) = self.tracked.get_mut(&id).filter(is_doubtful) else { return };
        let by = now + tracked.topic.operation().poll_interval();
        let regular = tracked.regular.map(|regular| regular.min(by));
        self.mark_or(id, by, regular);
    }

    /// Has all of a topic read at a time, or before; if a message explains what happened, when it was to be.
    fn mark_until_explained(&mut self, id: u64, at: Instant) {
        let Some(tracked) = self.tracked.get(&id) else { return };
        let before = Some(tracked.due).filter(|due| at < *due && tracked.sheet.is_some());
        let regular = tracked.regular.or(before);
        self.mark_or(id, at, regular);
    }

    fn mark_or(&mut self, id: u64, at: Instant, regular: Option<Instant>) {
        self.mark(id, at);
        if let Some(tracked) = self.tracked.get_mut(&id) {
            tracked.regular = regular;
        }
    }

    /// A writer published something.
    fn say(&mut self, hub: &Hub, channel: &str, payload: Vec<u8>) {
        let (now, stored) = (Instant::now(), Stored::new(payload));
        let mut explained = Vec::new();
        for id in self.channels.find(channel) {
            let Some(tracked) = self.tracked.get_mut(&id) else { continue };
            let Some(slots) = tracked.topic.operation().hears(&tracked.topic.params, channel) else {
                continue;
            };
            tracked.disown_answers(&self.cache);
            let is_explained = tracked.messages.count(now);
            let said = Said { slots, payload: stored.clone() };
            match &mut tracked.sheet {
                Some(sheet) if tracked.topic.has_been_read() => {
                    hear(&self.cache, hub, &tracked.topic, sheet, said, &mut self.to_tell);
                    if is_explained {
                        explained.push(id);
                    }
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
        for id in explained {
            self.expect(id, now);
            self.doubt(id, now);
        }
    }

    /// Every change of a topic is explained, so it need not be read: unless its writer said something that
    /// it did not do, of which no news comes.
    fn expect(&mut self, id: u64, now: Instant) {
        let Some(tracked) = self.tracked.get(&id) else { return };
        if !tracked.messages.are_ahead() {
            return self.postpone(id);
        }
        self.mark_until_explained(id, now + tracked.topic.operation().poll_interval());
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

    /// Whether one more topic may be read now: if all were at once, the last would wait for longer than a
    /// read may take.
    fn has_room(&self) -> bool {
        self.readings.len() < READS_AT_ONCE
    }

    /// Begins to read what is due.
    fn begin_due(&mut self, hub: &Hub) {
        // Nothing is read before it is sure that a change after it will be told.
        if self.pending > 0 {
            return;
        }
        let now = Instant::now();
        while self.has_room()
            && let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due <= now)
        {
            self.due.pop_first();
            let Some(tracked) = self.tracked.get_mut(&id) else { continue };
            let Some(sheet) = tracked.sheet.take() else { continue };
            let only = tracked.begin(now);
            let topic = tracked.topic.clone();
            let view = view_of(&self.cache, &topic, &hub.settings());
            // Of keys that come it is told then.
            let view = match self.is_up && self.means.tracking {
                true => view.told_of_keys(hub.settings().refresh.get()),
                false => view,
            };
            self.readings.push(read(view, topic, id, sheet, only));
        }
    }

    fn finish(&mut self, hub: &Hub, id: u64, wanted: Wanted, mut sheet: Sheet, result: Result<()>) {
        let Some(tracked) = self.tracked.get_mut(&id) else { return };
        let topic = tracked.topic.clone();
        hub.counts_of(topic.operation().number).reads.add_one();
        let changes = sheet.finish(result.is_ok());
        if !changes.is_empty() {
            tracked.disown_answers(&self.cache);
        }
        let has_failed = result.is_err();
        let now = Instant::now();
        let not_before = match has_failed {
            false => self.pace.pay(sheet.len(), hub.settings().items_per_second, now),
            // What was not read costs nothing.
            true => now,
        };
        match result {
            Ok(()) => topic.apply(changes, Some(wanted), &mut self.to_tell),
            Err(error) => {
                // What was seen before it failed is true all the same, and is not told again.
                topic.apply(changes, None, &mut self.to_tell);
                topic.declare_stale(&error.message().into(), &mut self.to_tell);
                if error.code() == ErrorCode::InternalError {
                    tracing::error!(
                        operation = topic.operation().name(),
                        cause = error.cause(),
                        "a stream's read failed"
                    );
                }
            }
        }
        for (count, said) in (1..).zip(std::mem::take(&mut tracked.waiting)) {
            hear(&self.cache, hub, &topic, &mut sheet, said, &mut self.to_tell);
            if count % MOST_UNTOLD == 0 {
                self.to_tell.leave_all(hub);
            }
        }
        let means = self.means;
        let is_pushed = self.is_up && (means.tracking || (means.channels && topic.operation().has_channel()));
        let is_told = is_pushed && !tracked.messages.are_doubtful() && !topic.operation().ages();
        let interval = match is_told {
            true => hub.settings().refresh.get(),
            false => topic.operation().poll_interval(),
        };
        tracked.end(sheet, Outcome { has_failed, interval, not_before }, now);
        self.due.insert((tracked.due, id));
    }
}

/// Listens to what the cache tells by itself: what one wants to hear goes in, what happens comes out.
fn listen(cache: &Cache, may_wish: &BTreeSet<Wish>) -> (mpsc::Sender<Wish>, mpsc::Receiver<Event>) {
    let (wishes, wanted) = mpsc::channel(MOST_WISHES);
    let (tell, events) = mpsc::channel(MOST_EVENTS);
    cache.listen(may_wish, wanted, tell);
    (wishes, events)
}

/// Whether a topic has been without anyone who watches it for so long that it ends.
fn is_over(hub: &Hub, tracked: &mut Tracked) -> bool {
    if tracked.topic.is_over() {
        return true;
    }
    if tracked.topic.is_watched() {
        tracked.unused_since = None;
        return false;
    }
    let since = *tracked.unused_since.get_or_insert_with(Instant::now);
    since.elapsed() >= hub.settings().resume_window.get() && hub.forget(&tracked.topic)
}

fn view_of(cache: &Cache, topic: &Topic, settings: &Streams) -> View {
    let view = View::new(cache.clone(), topic.operation().plan.clone(), topic.params.clone());
    // What takes longer than it may stay unread cannot be kept fresh.
    view.of_bytes(settings.topic_bytes).within(settings.refresh.get().max(SHORTEST_LIMIT))
}

/// Reads a topic.
fn read(view: View, topic: Arc<Topic>, id: u64, mut sheet: Sheet, only: Option<BTreeSet<String>>) -> Reading {
    Box::pin(async move {
        let wanted = topic.wanted();
        sheet.begin(wanted.groups(), only);
        let Answer::Stream { read, .. } = topic.operation().answer else {
            return (id, wanted, sheet, Err(Error::internal("a topic of what is no stream")));
        };
        // It ends in time: each of its waits does, and no command is sent when its time is over.
        let (sheet, result) = read(view, sheet).await;
        (id, wanted, sheet, result)
    })
}

/// Takes over what a writer published.
fn hear(cache: &Cache, hub: &Hub, topic: &Topic, sheet: &mut Sheet, said: Said, to_tell: &mut ToTell) {
    let Answer::Stream { hear, .. } = topic.operation().answer else { return };
    let is_wanted = said.slots.last().is_some_and(|(_, group)| topic.wanted().covers_one(group));
    if is_wanted {
        hear(view_of(cache, topic, &hub.settings()), sheet, said);
        topic.apply(sheet.finish(false), None, to_tell);
    }
}
