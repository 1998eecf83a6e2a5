//! Tables and lists, which the environment and flags hold as TOML in a text.

use std::{fmt, marker::PhantomData};

use figment::{
    providers::{Format as _, Toml},
    value::{Dict, Value},
};
use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use super::load::problem;

/// The value that a text is in TOML. There is no error to tell: it would repeat the text, which may hold a secret.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut document: Dict = Toml::from_str(&format!("value = {text}")).ok()?;
    let value = document.remove("value")?;
    // Another line would set another key.
    document.is_empty().then_some(value)
}

/// A list of tables.
pub(super) fn tables<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Inline::new("a list of tables, such as [{ name = \"value\" }]"))
}

/// A table, or none.
pub(super) fn table<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_option(Maybe(PhantomData))
}

/// Something that is there itself, or is TOML in a text.
struct Inline<T> {
    wanted: &'static str,
    of: PhantomData<T>,
}

impl<T> Inline<T> {
    fn new(wanted: &'static str) -> Self {
        Self { wanted, of: PhantomData }
    }
}

impl<'de, T: DeserializeOwned> de::Visitor<'de> for Inline<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let value = parse(text).ok_or_else(|| E::custom(format!("no TOML; want {}", self.wanted)))?;
        value.deserialize().map_err(|error| E::custom(problem(&error)))
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, sequence: A) -> Result<T, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(sequence))
    }
    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

struct Maybe<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> de::Visitor<'de> for Maybe<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }
    fn visit_none<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_any(Inline::new("a table, such as { name = \"value\" }")).map(Some)
    }
}
