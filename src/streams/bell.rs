//! Tells a client that there is something new for it. Its session is not woken while it rests, if all that is new can be
//! written at once. Who is woken, for that or for much else that happens less often, learns which of both it was, and
//! looks at no more than that.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Instant,
};

use futures_util::task::AtomicWaker;

use super::{
    client::{Pulled, Streams},
    hub::Hub,
};
use crate::protocol::Texts;

/// Where a client's frames go.
pub(crate) trait Outlet: Send {
    /// Whether something is not wholly out yet.
    fn has_unsent(&self) -> bool;

    /// Writes frames as far as there is room for them at once, and says whether all are out. What is not goes before
    /// anything else.
    fn put(&mut self, frames: Texts) -> bool;
}

/// Rings when there is something new for a client.
pub(crate) struct Bell {
    is_rung: AtomicBool,
    /// Whether anything else may have happened.
    is_called: AtomicBool,
    /// Whether the task waits and has nothing to write.
    is_resting: AtomicBool,
    /// The task that waits for either.
    waits: AtomicWaker,
    /// What is looked at next when it rings. Where thousands of clients are told of a change, none of what belongs to
    /// one is in the processor's cache any more: each place less that is looked at counts.
    line: Mutex<Line>,
}

/// What goes to a client.
#[derive(Default)]
pub(super) struct Line {
    pub(super) streams: Streams,
    outlet: Option<Arc<Mutex<dyn Outlet>>>,
    /// When the task looks again by itself.
    again: Option<Instant>,
}

impl Default for Bell {
    fn default() -> Self {
        Self {
            is_rung: AtomicBool::new(false),
            // Nothing else has been looked at yet.
            is_called: AtomicBool::new(true),
            is_resting: AtomicBool::new(false),
            waits: AtomicWaker::new(),
            line: Mutex::default(),
        }
    }
}

impl Bell {
    /// Rings it at once.
    pub(crate) fn ring(&self) {
        if self.mark() {
            self.waits.wake();
        }
    }

    /// Has it count as rung, and says whether it did not yet. Whoever does so delivers what is new.
    pub(super) fn mark(&self) -> bool {
        !self.is_rung.swap(true, Ordering::AcqRel)
    }

    /// Has the task woken by whatever happens from now on, and nothing written by others. Whoever waits asks for this
    /// before it looks whether anything has happened: what does in between would wake nobody.
    pub(crate) fn listen(&self, cx: &Context<'_>) {
        self.is_resting.store(false, Ordering::Release);
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

    /// Has all else looked at when the task is polled next.
    pub(crate) fn call(&self) {
        self.is_called.store(true, Ordering::Release);
    }

    /// The task waits and has nothing to write, so that others may.
    pub(crate) fn rest(&self) {
        self.is_resting.store(true, Ordering::Release);
    }

    /// Gives it what the client's frames may be written to while the task rests.
    pub(crate) fn connect(&self, outlet: Arc<Mutex<dyn Outlet>>) {
        self.line().outlet = Some(outlet);
    }

    /// The next frames of the client's streams.
    pub(crate) fn pull(&self, hub: &Hub) -> Pulled {
        let mut line = self.line();
        let pulled = line.streams.pull(hub);
        line.again = pulled.again;
        pulled
    }

    /// Takes back what the client's frames were written to, and says how many there have been.
    pub(crate) fn disconnect(&self) -> u64 {
        let mut line = self.line();
        line.outlet = None;
        line.streams.sent
    }

    pub(super) fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the client sent what is new for it: right here, if that is all that there is to do, or else by the task.
    pub(super) fn deliver(&self, hub: &Hub) {
        self.deliver_to(self.line(), hub);
    }

    /// The same, unless one would have to wait for what else is done with the client's streams. Says whether it is done.
    pub(super) fn try_deliver(&self, hub: &Hub) -> bool {
        let line = self.line.try_lock();
        line.map(|line| self.deliver_to(line, hub)).is_ok()
    }

    fn deliver_to(&self, mut line: MutexGuard<'_, Line>, hub: &Hub) {
        // What one client's streams come to must not be another's: the task comes upon it again, and ends.
        let delivered = catch_unwind(AssertUnwindSafe(move || line.deliver(self, hub)));
        if !delivered.unwrap_or_default() {
            self.is_rung.store(true, Ordering::Release);
            self.waits.wake();
        }
    }
}

impl Line {
    /// Sends what is new while the task rests. Says whether that has nothing left to do.
    fn deliver(&mut self, bell: &Bell, hub: &Hub) -> bool {
        let Some(outlet) = self.outlet.as_ref().filter(|_| bell.is_resting.load(Ordering::Acquire)) else {
            return false;
        };
        let mut outlet = outlet.lock().unwrap_or_else(PoisonError::into_inner);
        // What a stream begins with may be much; others wait.
        if outlet.has_unsent() || !self.streams.are_begun() {
            return false;
        }
        if !bell.take_ring() {
            // The task was faster.
            return true;
        }
        let Pulled { frames, has_more, again } = self.streams.pull(hub);
        let is_out = frames.is_empty() || outlet.put(frames);
        is_out && !has_more && (again.is_none() || again == self.again)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::woken::Woken;

    #[test]
    fn who_waits_learns_what_it_was_woken_for_and_misses_nothing() {
        let (bell, task) = (Arc::new(Bell::default()), Arc::new(Woken::default()));
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
