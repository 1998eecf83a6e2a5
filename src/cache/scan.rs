//! Scans, shared: one runs for all who ask the same at the same time, and its result is kept a while.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use redis::Value as Reply;
use tokio::{sync::Semaphore, time::sleep};

use super::{Cache, CacheError, Glob, Read, view::SCAN_STEP};
use crate::counted::Counted;

/// The keys that a scan found, sorted.
#[derive(Debug)]
pub(super) struct ScanResult {
    pub(super) keys: BTreeSet<String>,
    /// Why there may be more.
    pub(super) truncated: Option<Cut>,
    /// When it ended, how long it took, and in how many steps.
    pub(super) finished: Instant,
    pub(super) took: Duration,
    pub(super) steps: u32,
}

impl ScanResult {
    /// Whether it tells so many keys after this one, or all that there are.
    pub(super) fn tells(&self, count: usize, after: &str) -> bool {
        let bounds = (Bound::Excluded(after), Bound::Unbounded);
        self.truncated != Some(Cut::Keys) || self.keys.range::<str, _>(bounds).nth(count).is_some()
    }
}

/// Why a scan did not find all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// There are more keys than it may find: these are the first ones.
    Keys,
    /// It may take no more steps.
    Steps,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) glob: Glob,
    pub(super) limits: ScanLimits,
    /// Only keys that come after this one.
    pub(super) after: Option<String>,
}

/// What a scan may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ScanLimits {
    /// How many keys it may find.
    pub(crate) keys: usize,
    /// How many steps it may take; each looks at about [`SCAN_STEP`] keys.
    pub(crate) steps: usize,
}

type Running = Shared<BoxFuture<'static, Result<Arc<ScanResult>, CacheError>>>;

/// A scan under way, or its result.
struct Kept {
    running: Running,
    /// How many wait for it.
    waiting: Arc<AtomicUsize>,
}

impl Kept {
    /// What came of it, if it has ended, whether or not anybody waited for that.
    fn outcome(&self) -> Option<Result<Arc<ScanResult>, CacheError>> {
        self.running.clone().now_or_never()
    }
}

/// How many different scans are remembered at the most, or under way.
const MOST_REMEMBERED: usize = 256;

/// How many scans run at once; others wait for their turn.
const AT_ONCE: usize = 4;
/// A scan's result is kept for at least so many times as long as it took: to look for keys all the time would cost a
/// Redis of many keys more than all else.
const KEPT_FOR: u32 = 10;
/// After so many steps a scan rests after each for as long as that took.
const STEPS_IN_A_ROW: u32 = 16;

/// All scans under way or kept.
pub(super) struct Scans {
    running: Mutex<HashMap<Wanted, Kept>>,
    turns: Arc<Semaphore>,
}

