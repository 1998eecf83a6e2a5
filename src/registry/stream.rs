//! What the registry knows of a stream: what its topics are, and what tells of their changes.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use super::{Registered, params::typed, schema::Dialect};
use crate::{
    cache::{Fields, Glob, Pattern, Wish, object_of},
    operation::{Operation, Watched},
    protocol::{Error, Result},
    streams::{Kind, Options},
};

/// A stream, as the registry knows it.
#[derive(Debug, Clone)]
pub(crate) struct StreamFacts {
    watched: Watched,
    channel: Option<Pattern>,
    poll_interval: Duration,
}

impl StreamFacts {
    pub(super) fn new(watched: Watched, channel: Option<Pattern>, poll_interval: Duration) -> Self {
        Self { watched, channel, poll_interval }
    }
}

/// Finds what Redis is to be asked for: it refuses prefixes that overlap.
pub(super) fn share_prefixes(operations: &mut [Registered]) {
    let is_told = |operation: &&Registered| operation.stream.is_some() || operation.is_kept;
    let patterns = |operation: &Registered| -> Vec<String> {
        operation.plan.keys.iter().map(|(_, pattern)| pattern.prefix().to_owned()).collect()
    };
    let all: BTreeSet<String> = operations.iter().filter(is_told).flat_map(patterns).collect();
    for operation in operations {
        // In the order of the set the shortest comes first.
        let shared = |own: &String| all.iter().find(|prefix| own.starts_with(prefix.as_str())).cloned();
        let prefixes: BTreeSet<String> = patterns(operation).iter().filter_map(shared).collect();
        operation.prefixes = prefixes.into_iter().collect();
    }
}

impl Registered {
    fn facts(&self) -> Result<&StreamFacts> {
        self.stream.as_ref().ok_or_else(|| Error::internal(format!("{} is no stream", self.name)))
    }

    /// Whether a stream is read as another one is: by the same keys, channel and scans, of the same rows.
    pub(crate) fn reads_like(&self, other: &Self) -> bool {
        let channel = |operation: &Self| operation.stream.as_ref().map(|stream| stream.channel.clone());
        self.plan.keys == other.plan.keys
            && self.plan.scan_limits == other.plan.scan_limits
            && channel(self) == channel(other)
    }

    /// Takes out of a stream's params what every stream takes.
    pub(crate) fn stream_options(&self, params: &mut Value) -> Result<Options> {
        let mut options = Map::new();
        if let Some(params) = params.as_object_mut() {
            for name in Options::NAMES {
                options.extend(params.remove(name).map(|value| (name.to_owned(), value)));
            }
        }
        typed(&Value::from(options))
    }

    /// Takes out of a stream's params the groups of its topic that it wants; None: all. What is left is
    /// put into the one form that all have who watch the same.
    pub(crate) fn take_groups(&self, params: &mut Value) -> Result<Option<Vec<Arc<str>>>> {
        let name = self.facts()?.watched.group_param;
        let Some(params) = params.as_object_mut() else { return Ok(None) };
        let chosen = name.and_then(|name| params.remove(name));
        params.retain(|_, value| !value.is_null());
        params.values_mut().for_each(|value| *value = Value::from(&*text_of(value)));
        params.sort_keys();
        let mut groups: Vec<Arc<str>> = match &chosen {
            Some(Value::Array(groups)) => groups.iter().map(|group| text_of(group).into()).collect(),
            None | Some(Value::Null) => Vec::new(),
            Some(group) => vec![text_of(group).into()],
        };
        groups.sort_unstable();
        groups.dedup();
        Ok((!groups.is_empty()).then_some(groups))
    }

    pub(crate) fn stream_kind(&self) -> Kind {
        self.stream.as_ref().map_or(Kind::State, |stream| stream.watched.kind)
    }

