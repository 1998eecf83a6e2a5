//! What `describe` says of an operation.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Ask, Registry,
    build::{params_of, update_of},
    schema::{Dialect, SchemaDocument, document},
};
use crate::{
    access::{Rights, Scope},
    operation::{Kind, Operation},
    protocol::{Error, ErrorCode, Result, Violation},
    streams::Options,
};

/// One operation, as the registry knows it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Described {
    /// What a request names it by.
    pub name: String,
    /// `read`: one request, one reply. `stream`: one reply, then updates. `system`: on the server itself.
    pub kind: Kind,
    /// The group that it belongs to.
    pub domain: String,
    /// One sentence.
    pub summary: String,
    /// More, where there is more to say.
    pub description: String,
    /// JSON Schema (2020-12) of the params, in the order in which a client's method takes them.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub params: Value,
    /// Those of the params that ask for a part of the result, which is answered in parts where it is large; empty: it
    /// has no parts.
    pub paging: Vec<String>,
    /// JSON Schema (2020-12) of the result; a stream has `update` instead.
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// JSON Schema (2020-12) of a stream's updates.
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Value>,
    /// The `type` of a stream's updates.
    pub update_type: Option<String>,
    /// The key patterns that it reads.
    pub keys: BTreeMap<String, String>,
    /// The Redis commands that it sends.
    pub commands: Vec<String>,
    /// The channel on which the writer publishes changes.
    pub channel: Option<String>,
    /// How long a scan's result is kept, and how often a poll would look; milliseconds.
    pub poll_interval_ms: Option<u64>,
    /// Whether an answer may be given again, without asking Redis, until Redis tells of a change of what it was read
    /// from.
    pub near_cache: bool,
    /// How change is noticed, for a stream, if the Redis and its user's rights allow it: `channel` or
    /// `tracking`. A stream's reply says how it is.
    pub push: Option<String>,
    /// What a caller must be entitled to; null: nothing.
    pub scope: Option<Scope>,
    /// The param that names whose data it is; `all_users`: it can't be told, so it is for those who may read
    /// everybody's.
    pub owner: Option<String>,
    /// The error codes that it may answer with.
    pub errors: Vec<ErrorCode>,
    /// Params that work on a filled cache.
    pub examples: Vec<Value>,
}

/// Narrows `describe` down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter<'a> {
    /// What the caller may; None: everything.
    pub(crate) rights: Option<&'a Rights>,
    pub(crate) operation: Option<&'a str>,
    pub(crate) domain: Option<&'a str>,
    /// Those too that are off, or that the caller may not call.
    pub(crate) all: bool,
}

impl Described {
    /// The names of the params, in the order in which a client's method takes them.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        let properties = self.params.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str))
    }
}

/// The codes that an operation may answer with, beside those that any message may get.
pub(super) fn errors_of(operation: &Operation) -> Vec<ErrorCode> {
    let mut codes = vec![ErrorCode::InvalidParams];
    match operation.kind {
        Kind::System if operation.is_for_strangers => codes.push(ErrorCode::Unauthenticated),
        Kind::System => {}
        Kind::Read | Kind::Stream => codes.push(ErrorCode::Forbidden),
    }
    codes.extend(operation.more_errors);
    if operation.may_miss {
        codes.push(ErrorCode::CacheMiss);
    }
    match operation.kind {
        Kind::System => {}
        Kind::Read => codes.extend([
            ErrorCode::CacheCorrupt,
            ErrorCode::CacheUnavailable,
            ErrorCode::CacheTimeout,
            ErrorCode::Overloaded,
        ]),
        // What is corrupt, or late, is told by the stream itself.
        Kind::Stream => codes.extend([ErrorCode::CacheUnavailable, ErrorCode::Overloaded]),
    }
    codes.extend([ErrorCode::LimitExceeded, ErrorCode::InternalError]);
    codes
}

impl Registry {
    /// The operations that a filter lets through, as a JSON array, by name.
    pub(crate) fn describe(&self, filter: &Filter<'_>) -> String {
        let chosen = self.iter().filter(|operation| {
            (filter.all
                || !operation.is_off()
                    && filter.rights.is_none_or(|rights| operation.is_open_to(rights, Ask::Anything)))
                && filter.operation.is_none_or(|name| name == operation.name)
                && filter.domain.is_none_or(|domain| domain == operation.described.domain)
        });
        let texts: Vec<&str> = chosen.map(|operation| operation.description.as_str()).collect();
        format!("[{}]", texts.join(","))
    }

    /// All operations, whoever may call them, as a JSON array, by name.
    pub(crate) fn describe_all(&self) -> String {
        self.describe(&Filter { all: true, ..Filter::default() })
    }

    /// An error for a domain that no operation is of.
    pub(crate) fn check_domain(&self, domain: &str) -> Result<()> {
        let domains: BTreeSet<&str> =
            self.iter().map(|operation| operation.described.domain.as_str()).collect();
        if domains.contains(domain) {
            return Ok(());
        }
        let domains = domains.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("no such domain; there are {domains}");
        Err(Error::invalid_params(vec![Violation { path: "/domain".to_owned(), message }]))
    }

    /// All files of `schemas/`.
    pub fn schema_documents(&self) -> Vec<SchemaDocument> {
        let mut documents = Vec::new();
        for operation in inventory::iter::<Operation> {
            let Some(registered) = self.get(operation.name) else { continue };
            for dialect in [Dialect::Draft2020, Dialect::Draft07] {
                let params = params_of(operation, dialect);
                let (name, answer) = match operation.kind {
                    Kind::Stream => ("update", update_of(operation, dialect)),
                    Kind::Read | Kind::System => ("result", dialect.schema(operation.result)),
                };
                let schemas = Map::from_iter([("params".to_owned(), params), (name.to_owned(), answer)]);
                documents.push(document(dialect, operation.name, &registered.described.summary, schemas));
            }
        }
        documents.sort_by(|a, b| a.path.cmp(&b.path));
        documents
    }

    /// The operations table of the README.
    pub fn markdown(&self) -> String {
        let mut table = "| operation | params | what it answers | needs |\n|---|---|---|---|\n".to_owned();
        let mut operations: Vec<&Described> = self.iter().map(|operation| &operation.described).collect();
        operations.sort_by(|a, b| {
            (a.kind == Kind::System, &a.domain, &a.name).cmp(&(b.kind == Kind::System, &b.domain, &b.name))
        });
        for operation in operations {
            let required = operation.params.get("required").and_then(Value::as_array);
            let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|item| item == name));
            let is_stream = operation.kind == Kind::Stream;
            let params: Vec<String> = operation
                .param_names()
                .filter(|name| !(is_stream && Options::NAMES.contains(name)))
                .map(|name| if is_required(name) { name.to_owned() } else { format!("[{name}]") })
                .collect();
            let scope = operation.scope.map_or("–", Scope::as_str);
            let row = format!(
                "| `{}` | {} | {} | {scope} |\n",
                operation.name,
                params.join(", "),
                operation.summary
            );
            table.push_str(&row);
        }
        table
    }
}
