//! What the server has done, counted: for `get_server_stats` and for `/metrics`.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::http::TooMany;
use crate::{
    metrics::{Counter, Histogram},
    protocol::ErrorCode,
};

/// Counts of what happened since the start.
#[derive(Debug)]
pub(crate) struct Stats {
    open: AtomicUsize,
    accepted: Counter,
    refused: [Counter; Refused::NAMES.len()],
    /// By the codes of [`ENDS`], then by the others.
    ended: [Counter; ENDS.len() + OTHER_ENDS.len()],
    requests: Counter,
    /// By the operations' numbers; the last one is of requests that name none.
    operations: Box<[OfOperation]>,
    reloads: Counter,
    reloads_failed: Counter,
    pub(crate) received_bytes: Counter,
    pub(crate) sent_bytes: Counter,
}

/// The requests of one operation.
#[derive(Debug, Default)]
pub(crate) struct OfOperation {
    succeeded: Counter,
    failed: [Counter; ErrorCode::ALL.len()],
    /// How long they took to be answered.
    pub(crate) times: Histogram,
}

/// Why a client was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are too many clients.
    TooMany,
    /// Too much is being read.
    Busy,
    /// Its address has too many connections.
    Address,
    /// Its login has too many connections.
    Login,
    /// Its token is none.
    Token,
    /// It is a page of an origin that is not listed.
    Origin,
    /// It asked for a page of plain HTTP that it may not see.
    Page,
}

impl Refused {
    /// What each is called, in their order.
    const NAMES: [&str; 7] = [
        "connections",
        "busy",
        "connections_per_address",
        "connections_per_login",
        "token",
        "origin",
        "page",
    ];
}

impl From<TooMany> for Refused {
    fn from(why: TooMany) -> Self {
        match why {
            TooMany::InAll => Self::TooMany,
            TooMany::Busy => Self::Busy,
            TooMany::OfAddress => Self::Address,
            TooMany::OfLogin => Self::Login,
        }
    }
}

/// The close codes by which the server ends connections, and what they stand for.
const ENDS: [(u16, &str); 12] = [
    (1001, "stopping"),
    (1002, "protocol_error"),
    (1003, "binary_frame"),
    (1007, "invalid_text"),
    (1008, "policy"),
    (1009, "message_too_large"),
    (1012, "age"),
    (4001, "login_timeout"),
    (4003, "login_withdrawn"),
    (4008, "too_slow"),
    (4009, "idle"),
    (4010, "login_expired"),
];

/// What else ends them: the client or the network, another code, the end of the server.
const OTHER_ENDS: [&str; 3] = ["client", "other", "cut_off"];

/// A connection that counts as open for as long as this lives.
pub(crate) struct OpenConnection<'s> {
    stats: &'s Stats,
    has_ended: bool,
}

impl OpenConnection<'_> {
    /// It has ended: by the server, which said this, or by its client.
    pub(crate) fn end(mut self, code: Option<u16>) {
        self.has_ended = true;
        self.stats.ended(code);
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.stats.open.fetch_sub(1, Ordering::Relaxed);
        if !self.has_ended {
            self.stats.ended[ENDS.len() + 2].add_one();
        }
    }
}

impl OfOperation {
    /// How many there were, by their outcomes.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let failed = ErrorCode::ALL.into_iter().map(ErrorCode::as_str).zip(&self.failed);
        [("ok", &self.succeeded)].into_iter().chain(failed).map(|(outcome, count)| (outcome, count.get()))
    }
}

impl Stats {
    /// Of so many operations.
    pub(crate) fn new(operations: usize) -> Self {
        Self {
            open: AtomicUsize::default(),
            accepted: Counter::default(),
            refused: Default::default(),
            ended: Default::default(),
            requests: Counter::default(),
            operations: (0..=operations).map(|_| OfOperation::default()).collect(),
            reloads: Counter::default(),
            reloads_failed: Counter::default(),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
        }
    }

    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.accepted.add_one();
        OpenConnection { stats: self, has_ended: false }
    }

    pub(crate) fn refused(&self, why: Refused) {
        self.refused[why as usize].add_one();
    }

    fn ended(&self, code: Option<u16>) {
        let known = ENDS.iter().position(|(known, _)| Some(*known) == code);
        let at = known.unwrap_or(ENDS.len() + usize::from(code.is_some()));
        self.ended[at].add_one();
    }

    pub(crate) fn request(&self) {
        self.requests.add_one();
    }

    /// A request of the operation of this number, or of none, has its answer.
    pub(crate) fn answered(&self, number: Option<usize>, error: Option<ErrorCode>, time: Duration) {
        let operation = self.of_operation(number);
        match error {
            None => operation.succeeded.add_one(),
            Some(code) => operation.failed[code as usize].add_one(),
        }
        operation.times.observe(time);
    }

    pub(crate) fn reloaded(&self, is_taken: bool) {
        let count = if is_taken { &self.reloads } else { &self.reloads_failed };
        count.add_one();
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn accepted_total(&self) -> u64 {
        self.accepted.get()
    }

    /// How many were refused for there being too many.
    pub(crate) fn refused_total(&self) -> u64 {
        let others = [Refused::Token, Refused::Origin, Refused::Page].map(|other| other as usize);
        let counts = self.refused.iter().enumerate().filter(|(at, _)| !others.contains(at));
        counts.map(|(_, count)| count.get()).sum()
    }

    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refused::NAMES.into_iter().zip(self.refused.iter().map(Counter::get))
    }

    pub(crate) fn too_slow_total(&self) -> u64 {
        self.ends().find(|(why, _)| *why == "too_slow").map_or(0, |(_, count)| count)
    }

    /// How many connections have ended, by what ended them.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let whys = ENDS.iter().map(|(_, why)| *why).chain(OTHER_ENDS);
        whys.zip(&self.ended).map(|(why, count)| (why, count.get()))
    }

    pub(crate) fn requests_total(&self) -> u64 {
        self.requests.get()
    }

    /// The requests of the operation of this number, or of none.
    pub(crate) fn of_operation(&self, number: Option<usize>) -> &OfOperation {
        let last = self.operations.len() - 1;
        &self.operations[number.unwrap_or(last).min(last)]
    }

    /// Reloads of the configuration that were taken over, and that were not.
    pub(crate) fn reloads(&self) -> [(&'static str, u64); 2] {
        [("taken", self.reloads.get()), ("refused", self.reloads_failed.get())]
    }

    /// The codes that were answered with, and how often.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        let count = |code: ErrorCode| self.operations.iter().map(|of| of.failed[code as usize].get()).sum();
        ErrorCode::ALL.into_iter().map(move |code| (code, count(code))).filter(|(_, count)| *count > 0)
    }
}
