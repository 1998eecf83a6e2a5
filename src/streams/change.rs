//! What changes: items in their new form, entries of a log, and what becomes of both.

use std::{sync::Arc, time::Instant};

use crate::{
    cache::{Fields, object_of},
    protocol::Warning,
};

/// An item's name: the group that a subscriber may choose, and its key within the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ItemId {
    pub(crate) group: Arc<str>,
    pub(crate) key: Arc<str>,
}

/// What a version brought.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: ItemId,
    /// The user that it belongs to.
    pub(super) owner: Option<Arc<str>>,
    pub(super) what: What,
    /// Which change of its group it is, where somebody chose that group.
    pub(super) number: u64,
    pub(super) at: Instant,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// An item, as JSON.
    Item(Arc<str>),
    /// An item is gone; the members that name it, as JSON.
    Removed(Arc<str>),
    /// Entries of a log may have been missed here.
    Gap,
    /// What is stored of an item, or a part of it, is corrupt; the members of its warnings. Its last healthy form is
    /// another entry.
    Corrupt(Arc<[String]>),
}

/// What a read or a message brought, ready to be taken over.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Items in their new form; entries of a log in their order.
    pub(super) items: Vec<Change>,
    /// Items that are gone.
    pub(super) removed: Vec<ItemId>,
}

impl Changes {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.removed.is_empty()
    }
}

/// Something that is told of an item, or an entry of a log.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) id: ItemId,
    /// The user that it belongs to.
    pub(super) owner: Option<Arc<str>>,
    pub(super) told: Told,
}

/// What is told.
#[derive(Debug)]
pub(super) enum Told {
    /// An item in its new form, or an entry of a log, as JSON; `again`: even if it is as it was.
    Item { json: String, again: bool },
    /// Entries of a log may be missing here.
    Gap,
    /// What is stored of an item, or a part of it, is corrupt.
    Corrupt(Vec<Warning>),
}

/// The members that every update has, or may have, beside those of its item.
pub(crate) const ENVELOPE: [&str; 6] = ["type", "request_id", "update_id", "prev_id", "snapshot", "removed"];

impl Told {
    /// An item in its new form, or an entry of a log. What is stored under the name of a member of the envelope is left
    /// out: it would stand twice in the update.
    pub(super) fn item(json: String, again: bool) -> Self {
        // Names are seldom escaped, and these are seldom among what stands between quotes.
        let is_reserved = |part: &[u8]| ENVELOPE.iter().any(|name| name.as_bytes() == part);
        let may_have = || json.as_bytes().split(|byte| *byte == b'"').any(is_reserved);
        let json = match json.contains('\\') || may_have() {
            true => without_envelope(&json).unwrap_or(json),
            false => json,
        };
        Self::Item { json, again }
    }
}

/// An object without the members of the envelope. None if it has none of them.
fn without_envelope(json: &str) -> Option<String> {
    let fields = Fields::parse(json).ok()?;
    if !fields.iter().any(|(name, _)| ENVELOPE.contains(&name)) {
        return None;
    }
    Some(object_of(fields.iter().filter(|(name, _)| !ENVELOPE.contains(name))))
}

impl Change {
    /// An entry of a log. All of a group share one name.
    pub(super) fn of_log(group: &str, told: Told) -> Self {
        Self { id: ItemId { group: group.into(), key: "".into() }, owner: None, told }
    }
}
