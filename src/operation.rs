//! What an operation is: a params type that knows how to answer, and a const value that registers it.

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::{FutureExt as _, future::BoxFuture};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    cache::{Json, Verb, View},
    protocol::{Error, Result, Warning},
    server::System,
};

/// A one-shot read: the params, and how they are answered from the cache.
pub trait Query: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What comes back. Its schema is published as the operation's result.
    type Output: JsonSchema;

    /// Answers from what lies in the cache now.
    fn run(&self, view: &View) -> impl Future<Output = Result<Json<Self::Output>>> + Send;
}

/// An operation on the server itself, answered without the cache.
pub trait SystemQuery: DeserializeOwned + JsonSchema + 'static {
    /// What comes back.
    type Output: JsonSchema;

    /// Answers from what the server knows of itself.
    fn answer(&self, system: &System<'_>) -> Result<Json<Self::Output>>;
}

/// What kind of operation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One request, one reply.
    Read,
    /// On the server itself.
    System,
}

/// A read's outcome: the result as JSON text, and what had to be left out of it.
pub(crate) type Outcome = Result<(String, Vec<Warning>)>;
type ReadFn = fn(View) -> BoxFuture<'static, Outcome>;
type SystemFn = fn(&System<'_>, &Value) -> Result<String>;
type SchemaFn = fn(&mut SchemaGenerator) -> Schema;

/// An operation as its file registers it. Everything in it is const.
pub struct Operation {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) module: &'static str,
    pub(crate) file: &'static str,
    pub(crate) kind: Kind,
    pub(crate) verbs: &'static [Verb],
    pub(crate) may_miss: bool,
    pub(crate) examples: &'static [&'static str],
    pub(crate) params: SchemaFn,
    pub(crate) result: SchemaFn,
    pub(crate) answer: Answer,
}

#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Read { run: ReadFn, check: fn(&Value) -> Result<(), serde_path_to_error::Error<serde_json::Error>> },
    System(SystemFn),
}

inventory::collect!(Operation);

impl Operation {
    /// A one-shot read. The summary is one sentence for users; `T`'s doc comment says more.
    pub const fn read<T: Query>(name: &'static str, summary: &'static str) -> Self {
        let answer = Answer::Read { run: run::<T>, check: check::<T> };
        Self::new(name, summary, Kind::Read, schema_of::<T>, schema_of::<T::Output>, answer)
    }

    /// An operation on the server itself.
    pub const fn system<T: SystemQuery>(name: &'static str, summary: &'static str) -> Self {
        let answer = Answer::System(answer::<T>);
        Self::new(name, summary, Kind::System, schema_of::<T>, schema_of::<T::Output>, answer)
    }

    const fn new(
        name: &'static str,
        summary: &'static str,
        kind: Kind,
        params: SchemaFn,
        result: SchemaFn,
        answer: Answer,
    ) -> Self {
        Self {
            name,
            summary,
            module: "",
            file: "",
            kind,
            verbs: &[],
            may_miss: false,
            examples: &[],
            params,
            result,
            answer,
        }
    }

    /// The commands it may send. A view refuses all others, so that the check of the Redis user's
    /// rights at start knows what each operation needs.
    pub const fn sends(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    /// It answers `CACHE_MISS` where nothing is stored.
    pub const fn may_miss(mut self) -> Self {
        self.may_miss = true;
        self
    }

    /// Params that work on a filled cache, as JSON. They are in `describe`, and a test runs them.
    pub const fn examples(mut self, examples: &'static [&'static str]) -> Self {
        self.examples = examples;
        self
    }

    /// Where it was registered; the `submit!` macro says so.
    #[doc(hidden)]
    pub const fn registered_at(mut self, module: &'static str, file: &'static str) -> Self {
        self.module = module;
        self.file = file;
        self
    }

    /// Whether it may read much, so that those who ask the same at the same time share one read.
    pub(crate) fn is_shared(&self) -> bool {
        self.verbs.iter().any(|verb| verb.is_bulk())
    }

    /// The domain: the name of the handler file.
    pub(crate) fn domain(&self) -> &'static str {
        self.module.rsplit("::").next().unwrap_or(self.module)
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.root_schema_for::<T>()
}

fn check<T: Query>(params: &Value) -> Result<(), serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize::<_, T>(params).map(drop)
}

fn run<T: Query>(view: View) -> BoxFuture<'static, Outcome> {
    // From the params to the outcome in one future: it is the only one that a request needs memory for.
    Box::pin(async move {
        let result = async {
            let query: T = crate::registry::typed(view.params())?;
            query.run(&view).await
        };
        // A handler that panics is a defect of that handler; its request is answered like any other.
        let result = AssertUnwindSafe(result).catch_unwind().await;
        match result.unwrap_or_else(|_| Err(Error::internal("the handler panicked"))) {
            Ok(result) => Ok((result.into_text(), view.into_warnings())),
            Err(error) => Err(view.failure(error)),
        }
    })
}

fn answer<T: SystemQuery>(system: &System<'_>, params: &Value) -> Result<String> {
    let query: T = crate::registry::typed(params)?;
    Ok(query.answer(system)?.into_text())
}

/// Registers an [`Operation`].
#[macro_export]
macro_rules! submit {
    ($($operation:expr),+ $(,)?) => {
        $($crate::inventory::submit! { $operation.registered_at(module_path!(), file!()) })+
    };
}
