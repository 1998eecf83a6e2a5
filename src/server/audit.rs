//! What is noted of refusals, and of reads of what belongs to users.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What audit lines are logged under.
const AUDIT: &str = "fullon_cache_api::audit";
/// Of refusals that come without end, one line in this time is logged.
const PAUSE: Duration = Duration::from_secs(1);

/// One thing that was asked for and refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) who: String,
    pub(super) from: String,
    /// What was asked for, where that is known.
    pub(super) operation: Option<&'static str>,
    /// Whose data, where one was named.
    pub(super) owner: Option<String>,
    pub(super) why: String,
}

/// Logs the refusals of one client, or of strangers: each within a moment, of many in a row the last one and
/// how many there were.
#[derive(Default)]
pub(crate) struct Audit(Arc<Mutex<Refusals>>);

#[derive(Default)]
struct Refusals {
    /// When one was last logged.
    logged: Option<Instant>,
    /// The last one that was not, and for how many it stands.
    untold: Option<(Refusal, u64)>,
}

impl Audit {
    /// Notes a refusal.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let mut refusals = lock(&self.0);
        let since = refusals.logged.map(|logged| logged.elapsed());
        match (since, &mut refusals.untold) {
            (_, Some((last, count))) => {
                *last = refusal;
                *count += 1;
            }
            (Some(since), untold) if since < PAUSE => {
                *untold = Some((refusal, 1));
                let later = self.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(PAUSE - since).await;
                    lock(&later).tell();
                });
            }
            _ => {
                refusals.untold = Some((refusal, 1));
                refusals.tell();
            }
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        lock(&self.0).tell();
    }
}

impl Refusals {
    /// Logs what was not logged yet.
    fn tell(&mut self) {
        let Some((Refusal { who, from, operation, owner, why }, refused)) = self.untold.take() else {
            return;
        };
        self.logged = Some(Instant::now());
        tracing::warn!(target: AUDIT, who, from, operation, owner, allowed = false, refused, "{why}");
    }
}

fn lock(refusals: &Mutex<Refusals>) -> MutexGuard<'_, Refusals> {
    refusals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a read of what belongs to a user, or to several.
pub(super) fn note_read(who: &str, from: &str, operation: &'static str, owner: Option<&str>) {
    let owner = owner.unwrap_or("several");
    tracing::info!(target: AUDIT, who, from, operation, owner, allowed = true, "read");
}
