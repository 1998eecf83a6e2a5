//! From a stored record to a result, in one pass.
//!
//! A result type is a plain struct; its JSON Schema is what `describe` publishes. A [`Shape`] reads the
//! rules out of that very schema and rewrites stored objects by them: members that the type names are
//! checked, times become seconds, ids become text, and all the rest is passed on as it was written. No
//! number is ever parsed, so none loses a digit.

use std::{collections::HashSet, marker::PhantomData, sync::OnceLock};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::{
    json::{Json, push_string},
    stored::{Fields, Stored, is_nested},
    time::unix_seconds,
};
use crate::{
    object::each_member,
    protocol::{Error, Result},
    types::{ID, UNIX_TIME},
};

/// How stored objects become `T`. Made for a `static`: it costs nothing until it is first used.
pub struct Shape<T> {
    renamed: &'static [(&'static str, &'static str)],
    rules: OnceLock<Vec<Rule>>,
    result: PhantomData<fn() -> T>,
}

/// What a handler adds to a stored record, or puts in the place of what is stored.
#[derive(Debug, Clone, Copy)]
pub enum Added<'a> {
    /// A string.
    Text(&'a str),
    /// JSON as it is.
    Raw(&'a str),
}

#[derive(Debug)]
struct Rule {
    number: usize,
    /// One of 128, by the number; a type with more members than that is none of this cache's.
    bit: u128,
    stored_as: String,
    name: String,
    /// The name as JSON, with the colon.
    label: String,
    required: bool,
    kinds: Kinds,
    convert: Convert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convert {
    Nothing,
    Time,
    Id,
    /// Nothing either, but the number must be of digits alone.
    Whole,
}

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const NAMES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];
    const ANY: Self = Self(0b11_1111);
    const NUMBER: Self = Self(1 << 2);

    fn named(name: &str) -> Self {
        let name = if name == "integer" { "number" } else { name };
        Self::NAMES.iter().position(|known| *known == name).map_or(Self::ANY, |bit| Self(1 << bit))
    }

    /// The types that a schema admits.
    fn of_schema(schema: &Value) -> Self {
        let one_of_several = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
        match schema.get("type") {
            Some(Value::String(name)) => Self::named(name),
            Some(Value::Array(names)) => Self(
                names.iter().filter_map(Value::as_str).fold(0, |kinds, name| kinds | Self::named(name).0),
            ),
            _ => one_of_several.map_or(Self::ANY, |some| {
                Self(some.iter().fold(0, |kinds, one| kinds | Self::of_schema(one).0))
            }),
        }
    }

    /// The type of a JSON text, by its first character; the bits are in the order of the names.
    fn of_json(raw: &str) -> Self {
        match raw.as_bytes().first() {
            Some(b'n') => Self(1),
            Some(b't' | b'f') => Self(1 << 1),
            Some(b'"') => Self(1 << 3),
            Some(b'[') => Self(1 << 4),
            Some(b'{') => Self(1 << 5),
            _ => Self::NUMBER,
        }
    }

    fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn describe(self) -> String {
        let names = Self::NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(" or ")
    }
}

impl<T: JsonSchema> Shape<T> {
    /// The shape of `T`, whose members are stored under their own names.
    pub const fn new() -> Self {
        Self { renamed: &[], rules: OnceLock::new(), result: PhantomData }
    }

    /// The same, where some are stored under other names: pairs of the stored and the wire's name.
    pub const fn renaming(renamed: &'static [(&'static str, &'static str)]) -> Self {
        Self { renamed, rules: OnceLock::new(), result: PhantomData }
    }

    /// The result for one stored value.
    pub fn read(&self, stored: &Stored) -> Result<Json<T>> {
        let mut json = String::with_capacity(stored.len() + 16);
        self.write_stored(stored, &mut json)?;
        Ok(Json::trusted(json))
    }

    /// Appends the result's JSON for one stored value.
    pub(crate) fn write_stored(&self, stored: &Stored, out: &mut String) -> Result<()> {
        let begin = out.len();
        if self.write_as_read(stored.text()?, out).is_some() {
            return Ok(());
        }
        out.truncate(begin);
        self.write(&stored.fields()?, &[], out)
    }