    pub(crate) fn update_type(&self) -> &'static str {
        self.stream.as_ref().map_or("", |stream| stream.watched.update_type)
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        self.stream.as_ref().map_or(super::build::DEFAULT_INTERVAL, |stream| stream.poll_interval)
    }

    /// Whether it changes by time alone, too.
    pub(crate) fn ages(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.watched.ages)
    }

    pub(crate) fn has_channel(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.channel.is_some())
    }

    /// The members of an item that name it, as a JSON object.
    pub(crate) fn naming_members(&self, item: &str) -> String {
        let names = self.stream.as_ref().map_or(&[][..], |stream| stream.watched.named_by);
        let fields = Fields::parse(item);
        let of = |fields| names.iter().filter_map(move |name| Some((*name, Fields::raw(fields, name)?)));
        object_of(fields.iter().flat_map(of))
    }

    /// What the cache is to be asked to tell, for this stream, or for answers of this read that are kept.
    pub(crate) fn wishes(&self) -> Vec<Wish> {
        if self.stream.is_none() && !self.is_kept {
            return Vec::new();
        }
        let channel = self.stream.as_ref().and_then(|stream| stream.channel.as_ref());
        let channel = channel.and_then(|pattern| pattern.glob(|_| None).ok());
        let keys = self.prefixes.iter().cloned().map(Wish::Keys);
        keys.chain(channel.map(Wish::Channels)).collect()
    }

    /// The keys that a topic is read from, each once.
    pub(crate) fn globs(&self, params: &Value) -> BTreeSet<Glob> {
        let patterns = self.plan.keys.iter().map(|(_, pattern)| pattern);
        patterns.filter_map(|pattern| glob_of(pattern, params)).collect()
    }

    /// The channels that a topic hears of its changes on.
    pub(crate) fn channel(&self, params: &Value) -> Option<Glob> {
        glob_of(self.stream.as_ref()?.channel.as_ref()?, params)
    }

    /// What stands in the slots of a channel's name, if what is published there is of a topic.
    pub(crate) fn hears(&self, params: &Value, channel: &str) -> Option<Vec<(String, String)>> {
        let (_, slots) = self.stream.as_ref()?.channel.as_ref()?.recognize(channel)?;
        let fits = |(name, value): &(&str, String)| {
            params.get(*name).is_none_or(|param| param.as_str() == Some(value.as_str()))
        };
        let fits_all = slots.iter().all(fits);
        fits_all.then(|| slots.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

fn glob_of(pattern: &Pattern, params: &Value) -> Option<Glob> {
    pattern.glob(|name| params.get(name).and_then(Value::as_str).map(Cow::from)).ok()
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// The schema of a stream's params: its own and those that every stream takes.
pub(super) fn params_schema(dialect: Dialect, own: Value) -> Value {
    with_params(own, &dialect.schema(Options::schema))
}

/// A schema of params, with those of another. One of its own that is called so stays.
pub(super) fn with_params(own: Value, options: &Value) -> Value {
    let mut schema = own;
    if let (Some(properties), Some(more)) = (
        schema.as_object_mut().map(|schema| schema.entry("properties").or_insert_with(|| json!({}))),
        options.get("properties").and_then(Value::as_object),
    ) && let Some(properties) = properties.as_object_mut()
    {
        for (name, schema) in more {
            properties.entry(name).or_insert_with(|| schema.clone());
        }
    }
    schema
}

/// The schema of a stream's updates: what every update has, and the item or what names it.
pub(super) fn update_schema(operation: &Operation, item: Value) -> Value {
    let Some(watched) = &operation.watched else { return item };
    let item_properties = item.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let naming: Map<String, Value> =
        item_properties.into_iter().filter(|(name, _)| watched.named_by.contains(&name.as_str())).collect();
    let gone_requires: Vec<&str> =
        std::iter::once("removed").chain(watched.named_by.iter().copied()).collect();
    let mut gone = json!({ "removed": { "const": true, "description": "The item is gone." } });
    if let Some(gone) = gone.as_object_mut() {
        gone.extend(naming);
    }
    let gone = json!({ "title": "Removed", "type": "object", "properties": gone, "required": gone_requires });
    let forms = match watched.kind {
        Kind::State => vec![item, gone],
        Kind::Log => vec![item],
    };
    json!({
        "title": watched.update_type,
        "type": "object",
        "properties": {
            "type": { "const": watched.update_type, "description": "The kind of update." },
            "request_id": {
                "type": ["string", "number"],
                "description": "The `request_id` of the request that opened the stream.",
            },
            "update_id": {
                "type": "integer", "minimum": 1,
                "description": "The version of what is watched; the same for all who watch the same.",
            },
            "prev_id": {
                "type": ["integer", "null"],
                "description": "The `update_id` of the update sent before this one on this stream.",
            },
            "snapshot": {
                "const": true,
                "description": "Part of the present state that a stream begins with.",
            },
        },
        "required": ["type", "request_id", "update_id", "prev_id"],
        "anyOf": forms,
    })
}

/// The members that name an item, by an update's schema as [`update_schema`] makes it; None: it is a log.
pub(crate) fn named_by(update: &Value) -> Option<Vec<String>> {
    let mut forms = update.get("anyOf")?.as_array()?.iter();
    let removed = forms.find(|form| form.get("title").is_some_and(|title| title == "Removed"))?;
    let names = removed.get("required")?.as_array()?.iter().filter_map(Value::as_str);
    Some(names.filter(|name| *name != "removed").map(str::to_owned).collect())
}
