//! What is told of a reply, beside it, to who asks for that.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    cache::{Cache, Spent, Trace},
    config::microseconds,
    protocol::Reply,
    streams::StreamExplain,
};

/// Where the time of an answer went and where its data came from. It stands beside the result, or the error, of a
/// request that has `"explain": true`. Times are in microseconds.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Explain {
    /// From when the server had read the request until it had made the reply.
    server_us: u64,
    /// Where the data came from.
    source: Source,
    /// Of what is kept in the near cache: how long ago it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_us: Option<u64>,
    #[serde(flatten)]
    read: Option<ReadExplain>,
    /// Of a stream: how it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<StreamExplain>,
}

/// Where the data of an answer came from.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// Redis was asked.
    Redis,
    /// It was read before, and Redis has told of no change since.
    NearCache,
    /// The server's own store was asked, which stands in for Redis.
    Embedded,
    /// What is watched for streams, and read again when it changes.
    Topic,
    /// What the server knows of itself.
    Server,
}

/// Where the time of a read went.
#[derive(Debug, Serialize, JsonSchema)]
struct ReadExplain {
    /// Of a read: how long it waited for its turn, behind another of the same that was under way, say.
    waited_us: u64,
    /// Of a read: for how long Redis, or the server's own store, had yet to answer.
    redis_us: u64,
    /// Of a read: how many commands were sent, by their names. A scan that was kept sends none.
    commands: BTreeMap<&'static str, u32>,
    /// Of a read: how many requests it answered, this one among them.
    shared_by: u32,
}

/// What is to be told of a reply.
pub(super) struct Explaining {
    since: Instant,
    /// How long the request waited for its turn, in an array or behind those that came before.
    waited: Duration,
    course: Course,
}

/// What became of the request.
enum Course {
    /// It went no further than the server itself.
    Server,
    /// It was answered by what was read at that time.
    Again(Instant),
    Stream(StreamExplain),
    Read {
        trace: Arc<Trace>,
        asked: Instant,
        is_embedded: bool,
    },
}

impl Explaining {
    /// Of a request that came in at some time, and has its turn now.
    pub(super) fn of(since: Instant) -> Self {
        Self { since, waited: since.elapsed(), course: Course::Server }
    }

    /// The request is answered by a read, the course of which is noted there.
    pub(super) fn reads(&mut self, trace: Arc<Trace>, cache: &Cache) {
        self.course = Course::Read { trace, asked: Instant::now(), is_embedded: cache.is_embedded() };
    }

    /// The request is answered by what was read at that time.
    pub(super) fn gives_again(&mut self, read: Instant) {
        self.course = Course::Again(read);
    }

    /// The request has opened a stream.
    pub(super) fn opens(&mut self, stream: Option<StreamExplain>) {
        if let Some(stream) = stream {
            self.course = Course::Stream(stream);
        }
    }

    /// The reply, with what there is to tell of it.
    pub(super) fn add_to(self, reply: Reply) -> Reply {
        let server_us = microseconds(self.since.elapsed());
        let mut age_us = None;
        let (source, read, stream) = match self.course {
            Course::Server => (Source::Server, None, None),
            Course::Again(read) => {
                age_us = Some(microseconds(read.elapsed()));
                (Source::NearCache, None, None)
            }
            Course::Stream(stream) => (Source::Topic, None, Some(stream)),
            Course::Read { trace, asked, is_embedded } => {
                let spent = trace.so_far();
                age_us = spent.found.map(|read| microseconds(read.elapsed()));
                let source = match is_embedded {
                    _ if age_us.is_some() => Source::NearCache,
                    true => Source::Embedded,
                    false => Source::Redis,
                };
                (source, Some(ReadExplain::of(&spent, trace.asked_by(), asked, self.waited)), None)
            }
        };
        let explain = serde_json::to_string(&Explain { server_us, source, age_us, read, stream });
        // Numbers and plain texts always serialize.
        match explain {
            Ok(explain) => reply.explained(&explain),
            Err(_) => reply,
        }
    }
}

impl ReadExplain {
    fn of(spent: &Spent, shared_by: u32, asked: Instant, before: Duration) -> Self {
        let for_others = spent.begun.map(|begun| begun.saturating_duration_since(asked)).unwrap_or_default();
        Self {
            waited_us: microseconds(before + for_others + spent.waited),
            redis_us: microseconds(spent.in_cache),
            commands: spent.commands().collect(),
            shared_by,
        }
    }
}
