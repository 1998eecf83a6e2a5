//! Goes through the fields of a hash in steps of about the same size, so that Redis serves others in between however
//! large the hash is. What is there from the first step to the last is met, once or more often.

use redis::Value as Reply;

use super::{
    Key, Read,
    answer::{pairs, unexpected},
};
use crate::protocol::Result;

/// About how many fields the first step asks for. Most hashes have fewer: it is the only one then.
const FIRST: u32 = 256;
/// How few and how many fields a later step asks for.
const FEWEST: u32 = 16;
const MOST: u32 = 4096;
/// About how many bytes a step is to bring: Redis copies them in less than a millisecond.
const STEP_BYTES: usize = 256 << 10;

/// After how many bytes a way counts as a long one.
const LONG: usize = 1 << 20;

/// A way through a hash.
pub(super) struct Walk {
    key: Key,
    cursor: u64,
    count: u32,
    /// How many bytes it has met.
    bytes: usize,
    is_over: bool,
}

impl Walk {
    pub(super) fn through(key: Key) -> Self {
        Self { key, cursor: 0, count: FIRST, bytes: 0, is_over: false }
    }

    /// The next step.
    pub(super) fn step(&self) -> Read {
        Read::HScan { key: self.key.clone(), cursor: self.cursor, count: self.count }
    }

    /// Takes in what a step met: the fields, each with its value.
    pub(super) fn take(&mut self, reply: Reply) -> Result<Vec<(Vec<u8>, Reply)>> {
        let mut parts = match reply {
            Reply::Array(parts) if parts.len() == 2 => parts,
            other => return Err(unexpected(&other)),
        };
        let (fields, cursor) = (parts.pop().unwrap_or(Reply::Nil), parts.pop().unwrap_or(Reply::Nil));
        self.cursor = redis::from_redis_value(cursor.clone()).map_err(|_| unexpected(&cursor))?;
        self.is_over = self.cursor == 0;
        let fields = pairs(fields)?;
        let bytes = |value: &Reply| if let Reply::BulkString(bytes) = value { bytes.len() } else { 0 };
        let met: usize = fields.iter().map(|(field, value)| field.len() + bytes(value)).sum();
        self.bytes += met;
        self.count = next_count(fields.len(), met);
        Ok(fields)
    }

    /// The same way from its beginning.
    pub(super) fn again(self) -> Self {
        Self::through(self.key)
    }

    /// Whether it has met so much that not everybody may at once.
    pub(super) fn is_long(&self) -> bool {
        self.bytes > LONG
    }

    /// Whether that was the last step.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// How many fields the next step asks for after one that brought so many, of so many bytes.
fn next_count(fields: usize, bytes: usize) -> u32 {
    let fit = STEP_BYTES.saturating_mul(fields.max(1)) / bytes.max(1);
    u32::try_from(fit).unwrap_or(MOST).clamp(FEWEST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_of_about_the_same_size() {
        for (each, expected) in [(400, 655), (4000, 65), (1 << 20, FEWEST), (10, MOST), (0, MOST)] {
            assert_eq!(next_count(256, 256 * each), expected, "{each} bytes a field");
        }
        assert_eq!(next_count(0, 0), MOST, "an empty part of the hash");
    }
}
