//! What the Redis user may do: everything that the operations need, and nothing that writes.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use redis::Value as Reply;

use super::{
    CacheError, Control, Glob, Key, Pattern, Read, Verb,
    link::{Links, Pool},
    view::SCAN_STEP,
};

/// One thing that an operation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The operation.
    pub operation: String,
    /// The command that it sends.
    pub verb: Verb,
    /// The keys that it sends it for.
    pub pattern: Pattern,
}

/// What was found out.
#[derive(Debug, Clone)]
pub struct Rights {
    /// The Redis user.
    pub user: String,
    /// What the operations need and the user may not.
    pub denied: Vec<(Probe, Denied)>,
    /// Whether the user may write.
    pub writing: Writing,
    /// What Redis is made of, by which the user needs more.
    pub setup: Setup,
    /// Whether the user may all that this takes besides: read what is on its way from one node of a cluster to another,
    /// or see whether a replica is in step.
    pub may_ask: bool,
}

/// What Redis is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// One Redis, or the master that sentinels name.
    One,
    /// The master that sentinels name, and its replicas.
    Replicas,
    /// The masters of a cluster.
    Cluster,
}

impl Setup {
    /// What the user needs besides, as it stands in an ACL.
    fn rights(self) -> &'static str {
        match self {
            Self::One => "",
            Self::Replicas => " +role",
            Self::Cluster => " +cluster|nodes +asking",
        }
    }

    /// What the user needs besides and can do without, for a while.
    fn question(self) -> Option<&'static str> {
        match self {
            Self::One => None,
            Self::Replicas => Some("ROLE"),
            Self::Cluster => Some("ASKING"),
        }
    }
}

/// What exactly is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The command itself.
    Command,
    /// The command on such keys.
    Keys,
}

/// Whether the Redis user may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writing {
    /// It may not, as it should be.
    Denied,
    /// It may: these commands were tried on paper (`ACL DRYRUN`) and would be carried out.
    Allowed(Vec<String>),
    /// Redis does not say, for this reason.
    Unknown(String),
}

impl Writing {
    /// That on two Redises.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Denied, other) => other,
            (Self::Allowed(some), Self::Allowed(more)) => {
                let more: Vec<String> = more.into_iter().filter(|name| !some.contains(name)).collect();
                Self::Allowed([some, more].concat())
            }
            (Self::Unknown(_), allowed @ Self::Allowed(_)) => allowed,
            (known, _) => known,
        }
    }
}

/// What stands in every slot of a probed key. Reading harms nothing, whatever is there.
const PROBE: &str = "probe";

/// Commands that write to a key, for `ACL DRYRUN`: asked about, never sent. `%` is the key.
const KEY_WRITES: [&[&str]; 12] = [
    &["SET", "%", "x"],
    &["APPEND", "%", "x"],
    &["HSET", "%", "x", "x"],
    &["HDEL", "%", "x"],
    &["RPUSH", "%", "x"],
    &["LPUSH", "%", "x"],
    &["LPOP", "%"],
    &["LTRIM", "%", "0", "0"],
    &["DEL", "%"],
    &["UNLINK", "%"],
    &["EXPIRE", "%", "1"],
    &["RENAME", "%", "%"],
];
/// Commands that change a Redis otherwise.
const OTHER_WRITES: [&[&str]; 5] = [
    &["FLUSHALL"],
    &["EVAL", "return 1", "0"],
    &["CONFIG", "SET", "maxmemory", "0"],
    &["SHUTDOWN"],
    &["PUBLISH", PROBE, "x"],
];

pub(super) async fn examine(links: &Links, probes: &[Probe]) -> Result<Rights, CacheError> {
    let user = links.user().to_owned();
    let setup = links.setup();
    let mut all = Rights { user, setup, denied: Vec::new(), writing: Writing::Denied, may_ask: true };
    // Each Redis has users of its own.
    for redis in links.parts().await? {
        let at_once = links.may_wait();
        for denied in denied(&redis, probes, at_once).await? {
            if !all.denied.contains(&denied) {
                all.denied.push(denied);
            }
        }
        all.writing = all.writing.and(writing(&redis, &all.user, probes, at_once).await?);
        if let Some(question) = setup.question() {
            let asking = Control::AclDryRun { user: all.user.clone(), command: vec![question.to_owned()] };
            // Where Redis does not say, that has been said already.
            all.may_ask &= matches!(redis.control(asking).await, Ok(Reply::Okay) | Err(_));
        }
    }
    Ok(all)
}

