//! What a handler sees of the cache: reads, through the key patterns of its operation's entry.

mod hash;
mod keys;
mod list;
mod remarks;

use std::{
    borrow::Cow,
    pin::{Pin, pin},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::{Duration, Instant},
};

use redis::Value as Reply;
use serde_json::Value;
use tokio::{sync::SemaphorePermit, time::timeout};

use super::{
    Cache, Key, Notes, Pattern, Read, ScanLimits, Verb,
    answer::{cache_error, one},
    page::{Page, Paging},
    scan::{ScanResult, Wanted},
    stored::Stored,
    trace::Trace,
};
use crate::{
    access::{UnderWay, Users},
    object::plain_text,
    protocol::{Error, ErrorCode, Result, Violation, Warning},
};

/// What an operation may do to the cache, as its registration and its entry say.
#[derive(Debug)]
pub struct Plan {
    /// The operation.
    pub operation: String,
    /// Its key patterns, by name.
    pub keys: Vec<(String, Pattern)>,
    /// The commands that it may send.
    pub verbs: &'static [Verb],
    /// What one of its scans may cost.
    pub(crate) scan_limits: ScanLimits,
    /// How long a scan's result is kept.
    pub keep_scans: Duration,
    /// Corrupt values met so far.
    pub corrupt: AtomicU64,
    /// When a corrupt value was last logged: at most one line a while, whatever is asked.
    pub corrupt_logged: Mutex<Option<Instant>>,
}

/// The cache as one request may see it. It has no method that writes and no way to the connection.
pub struct View {
    cache: Cache,
    plan: Arc<Plan>,
    params: Arc<Value>,
    /// Whose rows are to be seen; None where the operation does not say that its rows have owners.
    users: Option<Users>,
    /// When it has taken too long.
    deadline: Deadline,
    /// What it counts as for as long as it lasts.
    _under_way: Option<UnderWay>,
    /// Takes note of where its time goes, if somebody may want to know.
    trace: Option<Arc<Trace>>,
    /// Takes note of what the answer rests on, if it may be kept.
    notes: Option<Arc<Notes>>,
    /// How much the answer may hold.
    page: Page,
    /// How long a scan's result is kept.
    keep_scans: Duration,
    warnings: Mutex<Vec<Warning>>,
}

/// When a read has taken as long as it may.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    /// How long that is.
    limit: Duration,
    at: Option<Instant>,
}

impl Deadline {
    /// So much from now on.
    fn after(limit: Duration) -> Self {
        Self { limit, at: Instant::now().checked_add(limit) }
    }

    /// How much time is left; an error where there is none.
    fn left(&self) -> Result<Duration> {
        let Some(at) = self.at else { return Ok(Duration::MAX) };
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.passed()) } else { Ok(left) }
    }

    fn passed(&self) -> Error {
        Error::new(ErrorCode::CacheTimeout, format!("the read took more than {:?}", self.limit))
    }
}

/// A key that a scan found, or could have found.
#[derive(Debug, Clone)]
pub struct Found {
    key: Key,
    name: String,
}

impl Found {
    fn new<N: Into<String>>(key: Key, last_slot: Option<N>) -> Self {
        Self { name: last_slot.map_or_else(|| key.as_str().to_owned(), N::into), key }
    }

    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What stands in the pattern's last slot.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Names a key: a pattern's name in the operation's entry, or a key at hand.
pub trait Target {
    /// The key.
    fn resolve(self, view: &View) -> Result<Key>
    where
        Self: Sized;
}

impl Target for &str {
    fn resolve(self, view: &View) -> Result<Key> {
        view.key_with(self, &[])
    }
}

impl Target for &Key {
    fn resolve(self, _: &View) -> Result<Key> {
        Ok(self.clone())
    }
}

/// How many keys Redis looks at in one step of a scan.
pub(super) const SCAN_STEP: u32 = 1000;

impl View {
    pub(crate) fn new(cache: Cache, plan: Arc<Plan>, params: impl Into<Arc<Value>>) -> Self {
        let params = params.into();
        let (users, trace, notes) = (None, None, None);
        let deadline = Deadline { limit: Duration::MAX, at: None };
        let (page, keep_scans, warnings) = (Page::default(), plan.keep_scans, Mutex::default());
        Self {
            cache,
            plan,
            params,
            users,
            deadline,
            _under_way: None,
            trace,
            notes,
            page,
            keep_scans,
            warnings,
        }
    }

    /// The same, which has so much time.
    #[must_use]
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.deadline = Deadline::after(limit);
        self
    }

    /// The same, whose answer may have about so many bytes.
    #[must_use]
    pub(crate) fn of_bytes(mut self, bytes: usize) -> Self {
        self.page.bytes = bytes;
        self
    }

    /// The same, whose answer is the part that is asked for, of an operation that answers in parts.
    #[must_use]
    pub(crate) fn paged(mut self, paging: Option<Paging>) -> Self {
        self.page.is_paged = paging.is_some();
        self.page.paging = paging.unwrap_or_default();
        self
    }

    /// The same, which is told of keys that come, so that it looks for them by itself as seldom as that.
    #[must_use]
    pub(crate) fn told_of_keys(mut self, keep_scans: Duration) -> Self {
        self.keep_scans = self.keep_scans.max(keep_scans);
        self
    }

