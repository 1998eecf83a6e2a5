//! How much of the server each address and each login has.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use super::Audit;
use crate::protocol::{Error, ErrorCode, Result};

/// How many requests may come in a second, and in a moment.
pub(crate) struct Rate {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Rate {
    pub(crate) fn new(a_second: u32) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(a_second).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::direct(quota), clock: DefaultClock::default() }
    }

    /// Takes note of one more; an error if it is one too many.
    pub(crate) fn charge(&self) -> Result<()> {
        self.limiter.check().map_err(|until| {
            let wait = until.wait_time_from(self.clock.now()).max(Duration::from_millis(1));
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            Error::new(ErrorCode::RateLimited, "too many requests").retry_after_ms(milliseconds)
        })
    }
}

/// One who logs in, on however many connections.
pub(crate) struct Principal {
    connections: AtomicUsize,
    streams: AtomicUsize,
    /// Reads that are under way.
    pub(crate) reads: AtomicUsize,
    /// What it was refused.
    pub(crate) audit: Audit,
    /// None for one who has no name, and so no other connections.
    rate: Option<ArcSwap<Rate>>,
}

impl Principal {
    fn new(rate: Option<Rate>) -> Arc<Self> {
        Arc::new(Self {
            connections: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            audit: Audit::default(),
            rate: rate.map(ArcSwap::from_pointee),
        })
    }

    pub(crate) fn charge(&self) -> Result<()> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.load().charge())
    }
}

/// One of so many that something may have. It is given back when this is dropped.
pub(crate) struct Place {
    of: Arc<Principal>,
    what: fn(&Principal) -> &AtomicUsize,
}

impl Place {
    fn take(of: &Arc<Principal>, what: fn(&Principal) -> &AtomicUsize, most: usize) -> Option<Self> {
        let place = Self { of: of.clone(), what };
        (what(of).fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }

    /// A stream of one who logged in.
    pub(crate) fn of_stream(of: &Arc<Principal>, most: usize) -> Result<Self> {
        Self::take(of, |principal| &principal.streams, most).ok_or_else(|| {
            let message =
                format!("this login has {most} streams on all its connections, more it may not have");
            Error::new(ErrorCode::LimitExceeded, message)
        })
    }

    pub(crate) fn principal(&self) -> &Arc<Principal> {
        &self.of
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.what)(&self.of).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place of one who has no name.
pub(crate) fn nameless() -> Place {
    let of = Principal::new(None);
    of.connections.fetch_add(1, Ordering::Relaxed);
    Place { of, what: |principal| &principal.connections }
}

/// Who has how much.
#[derive(Default)]
pub(crate) struct Shares {
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    principals: Mutex<Principals>,
    /// How many have reads under way.
    pub(crate) busy: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Principals {
    by_name: HashMap<String, Weak<Principal>>,
    /// How many there may be before it is looked which are nobody's any more.
    sweep_at: usize,
}

/// A connection of an address. It is given back when this is dropped.
pub(crate) struct AddressPlace {
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut addresses = locked(&self.addresses);
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts as one address: who has an IPv6 address has all that begin alike.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

impl Shares {
    /// A place for one more connection of an address; None if it has as many as it may.
    pub(crate) fn connection_of(&self, address: IpAddr, most: usize) -> Option<AddressPlace> {
        let address = network(address);
        let mut addresses = locked(&self.addresses);
        let count = addresses.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(AddressPlace { addresses: self.addresses.clone(), address })
    }

    /// A place for one more connection of a login; None if it has as many as it may.
    pub(crate) fn connection_of_login(&self, name: &str, most: usize, a_second: u32) -> Option<Place> {
        /// How many names there are before it is looked which are nobody's any more.
        const FEW: usize = 1024;
        let mut principals = locked(&self.principals);
        let Principals { by_name, sweep_at } = &mut *principals;
        if by_name.len() >= FEW.max(*sweep_at) {
            by_name.retain(|_, principal| principal.strong_count() > 0);
            *sweep_at = by_name.len() * 2;
        }
        let known = by_name.get(name).and_then(Weak::upgrade);
        let principal = known.unwrap_or_else(|| {
            let principal = Principal::new(Some(Rate::new(a_second)));
            by_name.insert(name.to_owned(), Arc::downgrade(&principal));
            principal
        });
        Place::take(&principal, |principal| &principal.connections, most)
    }

    /// Logs what was refused and not logged yet.
    pub(crate) fn tell_refusals(&self) {
        let principals = locked(&self.principals);
        principals.by_name.values().filter_map(Weak::upgrade).for_each(|principal| principal.audit.tell());
    }

    /// Takes over a reload.
    pub(crate) fn adopt(&self, a_second: u32) {
        let principals = locked(&self.principals);
        let known = principals.by_name.values().filter_map(Weak::upgrade);
        for principal in known {
            if let Some(rate) = &principal.rate {
                rate.store(Arc::new(Rate::new(a_second)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_gives_them_back() {
        let shares = Shares::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = shares.connection_of(address("2001:db8::1"), 2).unwrap();
        let other = shares.connection_of(address("2001:db8::2"), 2).unwrap();
        assert!(shares.connection_of(address("2001:db8::3"), 2).is_none(), "it is one network");
        shares.connection_of(address("2001:db8:0:1::3"), 2).unwrap();
        drop(one);
        let again = shares.connection_of(address("2001:db8::3"), 2).unwrap();
        drop((other, again));
        assert!(locked(&shares.addresses).is_empty());
    }

    #[test]
    fn names_that_are_nobodys_are_forgotten() {
        let shares = Shares::default();
        let kept = shares.connection_of_login("kept", 1, 1).unwrap();
        for number in 0..5000 {
            shares.connection_of_login(&number.to_string(), 1, 1).unwrap();
        }
        assert!(locked(&shares.principals).by_name.len() <= 1025);
        assert!(shares.connection_of_login("kept", 1, 1).is_none());
        drop(kept);
        shares.connection_of_login("kept", 1, 1).unwrap();
    }
}
