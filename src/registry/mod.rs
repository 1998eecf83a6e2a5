//! Joins what the handlers registered with operations.yaml, and knows the result: which operations
//! there are, what they take and give, and whether params are valid.

mod build;
mod describe;
mod entry;
mod params;
mod rights;
mod schema;
mod stream;
mod yaml;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
};

use arc_swap::ArcSwapOption;
use serde_json::{Map, Value};

pub use build::{Faults, Source};
pub use describe::Described;
pub(crate) use describe::Filter;
pub(crate) use params::typed;
pub(crate) use rights::Ask;
pub use schema::{Dialect, SchemaDocument};
pub(crate) use stream::named_by;

use crate::{
    cache::{Glob, Paging, Plan, Probe, Wish},
    operation::Answer,
    protocol::{Error, ErrorCode},
};

/// All operations, by name.
pub struct Registry {
    operations: Vec<Arc<Registered>>,
    by_name: hashbrown::HashMap<&'static str, Arc<Registered>>,
    /// How many operations this binary has, those among them that are not in force.
    numbers: usize,
}

/// One operation, ready to be called.
pub struct Registered {
    pub(crate) name: &'static str,
    /// Its place among all operations of this binary, whatever a reload makes of it.
    pub(crate) number: usize,
    pub(crate) answer: Answer,
    /// Whether what it reads belongs to different users.
    pub(crate) has_owned_rows: bool,
    is_for_strangers: bool,
    needs: rights::Needs,
    pub(crate) plan: Arc<Plan>,
    /// The params by which a part of the answer is asked for, if it answers in parts.
    paging: Option<Vec<&'static str>>,
    /// Whether an answer may be given again while nothing that it rests on has changed.
    pub(crate) is_kept: bool,
    /// How the keys begin that Redis is asked to tell the changes of, for its streams or its kept answers. No two of
    /// all operations overlap.
    pub(crate) prefixes: Arc<[String]>,
    /// What there is to know of it if it is a stream.
    pub(crate) stream: Option<stream::StreamFacts>,
    pub(crate) validator: jsonschema::Validator,
    pub(crate) described: Described,
    /// What `describe` says of it, as JSON text.
    pub(crate) description: String,
    /// Why it is off, if the Redis user may not do what it needs.
    off: ArcSwapOption<String>,
}

impl Registry {
    /// The operations of this binary as its own operations.yaml has them.
    pub fn built_in() -> Result<Self, Faults> {
        Self::of(&[Source::built_in()])
    }

    /// The same with a file laid over it.
    pub fn with_overlay(file: &std::path::Path) -> Result<Self, Faults> {
        Self::of(&[Source::built_in(), Source::read(file)?])
    }

    /// The operations of this binary as these texts have them, later ones laid over earlier ones.
    pub(crate) fn of(sources: &[Source]) -> Result<Self, Faults> {
        build::build(sources)
    }

    /// All operations, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.operations.iter().map(|operation| &**operation)
    }

    /// How many numbers of operations there are.
    pub(crate) fn numbers(&self) -> usize {
        self.numbers
    }

    /// The streams, by name.
    pub(crate) fn streams(&self) -> HashMap<&'static str, Arc<Registered>> {
        let streams = self.operations.iter().filter(|operation| operation.stream.is_some());
        streams.map(|operation| (operation.name, operation.clone())).collect()
    }

    /// One operation.
    pub fn get(&self, name: &str) -> Option<&Arc<Registered>> {
        self.by_name.get(name)
    }

    /// How many corrupt values each operation has met, where it has.
    pub(crate) fn corrupt_values(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.iter().map(|operation| (operation.name, operation.corrupt_values()));
        counts.filter(|(_, count)| *count > 0)
    }

    /// The error for a name that no operation has: it names the closest ones.
    pub fn unknown(&self, name: &str) -> Error {
        let names = self.iter().map(|operation| operation.name);
        let hint = match closest(name, names).as_slice() {
            [] => String::new(),
            close => format!("; did you mean {}?", close.join(" or ")),
        };
        let shown: String = name.chars().take(64).collect();
        Error::new(ErrorCode::InvalidOperation, format!("no operation {shown:?}{hint}"))
    }

    /// What the cache may be asked to tell, for streams and for answers that are kept.
    pub(crate) fn wishes(&self) -> BTreeSet<Wish> {
        self.iter().flat_map(Registered::wishes).collect()
    }

    /// The channels that streams listen to.
    pub fn channels(&self) -> Vec<Glob> {
        self.wishes().iter().filter_map(Wish::channels).cloned().collect()
    }

    /// Everything that the operations need of the Redis user.
    pub fn probes(&self) -> Vec<Probe> {
        let probes = self.iter().flat_map(|operation| {
            let keys = operation.plan.keys.iter();
            keys.flat_map(|(_, pattern)| operation.plan.verbs.iter().map(move |verb| (pattern, *verb))).map(
                |(pattern, verb)| Probe {
                    operation: operation.name.to_owned(),
                    verb,
                    pattern: pattern.clone(),
                },
            )
        });
        probes.collect()
    }
}

impl Registered {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What `describe` says of it.
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Checks params against the operation's schema.
    pub fn validate(&self, params: &Value) -> Result<(), Error> {
        params::validate(self, params)
    }

    /// Takes out of the params what asks for a part of the answer; None: it does not answer in parts.
    pub(crate) fn take_paging(&self, params: &mut Arc<Value>) -> Result<Option<Paging>, Error> {
        let Some(names) = &self.paging else { return Ok(None) };
        let mut paging = Map::new();
        if let Some(params) = Arc::make_mut(params).as_object_mut() {
            for name in names {
                paging.extend(params.remove(*name).map(|value| ((*name).to_owned(), value)));
            }
        }
        typed(&Value::from(paging)).map(Some)
    }

    /// Switches it off, for a reason that the operator knows already, or on.
    pub fn switch(&self, off: Option<String>) {
        self.off.store(off.map(Arc::new));
    }

    /// Stays off if another that does the same is.
    pub(crate) fn take_over(&self, before: &Self) {
        self.plan.corrupt.store(before.plan.corrupt.load(Ordering::Relaxed), Ordering::Relaxed);
        if self.plan.keys == before.plan.keys {
            self.off.store(before.off.load_full());
        }
    }

    /// How many corrupt values it has met.
    pub(crate) fn corrupt_values(&self) -> u64 {
        self.plan.corrupt.load(Ordering::Relaxed)
    }

    /// Whether it is off.
    pub(crate) fn is_off(&self) -> bool {
        self.off.load().is_some()
    }

    /// An error if it is off.
    pub(crate) fn check_on(&self) -> Result<(), Error> {
        match &*self.off.load() {
            None => Ok(()),
            Some(reason) => Err(Error::new(
                ErrorCode::CacheUnavailable,
                format!("{} is off: the server lacks a right in the cache that it needs", self.name),
            )
            .because(reason.as_str())),
        }
    }
}

/// The names that are most like one that does not exist, best first.
pub(crate) fn closest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    /// Below this two words have little to do with each other.
    const ALIKE: f64 = 0.75;
    const MOST: usize = 3;
    if wrong.len() > 64 {
        return Vec::new();
    }
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(MOST).map(|(_, name)| name).collect()
}
