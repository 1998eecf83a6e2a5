//! Finds the configuration's values and knows where each came from.

use std::path::{Path, PathBuf};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::{Actual, Kind},
    providers::{Format as _, Serialized, Toml},
    value::{Dict, Map, Value},
};

use super::Config;
use crate::registry::closest;

/// The file that is read if it is there and no other is named.
pub const DEFAULT_FILE: &str = "fullon-cache-api.toml";
/// What a variable for any other value begins with: `FULLON_CACHE_API__LIMITS__IN_FLIGHT`.
pub const PREFIX: &str = "FULLON_CACHE_API__";

/// The variables with a name of their own, and the keys that they stand for.
pub const VARIABLES: [(&str, &str); 11] = [
    ("REDIS_URL", "redis.url"),
    ("REDIS_HOST", "redis.host"),
    ("REDIS_PORT", "redis.port"),
    ("REDIS_DB", "redis.db"),
    ("REDIS_USER", "redis.user"),
    ("REDIS_PASSWORD", "redis.password"),
    ("WEBSOCKET_HOST", "listen.host"),
    ("WEBSOCKET_PORT", "listen.port"),
    ("LOG_LEVEL", "log.level"),
    ("LOG_FORMAT", "log.format"),
    ("OPERATIONS_FILE", "operations_file"),
];

/// One thing that is wrong with the configuration, as a sentence with its place.
pub type Problem = String;

/// One value as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its dotted name.
    pub key: String,
    /// The value; secrets are hidden.
    pub value: String,
    /// Where it came from.
    pub source: String,
}

/// Where values are looked for.
#[derive(Debug, Clone, Default)]
pub struct Loader {
    /// The TOML file; None: [`DEFAULT_FILE`], if it is there.
    pub file: Option<PathBuf>,
    /// The folder in which the default file and `.env` are looked for.
    pub folder: PathBuf,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags: dotted name, value, and the flag's own name.
    pub flags: Vec<(String, String, String)>,
}

impl Loader {
    /// The surroundings of this process.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String, String)>) -> Self {
        // A variable that is not UTF-8 is none of ours.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            file,
            folder: PathBuf::from("."),
            environment: std::env::vars_os().filter_map(text).collect(),
            flags,
        }
    }

    /// The configuration, or all that is wrong with it.
    pub fn load(&self) -> Result<(Config, Vec<Effective>), Vec<Problem>> {
        let figment = self.layers()?;
        let config: Config = figment
            .extract()
            .map_err(|errors| errors.into_iter().map(|error| problem(&error)).collect::<Vec<_>>())?;
        let faults = config.faults();
        if faults.is_empty() {
            return Ok((config.clone(), effective(&figment, &config)));
        }
        let problem = |(key, fault)| format!("{}: `{key}`: {fault}", source_of(&figment, key));
        Err(faults.into_iter().map(problem).collect())
    }

    fn layers(&self) -> Result<Figment, Vec<Problem>> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = self.toml_file()? {
            figment = figment.merge(Toml::file_exact(file));
        }
        let dotenv = self.dotenv()?;
        for (variables, suffix) in [(&dotenv, " in .env"), (&self.environment, "")] {
            let mut ours: Vec<_> = variables
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .filter_map(|(name, value)| Some((name, key_of(name)?, value)))
                .collect();
            // Where two name one key, the one with the prefix wins, whatever order they come in.
            ours.sort_by_key(|(name, ..)| name.starts_with(PREFIX));
            for (name, key, value) in ours {
                figment = figment.merge(One::new(format!("{name}{suffix}"), &key, value));
            }
        }
        for (key, value, flag) in &self.flags {
            figment = figment.merge(One::new(flag.clone(), key, value));
        }
        Ok(figment)
    }

    fn toml_file(&self) -> Result<Option<PathBuf>, Vec<Problem>> {
        match &self.file {
            Some(file) if file.is_file() => Ok(Some(file.clone())),
            Some(file) => Err(vec![format!("{}: there is no such file", file.display())]),
            None => Ok(Some(self.folder.join(DEFAULT_FILE)).filter(|file| file.is_file())),
        }
    }

    fn dotenv(&self) -> Result<Vec<(String, String)>, Vec<Problem>> {
        let file: &Path = &self.folder.join(".env");
        if !file.is_file() {
            return Ok(Vec::new());
        }
        let lines = dotenvy::from_path_iter(file).map_err(|error| vec![format!(".env: {error}")])?;
        // The error of a line may repeat it, and it may hold a password.
        let line = |(index, line): (usize, dotenvy::Result<_>)| {
            line.map_err(|_| vec![format!(".env: variable {} cannot be read", index + 1)])
        };
        lines.enumerate().map(line).collect()
    }
}

