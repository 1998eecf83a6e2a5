//! Keys: named by patterns, or found by scans; and what is at many of them.

use std::{borrow::Cow, ops::Bound};

use futures_util::future::join_all;
use redis::Value as Reply;

use super::{Found, View, slot_error};
use crate::{
    cache::{
        Key, Read, Verb,
        answer::{length, one},
        scan::{Cut, Wanted},
        stored::Stored,
        trace::Trace,
    },
    protocol::{Error, ErrorCode, Result, Warning},
};

/// How many reads of one request are under way at once at the most. One that has more than these waits
/// for its turn.
const READS_AT_ONCE: usize = 128;

impl View {
    /// The keys that match a pattern, by name: slots that the request has no param for are open. The
    /// scan is shared with all who ask the same, and its result kept for the entry's poll interval, or longer if it
    /// took long. Of an operation that answers in parts they are those that are asked for.
    pub async fn keys(&self, name: &str) -> Result<Vec<Found>> {
        self.allow(Verb::Scan)?;
        let pattern = self.pattern(name)?;
        let found = |key: &str| {
            let (key, slots) = pattern.recognize(key)?;
            Some(Found::new(key, slots.into_iter().next_back().map(|(_, value)| value)))
        };
        if let Ok(key) = pattern.fill(|slot| self.param(slot)) {
            // Nothing is open, so there is nothing to look for.
            return Ok(found(key.as_str()).into_iter().collect());
        }
        let glob = pattern.glob(|slot| self.param(slot)).map_err(slot_error)?;
        if let Some(notes) = &self.notes {
            notes.note(None);
        }
        let limits = self.plan.scan_limits;
        let waiting = Trace::answer(self.trace.as_ref());
        let after = self.page.paging.cursor.as_deref();
        let mut wanted = Wanted { glob, limits, after: None };
        // Pages are of one scan, as far as that goes.
        let mut scanned = self.scan(wanted.clone()).await?;
        let most = self.page.paging.limit.unwrap_or(usize::MAX);
        if let Some(after) = after.filter(|after| !scanned.tells(most, after)) {
            wanted.after = Some(after.to_owned());
            scanned = self.scan(wanted).await?;
        }
        if let Some(waiting) = waiting {
            waiting.of_scan(&scanned);
        }
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = || scanned.keys.range::<str, _>((first, Bound::Unbounded));
        let mut beyond = keys().skip(most.saturating_sub(1));
        let cut = beyond.next().filter(|_| beyond.next().is_some());
        if scanned.truncated.is_some() && cut.is_none() {
            self.push_warning(Warning {
                error_code: ErrorCode::LimitExceeded,
                error: format!(
                    "there may be more: a scan ends at {} keys or {} steps",
                    limits.keys, limits.steps
                ),
                item: None,
            });
        }
        match (cut, scanned.truncated) {
            (Some(last), _) => self.page.truncate(Some(last.clone())),
            (None, Some(Cut::Keys)) => self.page.truncate(scanned.keys.last().cloned()),
            (None, Some(Cut::Steps)) => self.page.truncate(None),
            (None, None) => {}
        }
        Ok(keys().take(most).filter_map(|key| found(key)).collect())
    }

    /// The key of a pattern where some slots get other values than the request's params.
    pub fn key_with(&self, name: &str, values: &[(&str, &str)]) -> Result<Key> {
        let given =
            |slot: &str| values.iter().find(|(other, _)| *other == slot).map(|(_, value)| Cow::from(*value));
        self.pattern(name)?.fill(|slot| given(slot).or_else(|| self.param(slot))).map_err(|error| {
            // What does not come from the client comes from the cache.
            match given(&error.slot) {
                Some(_) => Error::corrupt("names another key in a way that no key may hold"),
                None => slot_error(error),
            }
        })
    }

    /// The same as a key that a scan could have found.
    pub fn found_with(&self, name: &str, values: &[(&str, &str)]) -> Result<Found> {
        Ok(Found::new(self.key_with(name, values)?, values.last().map(|(_, value)| *value)))
    }

    /// The strings at many keys, read together. What is of another type is reported as corrupt.
    pub async fn each_text(&self, keys: &[Found]) -> Result<Vec<Option<Stored>>> {
        self.each(keys, Read::Get, one).await
    }

    /// One field of the hashes at many keys, read together.
    pub async fn each_hash_field(&self, keys: &[Found], field: &str) -> Result<Vec<Option<Stored>>> {
        self.each(keys, |key| Read::HGet(key, field.to_owned()), one).await
    }

    /// How many fields the hashes at many keys have, read together.
    pub async fn each_hash_len(&self, keys: &[Found]) -> Result<Vec<u64>> {
        self.each(keys, Read::HLen, length).await
    }

    pub(super) async fn each<T: Default>(
        &self,
        keys: &[Found],
        read: impl Fn(Key) -> Read,
        take: impl Fn(Reply) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut parts = Vec::with_capacity(keys.len());
        let at_once = READS_AT_ONCE.min(self.cache.may_wait());
        let _turn = match keys.len() > at_once {
            true => self.take_turn().await?,
            false => None,
        };
        for some in keys.chunks(at_once) {
            let replies = join_all(some.iter().map(|found| self.read(read(found.key.clone())))).await;
            for (found, reply) in some.iter().zip(replies) {
                parts.push(self.unless_corrupt(found.name(), reply.and_then(&take))?);
            }
        }
        Ok(parts)
    }
}
