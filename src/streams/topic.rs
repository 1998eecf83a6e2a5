//! What is watched: every item in its present form, under the version in which it last changed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Bound,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use hashbrown::HashMap;
use serde_json::Value;

use super::{
    bell::Bell,
    change::{Change, Changes, Entry, ItemId, Told, What},
    echo::Echo,
    telling::ToTell,
    wanted::Wanted,
};
use crate::{access::Users, protocol::Warning, registry::Registered, types::Seconds};

/// What kind of stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of each item the newest form.
    State,
    /// Every entry, in order.
    Log,
}

/// How long, and how much of, what is gone is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// For how long removals are remembered.
    pub(crate) time: Duration,
    /// How many entries of a log, or removals.
    pub(crate) entries: usize,
    /// How many bytes of either.
    pub(crate) bytes: usize,
}

/// In how many entries of a log that may be it one is looked for, newest first: each is parsed while the topic waits.
const MOST_LOOKED_AT: usize = 1000;

/// What is watched.
pub(crate) struct Topic {
    /// No other topic of this server has it.
    pub(super) number: u64,
    /// A reload may replace it by one that reads the same.
    operation: ArcSwap<Registered>,
    /// Whether it is to be forgotten: a reload has it read otherwise, or others need its place.
    is_over: AtomicBool,
    /// The params that its keys are filled from.
    pub(crate) params: Arc<Value>,
    /// Tells this course of versions from any other.
    epoch: String,
    pub(super) kind: Kind,
    /// How many watch it. Changes under the hub's lock alone.
    pub(super) users: AtomicUsize,
    memory: Memory,
    version: AtomicU64,
    is_stale: AtomicBool,
    /// The number of the last outage.
    outages: AtomicU64,
    wanted: Mutex<Wanted>,
    content: RwLock<Content>,
}

#[derive(Default)]
pub(super) struct Content {
    /// What the last complete read was for; None before the first.
    read: Option<Wanted>,
    /// When that was.
    read_at: Option<Instant>,
    pub(super) version: u64,
    items: HashMap<ItemId, u64>,
    /// Those that are stored in a form that is corrupt.
    corrupt: HashMap<ItemId, u64>,
    entries: BTreeMap<u64, Entry>,
    /// The versions of removals, oldest first.
    removals: VecDeque<u64>,
    /// How many bytes the removals have, or the entries of a log.
    bytes: usize,
    /// Up to which version removals and entries of a log are forgotten.
    pub(super) forgotten: u64,
    /// The last time that nobody could vouch for it.
    pub(super) outage: Option<Outage>,
    /// Who is to be told of each group, and of all.
    bells: HashMap<Arc<str>, Group>,
    bells_of_all: Vec<Arc<Bell>>,
}

/// A time when nobody can vouch for a topic. It is known after its end too, for who has yet to be told of it.
pub(super) struct Outage {
    /// The first one is 1.
    pub(super) number: u64,
    pub(super) since: Seconds,
    pub(super) reason: Arc<str>,
    is_over: bool,
}

/// A group that somebody chose.
#[derive(Default)]
struct Group {
    bells: Vec<Arc<Bell>>,
    /// How many changes there were since.
    changes: u64,
}

impl Content {
    /// What lies above a version, oldest first.
    pub(super) fn after(&self, version: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let range = (Bound::Excluded(version), Bound::Unbounded);
        self.entries.range(range).map(|(version, entry)| (*version, entry))
    }

