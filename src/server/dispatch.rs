//! From the text of a frame to its reply.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Map, Value};

use super::{App, System};
use crate::{
    cache::{Cache, View},
    operation::{Answer, Outcome},
    protocol::{Error, ErrorCode, Message, Rejected, Reply, Request, RequestId, parse_params},
    registry::Registered,
};

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The reply to a frame, now or when the cache has answered.
pub(super) enum Answering {
    Now(Reply),
    Later {
        /// How many requests it answers.
        requests: usize,
        reply: Pending<Reply>,
    },
}

/// What turns a request's outcome into its reply.
pub(crate) struct Ticket {
    app: Arc<App>,
    id: RequestId,
}

impl Ticket {
    pub(crate) fn reply(&self, outcome: Outcome) -> Reply {
        self.app.reply(&self.id, outcome)
    }
}

/// Begins to answer a frame. Never fails: whatever came gets its reply.
pub(super) fn begin(app: &Arc<App>, cache: &Cache, text: &str) -> Answering {
    match Message::parse(text, &app.config.limits.of_messages()) {
        Message::One(request) => begin_one(app, cache, request),
        Message::Array(requests) => {
            let elements: Vec<Answering> =
                requests.into_iter().map(|request| begin_one(app, cache, request)).collect();
            let requests = elements.len();
            let replies = join_all(elements.into_iter().map(|element| async {
                match element {
                    Answering::Now(reply) => reply,
                    Answering::Later { reply, .. } => reply.await,
                }
            }));
            let app = app.clone();
            Answering::Later {
                requests,
                reply: Box::pin(async move { app.fitting(Reply::array(replies.await)) }),
            }
        }
    }
}

fn begin_one(app: &Arc<App>, cache: &Cache, request: Result<Request<'_>, Rejected>) -> Answering {
    app.stats.request();
    let request = match request {
        Ok(request) => request,
        Err(Rejected { id, error }) => return Answering::Now(app.reply(&id, Err(error))),
    };
    let (operation, params) = match prepare(app, &request) {
        Ok(prepared) => prepared,
        Err(error) => return Answering::Now(app.reply(&request.id, Err(error))),
    };
    match operation.answer {
        Answer::System(answer) => {
            let outcome = answer(&System { app }, &params).map(|result| (result, Vec::new()));
            Answering::Now(app.reply(&request.id, outcome))
        }
        Answer::Read { run, .. } => {
            let view = View::new(cache.clone(), operation.plan.clone(), params);
            let ticket = Ticket { app: app.clone(), id: request.id };
            Answering::Later { requests: 1, reply: run(view, ticket) }
        }
    }
}

/// The operation and its params, if there is nothing wrong with either.
fn prepare<'a>(app: &'a App, request: &Request<'_>) -> Result<(&'a Registered, Value), Error> {
    let operation =
        app.registry.get(&request.operation).ok_or_else(|| app.registry.unknown(&request.operation))?;
    operation.check_on()?;
    let params = match request.params {
        None => Value::Object(Map::new()),
        Some(raw) => parse_params(raw.get(), app.config.limits.json_depth)
            .map_err(|error| Error::new(ErrorCode::MalformedMessage, format!("`params`: {error}")))?,
    };
    operation.validate(&params)?;
    Ok((operation, params))
}

impl App {
    fn reply(&self, id: &RequestId, outcome: Outcome) -> Reply {
        match outcome {
            Ok((result, warnings)) if result.len() <= self.config.limits.reply_bytes => {
                Reply::success(id, &result, &warnings)
            }
            Ok((result, _)) => self.failure(id, &self.too_large(result.len())),
            Err(error) => self.failure(id, &error),
        }
    }

    fn failure(&self, id: &RequestId, error: &Error) -> Reply {
        self.stats.error(error.code());
        if error.code() == ErrorCode::InternalError {
            tracing::error!(request_id = %id, cause = error.cause(), "internal error");
        } else {
            tracing::debug!(request_id = %id, code = %error.code(), cause = error.cause(), "{}", error.message());
        }
        Reply::failure(id, error)
    }

    /// The replies to an array, if they fit into one frame together.
    fn fitting(&self, reply: Reply) -> Reply {
        match reply.len() {
            length if length <= self.config.limits.reply_bytes => reply,
            length => self.failure(&RequestId::made_up(), &self.too_large(length)),
        }
    }

    fn too_large(&self, length: usize) -> Error {
        let most = self.config.limits.reply_bytes;
        Error::new(ErrorCode::LimitExceeded, format!("the answer has {length} bytes; at most {most} may be"))
    }
}
