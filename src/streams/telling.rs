//! Who is told of a change, and by whom. Few are told right where it is noticed: to wake a thread that does it costs as
//! much. Many are told by the workers whose clients they are, those of one worker all at once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::Notify,
    task::{coop::has_budget_remaining, yield_now},
};

use super::{bell::Bell, hub::Hub};

/// How many are few.
const FEW: usize = 32;

/// Tells one worker's clients what is new for them, on one of the threads that serve them.
#[derive(Default)]
pub(crate) struct Ringer {
    to_ring: Mutex<Vec<Arc<Bell>>>,
    notify: Notify,
}

/// Those who are to be told, and do not know it yet.
#[derive(Default)]
pub(super) struct ToTell {
    /// The first of them.
    few: VecDeque<Arc<Bell>>,
    /// The workers that have all others.
    ringers: Vec<Arc<Ringer>>,
}

impl Ringer {
    /// Tells those who are to be told, for as long as it is polled.
    pub(crate) async fn run(&self, hub: &Hub) {
        /// About how many bytes go before others have their turn, and as how many even a small update counts.
        const TURN: usize = 256 << 10;
        const LEAST: usize = 4 << 10;
        loop {
            self.notify.notified().await;
            let to_ring = std::mem::take(&mut *self.to_ring());
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

    fn to_ring(&self) -> MutexGuard<'_, Vec<Arc<Bell>>> {
        self.to_ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ToTell {
    /// Has one told.
    pub(super) fn add(&mut self, bell: &Arc<Bell>) {
        if !bell.mark() {
            return;
        }
        match self.are_many() || self.few.len() >= FEW {
            true => self.leave(bell),
            false => self.few.push_back(bell.clone()),
        }
    }

    /// Tells them right here, if they are few, for as long as nobody else need wait for it. All others are told by their
    /// workers.
    pub(super) fn tell(&mut self, hub: &Hub) {
        /// How long others may have to wait, and one more client.
        const LONGEST: Duration = Duration::from_millis(1);
        let (begun, are_few) = (Instant::now(), !self.are_many());
        while are_few
            && begun.elapsed() < LONGEST
            && has_budget_remaining()
            && let Some(bell) = self.few.pop_front()
        {
            if !bell.try_deliver(hub) {
                self.leave(&bell);
            }
        }
        self.leave_all();
    }

    /// Leaves them to their workers, who learn of it last, when whoever has them told is done with what clients will ask
    /// for: nobody wakes up to stand before a lock.
    pub(super) fn leave_all(&mut self) {
        while let Some(bell) = self.few.pop_front() {
            self.leave(&bell);
        }
        self.ringers.drain(..).for_each(|ringer| ringer.notify.notify_one());
    }

    fn are_many(&self) -> bool {
        !self.ringers.is_empty()
    }

    fn leave(&mut self, bell: &Arc<Bell>) {
        let ringer = &bell.ringer;
        if !self.ringers.iter().any(|other| Arc::ptr_eq(other, ringer)) {
            self.ringers.push(ringer.clone());
        }
        ringer.to_ring().push(bell.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_told_here_is_left_to_its_worker() {
        let (one, other) = (Arc::<Ringer>::default(), Arc::<Ringer>::default());
        for count in [1, FEW, FEW + 1, 3 * FEW] {
            let ringers = [&one, &other].into_iter().cycle();
            let bells: Vec<_> =
                ringers.take(count).map(|ringer| Arc::new(Bell::new(ringer.clone()))).collect();
            let mut to_tell = ToTell::default();
            // Twice is once.
            bells.iter().chain(&bells).for_each(|bell| to_tell.add(bell));
            assert_eq!(to_tell.are_many(), count > FEW);
            to_tell.leave_all();
            let left = [&one, &other].map(|ringer| std::mem::take(&mut *ringer.to_ring()).len());
            assert_eq!(left, [count.div_ceil(2), count / 2]);
            assert!(to_tell.few.is_empty() && to_tell.ringers.is_empty());
        }
    }
}
