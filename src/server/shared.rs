//! A future that several wait for.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture},
};

/// A future that several wait for, each with one of these, and what it is about. It goes on for as long as there is one.
/// The library's shared future goes on with what it waits for whenever anybody asks, for which each who comes later pays;
/// this one goes on when there is something to go on with.
pub(super) struct Shared<T: Clone, About> {
    future: future::Shared<OnWake<T, About>>,
    signal: Arc<Signal<About>>,
}

/// A way to one that others may wait for.
pub(super) struct Weak<T: Clone, About> {
    future: future::WeakShared<OnWake<T, About>>,
    signal: Arc<Signal<About>>,
}

/// A future that is polled when it has woken its asker, however often it is asked.
struct OnWake<T, About> {
    future: BoxFuture<'static, T>,
    signal: Arc<Signal<About>>,
    waker: Waker,
}

struct Signal<About> {
    /// Whether there is something to go on with.
    is_given: AtomicBool,
    /// What wakes all who wait: the shared future asks with the same waker whoever asks it.
    asker: OnceLock<Waker>,
    about: About,
}

impl<About> Signal<About> {
    fn wake_all(&self) {
        if let Some(asker) = self.asker.get() {
            asker.wake_by_ref();
        }
    }
}

impl<About: Send + Sync + 'static> Wake for Signal<About> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_given.store(true, Ordering::SeqCst);
        self.wake_all();
    }
}

impl<T: Clone, About: Send + Sync + 'static> Shared<T, About> {
    pub(super) fn new(future: BoxFuture<'static, T>, about: About) -> Self {
        // It has to be polled once to wake anybody.
        let signal = Arc::new(Signal { is_given: AtomicBool::new(true), asker: OnceLock::new(), about });
        let future = OnWake { future, waker: signal.clone().into(), signal: signal.clone() };
        Self { future: future.shared(), signal }
    }

    pub(super) fn about(&self) -> &About {
        &self.signal.about
    }

    /// None when it has ended.
    pub(super) fn downgrade(&self) -> Option<Weak<T, About>> {
        Some(Weak { future: self.future.downgrade()?, signal: self.signal.clone() })
    }
}

impl<T: Clone, About> Clone for Shared<T, About> {
    fn clone(&self) -> Self {
        Self { future: self.future.clone(), signal: self.signal.clone() }
    }
}

impl<T: Clone, About> Weak<T, About> {
    pub(super) fn about(&self) -> &About {
        &self.signal.about
    }

    /// None when nobody waits for it any more.
    pub(super) fn upgrade(&self) -> Option<Shared<T, About>> {
        Some(Shared { future: self.future.upgrade()?, signal: self.signal.clone() })
    }
}

impl<T: Clone, About> Drop for Shared<T, About> {
    fn drop(&mut self) {
        // Who leaves may be the one that was to go on with it: others that were woken may have found it at work.
        if self.signal.is_given.load(Ordering::SeqCst) {
            self.signal.wake_all();
        }
    }
}

impl<T: Clone, About> Future for Shared<T, About> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.future.poll_unpin(cx)
    }
}

impl<T, About> Future for OnWake<T, About> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if !self.signal.is_given.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        self.signal.asker.get_or_init(|| cx.waker().clone());
        let Self { future, waker, .. } = &mut *self;
        future.poll_unpin(&mut Context::from_waker(waker))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, atomic::AtomicUsize};

    use super::*;
    use crate::woken::Woken;

    fn poll<T: Clone>(who: &Arc<Woken>, shared: &mut Shared<T, ()>) -> Poll<T> {
        shared.poll_unpin(&mut Context::from_waker(&who.clone().into()))
    }

    #[test]
    fn it_goes_on_only_when_it_is_woken() {
        let (polls, wakers) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let (counted, given) = (polls.clone(), wakers.clone());
        let future = std::future::poll_fn(move |cx| {
            *given.lock().unwrap() = Some(cx.waker().clone());
            match counted.fetch_add(1, Ordering::SeqCst) {
                1 => Poll::Ready("answer"),
                _ => Poll::Pending,
            }
        });
        let mut one = Shared::new(future.boxed(), ());
        let (mut other, woken) = (one.clone(), Arc::<Woken>::default());
        for _ in 0..3 {
            assert!(poll(&woken, &mut one).is_pending() && poll(&woken, &mut other).is_pending());
        }
        assert_eq!(polls.load(Ordering::SeqCst), 1);
        wakers.lock().unwrap().take().unwrap().wake();
        assert!(woken.times() > 0);
        assert_eq!(poll(&woken, &mut other), Poll::Ready("answer"));
        assert_eq!(poll(&woken, &mut one), Poll::Ready("answer"));
    }

    #[test]
    fn who_leaves_before_going_on_with_it_leaves_it_to_the_others() {
        let left = Arc::new(Woken::default());
        let (stays, others) = (left.clone(), Arc::new(Mutex::new(None)));
        let (mut polls, another) = (0, others.clone());
        let future = std::future::poll_fn(move |cx| {
            polls += 1;
            match polls {
                1 => Poll::Pending,
                2 => {
                    // Woken while it is at work: the other comes, and finds it so.
                    cx.waker().wake_by_ref();
                    let mut other: Shared<(), ()> = another.lock().unwrap().take().unwrap();
                    assert!(poll(&stays, &mut other).is_pending());
                    *another.lock().unwrap() = Some(other);
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        });
        let (mut one, leaves) = (Shared::new(future.boxed(), ()), Arc::<Woken>::default());
        let other = one.clone();
        let waker = one.signal.clone();
        *others.lock().unwrap() = Some(other);
        assert!(poll(&leaves, &mut one).is_pending());
        waker.wake();
        assert!(poll(&leaves, &mut one).is_pending());
        let before = left.times();
        drop(one);
        assert_eq!(left.times(), before + 1);
        let mut other = others.lock().unwrap().take().unwrap();
        assert_eq!(poll(&left, &mut other), Poll::Ready(()));
    }
}
