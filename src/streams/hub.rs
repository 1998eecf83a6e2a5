//! All topics, found by what they watch.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};
use serde_json::Value;
use tokio::sync::Notify;

use super::{
    counts::{OfStream, OfTopics},
    driver::Driver,
    subscription::Subscription,
    telling::Tellers,
    topic::{Memory, Topic},
};
use crate::{
    cache::{Cache, Means, Wish},
    config::Streams,
    protocol::{Error, ErrorCode, Result},
    registry::{Registered, Registry},
};

/// All topics.
pub(crate) struct Hub {
    topics: Mutex<Topics>,
    /// Rings when there are new topics, and when it is asked whether the driver is there.
    pub(super) news: Notify,
    /// Rings each time that the driver has looked.
    looks: Notify,
    /// Tell clients what is new for them.
    pub(crate) tellers: Tellers,
    means: Mutex<Means>,
    settings: ArcSwap<Streams>,
    /// What streams have done, by the numbers of their operations.
    counts: Box<[OfStream]>,
    /// How many topics there have been.
    count: AtomicU64,
    started: u128,
}

#[derive(Default)]
pub(super) struct Topics {
    pub(super) by_subject: HashMap<Subject, Arc<Topic>>,
    pub(super) new: Vec<Arc<Topic>>,
    /// Those of which more is wanted than before.
    pub(super) wanted_more: Vec<Arc<Topic>>,
    /// The operations that are in force.
    operations: HashMap<&'static str, Arc<Registered>>,
    /// What all streams may ask the cache to tell, since a reload that the driver is yet to take over.
    pub(super) reload: Option<BTreeSet<Wish>>,
}

impl Topics {
    /// Forgets the oldest of those that nobody watches any more: who watches goes before who may come back.
    fn forget_one(&mut self) {
        let unused = self.by_subject.iter().filter(|(_, topic)| !topic.is_watched());
        let oldest = unused.min_by_key(|(_, topic)| topic.number).map(|(subject, _)| subject.clone());
        if let Some(topic) = oldest.and_then(|subject| self.by_subject.remove(&subject)) {
            topic.end();
        }
    }
}

