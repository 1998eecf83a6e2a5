//! Reads, shared: those who ask for the same while it is being read wait for the next read of it, and that one serves
//! them all. It begins after each of them asked, and however many ask, each thing is read by one at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use hashbrown::HashTable;
use serde_json::Value;

use super::{
    shared::{Shared, Weak},
    subject::{Key, Subject},
};
use crate::{cache::Trace, operation::Outcome};

/// A read that several may wait for. It goes on for as long as one of them does.
pub(super) type Flight = Shared<Arc<Outcome>, Ask>;
type WeakFlight = Weak<Arc<Outcome>, Ask>;

/// What is asked for by a read.
pub(super) struct Ask {
    key: Key,
    /// What the words say.
    pub(super) params: Arc<Value>,
    pub(super) trace: Arc<Trace>,
}

impl Ask {
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// One more asks for it, unless it is something else or the read has begun. `wants` says whether to know its course.
    pub(super) fn join(&self, subject: Subject<'_>, wants: bool) -> bool {
        self.key.is(subject) && self.trace.join(wants)
    }
}

/// How many different reads are shared at the most; further ones are read for each connection alone.
const MOST_SHARED: usize = 1024;
/// How many reads there may be before it is looked which of them nobody waits for any more.
const FEW: usize = 64;
/// How many bytes the params of a read may have that connections share, for they are remembered for a while after it.
const MOST_BYTES: usize = 4 << 10;

/// The shared reads of one worker: under way, waiting for their turn, or ended a while ago.
#[derive(Default)]
pub(super) struct Flights {
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    latest: HashTable<Latest>,
    /// How many there may be before those are swept off that nobody waits for.
    sweep_at: usize,
    /// For how many there was no room, one after another.
    refused: usize,
}

/// The last read of its subject that was asked for.
struct Latest {
    flight: WeakFlight,
    /// The one that it waits for. It may go on when nobody waits for the last one any more.
    before: Option<WeakFlight>,
}

impl Latest {
    fn key(&self) -> &Key {
        &self.flight.about().key
    }

    /// The read, for one more, unless it has begun.
    fn join(&self, wants: bool) -> Option<Flight> {
        self.flight.upgrade().filter(|flight| flight.about().trace.join(wants))
    }

    /// The read that the next one has to wait for.
    fn under_way(&self) -> Option<Flight> {
        self.flight.upgrade().or_else(|| self.before.as_ref()?.upgrade())
    }
}

impl Flights {
    /// Joins the next read of a subject, if somebody has asked for it. `wants` says whether to know its course.
    pub(super) fn join(&self, subject: Subject<'_>, wants: bool) -> Option<Flight> {
        self.board().find(subject)?.join(wants)
    }