async fn denied(redis: &Pool, probes: &[Probe], at_once: usize) -> Result<Vec<(Probe, Denied)>, CacheError> {
    let reads: Vec<_> = probes.iter().filter_map(|probe| Some((probe, read_for(probe)?))).collect();
    // Each is sent when it has its turn, not when it is gathered.
    let answers = together(at_once, reads.iter().map(|(_, read)| async move { redis.read(read).await }));
    let mut denied = Vec::new();
    for ((probe, _), answer) in reads.iter().zip(answers.await) {
        match answer {
            Ok(_) | Err(CacheError::WrongType) => {}
            Err(CacheError::Unavailable(cause)) if cause.starts_with("NOPERM") => {
                let what = if cause.contains(" key") { Denied::Keys } else { Denied::Command };
                denied.push(((*probe).clone(), what));
            }
            // Another node has such a key; that is said to those alone who may read it.
            Err(CacheError::Unavailable(cause)) if is_elsewhere(&cause) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(denied)
}

fn is_elsewhere(cause: &str) -> bool {
    ["MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN "].iter().any(|code| cause.starts_with(code))
}

async fn writing(redis: &Pool, user: &str, probes: &[Probe], at_once: usize) -> Result<Writing, CacheError> {
    let keys: BTreeSet<Key> = probes.iter().filter_map(|probe| probe_key(&probe.pattern)).collect();
    let keys = keys.iter().map(Key::as_str).chain([PROBE]);
    let to_keys = keys.flat_map(|key| KEY_WRITES.iter().map(move |command| (key, *command)));
    let commands: Vec<(&str, &[&str])> = to_keys.chain(OTHER_WRITES.map(|command| ("", command))).collect();
    let asked = commands.iter().map(|(key, command)| {
        let words = command.iter().map(|word| if *word == "%" { key } else { word });
        let command = words.map(|word| (*word).to_owned()).collect();
        redis.control(Control::AclDryRun { user: user.to_owned(), command })
    });
    let answers = together(at_once, asked);
    let mut allowed: Vec<String> = Vec::new();
    for ((_, command), answer) in commands.iter().zip(answers.await) {
        match answer {
            Ok(Reply::Okay) if allowed.iter().any(|name| name == command[0]) => {}
            Ok(Reply::Okay) => allowed.push(command[0].to_owned()),
            Ok(_) => {}
            Err(CacheError::Unavailable(cause))
                if cause.starts_with("NOPERM") || cause.starts_with("ERR") =>
            {
                return Ok(Writing::Unknown(format!("`ACL DRYRUN` is refused: {cause}")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(if allowed.is_empty() { Writing::Denied } else { Writing::Allowed(allowed) })
}

/// Asks many things, as many in one write as may wait for a connection.
async fn together<F>(at_once: usize, asked: impl Iterator<Item = F>) -> Vec<F::Output>
where
    F: Future,
{
    // Gathered first: a future that borrows from an iterator's item fits no lifetime.
    let asked: Vec<F> = asked.collect();
    stream::iter(asked).buffered(at_once).collect().await
}

fn probe_key(pattern: &Pattern) -> Option<Key> {
    pattern.fill(|_| Some(PROBE.into())).ok()
}

fn probe_glob(pattern: &Pattern) -> Option<Glob> {
    pattern.glob(|_| None).ok()
}

fn read_for(probe: &Probe) -> Option<Read> {
    let key = probe_key(&probe.pattern)?;
    Some(match probe.verb {
        Verb::Get => Read::Get(key),
        Verb::HGet => Read::HGet(key, PROBE.to_owned()),
        Verb::HMGet => Read::HMGet(key, vec![PROBE.to_owned()]),
        Verb::HScan => Read::HScan { key, cursor: 0, count: 1 },
        Verb::HLen => Read::HLen(key),
        Verb::LRange => Read::LRange(key, 0, 0),
        Verb::Scan => Read::Scan { cursor: 0, glob: probe_glob(&probe.pattern)?, count: SCAN_STEP },
    })
}

/// The command that makes a Redis user who may do just what these probes need, listen to these channels
/// and be told which keys change, whatever that user could do before; and what it takes where Redis is made of that.
pub fn acl_line(user: &str, probes: &[Probe], channels: &[Glob], setup: Setup) -> String {
    let user = if user == "default" { "fullon_reader" } else { user };
    let globs: BTreeSet<String> = probes
        .iter()
        .filter_map(|probe| probe_glob(&probe.pattern))
        .map(|glob| format!("%R~{}", glob.as_str()))
        .collect();
    let verbs: BTreeSet<String> =
        probes.iter().map(|probe| format!("+{}", probe.verb.name().to_lowercase())).collect();
    let channels = channels.iter().map(|channel| format!("&{}", channel.as_str())).collect();
    let words = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
    let of_setup = setup.rights();
    format!(
        "ACL SETUSER {user} reset on >PASSWORD {} {} {} +client|tracking +psubscribe +punsubscribe +ping +select +acl|dryrun{of_setup}",
        words(globs),
        words(channels),
        words(verbs)
    )
}