    /// Appends the result's JSON while the stored value is read, where that holds nothing unusual. None
    /// where it does: what was appended is then of no use, and [`write`](Self::write) does it, or says
    /// what is wrong.
    fn write_as_read(&self, stored: &str, out: &mut String) -> Option<()> {
        let rules = self.rules();
        let (mut seen, mut next) = (0_u128, 0);
        out.push('{');
        each_member(stored, |name, raw| {
            let is_rule = |rule: &&Rule| rule.stored_as == name;
            push_comma(out);
            match rules.get(next).filter(is_rule).or_else(|| rules.iter().find(is_rule)) {
                Some(rule) => {
                    let is_first = seen & rule.bit == 0;
                    seen |= rule.bit;
                    next = rule.number + 1;
                    out.push_str(&rule.label);
                    rule.push_value(raw, out).ok().filter(|()| is_first && !is_nested(raw))
                }
                None => {
                    push_string(name, out);
                    out.push(':');
                    out.push_str(raw);
                    (!is_nested(raw) && rules.iter().all(|rule| rule.name != name)).then_some(())
                }
            }
        })?;
        out.push('}');
        rules.iter().all(|rule| !rule.required || seen & rule.bit != 0).then_some(())
    }

    fn rules(&self) -> &[Rule] {
        self.rules.get_or_init(|| rules_of::<T>(self.renamed))
    }

