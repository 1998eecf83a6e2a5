//! Lists: a part of one, or a page.

use redis::Value as Reply;

use super::{Target, View};
use crate::{
    cache::{
        Read,
        answer::{one, unexpected},
        back::{Look, Mark},
        stored::Stored,
    },
    protocol::{Error, Result, Violation},
};

impl View {
    /// The last elements of the list at a key, in the list's order; empty where there is none.
    pub async fn list_last(&self, key: impl Target, count: u32) -> Result<Vec<Stored>> {
        self.list(key, -i64::from(count), -1).await
    }

    /// The elements of a list from one index to another, both included; below zero counts from the end.
    pub async fn list(&self, key: impl Target, start: i64, stop: i64) -> Result<Vec<Stored>> {
        let key = key.resolve(self)?;
        match self.read(Read::LRange(key, start, stop)).await? {
            Reply::Array(elements) => {
                elements.into_iter().filter_map(|value| one(value).transpose()).collect()
            }
            Reply::Nil => Ok(Vec::new()),
            other => Err(unexpected(&other)),
        }
    }

    /// The last elements of the list at a key, so many at the most, in the list's order; of an operation that answers
    /// in parts, those before the page that its cursor is of. And how many elements come after them.
    pub async fn list_page(&self, key: impl Target, limit: u32) -> Result<(Vec<Stored>, u32)> {
        let key = key.resolve(self)?;
        let cursor = self.page.paging.cursor.as_deref();
        let mark = cursor.map(|cursor| Mark::parse(cursor).ok_or_else(no_cursor)).transpose()?;
        for look in Look::for_part(mark, limit) {
            let (first, last) = look.range();
            let elements = self.list(&key, first, last).await?;
            if let Some(part) = look.part(elements, self.page.bytes) {
                if let Some(more) = part.more {
                    self.page.truncate(Some(more.to_cursor()));
                }
                return Ok((part.elements, part.after));
            }
        }
        // It has grown by too much since for its page to be found.
        self.truncate(None);
        Ok((Vec::new(), 0))
    }

    /// The first elements of the list at a key, so many at the most. If there are more, the answer says so.
    pub async fn list_first(&self, key: impl Target, most: u32) -> Result<Vec<Stored>> {
        let mut elements = self.list(key, 0, most.into()).await?;
        if elements.len() > most as usize {
            elements.truncate(most as usize);
            self.truncate(None);
        }
        Ok(elements)
    }
}

fn no_cursor() -> Error {
    let message = "is no cursor of this operation's replies".to_owned();
    Error::invalid_params(vec![Violation { path: "/cursor".to_owned(), message }])
}
