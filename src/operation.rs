//! What an operation is: a params type that knows how to answer, and a const value that registers it.

use std::{any::TypeId, future::Future, panic::AssertUnwindSafe};

use futures_util::{FutureExt as _, future::BoxFuture};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    cache::{Json, Verb, View},
    protocol::{Error, ErrorCode, Remarks, Result},
    server::System,
    streams::{self, Said, Sheet, State},
};

/// A one-shot read: the params, and how they are answered from the cache. The Rust client sends the same params and
/// reads the same result.
pub trait Query: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What comes back. Its schema is published as the operation's result.
    type Output: JsonSchema + DeserializeOwned + Send + 'static;

    /// Answers from what lies in the cache now.
    fn run(&self, view: &View) -> impl Future<Output = Result<Json<Self::Output>>> + Send;
}

/// An operation on the server itself, answered without the cache.
pub trait SystemQuery: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What comes back.
    type Output: JsonSchema;

    /// Answers from what the server knows of itself.
    fn answer(&self, system: &System) -> impl Future<Output = Result<Json<Self::Output>>> + Send;
}

/// A stream: what is watched, and how its present state is read. The server reads it again when something
/// changed, compares item by item, and sends what differs.
///
/// The type is the params. They fill the key patterns; a topic is shared by all who give the same, but for
/// the param that chooses groups of items ([`Operation::grouped_by`]), so there is no `self` here.
pub trait Watch: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// An item as updates carry it.
    type Update: JsonSchema + DeserializeOwned + Send + 'static;

    /// Tells the present state, or what [`State::said`] holds.
    fn read(view: &View, state: &mut State<'_, Self::Update>) -> impl Future<Output = Result<()>> + Send;
}

/// What kind of operation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One request, one reply.
    Read,
    /// One request, one reply, then updates.
    Stream,
    /// On the server itself.
    System,
}

/// A read's outcome: the result as JSON text, and what is to be said of it.
pub(crate) type Outcome = Result<(String, Remarks)>;
pub(crate) type ReadFn = fn(View) -> BoxFuture<'static, Outcome>;
pub(crate) type SystemFn = fn(System, Value) -> BoxFuture<'static, Outcome>;
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
    pub(crate) has_owned_rows: bool,
    pub(crate) is_paged: bool,
    pub(crate) is_for_strangers: bool,
    pub(crate) more_errors: &'static [ErrorCode],
    pub(crate) examples: &'static [&'static str],
    /// The type of the params.
    pub(crate) takes: TypeId,
    pub(crate) params: SchemaFn,
    pub(crate) result: SchemaFn,
    pub(crate) answer: Answer,
    pub(crate) watched: Option<Watched>,
}

/// What a stream's file says of what it watches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub(crate) kind: streams::Kind,
    pub(crate) update_type: &'static str,
    pub(crate) group_param: Option<&'static str>,
    pub(crate) named_by: &'static [&'static str],
    pub(crate) ages: bool,
}

type CheckFn = fn(&Value) -> Result<(), serde_path_to_error::Error<serde_json::Error>>;
type WatchFn = fn(View, Sheet) -> BoxFuture<'static, (Sheet, Result<()>)>;
type HearFn = fn(View, &mut Sheet, Said);

#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Stream { read: WatchFn, hear: HearFn, check: CheckFn },
    Read { run: ReadFn, check: CheckFn },
    System(SystemFn),
}

inventory::collect!(Operation);

impl Operation {
    /// A one-shot read. The summary is one sentence for users; `T`'s doc comment says more.
    pub const fn read<T: Query>(name: &'static str, summary: &'static str) -> Self {
        let answer = Answer::Read { run: run::<T>, check: check::<T> };
        Self::new::<T>(name, summary, Kind::Read, schema_of::<T::Output>, answer)
    }

    /// A stream. The summary is one sentence for users; `update_type` is the `type` of its updates.
    pub const fn stream<T: Watch>(
        name: &'static str,
        summary: &'static str,
        update_type: &'static str,
    ) -> Self {
        let answer = Answer::Stream { read: watch::<T>, hear: hear::<T>, check: check::<T> };
        let mut operation = Self::new::<T>(name, summary, Kind::Stream, schema_of::<T::Update>, answer);
        operation.watched = Some(Watched {
            kind: streams::Kind::State,
            update_type,
            group_param: None,
            named_by: &[],
            ages: false,
        });
        operation
    }

    /// It is a log: every entry counts, and none is replaced by a newer one.
    pub const fn log(mut self) -> Self {
        if let Some(watched) = &mut self.watched {
            watched.kind = streams::Kind::Log;
        }
        self
    }

