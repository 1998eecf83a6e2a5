//! Hashes: whole, in parts, or some fields of them.

use futures_util::future::join_all;
use redis::Value as Reply;
use tokio::sync::SemaphorePermit;

use super::{Found, Target, View};
use crate::{
    access::Users,
    cache::{
        Read,
        answer::{length, one},
        page::Selection,
        stored::Stored,
        walk::Walk,
    },
    protocol::{Error, Result},
};

/// How many fields of a hash one command asks for.
const FIELDS_AT_ONCE: usize = 1000;

impl View {
    /// The whole hash at a key, by field; empty where there is none. A field that is not UTF-8 is
    /// reported as corrupt and left out. Of an operation that answers in parts, and of a hash that is larger than an
    /// answer may be, it is the part that is asked for and fits; the answer says so.
    pub async fn hash(&self, key: impl Target) -> Result<Vec<(String, Stored)>> {
        self.hash_where(key, |_, _| true).await
    }

    /// The same of those fields alone that are wanted.
    pub async fn hash_where(
        &self,
        key: impl Target,
        mut is_wanted: impl FnMut(&str, &Stored) -> bool + Send,
    ) -> Result<Vec<(String, Stored)>> {
        let (mut walk, unrest) = (Walk::through(key.resolve(self)?), self.cache.unrest());
        let mut selection = self.page.select();
        self.step(&mut walk, &mut selection, &mut is_wanted).await?;
        self.go_on((walk, unrest), &mut None, &mut selection, &mut is_wanted).await?;
        Ok(self.page_of(selection))
    }

    /// Some fields of the hash at a key, or the whole; a field that is not there is left out.
    pub async fn hash_of(
        &self,
        key: impl Target,
        fields: Option<Vec<&str>>,
    ) -> Result<Vec<(String, Stored)>> {
        let Some(fields) = fields else { return self.hash(key).await };
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let key = key.resolve(self)?;
        let parts = fields.chunks(FIELDS_AT_ONCE).map(|fields| {
            let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            self.read(Read::HMGet(key.clone(), fields))
        });
        let mut values = Vec::with_capacity(fields.len());
        for part in join_all(parts).await {
            let Reply::Array(part) = part? else {
                return Err(Error::internal("an answer to HMGET that is no array"));
            };
            values.extend(part);
        }
        let pairs = fields.into_iter().zip(values);
        let pairs = pairs.map(|(field, value)| Ok(one(value)?.map(|value| (field.to_owned(), value))));
        pairs.filter_map(Result::transpose).collect()
    }

    /// How many fields the hash at a key has; 0 where there is none.
    pub async fn hash_len(&self, key: impl Target) -> Result<u64> {
        let key = key.resolve(self)?;
        length(self.read(Read::HLen(key)).await?)
    }

    /// The hashes at many keys, whose first steps are read together. Of all of them together no more is taken than an
    /// answer may hold.
    pub async fn each_hash(&self, keys: &[Found]) -> Result<Vec<Vec<(String, Stored)>>> {
        let unrest = self.cache.unrest();
        let begun = self.each(keys, |key| Walk::through(key).step(), |reply| Ok(Some(reply))).await?;
        let mut hashes = Vec::with_capacity(keys.len());
        let mut turn = None;
        let mut left = self.page.bytes;
        for (found, reply) in keys.iter().zip(begun) {
            let (mut walk, mut selection) = (Walk::through(found.key.clone()), Selection::of_bytes(left));
            if let Some(reply) = reply {
                self.take_fields(walk.take(reply)?, &mut selection, &mut |_, _| true)?;
                self.go_on((walk, unrest), &mut turn, &mut selection, &mut |_, _| true).await?;
            }
            left = left.saturating_sub(selection.bytes());
            hashes.push(self.page_of(selection));
        }
        Ok(hashes)
    }

    /// Goes to the end of a way through a hash, and once more if what its cursors are worth became doubtful since a
    /// first look at [`Cache::unrest`](crate::cache::Cache::unrest).
    async fn go_on<'v>(
        &'v self,
        (mut walk, unrest): (Walk, u64),
        turn: &mut Option<SemaphorePermit<'v>>,
        selection: &mut Selection,
        is_wanted: &mut (impl FnMut(&str, &Stored) -> bool + Send),
    ) -> Result<()> {
        if walk.is_over() {
            return Ok(());
        }
        let mut is_again = false;
        loop {
            while !walk.is_over() {
                if turn.is_none() && walk.is_long() {
                    // So few at once hold so much, however many ask.
                    *turn = self.take_turn().await?;
                }
                self.step(&mut walk, selection, is_wanted).await?;
            }
            if is_again || self.cache.unrest() == unrest {
                return Ok(());
            }
            (walk, is_again) = (walk.again(), true);
        }
    }

    async fn step(
        &self,
        walk: &mut Walk,
        selection: &mut Selection,
        is_wanted: &mut (impl FnMut(&str, &Stored) -> bool + Send),
    ) -> Result<()> {
        let reply = self.read(walk.step()).await?;
        self.take_fields(walk.take(reply)?, selection, is_wanted)
    }

    /// What was taken. If there is more, the answer says so.
    pub(super) fn page_of(&self, selection: Selection) -> Vec<(String, Stored)> {
        let (taken, end) = selection.finish();
        if let Some(end) = end {
            self.truncate(Some(end));
        }
        taken
    }

    /// Takes those fields that are wanted.
    pub(super) fn take_fields(
        &self,
        fields: Vec<(Vec<u8>, Reply)>,
        selection: &mut Selection,
        is_wanted: &mut impl FnMut(&str, &Stored) -> bool,
    ) -> Result<()> {
        for (field, value) in fields {
            match (String::from_utf8(field), one(value)?) {
                (Ok(field), Some(value)) => {
                    if selection.wants(&field) && is_wanted(&field, &value) {
                        selection.take(field, value);
                    }
                }
                // It does not tell whose it is.
                (Err(_), _) if matches!(self.users, Some(Users::Some(_))) => {}
                (Err(error), _) => self.warn_corrupt(
                    &String::from_utf8_lossy(error.as_bytes()),
                    &Error::corrupt("stands under a field that is not UTF-8"),
                ),
                (Ok(_), None) => {}
            }
        }
        Ok(())
    }
}
