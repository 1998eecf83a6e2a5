//! Redis Sentinels: who is asked where the master is.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{RedisResult, Value as Reply, aio::MultiplexedConnection, from_redis_value};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    Address, Control,
    inquiry::{BEAT, first_answer, put, reach},
    whereabouts::Moves,
};

/// A master, as a sentinel names it.
#[derive(Debug, Clone)]
pub(super) struct Master {
    pub(super) address: Address,
    /// The sentinel that named it last; none if none answers by now.
    pub(super) named_by: Option<Arc<str>>,
}

/// The sentinels of one master, and what they said last.
#[derive(Debug)]
pub(super) struct Sentinels {
    addresses: Vec<Address>,
    name: String,
    /// How the master is spoken to, wherever it is.
    spoken_to: Address,
    /// The sentinel that answered last is asked first.
    first: AtomicUsize,
    named: watch::Sender<Option<Master>>,
}

/// A sentinel that has answered.
struct Line {
    index: usize,
    connection: MultiplexedConnection,
}

impl Sentinels {
    pub(super) fn new(addresses: Vec<Address>, name: &str, spoken_to: Address) -> Self {
        let first = AtomicUsize::new(0);
        Self { addresses, name: name.to_owned(), spoken_to, first, named: watch::Sender::new(None) }
    }

    pub(super) fn spoken_to(&self) -> &Address {
        &self.spoken_to
    }

    pub(super) fn need_tls(&self) -> bool {
        self.spoken_to.is_tls() || self.addresses.iter().any(Address::is_tls)
    }

    /// The master that was named last.
    pub(super) fn named(&self) -> Option<Master> {
        self.named.borrow().clone()
    }

    pub(super) fn moves(&self) -> Moves {
        Moves::of(self.named.subscribe())
    }

    /// Finds out where the master is, for all to know.
    pub(super) async fn ask(&self, patience: Duration) -> Result<(), String> {
        self.ask_all(patience).await.map(|_| ())
    }

    /// Asks them now and then on a connection that is kept, so that a move is seen even where no connection to the
    /// master breaks.
    pub(super) async fn look_out(&self, patience: Duration) {
        let mut kept: Option<Line> = None;
        let mut is_blind = false;
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            if let Some(line) = &mut kept
                && self.ask_on(line, Instant::now() + patience.min(BEAT)).await.is_ok()
            {
                continue;
            }
            let asked = self.ask_all(patience).await;
            match &asked {
                Ok(_) if is_blind => tracing::info!(redis = %self, "a sentinel answers"),
                Ok(_) => {}
                Err(cause) => {
                    let was_named = self.take_note_of_silence();
                    // Before any has answered, who asks for a connection tells.
                    if was_named && !is_blind {
                        tracing::warn!(redis = %self, "{cause}; it is taken to be where it was");
                    }
                }
            }
            is_blind = asked.is_err();
            kept = asked.ok();
        }
    }

    async fn ask_all(&self, patience: Duration) -> Result<Line, String> {
        let (count, first) = (self.addresses.len(), self.first.load(Ordering::Relaxed));
        let deadline = Instant::now() + patience;
        let indices = (first..count).chain(0..first);
        let asked = first_answer(indices.map(|index| self.ask_one(index, deadline))).await;
        asked.map_err(|mut complaints| {
            // In one order, so that the log can tell the same cause from another.
            complaints.sort();
            let complaints: Vec<String> = complaints.into_iter().map(|(_, complaint)| complaint).collect();
            format!("no sentinel says where the master {} is: {}", self.name, complaints.join("; "))
        })
    }

    async fn ask_one(&self, index: usize, deadline: Instant) -> Result<Line, (usize, String)> {
        let asking = async {
            let mut line = Line { index, connection: reach(&self.addresses[index], deadline).await? };
            self.ask_on(&mut line, deadline).await?;
            Ok(line)
        };
        asking.await.map_err(|complaint| (index, complaint))
    }

    /// Asks on a connection, and takes note of the answer.
    async fn ask_on(&self, line: &mut Line, deadline: Instant) -> Result<(), String> {
        let question = Control::WhereIsMaster { name: self.name.clone() }.to_redis();
        let address = &self.addresses[line.index];
        let at = address.host_and_port();
        let answer = put(&question, (&mut line.connection, address), deadline).await?;
        let (host, port) = place_in(answer)
            .map_err(|error| format!("{at}: {error}"))?
            .ok_or_else(|| format!("{at} knows no master of that name"))?;
        self.first.store(line.index, Ordering::Relaxed);
        self.take_note(Master { address: self.spoken_to.moved_to(host, port), named_by: Some(at.into()) });
        Ok(())
    }

    fn take_note(&self, master: Master) {
        let (now, sentinel) = (master.address.shown(), master.named_by.clone());
        let mut before = None;
        let has_moved = self.named.send_if_modified(|named| {
            before = named.replace(master).map(|master| master.address.shown());
            before.as_ref() != Some(&now)
        });
        if let (true, Some(before)) = (has_moved, before) {
            let sentinel = sentinel.as_deref();
            tracing::warn!(redis = %now, before = %before, sentinel, "the master has moved");
        }
    }

    /// Nobody vouches any more for what was said last. Says whether anything was.
    fn take_note_of_silence(&self) -> bool {
        self.named.send_if_modified(|named| {
            if let Some(master) = named {
                master.named_by = None;
            }
            // It is where it was.
            false
        });
        self.named.borrow().is_some()
    }
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(Address::host_and_port).collect();
        write!(f, "{} of the sentinels {}", self.name, addresses.join(", "))
    }
}

/// Host and port; none where no such master is known.
fn place_in(answer: Reply) -> RedisResult<Option<(String, u16)>> {
    Ok(from_redis_value(answer)?)
}
