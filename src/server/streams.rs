//! The operations on a client's own streams.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::System;
use crate::{
    cache::Json,
    operation::{Operation, SystemQuery},
    protocol::Result,
    streams::Listed,
    submit,
    types::StreamId,
};

/// Lists the streams of this connection.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListStreams {}

impl SystemQuery for ListStreams {
    type Output = Vec<Listed>;

    async fn answer(&self, system: &System) -> Result<Json<Vec<Listed>>> {
        Json::of(&system.caller.streams.list()?)
    }
}

/// Ends one stream of this connection. `stream_end` is the last that comes of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Unsubscribe {
    stream: StreamId,
}

/// What was ended.
#[derive(Debug, Serialize, JsonSchema)]
struct Ended {
    /// How many streams.
    ended: usize,
}

impl SystemQuery for Unsubscribe {
    type Output = Ended;

    async fn answer(&self, system: &System) -> Result<Json<Ended>> {
        system.caller.streams.close(&self.stream.0)?;
        Json::of(&Ended { ended: 1 })
    }
}

/// Ends all streams of this connection.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UnsubscribeAll {}

impl SystemQuery for UnsubscribeAll {
    type Output = Ended;

    async fn answer(&self, system: &System) -> Result<Json<Ended>> {
        Json::of(&Ended { ended: system.caller.streams.close_all() })
    }
}

submit! {
    Operation::system::<ListStreams>("list_streams", "Lists this connection's streams and their settings.")
        .examples(&["{}"]),
    Operation::system::<Unsubscribe>("unsubscribe", "Ends one stream of this connection.")
        .examples(&[r#"{"stream": "s1"}"#]),
    Operation::system::<UnsubscribeAll>("unsubscribe_all", "Ends all streams of this connection.")
        .examples(&["{}"]),
}
