//! Params as a JSON value: refused where a key stands twice or where it nests too deep, both of which
//! a lenient parser would let pass unsaid.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

use crate::object::each_member;

/// Reads JSON that may nest `depth` levels.
pub(crate) fn parse_params(json: &str, depth: usize) -> serde_json::Result<Value> {
    if let Some(params) = flat(json).filter(|_| depth > 0) {
        return Ok(params);
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = Strict { depth }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// An object of scalars, as almost all params are; None where it is anything else.
fn flat(json: &str) -> Option<Value> {
    let mut object = Map::new();
    each_member(json, |name, raw| {
        let value = match raw.as_bytes().first()? {
            b'"' => Value::from(raw.get(1..raw.len() - 1)?),
            b'{' | b'[' => return None,
            _ => serde_json::from_str(raw).ok()?,
        };
        object.insert(name.to_owned(), value).is_none().then_some(())
    })?;
    Some(object.into())
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom("nests too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            match object.entry(name) {
                Entry::Vacant(place) => place.insert(map.next_value_seed(inner)?),
                Entry::Occupied(taken) => {
                    let name = shown(taken.key());
                    return Err(de::Error::custom(format_args!("the key {name} stands twice")));
                }
            };
        }
        Ok(object.into())
    }
}

/// A name out of a request, cut to what an error may repeat.
pub(super) fn shown(name: &str) -> String {
    const MOST: usize = 40;
    match name.char_indices().nth(MOST) {
        None => format!("{name:?}"),
        Some((cut, _)) => format!("{:?}…", &name[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slowly(json: &str) -> Option<Value> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = Strict { depth: 8 }.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok().map(|()| value)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Texts made of JSON's own pieces, many of them broken: the quick way reads what the slow one reads.
        #[test]
        fn both_ways_read_the_same(pieces in proptest::collection::vec(prop_oneof![
            4 => Just("\"a\":"), 4 => Just("\"b\":"), 4 => Just(","), 2 => Just("1"), 2 => Just("\"x\""),
            1 => Just("-0.5e3"), 1 => Just("1e400"), 1 => Just("true"), 1 => Just("null"), 1 => Just(" "),
            1 => Just("\"\\n\""), 1 => Just("[1]"), 1 => Just("{\"c\":2}"), 1 => Just("18446744073709551616"),
        ], 0..9)) {
            let json = format!("{{{}}}", pieces.concat());
            if let Some(read) = flat(&json) {
                prop_assert_eq!(Some(read), slowly(&json), "{}", json);
            }
            prop_assert_eq!(parse_params(&json, 8).ok(), slowly(&json), "{}", json);
        }
    }
}
