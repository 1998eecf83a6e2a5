//! The few names that a handler needs.

pub use std::collections::BTreeMap;

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate::{
    cache::{
        Added, Fields, Found, Json, JsonList, JsonObject, Shape, Stored, Verb, View, difference, is_number,
    },
    miss,
    operation::{Operation, Query, Watch},
    protocol::{Error, Result},
    streams::State,
    submit,
    types::{
        BotId, Component, Currency, Exchange, Id, OrNull, OrderId, ProcessId, Seconds, Symbol, Timeframe,
        TradeKey, UserId,
    },
};
