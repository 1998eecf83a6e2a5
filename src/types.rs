//! The types that params are made of. Each carries its constraints into the JSON Schema; requests are
//! validated against that schema before a handler sees them.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Declares a text param: a newtype over `String` with a length and a character set.
macro_rules! text_param {
    ($(#[doc = $doc:literal])+ $name:ident, max $max:literal, $pattern:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": concat!($($doc, "\n"),+).trim(),
                    "type": "string",
                    "minLength": 1,
                    "maxLength": $max,
                    "pattern": $pattern,
                })
            }
        }
        text_access!($name);
    };
}

/// Declares an id param: text, or an integer that means the same.
macro_rules! id_param {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(IdVisitor).map(Self)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": concat!($($doc, "\n"),+).trim(),
                    "type": ["string", "integer"],
                    "minLength": 1,
                    "maxLength": 128,
                    "pattern": "^[A-Za-z0-9_.:@#=+/-]+$",
                    "minimum": 0,
                })
            }
        }
        text_access!($name);

        impl From<Id> for $name {
            fn from(Id(text): Id) -> Self {
                Self(text)
            }
        }
    };
}

macro_rules! text_access {
    ($name:ident) => {
        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_param! {
    /// An exchange as the cache spells it, e.g. `binance`.
    Exchange, max 64, "^[A-Za-z0-9_.-]+$"
}
text_param! {
    /// A trading pair, e.g. `BTC/USDT`.
    Symbol, max 64, "^[A-Za-z0-9_./-]+$"
}
text_param! {
    /// A currency, e.g. `BTC`.
    Currency, max 32, "^[A-Za-z0-9_.-]+$"
}
text_param! {
    /// The time a bar spans, e.g. `1m`, `4h`, `1d`.
    Timeframe, max 8, "^[1-9][0-9]*[A-Za-z]+$"
}
text_param! {
    /// A component as it registered itself, e.g. `tick_binance`.
    Component, max 128, "^[A-Za-z0-9_.:@/-]+$"
}
id_param! {
    /// An account id, e.g. `1001`; text or integer.
    UserId
}
id_param! {
    /// A bot id, e.g. `bot_0`; text or integer.
    BotId
}
id_param! {
    /// An order id, e.g. `EX_12345`; text or integer.
    OrderId
}
id_param! {
    /// A process id, `{type}:{component}:{unix time}`, e.g. `tick:tick_binance:1795380452.919568`.
    ProcessId
}
id_param! {
    /// What a trade's status is kept under: mostly an exchange, e.g. `binance`.
    TradeKey
}

/// Whether a text may be an id, such as that of a user.
pub(crate) fn is_id(text: &str) -> bool {
    let is_of_ids = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@#=+/-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_of_ids)
}

/// The `request_id` that opened a stream: a string, or a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub(crate) serde_json::Value);

impl JsonSchema for StreamId {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "StreamId".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The `request_id` of the request that opened the stream.",
            "type": ["string", "number"],
            "maxLength": 1024,
            // Whatever a `request_id` may be.
            "pattern": "",
        })
    }
}

/// Reads text, or an unsigned integer as the text of its digits.
struct IdVisitor;

impl de::Visitor<'_> for IdVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an integer without a fraction")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// The schema format that marks a number as seconds since the epoch.
pub(crate) const UNIX_TIME: &str = "unix-time";
/// The schema format that marks a string as an id, which the cache may hold as a number.
pub(crate) const ID: &str = "id";

/// Seconds since 1970-01-01 00:00:00 UTC, with the fraction that the cache has.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub f64);

impl Seconds {
    /// The present, to the microsecond.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond() as f64 / 1e6)
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "format": UNIX_TIME })
    }
}

/// A member of a result that is always there, and may be null: what is stored without it is corrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrNull<T>(pub Option<T>);

impl<T> std::ops::Deref for OrNull<T> {
    type Target = Option<T>;
    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for OrNull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.pad("null"),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OrNull<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrNull", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

/// An id in a result: always text, also where the cache holds a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub String);
text_access!(Id);

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": ID })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_is_used_as_what_it_is() {
        let (some, none) = (OrNull(Some(1.5)), OrNull(None::<f64>));
        assert_eq!((some.unwrap_or(2.0), none.unwrap_or(2.0)), (1.5, 2.0));
        assert_eq!(format!("{some} {none} {some:>5} {none:>5}"), "1.5 null   1.5  null");
    }

    #[test]
    fn an_id_of_a_result_is_one_of_params() {
        assert_eq!(BotId::from(Id("bot_0".to_owned())), "bot_0".into());
    }

    #[test]
    fn an_id_is_what_its_schema_says() {
        let schema = UserId::json_schema(&mut SchemaGenerator::default());
        let validator = jsonschema::validator_for(schema.as_value()).unwrap();
        let long = "1".repeat(129);
        let all = (0..=255).map(|byte: u8| char::from(byte).to_string());
        for text in all.chain(["", "1001", "EX_1", "a b", "1001\n", &long, &long[1..]].map(str::to_owned)) {
            assert_eq!(is_id(&text), validator.is_valid(&text.as_str().into()), "{text:?}");
        }
    }
}
