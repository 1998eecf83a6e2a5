//! Scans, shared: one runs for all who ask the same at the same time, and its result is kept a while.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use redis::Value as Reply;

use super::{Cache, CacheError, Glob, Read, view::SCAN_STEP};

/// The keys that a scan found, sorted.
#[derive(Debug)]
pub(super) struct ScanResult {
    pub(super) keys: BTreeSet<String>,
    /// Whether there may be more.
    pub(super) truncated: bool,
    /// When it ended, and how many steps it took.
    pub(super) finished: Instant,
    pub(super) steps: u32,
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

/// How many different scans are remembered at the most.
const MOST_REMEMBERED: usize = 256;

/// All scans under way or kept.
#[derive(Default)]
pub(super) struct Scans(Mutex<HashMap<(Glob, ScanLimits), Running>>);

impl Scans {
    pub(super) async fn run(
        &self,
        cache: &Cache,
        glob: Glob,
        limits: ScanLimits,
        keep: Duration,
    ) -> Result<Arc<ScanResult>, CacheError> {
        let running = self.join(cache, (glob, limits), keep);
        running.await
    }

    /// A key is there that no scan so far may have found: those that should have are done again.
    pub(super) fn take_note_of(&self, key: &str) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|(glob, _), running| {
            !glob.matches(key)
                || running.peek().is_some_and(|scan| scan.as_ref().is_ok_and(|scan| scan.keys.contains(key)))
        });
    }

    /// Any key may be there by now: all scans are done again.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn join(&self, cache: &Cache, wanted: (Glob, ScanLimits), keep: Duration) -> Running {
        let is_current = |running: &Running| match running.peek() {
            None => true,
            Some(Ok(result)) => result.finished.elapsed() < keep,
            // A failure is told to all who waited for it, and kept for nobody else.
            Some(Err(_)) => false,
        };
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = scans.get(&wanted).filter(|running| is_current(running)) {
            return running.clone();
        }
        if scans.len() >= MOST_REMEMBERED {
            scans.retain(|_, running| is_current(running));
        }
        let (glob, limits) = wanted.clone();
        // A task of its own: it goes on though all who asked may leave, so nobody ever joins one that stands still.
        let task = tokio::spawn(scan(cache.clone(), glob, limits));
        let running = task
            .map(|ended| {
                ended.unwrap_or_else(|error| Err(CacheError::Defect(format!("a scan died: {error}").into())))
            })
            .boxed()
            .shared();
        scans.insert(wanted, running.clone());
        running
    }
}

async fn scan(cache: Cache, glob: Glob, limits: ScanLimits) -> Result<Arc<ScanResult>, CacheError> {
    let mut scan = ScanResult { keys: BTreeSet::new(), truncated: false, finished: Instant::now(), steps: 0 };
    let unrest = cache.unrest();
    pass(&cache, &glob, limits, &mut scan).await?;
    if cache.unrest() != unrest {
        // A key that went meanwhile from a part that was yet to be looked through to one that had been is found now.
        pass(&cache, &glob, limits, &mut scan).await?;
    }
    Ok(Arc::new(ScanResult { finished: Instant::now(), ..scan }))
}

/// Looks through all parts, one after another, within what is left of the limits.
async fn pass(
    cache: &Cache,
    glob: &Glob,
    limits: ScanLimits,
    scan: &mut ScanResult,
) -> Result<(), CacheError> {
    for part in cache.parts().await? {
        let mut cursor = 0;
        loop {
            if scan.truncated || scan.steps as usize >= limits.steps {
                scan.truncated = true;
                return Ok(());
            }
            let step = Read::Scan { cursor, glob: glob.clone(), count: SCAN_STEP };
            scan.steps += 1;
            let (next, found) = read_step(cache.read_part(&part, step).await?)?;
            scan.keys.extend(found);
            while scan.keys.len() > limits.keys {
                scan.keys.pop_last();
                scan.truncated = true;
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
    }
    Ok(())
}

/// The next cursor and the keys of one step. A key that is not UTF-8 is none of the layout's.
fn read_step(reply: Reply) -> Result<(u64, Vec<String>), CacheError> {
    redis::from_redis_value::<(u64, Vec<Vec<u8>>)>(reply)
        .map(|(next, keys)| (next, keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect()))
        .map_err(|error| CacheError::Defect(format!("an answer to SCAN that is none: {error}").into()))
}
