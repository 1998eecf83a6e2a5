//! What a handler sees of the cache: reads, through the key patterns of its operation's entry.

use std::{
    borrow::Cow,
    ops::Bound,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use redis::Value as Reply;
use serde_json::Value;
use tokio::sync::SemaphorePermit;

use super::{
    Cache, Key, Notes, Pattern, Read, ScanLimits, Verb,
    answer::{cache_error, length, one, unexpected},
    back::{Look, Mark},
    json::{Json, JsonList},
    page::{Page, Paging, Selection},
    scan::{Cut, Wanted},
    shape::Shape,
    stored::Stored,
    trace::Trace,
    walk::Walk,
};
use crate::{
    access::{UnderWay, Users},
    object::plain_text,
    protocol::{Error, ErrorCode, Remarks, Result, Warning},
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
    /// When it has taken too long: no further command is sent then.
    until: Option<Instant>,
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

/// How many reads of one request are under way at once at the most. One that has more than these waits
/// for its turn.
const READS_AT_ONCE: usize = 128;
/// How many warnings one answer carries; the last one counts the others.
const MOST_WARNINGS: usize = 100;
/// How often an operation logs that it met corrupt values.
const CORRUPT_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// How many fields of a hash one command asks for.
const FIELDS_AT_ONCE: usize = 1000;
/// How many keys Redis looks at in one step of a scan.
pub(super) const SCAN_STEP: u32 = 1000;

impl View {
    pub(crate) fn new(cache: Cache, plan: Arc<Plan>, params: impl Into<Arc<Value>>) -> Self {
        let params = params.into();
        let (users, until, trace, notes) = (None, None, None, None);
        let (page, keep_scans, warnings) = (Page::default(), plan.keep_scans, Mutex::default());
        Self { cache, plan, params, users, until, _under_way: None, trace, notes, page, keep_scans, warnings }
    }

    /// The same, which has so much time.
    #[must_use]
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.until = Instant::now().checked_add(limit);
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

    /// What there is to say of the answer: what had to be left out of it, and whether there is more.
    pub(crate) fn into_remarks(self) -> Remarks {
        let truncated = self.page.truncated();
        Remarks { warnings: self.warnings.into_inner().unwrap_or_else(PoisonError::into_inner), truncated }
    }

    /// Takes the warnings so far out of it.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something, and says what was warned of meanwhile.
    pub(crate) fn collecting<T>(&self, run: impl FnOnce() -> T) -> (T, Vec<Warning>) {
        let before = self.take_warnings();
        let value = run();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        (value, std::mem::replace(&mut warnings, before))
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

    /// The whole hash at a key, by field; empty where there is none. A field that is not UTF-8 is
    /// reported as corrupt and left out. Of an operation that answers in parts, and of a hash that is larger than an
    /// answer may be, it is the part that is asked for and fits; the answer says so.
    pub async fn hash(&self, key: impl Target) -> Result<Vec<(String, Stored)>> {
        self.hash_where(key, |_, _| true).await
    }

    /// The same of those fields alone that are wanted.
    pub async fn hash_where(
        &self,
        key: impl Target,
        mut is_wanted: impl FnMut(&str, &Stored) -> bool + Send,
    ) -> Result<Vec<(String, Stored)>> {
        let (mut walk, unrest) = (Walk::through(key.resolve(self)?), self.cache.unrest());
        let mut selection = self.page.select();
        self.step(&mut walk, &mut selection, &mut is_wanted).await?;
        self.go_on((walk, unrest), &mut None, &mut selection, &mut is_wanted).await?;
        Ok(self.page_of(selection))
    }

    /// Goes to the end of a way through a hash, and once more if what its cursors are worth became doubtful since a
    /// first look at [`Cache::unrest`].
    async fn go_on<'v>(
        &'v self,
        (mut walk, unrest): (Walk, u64),
        turn: &mut Option<SemaphorePermit<'v>>,
        selection: &mut Selection,
        is_wanted: &mut (impl FnMut(&str, &Stored) -> bool + Send),
    ) -> Result<()> {
        if walk.is_over() {
            return Ok(());
        }
        let mut is_again = false;
        loop {
            while !walk.is_over() {
                if turn.is_none() && walk.is_long() {
                    // So few at once hold so much, however many ask.
                    *turn = self.take_turn().await;
                }
                self.step(&mut walk, selection, is_wanted).await?;
            }
            if is_again || self.cache.unrest() == unrest {
                return Ok(());
            }
            (walk, is_again) = (walk.again(), true);
        }
    }

    async fn step(
        &self,
        walk: &mut Walk,
        selection: &mut Selection,
        is_wanted: &mut (impl FnMut(&str, &Stored) -> bool + Send),
    ) -> Result<()> {
        let reply = self.read(walk.step()).await?;
        self.take_fields(walk.take(reply)?, selection, is_wanted)
    }

    /// What was taken. If there is more, the answer says so.
    fn page_of(&self, selection: Selection) -> Vec<(String, Stored)> {
        let (taken, end) = selection.finish();
        if let Some(end) = end {
            self.truncate(Some(end));
        }
        taken
    }

    /// There is more than the answer has, which a cursor may give. Where that was not asked for it is warned of.
    fn truncate(&self, cursor: Option<String>) {
        if self.page.paging.limit.is_none() {
            let error = match (&cursor, self.page.is_paged) {
                (Some(_), true) => "there is more than one reply may hold; ask for the rest by its `cursor`",
                _ => "there is more than is read at once",
            };
            self.push_warning(Warning {
                error_code: ErrorCode::LimitExceeded,
                error: error.to_owned(),
                item: None,
            });
        }
        self.page.truncate(cursor);
    }

    /// Some fields of the hash at a key, or the whole; a field that is not there is left out.
    pub async fn hash_of(
        &self,
        key: impl Target,
        fields: Option<Vec<&str>>,
    ) -> Result<Vec<(String, Stored)>> {
        let Some(fields) = fields else { return self.hash(key).await };
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let key = key.resolve(self)?;
        let parts = fields.chunks(FIELDS_AT_ONCE).map(|fields| {
            let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            self.read(Read::HMGet(key.clone(), fields))
        });
        let mut values = Vec::with_capacity(fields.len());
        for part in join_all(parts).await {
            let Reply::Array(part) = part? else {
                return Err(Error::internal("an answer to HMGET that is no array"));
            };
            values.extend(part);
        }
        let pairs = fields.into_iter().zip(values);
        let pairs = pairs.map(|(field, value)| Ok(one(value)?.map(|value| (field.to_owned(), value))));
        pairs.filter_map(Result::transpose).collect()
    }

    /// A param that fills key patterns, as text.
    pub fn text_param(&self, name: &str) -> Result<Cow<'_, str>> {
        self.param(name).ok_or_else(|| Error::internal(format!("there is no param `{name}`")))
    }

    /// Takes those fields that are wanted.
    fn take_fields(
        &self,
        fields: Vec<(Vec<u8>, Reply)>,
        selection: &mut Selection,
        is_wanted: &mut impl FnMut(&str, &Stored) -> bool,
    ) -> Result<()> {
        for (field, value) in fields {
            match (String::from_utf8(field), one(value)?) {
                (Ok(field), Some(value)) => {
                    if selection.wants(&field) && is_wanted(&field, &value) {
                        selection.take(field, value);
                    }
                }
                // It does not tell whose it is.
                (Err(_), _) if matches!(self.users, Some(Users::Some(_))) => {}
                (Err(error), _) => self.warn_corrupt(
                    &String::from_utf8_lossy(error.as_bytes()),
                    &Error::corrupt("stands under a field that is not UTF-8"),
                ),
                (Ok(_), None) => {}
            }
        }
        Ok(())
    }

    async fn take_turn(&self) -> Option<SemaphorePermit<'_>> {
        let _waiting = Trace::turn(self.trace.as_ref());
        self.cache.turn().await
    }

    /// How many fields the hash at a key has; 0 where there is none.
    pub async fn hash_len(&self, key: impl Target) -> Result<u64> {
        let key = key.resolve(self)?;
        length(self.read(Read::HLen(key)).await?)
    }

    /// The last elements of the list at a key, in the list's order; empty where there is none.
    pub async fn list_last(&self, key: impl Target, count: u32) -> Result<Vec<Stored>> {
        self.list(key, -i64::from(count), -1).await
    }

    /// The elements of a list from one index to another, both included; below zero counts from the end.
    pub async fn list(&self, key: impl Target, start: i64, stop: i64) -> Result<Vec<Stored>> {
        let key = key.resolve(self)?;
        match self.read(Read::LRange(key, start, stop)).await? {
            Reply::Array(elements) => {
                elements.into_iter().filter_map(|value| one(value).transpose()).collect()
            }
            Reply::Nil => Ok(Vec::new()),
            other => Err(unexpected(&other)),
        }
    }

    /// The last elements of the list at a key, so many at the most, in the list's order; of an operation that answers
    /// in parts, those before the page that its cursor is of. And how many elements come after them.
    pub async fn list_page(&self, key: impl Target, limit: u32) -> Result<(Vec<Stored>, u32)> {
        let key = key.resolve(self)?;
        let cursor = self.page.paging.cursor.as_deref();
        let mark = cursor.map(|cursor| Mark::parse(cursor).ok_or_else(no_cursor)).transpose()?;
        for look in Look::for_part(mark, limit) {
            let (first, last) = look.range();
            let elements = self.list(&key, first, last).await?;
            if let Some(part) = look.part(elements, self.page.bytes) {
                if let Some(more) = part.more {
                    self.page.truncate(Some(more.to_cursor()));
                }
                return Ok((part.elements, part.after));
            }
        }
        // It has grown by too much since for its page to be found.
        self.truncate(None);
        Ok((Vec::new(), 0))
    }

    /// The first elements of the list at a key, so many at the most. If there are more, the answer says so.
    pub async fn list_first(&self, key: impl Target, most: u32) -> Result<Vec<Stored>> {
        let mut elements = self.list(key, 0, most.into()).await?;
        if elements.len() > most as usize {
            elements.truncate(most as usize);
            self.truncate(None);
        }
        Ok(elements)
    }

    /// The keys that match a pattern, by name: slots that the request has no param for are open. The
    /// scan is shared with all who ask the same, and its result kept for the entry's poll interval, or longer if it
    /// took long. Of an operation that answers in parts they are those that are asked for.
    pub async fn keys(&self, name: &str) -> Result<Vec<Found>> {
        self.allow(Verb::Scan)?;
        let pattern = self.pattern(name)?;
        let found = |key: &str| {
            let (key, slots) = pattern.recognize(key)?;
            Some(Found::new(key, slots.into_iter().next_back().map(|(_, value)| value)))
        };
        if let Ok(key) = pattern.fill(|slot| self.param(slot)) {
            // Nothing is open, so there is nothing to look for.
            return Ok(found(key.as_str()).into_iter().collect());
        }
        let glob = pattern.glob(|slot| self.param(slot)).map_err(slot_error)?;
        if let Some(notes) = &self.notes {
            notes.note(None);
        }
        let limits = self.plan.scan_limits;
        let waiting = Trace::answer(self.trace.as_ref());
        let after = self.page.paging.cursor.as_deref();
        let mut wanted = Wanted { glob, limits, after: None };
        // Pages are of one scan, as far as that goes.
        let mut scanned = self.cache.scan(wanted.clone(), self.keep_scans).await.map_err(cache_error)?;
        let most = self.page.paging.limit.unwrap_or(usize::MAX);
        if let Some(after) = after.filter(|after| !scanned.tells(most, after)) {
            wanted.after = Some(after.to_owned());
            scanned = self.cache.scan(wanted, self.keep_scans).await.map_err(cache_error)?;
        }
        if let Some(waiting) = waiting {
            waiting.of_scan(&scanned);
        }
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = || scanned.keys.range::<str, _>((first, Bound::Unbounded));
        let mut beyond = keys().skip(most.saturating_sub(1));
        let cut = beyond.next().filter(|_| beyond.next().is_some());
        if scanned.truncated.is_some() && cut.is_none() {
            self.push_warning(Warning {
                error_code: ErrorCode::LimitExceeded,
                error: format!(
                    "there may be more: a scan ends at {} keys or {} steps",
                    limits.keys, limits.steps
                ),
                item: None,
            });
        }
        match (cut, scanned.truncated) {
            (Some(last), _) => self.page.truncate(Some(last.clone())),
            (None, Some(Cut::Keys)) => self.page.truncate(scanned.keys.last().cloned()),
            (None, Some(Cut::Steps)) => self.page.truncate(None),
            (None, None) => {}
        }
        Ok(keys().take(most).filter_map(|key| found(key)).collect())
    }

    /// The key of a pattern where some slots get other values than the request's params.
    pub fn key_with(&self, name: &str, values: &[(&str, &str)]) -> Result<Key> {
        let given =
            |slot: &str| values.iter().find(|(other, _)| *other == slot).map(|(_, value)| Cow::from(*value));
        self.pattern(name)?.fill(|slot| given(slot).or_else(|| self.param(slot))).map_err(|error| {
            // What does not come from the client comes from the cache.
            match given(&error.slot) {
                Some(_) => Error::corrupt("names another key in a way that no key may hold"),
                None => slot_error(error),
            }
        })
    }

    /// The same as a key that a scan could have found.
    pub fn found_with(&self, name: &str, values: &[(&str, &str)]) -> Result<Found> {
        Ok(Found::new(self.key_with(name, values)?, values.last().map(|(_, value)| *value)))
    }

    /// The strings at many keys, read together. What is of another type is reported as corrupt.
    pub async fn each_text(&self, keys: &[Found]) -> Result<Vec<Option<Stored>>> {
        self.each(keys, Read::Get, one).await
    }

    /// One field of the hashes at many keys, read together.
    pub async fn each_hash_field(&self, keys: &[Found], field: &str) -> Result<Vec<Option<Stored>>> {
        self.each(keys, |key| Read::HGet(key, field.to_owned()), one).await
    }

    /// The hashes at many keys, whose first steps are read together. Of all of them together no more is taken than an
    /// answer may hold.
    pub async fn each_hash(&self, keys: &[Found]) -> Result<Vec<Vec<(String, Stored)>>> {
        let unrest = self.cache.unrest();
        let begun = self.each(keys, |key| Walk::through(key).step(), |reply| Ok(Some(reply))).await?;
        let mut hashes = Vec::with_capacity(keys.len());
        let mut turn = None;
        let mut left = self.page.bytes;
        for (found, reply) in keys.iter().zip(begun) {
            let (mut walk, mut selection) = (Walk::through(found.key.clone()), Selection::of_bytes(left));
            if let Some(reply) = reply {
                self.take_fields(walk.take(reply)?, &mut selection, &mut |_, _| true)?;
                self.go_on((walk, unrest), &mut turn, &mut selection, &mut |_, _| true).await?;
            }
            left = left.saturating_sub(selection.bytes());
            hashes.push(self.page_of(selection));
        }
        Ok(hashes)
    }

    /// How many fields the hashes at many keys have, read together.
    pub async fn each_hash_len(&self, keys: &[Found]) -> Result<Vec<u64>> {
        self.each(keys, Read::HLen, length).await
    }

    async fn each<T: Default>(
        &self,
        keys: &[Found],
        read: impl Fn(Key) -> Read,
        take: impl Fn(Reply) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut parts = Vec::with_capacity(keys.len());
        let at_once = READS_AT_ONCE.min(self.cache.may_wait());
        let _turn = match keys.len() > at_once {
            true => self.take_turn().await,
            false => None,
        };
        for some in keys.chunks(at_once) {
            let replies = join_all(some.iter().map(|found| self.read(read(found.key.clone())))).await;
            for (found, reply) in some.iter().zip(replies) {
                parts.push(self.unless_corrupt(found.name(), reply.and_then(&take))?);
            }
        }
        Ok(parts)
    }

    /// A list of results. What is corrupt is left out and reported, each under its name.
    pub fn records<'s, T, N>(
        &self,
        shape: &Shape<T>,
        stored: impl IntoIterator<Item = (N, &'s Stored), IntoIter: Clone>,
    ) -> Json<Vec<T>>
    where
        T: schemars::JsonSchema,
        N: AsRef<str>,
    {
        let stored = stored.into_iter();
        // A result is about as long as what is stored.
        let mut list = JsonList::with_capacity(stored.clone().map(|(_, stored)| stored.len() + 16).sum());
        for (name, stored) in stored {
            let pushed = list.push_with(|out| shape.write_stored(stored, out));
            self.healthy(name.as_ref(), pushed);
        }
        list.finish()
    }

    /// A value of several: None where it is corrupt, which is reported under its name.
    pub fn healthy<T>(&self, name: &str, value: Result<T>) -> Option<T> {
        value.inspect_err(|error| self.warn_corrupt(name, error)).ok()
    }

    /// A part of the answer that may be corrupt alone; an error that says anything else ends the request.
    fn unless_corrupt<T: Default>(&self, name: &str, part: Result<T>) -> Result<T> {
        match part {
            Err(error) if error.code() == ErrorCode::CacheCorrupt => {
                self.warn_corrupt(name, &error);
                Ok(T::default())
            }
            other => other,
        }
    }

    fn warn_corrupt(&self, item: &str, error: &Error) {
        self.push_warning(self.corrupt(item, error));
    }

    /// Counts an item as corrupt, and says what to tell of it.
    pub(crate) fn corrupt(&self, item: &str, error: &Error) -> Warning {
        self.count_corrupt(item, error);
        let (error_code, error) = (error.code(), error.message().to_owned());
        Warning { error_code, error, item: Some(item.to_owned()) }
    }

    /// What a whole request fails with. If that is because of what is stored, it is counted and logged.
    /// A miss is none where not all was seen: what was looked for may be corrupt, or beyond a scan's end.
    pub(crate) fn failure(self, error: Error) -> Error {
        match error.code() {
            ErrorCode::CacheCorrupt => self.count_corrupt(&self.params.to_string(), &error),
            ErrorCode::CacheMiss => {
                let of_an_item = |warning: &Warning| warning.item.is_some();
                let Remarks { warnings, .. } = self.into_remarks();
                if let Some(met) = warnings.iter().find(|met| of_an_item(met)).or(warnings.first()) {
                    return Error::new(met.error_code, met.error.clone());
                }
            }
            _ => {}
        }
        error
    }

    /// Counts and, now and then, logs that what is stored is corrupt.
    fn count_corrupt(&self, item: &str, error: &Error) {
        let total = self.plan.corrupt.fetch_add(1, Ordering::Relaxed) + 1;
        let mut logged = self.plan.corrupt_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= CORRUPT_LOG_INTERVAL) {
            *logged = Some(Instant::now());
            drop(logged);
            tracing::warn!(operation = %self.plan.operation, item, total, error = error.message(), "corrupt value");
        }
    }

    fn push_warning(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match warnings.len() {
            length if length < MOST_WARNINGS => warnings.push(warning),
            MOST_WARNINGS => {
                let error = "there are more warnings than an answer carries".to_owned();
                warnings.push(Warning { error_code: ErrorCode::LimitExceeded, error, item: None });
            }
            _ => {}
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
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Err(Error::new(ErrorCode::CacheTimeout, "the read took too long"));
        }
        if let Some(notes) = &self.notes {
            notes.note(read.key());
        }
        let _waiting = Trace::command(self.trace.as_ref(), read.verb());
        self.cache.read(read).await.map_err(cache_error)
    }
}

fn no_cursor() -> Error {
    let message = "is no cursor of this operation's replies".to_owned();
    Error::invalid_params(vec![crate::protocol::Violation { path: "/cursor".to_owned(), message }])
}

fn slot_error(error: super::SlotError) -> Error {
    if error.missing {
        return Error::internal(format!("a key pattern cannot be filled: {error}"));
    }
    let message = "holds a character that no key may hold".to_owned();
    Error::invalid_params(vec![crate::protocol::Violation { path: format!("/{}", error.slot), message }])
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
        let late = view(Duration::ZERO);
        let error = late.hash_field("tickers", "A/B").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CacheTimeout);
    }
}
