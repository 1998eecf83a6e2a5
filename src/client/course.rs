//! A stream's course over any number of connections.

use std::{sync::Arc, time::Duration};

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use tokio::{sync::oneshot, time::Instant};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    Answer, ClientError, Event, Gap, Position, RawUpdate, StreamSettings, Warning,
    backoff::Backoff,
    items::Items,
    mailbox::{Mailbox, StreamKind},
    wire::{Head, Notice},
};
use crate::types::Seconds;

/// What a stream asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) operation: String,
    pub(super) params: Map<String, Value>,
    pub(super) has_snapshot: bool,
    /// Whether its reader takes events, too.
    pub(super) has_events: bool,
    pub(super) resume: Option<Position>,
}

impl Wanted {
    pub(super) fn new(operation: &str, mut params: Map<String, Value>) -> Self {
        // The course of a stream depends on these. What is wrong with them the server says.
        let resume = params.get("resume").and_then(|resume| Position::deserialize(resume).ok());
        if resume.is_some() {
            params.remove("resume");
        }
        let has_snapshot = params.get("snapshot").and_then(Value::as_bool);
        if has_snapshot.is_some() {
            params.remove("snapshot");
        }
        Self {
            operation: operation.to_owned(),
            params,
            has_snapshot: has_snapshot.unwrap_or(true),
            has_events: false,
            resume,
        }
    }
}

/// A stream that is opened, followed, and opened again where it stood. What comes of it goes to a mailbox. If that is
/// full the stream is left, and gone on with from there when there is room: the server remembers for a while what was
/// not taken, and says what it does not.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) mailbox: Arc<Mailbox>,
    wanted: Wanted,
    /// Of a state: its items.
    items: Option<Items>,
    /// The id of the request that opened it last, while it is open or being opened.
    pub(super) request_id: Option<u64>,
    /// When to open it again.
    pub(super) reopen_at: Option<Instant>,
    settings: Option<StreamSettings>,
    epoch: Arc<str>,
    opened: Option<oneshot::Sender<Result<StreamSettings, ClientError>>>,
    /// Where it stands, as far as it was received.
    position: Option<Position>,
    /// Of a log, the last update: another server finds it in the list and goes on behind it.
    entry: Option<Utf8Bytes>,
    /// Whether the request that is not yet answered asks to go on from there.
    resumes: bool,
    /// The `update_id` that the next update must name as the one before.
    previous: Option<u64>,
    backoff: Backoff,
    /// Whether its reader was told that it is not up to date at the moment.
    is_away: bool,
}

/// What is to be done about a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// End it on the server; it is gone on with later.
    Leave,
    /// End it on the server, and open it anew after a pause.
    ReopenAfter(Duration),
    /// The server has ended it, or did not open it: open it after a pause.
    OpenAfter(Duration),
    /// It is over, and is to end on the server.
    Over,
    /// It is over on the server, too.
    Ended,
}

impl Course {
    pub(super) fn new(
        wanted: Wanted,
        kind: StreamKind,
        mailbox: Arc<Mailbox>,
        opened: oneshot::Sender<Result<StreamSettings, ClientError>>,
        backoff: Backoff,
    ) -> Self {
        Self {
            mailbox,
            position: wanted.resume.clone(),
            wanted,
            items: match kind {
                StreamKind::State(named_by) => Some(Items::new(named_by)),
                StreamKind::Log => None,
            },
            request_id: None,
            reopen_at: None,
            settings: None,
            epoch: Arc::default(),
            opened: Some(opened),
            entry: None,
            resumes: false,
            previous: None,
            backoff,
            is_away: false,
        }
    }

    pub(super) fn operation(&self) -> &str {
        &self.wanted.operation
    }

