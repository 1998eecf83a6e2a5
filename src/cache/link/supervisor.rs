//! The supervisor of one connection.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use redis::{Pipeline, PushInfo, PushKind, RedisResult, Value as Reply, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, mpsc},
    time::{Sleep, interval, sleep},
};

use super::{
    CacheError, Control, LinkSettings, Outage,
    open::{Opened, open},
    pool::{Job, Shared},
    whereabouts::Place,
};

/// How many commands go out in one write at the most, where answers are short.
pub(super) const MOST_IN_BATCH: usize = 512;
/// How many writes may be unanswered on one connection.
const MOST_BATCHES: usize = 16;
/// How long the first pause between two attempts to connect is; it doubles up to `reconnect_max`.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// How long a connection must have lasted for the next one to be made without a pause.
const STEADY: Duration = Duration::from_secs(1);
/// How often waiting commands are looked at for their age while there is no connection.
const SWEEP: Duration = Duration::from_millis(25);

/// A connection that is up.
struct Line {
    connection: MultiplexedConnection,
    lost: Arc<Notify>,
    place: Place,
}

/// The supervisor of one connection.
pub(super) struct Link {
    pub(super) settings: Arc<LinkSettings>,
    pub(super) queue: mpsc::Receiver<Job>,
    /// Jobs that wait for a connection.
    pub(super) waiting: VecDeque<Job>,
    pub(super) shared: Arc<Shared>,
    /// The next pause between two attempts to connect.
    pub(super) backoff: Duration,
    /// How many commands go out in one write at the most. Where answers are long it is one, so that each
    /// is handed out as soon as it is there, and a late one can be told from a silent Redis.
    pub(super) most_in_batch: usize,
    /// 1 if it counts as a connection that serves clients, else 0.
    pub(super) counts: usize,
    /// Whether there was a connection before.
    pub(super) was_up: bool,
}

/// The server is stopping: nobody can send any more.
struct Stopped;

impl Link {
    pub(super) async fn run(mut self) {
        // It ends when nobody can send any more.
        let _: Result<(), Stopped> = self.supervise().await;
    }

    async fn supervise(&mut self) -> Result<(), Stopped> {
        let mut outage = Outage::Starting;
        loop {
            let line = self.connect(outage).await?;
            let connected = Instant::now();
            self.shared.up.fetch_add(self.counts, Ordering::Relaxed);
            if std::mem::replace(&mut self.was_up, true) {
                self.shared.totals.reconnects.fetch_add(1, Ordering::Relaxed);
            }
            self.tell_end();
            let served = self.serve(line).await;
            self.shared.up.fetch_sub(self.counts, Ordering::Relaxed);
            outage = served?;
            self.tell(&outage);
            match connected.elapsed() >= STEADY {
                true => self.backoff = FIRST_BACKOFF,
                // One that is taken and cut off at once must not be asked for without a pause.
                false => self.pause(&outage).await?,
            }
        }
    }

    /// Says that Redis cannot be reached, and why: once for all connections to it, and again when the
    /// cause is another.
    fn tell(&self, outage: &Outage) {
        let before = self.shared.outage.send_replace(Some(outage.clone()));
        if before.as_ref().map(Outage::error) != Some(outage.error()) {
            tracing::warn!(redis = %self.settings.whereabouts.shown(), "{}; trying on", outage.error());
        }
    }

    /// Says that Redis can be reached: once for all connections to it.
    fn tell_end(&self) {
        let before = self.shared.outage.send_replace(None);
        let redis = self.settings.whereabouts.shown();
        if before.is_none() {
            return tracing::debug!(redis = %redis, "one more connection to Redis");
        }
        let facts = self.shared.facts();
        let (version, role) = (facts.version.as_deref(), facts.role.as_deref());
        let (version, role) = (version.unwrap_or("unknown"), role.unwrap_or("unknown"));
        tracing::info!(redis = %redis, version, role, "connected to Redis");
    }

