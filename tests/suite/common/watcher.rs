//! Those who watch while something happens to the cache.

use std::time::Instant;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{PATIENCE, Server};
use crate::streams::{Follower, open};

/// What was seen of a stream so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub values: Value,
    pub stale: usize,
    pub fresh: usize,
}

impl Seen {
    pub fn is_fresh(&self) -> bool {
        self.stale == self.fresh
    }
}

/// A client that follows a stream.
pub struct Watcher {
    pub name: String,
    seen: watch::Receiver<Seen>,
    pub task: JoinHandle<()>,
}

impl Watcher {
    /// Opens a stream whose items are told apart by their symbol; this member of them is looked at.
    pub async fn open(server: &Server, operation: &str, params: Value, member: &'static str) -> Self {
        let name = format!("{operation} {params}");
        let mut client = server.client().await;
        open(&mut client, "s", operation, params).await;
        let (sender, seen) = watch::channel(Seen::default());
        let task = tokio::spawn(async move {
            let mut follower = Follower::default();
            while let Some(Ok(message)) = client.socket.next().await {
                let Message::Text(text) = message else { continue };
                follower.take(&serde_json::from_str(&text).unwrap(), &["symbol"]);
                let (stale, fresh) = (follower.stale, follower.fresh);
                sender.send_replace(Seen { values: json!(follower.values(member)), stale, fresh });
            }
        });
        Self { name, seen, task }
    }

    /// Waits until what was seen is so.
    pub async fn until(&mut self, what: &str, is_so: impl FnMut(&Seen) -> bool) {
        let outcome = timeout(PATIENCE, self.seen.wait_for(is_so)).await.map(|seen| seen.is_ok());
        match outcome {
            Ok(true) => {}
            Ok(false) => panic!("{} was disconnected before {what}", self.name),
            Err(_) => panic!("{}: not {what}: {:?}", self.name, *self.seen.borrow()),
        }
    }

    pub fn stale(&self) -> usize {
        self.seen.borrow().stale
    }
}

/// Waits until all are told what is there, after an outage that each was told of.
pub async fn all_fresh(watchers: &mut [Watcher], outages: usize, since: Instant) {
    for watcher in watchers {
        watcher.until("fresh again", |seen| seen.stale >= outages && seen.is_fresh()).await;
        eprintln!("{} is fresh after {:?}", watcher.name, since.elapsed());
    }
}
