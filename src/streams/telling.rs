//! Who is told of a change, and by whom. Few are told right where it is noticed: to wake a thread that does it takes as
//! long as to tell some. Many are told by tellers, on threads of their own: each takes a share of those who are left
//! whenever it has told its last, so that few wait for one that is held up. Where there are not very many, whoever
//! notices the change is one of those who tell.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, task::coop::has_budget_remaining};

use super::{bell::Bell, hub::Hub};

/// How many are few.
const FEW: usize = 32;
/// Of how many, at the most, whoever notices a change tells some, too.
const SOME: usize = 256;
/// For how many it is worth to wake another teller.
const WORTH: usize = 16;

/// Those who are to be told, and the tellers who do it.
#[derive(Default)]
pub(crate) struct Tellers {
    left: Mutex<Left>,
    /// Rings when there is something for a teller that rests.
    news: Condvar,
}

/// Those who are to be told, and whom nobody tells yet.
#[derive(Default)]
struct Left {
    bells: VecDeque<Arc<Bell>>,
    /// How many tellers there are.
    tellers: usize,
    /// How many of them wait until somebody is left.
    resting: usize,
    /// Whether they are to end.
    is_over: bool,
}

/// Those who are to be told of what has just been noticed.
#[derive(Default)]
pub(super) struct ToTell(VecDeque<Arc<Bell>>);

impl Tellers {
    /// Starts this many threads, which tell the clients of a hub until they are to [end](Self::end). They have the timers of
    /// a runtime, as whoever writes to a client needs.
    pub(crate) fn start(hub: &Arc<Hub>, count: usize, timers: &Handle) -> io::Result<()> {
        hub.tellers.left().tellers = count;
        for _ in 0..count {
            let (hub, timers) = (hub.clone(), timers.clone());
            thread::Builder::new().name("teller".to_owned()).spawn(move || {
                let _within = timers.enter();
                hub.tellers.tell(&hub);
            })?;
        }
        Ok(())
    }

    /// Has all of them end, whoever is left.
    pub(crate) fn end(&self) {
        self.left().is_over = true;
        self.news.notify_all();
    }

    /// Tells whoever is left, until the end.
    fn tell(&self, hub: &Hub) {
        let mut share = Vec::new();
        while self.wait_for_share(&mut share) {
            share.drain(..).for_each(|bell| bell.deliver(hub));
        }
    }

    /// Waits until somebody is left. Says whether it is not the end.
    fn wait_for_share(&self, share: &mut Vec<Arc<Bell>>) -> bool {
        let mut left = self.left();
        left.resting += 1;
        let woken = self.news.wait_while(left, |left| left.bells.is_empty() && !left.is_over);
        let mut left = woken.unwrap_or_else(PoisonError::into_inner);
        left.resting -= 1;
        if left.is_over {
            return false;
        }
        left.take_share(share);
        true
    }

    /// Leaves some to them, and wakes as many as are needed beside the other threads that tell some of these.
    fn leave(&self, bells: &mut VecDeque<Arc<Bell>>, others: usize) {
        let needed = self.left().put(bells, others);
        (0..needed).for_each(|_| self.news.notify_one());
    }

    /// One who is to be told by whoever has them told.
    fn take_one(&self) -> Option<Arc<Bell>> {
        // Nobody waits for the next while this one is told.
        self.left().bells.pop_front()
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// Adds some, and says how many tellers are to be woken beside the other threads that tell some of these.
    fn put(&mut self, bells: &mut VecDeque<Arc<Bell>>, others: usize) -> usize {
        self.bells.append(bells);
        // More threads than there are tellers would only be in each other's way; but one teller may always go on alone.
        let most = self.tellers.saturating_sub(others).max(1);
        let at_work = self.tellers - self.resting;
        self.bells.len().div_ceil(WORTH).min(most.saturating_sub(at_work))
    }

    /// The fewer there are, the less one of so many takes: all are to be done at about the same time.
    fn take_share(&mut self, share: &mut Vec<Arc<Bell>>) {
        const MOST: usize = 64;
        let count = self.bells.len().div_ceil(2 * self.tellers).min(MOST);
        share.extend(self.bells.drain(..count));
    }
}

impl ToTell {
    /// Has one told.
    pub(super) fn add(&mut self, bell: &Arc<Bell>) {
        if bell.mark() {
            self.0.push_back(bell.clone());
        }
    }

    /// Tells them right here: all if they are few, or the next of those who are left to the tellers, too, unless they are
    /// very many; for as long as nobody else need wait for it. All others are left to the tellers.
    pub(super) fn tell(&mut self, hub: &Hub) {
        /// How long others may have to wait, and one more client.
        const LONGEST: Duration = Duration::from_millis(1);
        let (begun, count) = (Instant::now(), self.0.len());
        if count > SOME {
            return self.leave_all(hub);
        }
        let is_shared = count > FEW;
        if is_shared {
            hub.tellers.leave(&mut self.0, 1);
        }
        let mut not_told = VecDeque::new();
        while begun.elapsed() < LONGEST
            && has_budget_remaining()
            && let Some(bell) = if is_shared { hub.tellers.take_one() } else { self.0.pop_front() }
        {
            if !bell.try_deliver(hub) {
                not_told.push_back(bell);
            }
        }
        self.0.append(&mut not_told);
        if is_shared || !self.0.is_empty() {
            // From here on those who are left are theirs alone.
            hub.tellers.leave(&mut self.0, 0);
        }
    }

    /// Leaves them to the tellers, who learn of it when whoever has them told is done with what clients will ask for:
    /// nobody wakes up to stand before a lock.
    pub(super) fn leave_all(&mut self, hub: &Hub) {
        if !self.0.is_empty() {
            hub.tellers.leave(&mut self.0, 0);
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
        let mut left = Left { tellers: 2, ..Left::default() };
        left.put(&mut to_tell.0, 0);
        let (mut taken, mut shares) = (Vec::new(), Vec::new());
        while taken.len() < bells.len() {
            let before = taken.len();
            left.take_share(&mut taken);
            shares.push(taken.len() - before);
        }
        assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
        assert_eq!((shares.first(), shares.last()), (Some(&25), Some(&1)));
        assert!(taken.iter().zip(&bells).all(|(one, other)| Arc::ptr_eq(one, other)));
        left.take_share(&mut taken);
        assert_eq!(taken.len(), bells.len());
    }

    #[test]
    fn as_many_are_woken_as_are_needed_and_rest() {
        let woken = |count, others, resting| {
            let mut left = Left { tellers: 4, resting, ..Left::default() };
            left.put(&mut bells(count).1.0, others)
        };
        assert_eq!([0, 1, WORTH + 1, 1000].map(|count| woken(count, 0, 4)), [0, 1, 2, 4]);
        assert_eq!([0, 1, 3].map(|resting| woken(1000, 0, resting)), [0, 1, 3]);
        // One that is at work already counts among those who are needed.
        assert_eq!([1, 4].map(|others| woken(1000, others, 4)), [3, 1]);
        assert_eq!([1, 4].map(|others| woken(1000, others, 3)), [2, 0]);
    }

    #[test]
    fn one_who_waits_ends_when_all_are_to() {
        let tellers = Tellers::default();
        let is_over = thread::scope(|scope| {
            let waiting = scope.spawn(|| !tellers.wait_for_share(&mut Vec::new()));
            while tellers.left().resting == 0 {
                thread::yield_now();
            }
            tellers.end();
            waiting.join().unwrap()
        });
        assert!(is_over);
    }
}
