//! What the Redis user may do: everything that the operations need, and nothing that writes.

use std::collections::BTreeSet;

use redis::Value as Reply;

use super::{CacheError, Control, Glob, Key, Pattern, Read, Verb, redis_link::Links, view::SCAN_STEP};

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

/// What stands in every slot of a probed key. Reading a key that does not exist harms nothing.
const PROBE: &str = "probe";

/// Commands that write, for `ACL DRYRUN`: asked about, never sent.
const WRITES: [&[&str]; 8] = [
    &["SET", "%", "x"],
    &["HSET", "%", "x", "x"],
    &["RPUSH", "%", "x"],
    &["LPOP", "%"],
    &["DEL", "%"],
    &["EXPIRE", "%", "1"],
    &["FLUSHALL"],
    &["EVAL", "return 1", "0"],
];

pub(super) async fn examine(links: &Links, probes: &[Probe]) -> Result<Rights, CacheError> {
    let user = links.user().to_owned();
    let mut denied = Vec::new();
    for probe in probes {
        let Some(read) = read_for(probe) else { continue };
        match links.send_read(read.verb(), read.to_redis()).await {
            Ok(_) | Err(CacheError::WrongType) => {}
            Err(CacheError::Unavailable(cause)) if cause.starts_with("NOPERM") => {
                let what = if cause.contains(" key") { Denied::Keys } else { Denied::Command };
                denied.push((probe.clone(), what));
            }
            Err(error) => return Err(error),
        }
    }
    let key = probes.iter().find_map(|probe| probe_key(&probe.pattern));
    let writing = writing(links, &user, key.as_ref().map_or(PROBE, Key::as_str)).await?;
    Ok(Rights { user, denied, writing })
}

async fn writing(links: &Links, user: &str, key: &str) -> Result<Writing, CacheError> {
    let mut allowed = Vec::new();
    for write in WRITES {
        let command: Vec<String> =
            write.iter().map(|word| if *word == "%" { key } else { word }.to_owned()).collect();
        let asked = Control::AclDryRun { user: user.to_owned(), command };
        match links.send_control(&asked).await {
            Ok(Reply::Okay) => allowed.push(write[0].to_owned()),
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
        Verb::HGetAll => Read::HGetAll(key),
        Verb::HLen => Read::HLen(key),
        Verb::LRange => Read::LRange(key, 0, 0),
        Verb::Scan => Read::Scan { cursor: 0, glob: probe_glob(&probe.pattern)?, count: SCAN_STEP },
    })
}

/// The command that makes a Redis user who may do just what these probes need, whatever that user could
/// do before.
pub fn acl_line(user: &str, probes: &[Probe]) -> String {
    let user = if user == "default" { "fullon_reader" } else { user };
    let globs: BTreeSet<String> = probes
        .iter()
        .filter_map(|probe| probe_glob(&probe.pattern))
        .map(|glob| format!("%R~{}", glob.as_str()))
        .collect();
    let verbs: BTreeSet<String> =
        probes.iter().map(|probe| format!("+{}", probe.verb.name().to_lowercase())).collect();
    let words = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
    format!("ACL SETUSER {user} reset on >PASSWORD {} {} +select +acl|dryrun", words(globs), words(verbs))
}
