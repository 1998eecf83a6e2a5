//! What is logged of a connection, once, when it has ended.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How many are logged one by one in a while; of whoever connects again and again it is said how often.
const MOST: usize = 16;
/// How long that while is.
const WHILE: Duration = Duration::from_secs(1);

/// A connection that has ended.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) who: String,
    pub(super) from: String,
    pub(super) lasted: Duration,
    /// How many requests it made, and how many messages of streams it was sent.
    pub(super) requests: u64,
    pub(super) updates: u64,
    /// Bytes of WebSocket frames.
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// The code that the server closed it with.
    pub(super) code: Option<u16>,
    pub(super) why: &'static str,
}

/// Logs how connections end: some one by one, of the others how many there were.
#[derive(Debug, Default)]
pub(crate) struct Farewells(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    /// When the while began, and how many were logged in it.
    since: Option<Instant>,
    count: usize,
    /// How many were not.
    others: u64,
}

impl Farewells {
    /// Logs that a connection has ended, now or together with others.
    pub(super) fn say(&self, farewell: &Farewell) {
        let mut told = lock(&self.0);
        let now = Instant::now();
        let passed = told.since.map_or(WHILE, |since| now.duration_since(since));
        if passed >= WHILE {
            told.say_others();
            (told.since, told.count) = (Some(now), 0);
        }
        if told.count < MOST {
            told.count += 1;
            drop(told);
            return farewell.log();
        }
        told.others += 1;
        if told.others == 1 {
            let later = self.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(WHILE.saturating_sub(passed)).await;
                lock(&later).say_others();
            });
        }
    }

    /// Logs what was not logged yet.
    pub(super) fn say_others(&self) {
        lock(&self.0).say_others();
    }
}

impl Told {
    fn say_others(&mut self) {
        match std::mem::take(&mut self.others) {
            0 => {}
            clients => tracing::info!(clients, "more clients are gone"),
        }
    }
}

impl Farewell {
    fn log(&self) {
        let Self { who, from, lasted, requests, updates, bytes_in, bytes_out, code, why } = self;
        let seconds = (lasted.as_secs_f64() * 1000.0).round() / 1000.0;
        tracing::info!(
            who,
            from,
            seconds,
            requests,
            updates,
            bytes_in,
            bytes_out,
            code,
            "a client is gone: {why}"
        );
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
