//! Values that know how to be read from a file, an environment variable or a flag alike.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use jiff::{Timestamp, Unit, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::inline::parse;

/// How a point in time is written.
const EXAMPLE: &str = "2030-01-01T00:00:00Z";

/// The schema format that marks a text as a length of time.
pub(crate) const DURATION: &str = "duration";
/// The schema format that marks a text as a secret.
pub(crate) const SECRET: &str = "password";

/// A length of time, written with its unit: `500ms`, `2s`, `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// So many milliseconds.
    pub const fn millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// A length of time in milliseconds, as the wire has it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A length of time in microseconds.
pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Reads a length of time. The error is a sentence.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("{text:?} is no duration; write it with its unit, such as 500ms, 2s, 1m30s");
    let signed: jiff::SignedDuration = text.parse().map_err(|_| wanted())?;
    Duration::try_from(signed).map_err(|_| wanted())
}

/// Reads a point in time that is to come, or how long it is until then. The error is a sentence.
pub(crate) fn parse_end(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    let end = match text.parse::<jiff::Span>() {
        Ok(span) => now.to_zoned(TimeZone::UTC).checked_add(span).ok().map(|end| end.timestamp()),
        Err(_) => text.parse().ok(),
    };
    let wanted = || {
        format!(
            "{text:?} is no end; write how long until then, such as 30d or 12h, or when, such as {EXAMPLE}"
        )
    };
    match end.ok_or_else(wanted)? {
        end if end <= now => Err(format!("{text:?} is over already")),
        end => end.round(Unit::Second).map_err(|_| wanted()),
    }
}

/// Reads a point in time. The error is a sentence.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let wanted = || format!("{text:?} is no time; write it with its zone, such as {EXAMPLE:?}");
    text.parse().map_err(|_| wanted())
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": DURATION })
    }
}

/// A text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": SECRET })
    }
}

/// A text, which a file may hold as a number.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    deserializer.deserialize_any(Text)
}

/// A whole number, which the environment and flags hold as a text.
pub(super) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    let text = text(deserializer)?;
    let number = text.trim().replace('_', "").parse::<u64>().ok().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| de::Error::custom(format!("{text:?} is not a whole number in range")))
}

/// `true` or `false`, which the environment and flags hold as a text.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Flag;

    impl de::Visitor<'_> for Flag {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false")
        }
        fn visit_bool<E: de::Error>(self, flag: bool) -> Result<bool, E> {
            Ok(flag)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
            match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(true),
                "false" | "no" | "off" | "0" => Ok(false),
                _ => Err(E::custom(format!("{text:?} is neither true nor false"))),
            }
        }
    }

    deserializer.deserialize_any(Flag)
}

/// A point in time, or none.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    struct Time;

    impl<'de> de::Visitor<'de> for Time {
        type Value = Option<Timestamp>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a time as a text, such as {EXAMPLE:?}")
        }
        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            parse_time(text).map(Some).map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Time)
}

/// A list, which the environment and flags hold as a text, in TOML or with commas alone.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct List;

    impl<'de> de::Visitor<'de> for List {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            if text.trim_start().starts_with('[') {
                let texts = parse(text).and_then(|value| value.deserialize::<Vec<Text>>().ok());
                let texts = texts.ok_or_else(|| E::custom("no list; write [\"a\", \"b\"], or a,b"))?;
                return Ok(texts.into_iter().map(|Text(text)| text).collect());
            }
            Ok(text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(Text(text)) = sequence.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }

    #[derive(Deserialize)]
    struct Text(#[serde(deserialize_with = "text")] String);

    let texts = deserializer.deserialize_any(List)?;
    texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_with_their_unit() {
        for (text, milliseconds) in [("500ms", 500), ("2s", 2000), ("1m30s", 90_000), ("1m 30s", 90_000)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        assert_eq!(Span::millis(90_500).to_string().parse(), Ok(Span::millis(90_500)));
        for bad in ["", "5", "-2s", "soon", "2 parsecs"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_end_is_a_time_or_how_long_it_is_until_then() {
        for (text, hours) in [("12h", 12), ("30d", 30 * 24), ("2w", 14 * 24), ("P1DT1H", 25)] {
            let left = parse_end(text).unwrap().duration_since(Timestamp::now());
            assert!((left.as_secs() - hours * 3600).abs() < 60, "{text}: {left:?}");
        }
        assert_eq!(parse_end("2100-01-01T00:00:00+02:00").unwrap().to_string(), "2099-12-31T22:00:00Z");
        for bad in ["", "5", "-2d", "0s", "soon", "2100-01-01", "2020-01-01T00:00:00Z", "99999y"] {
            assert!(parse_end(bad).is_err(), "{bad}");
        }
    }
}