    /// The version of the entry of a log that a client got as this; None if that is not found, or could be several.
    pub(super) fn version_of(&self, echo: &Echo) -> Option<u64> {
        fn items<'e>((version, entry): (&u64, &'e Entry)) -> Option<(u64, &'e str)> {
            match &entry.what {
                What::Item(json) => Some((*version, json)),
                _ => None,
            }
        }
        let candidates = self.entries.iter().rev().filter_map(items).filter(|(_, json)| echo.may_be_of(json));
        let (version, json) = candidates.take(MOST_LOOKED_AT).find(|(_, json)| echo.is_of(json))?;
        let is_twice = self.entries.range(..version).filter_map(items).any(|(_, other)| other == json);
        (!is_twice).then_some(version)
    }

    /// Whether nobody can vouch for it now.
    pub(super) fn is_stale(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| !outage.is_over)
    }

    /// The number of the last outage that is over.
    pub(super) fn outages_over(&self) -> u64 {
        self.outage.as_ref().map_or(0, |outage| outage.number - u64::from(!outage.is_over))
    }

    /// Whether these groups have been read.
    pub(super) fn is_ready(&self, groups: Option<&[Arc<str>]>) -> bool {
        self.read.as_ref().is_some_and(|read| read.covers(groups))
    }

    /// How many changes there were of a group since somebody chose it.
    pub(super) fn changes_of(&self, group: &str) -> u64 {
        self.bells.get(group).map_or(0, |group| group.changes)
    }

    /// How many items there are, or entries of a log.
    pub(super) fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::State => self.items.len(),
            Kind::Log => self.entries.len(),
        }
    }

    /// How long ago all of it was read.
    pub(super) fn read_age(&self) -> Option<Duration> {
        self.read_at.map(|at| at.elapsed())
    }

    fn put(&mut self, id: ItemId, owner: Option<Arc<str>>, what: What) {
        self.version += 1;
        let number = self.bells.get_mut(&id.group).map_or(0, |group| {
            group.changes += 1;
            group.changes
        });
        self.entries.insert(self.version, Entry { id, owner, what, number, at: Instant::now() });
    }

    /// An item is stored in a form that is corrupt. If that does not say whose it is, it is whose it was.
    fn put_corrupt(&mut self, id: ItemId, owner: Option<Arc<str>>, warnings: &[Warning]) {
        self.forgive(&id);
        let healthy = self.items.get(&id).and_then(|version| self.entries.get(version));
        let owner = owner.or_else(|| healthy.and_then(|healthy| healthy.owner.clone()));
        self.put(id.clone(), owner, What::Corrupt(warnings.iter().map(Warning::to_members).collect()));
        self.corrupt.insert(id, self.version);
    }

    /// An item is not corrupt any more.
    fn forgive(&mut self, id: &ItemId) {
        if let Some(version) = self.corrupt.remove(id) {
            self.entries.remove(&version);
        }
    }

    fn ring_all(&self, to_tell: &mut ToTell) {
        self.bells
            .values()
            .flat_map(|group| &group.bells)
            .chain(&self.bells_of_all)
            .for_each(|bell| to_tell.add(bell));
    }
}

impl Topic {
    pub(super) fn new(
        operation: Arc<Registered>,
        params: Arc<Value>,
        (number, epoch): (u64, String),
        memory: Memory,
    ) -> Self {
        Self {
            number,
            kind: operation.stream_kind(),
            operation: ArcSwap::new(operation),
            is_over: AtomicBool::new(false),
            params,
            epoch,
            users: AtomicUsize::new(0),
            memory,
            version: AtomicU64::new(0),
            is_stale: AtomicBool::new(false),
            outages: AtomicU64::new(0),
            wanted: Mutex::new(Wanted::Some(BTreeSet::new())),
            content: RwLock::default(),
        }
    }

    /// The operation, as it is in force.
    pub(crate) fn operation(&self) -> Guard<Arc<Registered>> {
        self.operation.load()
    }

    /// Takes over what a reload made of its operation. Says whether it is read as before; else it is over.
    pub(super) fn adopt(&self, operation: Option<&Arc<Registered>>) -> bool {
        let same = operation.filter(|operation| operation.reads_like(&self.operation.load()));
        match same {
            Some(operation) => self.operation.store(operation.clone()),
            None => self.end(),
        }
        same.is_some()
    }

    /// Has it forgotten by the driver too.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether it is to be forgotten, whoever watches it.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// The newest version, without a lock.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What there is. Many may look at it at once.
    pub(super) fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn content_mut(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }

