//! A client's socket, with the limits that the library does not know.

use std::{
    io::{self, Cursor},
    mem::{self, MaybeUninit},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use futures_util::SinkExt as _;
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::timeout,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{frames::Frames, http::linger, stats::Stats, throttle::Throttle};
use crate::{config::Limits, transport::Io};

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
pub(super) type Socket = WebSocketStream<Pin<Box<Metered>>>;

pin_project! {
    /// What a client sends and is sent, so many bytes a second. A write fails when nothing of what is to be
    /// written gets through for a while, however long it takes on the whole; a read, when a message has too many
    /// frames.
    pub(super) struct Metered {
        #[pin]
        io: TimeoutWriter<Box<dyn Io>>,
        inward: Inward,
        outward: Outward,
    }
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

/// What a client is sent.
struct Outward {
    /// What is to be written before anything else.
    owed: Cursor<Vec<u8>>,
    /// Whether the library has frames of its own that are not wholly written.
    library_owes: bool,
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
    let mut io = TimeoutWriter::new(io);
    io.set_timeout(Some(limits.write_timeout.get()));
    stats.received_bytes.add(early.len() as u64);
    let inward = Inward {
        frames,
        has_too_many,
        ahead: Bytes::new(),
        throttle: Throttle::new(limits.bytes_in_per_second),
        bytes: early.len() as u64,
        stats: stats.clone(),
    };
    let outward = Outward {
        owed: Cursor::default(),
        library_owes: false,
        throttle: Throttle::new(limits.bytes_out_per_second),
        bytes: 0,
        stats,
    };
    let metered = Box::pin(Metered { io, inward, outward });
    WebSocketStream::from_partially_read(metered, early, Role::Server, Some(config)).await
}

/// Writes frames that are made already. What is not written when this fails, or is given up, goes before whatever is
/// written after.
pub(super) async fn write(socket: &mut Socket, frames: Vec<u8>) -> Result<(), tungstenite::Error> {
    let outward = &socket.get_ref().outward;
    if outward.library_owes || outward.owed.has_remaining() {
        socket.flush().await?;
    }
    let metered = socket.get_mut();
    metered.as_mut().project().outward.owed = Cursor::new(frames);
    Ok(metered.flush().await?)
}

/// Takes over a reload.
pub(super) fn adopt(socket: &mut Socket, limits: &Limits) {
    let metered = socket.get_mut().as_mut().project();
    metered.inward.throttle = Throttle::new(limits.bytes_in_per_second);
    metered.outward.throttle = Throttle::new(limits.bytes_out_per_second);
    metered.inward.frames.adopt(limits.message_frames);
    metered.io.set_timeout_pinned(Some(limits.write_timeout.get()));
}

/// What has gone over it so far.
pub(super) fn traffic(socket: &Socket) -> Traffic {
    let metered = socket.get_ref();
    Traffic { received: metered.inward.bytes, sent: metered.outward.bytes }
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
        linger(&mut **socket.get_mut().as_mut().project().io.get_pin_mut().get_mut()).await;
    }
}

impl Metered {
    /// Writes what is to go before anything else.
    fn poll_owed(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut owed = mem::take(&mut self.as_mut().project().outward.owed);
        while owed.has_remaining() {
            match self.as_mut().poll_some(cx, owed.chunk()) {
                Poll::Ready(Ok(written)) if written > 0 => owed.advance(written),
                stuck => {
                    self.project().outward.owed = owed;
                    ready!(stuck)?;
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes as much as there is room for.
    fn poll_some(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        let outward = this.outward;
        ready!(outward.throttle.poll_ready(cx));
        let some = &bytes[..bytes.len().min(outward.throttle.share())];
        let written = ready!(this.io.poll_write(cx, some))?;
        outward.throttle.note(written);
        outward.bytes += written as u64;
        outward.stats.sent_bytes.add(written as u64);
        Poll::Ready(Ok(written))
    }
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let inward = this.inward;
        if inward.ahead.is_empty() {
            if inward.has_too_many {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many frames")));
            }
            ready!(inward.throttle.poll_ready(cx));
            let mut room = [const { MaybeUninit::uninit() }; READ_AHEAD];
            let mut read = ReadBuf::uninit(&mut room[..READ_AHEAD.min(inward.throttle.share())]);
            ready!(this.io.poll_read(cx, &mut read))?;
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
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // The library has all of it until it hears that it is written.
        self.as_mut().project().outward.library_owes = !buf.is_empty();
        ready!(self.as_mut().poll_owed(cx))?;
        let written = ready!(self.as_mut().poll_some(cx, buf))?;
        self.project().outward.library_owes = written < buf.len();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_owed(cx))?;
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
