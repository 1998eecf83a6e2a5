//! Who is told of a change, and by whom. Few are told right where it is noticed: to wake a thread that does it costs as
//! much. Many are told by the workers whose clients they are, those of one worker all at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    sync::Notify,
    task::{coop::has_budget_remaining, yield_now},
};

use super::{bell::Bell, hub::Hub};

/// How many are few.
const FEW: usize = 32;
/// About how many bytes go to clients before others have their turn.
const TURN: usize = 256 << 10;

/// Tells one worker's clients what is new for them, on one of the threads that serve them.
#[derive(Default)]
pub(crate) struct Ringer {
    to_ring: Mutex<Vec<Arc<Bell>>>,
    notify: Notify,
}

/// Those who are to be told, of whom nobody else knows yet.
#[derive(Default)]
pub(super) struct Waiting {
    few: Vec<Arc<Bell>>,
    /// The workers that have all others, and do not know it yet.
    ringers: Vec<Arc<Ringer>>,
    /// For how many events they have waited.
    events: usize,
}

impl Ringer {
    /// Tells those who are to be told, for as long as it is polled.
    pub(crate) async fn run(&self, hub: &Hub) {
        /// As how many bytes even a small update counts.
        const LEAST: usize = 4 << 10;
        loop {
            self.notify.notified().await;
            let to_ring = std::mem::take(&mut *self.to_ring.lock().unwrap_or_else(PoisonError::into_inner));
            let mut spent = 0;
            for bell in to_ring {
                spent += bell.deliver(hub).max(LEAST);
                if spent >= TURN || !has_budget_remaining() {
                    spent = 0;
                    yield_now().await;
                }
            }
        }
    }

    fn push(&self, bell: Arc<Bell>) {
        self.to_ring.lock().unwrap_or_else(PoisonError::into_inner).push(bell);
    }
}

impl Waiting {
    /// Has one told.
    pub(super) fn add(&mut self, bell: &Arc<Bell>) {
        if !bell.mark() {
            return;
        }
        match self.are_many() || self.few.len() >= FEW {
            true => self.leave(bell.clone()),
            false => self.few.push(bell.clone()),
        }
    }

    /// An event is dealt with, and another is there already or not. A change often comes as several, which are told of
    /// at once. Whoever has more events to deal with than that leaves it to the workers to tell.
    pub(super) fn after_event(&mut self, hub: &Hub, has_more: bool) {
        /// For how many events who is to be told may wait.
        const LONGEST: usize = 16;
        self.events += 1;
        if !has_more {
            self.tell_few(hub);
        } else if !self.are_many() && self.events < LONGEST {
            return;
        }
        self.leave_all();
        self.events = 0;
    }

    fn are_many(&self) -> bool {
        !self.ringers.is_empty()
    }

    /// Tells them right here, if they are few.
    fn tell_few(&mut self, hub: &Hub) {
        let mut spent = 0;
        while !self.are_many()
            && spent < TURN
            && has_budget_remaining()
            && let Some(bell) = self.few.pop()
        {
            spent += bell.deliver(hub);
        }
    }

    /// They learn of it last, when whoever has them told is done with what clients will ask for: nobody wakes up to
    /// stand before a lock.
    fn leave_all(&mut self) {
        while let Some(bell) = self.few.pop() {
            self.leave(bell);
        }
        self.ringers.drain(..).for_each(|ringer| ringer.notify.notify_one());
    }

    /// Leaves one to its worker.
    fn leave(&mut self, bell: Arc<Bell>) {
        let ringer = bell.ringer.clone();
        if !self.ringers.iter().any(|other| Arc::ptr_eq(other, &ringer)) {
            self.ringers.push(ringer.clone());
        }
        ringer.push(bell);
    }
}