    /// The result for a stored object's members, with some added.
    pub fn read_with(&self, stored: &Fields<'_>, added: &[(&str, Added<'_>)]) -> Result<Json<T>> {
        let mut json = String::with_capacity(256);
        self.write(stored, added, &mut json)?;
        Ok(Json::trusted(json))
    }

    /// Appends the result's JSON. On an error, what was appended is of no use.
    pub(crate) fn write(
        &self,
        stored: &Fields<'_>,
        added: &[(&str, Added<'_>)],
        out: &mut String,
    ) -> Result<()> {
        let rules = self.rules();
        out.push('{');
        for (name, value) in added {
            push_name(name, out);
            match value {
                Added::Text(text) => push_string(text, out),
                Added::Raw(json) => out.push_str(json),
            }
        }
        let is_added = |name: &str| added.iter().any(|(other, _)| *other == name);
        let mut seen: u128 = 0;
        // Most writers keep to one order, so the next member's rule is mostly the next rule.
        let mut next = 0;
        for (name, raw) in stored.iter() {
            let is_rule = |rule: &&Rule| rule.stored_as == name;
            // A member may be stored under the wire's name already.
            let is_renamed = |rule: &&Rule| rule.name == name && stored.raw(&rule.stored_as).is_none();
            let rule = rules.get(next).filter(is_rule).or_else(|| rules.iter().find(is_rule));
            let rule = rule.or_else(|| rules.iter().find(is_renamed));
            match rule {
                Some(rule) if is_added(&rule.name) => {}
                Some(rule) => {
                    if seen & rule.bit != 0 {
                        return Err(rule.wrong("stands twice"));
                    }
                    seen |= rule.bit;
                    next = rule.number + 1;
                    push_comma(out);
                    out.push_str(&rule.label);
                    rule.push_value(raw, out)?;
                }
                // One that was computed, or is stored under its own name too: that stands.
                None if is_added(name) || rules.iter().any(|rule| rule.name == name) => {}
                None => {
                    push_name(name, out);
                    out.push_str(raw);
                }
            }
        }
        out.push('}');
        let is_missing = |rule: &Rule| rule.required && seen & rule.bit == 0 && !is_added(&rule.name);
        match rules.iter().any(is_missing) {
            true => Err(missing(rules, stored, is_added)),
            false => Ok(()),
        }
    }
}

impl<T: JsonSchema> Default for Shape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl Rule {
    fn push_value(&self, raw: &str, out: &mut String) -> Result<()> {
        let kind = Kinds::of_json(raw);
        let is_number = kind == Kinds::NUMBER;
        match self.convert {
            Convert::Time if raw.starts_with('"') => {
                let time = serde_json::from_str::<String>(raw).ok().and_then(|text| unix_seconds(&text));
                out.push_str(&time.ok_or_else(|| self.wrong("is no time"))?);
            }
            Convert::Id if is_number => {
                out.push('"');
                out.push_str(raw);
                out.push('"');
            }
            Convert::Whole if is_number && !raw.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(self.wrong("is no whole number"));
            }
            _ if self.kinds.contains(kind) => out.push_str(raw),
            _ => return Err(self.wrong(&format!("is {}, not {}", kind.describe(), self.kinds.describe()))),
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Error {
        Error::corrupt(format!("`{}` {what}", self.stored_as))
    }
}

fn missing(rules: &[Rule], stored: &Fields<'_>, is_added: impl Fn(&str) -> bool) -> Error {
    let present: HashSet<&str> = stored.iter().map(|(name, _)| name).collect();
    let absent = rules
        .iter()
        .filter(|rule| rule.required && !is_added(&rule.name) && !present.contains(rule.stored_as.as_str()));
    let names: Vec<_> = absent.map(|rule| format!("`{}`", rule.stored_as)).collect();
    Error::corrupt(format!("lacks {}", names.join(", ")))
}

fn push_comma(out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
}

fn push_name(name: &str, out: &mut String) {
    push_comma(out);
    push_string(name, out);
    out.push(':');
}

fn rules_of<T: JsonSchema>(renamed: &[(&str, &str)]) -> Vec<Rule> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|item| item == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    let rule = |(number, (name, schema)): (usize, (&String, &Value))| Rule {
        number,
        bit: u32::try_from(number).ok().and_then(|number| 1_u128.checked_shl(number)).unwrap_or_default(),
        stored_as: renamed
            .iter()
            .find(|(_, wire)| wire == name)
            .map_or_else(|| name.clone(), |(stored, _)| (*stored).to_owned()),
        name: name.clone(),
        label: format!("{}:", Value::from(name.as_str())),
        required: is_required(name),
        kinds: Kinds::of_schema(schema),
        convert: match schema.get("format").and_then(Value::as_str) {
            Some(UNIX_TIME) => Convert::Time,
            Some(ID) => Convert::Id,
            Some(format) if format.starts_with("uint") => Convert::Whole,
            _ => Convert::Nothing,
        },
    };
    properties.map(|properties| properties.iter().enumerate().map(rule).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Id, Seconds};

    /// A record.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Sample {
        symbol: String,
        price: Option<f64>,
        timestamp: Option<Seconds>,
        bot_id: Option<Id>,
    }

    static SAMPLE: Shape<Sample> = Shape::renaming(&[("time", "timestamp")]);

    fn read(json: &str) -> Result<String> {
        SAMPLE.read(&Stored::new(json.as_bytes().to_vec())).map(Json::into_text)
    }

    #[test]
    fn renames_converts_and_passes_on() {
        let stored = r#"{"symbol": "BTC/USDT", "time": "2026-11-22T20:28:40.239250", "price": 1.10, "bot_id": 6, "x": {"y": [1]}}"#;
        assert_eq!(
            read(stored).unwrap(),
            r#"{"symbol":"BTC/USDT","timestamp":1795379320.23925,"price":1.10,"bot_id":"6","x":{"y": [1]}}"#
        );
    }

    #[test]
    fn a_member_may_be_stored_under_the_wires_name() {
        assert_eq!(read(r#"{"symbol": "A", "timestamp": 7}"#).unwrap(), r#"{"symbol":"A","timestamp":7}"#);
        let both = r#"{"symbol": "A", "timestamp": 7, "time": 8}"#;
        assert_eq!(read(both).unwrap(), r#"{"symbol":"A","timestamp":8}"#);
    }

    #[test]
    fn says_what_is_wrong() {
        for (stored, complaint) in [
            (r#"{"price": 1}"#, "lacks `symbol`"),
            (r#"{"symbol": 1}"#, "`symbol` is number, not string"),
            (r#"{"symbol": "A", "symbol": "B"}"#, "`symbol` stands twice"),
            (r#"{"symbol": "A", "price": "1"}"#, "`price` is string, not null or number"),
            (r#"{"symbol": "A", "time": "soon"}"#, "`time` is no time"),
        ] {
            let error = read(stored).unwrap_err().to_string();
            assert!(error.contains(complaint), "{stored}: {error}");
        }
    }

    #[test]
    fn what_is_added_stands_in_the_place_of_what_is_stored() {
        let stored =
            Stored::new(br#"{"price": 2, "symbol": 7, "timestamp": "left out", "time": 3}"#.to_vec());
        let added = [("symbol", Added::Text("A\"B")), ("side", Added::Raw("null"))];
        let json = SAMPLE.read_with(&stored.fields().unwrap(), &added).unwrap();
        assert_eq!(json.into_text(), r#"{"symbol":"A\"B","side":null,"price":2,"timestamp":3}"#);
    }
}