    /// The number of the last outage, without a lock.
    pub(super) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Acquire)
    }

    pub(super) fn is_watched(&self) -> bool {
        self.users.load(Ordering::Relaxed) > 0
    }

    pub(super) fn has_been_read(&self) -> bool {
        self.content().read.is_some()
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has more groups read. Says whether any is new.
    pub(super) fn want(&self, groups: Option<&[Arc<str>]>) -> bool {
        /// How many groups are read one by one; where there are more, all are.
        const MOST: usize = 1000;
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.covers(groups) {
            return false;
        }
        match (&mut *wanted, groups) {
            (Wanted::Some(wanted), Some(groups)) if wanted.len() + groups.len() <= MOST => {
                wanted.extend(groups.iter().cloned());
            }
            _ => *wanted = Wanted::All,
        }
        true
    }

    /// Tells the course of versions that who may see the items of these users sees from any other.
    pub(super) fn epoch(&self, users: Option<&Users>) -> String {
        match users {
            None | Some(Users::All) => self.epoch.clone(),
            Some(users) => {
                let mut hasher = DefaultHasher::new();
                users.hash(&mut hasher);
                format!("{}-{:x}", self.epoch, hasher.finish())
            }
        }
    }

    /// Whether it still knows all that changed after a version.
    pub(super) fn knows(&self, epoch: &str, users: Option<&Users>, version: u64) -> bool {
        let content = self.content();
        self.epoch(users) == epoch && (content.forgotten..=content.version).contains(&version)
    }

    /// Whether its entries have one order, whoever reads them: they are of one list.
    pub(super) fn is_one_list(&self) -> bool {
        let globs = self.operation().globs(&self.params);
        self.kind == Kind::Log && globs.iter().all(|glob| glob.only_key().is_some())
    }

    /// Takes over what a read of some groups, or a message, brought. Those who watch it are to be told.
    pub(super) fn apply(&self, changes: Changes, read: Option<Wanted>, to_tell: &mut ToTell) {
        let mut content = self.content_mut();
        let before = content.version;
        let has_removals = !changes.removed.is_empty();
        match self.kind {
            Kind::State => self.apply_state(&mut content, changes),
            Kind::Log => self.apply_log(&mut content, changes),
        }
        let is_complete = read.is_some();
        // Who waits for groups that were not read before learns that they are.
        let is_news = read.is_some_and(|read| {
            let was_known = content.read.as_ref().is_some_and(|known| known.covers_all_of(&read));
            content.read = Some(read);
            content.read_at = Some(Instant::now());
            !was_known
        });
        let was_stale = is_complete && content.is_stale();
        if let Some(outage) = content.outage.as_mut().filter(|_| was_stale) {
            outage.is_over = true;
        }
        self.is_stale.store(content.is_stale(), Ordering::Release);
        self.version.store(content.version, Ordering::Release);
        self.forget(&mut content);
        // Of a removal all learn, whatever they wait for: by the time that it is forgotten they have looked.
        if was_stale || is_news || has_removals {
            return content.ring_all(to_tell);
        }
        if content.version > before {
            content.bells_of_all.iter().for_each(|bell| to_tell.add(bell));
            if !content.bells.is_empty() {
                let changed =
                    content.after(before).filter_map(|(_, entry)| content.bells.get(&entry.id.group));
                changed.flat_map(|group| &group.bells).for_each(|bell| to_tell.add(bell));
            }
        }
    }

    fn apply_state(&self, content: &mut Content, changes: Changes) {
        for Change { id, owner, told } in changes.items {
            match told {
                Told::Item { json, again } => self.put_item(content, (id, owner), json, again),
                Told::Corrupt(warnings) => content.put_corrupt(id, owner, &warnings),
                // A state has none.
                Told::Gap => {}
            }
        }
        for id in changes.removed {
            content.forgive(&id);
            self.remove(content, id);
        }
    }

    fn put_item(
        &self,
        content: &mut Content,
        (id, owner): (ItemId, Option<Arc<str>>),
        json: String,
        again: bool,
    ) {
        content.forgive(&id);
        let known =
            content.items.get(&id).and_then(|version| Some((*version, content.entries.get(version)?)));
        if let Some((version, entry)) = known {
            let is_same = matches!(&entry.what, What::Item(known) if **known == *json);
            if entry.owner != owner {
                // For the one who had it, it is gone.
                self.remove(content, id.clone());
            } else if is_same && !again {
                return;
            } else {
                content.entries.remove(&version);
            }
        }
        content.put(id.clone(), owner, What::Item(json.into()));
        content.items.insert(id, content.version);
    }

    fn remove(&self, content: &mut Content, id: ItemId) {
        let Some(version) = content.items.remove(&id) else { return };
        let Some(Entry { what: What::Item(json), owner, .. }) = content.entries.remove(&version) else {
            return;
        };
        let naming = self.operation().naming_members(&json);
        content.bytes += naming.len();
        content.put(id, owner, What::Removed(naming.into()));
        let version = content.version;
        content.removals.push_back(version);
    }

    fn apply_log(&self, content: &mut Content, changes: Changes) {
        for Change { id, owner, told } in changes.items {
            match told {
                Told::Item { json, .. } => {
                    content.bytes += json.len();
                    content.put(id, owner, What::Item(json.into()));
                }
                Told::Corrupt(warnings) => {
                    let warnings: Arc<[String]> = warnings.iter().map(Warning::to_members).collect();
                    content.bytes += length(&warnings);
                    content.put(id, owner, What::Corrupt(warnings));
                }
                Told::Gap => {
                    // One gap after another is one gap.
                    let last = content.entries.last_key_value();
                    if !last.is_some_and(|(_, last)| matches!(last.what, What::Gap)) {
                        content.put(id, None, What::Gap);
                    }
                }
            }
        }
    }

    /// Forgets removals that are long past, and what a log has too much of.
    fn forget(&self, content: &mut Content) {
        match self.kind {
            Kind::State => {
                // Removals alone grow old: an item stays for as long as it is there.
                while let Some(version) = content.removals.front().copied() {
                    let Memory { time, entries, bytes } = self.memory;
                    let is_much = content.removals.len() > entries || content.bytes > bytes;
                    let entry = content.entries.get(&version);
                    if !is_much && entry.is_some_and(|entry| entry.at.elapsed() <= time) {
                        break;
                    }
                    content.removals.pop_front();
                    if let Some(Entry { what: What::Removed(naming), .. }) = content.entries.remove(&version)
                    {
                        content.bytes -= naming.len();
                        content.forgotten = version;
                    }
                }
            }
            Kind::Log => {
                while content.entries.len() > self.memory.entries || content.bytes > self.memory.bytes {
                    let Some((version, entry)) = content.entries.pop_first() else { break };
                    content.bytes -= match &entry.what {
                        What::Item(json) => json.len(),
                        What::Corrupt(warnings) => length(warnings),
                        What::Removed(_) | What::Gap => 0,
                    };
                    content.forgotten = version;
                }
            }
        }
    }

    /// Says that nobody can vouch for it any more.
    pub(super) fn declare_stale(&self, reason: &Arc<str>, to_tell: &mut ToTell) {
        let mut content = self.content_mut();
        if !content.is_stale() {
            let number = content.outages_over() + 1;
            let (since, reason) = (Seconds::now(), reason.clone());
            content.outage = Some(Outage { number, since, reason, is_over: false });
            self.outages.store(number, Ordering::Release);
            self.is_stale.store(true, Ordering::Release);
            content.ring_all(to_tell);
        }
    }

    /// Takes note of one who is to be told. All who watch a group share its name.
    pub(super) fn add_bell(&self, groups: Option<&mut [Arc<str>]>, bell: &Arc<Bell>) {
        let mut content = self.content_mut();
        match groups {
            None => content.bells_of_all.push(bell.clone()),
            Some(groups) => {
                for group in groups {
                    if let Some((name, _)) = content.bells.get_key_value(group) {
                        *group = name.clone();
                    }
                    content.bells.entry(group.clone()).or_default().bells.push(bell.clone());
                }
            }
        }
    }

    /// Forgets one who was to be told.
    pub(super) fn remove_bell(&self, groups: Option<&[Arc<str>]>, bell: &Arc<Bell>) {
        let remove = |bells: &mut Vec<Arc<Bell>>| {
            if let Some(at) = bells.iter().position(|other| Arc::ptr_eq(other, bell)) {
                bells.swap_remove(at);
            }
        };
        let mut content = self.content_mut();
        match groups {
            None => remove(&mut content.bells_of_all),
            Some(groups) => {
                for group in groups {
                    if let Some(Group { bells, .. }) = content.bells.get_mut(group) {
                        remove(bells);
                        if bells.is_empty() {
                            content.bells.remove(group);
                        }
                    }
                }
            }
        }
    }
}

fn length(warnings: &[String]) -> usize {
    warnings.iter().map(String::len).sum()
}
