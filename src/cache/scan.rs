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
    /// Whether there are more than were asked for.
    pub(super) truncated: bool,
}

type Running = Shared<BoxFuture<'static, Result<Arc<ScanResult>, CacheError>>>;

/// How many different scans are remembered at the most.
const MOST_REMEMBERED: usize = 256;

/// All scans under way or kept.
#[derive(Default)]
pub(super) struct Scans(Mutex<HashMap<(Glob, usize), (Instant, Running)>>);

impl Scans {
    pub(super) async fn run(
        &self,
        cache: &Cache,
        glob: Glob,
        most: usize,
        keep: Duration,
    ) -> Result<Arc<ScanResult>, CacheError> {
        let running = self.join(cache, (glob.clone(), most), keep);
        let result = running.clone().await;
        if result.is_err() {
            // A failure is told to all who waited for it, and kept for nobody else.
            let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if scans.get(&(glob.clone(), most)).is_some_and(|(_, other)| other.ptr_eq(&running)) {
                scans.remove(&(glob, most));
            }
        }
        result
    }

    fn join(&self, cache: &Cache, wanted: (Glob, usize), keep: Duration) -> Running {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((started, running)) = scans.get(&wanted)
            && (running.peek().is_none() || started.elapsed() < keep)
        {
            return running.clone();
        }
        if scans.len() >= MOST_REMEMBERED {
            scans.retain(|_, (_, running)| running.peek().is_none());
        }
        let (glob, most) = wanted.clone();
        let running = scan(cache.clone(), glob, most).boxed().shared();
        scans.insert(wanted, (Instant::now(), running.clone()));
        running
    }
}

async fn scan(cache: Cache, glob: Glob, most: usize) -> Result<Arc<ScanResult>, CacheError> {
    let mut keys = BTreeSet::new();
    let mut cursor = 0;
    loop {
        let step = Read::Scan { cursor, glob: glob.clone(), count: SCAN_STEP };
        let (next, found) = read_step(cache.read(step).await?)?;
        keys.extend(found);
        if keys.len() > most {
            while keys.len() > most {
                keys.pop_last();
            }
            return Ok(Arc::new(ScanResult { keys, truncated: true }));
        }
        if next == 0 {
            return Ok(Arc::new(ScanResult { keys, truncated: false }));
        }
        cursor = next;
    }
}

/// The next cursor and the keys of one step. A key that is not UTF-8 is none of the layout's.
fn read_step(reply: Reply) -> Result<(u64, Vec<String>), CacheError> {
    redis::from_redis_value::<(u64, Vec<Vec<u8>>)>(reply)
        .map(|(next, keys)| (next, keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect()))
        .map_err(|error| CacheError::Defect(format!("an answer to SCAN that is none: {error}").into()))
}