    /// The same, counted as a read under way until it is over, which has so much time.
    #[must_use]
    pub(crate) fn counted(mut self, under_way: UnderWay, limit: Duration) -> Self {
        self._under_way = Some(under_way);
        self.within(limit)
    }

    /// The same, whose course is taken note of.
    #[must_use]
    pub(crate) fn traced(mut self, trace: Arc<Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The same, where it is noted what the answer rests on.
    #[must_use]
    pub(crate) fn noted(mut self, notes: Option<Arc<Notes>>) -> Self {
        self.notes = notes;
        self
    }

    /// The same, where rows have owners: of some users alone.
    #[must_use]
    pub(crate) fn of_users(mut self, users: Users) -> Self {
        self.users = Some(users);
        self
    }

    /// Whether the caller may see a row of this owner. One that nobody is named for is for those who may see
    /// everybody's. For an operation that [`of_owned_rows`](crate::operation::Operation::of_owned_rows) does
    /// not mark, nothing is to be seen: its answers are shared by callers whoever they are.
    pub fn may_see(&self, owner: Option<&str>) -> bool {
        self.users.as_ref().is_some_and(|users| users.may_see(owner))
    }

    pub(crate) fn params(&self) -> &Value {
        &self.params
    }

    /// The string at a key.
    pub async fn text(&self, key: impl Target) -> Result<Option<Stored>> {
        let key = key.resolve(self)?;
        one(self.read(Read::Get(key)).await?)
    }

    /// One field of the hash at a key.
    pub async fn hash_field(&self, key: impl Target, field: &str) -> Result<Option<Stored>> {
        let key = key.resolve(self)?;
        one(self.read(Read::HGet(key, field.to_owned())).await?)
    }

    /// A param that fills key patterns, as text.
    pub fn text_param(&self, name: &str) -> Result<Cow<'_, str>> {
        self.param(name).ok_or_else(|| Error::internal(format!("there is no param `{name}`")))
    }

    async fn take_turn(&self) -> Result<Option<SemaphorePermit<'_>>> {
        let left = self.deadline.left()?;
        let _waiting = Trace::turn(self.trace.as_ref());
        self.wait(left, Duration::MAX, pin!(self.cache.turn())).await
    }

    async fn scan(&self, wanted: Wanted) -> Result<Arc<ScanResult>> {
        let left = self.deadline.left()?;
        let scan = pin!(self.cache.scan(wanted, self.keep_scans));
        self.wait(left, Duration::MAX, scan).await?.map_err(cache_error)
    }

    /// Waits, for as long as is left, for what ends by itself in `most`.
    async fn wait<T>(
        &self,
        left: Duration,
        most: Duration,
        what: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T> {
        // Hardly any read comes near its end, and to set a timer for each costs more than to look at the clock.
        match left >= most {
            true => Ok(what.await),
            false => timeout(left, what).await.map_err(|_| self.deadline.passed()),
        }
    }

    fn pattern(&self, name: &str) -> Result<&Pattern> {
        let found = self.plan.keys.iter().find(|(other, _)| other == name);
        found
            .map(|(_, pattern)| pattern)
            .ok_or_else(|| Error::internal(format!("{} has no key pattern `{name}`", self.plan.operation)))
    }

    fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        plain_text(self.params.get(name)?)
    }

    fn allow(&self, verb: Verb) -> Result<()> {
        match self.plan.verbs.contains(&verb) {
            true => Ok(()),
            false => Err(Error::internal(format!(
                "{} sends {}, which its registration does not name",
                self.plan.operation,
                verb.name()
            ))),
        }
    }

    async fn read(&self, read: Read) -> Result<Reply> {
        self.allow(read.verb())?;
        let left = self.deadline.left()?;
        if let Some(notes) = &self.notes {
            notes.note(read.key());
        }
        let _waiting = Trace::command(self.trace.as_ref(), read.verb());
        let answer = pin!(self.cache.read(&read));
        self.wait(left, self.cache.patience(), answer).await?.map_err(cache_error)
    }
}

fn slot_error(error: super::SlotError) -> Error {
    if error.missing {
        return Error::internal(format!("a key pattern cannot be filled: {error}"));
    }
    let message = "holds a character that no key may hold".to_owned();
    Error::invalid_params(vec![Violation { path: format!("/{}", error.slot), message }])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        access::{Bounds, Load, nameless},
        cache::Store,
        registry::Registry,
    };

    #[tokio::test]
    async fn a_read_that_took_too_long_sends_no_further_command() {
        let plan = Registry::built_in().unwrap().get("get_ticker").unwrap().plan.clone();
        let view = |limit| {
            let bounds = Bounds { reads: 1, workers: 1, busy: &Arc::default() };
            let under_way = Arc::<Load>::default().begin(nameless().principal(), &bounds).unwrap();
            let params = json!({"exchange": "x", "symbol": "A/B"});
            let view = View::new(Cache::embedded(Store::new()), plan.clone(), params);
            view.counted(under_way, limit)
        };
        let in_time = view(Duration::from_secs(60));
        assert_eq!(in_time.hash_field("tickers", "A/B").await.unwrap(), None);
        let trace = Arc::new(Trace::default());
        trace.join(true);
        let late = view(Duration::ZERO).traced(trace.clone());
        let error = late.hash_field("tickers", "A/B").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CacheTimeout);
        assert_eq!(trace.so_far().commands().count(), 0);
    }
}
