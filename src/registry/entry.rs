//! The entries of operations.yaml, read field by field so that every fault is reported, not the first.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde_yaml::{Mapping, Value};

use super::{
    build::{Fault, Source},
    closest, yaml,
};
use crate::{
    access::Scope,
    cache::{Pattern, ScanLimits},
    config::parse_duration,
};

const FIELDS: [&str; 9] =
    ["keys", "channel", "poll_interval", "near_cache", "scope", "owner", "limits", "summary", "enabled"];
const LIMITS: [&str; 2] = ["scan_keys", "scan_steps"];

/// One entry, all files laid over each other.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The file that it comes from: the last one that named it.
    pub(super) file: String,
    pub(super) keys: BTreeMap<String, Pattern>,
    pub(super) channel: Option<Pattern>,
    pub(super) poll_interval: Option<Duration>,
    pub(super) near_cache: bool,
    pub(super) scope: Option<Scope>,
    pub(super) owner: Option<String>,
    pub(super) scan_limits: ScanLimits,
    pub(super) summary: Option<String>,
    pub(super) enabled: bool,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            file: String::new(),
            keys: BTreeMap::new(),
            channel: None,
            poll_interval: None,
            near_cache: false,
            scope: None,
            owner: None,
            scan_limits: ScanLimits { keys: 10_000, steps: 10_000 },
            summary: None,
            enabled: true,
        }
    }
}

/// Reads the files, later ones over earlier ones.
pub(super) fn read(sources: &[Source], faults: &mut Vec<Fault>) -> HashMap<String, Entry> {
    let mut entries: HashMap<String, Entry> = HashMap::new();
    for source in sources {
        let file = &source.name;
        let mapping = mapping(source, faults);
        for (name, fields) in &mapping {
            let Some(name) = name.as_str() else {
                faults.push(Fault::new(file, "", format!("{name:?} is no operation's name")));
                continue;
            };
            let entry = entries.entry(name.to_owned()).or_default();
            file.clone_into(&mut entry.file);
            let known_keys = entry.keys.keys().cloned().collect();
            let mut reader = Reader { file, name, known_keys, faults };
            match fields {
                Value::Null => {}
                Value::Mapping(fields) => reader.fields(fields, entry),
                _ => reader.fault("an entry is a mapping of fields"),
            }
        }
    }
    entries
}

/// What stands in one file; nothing where that is no mapping.
fn mapping(source: &Source, faults: &mut Vec<Fault>) -> Mapping {
    let mut fault = |entry: &str, message: String| faults.push(Fault::new(&source.name, entry, message));
    let (value, twice) = match yaml::read(&source.text) {
        Ok(read) => read,
        Err(error) => {
            fault("", format!("no YAML mapping of operations: {error}"));
            return Mapping::new();
        }
    };
    for path in twice {
        match path.split_first() {
            Some((name, [])) => fault(name, "stands there twice".to_owned()),
            Some((name, field)) => fault(name, format!("`{}` stands there twice", field.join("."))),
            None => {}
        }
    }
    match value {
        Value::Mapping(mapping) => mapping,
        Value::Null => Mapping::new(),
        _ => {
            fault("", "no YAML mapping of operations".to_owned());
            Mapping::new()
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    name: &'a str,
    /// The names of the keys that earlier files gave it: the handler asks for no others.
    known_keys: Vec<String>,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(Fault::new(self.file, self.name, message));
    }

    fn fields(&mut self, fields: &Mapping, entry: &mut Entry) {
        for (field, value) in fields {
            match field.as_str().unwrap_or_default() {
                "keys" => self.keys(value, entry),
                "channel" => {
                    if let Some(pattern) = self.pattern("channel", value) {
                        entry.channel = Some(pattern);
                    }
                }
                "poll_interval" => {
                    if let Some(interval) = self.duration(value) {
                        entry.poll_interval = Some(interval);
                    }
                }
                "scope" => match value.as_str().unwrap_or_default().parse() {
                    Ok(scope) => entry.scope = Some(scope),
                    Err(error) => self.fault(format!("`scope`: {error}")),
                },
                "owner" => entry.owner = self.text("owner", value).or(entry.owner.take()),
                "summary" => entry.summary = self.text("summary", value).or(entry.summary.take()),
                "limits" => self.limits(value, entry),
                "enabled" => entry.enabled = self.flag("enabled", value).unwrap_or(entry.enabled),
                "near_cache" => entry.near_cache = self.flag("near_cache", value).unwrap_or(entry.near_cache),
                _ => self.unknown("field", field, &FIELDS),
            }
        }
    }

    fn keys(&mut self, value: &Value, entry: &mut Entry) {
        let Some(keys) = value.as_mapping() else {
            return self.fault("`keys`: a mapping of names to key patterns");
        };
        for (name, pattern) in keys {
            let Some(name) = name.as_str() else {
                self.fault(format!("`keys`: {name:?} is no name"));
                continue;
            };
            if !self.known_keys.is_empty() && !self.known_keys.iter().any(|known| known == name) {
                let known = self.known_keys.clone();
                self.unknown("key", &name.into(), &known.iter().map(String::as_str).collect::<Vec<_>>());
                continue;
            }
            if let Some(pattern) = self.pattern(&format!("keys.{name}"), pattern) {
                entry.keys.insert(name.to_owned(), pattern);
            }
        }
    }

    fn limits(&mut self, value: &Value, entry: &mut Entry) {
        let Some(limits) = value.as_mapping() else {
            return self.fault("`limits`: a mapping of limits to numbers");
        };
        for (limit, value) in limits {
            let (name, most) = (limit.as_str().unwrap_or_default(), value.as_u64());
            let field = match name {
                "scan_keys" => &mut entry.scan_limits.keys,
                "scan_steps" => &mut entry.scan_limits.steps,
                _ => {
                    self.unknown("limit", limit, &LIMITS);
                    continue;
                }
            };
            match most.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0) {
                Some(most) => *field = most,
                None => self.fault(format!("`limits.{name}`: a whole number above 0")),
            }
        }
    }

    fn pattern(&mut self, field: &str, value: &Value) -> Option<Pattern> {
        let text = self.text(field, value)?;
        Pattern::parse(&text).map_err(|error| self.fault(format!("`{field}`: {error}"))).ok()
    }

    fn duration(&mut self, value: &Value) -> Option<Duration> {
        let text = value.as_str().unwrap_or_default();
        match parse_duration(text) {
            Ok(duration) if !duration.is_zero() => Some(duration),
            _ => {
                self.fault("`poll_interval`: a duration above zero with its unit, such as 500ms or 2s");
                None
            }
        }
    }

    fn flag(&mut self, field: &str, value: &Value) -> Option<bool> {
        let flag = value.as_bool();
        if flag.is_none() {
            self.fault(format!("`{field}`: true or false"));
        }
        flag
    }

    fn text(&mut self, field: &str, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(format!("`{field}`: a text"));
        }
        text
    }

    fn unknown(&mut self, what: &str, name: &Value, known: &[&str]) {
        let name = name.as_str().unwrap_or("(not a text)");
        let hint = match closest(name, known.iter().copied()).first() {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        self.fault(format!("no {what} `{name}`; {hint}"));
    }
}
