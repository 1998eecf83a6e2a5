//! The connections to Redis, each supervised: commands of many clients go out in one write, a lost
//! connection is made again for ever, and every command is answered within its time.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, Pipeline,
    ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, Value as Reply, aio::MultiplexedConnection,
    io::tcp::TcpSettings,
};
use serde::Serialize;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{Sleep, interval, sleep, timeout},
};

use super::{CacheError, Control, Verb};

/// How many commands go out in one write at the most.
const MOST_IN_BATCH: usize = 512;
/// How many writes may be unanswered on one connection.
const MOST_BATCHES: usize = 16;
/// How long the first pause between two attempts to connect is; it doubles up to `reconnect_max`.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// How often waiting commands are looked at for their age while there is no connection.
const SWEEP: Duration = Duration::from_millis(25);

/// Where Redis is and how to log in, out of a URL.
#[derive(Clone)]
pub struct Address(ConnectionInfo);

impl Address {
    /// Reads `redis://`, `rediss://` or `unix://`, each as `scheme://[user:password@]host[:port][/db]`.
    /// `user` and `password` fill in where the URL has none.
    pub fn parse(url: &str, user: Option<&str>, password: Option<&str>) -> Result<Self, String> {
        // The library's own error may repeat the URL, which may hold a password.
        let info = url.into_connection_info().map_err(|error| {
            format!("no Redis URL ({:?}): want redis://, rediss:// or unix://", error.kind())
        })?;
        let mut settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        // `CLIENT SETINFO` came with Redis 7.2: before, no user can be given the right to it.
        settings = settings.set_skip_set_lib_name();
        if let (None, Some(user)) = (settings.username(), user) {
            settings = settings.set_username(user);
        }
        if let (None, Some(password)) = (settings.password(), password) {
            settings = settings.set_password(password);
        }
        // Small commands must not wait for each other's acknowledgement.
        let tcp = TcpSettings::default().set_nodelay(true);
        Ok(Self(info.set_redis_settings(settings).set_tcp_settings(tcp)))
    }

    /// The Redis user that logs in.
    pub fn user(&self) -> &str {
        self.0.redis_settings().username().unwrap_or("default")
    }

    fn is_tls(&self) -> bool {
        matches!(self.0.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// Where it is, without the login.
    pub fn shown(&self) -> String {
        let db = self.0.redis_settings().db();
        match self.0.addr() {
            ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}/{db}"),
            ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}/{db}"),
            ConnectionAddr::Unix(path) => format!("unix://{}?db={db}", path.display()),
            _ => "a Redis".to_owned(),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// Where it is.
    pub address: Address,
    /// How many connections each worker has.
    pub connections: usize,
    /// How many commands may wait for each connection.
    pub queue: usize,
    /// How long connecting and logging in may take.
    pub connect_timeout: Duration,
    /// How long a command may wait for its answer.
    pub response_timeout: Duration,
    /// The longest pause between two attempts to connect.
    pub reconnect_max: Duration,
}

/// How the cache is right now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkState {
    /// `connected`, `connecting`, `unreachable`, `silent`, or `embedded`.
    pub state: &'static str,
    /// Why, where it is not connected.
    pub cause: Option<String>,
    /// The version of the Redis.
    pub version: Option<String>,
    /// The role of the Redis: `master` or `replica`.
    pub role: Option<String>,
    /// Connections that are up.
    pub connections: usize,
    /// Connections that were made again since the start.
    pub reconnects: u64,
    /// Commands answered since the start.
    pub commands: u64,
    /// Writes that these commands went out in.
    pub batches: u64,
    /// Milliseconds that the last write took to be answered.
    pub latency_ms: Option<f64>,
}

impl LinkState {
    pub(super) fn embedded() -> Self {
        Self {
            state: "embedded",
            cause: None,
            version: None,
            role: None,
            connections: 0,
            reconnects: 0,
            commands: 0,
            batches: 0,
            latency_ms: None,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone)]
enum Outage {
    /// The first attempt is under way.
    Starting,
    /// Redis takes connections or commands, and does not answer them.
    Silent,
    /// Redis, or the network, says no.
    Down(Arc<str>),
}

impl Outage {
    /// Whether a command waits for the end of the outage, within its time, or is refused at once.
    fn is_waited_for(&self) -> bool {
        !matches!(self, Self::Down(_))
    }

