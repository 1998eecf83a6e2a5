//! What a session is woken by.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use pin_project_lite::pin_project;
use tokio::{
    sync::watch,
    time::{Sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{Signal, waiting::Answered};

/// What has happened.
pub(super) enum Happened {
    /// There may be something new on a stream.
    News,
    /// It is time to look whether the session is to end.
    Alarm,
    /// All sessions are told something.
    Signal(watch::Receiver<Signal>),
    Answer(Answered),
    Frame(Option<Result<Message, tungstenite::Error>>),
}

pin_project! {
    /// What may happen whatever the client does.
    pub(super) struct Clock<F> {
        #[pin]
        alarm: Sleep,
        // Made once: all sessions wait for the same, and to begin or to end waiting takes a lock.
        #[pin]
        signal: F,
        // When a stream that takes its time may have more.
        #[pin]
        again: Option<Sleep>,
    }
}

impl<F: Future<Output = watch::Receiver<Signal>>> Clock<F> {
    pub(super) fn new(alarm: Instant, signal: F) -> Self {
        Self { alarm: sleep_until(alarm.into()), signal, again: None }
    }

    pub(super) fn set_alarm(self: Pin<&mut Self>, alarm: Instant) {
        self.project().alarm.reset(alarm.into());
    }

    pub(super) fn set_signal(self: Pin<&mut Self>, signal: F) {
        self.project().signal.set(signal);
    }

    pub(super) fn set_again(self: Pin<&mut Self>, again: Option<Instant>) {
        self.project().again.set(again.map(|again| sleep_until(again.into())));
    }

    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Happened> {
        let this = self.project();
        if this.alarm.poll(cx).is_ready() {
            return Poll::Ready(Happened::Alarm);
        }
        if let Poll::Ready(signals) = this.signal.poll(cx) {
            return Poll::Ready(Happened::Signal(signals));
        }
        match this.again.as_pin_mut() {
            Some(again) => again.poll(cx).map(|()| Happened::News),
            None => Poll::Pending,
        }
    }
}