    /// The params to open it with.
    pub(super) fn open(&mut self, request_id: u64) -> Value {
        if self.position.is_none() && self.items.as_ref().is_some_and(Items::is_awaiting) {
            // Only who wants to resume is told when all is told.
            self.position = Some(Position { epoch: self.epoch.clone(), update_id: 0 });
        }
        // Without a place to go on from, a state that changed perhaps is told anew.
        let is_anew = self.settings.is_some() && self.position.is_none() && self.items.is_some();
        let mut params = self.wanted.params.clone();
        if !self.wanted.has_snapshot && !is_anew {
            params.insert("snapshot".to_owned(), false.into());
        }
        if let Some(position) = &self.position {
            let mut resume = json!(position);
            let entry = self.entry.as_deref().and_then(|entry| serde_json::from_str::<Value>(entry).ok());
            if let (Some(entry), Some(resume)) = (entry, resume.as_object_mut()) {
                resume.insert("entry".to_owned(), entry);
            }
            params.insert("resume".to_owned(), resume);
        }
        self.resumes = self.position.is_some();
        self.previous = None;
        self.reopen_at = None;
        self.request_id = Some(request_id);
        params.into()
    }

    /// Takes the reply to the request that opens it.
    pub(super) fn settle(&mut self, answer: Result<Answer, ClientError>) -> Step {
        let settings = match answer.and_then(|answer| answer.read::<StreamSettings>()) {
            Ok(settings) => settings,
            Err(error) => return self.refused(error),
        };
        let (is_resumed, is_again) = (settings.resumed, self.settings.is_some());
        self.epoch = settings.epoch.as_str().into();
        self.settings = Some(settings.clone());
        if let Some(opened) = self.opened.take() {
            // Who gave up waiting has left the stream, too.
            let _ = opened.send(Ok(settings));
        }
        let missed = if self.resumes && !is_resumed {
            self.position = None;
            Some("the server does not remember where the stream stood")
        } else if is_again && !self.resumes && !self.wanted.has_snapshot {
            Some("nothing was told before the stream was opened again")
        } else {
            None
        };
        let step = missed.map_or(Step::Nothing, |reason| self.gap(None, None, reason));
        if step == Step::Over {
            return step;
        }
        if self.position.is_none() && self.items.is_none() && self.wanted.has_snapshot {
            // Nothing has been told yet, so nothing may be missed from the first on.
            self.position = Some(Position { epoch: self.epoch.clone(), update_id: 0 });
        }
        if std::mem::take(&mut self.is_away) {
            self.tell(Event::Fresh);
        }
        step
    }

    /// It cannot be opened. Once it was, what may pass is waited for.
    fn refused(&mut self, error: ClientError) -> Step {
        /// What the same request is always answered by.
        const FINAL: [&str; 4] = ["FORBIDDEN", "UNAUTHENTICATED", "INVALID_PARAMS", "INVALID_OPERATION"];
        if self.settings.is_some() && !FINAL.contains(&error.code()) {
            return Step::OpenAfter(self.backoff.next(error.retry_after()));
        }
        match self.opened.take() {
            Some(opened) => drop(opened.send(Err(error))),
            None => self.mailbox.finish(Err(error)),
        }
        Step::Ended
    }

    /// Takes what the server sends of it.
    pub(super) fn take(&mut self, head: &Head<'_>, text: &Utf8Bytes) -> Step {
        let Some(StreamSettings { update_type, .. }) = &self.settings else { return Step::Nothing };
        let (Some(update_id), true) = (head.update_id, head.kind.as_deref() == Some(update_type)) else {
            return serde_json::from_str(text).map_or(Step::Nothing, |notice| self.notice(notice));
        };
        if head.prev_id != self.previous {
            // One is missing: it is asked for again, with all that came after it.
            return Step::ReopenAfter(self.backoff.next(None));
        }
        self.backoff.reset();
        self.previous = Some(update_id);
        let position = Position { epoch: self.epoch.clone(), update_id };
        self.position = Some(position.clone());
        let (is_snapshot, is_removed) = (head.snapshot, head.removed);
        let update = RawUpdate { text: text.clone(), update_id, is_snapshot, is_removed };
        let name = self.items.as_mut().map(|items| items.note(&update));
        if name.is_none() {
            self.entry = Some(text.clone());
        }
        if self.mailbox.push(update, name, position) { Step::Leave } else { Step::Nothing }
    }

