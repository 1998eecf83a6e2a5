//! A client's socket, with the limits that the library does not know.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use super::{frames::Frames, http::linger, stats::Stats, throttle::Throttle};
use crate::{config::Limits, transport::Io};

/// Small, as a server has many connections and most of them are quiet: it is kept for as long as the connection is. What
/// is longer is read into a buffer of its own length.
const READ_BUFFER: usize = 1 << 10;
/// How much is taken from the connection at once, as far as it is there. What the library has no room for waits in a
/// buffer that is there only meanwhile: to ask the system for every kilobyte costs more than to read it.
const READ_AHEAD: usize = 4 << 10;
/// How many bytes of replies go out in one write at least, while there are more to come.
const WRITE_BUFFER: usize = 16 << 10;

/// How long a close frame may take to go out.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A client's socket.
pub(super) type Socket = WebSocketStream<Pin<Box<Metered>>>;

pin_project! {
    /// What a client sends and is sent, so many bytes a second. A write fails when nothing of what is to be
    /// written gets through for a while, however long it takes on the whole; a read, when a message has too many
    /// frames.
    pub(super) struct Metered {
        #[pin]
        io: TimeoutStream<Box<dyn Io>>,
        frames: Frames,
        // Of what has come so far; told when all of it is taken.
        has_too_many: bool,
        // What has come and is not taken yet.
        ahead: Bytes,
        into: Throttle,
        out: Throttle,
        traffic: Traffic,
        stats: Arc<Stats>,
    }
}

/// How many bytes have come and gone, frames and all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// Makes a WebSocket of a connection that was upgraded to one; `early` is what came already.
pub(super) async fn open(io: Box<dyn Io>, early: Vec<u8>, limits: &Limits, stats: Arc<Stats>) -> Socket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(limits.reply_bytes.saturating_mul(2).saturating_add(1 << 20))
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes));
    let mut frames = Frames::new(limits.message_frames);
    let has_too_many = frames.note(&early).is_err();
    let mut io = TimeoutStream::new(io);
    io.set_write_timeout(Some(limits.write_timeout.get()));
    let (into, out) = (Throttle::new(limits.bytes_in_per_second), Throttle::new(limits.bytes_out_per_second));
    stats.received_bytes.add(early.len() as u64);
    let traffic = Traffic { received: early.len() as u64, sent: 0 };
    let ahead = Bytes::new();
    let metered = Box::pin(Metered { io, frames, has_too_many, ahead, into, out, traffic, stats });
    WebSocketStream::from_partially_read(metered, early, Role::Server, Some(config)).await
}

/// Takes over a reload.
pub(super) fn adopt(socket: &mut Socket, limits: &Limits) {
    let metered = socket.get_mut().as_mut().project();
    *metered.into = Throttle::new(limits.bytes_in_per_second);
    *metered.out = Throttle::new(limits.bytes_out_per_second);
    metered.frames.adopt(limits.message_frames);
    metered.io.set_write_timeout_pinned(Some(limits.write_timeout.get()));
}

/// What has gone over it so far.
pub(super) fn traffic(socket: &Socket) -> Traffic {
    socket.get_ref().traffic
}

/// Where in a message the client is.
pub(super) fn frames(socket: &Socket) -> &Frames {
    &socket.get_ref().frames
}

/// Says why the connection ends, and ends it so that the client can still read what was sent to it.
pub(super) async fn close(mut socket: Socket, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    if timeout(LAST_WORDS, socket.close(Some(frame))).await.is_ok_and(|closed| closed.is_ok()) {
        linger(&mut **socket.get_mut().as_mut().project().io.get_pin_mut().get_mut()).await;
    }
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.ahead.is_empty() {
            if *this.has_too_many {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many frames")));
            }
            ready!(this.into.poll_ready(cx));
            let mut room = [const { MaybeUninit::uninit() }; READ_AHEAD];
            let mut read = ReadBuf::uninit(&mut room[..READ_AHEAD.min(this.into.share())]);
            ready!(this.io.poll_read(cx, &mut read))?;
            let came = read.filled();
            this.into.note(came.len());
            this.traffic.received += came.len() as u64;
            this.stats.received_bytes.add(came.len() as u64);
            *this.has_too_many = this.frames.note(came).is_err();
            let (now, later) = came.split_at(came.len().min(buf.remaining()));
            buf.put_slice(now);
            *this.ahead = Bytes::copy_from_slice(later);
        } else {
            let now = this.ahead.split_to(this.ahead.len().min(buf.remaining()));
            buf.put_slice(&now);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        ready!(this.out.poll_ready(cx));
        let some = &buf[..buf.len().min(this.out.share())];
        let written = ready!(this.io.poll_write(cx, some))?;
        this.out.note(written);
        this.traffic.sent += written as u64;
        this.stats.sent_bytes.add(written as u64);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
