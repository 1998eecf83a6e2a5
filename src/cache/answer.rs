//! What Redis answered, as what was asked for.

use redis::Value as Reply;

use super::{CacheError, stored::Stored};
use crate::protocol::{Error, ErrorCode, Result};

pub(super) fn one(reply: Reply) -> Result<Option<Stored>> {
    match reply {
        Reply::BulkString(bytes) => Ok(Some(Stored::new(bytes))),
        Reply::Nil => Ok(None),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn length(reply: Reply) -> Result<u64> {
    match reply {
        Reply::Int(length) => Ok(length.unsigned_abs()),
        other => Err(unexpected(&other)),
    }
}

/// A hash: a map in RESP3, a flat list in RESP2.
pub(super) fn pairs(reply: Reply) -> Result<Vec<(Vec<u8>, Reply)>> {
    let pairs: Vec<(Reply, Reply)> = match reply {
        Reply::Map(pairs) => pairs,
        Reply::Array(flat) => {
            let mut flat = flat.into_iter();
            std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
        }
        Reply::Nil => Vec::new(),
        other => return Err(unexpected(&other)),
    };
    let field = |(field, value)| match field {
        Reply::BulkString(field) => Ok((field, value)),
        other => Err(unexpected(&other)),
    };
    pairs.into_iter().map(field).collect()
}

pub(super) fn unexpected(reply: &Reply) -> Error {
    Error::internal(format!("an answer of Redis of an unexpected kind: {reply:?}"))
}

pub(super) fn cache_error(error: CacheError) -> Error {
    match error {
        CacheError::WrongType => Error::corrupt("is of another Redis type than the layout says"),
        CacheError::Timeout => Error::new(ErrorCode::CacheTimeout, "the cache did not answer in time"),
        CacheError::Unavailable(cause) => {
            Error::new(ErrorCode::CacheUnavailable, "the cache cannot be reached at the moment")
                .because(&*cause)
        }
        CacheError::Overloaded => {
            Error::new(ErrorCode::Overloaded, "too many reads are waiting for the cache").retry_after_ms(100)
        }
        CacheError::Defect(cause) => Error::internal(&*cause),
    }
}
