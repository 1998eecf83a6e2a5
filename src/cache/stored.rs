//! What lies in the cache, before it is anything else: bytes that ought to be JSON or plain text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{json::Json, number::is_number, time::unix_seconds};
use crate::{
    object::{Member, members, text},
    protocol::{Error, Result},
};

/// One stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored(Vec<u8>);

impl Stored {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value as text.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.0).map_err(|_| Error::corrupt("is not UTF-8 text"))
    }

    /// The value as a JSON object's members, in their order.
    pub fn fields(&self) -> Result<Fields<'_>> {
        Fields::parse(self.text()?)
    }

    /// The value as a JSON array's elements, each as it was written.
    pub fn elements(&self) -> Result<Vec<&RawValue>> {
        let elements: Vec<&RawValue> = serde_json::from_str(self.text()?)
            .map_err(|error| Error::corrupt(format!("is no JSON array: {error}")))?;
        elements.iter().try_for_each(|element| check_depth(element.get()))?;
        Ok(elements)
    }

    /// The value, an ISO 8601 time or a number of seconds, as seconds since the epoch in JSON.
    pub fn time(&self) -> Result<String> {
        Json::stored_time(self).map(Json::into_text)
    }
}

/// Whether a JSON value is an object or an array.
pub(super) fn is_nested(json: &str) -> bool {
    matches!(json.as_bytes().first(), Some(b'{' | b'['))
}

/// How many levels a value within a stored object may nest. The layout has three at the most; a client's
/// parser may fail, and the whole reply with it, at a hundred.
const MOST_LEVELS: usize = 32;

/// Refuses half a surrogate pair, which is no text: a frame with one in it could be read by nobody.
fn check_escapes(json: &str) -> Result<(), serde_json::Error> {
    match json.contains("\\u") {
        true => serde_json::from_str::<serde_json::Value>(json).map(drop),
        false => Ok(()),
    }
}

/// Refuses a JSON value that nests too deep to be passed on.
fn check_depth(json: &str) -> Result<()> {
    let (mut level, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => level += 1,
            b'}' | b']' if !is_text => level = level.saturating_sub(1),
            _ => {}
        }
        if level > MOST_LEVELS {
            return Err(Error::corrupt(format!("nests deeper than {MOST_LEVELS} levels")));
        }
    }
    Ok(())
}

/// The members of a stored JSON object, in their order and unparsed.
#[derive(Debug)]
pub struct Fields<'a>(Vec<Member<'a>>);

impl<'a> Fields<'a> {
    /// Reads a JSON object.
    pub fn parse(json: &'a str) -> Result<Self> {
        let corrupt = |error| Error::corrupt(format!("is no JSON object: {error}"));
        let fields = match members(json) {
            Some(members) => Self(members),
            None => {
                check_escapes(json).map_err(corrupt)?;
                serde_json::from_str(json).map_err(corrupt)?
            }
        };
        for (_, value) in fields.iter().filter(|(_, value)| is_nested(value)) {
            check_depth(value)?;
            check_escapes(value).map_err(corrupt)?;
        }
        Ok(fields)
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// A member as it was written.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.iter().find_map(|(found, value)| (found == name).then_some(value))
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.raw(name)?)
    }

    /// A member that is a number, with its digits.
    pub fn number(&self, name: &str) -> Option<&'a str> {
        self.raw(name).filter(|raw| is_number(raw))
    }

    /// A member that is a time, as seconds since the epoch.
    pub fn time(&self, name: &str) -> Option<f64> {
        self.time_text(name)?.parse().ok()
    }

    /// The same as the text of a JSON number, with its digits.
    pub fn time_text(&self, name: &str) -> Option<String> {
        let text = self.number(name).map(Cow::Borrowed).or_else(|| self.text(name))?;
        unix_seconds(&text)
    }

    /// All members but some.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_ref()));
        self
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    fields.push((name.0, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A member's name, borrowed where it holds no escapes. (`Cow` alone always copies.)
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_digits() {
        let stored =
            Stored::new(br#"{"b": 1.50, "a\"": "x\u0041", "t": "2026-11-22T20:28:40.5+00:00"}"#.to_vec());
        let fields = stored.fields().unwrap();
        assert_eq!(fields.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "a\"", "t"]);
        assert_eq!(fields.number("b"), Some("1.50"));
        assert_eq!(fields.text("a\"").as_deref(), Some("xA"));
        assert_eq!(fields.time("t"), Some(1795379320.5));
        assert_eq!((fields.number("t"), fields.text("b"), fields.raw("c")), (None, None, None));
    }

    #[test]
    fn what_is_no_object_is_corrupt() {
        let half_a_pair = [&br#"{"a": "\ud83d"}"#[..], br#"{"a": {"b": "\ude00"}}"#];
        let no_objects = [&b"{\"price\": NaN}"[..], b"[1]", b"", b"{", b"7", b"\xff{}"];
        for bad in half_a_pair.into_iter().chain(no_objects) {
            assert!(Stored::new(bad.to_vec()).fields().is_err(), "{bad:?}");
        }
    }
}