    /// Joins the next read of a subject, which is this one, unless somebody has asked for it meanwhile. It begins when
    /// the one before it has ended, and is told whether there was one.
    pub(super) fn join_or_begin<Read: Future<Output = Outcome> + Send>(
        &self,
        key: Key,
        params: Arc<Value>,
        wants: bool,
        read: impl FnOnce(Arc<Trace>, bool) -> Read + Send + 'static,
    ) -> Flight {
        let mut board = self.board();
        let latest = board.find(key.subject());
        if let Some(flight) = latest.and_then(|latest| latest.join(wants)) {
            return flight;
        }
        let before = latest.and_then(Latest::under_way);
        let weak_before = before.as_ref().and_then(Shared::downgrade);
        let trace = Arc::new(Trace::default());
        trace.join(wants);
        let is_short = key.len() <= MOST_BYTES;
        let flight = fly(before, Ask { key, params, trace }, read);
        if let Some(flight) = flight.downgrade().filter(|_| is_short) {
            board.put(Latest { flight, before: weak_before });
        }
        flight
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn find(&self, subject: Subject<'_>) -> Option<&Latest> {
        self.latest.find(subject.hash(), |latest| latest.key().is(subject))
    }

    /// Puts it in the place of the one before, or wherever there is room.
    fn put(&mut self, latest: Latest) {
        let subject = latest.key().subject();
        if let Some(before) = self.latest.find_mut(subject.hash(), |before| before.key().is(subject)) {
            *before = latest;
        } else if self.has_room() {
            self.latest.insert_unique(latest.key().hash(), latest, |latest| latest.key().hash());
        }
    }

    /// Whether there is room for one more subject.
    fn has_room(&mut self) -> bool {
        // To sweep a board on which all are waited for, for each of many more, would be to do little else.
        if self.latest.len() >= self.sweep_at.max(FEW) && self.refused.is_multiple_of(FEW) {
            self.latest.retain(|latest| latest.under_way().is_some());
            self.sweep_at = (self.latest.len() * 2).min(MOST_SHARED);
        }
        let has_room = self.latest.len() < MOST_SHARED;
        self.refused = if has_room { 0 } else { self.refused + 1 };
        has_room
    }
}

/// A read that begins when the one before it has ended.
fn fly<Read: Future<Output = Outcome> + Send>(
    before: Option<Flight>,
    ask: Ask,
    read: impl FnOnce(Arc<Trace>, bool) -> Read + Send + 'static,
) -> Flight {
    let trace = ask.trace.clone();
    let flight = async move {
        let comes_after = before.is_some();
        if let Some(before) = before {
            before.await;
        }
        trace.begin();
        Arc::new(read(trace, comes_after).await)
    };
    Shared::new(flight.boxed(), ask)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hashbrown::DefaultHashBuilder;
    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{access::Users, cache::Plan, protocol::Remarks, registry::Registry};

    /// Reads that end when they are let, and tell which they were.
    struct Reads {
        flights: Flights,
        hasher: DefaultHashBuilder,
        plan: Arc<Plan>,
        let_end: Arc<Semaphore>,
        begun: Arc<AtomicUsize>,
    }

    impl Reads {
        fn new() -> Self {
            let plan = Registry::built_in().unwrap().get("get_ticker").unwrap().plan.clone();
            Self {
                plan,
                flights: Flights::default(),
                hasher: DefaultHashBuilder::default(),
                let_end: Arc::new(Semaphore::new(0)),
                begun: Arc::default(),
            }
        }

        fn ask(&self, symbol: &str) -> Flight {
            self.ask_for(symbol, None)
        }

        fn ask_for(&self, symbol: &str, users: Option<Users>) -> Flight {
            let (let_end, begun) = (self.let_end.clone(), self.begun.clone());
            let read = |_, _| async move {
                let number = begun.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                let_end.acquire().await.unwrap().forget();
                Ok((number.to_string(), Remarks::default()))
            };
            let params = Arc::new(json!({ "symbol": symbol }));
            let key = Subject::new(&self.hasher, &self.plan, symbol, users.as_ref()).to_key();
            self.flights.join_or_begin(key, params, false, read)
        }

        /// How many are remembered.
        fn len(&self) -> usize {
            self.flights.board.lock().unwrap().latest.len()
        }
    }

    async fn number(flight: Flight) -> String {
        flight.await.as_ref().as_ref().unwrap().0.clone()
    }

    #[tokio::test]
    async fn who_asks_during_a_read_shares_the_next_one() {
        let reads = Reads::new();
        let mut first = reads.ask("a");
        assert!((&mut first).now_or_never().is_none());
        let (mut second, mut third, other) = (reads.ask("a"), reads.ask("a"), reads.ask("b"));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert_eq!(reads.begun.load(Ordering::Relaxed), 1, "one subject is read by one at a time");
        reads.let_end.add_permits(3);
        assert_eq!(number(first).await, "0");
        assert_eq!((number(second).await.as_str(), number(third).await.as_str()), ("1", "1"));
        assert_eq!(number(other).await, "2");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_waits_for_ever() {
        let reads = Arc::new(Reads::new());
        reads.let_end.add_permits(Semaphore::MAX_PERMITS);
        let asking = (0..4).map(|_| {
            let reads = reads.clone();
            tokio::spawn(async move {
                for _ in 0..20_000 {
                    let mut leaves = reads.ask("a");
                    let _ = (&mut leaves).now_or_never();
                    let (one, other) = (reads.ask("a"), reads.ask("a"));
                    tokio::task::yield_now().await;
                    drop(leaves);
                    let (one, other) = tokio::join!(one, other);
                    assert!(one.is_ok() && other.is_ok());
                }
            })
        });
        let all = futures_util::future::join_all(asking);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), all).await.unwrap();
        assert!(ended.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn a_read_that_all_have_left_is_given_up() {
        let reads = Reads::new();
        let mut left = reads.ask("a");
        assert!((&mut left).now_or_never().is_none());
        drop(left);
        reads.let_end.add_permits(1);
        assert_eq!(number(reads.ask("a")).await, "1");
    }

    #[tokio::test]
    async fn a_read_is_waited_for_even_if_the_next_one_was_given_up() {
        let reads = Reads::new();
        let mut first = reads.ask("a");
        assert!((&mut first).now_or_never().is_none());
        drop(reads.ask("a"));
        let mut third = reads.ask("a");
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(reads.begun.load(Ordering::Relaxed), 1);
        reads.let_end.add_permits(2);
        assert_eq!((number(first).await.as_str(), number(third).await.as_str()), ("0", "1"));
    }

    #[tokio::test]
    async fn nobody_joins_a_read_of_what_others_may_see() {
        let reads = Reads::new();
        let users = |id: &str| Some(Users::new(false, [id.to_owned()]));
        let flights = [None, users("1"), users("2"), Some(Users::All), users("1")];
        let flights = flights.map(|users| reads.ask_for("a", users));
        reads.let_end.add_permits(flights.len());
        let read = futures_util::future::join_all(flights.map(number)).await;
        assert_eq!(read, ["0", "1", "2", "3", "1"]);
    }

    #[tokio::test]
    async fn what_is_remembered_of_reads_is_bounded() {
        let reads = Reads::new();
        for number in 0..10 * FEW {
            drop(reads.ask(&number.to_string()));
        }
        assert!(reads.len() <= FEW, "{}", reads.len());
        let many: Vec<_> = (0..2 * MOST_SHARED).map(|number| reads.ask(&number.to_string())).collect();
        assert_eq!(reads.len(), MOST_SHARED);
        reads.let_end.add_permits(many.len());
        let ended = futures_util::future::join_all(many).await;
        assert_eq!(ended.len(), 2 * MOST_SHARED, "those that are not shared are read as well");

        // It is not looked each time whether there is room.
        (0..FEW).for_each(|number| drop(reads.ask(&number.to_string())));
        let begun = reads.begun.load(Ordering::Relaxed);
        let (one, other) = (reads.ask("new"), reads.ask("new"));
        reads.let_end.add_permits(2);
        assert_eq!(number(one).await, number(other).await);
        assert_eq!(
            reads.begun.load(Ordering::Relaxed),
            begun + 1,
            "when they have ended there is room again"
        );
    }
}
