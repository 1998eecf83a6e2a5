//! Which Redis is read of those that a sentinel tells of.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    time::Duration,
};

use redis::{RedisResult, Value as Reply, from_redis_value};
use tokio::time::Instant;

use super::Address;

/// How long a replica that could not be read is left alone before it is looked at again.
const PROBATION: Duration = Duration::from_secs(5);

/// What a Redis is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Replica,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica => "replica",
        }
    }
}

/// What a sentinel told last, and which of the replicas turned out to be worse than told.
#[derive(Debug, Default)]
pub(super) struct Choice {
    master: Option<Address>,
    /// Those that are in good order, as far as the sentinel knows.
    replicas: Vec<Address>,
    /// Those that could not be read, and since when.
    suspects: HashMap<String, Instant>,
    /// Another one in every process, so that they spread over the replicas.
    spread: RandomState,
}

impl Choice {
    /// Takes over what a sentinel tells.
    pub(super) fn learn(&mut self, master: Address, replicas: Vec<Address>) {
        // A sentinel has noticed what was wrong with those that it leaves out.
        self.suspects.retain(|at, _| replicas.iter().any(|replica| replica.host_and_port() == *at));
        (self.master, self.replicas) = (Some(master), replicas);
    }

    /// Which Redis to read, if this one is read now: the same replica while it is in good order, another one else, and the
    /// master where there is none. It does not depend on the order in which a sentinel tells of them.
    pub(super) fn made(&self, now: Option<(&Address, Role)>) -> Option<(Address, Role)> {
        let is_read = |at: &str| {
            now.is_some_and(|(address, role)| role == Role::Replica && address.host_and_port() == at)
        };
        let places = self.replicas.iter().map(|replica| (replica, replica.host_and_port()));
        let replica = places
            .filter(|(_, at)| !self.suspects.contains_key(at))
            .max_by_key(|(_, at)| (is_read(at), self.spread.hash_one(at)))
            .map(|(replica, _)| (replica, Role::Replica));
        let chosen = replica.or_else(|| self.master.as_ref().map(|master| (master, Role::Master)));
        chosen.map(|(address, role)| (address.clone(), role))
    }

    /// This replica could not be read. Says whether that is new.
    pub(super) fn doubt(&mut self, replica: &Address) -> bool {
        self.suspects.insert(replica.host_and_port(), Instant::now()).is_none()
    }

    /// A replica that could not be read, and may be looked at again by now.
    pub(super) fn due(&self) -> Option<Address> {
        let is_due = |at: &str| self.suspects.get(at).is_some_and(|since| since.elapsed() >= PROBATION);
        self.replicas.iter().find(|replica| is_due(&replica.host_and_port())).cloned()
    }

    /// This replica can be read after all.
    pub(super) fn trust(&mut self, replica: &Address) {
        self.suspects.remove(&replica.host_and_port());
    }
}

/// Where the replicas are that a sentinel calls good, out of its answer to `SENTINEL REPLICAS`.
pub(super) fn good_replicas(answer: Reply) -> RedisResult<Vec<(String, u16)>> {
    let replicas: Vec<HashMap<String, String>> = from_redis_value(answer)?;
    Ok(replicas.iter().filter_map(place_if_good).collect())
}

fn place_if_good(replica: &HashMap<String, String>) -> Option<(String, u16)> {
    let fact = |name: &str| replica.get(name).map_or("", String::as_str);
    // Any other flag tells of something that is wrong or under way.
    let has_good_flags = fact("flags").split(',').all(|flag| matches!(flag, "slave" | "reconf_done"));
    let is_good = has_good_flags && fact("role-reported") == "slave" && fact("master-link-status") == "ok";
    let port = fact("port").parse().ok()?;
    is_good.then(|| (fact("ip").to_owned(), port))
}

