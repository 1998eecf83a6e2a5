//! What is noted of refusals, and of reads of what belongs to users.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What audit lines are logged under.
const AUDIT: &str = "fullon_cache_api::audit";
/// Refusals that come without end are logged together, once in this time.
const PAUSE: Duration = Duration::from_secs(1);

/// How many different refusals are logged one by one in that time.
const MOST: usize = 16;

/// One thing that was asked for and refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) who: String,
    pub(crate) from: String,
    /// What was asked for, where that is known.
    pub(crate) operation: Option<&'static str>,
    /// Whose data, where one was named.
    pub(crate) owner: Option<String>,
    pub(crate) why: String,
}

/// Logs the refusals of one login, or of all strangers: the first at once, what follows within a moment as a line
/// for each that differs, with how many it stands for. Of very many the last line tells how many more there were.
#[derive(Default)]
pub(crate) struct Audit(Arc<Mutex<Refusals>>);

#[derive(Default)]
struct Refusals {
    /// When some were last logged.
    logged: Option<Instant>,
    /// Those that were not, and how many times each came.
    untold: Vec<(Refusal, u64)>,
    /// How many came beside these.
    further: u64,
}

impl Audit {
    /// Notes a refusal.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut refusals = lock(&self.0);
        let is_first = refusals.untold.is_empty();
        refusals.note(refusal);
        let since = refusals.logged.map_or(PAUSE, |logged| logged.elapsed());
        if since >= PAUSE {
            refusals.tell();
        } else if is_first {
            let later = self.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PAUSE - since).await;
                lock(&later).tell();
            });
        }
    }

    /// Logs what was not logged yet.
    pub(crate) fn tell(&self) {
        lock(&self.0).tell();
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Refusals {
    fn note(&mut self, refusal: Refusal) {
        if let Some((_, count)) = self.untold.iter_mut().find(|(known, _)| *known == refusal) {
            *count += 1;
        } else if self.untold.len() < MOST {
            self.untold.push((refusal, 1));
        } else {
            self.further += 1;
        }
    }

    fn tell(&mut self) {
        if self.untold.is_empty() {
            return;
        }
        self.logged = Some(Instant::now());
        for (Refusal { who, from, operation, owner, why }, refused) in self.untold.drain(..) {
            tracing::warn!(target: AUDIT, who, from, operation, owner, allowed = false, refused, "{why}");
        }
        match std::mem::take(&mut self.further) {
            0 => {}
            refused => {
                tracing::warn!(target: AUDIT, allowed = false, refused, "and more that differ from these")
            }
        }
    }
}

fn lock(refusals: &Mutex<Refusals>) -> MutexGuard<'_, Refusals> {
    refusals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a read of what belongs to a user, or to several.
pub(crate) fn note_read(who: &str, from: &str, operation: &'static str, owner: Option<&str>) {
    let owner = owner.unwrap_or("several");
    tracing::info!(target: AUDIT, who, from, operation, owner, allowed = true, "read");
}