/// An operation and the params that its keys are filled from.
pub(super) type Subject = (&'static str, Arc<Value>);

impl Hub {
    /// A hub whose topics are read by way of a thread of its own.
    pub(crate) fn start(settings: Streams, cache: &Cache, registry: &Registry) -> std::io::Result<Arc<Self>> {
        let started = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let hub = Arc::new(Self {
            topics: Mutex::new(Topics { operations: registry.streams(), ..Topics::default() }),
            news: Notify::new(),
            looks: Notify::new(),
            tellers: Tellers::default(),
            means: Mutex::default(),
            settings: ArcSwap::from_pointee(settings),
            counts: (0..registry.numbers()).map(|_| OfStream::default()).collect(),
            count: AtomicU64::new(0),
            started,
        });
        Driver::start(&hub, cache, registry.wishes())?;
        Ok(hub)
    }

    /// The limits and times that are in force.
    pub(super) fn settings(&self) -> Guard<Arc<Streams>> {
        self.settings.load()
    }

    /// Takes over a reload: topics that are read as before go on, with new intervals; the others are over.
    pub(crate) fn adopt(&self, registry: &Registry, settings: Streams) {
        self.settings.store(Arc::new(settings));
        let mut topics = self.topics();
        let goes_on = |topic: &Arc<Topic>| topic.adopt(registry.get(topic.operation().name()));
        topics.by_subject.retain(|_, topic| goes_on(topic));
        topics.operations = registry.streams();
        topics.reload = Some(registry.wishes());
        drop(topics);
        self.news.notify_one();
    }

    pub(super) fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topic for these params, which is then watched by one more who wants these groups.
    pub(super) fn join(
        &self,
        operation: &Arc<Registered>,
        params: Value,
        groups: Option<&[Arc<str>]>,
    ) -> Result<Arc<Topic>> {
        let settings = self.settings();
        let mut topics = self.topics();
        // A reload may have been quicker than the request.
        let in_force = topics.operations.get(operation.name());
        let Some(operation) = in_force.filter(|in_force| in_force.reads_like(operation)).cloned() else {
            let message = "the server is being configured anew";
            return Err(Error::new(ErrorCode::Overloaded, message).retry_after_ms(100));
        };
        let subject = (operation.name(), Arc::new(params));
        if let Some(topic) = topics.by_subject.get(&subject) {
            let topic = topic.clone();
            topic.users.fetch_add(1, Ordering::Relaxed);
            if topic.want(groups) {
                topics.wanted_more.push(topic.clone());
                self.news.notify_one();
            }
            return Ok(topic);
        }
        if topics.by_subject.len() >= settings.topics {
            topics.forget_one();
        }
        if topics.by_subject.len() >= settings.topics {
            let message = format!("all streams together watch {} different things already", settings.topics);
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let epoch = format!("{:x}-{number:x}", self.started);
        let memory = Memory {
            time: settings.resume_window.get(),
            entries: settings.log_entries,
            bytes: settings.log_bytes,
        };
        let topic = Arc::new(Topic::new(operation, subject.1.clone(), (number, epoch), memory));
        topic.users.fetch_add(1, Ordering::Relaxed);
        topic.want(groups);
        topics.by_subject.insert(subject, topic.clone());
        topics.new.push(topic.clone());
        drop(topics);
        self.news.notify_one();
        Ok(topic)
    }

    /// One less watches it.
    pub(super) fn leave(&self, topic: &Topic) {
        let _topics = self.topics();
        topic.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// Forgets a topic, if nobody watches it.
    pub(super) fn forget(&self, topic: &Topic) -> bool {
        let mut topics = self.topics();
        let is_unused = topic.users.load(Ordering::Relaxed) == 0;
        if is_unused {
            // After a reload another may have its place.
            let subject = (topic.operation().name(), topic.params.clone());
            if topics.by_subject.get(&subject).is_some_and(|other| other.number == topic.number) {
                topics.by_subject.remove(&subject);
            }
        }
        is_unused
    }

    /// Waits until the driver has answered.
    pub(crate) async fn responds(&self) {
        // From here on a look is not missed.
        let look = self.looks.notified();
        self.news.notify_one();
        look.await;
    }

    /// The driver is there.
    pub(super) fn note_look(&self) {
        self.looks.notify_waiters();
    }

    /// How change is noticed now.
    pub(crate) fn means(&self) -> Means {
        *self.means.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_means(&self, means: Means) {
        *self.means.lock().unwrap_or_else(PoisonError::into_inner) = means;
    }

    /// What the streams of the operation of this number have done.
    pub(crate) fn counts_of(&self, number: usize) -> &OfStream {
        &self.counts[number]
    }

    /// Counts what a stream has done since it was last counted.
    pub(super) fn count(&self, stream: &mut Subscription) {
        let done = stream.take_done();
        let counts = self.counts_of(stream.topic.operation().number);
        counts.updates.add(done.updates);
        if done.conflated > 0 {
            counts.conflated.add(done.conflated);
        }
        if done.gaps > 0 {
            counts.gaps.add(done.gaps);
        }
    }

    /// What is watched now, by operation.
    pub(crate) fn watched(&self) -> HashMap<&'static str, OfTopics> {
        let mut watched: HashMap<_, OfTopics> = HashMap::new();
        for ((operation, _), topic) in &self.topics().by_subject {
            let of = watched.entry(*operation).or_default();
            of.topics += 1;
            of.streams += topic.users.load(Ordering::Relaxed);
            of.stale += usize::from(topic.is_stale());
        }
        watched
    }

    /// How many different things are watched, and how many streams watch them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let topics = self.topics();
        let users = topics.by_subject.values().map(|topic| topic.users.load(Ordering::Relaxed));
        (topics.by_subject.len(), users.sum())
    }
}
