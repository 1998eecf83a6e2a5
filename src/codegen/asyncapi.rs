//! The AsyncAPI 3.0 document: one channel, every operation with its request, its reply and, for a stream, what
//! comes after that.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::{
    Description, Operation,
    names::{Types, refer},
    pascal,
};
use crate::{
    protocol::{Violation, Warning},
    registry::Dialect,
    server::Explain,
    streams::Effective,
};

const ABOUT: &str = "\
Opens a Redis cache of trading data over WebSocket, read-only and live.

A text frame holds one JSON value: a request, or an array of them. Each request gets one reply, which carries its
`request_id`; the replies to an array come in one array, in its order. A stream's reply is followed by its updates,
under the same `request_id`, until it ends. Operations marked `x-repeats: true` are those of which the server sends
any number of messages, without being asked for each.";

/// The whole document.
pub(super) fn document(description: &Description) -> String {
    let mut document = Document::default();
    description.operations.iter().for_each(|operation| document.add(operation));
    let text = serde_yaml::to_string(&document.finish(&description.server.version));
    // What JSON holds, YAML holds.
    text.unwrap_or_default()
}

#[derive(Default)]
struct Document {
    types: Types,
    messages: Map<String, Value>,
    operations: Map<String, Value>,
}

impl Document {
    fn add(&mut self, operation: &Operation) {
        let name = &operation.name;
        let (request, reply) = (format!("{name}_request"), format!("{name}_reply"));
        self.request(operation, &request);
        let result = match &operation.result {
            Some(result) => self.types.take(result, &format!("{}Result", pascal(name)), name),
            None => refer("StreamSettings"),
        };
        self.messages.insert(reply.clone(), self::reply(operation, result));
        let mut described = json!({
            "action": "receive",
            "channel": { "$ref": "#/channels/api" },
            "summary": operation.summary,
            "tags": [{ "name": operation.domain }],
            "messages": [in_channel(&request)],
            "reply": { "channel": { "$ref": "#/channels/api" }, "messages": [in_channel(&reply), in_channel("error")] },
            "x-errors": operation.errors,
        });
        for (key, value) in
            [("x-scope", &operation.scope), ("x-owner", &operation.owner), ("description", &said(operation))]
        {
            if let (Some(value), Some(described)) = (value, described.as_object_mut()) {
                described.insert(key.to_owned(), value.as_str().into());
            }
        }
        self.operations.insert(name.clone(), described);
        if let (Some(update), Some(update_type)) = (&operation.update, &operation.update_type) {
            self.updates(operation, update, update_type);
        }
    }

    fn request(&mut self, operation: &Operation, message: &str) {
        let name = &operation.name;
        let params = self.types.take(&operation.params, &pascal(name), name);
        let is_needed = operation.params.get("required").is_some();
        let required: &[&str] = if is_needed { &["operation", "params"] } else { &["operation"] };
        let examples = operation
            .examples
            .iter()
            .map(|params| json!({ "payload": { "request_id": "1", "operation": name, "params": params } }));
        let request = json!({
            "name": message,
            "title": operation.summary,
            "payload": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "request_id": refer("RequestId"),
                    "operation": { "const": name },
                    "params": params,
                    "explain": refer("ExplainRequest"),
                },
                "required": required,
            },
            "examples": examples.collect::<Value>(),
        });
        self.messages.insert(message.to_owned(), request);
    }

    fn updates(&mut self, operation: &Operation, update: &Value, update_type: &str) {
        let payload = self.types.take(update, &pascal(update_type), &operation.name);
        let message = json!({
            "name": update_type,
            "title": format!("An update of {}", operation.name),
            "payload": payload,
        });
        self.messages.insert(update_type.to_owned(), message);
        let about_streams = ABOUT_STREAMS.iter().map(|(name, ..)| in_channel(name));
        let messages: Vec<Value> = std::iter::once(in_channel(update_type)).chain(about_streams).collect();
        let sent = json!({
            "action": "send",
            "channel": { "$ref": "#/channels/api" },
            "summary": format!("What follows the reply to {}.", operation.name),
            "tags": [{ "name": operation.domain }],
            "messages": messages,
            "x-repeats": true,
        });
        self.operations.insert(format!("{}_updates", operation.name), sent);
    }

    fn finish(mut self, version: &str) -> Value {
        for (name, title, payload, example) in ABOUT_STREAMS {
            let message = json!({
                "name": name, "title": title, "payload": payload(), "examples": [{ "payload": example() }],
            });
            self.messages.insert((*name).to_owned(), message);
        }
        self.messages.insert("error".to_owned(), error());
        self.messages.sort_keys();
        self.operations.sort_keys();
        let in_channel: Map<String, Value> = self
            .messages
            .keys()
            .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
            .collect();
        let own = [
            schema_of::<Warning>(),
            schema_of::<Violation>(),
            schema_of::<Effective>(),
            schema_of::<Explain>(),
        ];
        for own in own {
            self.types.take(&own, "", "");
        }
        let mut schemas = self.types.into_map();
        schemas.insert("RequestId".to_owned(), request_id());
        schemas.insert("ExplainRequest".to_owned(), explain_request());
        schemas.sort_keys();
        json!({
            "asyncapi": "3.0.0",
            "info": {
                "title": "fullon_cache_api",
                "version": version,
                "description": ABOUT,
                "license": { "name": "MIT" },
            },
            "defaultContentType": "application/json",
            "servers": {
                "local": {
                    "host": "127.0.0.1:8765",
                    "protocol": "ws",
                    "description": "Where a server listens if it is told nothing else.",
                },
                "remote": {
                    "host": "{host}",
                    "protocol": "wss",
                    "description": "A server that others can reach: by TLS, and with logins.",
                    "variables": { "host": { "description": "Its name and port.", "default": "localhost:8765" } },
                    "security": [{ "$ref": "#/components/securitySchemes/token" }],
                },
            },
            "channels": {
                "api": {
                    "address": "/",
                    "description": "Everything, on one connection; `/ws` is the same.",
                    "messages": in_channel,
                },
            },
            "operations": self.operations,
            "components": {
                "messages": self.messages,
                "schemas": schemas,
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "A static token or a JSON Web Token: as `Authorization: Bearer`, as the \
                                        subprotocol `bearer.TOKEN` beside `fullon-cache-api`, or by `authenticate`.",
                    },
                },
            },
        })
    }
}

