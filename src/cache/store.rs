//! The embedded cache: the types that the read commands need, in this process. It is no Redis; it
//! serves the demo and the fast tests.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
};

use redis::Value as Reply;

use tokio::sync::{broadcast, mpsc};

use super::{CacheError, Event, Means, Read, Wish};

/// A shared handle to an in-process cache; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    held: RwLock<HashMap<String, Held>>,
    /// Tells of changes as Redis does.
    events: broadcast::Sender<Event>,
}

/// How many changes may wait to be taken note of; beyond that everything counts as changed.
const MOST_WAITING: usize = 16 << 10;

impl Default for Store {
    fn default() -> Self {
        Self(Arc::new(Inner { held: RwLock::default(), events: broadcast::Sender::new(MOST_WAITING) }))
    }
}

#[derive(Debug)]
enum Held {
    Text(String),
    Hash(HashMap<String, String>),
    List(VecDeque<String>),
}

impl Store {
    /// The empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out one command that fills the cache, name first, as a recording holds them. The time to
    /// live of `SETEX` is passed over. Whoever listens is told. The error is a sentence.
    pub fn apply(&self, command: &[impl AsRef<str>]) -> Result<(), String> {
        let words: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
        self.change(&words)?;
        let event = match words.as_slice() {
            ["PUBLISH", channel, payload] => {
                Event::Said { channel: (*channel).to_owned(), payload: payload.as_bytes().to_vec() }
            }
            ["DEL", keys @ ..] => Event::Changed(keys.iter().map(|&key| key.to_owned()).collect()),
            [_, key, ..] => Event::Changed(vec![(*key).to_owned()]),
            _ => return Ok(()),
        };
        // An error means that nobody listens.
        let _ = self.0.events.send(event);
        Ok(())
    }

    /// Passes on all that happens until nobody listens any more; wishes are granted before they are made.
    pub(super) async fn listen_to_all(self, mut wishes: mpsc::Receiver<Wish>, events: mpsc::Sender<Event>) {
        let mut changes = self.0.events.subscribe();
        let means = Means { tracking: true, channels: true };
        let mut told = events.send(Event::Up(means)).await;
        while told.is_ok() {
            let event = tokio::select! {
                change = changes.recv() => match change {
                    Ok(event) => event,
                    Err(broadcast::error::RecvError::Lagged(_)) => Event::EverythingChanged,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                wish = wishes.recv() => match wish {
                    Some(_) => Event::Armed(means),
                    None => return,
                },
            };
            told = events.send(event).await;
        }
    }

    fn change(&self, words: &[&str]) -> Result<(), String> {
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        match words {
            ["SET", key, value] | ["SETEX", key, _, value] => {
                held.insert((*key).to_owned(), Held::Text((*value).to_owned()));
            }
            ["HSET", key, pairs @ ..] if !pairs.is_empty() && pairs.len() % 2 == 0 => {
                let hash = hash_at(&mut held, key)?;
                for pair in pairs.chunks_exact(2) {
                    hash.insert(pair[0].to_owned(), pair[1].to_owned());
                }
            }
            ["HDEL", key, fields @ ..] => {
                let hash = hash_at(&mut held, key)?;
                for field in fields {
                    hash.remove(*field);
                }
                if hash.is_empty() {
                    held.remove(*key);
                }
            }
            ["RPUSH", key, elements @ ..] => {
                list_at(&mut held, key)?.extend(elements.iter().map(|&element| element.to_owned()));
            }
            ["LTRIM", key, start, stop] => trim(&mut held, key, start, stop)?,
            ["DEL", keys @ ..] => {
                for key in keys {
                    held.remove(*key);
                }
            }
            ["EXPIRE" | "PUBLISH", ..] => {}
            [name, ..] => {
                return Err(format!("the embedded cache does not know {name} with these arguments"));
            }
            [] => return Err("an empty command".to_owned()),
        }
        Ok(())
    }

    pub(super) fn read(&self, read: &Read) -> Result<Reply, CacheError> {
        let held = self.0.held.read().unwrap_or_else(PoisonError::into_inner);
        let at = |key: &super::Key| held.get(key.as_str());
        Ok(match read {
            Read::Get(key) => match at(key) {
                None => Reply::Nil,
                Some(Held::Text(text)) => bulk(text),
                Some(_) => return Err(CacheError::WrongType),
            },
            Read::HGet(key, field) => {
                hash(at(key))?.and_then(|hash| hash.get(field)).map_or(Reply::Nil, bulk)
            }
            Read::HMGet(key, fields) => {
                let hash = hash(at(key))?;
                let value = |field| hash.and_then(|hash| hash.get(field)).map_or(Reply::Nil, bulk);
                Reply::Array(fields.iter().map(value).collect())
            }
            Read::HScan { key, .. } => {
                let pairs = hash(at(key))?.into_iter().flatten();
                let flat = pairs.flat_map(|(field, value)| [bulk(field), bulk(value)]).collect();
                Reply::Array(vec![bulk("0"), Reply::Array(flat)])
            }
            Read::HLen(key) => Reply::Int(hash(at(key))?.map_or(0, HashMap::len) as i64),
            Read::LRange(key, start, stop) => match at(key) {
                None => Reply::Array(Vec::new()),
                Some(Held::List(list)) => {
                    Reply::Array(list.range(range(list.len(), *start, *stop)).map(bulk).collect())
                }
                Some(_) => return Err(CacheError::WrongType),
            },
            Read::Scan { glob, .. } => {
                let keys = held.keys().filter(|key| glob.matches(key)).map(bulk).collect();
                Reply::Array(vec![bulk("0"), Reply::Array(keys)])
            }
        })
    }
}

fn bulk(text: impl AsRef<str>) -> Reply {
    Reply::BulkString(text.as_ref().as_bytes().to_vec())
}

fn hash(held: Option<&Held>) -> Result<Option<&HashMap<String, String>>, CacheError> {
    match held {
        None => Ok(None),
        Some(Held::Hash(hash)) => Ok(Some(hash)),
        Some(_) => Err(CacheError::WrongType),
    }
}

fn hash_at<'h>(
    held: &'h mut HashMap<String, Held>,
    key: &str,
) -> Result<&'h mut HashMap<String, String>, String> {
    match held.entry(key.to_owned()).or_insert_with(|| Held::Hash(HashMap::new())) {
        Held::Hash(hash) => Ok(hash),
        _ => Err(format!("{key} holds no hash")),
    }
}

