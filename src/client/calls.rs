//! What was asked and is not answered yet.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::{Answer, ClientError};

/// One request that waits for its reply.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) text: String,
    pub(super) reply: oneshot::Sender<Result<Answer, ClientError>>,
}

/// The requests of one client that wait for their replies.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: HashMap<u64, Waiting>,
    /// How many there were when those were forgotten that were given up.
    swept: usize,
}

#[derive(Debug)]
struct Waiting {
    call: Call,
    is_second_try: bool,
}

impl Calls {
    pub(super) fn add(&mut self, call: Call) {
        // Who waited long enough does not say so.
        if self.waiting.len() >= 2 * self.swept + 64 {
            self.waiting.retain(|_, waiting| !waiting.call.reply.is_closed());
            self.swept = self.waiting.len();
        }
        self.waiting.insert(call.id, Waiting { call, is_second_try: false });
    }

    /// Gives an answer to who waits for it, if that is one of these.
    pub(super) fn answer(&mut self, id: u64, answer: impl FnOnce() -> Result<Answer, ClientError>) -> bool {
        let Some(Waiting { call, .. }) = self.waiting.remove(&id) else { return false };
        // Who gave up waiting wants no answer.
        let _ = call.reply.send(answer());
        true
    }

    /// The connection is lost. Reads change nothing, so what was asked once is asked once more on the next.
    pub(super) fn disconnected(&mut self, cause: &ClientError) {
        let (again, lost): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_values().partition(|waiting| !waiting.is_second_try);
        for Waiting { call, .. } in again {
            self.waiting.insert(call.id, Waiting { call, is_second_try: true });
        }
        for Waiting { call, .. } in lost {
            let _ = call.reply.send(Err(cause.clone()));
        }
    }

    /// What is to be asked on a new connection.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let wanted = self.waiting.values().filter(|waiting| !waiting.call.reply.is_closed());
        wanted.map(|waiting| waiting.call.text.as_str())
    }

    /// Nothing will be answered any more.
    pub(super) fn finish(&mut self, error: &ClientError) {
        for Waiting { call, .. } in std::mem::take(&mut self.waiting).into_values() {
            let _ = call.reply.send(Err(error.clone()));
        }
    }
}