    async fn pause(&mut self, outage: &Outage) -> Result<(), Stopped> {
        let backoff = self.backoff;
        self.backoff = (backoff * 2).min(self.settings.reconnect_max);
        self.wait_for(sleep(backoff), outage).await
    }

    /// Tries until there is a connection. Answers meanwhile what can't wait.
    async fn connect(&mut self, mut outage: Outage) -> Result<Line, Stopped> {
        loop {
            let attempt = attempt(self.settings.clone(), self.shared.clone());
            let failed = match (self.wait_for(attempt, &outage).await?, &outage) {
                (Ok(line), _) => return Ok(line),
                // It took commands before and did not answer; it still does not.
                (Err(Outage::Silent), Outage::Silent) => Outage::Silent,
                (Err(Outage::Silent), _) => Outage::Down("no connection in time".into()),
                (Err(failed), _) => failed,
            };
            tracing::debug!(redis = %self.settings.whereabouts.shown(), "no connection: {}", failed.error());
            outage = failed;
            self.tell(&outage);
            self.pause(&outage).await?;
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
                self.waiting.drain(..).for_each(|mut job| job.answer(Err(outage.error())));
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
        let (now, limit) = (Instant::now(), self.settings.response_timeout);
        while self.waiting.pop_front_if(|job| job.expire(now, limit, &outage.error())).is_some() {}
    }

    /// Serves until the connection is lost or falls silent, or Redis is elsewhere.
    async fn serve(&mut self, line: Line) -> Result<Outage, Stopped> {
        let limit = self.settings.response_timeout;
        let mut sent = Sent::default();
        let mut answers: FuturesOrdered<BoxFuture<'static, RedisResult<Vec<Reply>>>> = FuturesOrdered::new();
        let mut jobs: Vec<Job> = Vec::new();
        // One timer for all: it rings when the oldest job may be due, and is then set anew.
        let mut alarm: std::pin::Pin<Box<Sleep>> = Box::pin(sleep(limit));
        let mut alarm_is_set = false;
        let mut left = std::pin::pin!(line.place.left());
        loop {
            // Asked before any job is sent: once Redis tells of changes elsewhere, nothing may be read here, for nobody
            // would be told when it changes.
            if line.place.is_left() {
                self.waiting.extend(jobs);
                return Ok(sent.fail(Outage::Moved));
            }
            if jobs.is_empty() && answers.len() < MOST_BATCHES {
                jobs.extend(self.waiting.drain(..self.waiting.len().min(self.most_in_batch)));
            }
            if !jobs.is_empty() {
                let now = Instant::now();
                jobs.retain_mut(|job| !job.expire(now, limit, &CacheError::Timeout) && job.is_waited_for());
            }
            if !jobs.is_empty() {
                let (pipeline, batch) = Batch::of(std::mem::take(&mut jobs));
                let mut connection = line.connection.clone();
                let count = pipeline.len();
                answers.push_back(Box::pin(async move {
                    connection.send_packed_commands(&pipeline, 0, count).await
                }));
                if !alarm_is_set {
                    let since = batch.since().unwrap_or(batch.sent);
                    alarm.as_mut().reset((since + limit).into());
                    alarm_is_set = true;
                }
                sent.push(batch);
            }
            if !self.waiting.is_empty() && answers.len() < MOST_BATCHES {
                // They have waited for the connection, and nothing that is waited for below tells of them.
                continue;
            }
            tokio::select! {
                biased;
                Some(answer) = answers.next(), if !answers.is_empty() => {
                    let Some(batch) = sent.pop() else { continue };
                    if let Some(cause) = self.distribute(batch, answer) {
                        return Ok(sent.fail(Outage::Down(cause)));
                    }
                }
                count = self.queue.recv_many(&mut jobs, self.most_in_batch), if answers.len() < MOST_BATCHES => {
                    if count == 0 {
                        return Err(Stopped);
                    }
                }
                () = line.lost.notified() => {
                    return Ok(sent.fail(Outage::Down("Redis closed the connection".into())));
                }
                () = &mut left => {}
                () = &mut alarm, if alarm_is_set => {
                    if sent.is_silent(limit) {
                        return Ok(sent.fail(Outage::Silent));
                    }
                    match sent.expire(limit) {
                        None => alarm_is_set = false,
                        Some(oldest) => alarm.as_mut().reset((oldest + limit).into()),
                    }
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
                self.shared.totals.batches.fetch_add(1, Ordering::Relaxed);
                self.shared.totals.commands.fetch_add(batch.jobs.len() as u64, Ordering::Relaxed);
                let mut answers = answers.into_iter();
                for mut job in batch.jobs {
                    // If it may not ask for what is on its way, that is the answer.
                    let refusal = match job.is_asking {
                        true => answers.next().filter(|answer| matches!(answer, Reply::ServerError(_))),
                        false => None,
                    };
                    let answer = answers.next().unwrap_or(Reply::Nil);
                    job.answer(Ok(refusal.unwrap_or(answer)));
                }
                None
            }
            Err(error) => {
                let cause: Arc<str> = error.to_string().into();
                batch.answer(&CacheError::Unavailable(cause.clone()));
                error.is_unrecoverable_error().then_some(cause)
            }
        }
    }
}

/// What was sent on a connection and is not answered yet.
struct Sent {
    batches: VecDeque<Batch>,
    /// When Redis answered last.
    heard: Instant,
}

impl Default for Sent {
    fn default() -> Self {
        Self { batches: VecDeque::new(), heard: Instant::now() }
    }
}

impl Sent {
    fn push(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// The batch that was answered now.
    fn pop(&mut self) -> Option<Batch> {
        self.heard = Instant::now();
        self.batches.pop_front()
    }

    /// Whether nothing was answered for so long, though something could have been.
    fn is_silent(&self, limit: Duration) -> bool {
        self.batches.front().is_some_and(|oldest| oldest.sent.max(self.heard).elapsed() >= limit)
    }

    /// Answers those who have waited for their whole time, on a connection that is at work on others.
    /// Says since when the one waits that is due next, or silence is.
    fn expire(&mut self, limit: Duration) -> Option<Instant> {
        let now = Instant::now();
        let jobs = self.batches.iter_mut().flat_map(|batch| &mut batch.jobs);
        jobs.for_each(|job| {
            job.expire(now, limit, &CacheError::Timeout);
        });
        let silent_since = self.batches.front().map(|oldest| oldest.sent.max(self.heard));
        self.batches.iter().filter_map(Batch::since).chain(silent_since).min()
    }

    /// Answers all that can't be answered any more.
    fn fail(self, outage: Outage) -> Outage {
        self.batches.into_iter().for_each(|batch| batch.answer(&outage.error()));
        outage
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
            if job.is_asking {
                pipeline.add_command(Control::Asking.to_redis());
            }
            pipeline.add_command(std::mem::take(&mut job.cmd));
        }
        (pipeline, Self { jobs, sent: Instant::now() })
    }

    /// Since when the one that waits longest does.
    fn since(&self) -> Option<Instant> {
        self.jobs.iter().filter(|job| job.is_waited_for()).map(|job| job.since).min()
    }

    fn answer(self, error: &CacheError) {
        self.jobs.into_iter().for_each(|mut job| job.answer(Err(error.clone())));
    }
}

async fn attempt(settings: Arc<LinkSettings>, shared: Arc<Shared>) -> Result<Line, Outage> {
    let lost = Arc::new(Notify::new());
    loop {
        let tell = lost.clone();
        let hear = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                tell.notify_one();
            }
        };
        // For a connection of commands it is one place.
        let found = settings.whereabouts.find(settings.connect_timeout).await?.pop();
        let place = found.ok_or(Outage::Starting)?;
        let is_replica = place.is_replica();
        match open(place, &settings, hear).await {
            Ok(Opened { connection, facts, place }) => {
                *shared.server.lock().unwrap_or_else(PoisonError::into_inner) = facts;
                return Ok(Line { connection, lost, place });
            }
            // It is not found again for a while, so this ends at the master.
            Err(Outage::Moved) if is_replica => {}
            Err(outage) => return Err(outage),
        }
    }
}