    fn error(&self) -> CacheError {
        match self {
            Self::Starting => CacheError::Unavailable("the first connection is still being made".into()),
            Self::Silent => CacheError::Timeout,
            Self::Down(cause) => CacheError::Unavailable(cause.clone()),
        }
    }
}

struct Job {
    cmd: Cmd,
    since: Instant,
    answer: oneshot::Sender<Result<Reply, CacheError>>,
}

impl Job {
    fn answer(self, answer: Result<Reply, CacheError>) {
        // Whoever asked may be gone.
        let _ = self.answer.send(answer);
    }
}

/// What the connections tell the outside.
#[derive(Debug, Default)]
struct Shared {
    /// How many connections there should be.
    links: AtomicU64,
    up: AtomicUsize,
    connects: AtomicU64,
    commands: AtomicU64,
    batches: AtomicU64,
    latency_us: AtomicU64,
    server: Mutex<ServerFacts>,
}

#[derive(Debug, Default, Clone)]
struct ServerFacts {
    version: Option<String>,
    role: Option<String>,
}

/// Connections to one Redis, all driven by one runtime.
pub(super) struct Links {
    links: Vec<mpsc::Sender<Job>>,
    next: AtomicUsize,
    settings: Arc<LinkSettings>,
    outage: watch::Sender<Option<Outage>>,
    shared: Arc<Shared>,
}

impl Links {
    /// One connection, for what is asked at start. Workers have more.
    pub(super) fn start(settings: LinkSettings) -> Self {
        if settings.address.is_tls() {
            // An error means that this process has chosen already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Self::connect(1, Arc::new(settings), watch::Sender::new(Some(Outage::Starting)), Arc::default())
    }

    /// As many connections to the same Redis as a worker has.
    pub(super) fn of_worker(&self) -> Self {
        let count = self.settings.connections.max(1);
        Self::connect(count, self.settings.clone(), self.outage.clone(), self.shared.clone())
    }

    fn connect(
        count: usize,
        settings: Arc<LinkSettings>,
        outage: watch::Sender<Option<Outage>>,
        shared: Arc<Shared>,
    ) -> Self {
        shared.links.fetch_add(count as u64, Ordering::Relaxed);
        let links = (0..count).map(|_| {
            let (jobs, queue) = mpsc::channel(settings.queue.max(1));
            let link = Link {
                settings: settings.clone(),
                queue,
                waiting: VecDeque::new(),
                outage: outage.clone(),
                shared: shared.clone(),
            };
            tokio::spawn(link.run());
            jobs
        });
        Self { links: links.collect(), next: AtomicUsize::new(0), settings, outage, shared }
    }

    /// The Redis user that is logged in.
    pub(super) fn user(&self) -> &str {
        self.settings.address.user()
    }

    /// Sends a read. One connection is kept for what is answered at once, so that a quick read never
    /// stands behind a big hash.
    pub(super) async fn send_read(&self, verb: Verb, cmd: Cmd) -> Result<Reply, CacheError> {
        let bulk = self.links.len() - 1;
        let index = match verb {
            Verb::Get | Verb::HGet | Verb::HLen => 0,
            Verb::HGetAll | Verb::LRange | Verb::Scan if bulk == 0 => 0,
            Verb::HGetAll | Verb::LRange | Verb::Scan => 1 + self.next.fetch_add(1, Ordering::Relaxed) % bulk,
        };
        self.send(index, cmd).await
    }

    pub(super) async fn send_control(&self, control: &Control) -> Result<Reply, CacheError> {
        self.send(self.links.len() - 1, control.to_redis()).await
    }

    async fn send(&self, index: usize, cmd: Cmd) -> Result<Reply, CacheError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { cmd, since: Instant::now(), answer };
        self.links[index].try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CacheError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Waits until a connection is made.
    pub(super) async fn connected(&self) {
        let mut outage = self.outage.subscribe();
        // An error means that the connections are gone, and nothing is left to wait for.
        let _ = outage.wait_for(Option::is_none).await;
    }

    /// Waits until the first connection is made or has failed.
    pub(super) async fn settled(&self) {
        let mut outage = self.outage.subscribe();
        // An error means that the connections are gone, which is settled too.
        let _ = outage.wait_for(|outage| !matches!(outage, Some(Outage::Starting))).await;
    }

    pub(super) fn state(&self) -> LinkState {
        let outage = self.outage.borrow().clone();
        let facts = self.shared.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let latency = load(&self.shared.latency_us);
        LinkState {
            state: match &outage {
                _ if self.shared.up.load(Ordering::Relaxed) > 0 => "connected",
                None => "connected",
                Some(Outage::Starting) => "connecting",
                Some(Outage::Silent) => "silent",
                Some(Outage::Down(_)) => "unreachable",
            },
            cause: match outage {
                Some(Outage::Down(cause)) => Some(cause.to_string()),
                _ => None,
            },
            version: facts.version,
            role: facts.role,
            connections: self.shared.up.load(Ordering::Relaxed),
            reconnects: load(&self.shared.connects).saturating_sub(load(&self.shared.links)),
            commands: load(&self.shared.commands),
            batches: load(&self.shared.batches),
            latency_ms: (latency > 0).then(|| latency as f64 / 1000.0),
        }
    }
}

fn stopped() -> CacheError {
    CacheError::Unavailable("the server is stopping".into())
}

/// A connection that is up.
struct Line {
    connection: MultiplexedConnection,
    lost: Arc<Notify>,
}

/// The supervisor of one connection.
struct Link {
    settings: Arc<LinkSettings>,
    queue: mpsc::Receiver<Job>,
    /// Jobs that wait for a connection.
    waiting: VecDeque<Job>,
    outage: watch::Sender<Option<Outage>>,
    shared: Arc<Shared>,
}

/// The server is stopping: nobody can send any more.
struct Stopped;

impl Link {
    async fn run(mut self) {
        let mut outage = Outage::Starting;
        while let Ok(line) = self.connect(outage).await {
            self.shared.up.fetch_add(1, Ordering::Relaxed);
            self.outage.send_replace(None);
            let served = self.serve(line).await;
            self.shared.up.fetch_sub(1, Ordering::Relaxed);
            let Ok(ended) = served else { return };
            tracing::warn!(redis = %self.settings.address.shown(), "Redis is gone: {}", ended.error());
            self.outage.send_replace(Some(ended.clone()));
            outage = ended;
        }
    }

