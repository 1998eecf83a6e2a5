//! What a stream tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::ClientError;
use crate::{streams::ENVELOPE, types::Seconds};

/// What comes of a stream that was asked for its events: updates, and what happens to the stream itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<U> {
    /// An item is as told here.
    Update(U),
    /// The connection is lost, and the stream is being opened again.
    Reconnecting {
        /// Why.
        reason: String,
    },
    /// The stream is followed again, and the server can vouch for it. What was missed while the connection was lost
    /// follows; what was missed by the server has been told.
    Fresh,
    /// The server cannot vouch for the last known state, e.g. because its Redis is gone. It stands meanwhile.
    Stale {
        /// Since when.
        since: Seconds,
        /// Why.
        reason: String,
    },
    /// Something may have been missed.
    Gap(Gap),
    /// What is stored of an item is corrupt; what was told of it last stands.
    Warning(Warning),
}

/// What may have been missed. Of a log: entries. Of a state: removals; all items that there are follow as updates, and
/// then the removal of those that are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The first `update_id` that may be missing, if that is known.
    pub from: Option<u64>,
    /// The last one.
    pub to: Option<u64>,
    /// Why.
    pub reason: String,
}

/// What had to be left out because it is stored in a corrupt form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// E.g. `CACHE_CORRUPT`.
    pub error_code: String,
    /// A sentence.
    pub error: String,
    /// Which item it is, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// An update of a stream, with the handler's own type.
#[derive(Debug, Clone, PartialEq)]
pub struct Update<T> {
    /// What is told.
    pub item: Item<T>,
    /// The version of what is watched; the same for all who watch the same.
    pub update_id: u64,
    /// Whether it is part of the present state that a stream begins with.
    pub is_snapshot: bool,
}

/// What there is of an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<T> {
    /// It is like this now.
    Present(T),
    /// It is gone; these are the members that name it, as text.
    Removed(BTreeMap<String, String>),
}

impl<T> Update<T> {
    /// The item, unless it is gone.
    pub fn into_present(self) -> Option<T> {
        match self.item {
            Item::Present(item) => Some(item),
            Item::Removed(_) => None,
        }
    }

    /// The item, unless it is gone.
    pub const fn present(&self) -> Option<&T> {
        match &self.item {
            Item::Present(item) => Some(item),
            Item::Removed(_) => None,
        }
    }
}

/// An update as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawUpdate {
    pub(super) text: Utf8Bytes,
    /// The version of what is watched.
    pub update_id: u64,
    /// Whether it is part of the present state that a stream begins with.
    pub is_snapshot: bool,
    /// Whether the item is gone.
    pub is_removed: bool,
}

impl RawUpdate {
    /// The whole message, as JSON.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A form in which a stream's updates are taken.
pub trait Told: sealed::Sealed + Sized + Send + 'static {
    /// Reads what came.
    #[doc(hidden)]
    fn of(raw: RawUpdate) -> Result<Self, ClientError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::RawUpdate {}
    impl<T> Sealed for super::Update<T> {}
}

impl Told for RawUpdate {
    fn of(raw: Self) -> Result<Self, ClientError> {
        Ok(raw)
    }
}

impl<T: DeserializeOwned + Send + 'static> Told for Update<T> {
    fn of(raw: RawUpdate) -> Result<Self, ClientError> {
        let RawUpdate { text, update_id, is_snapshot, is_removed } = raw;
        let item = if is_removed {
            let members: BTreeMap<String, Value> =
                serde_json::from_str(&text).map_err(|error| ClientError::unknown_form(&error))?;
            let naming = members.into_iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
            Item::Removed(naming.map(|(name, value)| (name, text_of(value))).collect())
        } else {
            Item::Present(serde_json::from_str(&text).map_err(|error| ClientError::unknown_form(&error))?)
        };
        Ok(Self { item, update_id, is_snapshot })
    }
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

impl<U> Event<U> {
    /// The same with its update read in another form.
    pub(super) fn try_map<V>(
        self,
        read: impl FnOnce(U) -> Result<V, ClientError>,
    ) -> Result<Event<V>, ClientError> {
        Ok(match self {
            Self::Update(update) => Event::Update(read(update)?),
            Self::Reconnecting { reason } => Event::Reconnecting { reason },
            Self::Fresh => Event::Fresh,
            Self::Stale { since, reason } => Event::Stale { since, reason },
            Self::Gap(gap) => Event::Gap(gap),
            Self::Warning(warning) => Event::Warning(warning),
        })
    }
}
