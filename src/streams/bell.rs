//! Tells clients that there is something new for them. Those of one worker are told all at once, for to wake
//! another thread costs about as much as what it is woken for.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Rings when there is something new for a client.
#[derive(Debug)]
pub(crate) struct Bell {
    is_rung: AtomicBool,
    notify: Notify,
    ringer: Arc<Ringer>,
}

/// Rings the bells of one worker's clients, on one of the threads that serve them.
#[derive(Debug, Default)]
pub(crate) struct Ringer {
    to_ring: Mutex<Vec<Arc<Bell>>>,
    notify: Notify,
}

/// Workers that have bells to ring, and do not know it yet.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Arc<Ringer>>);

impl Bell {
    pub(super) fn new(ringer: Arc<Ringer>) -> Self {
        Self { is_rung: AtomicBool::new(false), notify: Notify::new(), ringer }
    }

    /// Rings it at once.
    pub(crate) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    /// Waits until it rings. Once is enough for all that came before.
    pub(crate) async fn rung(&self) {
        self.notify.notified().await;
        // Not a mere store: what comes after must not be looked at before.
        self.is_rung.swap(false, Ordering::AcqRel);
    }
}

impl Ringer {
    /// Rings what is to be rung, for as long as it is polled.
    pub(crate) async fn run(&self) {
        loop {
            self.notify.notified().await;
            let to_ring = std::mem::take(&mut *self.to_ring.lock().unwrap_or_else(PoisonError::into_inner));
            to_ring.iter().for_each(|bell| bell.notify.notify_one());
        }
    }
}

impl Waiting {
    /// Has a bell rung.
    pub(super) fn add(&mut self, bell: &Arc<Bell>) {
        if bell.is_rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let ringer = &bell.ringer;
        ringer.to_ring.lock().unwrap_or_else(PoisonError::into_inner).push(bell.clone());
        if !self.0.iter().any(|other| Arc::ptr_eq(other, ringer)) {
            self.0.push(ringer.clone());
        }
    }
}

/// They learn of it when whoever had bells rung is done with what clients will ask for: nobody wakes up to
/// stand before a lock.
impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.iter().for_each(|ringer| ringer.notify.notify_one());
    }
}