    /// Tries until there is a connection. Answers meanwhile what can't wait.
    async fn connect(&mut self, mut outage: Outage) -> Result<Line, Stopped> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let attempt = attempt(self.settings.clone(), self.shared.clone());
            let failed = match self.wait_for(attempt, &outage).await? {
                Ok(line) => return Ok(line),
                Err(failed) => failed,
            };
            tracing::debug!(redis = %self.settings.address.shown(), "no connection: {}", failed.error());
            if matches!(outage, Outage::Starting) {
                tracing::warn!(redis = %self.settings.address.shown(), "Redis: {}; trying on", failed.error());
            }
            outage = failed;
            self.outage.send_replace(Some(outage.clone()));
            self.wait_for(sleep(backoff), &outage).await?;
            backoff = (backoff * 2).min(self.settings.reconnect_max);
        }
    }

    /// Waits for something while jobs come in and grow old.
    async fn wait_for<T>(
        &mut self,
        something: impl Future<Output = T>,
        outage: &Outage,
    ) -> Result<T, Stopped> {
        let mut something = std::pin::pin!(something);
        let mut sweep = interval(SWEEP);
        loop {
            if !outage.is_waited_for() {
                for job in self.waiting.drain(..) {
                    job.answer(Err(outage.error()));
                }
            }
            let room = self.waiting.len() < self.settings.queue;
            tokio::select! {
                result = &mut something => return Ok(result),
                job = self.queue.recv(), if room => self.waiting.push_back(job.ok_or(Stopped)?),
                _ = sweep.tick() => self.expire(outage),
            }
        }
    }

    /// Answers the jobs that have waited for their whole time.
    fn expire(&mut self, outage: &Outage) {
        let limit = self.settings.response_timeout;
        while let Some(job) = self.waiting.pop_front_if(|job| job.since.elapsed() >= limit) {
            job.answer(Err(outage.error()));
        }
    }

    /// Serves until the connection is lost or falls silent.
    async fn serve(&mut self, line: Line) -> Result<Outage, Stopped> {
        let limit = self.settings.response_timeout;
        let mut batches: VecDeque<Batch> = VecDeque::new();
        let mut answers: FuturesOrdered<BoxFuture<'static, RedisResult<Vec<Reply>>>> = FuturesOrdered::new();
        let mut jobs: Vec<Job> = self.waiting.drain(..).collect();
        // One timer for all: it rings when the oldest batch may be due, and is then set anew.
        let mut alarm: std::pin::Pin<Box<Sleep>> = Box::pin(sleep(limit));
        let mut alarm_is_set = false;
        loop {
            if !jobs.is_empty() {
                let batch = Batch::of(std::mem::take(&mut jobs));
                let mut connection = line.connection.clone();
                let (pipeline, count) = (batch.0, batch.1.jobs.len());
                answers.push_back(Box::pin(async move {
                    connection.send_packed_commands(&pipeline, 0, count).await
                }));
                if !alarm_is_set {
                    alarm.as_mut().reset((batch.1.sent + limit).into());
                    alarm_is_set = true;
                }
                batches.push_back(batch.1);
            }
            tokio::select! {
                biased;
                Some(answer) = answers.next(), if !answers.is_empty() => {
                    let Some(batch) = batches.pop_front() else { continue };
                    if let Some(cause) = self.distribute(batch, answer) {
                        return Ok(fail(batches, Outage::Down(cause)));
                    }
                }
                count = self.queue.recv_many(&mut jobs, MOST_IN_BATCH), if answers.len() < MOST_BATCHES => {
                    if count == 0 {
                        return Err(Stopped);
                    }
                    jobs.retain(|job| !job.answer.is_closed());
                }
                () = line.lost.notified() => {
                    return Ok(fail(batches, Outage::Down("Redis closed the connection".into())));
                }
                () = &mut alarm, if alarm_is_set => match batches.front() {
                    None => alarm_is_set = false,
                    Some(oldest) if oldest.sent.elapsed() >= limit => return Ok(fail(batches, Outage::Silent)),
                    Some(oldest) => alarm.as_mut().reset((oldest.sent + limit).into()),
                },
            }
        }
    }