impl Default for Scans {
    fn default() -> Self {
        Self { running: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Scans {
    pub(super) async fn run(
        &self,
        cache: &Cache,
        wanted: Wanted,
        keep: Duration,
    ) -> Result<Arc<ScanResult>, CacheError> {
        let (running, _waiter) = self.join(cache, wanted, keep)?;
        running.await
    }

    /// A key is there that no scan so far may have found: those that should have are done again.
    pub(super) fn take_note_of(&self, key: &str) {
        let is_found = |scan: &ScanResult| {
            // What lies beyond the end of a scan lies beyond that of the next one.
            let is_beyond = match scan.truncated {
                None => false,
                Some(Cut::Keys) => scan.keys.last().is_some_and(|last| key > last.as_str()),
                Some(Cut::Steps) => true,
            };
            is_beyond || scan.keys.contains(key)
        };
        self.running().retain(|wanted, kept| {
            !wanted.glob.matches(key)
                || wanted.after.as_deref().is_some_and(|after| key <= after)
                || kept.outcome().is_some_and(|scan| scan.is_ok_and(|scan| is_found(&scan)))
        });
    }

    /// Any key may be there by now: all scans are done again.
    pub(super) fn forget(&self) {
        self.running().clear();
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Wanted, Kept>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, cache: &Cache, wanted: Wanted, keep: Duration) -> Result<(Running, Counted), CacheError> {
        let is_current = |kept: &Kept| match kept.outcome() {
            None => true,
            Some(Ok(result)) => result.finished.elapsed() < keep.max(result.took * KEPT_FOR),
            // A failure is told to all who waited for it, and kept for nobody else.
            Some(Err(_)) => false,
        };
        let mut scans = self.running();
        if let Some(kept) = scans.get(&wanted).filter(|kept| is_current(kept)) {
            return Ok((kept.running.clone(), Counted::new(&kept.waiting)));
        }
        if scans.len() >= MOST_REMEMBERED {
            scans.retain(|_, kept| is_current(kept));
        }
        if scans.len() >= MOST_REMEMBERED {
            // Those under way are wanted by somebody; of the others none is missed.
            scans.retain(|_, kept| kept.outcome().is_none());
        }
        if scans.len() >= MOST_REMEMBERED {
            return Err(CacheError::Overloaded);
        }
        // A task of its own: once it has its turn it goes on though all who asked may leave, so nobody ever joins one
        // that stands still.
        let waiting = Arc::<AtomicUsize>::default();
        let waiter = Counted::new(&waiting);
        let task = tokio::spawn(scan(cache.clone(), wanted.clone(), self.turns.clone(), waiting.clone()));
        let running = task
            .map(|ended| {
                ended.unwrap_or_else(|error| Err(CacheError::Defect(format!("a scan died: {error}").into())))
            })
            .boxed()
            .shared();
        scans.insert(wanted, Kept { running: running.clone(), waiting });
        Ok((running, waiter))
    }
}

async fn scan(
    cache: Cache,
    wanted: Wanted,
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
) -> Result<Arc<ScanResult>, CacheError> {
    // An error would mean that it is closed, which it never is.
    let _turn = turns.acquire().await.ok();
    if waiting.load(Ordering::Relaxed) == 0 {
        // Nobody has waited for its turn. An error is kept for nobody.
        return Err(CacheError::Timeout);
    }
    let (begun, unrest) = (Instant::now(), cache.unrest());
    let mut search = Search { wanted: &wanted, keys: BTreeSet::new(), has_more: false, steps: 0 };
    let mut is_through = search.pass(&cache).await?;
    if cache.unrest() != unrest {
        // A key that went meanwhile from a part that was yet to be looked through to one that had been is found now,
        // and one that a cursor of another Redis led past.
        is_through = search.pass(&cache).await?;
    }
    let truncated = match (is_through, search.has_more) {
        (false, _) => Some(Cut::Steps),
        (true, true) => Some(Cut::Keys),
        (true, false) => None,
    };
    let (finished, Search { keys, steps, .. }) = (Instant::now(), search);
    Ok(Arc::new(ScanResult { keys, truncated, finished, took: finished - begun, steps }))
}

/// A scan under way.
struct Search<'w> {
    wanted: &'w Wanted,
    keys: BTreeSet<String>,
    /// Whether it found more keys than it may keep.
    has_more: bool,
    steps: u32,
}

impl Search<'_> {
    /// Looks through all parts, one after another, within what is left of the limits; whether it came to the end.
    async fn pass(&mut self, cache: &Cache) -> Result<bool, CacheError> {
        for part in cache.parts().await? {
            let mut cursor = 0;
            loop {
                if self.steps as usize >= self.wanted.limits.steps {
                    return Ok(false);
                }
                let begun = Instant::now();
                let step = Read::Scan { cursor, glob: self.wanted.glob.clone(), count: SCAN_STEP };
                self.steps += 1;
                let (next, found) = read_step(cache.read_part(&part, &step).await?)?;
                self.take(found);
                if next == 0 {
                    break;
                }
                cursor = next;
                if self.steps > STEPS_IN_A_ROW {
                    sleep(begun.elapsed()).await;
                }
            }
        }
        Ok(true)
    }

    /// Keeps what is wanted, as many as it may of those that come first.
    fn take(&mut self, found: Vec<String>) {
        let after = self.wanted.after.as_ref();
        self.keys.extend(found.into_iter().filter(|key| after.is_none_or(|after| key > after)));
        while self.keys.len() > self.wanted.limits.keys {
            self.has_more = true;
            self.keys.pop_last();
        }
    }
}

/// The next cursor and the keys of one step. A key that is not UTF-8 is none of the layout's.
fn read_step(reply: Reply) -> Result<(u64, Vec<String>), CacheError> {
    redis::from_redis_value::<(u64, Vec<Vec<u8>>)>(reply)
        .map(|(next, keys)| (next, keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect()))
        .map_err(|error| CacheError::Defect(format!("an answer to SCAN that is none: {error}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Pattern, Store};

    #[tokio::test]
    async fn scans_that_wait_are_bounded_and_end_if_nobody_waits_for_them() {
        let cache = Cache::embedded(Store::new());
        let scans = Scans { turns: Arc::new(Semaphore::new(0)), ..Scans::default() };
        let glob = Pattern::parse("tickers:{exchange}").unwrap().glob(|_| None).unwrap();
        let join = |number: usize| {
            let limits = ScanLimits { keys: 1, steps: 1 };
            let wanted = Wanted { glob: glob.clone(), limits, after: Some(number.to_string()) };
            scans.join(&cache, wanted, Duration::ZERO)
        };
        let mut waiting: Vec<_> = (0..MOST_REMEMBERED).map(|number| join(number).unwrap()).collect();
        assert_eq!(join(MOST_REMEMBERED).err(), Some(CacheError::Overloaded));
        let (last, _waiter) = waiting.pop().unwrap();
        let left = waiting.swap_remove(0).0;
        drop(waiting);
        scans.turns.add_permits(1);
        assert_eq!(last.await.unwrap().steps, 1);
        assert_eq!(left.await.err(), Some(CacheError::Timeout), "it ran for nobody");
        assert!(join(MOST_REMEMBERED).is_ok(), "those that nobody waited for are still remembered");
    }
}