/// What is wrong with a replica that answers `ROLE` so; None if it has all that its master passes on.
pub(super) fn fault_of_replica(answer: RedisResult<Reply>) -> RedisResult<Option<String>> {
    let answer = match answer.and_then(Reply::extract_error) {
        Ok(answer) => answer,
        Err(error) if error.code() == Some("NOPERM") => {
            return Ok(Some(format!(
                "whether it is in step cannot be asked: its user needs +role ({error})"
            )));
        }
        Err(error) if error.code().is_some() => return Ok(Some(error.to_string())),
        Err(error) => return Err(error),
    };
    // `slave`, the master's host and port, how the link to it is, and an offset.
    let mut facts = from_redis_value::<Vec<Reply>>(answer)?.into_iter();
    let mut text = |index| facts.nth(index).and_then(|fact| from_redis_value::<String>(fact).ok());
    Ok(match (text(0).as_deref(), text(2).as_deref()) {
        (Some("slave"), Some("connected")) => None,
        (Some("slave"), link) => {
            Some(format!("it is not in step with its master ({})", link.unwrap_or("unknown")))
        }
        (role, _) => Some(format!("it says that it is a {}", role.unwrap_or("stranger"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Address {
        Address::parse(&format!("redis://10.0.0.1:{port}"), None, None).unwrap()
    }

    fn told(replicas: &[u16]) -> Choice {
        let mut choice = Choice::default();
        choice.learn(at(1), replicas.iter().map(|port| at(*port)).collect());
        choice
    }

    fn port(made: Option<(Address, Role)>) -> (String, Role) {
        let (address, role) = made.unwrap();
        (address.host_and_port(), role)
    }

    #[test]
    fn a_replica_is_kept_while_it_is_good_and_the_order_does_not_matter() {
        let mut choice = told(&[2, 3, 4]);
        let (first, role) = choice.made(None).unwrap();
        assert_eq!(role, Role::Replica);
        choice.learn(at(1), vec![at(4), at(3), at(2)]);
        assert_eq!(port(choice.made(None)), (first.host_and_port(), role));
        for kept in [at(2), at(3), at(4)] {
            let made = choice.made(Some((&kept, Role::Replica)));
            assert_eq!(port(made), (kept.host_and_port(), Role::Replica));
        }
    }

    #[test]
    fn the_master_is_read_where_no_replica_is_good() {
        let mut choice = told(&[2]);
        choice.doubt(&at(2));
        assert_eq!(port(choice.made(Some((&at(2), Role::Replica)))), ("10.0.0.1:1".to_owned(), Role::Master));
        choice.trust(&at(2));
        assert_eq!(port(choice.made(Some((&at(1), Role::Master)))), ("10.0.0.1:2".to_owned(), Role::Replica));
        choice.doubt(&at(2));
        choice.learn(at(1), vec![]);
        assert_eq!(port(choice.made(None)), ("10.0.0.1:1".to_owned(), Role::Master));
        // The sentinel has noticed, and takes it for good again.
        choice.learn(at(1), vec![at(2)]);
        assert_eq!(port(choice.made(None)), ("10.0.0.1:2".to_owned(), Role::Replica));
        assert!(told(&[]).due().is_none() && Choice::default().made(None).is_none());
    }

    #[test]
    fn processes_spread_over_the_replicas() {
        let chosen: std::collections::HashSet<String> =
            (0..200).map(|_| port(told(&[2, 3]).made(None)).0).collect();
        assert_eq!(chosen.len(), 2);
    }

    #[test]
    fn what_is_no_good_replica_is_told_apart() {
        let facts = |flags: &str, role: &str, link: &str| {
            let all = [
                ("ip", "10.0.0.2"),
                ("port", "6379"),
                ("flags", flags),
                ("role-reported", role),
                ("master-link-status", link),
            ];
            place_if_good(&all.map(|(name, fact)| (name.to_owned(), fact.to_owned())).into())
        };
        assert_eq!(facts("slave", "slave", "ok"), Some(("10.0.0.2".to_owned(), 6379)));
        assert!(facts("slave,reconf_done", "slave", "ok").is_some());
        for (flags, role, link) in [
            ("s_down,slave", "slave", "ok"),
            ("slave,disconnected", "slave", "ok"),
            ("slave,promoted", "slave", "ok"),
            ("slave,reconf_inprog", "slave", "ok"),
            ("slave", "master", "ok"),
            ("slave", "slave", "err"),
            ("", "slave", "ok"),
        ] {
            assert_eq!(facts(flags, role, link), None, "{flags} {role} {link}");
        }
    }

    #[test]
    fn a_replica_says_itself_whether_it_is_in_step() {
        let text = |text: &str| Reply::BulkString(text.into());
        let replica = |link| {
            let all = vec![text("slave"), text("10.0.0.1"), Reply::Int(6379), text(link), Reply::Int(9)];
            fault_of_replica(Ok(Reply::Array(all))).unwrap()
        };
        assert_eq!(replica("connected"), None);
        assert_eq!(replica("sync").unwrap(), "it is not in step with its master (sync)");
        let master = Reply::Array(vec![text("master"), Reply::Int(0), Reply::Array(vec![])]);
        assert_eq!(fault_of_replica(Ok(master)).unwrap().unwrap(), "it says that it is a master");
    }
}
