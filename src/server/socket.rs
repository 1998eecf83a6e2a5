//! A client's socket, with the limits that the library does not know.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{frames::Frames, http::linger, stats::Stats, throttle::Throttle, wire::SharedWire};
use crate::{config::Limits, protocol::Texts, streams::Outlet, transport::Io};

/// Small, as a server has many connections and most of them are quiet: it is kept for as long as the connection is.
/// What is longer is read into a buffer of its own length.
const READ_BUFFER: usize = 1 << 10;
/// How much is taken from the connection at once, as far as it is there. What the library has no room for waits in a
/// buffer that is there only meanwhile: to ask the system for every kilobyte costs more than to read it.
const READ_AHEAD: usize = 4 << 10;
/// How many bytes the library keeps of its own frames, pongs and the like, beside a message, while the connection
/// takes none.
const WRITE_BUFFER: usize = 64 << 10;

/// How long a close frame may take to go out.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A client's socket.
pub(super) type Socket = WebSocketStream<Box<Metered>>;

/// What a client sends and is sent, so many bytes a second. A read fails when a message has too many frames.
pub(super) struct Metered {
    wire: SharedWire,
    inward: Inward,
}

/// What a client sends.
struct Inward {
    frames: Frames,
    /// Of what has come so far; told when all of it is taken.
    has_too_many: bool,
    /// What has come and is not taken yet.
    ahead: Bytes,
    throttle: Throttle,
    bytes: u64,
    stats: Arc<Stats>,
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
        .write_buffer_size(0)
        .max_write_buffer_size(limits.message_bytes.saturating_add(WRITE_BUFFER))
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes));
    let mut frames = Frames::new(limits.message_frames);
    let has_too_many = frames.note(&early).is_err();
    let wire = SharedWire::new(io, limits, stats.clone());
    stats.received_bytes.add(early.len() as u64);
    let inward = Inward {
        frames,
        has_too_many,
        ahead: Bytes::new(),
        throttle: Throttle::new(limits.bytes_in_per_second),
        bytes: early.len() as u64,
        stats,
    };
    let metered = Box::new(Metered { wire, inward });
    WebSocketStream::from_partially_read(metered, early, Role::Server, Some(config)).await
}

/// Where frames may be put that are made already, by others than the socket's own.
pub(super) fn outlet(socket: &Socket) -> Arc<Mutex<dyn Outlet>> {
    socket.get_ref().wire.outlet()
}

/// Whether something may not be wholly out yet.
pub(super) fn has_unsent(socket: &Socket) -> bool {
    socket.get_ref().wire.wire().has_unsent()
}

/// Writes frames that are made already. What is not written when this fails, or is given up, goes before whatever is
/// written after.
pub(super) async fn write(socket: &mut Socket, frames: Texts) -> Result<(), tungstenite::Error> {
    if has_unsent(socket) {
        socket.flush().await?;
    }
    let metered = socket.get_mut();
    metered.wire.wire().owe(frames);
    Ok(metered.flush().await?)
}

/// Takes over a reload.
pub(super) fn adopt(socket: &mut Socket, limits: &Limits) {
    let metered = socket.get_mut();
    metered.inward.throttle = Throttle::new(limits.bytes_in_per_second);
    metered.inward.frames.adopt(limits.message_frames);
    metered.wire.wire().adopt(limits);
}

/// What has gone over it so far.
pub(super) fn traffic(socket: &Socket) -> Traffic {
    let metered = socket.get_ref();
    Traffic { received: metered.inward.bytes, sent: metered.wire.wire().sent() }
}

/// Where in a message the client is.
pub(super) fn frames(socket: &Socket) -> &Frames {
    &socket.get_ref().inward.frames
}

/// Lets out the answer to what the client said when it left, if it said anything.
pub(super) async fn part(mut socket: Socket) {
    // Who is gone hears nothing.
    let _ = timeout(LAST_WORDS, socket.flush()).await;
}

/// Says why the connection ends, and ends it so that the client can still read what was sent to it.
pub(super) async fn close(mut socket: Socket, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    if timeout(LAST_WORDS, socket.close(Some(frame))).await.is_ok_and(|closed| closed.is_ok()) {
        linger(&mut socket.get_mut().wire).await;
    }
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { wire, inward } = self.get_mut();
        if inward.ahead.is_empty() {
            if inward.has_too_many {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many frames")));
            }
            ready!(inward.throttle.poll_ready(cx));
            let mut room = [const { MaybeUninit::uninit() }; READ_AHEAD];
            let mut read = ReadBuf::uninit(&mut room[..READ_AHEAD.min(inward.throttle.share())]);
            ready!(Pin::new(wire).poll_read(cx, &mut read))?;
            let came = read.filled();
            inward.throttle.note(came.len());
            inward.bytes += came.len() as u64;
            inward.stats.received_bytes.add(came.len() as u64);
            inward.has_too_many = inward.frames.note(came).is_err();
            let (now, later) = came.split_at(came.len().min(buf.remaining()));
            buf.put_slice(now);
            inward.ahead = Bytes::copy_from_slice(later);
        } else {
            let now = inward.ahead.split_to(inward.ahead.len().min(buf.remaining()));
            buf.put_slice(&now);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}