    fn notice(&mut self, notice: Notice) -> Step {
        match notice {
            Notice::StreamGap { from, to } => {
                return self.gap(from, to, "the server could not keep what was not taken in time");
            }
            Notice::StreamStale { since, reason } => {
                self.is_away = true;
                self.tell(Event::Stale { since: Seconds(since), reason });
            }
            Notice::StreamFresh => {
                self.is_away = false;
                self.tell(Event::Fresh);
            }
            Notice::StreamComplete { update_id } => return self.complete(update_id),
            Notice::StreamWarning { error_code, error, item } => {
                if let Some(items) = &mut self.items {
                    items.keep_missing();
                }
                self.tell(Event::Warning(Warning { error_code, error, item }));
            }
            Notice::StreamEnd { reason } => return self.ended(&reason),
            Notice::Unknown => {}
        }
        Step::Nothing
    }

    /// All that there is has been told: what is missing went away unsaid.
    fn complete(&mut self, update_id: u64) -> Step {
        let (Some(items), Some(settings)) = (&mut self.items, &self.settings) else { return Step::Nothing };
        let position = Position { epoch: self.epoch.clone(), update_id };
        let (update_type, id, previous) =
            (&settings.update_type, json!(self.request_id), json!(self.previous));
        let mut is_full = false;
        for name in items.complete() {
            let envelope = format!(
                r#""type":"{update_type}","request_id":{id},"update_id":{update_id},"prev_id":{previous},"removed":true"#
            );
            let text = format!("{{{envelope},{name}}}").into();
            let update = RawUpdate { text, update_id, is_snapshot: false, is_removed: true };
            is_full |= self.mailbox.push(update, Some(name), position.clone());
        }
        self.position = Some(position);
        if is_full { Step::Leave } else { Step::Nothing }
    }

    fn ended(&mut self, reason: &str) -> Step {
        match reason {
            "unsubscribed" => self.mailbox.finish(Ok(())),
            "forbidden" => {
                let cause = "the login is no longer entitled to this stream";
                self.mailbox.finish(Err(ClientError::refused("FORBIDDEN", cause)));
            }
            // It shows other items now.
            _ => return Step::OpenAfter(self.backoff.next(None)),
        }
        Step::Ended
    }

    /// The connection is lost.
    pub(super) fn disconnected(&mut self, cause: &ClientError) {
        self.request_id = None;
        self.reopen_at = None;
        if self.settings.is_some() {
            self.is_away = true;
            self.tell(Event::Reconnecting { reason: cause.to_string() });
        }
    }

    /// Nothing more can come.
    pub(super) fn finish(self, end: &ClientError) {
        match self.opened {
            Some(opened) => drop(opened.send(Err(end.clone()))),
            // Who closed the client knows.
            None if *end == ClientError::Closed => self.mailbox.finish(Ok(())),
            None => self.mailbox.finish(Err(end.clone())),
        }
    }

    /// Tells what may have been missed. Who follows a log without its events must not be left to believe that all is
    /// there.
    fn gap(&mut self, from: Option<u64>, to: Option<u64>, reason: &str) -> Step {
        if let Some(items) = &mut self.items {
            items.begin_anew();
        } else if !self.wanted.has_events {
            self.mailbox.finish(Err(ClientError::Gap(reason.to_owned())));
            return Step::Over;
        }
        let is_full = self.tell(Event::Gap(Gap { from, to, reason: reason.to_owned() }));
        if is_full { Step::Leave } else { Step::Nothing }
    }

    /// Gives whether as much waits as may.
    fn tell(&self, event: Event<RawUpdate>) -> bool {
        self.wanted.has_events && self.mailbox.tell(event)
    }
}
