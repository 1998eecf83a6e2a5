//! Tells clients that there is something new for them. Those of one worker are told all at once, for to wake
//! another thread costs about as much as what it is woken for. Who waits for that, and for much else that happens
//! less often, learns which of both it was woken for, and looks at no more than that: the client's streams, which
//! are here.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::{
    client::{Pulled, Streams},
    hub::Hub,
};

/// Rings when there is something new for a client.
pub(crate) struct Bell {
    is_rung: AtomicBool,
    /// Whether anything else may have happened.
    is_called: AtomicBool,
    /// The task that waits for either.
    waits: AtomicWaker,
    ringer: Arc<Ringer>,
    /// The client's streams, which are looked at next when it rings. Where thousands of clients are told of a change,
    /// none of what belongs to one is in the processor's cache any more: each place less that is looked at counts.
    streams: Mutex<Streams>,
}

/// Rings the bells of one worker's clients, on one of the threads that serve them.
#[derive(Default)]
pub(crate) struct Ringer {
    to_ring: Mutex<Vec<Arc<Bell>>>,
    notify: Notify,
}

/// Workers that have bells to ring, and do not know it yet.
#[derive(Default)]
pub(super) struct Waiting(Vec<Arc<Ringer>>);

impl Bell {
    pub(super) fn new(ringer: Arc<Ringer>) -> Self {
        // Nothing else has been looked at yet.
        let (is_rung, is_called) = (AtomicBool::new(false), AtomicBool::new(true));
        Self { is_rung, is_called, waits: AtomicWaker::new(), ringer, streams: Mutex::default() }
    }

    /// Rings it at once.
    pub(crate) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            self.waits.wake();
        }
    }

    /// Has the task woken by whatever happens from now on. Whoever waits asks for this before it looks whether
    /// anything has: what happens in between would wake nobody.
    pub(crate) fn listen(&self, cx: &Context<'_>) {
        self.waits.register(cx.waker());
    }

    /// Whether it rang. Once is enough for all that came before.
    pub(crate) fn take_ring(&self) -> bool {
        // Not a mere store: what comes after must not be looked at before.
        self.is_rung.swap(false, Ordering::AcqRel)
    }

    /// If anything else may have happened, what all of it that is pending is to wake the task by.
    pub(crate) fn take_call(self: &Arc<Self>) -> Option<Waker> {
        self.is_called.swap(false, Ordering::AcqRel).then(|| self.clone().into())
    }

    /// The next frames of the client's streams, of about so many bytes.
    pub(crate) fn pull(&self, hub: &Hub, most_bytes: usize) -> Pulled {
        self.streams().pull(hub, most_bytes)
    }

    pub(super) fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all else looked at when the task is polled next.
    pub(crate) fn call(&self) {
        self.is_called.store(true, Ordering::Release);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.call();
        self.waits.wake();
    }
}

impl Ringer {
    /// Rings what is to be rung, for as long as it is polled.
    pub(crate) async fn run(&self) {
        loop {
            self.notify.notified().await;
            let to_ring = std::mem::take(&mut *self.to_ring.lock().unwrap_or_else(PoisonError::into_inner));
            to_ring.iter().for_each(|bell| bell.waits.wake());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::woken::Woken;

    #[test]
    fn who_waits_learns_what_it_was_woken_for_and_misses_nothing() {
        let (bell, task) = (Arc::new(Bell::new(Arc::default())), Arc::new(Woken::default()));
        let waker = Waker::from(task.clone());
        let cx = Context::from_waker(&waker);
        let woken = || task.times();
        // At first, all else is to be looked at.
        bell.listen(&cx);
        let called = bell.take_call().unwrap();
        assert!(!bell.take_ring() && bell.take_call().is_none());
        bell.ring();
        bell.ring();
        assert_eq!(woken(), 1);
        bell.listen(&cx);
        assert!(bell.take_ring() && !bell.take_ring() && bell.take_call().is_none());
        // It was woken, and has found nothing else: whatever happens now wakes it once more.
        called.wake_by_ref();
        assert_eq!(woken(), 2);
        bell.listen(&cx);
        assert!(!bell.take_ring() && bell.take_call().is_some());
        bell.ring();
        assert_eq!(woken(), 3);
    }
}
