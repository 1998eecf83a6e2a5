//! Does what it is told by way of the Rust client, and reports what it sees; see `run.py`.
#![allow(clippy::print_stdout)]

use std::{
    collections::{HashMap, VecDeque},
    error::Error,
    future,
    io::stdin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fullon_cache_api::client::{Answer, Client, ClientError, Event, RawUpdate, StreamKind};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Command {
    Connect(Connect),
    Call { operation: String, params: Value },
    Pages { operation: String, params: Value },
    Open(Open),
    Take { stream: String },
    Leave { stream: String },
    Close,
}

#[derive(Deserialize)]
struct Connect {
    url: String,
    token: Option<String>,
    tokens: Option<VecDeque<String>>,
    timeout_ms: u64,
    max_queue: usize,
    pause_ms: u64,
}

#[derive(Deserialize)]
struct Open {
    stream: String,
    operation: String,
    params: Map<String, Value>,
    snapshot: bool,
    events: bool,
}

/// What comes of a stream, with its events or without.
type Seen = BoxStream<'static, Result<Event<RawUpdate>, ClientError>>;

/// A stream is opened when something is first taken of it.
enum Course {
    Wanted(Open),
    Open(Seen),
}

struct Reporter {
    client: Client,
    max_queue: usize,
    streams: HashMap<String, Course>,
}

impl Reporter {
    async fn connect(wanted: Connect) -> Result<Self, ClientError> {
        let mut builder = Client::builder(&wanted.url)
            .timeout(Duration::from_millis(wanted.timeout_ms))
            .backoff(Duration::from_millis(100), Duration::from_millis(wanted.pause_ms));
        if let Some(token) = wanted.token {
            builder = builder.token(&token);
        }
        if let Some(tokens) = wanted.tokens.map(Mutex::new) {
            builder = builder.token_from(move || {
                let mut left = tokens.lock().unwrap_or_else(PoisonError::into_inner);
                let next = if left.len() > 1 { left.pop_front() } else { left.front().cloned() };
                future::ready(next.ok_or_else(|| "none is left".to_owned()))
            });
        }
        Ok(Self { client: builder.connect().await?, max_queue: wanted.max_queue, streams: HashMap::new() })
    }

    async fn open(&self, wanted: Open) -> Result<Seen, ClientError> {
        let described =
            self.client.call_by_name("describe", &json!({ "operation": wanted.operation })).await?;
        let kind = StreamKind::of(&described.read::<Value>()?["operations"][0]);
        let mut opening = self.client.stream_by_name(&wanted.operation, wanted.params, kind);
        if !wanted.snapshot {
            opening = opening.without_snapshot();
        }
        let opening = opening.max_queue(self.max_queue);
        Ok(match wanted.events {
            true => opening.events().await?.boxed(),
            false => opening.await?.map(|update| update.map(Event::Update)).boxed(),
        })
    }

    async fn take(&mut self, stream: String) -> Result<Value, ClientError> {
        let mut seen = match self.streams.remove(&stream) {
            Some(Course::Open(seen)) => seen,
            Some(Course::Wanted(wanted)) => self.open(wanted).await?,
            None => return Ok(json!({ "seen": "end" })),
        };
        // After an error it is over.
        let Some(event) = seen.next().await.transpose()? else { return Ok(json!({ "seen": "end" })) };
        self.streams.insert(stream, Course::Open(seen));
        Ok(match event {
            Event::Update(update) => {
                let mut update: Value = serde_json::from_str(update.text()).unwrap_or_default();
                update["seen"] = "update".into();
                update
            }
            Event::Reconnecting { .. } => json!({ "seen": "reconnecting" }),
            Event::Stale { .. } => json!({ "seen": "stale" }),
            Event::Fresh => json!({ "seen": "fresh" }),
            Event::Gap(_) => json!({ "seen": "gap" }),
            Event::Warning(warning) => {
                json!({ "seen": "warning", "code": warning.error_code, "item": warning.item })
            }
        })
    }
}

/// Does what is told.
async fn answer(reporter: &mut Option<Reporter>, command: Command) -> Result<Value, ClientError> {
    let seen = match (command, reporter) {
        (Command::Connect(wanted), reporter) => {
            *reporter = Some(Reporter::connect(wanted).await?);
            "connected"
        }
        (_, None) => "nothing: it is not connected",
        (Command::Call { operation, params }, Some(Reporter { client, .. })) => {
            let value: Value = client.call_by_name(&operation, &params).await?.read()?;
            return Ok(json!({ "seen": "result", "value": value }));
        }
        (Command::Pages { operation, params }, Some(Reporter { client, .. })) => {
            let pages = client.pages_by_name(&operation, params);
            let read = |page: Answer| future::ready(page.read());
            let value: Vec<Value> = pages.and_then(read).try_collect().await?;
            return Ok(json!({ "seen": "result", "value": value }));
        }
        (Command::Open(wanted), Some(Reporter { streams, .. })) => {
            streams.insert(wanted.stream.clone(), Course::Wanted(wanted));
            "opening"
        }
        (Command::Take { stream }, Some(reporter)) => return reporter.take(stream).await,
        (Command::Leave { stream }, Some(Reporter { streams, .. })) => {
            streams.remove(&stream);
            "left"
        }
        (Command::Close, Some(Reporter { client, .. })) => {
            client.close().await;
            "closed"
        }
    };
    Ok(json!({ "seen": seen }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut reporter = None;
    let (told, mut commands) = mpsc::channel(1);
    // The connection goes on while a command is awaited.
    std::thread::spawn(move || {
        stdin().lines().map_while(Result::ok).try_for_each(|line| told.blocking_send(line))
    });
    while let Some(line) = commands.recv().await {
        let seen = match answer(&mut reporter, serde_json::from_str(&line)?).await {
            Ok(seen) => seen,
            Err(error) => json!({ "seen": "error", "code": error.code(), "retryable": error.is_retryable() }),
        };
        println!("{seen}");
    }
    Ok(())
}
