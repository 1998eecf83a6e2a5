//! Reads of much, shared: those who ask for the same while it is being read wait for the next read of
//! it, and that one serves them all. Each gets what was read after it asked, and however many ask, each
//! thing is read by one at a time.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use serde_json::Value;

use crate::{
    access::Users,
    cache::{Plan, Trace},
    operation::Outcome,
};

/// A read that several may wait for. It goes on for as long as one of them does.
pub(super) type Flight = Shared<BoxFuture<'static, Arc<Outcome>>>;

/// How many different reads are shared at the most; further ones are read for each alone.
const MOST_SHARED: usize = 1024;

/// The shared reads of one worker, under way or waiting for their turn.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Subject, Latest>>);

/// What is read.
#[derive(PartialEq, Eq, Hash)]
struct Subject {
    /// A reload may have given the operation another one.
    plan: ByAddress,
    params: Value,
    users: Option<Users>,
}

/// A plan, the same only as itself.
struct ByAddress(Arc<Plan>);

impl PartialEq for ByAddress {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ByAddress {}

impl Hash for ByAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// The last read of its subject that was asked for.
struct Latest {
    flight: WeakShared<BoxFuture<'static, Arc<Outcome>>>,
    trace: Arc<Trace>,
}

impl Flights {
    /// Joins the next read of a subject; `read` makes it, if nobody has asked for it yet. `wants` says whether to know
    /// its course, which comes with it then.
    pub(super) fn join(
        &self,
        plan: &Arc<Plan>,
        params: &Value,
        users: Option<Users>,
        wants: bool,
        read: impl FnOnce(Arc<Trace>) -> BoxFuture<'static, Outcome>,
    ) -> (Flight, Option<Arc<Trace>>) {
        let subject = Subject { plan: ByAddress(plan.clone()), params: params.clone(), users };
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = flights.get(&subject).and_then(|latest| Some((latest, latest.flight.upgrade()?)));
        let before = match latest {
            Some((Latest { trace, .. }, flight)) if !trace.has_begun() => {
                trace.ask(wants);
                return (flight, wants.then(|| trace.clone()));
            }
            Some((_, flight)) => Some(flight),
            None => None,
        };
        let trace = Arc::new(Trace::default());
        trace.ask(wants);
        let flight = fly(before, read(trace.clone()), trace.clone());
        let wanted = wants.then(|| trace.clone());
        if flights.len() >= MOST_SHARED {
            flights.retain(|_, latest| latest.flight.upgrade().is_some());
        }
        if let Some(weak) = flight.downgrade().filter(|_| flights.len() < MOST_SHARED) {
            flights.insert(subject, Latest { flight: weak, trace });
        }
        (flight, wanted)
    }
}

/// A read that begins when the one before it has ended.
fn fly(before: Option<Flight>, read: BoxFuture<'static, Outcome>, trace: Arc<Trace>) -> Flight {
    let flight = async move {
        if let Some(before) = before {
            before.await;
        }
        trace.begin();
        Arc::new(read.await)
    };
    flight.boxed().shared()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{protocol::Remarks, registry::Registry};

    /// Reads that end when they are let, and tell which they were.
    struct Reads {
        flights: Flights,
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
                let_end: Arc::new(Semaphore::new(0)),
                begun: Arc::default(),
            }
        }

        fn ask(&self, symbol: &str) -> Flight {
            let read = |_| -> BoxFuture<'static, Outcome> {
                let (let_end, begun) = (self.let_end.clone(), self.begun.clone());
                Box::pin(async move {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    let_end.acquire().await.unwrap().forget();
                    Ok((number.to_string(), Remarks::default()))
                })
            };
            self.flights.join(&self.plan, &json!({ "symbol": symbol }), None, false, read).0
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

    #[tokio::test]
    async fn a_read_that_all_have_left_is_given_up() {
        let reads = Reads::new();
        let mut left = reads.ask("a");
        assert!((&mut left).now_or_never().is_none());
        drop(left);
        reads.let_end.add_permits(1);
        assert_eq!(number(reads.ask("a")).await, "1");
    }
}
