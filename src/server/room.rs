//! The room that large replies take from when they are made until they are written, of all clients together. One
//! client's bound is its own; without this one, many that ask for much at once could take all memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// How many bytes a reply has that is large. Smaller ones are not counted.
const LARGE: usize = 64 << 10;

/// All room that is taken.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    taken: AtomicUsize,
    freed: Notify,
}

/// Room that is taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    rooms: Arc<Rooms>,
    bytes: usize,
}

impl Rooms {
    /// Whether a reply of so many bytes takes any.
    pub(super) fn are_for(bytes: usize) -> bool {
        bytes >= LARGE
    }

    /// Takes room for a reply, of so much in all, if there is that much. One that is larger than all has it alone.
    pub(super) fn try_take(self: &Arc<Self>, bytes: usize, most: usize) -> Option<Room> {
        let bytes = bytes.min(most);
        let take = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= most);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(Room { rooms: self.clone(), bytes })
    }

    /// The same as soon as there is that much.
    pub(super) async fn take(self: &Arc<Self>, bytes: usize, most: usize) -> Room {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // What is freed from here on is heard of.
            freed.as_mut().enable();
            if let Some(room) = self.try_take(bytes, most) {
                return room;
            }
            freed.await;
        }
    }

    /// How many bytes are taken.
    #[cfg(test)]
    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.rooms.taken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.rooms.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn large_replies_share_the_room_and_small_ones_need_none() {
        const MOST: usize = 4 * LARGE;
        let rooms = Arc::<Rooms>::default();
        assert!(Rooms::are_for(LARGE) && !Rooms::are_for(LARGE - 1));
        let one = rooms.try_take(3 * LARGE, MOST).unwrap();
        assert_eq!(rooms.taken(), 3 * LARGE);
        assert!(rooms.try_take(2 * LARGE, MOST).is_none());
        let mut waiting = Box::pin(rooms.take(100 * LARGE, MOST));
        assert!((&mut waiting).now_or_never().is_none());
        drop(one);
        let all = waiting.now_or_never().unwrap();
        assert_eq!(rooms.taken(), MOST, "one that is too large has all");
        drop(all);
        assert_eq!(rooms.taken(), 0);
    }
}