    /// The param that chooses groups of a topic's items: one, or a list of them. Who chooses otherwise
    /// shares the topic all the same.
    pub const fn grouped_by(mut self, param: &'static str) -> Self {
        if let Some(watched) = &mut self.watched {
            watched.group_param = Some(param);
        }
        self
    }

    /// It changes by time alone, too: it is looked at every interval, whatever is told.
    pub const fn ages(mut self) -> Self {
        if let Some(watched) = &mut self.watched {
            watched.ages = true;
        }
        self
    }

    /// The members of an update that name its item: what is left to say of one that is gone.
    pub const fn named_by(mut self, members: &'static [&'static str]) -> Self {
        if let Some(watched) = &mut self.watched {
            watched.named_by = members;
        }
        self
    }

    /// An operation on the server itself.
    pub const fn system<T: SystemQuery>(name: &'static str, summary: &'static str) -> Self {
        let answer = Answer::System(answer::<T>);
        Self::new::<T>(name, summary, Kind::System, schema_of::<T::Output>, answer)
    }

    /// The operation of this kind that takes params of this type.
    pub(crate) fn of<T: 'static>(kind: Kind) -> Option<&'static Self> {
        let mut all = inventory::iter::<Self>.into_iter();
        all.find(|operation| operation.kind == kind && operation.takes == TypeId::of::<T>())
    }

    const fn new<T: JsonSchema + 'static>(
        name: &'static str,
        summary: &'static str,
        kind: Kind,
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
            has_owned_rows: false,
            is_paged: false,
            is_for_strangers: false,
            more_errors: &[],
            examples: &[],
            takes: TypeId::of::<T>(),
            params: schema_of::<T>,
            result,
            answer,
            watched: None,
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

    /// It may answer with a part of what there is, and with the rest when it is asked for that: it takes `limit` and
    /// `cursor` beside its own params, and its reply says whether it is `truncated`. What it reads by
    /// [`View::hash_where`] or [`View::keys`], once, is then that part; or what it reads by [`View::list_page`].
    pub const fn paged(mut self) -> Self {
        self.is_paged = true;
        self
    }

    /// What it reads belongs to different users, so a caller gets what it may see: a read asks
    /// [`View::may_see`], a stream tells its items by [`State::put_of`].
    pub const fn of_owned_rows(mut self) -> Self {
        self.has_owned_rows = true;
        self
    }

    /// Those may call it who have not logged in.
    pub(crate) const fn for_strangers(mut self) -> Self {
        self.is_for_strangers = true;
        self
    }

    /// It may answer with these codes too, beside those that all of its kind may.
    pub const fn fails_with(mut self, codes: &'static [ErrorCode]) -> Self {
        self.more_errors = codes;
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

    /// The domain: the name of the handler file.
    pub(crate) fn domain(&self) -> &'static str {
        self.module.rsplit("::").next().unwrap_or(self.module)
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.root_schema_for::<T>()
}

fn check<T: DeserializeOwned>(params: &Value) -> Result<(), serde_path_to_error::Error<serde_json::Error>> {
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
            Ok(result) => Ok((result.into_text(), view.into_remarks())),
            Err(error) => Err(view.failure(error)),
        }
    })
}

fn watch<T: Watch>(view: View, mut sheet: Sheet) -> BoxFuture<'static, (Sheet, Result<()>)> {
    Box::pin(async move {
        let read = AssertUnwindSafe(T::read(&view, &mut State::new(&mut sheet, None))).catch_unwind().await;
        let result = read.unwrap_or_else(|_| Err(Error::internal("the handler panicked")));
        sheet.warn(view.take_warnings(), result.is_ok());
        (sheet, result.map_err(|error| view.failure(error)))
    })
}

fn hear<T: Watch>(view: View, sheet: &mut Sheet, said: Said) {
    // What a message says is at hand, so nothing is waited for.
    let mut state = State::new(sheet, Some(said));
    let heard = AssertUnwindSafe(T::read(&view, &mut state)).catch_unwind().now_or_never();
    if !matches!(heard, Some(Ok(Ok(())))) {
        tracing::debug!("a published value is passed over");
    }
}

fn answer<T: SystemQuery>(system: System, params: Value) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let query: T = crate::registry::typed(&params)?;
        Ok((query.answer(&system).await?.into_text(), Remarks::default()))
    })
}

/// Registers an [`Operation`].
#[macro_export]
macro_rules! submit {
    ($($operation:expr),+ $(,)?) => {
        $($crate::inventory::submit! { $operation.registered_at(module_path!(), file!()) })+
    };
}
