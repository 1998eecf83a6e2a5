//! Streams as their readers hold them.

use std::{
    future::IntoFuture,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{Stream, future::BoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::{
    ClientError, Event, Handle, Position, Told,
    course::{Course, Wanted},
    driver::Command,
    mailbox::{Mailbox, StreamKind},
};

/// How many entries of a log, or removals of a state, wait to be taken at the most, unless it is said otherwise.
const MAX_QUEUE: usize = 10_000;

/// How the server serves a stream.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// The `type` of its updates.
    pub update_type: String,
    /// How change is noticed: `channel`, `tracking` or `poll`.
    pub push: String,
    /// Milliseconds between two looks, where change is noticed by polling.
    pub poll_interval_ms: u64,
    /// Milliseconds between two updates of one item at the least.
    pub min_interval_ms: u64,
    /// Tells this course of `update_id`s from any other.
    pub epoch: String,
    /// Whether it goes on where an earlier stream ended.
    pub resumed: bool,
}

/// A stream that is about to be opened: `.await` opens it.
///
/// Dropping what comes of it ends the stream.
#[derive(Debug)]
#[must_use = "a stream is opened by `.await`"]
pub struct Opening<U> {
    handle: Arc<Handle>,
    wanted: Result<Wanted, ClientError>,
    kind: StreamKind,
    most: usize,
    updates: PhantomData<fn() -> U>,
}

impl<U: Told> Opening<U> {
    pub(super) fn new(
        handle: Arc<Handle>,
        operation: &str,
        params: Result<Map<String, Value>, ClientError>,
        kind: StreamKind,
    ) -> Self {
        let wanted = params.map(|params| Wanted::new(operation, params));
        Self { handle, wanted, kind, most: MAX_QUEUE, updates: PhantomData }
    }

    fn wants(mut self, change: impl FnOnce(&mut Wanted)) -> Self {
        if let Ok(wanted) = &mut self.wanted {
            change(wanted);
        }
        self
    }

    /// Leaves out the present state: it begins with the first change.
    pub fn without_snapshot(self) -> Self {
        self.wants(|wanted| wanted.has_snapshot = false)
    }

    /// At most one update of an item in this time, in whole milliseconds; the newest wins.
    pub fn min_interval(self, time: Duration) -> Self {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.wants(|wanted| drop(wanted.params.insert("min_interval_ms".to_owned(), milliseconds.into())))
    }

    /// Goes on where an earlier stream of the same ended: its [`Updates::position`]. Whether the server still knows
    /// that, [`StreamSettings::resumed`] tells; if not, all that there is follows, and of a state nobody tells what went
    /// away meanwhile.
    pub fn resume(self, position: Position) -> Self {
        self.wants(|wanted| wanted.resume = Some(position))
    }

    /// How many entries of a log, or removals of a state, wait to be taken at the most; beyond that the stream is
    /// paused. By default 10,000.
    pub const fn max_queue(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Tells what happens to the stream, too, beside its updates.
    pub fn events(self) -> OpeningEvents<U> {
        OpeningEvents(self.wants(|wanted| wanted.has_events = true))
    }

    async fn open(self) -> Result<Events<U>, ClientError> {
        let (inner, wanted) = (&self.handle.inner, self.wanted?);
        let (opened, settings) = oneshot::channel();
        let mailbox = Mailbox::new(&self.kind, self.most, wanted.resume.clone(), inner.bell.clone());
        let mailbox = Arc::new(mailbox);
        let course = Course::new(wanted, self.kind, mailbox.clone(), opened, inner.backoff());
        // Whoever gives up waiting has left the stream.
        let reader = Reader { mailbox, handle: self.handle.clone() };
        let opening = async {
            inner.send(Command::Open(Box::new(course))).await?;
            settings.await.unwrap_or_else(|_| Err(inner.why_closed()))
        };
        let settings = inner.in_time(opening).await?;
        Ok(Events { reader, settings, updates: PhantomData })
    }
}

impl<U: Told> IntoFuture for Opening<U> {
    type Output = Result<Updates<U>, ClientError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Ok(Updates(self.open().await?)) })
    }
}

/// A stream with its events that is about to be opened: `.await` opens it.
#[derive(Debug)]
#[must_use = "a stream is opened by `.await`"]
pub struct OpeningEvents<U>(Opening<U>);

impl<U: Told> IntoFuture for OpeningEvents<U> {
    type Output = Result<Events<U>, ClientError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.open())
    }
}

/// The one who takes what comes of a stream. When it is dropped the stream ends.
#[derive(Debug)]
struct Reader {
    mailbox: Arc<Mailbox>,
    /// The connection lasts as long as a stream on it.
    #[expect(dead_code, reason = "it is held")]
    handle: Arc<Handle>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.mailbox.leave();
    }
}

/// The updates of a stream, and what happens to it. It goes on over lost connections; after an error it is over.
#[derive(Debug)]
pub struct Events<U> {
    reader: Reader,
    settings: StreamSettings,
    updates: PhantomData<fn() -> U>,
}

impl<U> Events<U> {
    /// How the server served it when it was opened.
    pub const fn settings(&self) -> &StreamSettings {
        &self.settings
    }

    /// Where the last update that was taken stands: a later stream of the same goes on from there by
    /// [`Opening::resume`].
    pub fn position(&self) -> Option<Position> {
        self.reader.mailbox.position()
    }
}

impl<U: Told> Stream for Events<U> {
    type Item = Result<Event<U>, ClientError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mailbox = &self.reader.mailbox;
        let Some(event) = ready!(mailbox.poll_take(context)).transpose()? else { return Poll::Ready(None) };
        let event = event.try_map(U::of);
        if event.is_err() {
            // Who passes over an update does not know any more what there is.
            mailbox.finish(Ok(()));
            mailbox.leave();
        }
        Poll::Ready(Some(event))
    }
}

/// The updates of a stream. It goes on over lost connections; after an error, such as entries of a log that may be
/// missing, it is over.
#[derive(Debug)]
pub struct Updates<U>(Events<U>);

impl<U> Updates<U> {
    /// How the server served it when it was opened.
    pub const fn settings(&self) -> &StreamSettings {
        self.0.settings()
    }

    /// Where the last update that was taken stands: a later stream of the same goes on from there by
    /// [`Opening::resume`].
    pub fn position(&self) -> Option<Position> {
        self.0.position()
    }
}

impl<U: Told> Stream for Updates<U> {
    type Item = Result<U, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Event::Update(update))) => return Poll::Ready(Some(Ok(update))),
                Some(Ok(_)) => {}
            }
        }
    }
}