    /// Hands out a batch's answers. Says why, if there will be no more.
    fn distribute(&self, batch: Batch, answers: RedisResult<Vec<Reply>>) -> Option<Arc<str>> {
        match answers {
            Ok(answers) => {
                let waited = u64::try_from(batch.sent.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.shared.latency_us.store(waited.max(1), Ordering::Relaxed);
                self.shared.batches.fetch_add(1, Ordering::Relaxed);
                self.shared.commands.fetch_add(batch.jobs.len() as u64, Ordering::Relaxed);
                let mut answers = answers.into_iter();
                for job in batch.jobs {
                    let answer = answers.next().unwrap_or(Reply::Nil);
                    job.answer(sort_out(answer));
                }
                None
            }
            Err(error) => {
                let cause: Arc<str> = error.to_string().into();
                for job in batch.jobs {
                    job.answer(Err(CacheError::Unavailable(cause.clone())));
                }
                error.is_unrecoverable_error().then_some(cause)
            }
        }
    }
}

struct Batch {
    jobs: Vec<Job>,
    sent: Instant,
}

impl Batch {
    fn of(mut jobs: Vec<Job>) -> (Pipeline, Self) {
        let mut pipeline = Pipeline::with_capacity(jobs.len());
        for job in &mut jobs {
            pipeline.add_command(std::mem::take(&mut job.cmd));
        }
        (pipeline, Self { jobs, sent: Instant::now() })
    }
}

/// Answers all that was sent and can't be answered any more.
fn fail(batches: VecDeque<Batch>, outage: Outage) -> Outage {
    for job in batches.into_iter().flat_map(|batch| batch.jobs) {
        job.answer(Err(outage.error()));
    }
    outage
}

fn sort_out(answer: Reply) -> Result<Reply, CacheError> {
    match answer {
        Reply::ServerError(error) if error.code() == "WRONGTYPE" => Err(CacheError::WrongType),
        Reply::ServerError(error) => {
            let details = error.details().unwrap_or_default();
            Err(CacheError::Unavailable(format!("{} {details}", error.code()).into()))
        }
        answer => Ok(answer),
    }
}

async fn attempt(settings: Arc<LinkSettings>, shared: Arc<Shared>) -> Result<Line, Outage> {
    let lost = Arc::new(Notify::new());
    let connecting = async {
        let client = Client::open(settings.address.0.clone())?;
        let tell = lost.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    tell.notify_one();
                }
                Ok::<(), ()>(())
            });
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let hello = connection.send_packed_command(&Control::Hello.to_redis()).await?;
        Ok::<_, RedisError>((connection, hello))
    };
    let (connection, hello) = match timeout(settings.connect_timeout, connecting).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Err(Outage::Down(error.to_string().into())),
        Err(_) => return Err(Outage::Silent),
    };
    let facts = ServerFacts { version: fact(&hello, "version"), role: fact(&hello, "role") };
    tracing::info!(
        redis = %settings.address.shown(),
        version = facts.version.as_deref().unwrap_or("unknown"),
        role = facts.role.as_deref().unwrap_or("unknown"),
        "connected to Redis"
    );
    *shared.server.lock().unwrap_or_else(PoisonError::into_inner) = facts;
    shared.connects.fetch_add(1, Ordering::Relaxed);
    Ok(Line { connection, lost })
}

/// One fact out of the answer to `HELLO`.
fn fact(hello: &Reply, name: &str) -> Option<String> {
    let Reply::Map(facts) = hello else { return None };
    let text = |reply: &Reply| redis::from_redis_value_ref::<String>(reply).ok();
    facts.iter().find(|(key, _)| text(key).as_deref() == Some(name)).and_then(|(_, value)| text(value))
}
