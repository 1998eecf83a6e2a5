//! Joins registrations and entries, and reports all that is wrong at once.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fmt,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use serde_json::Value;

use super::{
    Described, Registered, Registry, closest,
    describe::errors_of,
    entry::{self, Entry},
    params::check_example,
    rights::{Needs, Owner},
    schema::Dialect,
    stream::{StreamFacts, params_schema, share_prefixes, update_schema, with_params},
};
use crate::{
    cache::{Paging, Plan, Verb},
    config::milliseconds,
    operation::{Kind, Operation},
};

/// How long a scan's result is kept where the entry names no interval.
pub(super) const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// The text of an operations.yaml.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// The file that is compiled in.
    pub fn built_in() -> Self {
        Self::new("operations.yaml (built in)", include_str!("../../operations.yaml"))
    }

    /// A text and the name that faults in it are reported under.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned() }
    }

    /// A file.
    pub fn read(file: &Path) -> Result<Self, Faults> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Faults(vec![Fault::new(&name, "", format!("cannot be read: {error}"))]))?;
        Ok(Self { name, text })
    }
}

/// One thing that is wrong with an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    file: String,
    entry: String,
    message: String,
}

impl Fault {
    pub(super) fn new(file: &str, entry: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), entry: entry.to_owned(), message: message.into() }
    }
}

/// All that is wrong with the operations.
#[derive(Debug, Clone)]
pub struct Faults(Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fault(s) in the operations:", self.0.len())?;
        for Fault { file, entry, message } in &self.0 {
            match entry.as_str() {
                "" => write!(f, "\n  {file}: {message}")?,
                entry => write!(f, "\n  {file}: {entry}: {message}")?,
            }
        }
        Ok(())
    }
}

impl Error for Faults {}

pub(super) fn build(sources: &[Source]) -> Result<Registry, Faults> {
    let registered: Vec<&Operation> = inventory::iter::<Operation>.into_iter().collect();
    join(&registered, sources)
}

fn join(registered: &[&Operation], sources: &[Source]) -> Result<Registry, Faults> {
    let mut faults = Vec::new();
    let mut entries = entry::read(sources, &mut faults);
    // inventory promises no order and no uniqueness.
    let mut by_name: BTreeMap<&str, &Operation> = BTreeMap::new();
    for operation in registered {
        if let Some(other) = by_name.insert(operation.name, operation) {
            faults.push(Fault::new(
                operation.file,
                operation.name,
                format!("is registered in {} too", other.file),
            ));
        }
    }
    let mut operations = Vec::new();
    for (number, (name, operation)) in by_name.iter().enumerate() {
        let Some(entry) = entries.remove(*name) else {
            let message = format!("{} registers it, but it has no entry", operation.file);
            faults.push(Fault::new(&sources[0].name, name, message));
            continue;
        };
        let joined = join_one(number, operation, &entry, &mut faults);
        if let (Some(joined), true) = (joined, entry.enabled) {
            operations.push(joined);
        }
    }
    faults.extend(without_operation(entries, by_name.keys().copied()));
    if faults.is_empty() {
        share_prefixes(&mut operations);
        let operations: Vec<Arc<Registered>> = operations.into_iter().map(Arc::new).collect();
        let numbers = by_name.len();
        let by_name = operations.iter().map(|operation| (operation.name, operation.clone())).collect();
        return Ok(Registry { operations, by_name, numbers });
    }
    faults.sort();
    Err(Faults(faults))
}

fn without_operation<'n>(
    entries: HashMap<String, Entry>,
    names: impl Iterator<Item = &'n str> + Clone,
) -> impl Iterator<Item = Fault> {
    entries.into_iter().map(move |(name, entry)| {
        let hint = match closest(&name, names.clone()).first() {
            Some(close) => format!("; did you mean `{close}`?"),
            None => String::new(),
        };
        Fault::new(&entry.file, &name, format!("no handler registers an operation of this name{hint}"))
    })
}