/// The dotted name that a variable stands for.
fn key_of(variable: &str) -> Option<String> {
    let own = VARIABLES.iter().find(|(name, _)| *name == variable).map(|(_, key)| (*key).to_owned());
    own.or_else(|| Some(variable.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".")))
}

/// One value from one place, always a text: what it means is up to the field.
struct One {
    place: String,
    dict: Dict,
}

impl One {
    fn new(place: String, key: &str, value: &str) -> Self {
        let leaf = Value::from(value);
        let nested =
            key.rsplit('.').fold(leaf, |inner, name| Value::from(Dict::from([(name.to_owned(), inner)])));
        Self { place, dict: nested.into_dict().unwrap_or_default() }
    }
}

impl Provider for One {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }
    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

/// What is wrong, where, and what to do. A value of the wrong type is not repeated: it may be a secret in the wrong place.
pub(super) fn problem(error: &figment::Error) -> Problem {
    let place = match &error.metadata {
        Some(metadata) => format!("{}: ", place_of(metadata)),
        None => String::new(),
    };
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let parent = error.path.split_last().map_or(String::new(), |(last, parent)| {
                let parent = if last == field { parent } else { &error.path };
                parent.iter().map(|name| format!("{name}.")).collect()
            });
            let hint = match closest(field, known.iter().copied()).first() {
                Some(close) => format!("did you mean `{parent}{close}`?"),
                None => format!("there are {}", known.join(", ")),
            };
            format!("{place}no key `{parent}{field}`; {hint}")
        }
        Kind::UnknownVariant(found, known) => {
            format!("{place}`{key}`: {found:?} is none of {}", known.join(", "))
        }
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            // serde names our types where users know kinds of values.
            let wanted = match wanted.split(' ').next() {
                Some("struct") => "a table",
                Some("enum") => "a text",
                _ if wanted == "a sequence" => "a list",
                _ => wanted,
            };
            format!("{place}`{key}`: want {wanted}, found {}", kind_of(found))
        }
        Kind::Message(text) if key.is_empty() => format!("{place}{}", without_excerpt(text)),
        kind if key.is_empty() => format!("{place}{kind}"),
        kind => format!("{place}`{key}`: {kind}"),
    }
}

/// What a value is, without the value.
fn kind_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        Actual::Unit | Actual::Option => "nothing",
        _ => "something else",
    }
}

/// A syntax error without the lines of the file that it shows: they may hold a password.
fn without_excerpt(text: &str) -> String {
    let is_excerpt =
        |line: &str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    let lines: Vec<&str> = text.lines().filter(|line| !is_excerpt(line)).collect();
    lines.join(": ")
}

fn place_of(metadata: &Metadata) -> String {
    match metadata.source.as_ref().and_then(figment::Source::file_path) {
        Some(file) => file.display().to_string(),
        None => metadata.name.to_string(),
    }
}

/// Where the value of a key came from.
fn source_of(figment: &Figment, key: &str) -> String {
    // What stands in a list came with the list.
    let parents = std::iter::successors(Some(key), |key| Some(key.rsplit_once('.')?.0));
    let metadata = parents.filter_map(|key| figment.find_metadata(key)).next();
    match metadata {
        Some(metadata) if !metadata.name.contains("Config") => place_of(metadata),
        _ => "default".to_owned(),
    }
}

fn effective(figment: &Figment, config: &Config) -> Vec<Effective> {
    let mut all = Vec::new();
    if let Ok(value) = Value::serialize(config) {
        leaves(String::new(), &value, &mut |key, value| {
            let source = source_of(figment, &key);
            all.push(Effective { key, value, source });
        });
    }
    all
}

fn leaves(key: String, value: &Value, visit: &mut impl FnMut(String, String)) {
    match value {
        Value::Dict(_, dict) => {
            for (name, inner) in dict {
                leaves(if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, inner, visit);
            }
        }
        Value::Empty(..) => visit(key, "(none)".to_owned()),
        Value::Array(_, values) if values.iter().all(|value| value.as_dict().is_none()) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            visit(key, if texts.is_empty() { "(none)".to_owned() } else { texts.join(", ") });
        }
        Value::Array(_, values) => {
            for (index, value) in values.iter().enumerate() {
                leaves(format!("{key}.{index}"), value, visit);
            }
        }
        Value::String(_, text) => visit(key, text.clone()),
        other => {
            let number = other.to_u128().map(|number| number.to_string());
            visit(key, number.or_else(|| other.to_bool().map(|flag| flag.to_string())).unwrap_or_default());
        }
    }
}
