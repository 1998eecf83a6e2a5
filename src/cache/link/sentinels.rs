//! Redis Sentinels: who is asked where the master is, and its replicas.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
    choice::{Choice, Role, fault_of_replica, good_replicas},
    inquiry::{BEAT, first_answer, put, reach, try_to_put},
    whereabouts::Moves,
};

/// The Redis to read, as a sentinel names it.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) address: Address,
    pub(super) role: Role,
    /// The sentinel that named it last; none if none answers by now.
    pub(super) named_by: Option<Arc<str>>,
}

impl Named {
    fn what(&self) -> (String, Role) {
        (self.address.shown(), self.role)
    }
}

/// The sentinels of one master, and what they said last.
#[derive(Debug)]
pub(super) struct Sentinels {
    addresses: Vec<Address>,
    name: String,
    /// Whether a replica is read, while one is in good order.
    replicas: bool,
    /// How Redis is spoken to, wherever it is.
    spoken_to: Address,
    /// The sentinel that answered last is asked first.
    first: AtomicUsize,
    /// Whether the one that answered last tells of no replicas.
    hides_replicas: AtomicBool,
    choice: Mutex<Choice>,
    named: watch::Sender<Option<Named>>,
}

/// A sentinel that has answered.
struct Line {
    index: usize,
    connection: MultiplexedConnection,
}

impl Sentinels {
    pub(super) fn new(addresses: Vec<Address>, name: &str, replicas: bool, spoken_to: Address) -> Self {
        Self {
            addresses,
            name: name.to_owned(),
            replicas,
            spoken_to,
            first: AtomicUsize::new(0),
            hides_replicas: AtomicBool::new(false),
            choice: Mutex::default(),
            named: watch::Sender::new(None),
        }
    }

    /// Whether replicas may be read.
    pub(super) fn allow_replicas(&self) -> bool {
        self.replicas
    }

    pub(super) fn spoken_to(&self) -> &Address {
        &self.spoken_to
    }

    pub(super) fn need_tls(&self) -> bool {
        self.spoken_to.is_tls() || self.addresses.iter().any(Address::is_tls)
    }

    /// The Redis that was named last.
    pub(super) fn named(&self) -> Option<Named> {
        self.named.borrow().clone()
    }

    pub(super) fn moves(&self) -> Moves {
        Moves::of(self.named.subscribe())
    }

    /// Finds out which Redis to read, for all to know.
    pub(super) async fn ask(&self, patience: Duration) -> Result<(), String> {
        self.ask_all(patience).await.map(|_| ())
    }

    /// This replica cannot be read, whatever sentinels say of it: all go elsewhere.
    pub(super) fn doubt(&self, replica: &Address, cause: &str) {
        let mut choice = self.choice();
        if choice.doubt(replica) {
            tracing::warn!(redis = %replica.shown(), "the replica is not read: {cause}");
        }
        self.choose(&choice, self.named().and_then(|named| named.named_by));
    }

    /// Asks them now and then on a connection that is kept, so that a move is seen even where no connection to Redis
    /// breaks.
    pub(super) async fn look_out(&self, patience: Duration) {
        let mut kept: Option<Line> = None;
        let mut is_blind = false;
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            self.look_again(patience.min(BEAT)).await;
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

    /// Looks whether a replica that could not be read can be read by now, if no other one is.
    async fn look_again(&self, patience: Duration) {
        if self.named().is_none_or(|named| named.role == Role::Replica) {
            return;
        }
        let Some(replica) = self.choice().due() else { return };
        let deadline = Instant::now() + patience;
        let asking = async {
            let mut connection = reach(&replica, deadline).await?;
            let answer = try_to_put(&Control::Role.to_redis(), (&mut connection, &replica), deadline).await?;
            fault_of_replica(answer).map_err(|error| error.to_string())
        };
        match asking.await {
            Ok(None) => {
                let mut choice = self.choice();
                choice.trust(&replica);
                self.choose(&choice, self.named().and_then(|named| named.named_by));
            }
            Ok(Some(fault)) | Err(fault) => {
                tracing::debug!(redis = %replica.shown(), "the replica is not read: {fault}");
                self.choice().doubt(&replica);
            }
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
        let mut replicas = if self.replicas { self.replicas_on(line, deadline).await? } else { Vec::new() };
        // One that has just taken over may still be listed among them.
        replicas.retain(|replica| *replica != (host.clone(), port));
        self.first.store(line.index, Ordering::Relaxed);
        let address = |(host, port)| self.spoken_to.moved_to(host, port);
        let mut choice = self.choice();
        choice.learn(address((host, port)), replicas.into_iter().map(address).collect());
        self.choose(&choice, Some(at.into()));
        Ok(())
    }

    /// The replicas that a sentinel calls good; none if it tells of none.
    async fn replicas_on(&self, line: &mut Line, deadline: Instant) -> Result<Vec<(String, u16)>, String> {
        let question = Control::WhereAreReplicas { name: self.name.clone() }.to_redis();
        let address = &self.addresses[line.index];
        let at = address.host_and_port();
        match try_to_put(&question, (&mut line.connection, address), deadline).await? {
            Ok(answer) => {
                self.hides_replicas.store(false, Ordering::Relaxed);
                good_replicas(answer).map_err(|error| format!("{at}: {error}"))
            }
            Err(error) if error.code().is_some() => {
                if !self.hides_replicas.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        sentinel = %at,
                        "the sentinel tells of no replicas, so the master is read; its user needs +sentinel|replicas ({error})"
                    );
                }
                Ok(Vec::new())
            }
            Err(error) => Err(format!("{at}: {error}")),
        }
    }

    /// Has all go to the Redis that is the one to read by now.
    fn choose(&self, choice: &Choice, named_by: Option<Arc<str>>) {
        let mut before = None;
        let mut now = None;
        self.named.send_if_modified(|named| {
            let read = named.as_ref().map(|named| (&named.address, named.role));
            let Some((address, role)) = choice.made(read) else { return false };
            let next = Named { address, role, named_by };
            now = Some(next.clone());
            before = named.replace(next);
            // One that is a master by now is another one, for it was made sure of something else.
            before.as_ref().map(Named::what) != now.as_ref().map(Named::what)
        });
        let (Some(before), Some(now)) = (before, now) else { return };
        let (redis, role, sentinel) = (now.address.shown(), now.role.name(), now.named_by.as_deref());
        let at = before.address.shown();
        match (before.role, now.role) {
            _ if before.what() == now.what() => {}
            (Role::Master, Role::Master) => {
                tracing::warn!(redis = %redis, before = %at, sentinel, "the master has moved");
            }
            _ => tracing::warn!(redis = %redis, role, before = %at, sentinel, "another Redis is read"),
        }
    }

    fn choice(&self) -> MutexGuard<'_, Choice> {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody vouches any more for what was said last. Says whether anything was.
    fn take_note_of_silence(&self) -> bool {
        self.named.send_if_modified(|named| {
            if let Some(named) = named {
                named.named_by = None;
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