fn join_one(
    number: usize,
    operation: &Operation,
    entry: &Entry,
    faults: &mut Vec<Fault>,
) -> Option<Registered> {
    let faults_before = faults.len();
    let mut code_fault = |message: String| faults.push(Fault::new(operation.file, operation.name, message));

    let is_stream = operation.kind == Kind::Stream;
    let params = params_of(operation, Dialect::Draft2020);
    let is_snake_case = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if !is_snake_case(operation.name) {
        code_fault("a name is made of a-z, 0-9 and _".to_owned());
    }
    if operation.summary.trim().is_empty() {
        code_fault("has no summary".to_owned());
    }
    if params.get("additionalProperties") != Some(&Value::Bool(false)) {
        code_fault("its params type lacks `#[serde(deny_unknown_fields)]`".to_owned());
    }
    if operation.kind != Kind::System && (operation.verbs.is_empty() || operation.examples.is_empty()) {
        code_fault("it names the commands that it `.sends(…)` and has `.examples(…)`".to_owned());
    }
    let validator = jsonschema::validator_for(&params)
        .map_err(|error| code_fault(format!("its params schema is none: {error}")))
        .ok();

    let described = Described {
        name: operation.name.to_owned(),
        kind: operation.kind,
        domain: operation.domain().to_owned(),
        summary: entry.summary.clone().unwrap_or_else(|| operation.summary.to_owned()),
        description: params.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        result: (!is_stream).then(|| Dialect::Draft2020.schema(operation.result)),
        update: is_stream.then(|| update_of(operation, Dialect::Draft2020)),
        update_type: operation.watched.map(|watched| watched.update_type.to_owned()),
        keys: entry.keys.iter().map(|(name, pattern)| (name.clone(), pattern.source().to_owned())).collect(),
        commands: operation.verbs.iter().map(|verb| verb.name().to_owned()).collect(),
        channel: entry.channel.as_ref().map(|pattern| pattern.source().to_owned()),
        near_cache: entry.near_cache,
        poll_interval_ms: (operation.kind != Kind::System).then(|| milliseconds(interval(entry))),
        push: is_stream.then(|| if entry.channel.is_some() { "channel" } else { "tracking" }.to_owned()),
        scope: entry.scope,
        owner: entry.owner.clone(),
        paging: paging_of(operation).into_iter().map(str::to_owned).collect(),
        errors: errors_of(operation),
        examples: operation
            .examples
            .iter()
            .filter_map(|example| serde_json::from_str(example).ok())
            .collect(),
        params,
    };
    check_entry(operation, entry, &described, faults);

    let plan = Plan {
        operation: operation.name.to_owned(),
        keys: entry.keys.clone().into_iter().collect(),
        verbs: operation.verbs,
        scan_limits: entry.scan_limits,
        keep_scans: interval(entry),
        corrupt: AtomicU64::new(0),
        corrupt_logged: Mutex::default(),
    };
    let registered = Registered {
        name: operation.name,
        number,
        answer: operation.answer,
        has_owned_rows: operation.has_owned_rows,
        paging: operation.is_paged.then(|| paging_of(operation)),
        is_kept: entry.near_cache,
        prefixes: Arc::default(),
        is_for_strangers: operation.is_for_strangers,
        needs: Needs { scope: entry.scope, owner: entry.owner.as_deref().map(Owner::of) },
        plan: Arc::new(plan),
        stream: operation
            .watched
            .map(|watched| StreamFacts::new(watched, entry.channel.clone(), interval(entry))),
        validator: validator?,
        description: serde_json::to_string(&described)
            .map_err(|error| faults.push(Fault::new(operation.file, operation.name, error.to_string())))
            .ok()?,
        described,
        off: ArcSwapOption::empty(),
    };
    for example in operation.examples {
        if let Err(error) = check_example(&registered, example) {
            faults.push(Fault::new(operation.file, operation.name, format!("the example {example} {error}")));
        }
    }
    (faults.len() == faults_before).then_some(registered)
}

/// What the entry says must fit what the code says.
fn check_entry(operation: &Operation, entry: &Entry, described: &Described, faults: &mut Vec<Fault>) {
    let params: Vec<&str> = described.param_names().collect();
    let mut fault = |message: String| faults.push(Fault::new(&entry.file, operation.name, message));
    if operation.kind != Kind::System && entry.keys.is_empty() {
        fault("it needs `keys`".to_owned());
    }
    let unkept = match operation.kind {
        Kind::Stream | Kind::System => Some("what is kept is the answers of reads"),
        Kind::Read if operation.verbs.contains(&Verb::Scan) => {
            Some("it looks for keys (SCAN), and nothing tells when there are others")
        }
        Kind::Read if operation.has_owned_rows => Some("its answer depends on who asks"),
        Kind::Read => None,
    };
    if let Some(why) = unkept.filter(|_| entry.near_cache) {
        fault(format!("`near_cache`: {why}"));
    }
    let keys = entry.keys.iter().map(|(name, pattern)| (format!("keys.{name}"), pattern));
    for (field, pattern) in keys.chain(entry.channel.iter().map(|pattern| ("channel".to_owned(), pattern))) {
        for slot in pattern.params().filter(|slot| !params.contains(slot)) {
            let hint = match closest(slot, params.iter().copied()).first() {
                Some(close) => format!("did you mean `{{{close}}}`?"),
                None => format!("`{{{slot}|any}}` stands for what a scan finds"),
            };
            fault(format!("`{field}`: `{{{slot}}}` is no param of it; {hint}"));
        }
    }
    if let Some(Owner::Param(owner)) = entry.owner.as_deref().map(Owner::of)
        && !params.contains(&owner.as_str())
    {
        fault(format!("`owner`: `{owner}` is no param of it, nor `{}`", Owner::ALL_USERS));
    }
}

/// The schema of an operation's params.
pub(super) fn params_of(operation: &Operation, dialect: Dialect) -> Value {
    let own = dialect.schema(operation.params);
    match operation.kind {
        Kind::Stream => params_schema(dialect, own),
        Kind::Read if operation.is_paged => with_params(own, &dialect.schema(Paging::schema)),
        Kind::Read | Kind::System => own,
    }
}

/// The params by which a part of an operation's answer is asked for, beside its own.
fn paging_of(operation: &Operation) -> Vec<&'static str> {
    if !operation.is_paged {
        return Vec::new();
    }
    let own = Dialect::Draft2020.schema(operation.params);
    let is_own = |name: &&str| own.get("properties").is_some_and(|own| own.get(*name).is_some());
    Paging::NAMES.into_iter().filter(|name| !is_own(name)).collect()
}

/// The schema of a stream's updates.
pub(super) fn update_of(operation: &Operation, dialect: Dialect) -> Value {
    update_schema(operation, dialect.schema(operation.result))
}

fn interval(entry: &Entry) -> Duration {
    entry.poll_interval.unwrap_or(DEFAULT_INTERVAL)
}
