//! Who is told of a change, and by whom. Few are told right where it is noticed: to wake a thread that does it takes as
//! long as to tell some. Many are told by tellers, on the threads that serve them: each takes a share of those who are
//! left whenever it has told its last, so that few wait for one that is held up. Until they have begun, those who
//! are not very many are told where it is noticed, too.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::Notify,
    task::{coop::has_budget_remaining, yield_now},
};

use super::{bell::Bell, hub::Hub};

/// How many are few.
const FEW: usize = 32;
/// Of how many it is worth to tell the first while the tellers wake up.
const SOME: usize = 256;
/// For how many it is worth to wake another teller.
const WORTH: usize = 16;

/// Those who are to be told, and the tellers who do it on the threads that serve them.
#[derive(Default)]
pub(crate) struct Tellers {
    left: Mutex<Left>,
    /// How many tellers there are.
    count: AtomicUsize,
    notify: Notify,
}

/// Those who are to be told, and whom nobody tells yet.
#[derive(Default)]
struct Left {
    bells: VecDeque<Arc<Bell>>,
    /// Whether a teller has taken a share of them. It takes another when it has told that, until nobody is left.
    is_begun: bool,
}

/// Those who are to be told of what has just been noticed.
#[derive(Default)]
pub(super) struct ToTell(VecDeque<Arc<Bell>>);

impl Tellers {
    /// Runs one more.
    pub(crate) async fn run_one(&self, hub: &Hub) {
        /// About how many bytes go before others have their turn, and as how many even a small update counts.
        const TURN: usize = 256 << 10;
        const LEAST: usize = 4 << 10;
        self.count.fetch_add(1, Ordering::Relaxed);
        let (mut share, mut spent) = (Vec::new(), 0);
        loop {
            self.left().take_share(self.count(), &mut share);
            if share.is_empty() {
                self.notify.notified().await;
            }
            for bell in share.drain(..) {
                spent += bell.deliver(hub).max(LEAST);
                if spent >= TURN || !has_budget_remaining() {
                    spent = 0;
                    yield_now().await;
                }
            }
        }
    }

    /// Leaves some to them, and wakes as many as are needed. One that is at work already finds nobody left, once.
    fn leave(&self, bells: &mut VecDeque<Arc<Bell>>) {
        let count = self.left().put(bells);
        let needed = count.div_ceil(WORTH).min(self.count());
        (0..needed).for_each(|_| self.notify.notify_one());
    }

    /// One who is to be told by whoever has them told.
    fn take_one(&self) -> Option<Arc<Bell>> {
        // Nobody waits for the next while this one is told.
        self.left().take_one()
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// Adds some, and says how many there are.
    fn put(&mut self, bells: &mut VecDeque<Arc<Bell>>) -> usize {
        self.is_begun = false;
        self.bells.append(bells);
        self.bells.len()
    }

    /// One for whoever has them told, until a teller has begun.
    fn take_one(&mut self) -> Option<Arc<Bell>> {
        if self.is_begun { None } else { self.bells.pop_front() }
    }

    /// The fewer there are, the less one of so many takes: all are to be done at about the same time.
    fn take_share(&mut self, tellers: usize, share: &mut Vec<Arc<Bell>>) {
        const MOST: usize = 64;
        let count = self.bells.len().div_ceil(2 * tellers).min(MOST);
        share.extend(self.bells.drain(..count));
        self.is_begun = true;
    }
}

impl ToTell {
    /// Has one told.
    pub(super) fn add(&mut self, bell: &Arc<Bell>) {
        if bell.mark() {
            self.0.push_back(bell.clone());
        }
    }

    /// Tells them right here: all if they are few, or as many as come before the tellers, for as long as nobody else need
    /// wait for it. All others are left to the tellers.
    pub(super) fn tell(&mut self, hub: &Hub) {
        /// How long others may have to wait, and one more client.
        const LONGEST: Duration = Duration::from_millis(1);
        let (begun, count) = (Instant::now(), self.0.len());
        if count > FEW {
            self.leave_all(hub);
        }
        let mut not_told = VecDeque::new();
        while count <= SOME
            && begun.elapsed() < LONGEST
            && has_budget_remaining()
            && let Some(bell) = self.next(count, hub)
        {
            if !bell.try_deliver(hub) {
                not_told.push_back(bell);
            }
        }
        self.0.append(&mut not_told);
        self.leave_all(hub);
    }

    /// One of so many who are to be told.
    fn next(&mut self, count: usize, hub: &Hub) -> Option<Arc<Bell>> {
        match count > FEW {
            true => hub.tellers.take_one(),
            false => self.0.pop_front(),
        }
    }

    /// Leaves them to the tellers, who learn of it when whoever has them told is done with what clients will ask for:
    /// nobody wakes up to stand before a lock.
    pub(super) fn leave_all(&mut self, hub: &Hub) {
        if !self.0.is_empty() {
            hub.tellers.leave(&mut self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bells(count: usize) -> (Vec<Arc<Bell>>, ToTell) {
        let bells: Vec<Arc<Bell>> = (0..count).map(|_| Arc::default()).collect();
        let mut to_tell = ToTell::default();
        // Twice is once.
        bells.iter().chain(&bells).for_each(|bell| to_tell.add(bell));
        (bells, to_tell)
    }

    #[test]
    fn each_is_taken_once_in_shares_that_grow_smaller() {
        let (bells, mut to_tell) = bells(100);
        let mut left = Left::default();
        left.put(&mut to_tell.0);
        let (mut taken, mut shares) = (Vec::new(), Vec::new());
        while taken.len() < bells.len() {
            let before = taken.len();
            left.take_share(2, &mut taken);
            shares.push(taken.len() - before);
        }
        assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
        assert_eq!((shares.first(), shares.last()), (Some(&25), Some(&1)));
        assert!(taken.iter().zip(&bells).all(|(one, other)| Arc::ptr_eq(one, other)));
        left.take_share(2, &mut taken);
        assert_eq!(taken.len(), bells.len());
    }

    #[test]
    fn whoever_has_them_told_goes_on_until_a_teller_has_begun() {
        let (_, mut to_tell) = bells(10);
        let mut left = Left::default();
        left.put(&mut to_tell.0);
        assert!(left.take_one().is_some() && left.take_one().is_some());
        left.take_share(1, &mut Vec::new());
        assert!(left.take_one().is_none(), "the teller goes on");
        let (_, mut others) = bells(1);
        left.put(&mut others.0);
        assert!(left.take_one().is_some());
    }
}
