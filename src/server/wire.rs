//! A connection, as those share it who write to it: its session, and whoever has news for it while that rests.

use std::{
    io::{self, Cursor},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Buf as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{stats::Stats, throttle::Throttle};
use crate::{config::Limits, protocol::Texts, streams::Outlet, transport::Io};

/// A connection. What is sent goes at so many bytes a second; a write fails when nothing gets through for a while,
/// however long it takes on the whole.
pub(super) struct Wire {
    io: Box<dyn Io>,
    /// What is to be written before anything else.
    owed: Cursor<Vec<u8>>,
    /// Whether something may not be wholly out yet, of the library's own frames or of others.
    has_unsent: bool,
    throttle: Throttle,
    patience: Patience,
    sent: u64,
    stats: Arc<Stats>,
}

/// For how long nothing may get through.
struct Patience {
    limit: Duration,
    /// Under way while nothing does.
    wait: Option<Pin<Box<Sleep>>>,
}

/// A connection that several write to.
pub(super) struct SharedWire(Arc<Mutex<Wire>>);

impl Wire {
    /// Has frames written before anything else, and after those that are owed already: others may have put some there
    /// since it was looked.
    pub(super) fn owe(&mut self, frames: Texts) {
        match self.owed.has_remaining() {
            true => self.owed.get_mut().extend(frames.into_bytes()),
            false => self.owed = Cursor::new(frames.into_bytes()),
        }
        self.has_unsent = true;
    }

    /// How many bytes have gone over it.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes over a reload.
    pub(super) fn adopt(&mut self, limits: &Limits) {
        self.throttle = Throttle::new(limits.bytes_out_per_second);
        self.patience = Patience::new(limits);
    }

    /// Writes what is to go before anything else.
    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut owed = mem::take(&mut self.owed);
        while owed.has_remaining() {
            match self.poll_some(cx, owed.chunk()) {
                Poll::Ready(Ok(written)) if written > 0 => owed.advance(written),
                stuck => {
                    self.owed = owed;
                    ready!(stuck)?;
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes as much as there is room for.
    fn poll_some(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.throttle.poll_ready(cx));
        let some = &bytes[..bytes.len().min(self.throttle.share())];
        let tried = Pin::new(&mut self.io).poll_write(cx, some);
        let written = ready!(self.patience.mind(tried, cx))?;
        self.throttle.note(written);
        self.sent += written as u64;
        self.stats.sent_bytes.add(written as u64);
        Poll::Ready(Ok(written))
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_owed(cx))?;
        let tried = Pin::new(&mut self.io).poll_flush(cx);
        ready!(self.patience.mind(tried, cx))?;
        self.has_unsent = false;
        Poll::Ready(Ok(()))
    }
}

impl Patience {
    fn new(limits: &Limits) -> Self {
        Self { limit: limits.write_timeout.get(), wait: None }
    }

    /// What came of a try to write; an error when nothing has got through for too long.
    fn mind<T>(&mut self, tried: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.wait = None;
            return tried;
        }
        ready!(self.wait.get_or_insert_with(|| Box::pin(sleep(self.limit))).as_mut().poll(cx));
        self.wait = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Outlet for Wire {
    fn has_unsent(&self) -> bool {
        self.has_unsent
    }

    fn put(&mut self, frames: Texts) -> bool {
        self.owe(frames);
        let is_out = matches!(self.poll_out(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())));
        // A wait belongs to what it began on, which may end before the session does: that begins its own.
        self.throttle.wait = None;
        self.patience.wait = None;
        is_out
    }
}

impl SharedWire {
    pub(super) fn new(io: Box<dyn Io>, limits: &Limits, stats: Arc<Stats>) -> Self {
        Self(Arc::new(Mutex::new(Wire {
            io,
            owed: Cursor::default(),
            has_unsent: false,
            throttle: Throttle::new(limits.bytes_out_per_second),
            patience: Patience::new(limits),
            sent: 0,
            stats,
        })))
    }

    pub(super) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For those who have news for it.
    pub(super) fn outlet(&self) -> Arc<Mutex<dyn Outlet>> {
        self.0.clone()
    }
}

impl AsyncRead for SharedWire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire().io).poll_read(cx, buf)
    }
}

impl AsyncWrite for SharedWire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.wire();
        // The library has all of it until it hears that it is written.
        wire.has_unsent |= !buf.is_empty();
        ready!(wire.poll_owed(cx))?;
        wire.poll_some(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_out(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self.wire();
        let tried = Pin::new(&mut wire.io).poll_shutdown(cx);
        wire.patience.mind(tried, cx)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        runtime::Builder,
    };

    use super::*;

    fn frames(text: &str) -> Texts {
        let mut frames = Texts::default();
        frames.push(&[text]);
        frames
    }

    #[tokio::test]
    async fn what_is_put_and_does_not_go_at_once_goes_before_all_else() {
        let (near, mut far) = duplex(8);
        let mut wire = SharedWire::new(Box::new(near), &Limits::default(), Arc::new(Stats::new(0)));
        let texts = ["some", "that is much more", "the last"];
        let all = texts.map(|text| frames(text).into_bytes()).concat();
        assert!(wire.wire().put(frames(texts[0])) && !wire.wire().has_unsent());
        assert!(!wire.wire().put(frames(texts[1])) && wire.wire().has_unsent());
        // Of one who has not seen that.
        wire.wire().owe(frames(texts[2]));
        let writing = async {
            wire.flush().await.unwrap();
            wire.write_all(b"!").await.unwrap();
        };
        let mut read = vec![0; all.len() + 1];
        let (_, count) = tokio::join!(writing, far.read_exact(&mut read));
        assert_eq!((count.unwrap(), read), (all.len() + 1, [&all[..], b"!"].concat()));
        assert_eq!(wire.wire().sent(), all.len() as u64 + 1);
    }

    #[tokio::test]
    async fn what_others_put_waits_where_the_session_runs() {
        let (near, mut far) = duplex(8);
        let mut wire = SharedWire::new(Box::new(near), &Limits::default(), Arc::new(Stats::new(0)));
        let outlet = wire.outlet();
        let other = thread::spawn(move || {
            let other = Builder::new_current_thread().enable_all().build().unwrap();
            other.block_on(async { outlet.lock().unwrap().put(frames("more than there is room for")) })
        });
        // What it ran on is gone.
        assert!(!other.join().unwrap());
        let mut read = vec![0; frames("more than there is room for").into_bytes().len()];
        let (flushed, count) = tokio::join!(wire.flush(), far.read_exact(&mut read));
        flushed.unwrap();
        assert_eq!(count.unwrap(), read.len());
    }
}