/// What there is to say of an operation beside its summary.
fn said(operation: &Operation) -> Option<String> {
    Some(operation.description.clone()).filter(|text| !text.is_empty() && *text != operation.summary)
}

fn reply(operation: &Operation, result: Value) -> Value {
    json!({
        "name": format!("{}_reply", operation.name),
        "title": format!("The reply to {}", operation.name),
        "payload": {
            "type": "object",
            "properties": {
                "request_id": refer("RequestId"),
                "success": { "const": true },
                "result": result,
                "warnings": {
                    "type": "array",
                    "items": refer("Warning"),
                    "description": "What the result leaves out, where it does.",
                },
                "truncated": {
                    "const": true,
                    "description": "There is, or may be, more than the result holds.",
                },
                "cursor": {
                    "type": "string",
                    "description": "Beside `truncated`: what gives the rest, as the param `cursor` of the same request.",
                },
                "explain": refer("Explain"),
            },
            "required": ["request_id", "success", "result"],
        },
    })
}

fn error() -> Value {
    json!({
        "name": "error",
        "title": "The reply to a request that failed",
        "payload": {
            "type": "object",
            "properties": {
                "request_id": refer("RequestId"),
                "success": { "const": false },
                "error_code": refer("ErrorCode"),
                "error": { "type": "string", "description": "The same for a reader." },
                "details": {
                    "type": "array",
                    "items": refer("Violation"),
                    "description": "For `INVALID_PARAMS`: all that is wrong.",
                },
                "retry_after_ms": {
                    "type": "integer", "minimum": 0,
                    "description": "When asking again may help, in milliseconds.",
                },
                "explain": refer("Explain"),
            },
            "required": ["request_id", "success", "error_code", "error"],
        },
        "examples": [{ "payload": {
            "request_id": "7", "success": false, "error_code": "CACHE_MISS",
            "error": "Ticker BTC/USDT not found in binance cache",
        } }],
    })
}

fn request_id() -> Value {
    json!({
        "type": ["string", "number"],
        "description": "Tells which reply is whose, and which stream an update is of. Without one the server makes one up.",
    })
}

fn explain_request() -> Value {
    json!({
        "type": "boolean",
        "default": false,
        "description": "Whether the reply is to tell where its time went and where its data came from.",
    })
}

/// What a server says of a stream, beside its updates: name, title, payload, example.
type AboutStream = (&'static str, &'static str, fn() -> Value, fn() -> Value);

const ABOUT_STREAMS: &[AboutStream] = &[
    (
        "stream_stale",
        "The server cannot vouch for the stream's freshness any more",
        || {
            about(
                "stream_stale",
                &json!({ "since": { "type": "number", "format": "unix-time" }, "reason": { "type": "string" } }),
            )
        },
        || json!({ "type": "stream_stale", "request_id": "s1", "since": 1_795_380_452.5, "reason": "the cache cannot be reached" }),
    ),
    (
        "stream_fresh",
        "It can again, and all that was missed has been told",
        || about("stream_fresh", &json!({})),
        || json!({ "type": "stream_fresh", "request_id": "s1" }),
    ),
    (
        "stream_gap",
        "Updates are missing: of a log entries, of a state removals, and all that is there follows anew",
        || about("stream_gap", &json!({ "from": { "type": "integer" }, "to": { "type": "integer" } })),
        || json!({ "type": "stream_gap", "request_id": "s1", "from": 120, "to": 131 }),
    ),
    (
        "stream_complete",
        "After `resume`, and after a gap of a state: all that there is has been told, up to this version",
        || about("stream_complete", &json!({ "update_id": { "type": "integer" } })),
        || json!({ "type": "stream_complete", "request_id": "s1", "update_id": 131 }),
    ),
    (
        "stream_warning",
        "What is stored of an item cannot be read; its last healthy form stands",
        || {
            about(
                "stream_warning",
                &json!({ "error_code": refer("ErrorCode"), "error": { "type": "string" } }),
            )
        },
        || {
            json!({ "type": "stream_warning", "request_id": "s1", "error_code": "CACHE_CORRUPT",
                "error": "the stored value is no JSON object", "item": "BTC/USDT" })
        },
    ),
    (
        "stream_end",
        "The stream has ended",
        || {
            about(
                "stream_end",
                &json!({ "reason": { "enum": ["unsubscribed", "forbidden", "reconfigured"] } }),
            )
        },
        || json!({ "type": "stream_end", "request_id": "s1", "reason": "unsubscribed" }),
    ),
];

/// The payload of what is said of a stream.
fn about(name: &str, members: &Value) -> Value {
    let mut properties = Map::from_iter([
        ("type".to_owned(), json!({ "const": name })),
        ("request_id".to_owned(), refer("RequestId")),
    ]);
    properties.extend(members.as_object().cloned().unwrap_or_default());
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// The schema of one of this crate's own types.
fn schema_of<T: JsonSchema>() -> Value {
    Dialect::Draft2020.schema(|generator| generator.root_schema_for::<T>())
}

/// A message, as operations refer to it.
fn in_channel(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/api/messages/{message}") })
}