fn list_at<'h>(held: &'h mut HashMap<String, Held>, key: &str) -> Result<&'h mut VecDeque<String>, String> {
    match held.entry(key.to_owned()).or_insert_with(|| Held::List(VecDeque::new())) {
        Held::List(list) => Ok(list),
        _ => Err(format!("{key} holds no list")),
    }
}

fn trim(held: &mut HashMap<String, Held>, key: &str, start: &str, stop: &str) -> Result<(), String> {
    let index = |text: &str| text.parse::<i64>().map_err(|_| format!("LTRIM: {text} is no index"));
    let (start, stop) = (index(start)?, index(stop)?);
    let list = list_at(held, key)?;
    let kept = range(list.len(), start, stop);
    list.truncate(kept.end);
    list.drain(..kept.start);
    if list.is_empty() {
        held.remove(key);
    }
    Ok(())
}

/// The part of a list that Redis means by two indices, both included; below zero counts from the end.
fn range(length: usize, start: i64, stop: i64) -> std::ops::Range<usize> {
    let signed = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = |index: i64| if index < 0 { (signed + index).max(0) } else { index.min(signed) };
    let end = if stop < 0 { signed + stop + 1 } else { stop.saturating_add(1).min(signed) };
    let start = from_start(start);
    // Both lie within 0..=length.
    start as usize..end.max(start) as usize
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn indices_mean_what_redis_means() {
        for (start, stop, expected) in [
            (0, -1, 0..5),
            (-2, -1, 3..5),
            (-100, -1, 0..5),
            (1, 2, 1..3),
            (3, 100, 3..5),
            (7, 9, 5..5),
            (0, -9, 0..0),
            (4, 1, 4..4),
        ] {
            assert_eq!(range(5, start, stop), expected, "{start} {stop}");
        }
    }
}
