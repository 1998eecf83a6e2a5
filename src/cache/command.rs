//! Everything that this server ever says to Redis: two closed enums, of reads and of the housekeeping
//! of a connection. Neither has a command that writes, so no caller can send one.

use redis::Cmd;

use super::{Glob, Key};

/// The name of a command that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// `GET`: a string.
    Get,
    /// `HGET`: one field of a hash.
    HGet,
    /// `HMGET`: some fields of a hash.
    HMGet,
    /// `HSCAN`: one step through the fields of a hash.
    HScan,
    /// `HLEN`: how many fields a hash has.
    HLen,
    /// `LRANGE`: a part of a list.
    LRange,
    /// `SCAN`: one step through the keys.
    Scan,
}

impl Verb {
    /// All commands that read.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::HGet, Self::HMGet, Self::HScan, Self::HLen, Self::LRange, Self::Scan];

    /// Whether its answer may be long, or long in coming.
    pub fn is_bulk(self) -> bool {
        matches!(self, Self::HMGet | Self::HScan | Self::LRange | Self::Scan)
    }

    /// The command as Redis names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::HGet => "HGET",
            Self::HMGet => "HMGET",
            Self::HScan => "HSCAN",
            Self::HLen => "HLEN",
            Self::LRange => "LRANGE",
            Self::Scan => "SCAN",
        }
    }
}

/// One command that reads, with its arguments.
#[derive(Debug, Clone)]
pub enum Read {
    /// The string at a key.
    Get(Key),
    /// One field of the hash at a key.
    HGet(Key, String),
    /// Some fields of the hash at a key.
    HMGet(Key, Vec<String>),
    /// One step through the fields of the hash at a key.
    HScan {
        /// Which hash.
        key: Key,
        /// Where the step before ended; 0 begins.
        cursor: u64,
        /// About how many fields Redis gives in this step.
        count: u32,
    },
    /// How many fields the hash at a key has.
    HLen(Key),
    /// The elements of the list at a key, both ends included; below zero counts from the end.
    LRange(Key, i64, i64),
    /// One step through the keys that match.
    Scan {
        /// Where the step before ended; 0 begins.
        cursor: u64,
        /// Which keys.
        glob: Glob,
        /// About how many keys Redis looks at in this step.
        count: u32,
    },
}

impl Read {
    /// The command's name.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Get(_) => Verb::Get,
            Self::HGet(..) => Verb::HGet,
            Self::HMGet(..) => Verb::HMGet,
            Self::HScan { .. } => Verb::HScan,
            Self::HLen(_) => Verb::HLen,
            Self::LRange(..) => Verb::LRange,
            Self::Scan { .. } => Verb::Scan,
        }
    }

    /// The key that it reads; None: it looks for keys.
    pub(super) fn key(&self) -> Option<&Key> {
        match self {
            Self::Get(key)
            | Self::HGet(key, _)
            | Self::HMGet(key, _)
            | Self::HScan { key, .. }
            | Self::HLen(key)
            | Self::LRange(key, ..) => Some(key),
            Self::Scan { .. } => None,
        }
    }

    pub(super) fn to_redis(&self) -> Cmd {
        let mut cmd = Cmd::with_capacity(4, 96);
        cmd.arg(self.verb().name());
        match self {
            Self::Get(key) | Self::HLen(key) => cmd.arg(key.as_str()),
            Self::HScan { key, cursor, count } => cmd.arg(key.as_str()).arg(*cursor).arg("COUNT").arg(*count),
            Self::HGet(key, field) => cmd.arg(key.as_str()).arg(field),
            Self::HMGet(key, fields) => cmd.arg(key.as_str()).arg(fields),
            Self::LRange(key, start, stop) => cmd.arg(key.as_str()).arg(*start).arg(*stop),
            Self::Scan { cursor, glob, count } => {
                cmd.arg(*cursor).arg("MATCH").arg(glob.as_str()).arg("COUNT").arg(*count)
            }
        };
        cmd
    }
}

/// A command that reads no data of the cache. All go to the Redis, but for two, which its sentinels get. The Redis library
/// sends three more as it connects: `HELLO`, `AUTH` and `SELECT`.
#[derive(Debug, Clone)]
pub enum Control {
    /// `HELLO`: which server this is, its version and its role. Every user may.
    Hello,
    /// `PING`: whether Redis is still there.
    Ping,
    /// `CLIENT TRACKING ON BCAST PREFIX …`: tell which keys that begin so change, on this connection.
    Track {
        /// How the keys begin.
        prefix: String,
    },
    /// `PSUBSCRIBE`: pass on what is published on such channels, on this connection.
    Listen {
        /// Which channels.
        channels: Glob,
    },
    /// `CLIENT TRACKING OFF`: tell of no changes. Asked first, to see whether the user may ask for them.
    TrackNothing,
    /// `PUNSUBSCRIBE`: no more of what is published on such channels.
    ListenNoMore {
        /// Which channels.
        channels: Glob,
    },
    /// `ACL DRYRUN user command…`: whether that user may do that. Nothing is done.
    AclDryRun {
        /// The Redis user in question.
        user: String,
        /// The command in question, name first.
        command: Vec<String>,
    },
    /// `CLUSTER NODES`: which node of a cluster has which slots.
    Nodes,
    /// `ASKING`: the next read is of a key that is on its way to this node of a cluster.
    Asking,
    /// `ROLE`: whether a replica has all that its master passes on.
    Role,
    /// `SENTINEL GET-MASTER-ADDR-BY-NAME`: where the master is. This and the next are all that sentinels are asked.
    WhereIsMaster {
        /// What they call it.
        name: String,
    },
    /// `SENTINEL REPLICAS`: where its replicas are, and how they are.
    WhereAreReplicas {
        /// What they call the master.
        name: String,
    },
}

impl Control {
    pub(super) fn to_redis(&self) -> Cmd {
        match self {
            Self::Hello => redis::cmd("HELLO"),
            Self::Ping => redis::cmd("PING"),
            Self::Track { prefix } => {
                let mut cmd = redis::cmd("CLIENT");
                cmd.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(prefix);
                cmd
            }
            Self::Listen { channels } => {
                let mut cmd = redis::cmd("PSUBSCRIBE");
                cmd.arg(channels.as_str());
                cmd
            }
            Self::TrackNothing => {
                let mut cmd = redis::cmd("CLIENT");
                cmd.arg("TRACKING").arg("OFF");
                cmd
            }
            Self::ListenNoMore { channels } => {
                let mut cmd = redis::cmd("PUNSUBSCRIBE");
                cmd.arg(channels.as_str());
                cmd
            }
            Self::AclDryRun { user, command } => {
                let mut cmd = redis::cmd("ACL");
                cmd.arg("DRYRUN").arg(user).arg(command);
                cmd
            }
            Self::Nodes => {
                let mut cmd = redis::cmd("CLUSTER");
                cmd.arg("NODES");
                cmd
            }
            Self::Asking => redis::cmd("ASKING"),
            Self::Role => redis::cmd("ROLE"),
            Self::WhereIsMaster { name } => {
                let mut cmd = redis::cmd("SENTINEL");
                cmd.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
                cmd
            }
            Self::WhereAreReplicas { name } => {
                let mut cmd = redis::cmd("SENTINEL");
                cmd.arg("REPLICAS").arg(name);
                cmd
            }
        }
    }
}
