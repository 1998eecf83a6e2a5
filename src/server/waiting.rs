//! The requests of a connection, or of an array, whose outcomes are to come.

use std::{
    collections::VecDeque,
    future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{FuturesUnordered, Stream},
};
use hashbrown::HashTable;

use super::{
    App,
    asking::Pending,
    flights::Flight,
    replying::{Asker, Due, given},
    subject::Subject,
};
use crate::{operation::Outcome, protocol::Error, streams::Hold};

/// How many crowds there may be room for while nobody waits.
const FEW: usize = 16;

/// Requests that wait. However many of them wait for the same read, it is waited for once, and who waits for them is woken
/// once for all their replies.
pub(super) struct Waiting<'a> {
    app: &'a App,
    running: FuturesUnordered<Running<'a>>,
    /// Who waits for which of the reads that are running.
    crowds: HashTable<Crowd>,
    crowds_so_far: u64,
    /// What the last read that ended has come to, when, and who of its crowd has yet to be answered.
    ended: Option<(Arc<Outcome>, Instant, Crowd)>,
    /// How many requests there are.
    requests: usize,
}

/// Where some wait, until the next change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(usize);

/// Those who wait for a read.
struct Crowd {
    number: u64,
    flight: Flight,
    /// Most are alone, and take no memory but this.
    first: Option<Asker>,
    others: VecDeque<Asker>,
}

enum Running<'a> {
    /// The read that the crowd of this number waits for.
    Read(u64, Flight),
    Reply(To, BoxFuture<'a, Due>),
}

/// What has come of something that was running.
enum Ended {
    Read { number: u64, hash: u64, outcome: Arc<Outcome> },
    Reply(Answered),
}

/// What is answered by a reply.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// A request; in an array it has a place.
    One { index: usize },
    /// An array of so many requests, which holds back what its streams have.
    Array { hold: Hold, requests: usize },
}

pub(super) struct Answered {
    pub(super) to: To,
    pub(super) due: Due,
}

impl To {
    fn requests(self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Array { requests, .. } => requests,
        }
    }
}

impl Crowd {
    fn hash(&self) -> u64 {
        self.flight.about().key().hash()
    }
}

impl<'a> Waiting<'a> {
    pub(super) fn new(app: &'a App) -> Self {
        let running = FuturesUnordered::new();
        Self { app, running, crowds: HashTable::new(), crowds_so_far: 0, ended: None, requests: 0 }
    }

    /// How many requests wait.
    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    /// Joins the next read of a subject, if somebody here waits for it: where to push who joins it, and that read.
    pub(super) fn join(&self, subject: Subject<'_>, wants: bool) -> Option<(Place, &Flight)> {
        let is_joined = |crowd: &Crowd| crowd.flight.about().join(subject, wants);
        let place = self.crowds.find_bucket_index(subject.hash(), is_joined)?;
        Some((Place(place), &self.crowds.get_bucket(place)?.flight))
    }

    pub(super) fn push(&mut self, asker: Asker, pending: Pending) {
        let (app, index) = (self.app, asker.index);
        match pending {
            Pending::Own(outcome) => {
                let due = async move { app.due(asker, given(&outcome.await)).await };
                self.push_reply(To::One { index }, due.boxed());
            }
            Pending::Kept(answer) => {
                let due = async move { app.due(asker, answer.outcome()).await };
                self.push_reply(To::One { index }, due.boxed());
            }
            Pending::Shared(flight) => self.push_first(asker, flight),
            Pending::Along(Place(place)) => match self.crowds.get_bucket_mut(place) {
                Some(crowd) => {
                    crowd.others.push_back(asker);
                    self.requests += 1;
                }
                // Nobody leaves while a request is looked at.
                None => {
                    let due = app.failure(asker, &Error::internal("nobody waits at that place"));
                    self.push_reply(To::One { index }, future::ready(due).boxed());
                }
            },
        }
    }

    pub(super) fn push_array(&mut self, hold: Hold, requests: usize, due: BoxFuture<'a, Due>) {
        self.push_reply(To::Array { hold, requests }, due);
    }

    fn push_reply(&mut self, to: To, due: BoxFuture<'a, Due>) {
        self.requests += to.requests();
        self.running.push(Running::Reply(to, due));
    }

    fn push_first(&mut self, asker: Asker, flight: Flight) {
        let number = self.crowds_so_far;
        let crowd = Crowd { number, flight: flight.clone(), first: Some(asker), others: VecDeque::new() };
        self.crowds.insert_unique(crowd.hash(), crowd, Crowd::hash);
        self.crowds_so_far += 1;
        self.requests += 1;
        self.running.push(Running::Read(number, flight));
    }

    /// The reply to the next of those whose read has ended.
    fn answer_one(&mut self) -> Option<Answered> {
        loop {
            let (outcome, at, crowd) = self.ended.as_mut()?;
            let Some(mut asker) = crowd.first.take().or_else(|| crowd.others.pop_front()) else {
                self.ended = None;
                return None;
            };
            asker.until = Some(*at);
            self.requests -= 1;
            let (app, to) = (self.app, To::One { index: asker.index });
            match app.due_now(asker, given(outcome), &app.live().config.limits) {
                Ok(due) => return Some(Answered { to, due }),
                Err(mut asker) => {
                    // It waits for room.
                    asker.until = None;
                    let outcome = outcome.clone();
                    self.push_reply(to, async move { app.due(asker, given(&outcome)).await }.boxed());
                }
            }
        }
    }
}

impl Stream for Waiting<'_> {
    type Item = Answered;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        loop {
            if let Some(answered) = self.answer_one() {
                return Poll::Ready(Some(answered));
            }
            match ready!(self.running.poll_next_unpin(cx)) {
                Some(Ended::Read { number, hash, outcome }) => {
                    let crowd = self.crowds.find_entry(hash, |crowd| crowd.number == number).ok();
                    self.ended = crowd.map(|crowd| (outcome, Instant::now(), crowd.remove().0));
                    if self.crowds.is_empty() && self.crowds.capacity() > FEW {
                        self.crowds = HashTable::new();
                    }
                }
                Some(Ended::Reply(answered)) => {
                    self.requests -= answered.to.requests();
                    return Poll::Ready(Some(answered));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Future for Running<'_> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        Poll::Ready(match &mut *self {
            Self::Read(number, flight) => {
                let (number, hash) = (*number, flight.about().key().hash());
                Ended::Read { number, hash, outcome: ready!(flight.poll_unpin(cx)) }
            }
            Self::Reply(to, due) => Ended::Reply(Answered { to: *to, due: ready!(due.poll_unpin(cx)) }),
        })
    }
}
