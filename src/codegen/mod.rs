//! Clients in other languages, the AsyncAPI document, and pages of the book, written from what `describe` says: of
//! this binary, or of any running server.

mod asyncapi;
mod book;
mod model;
mod names;
mod python;
mod text;
mod typescript;

mod runtimes {
    //! The hand-written files of the clients.
    include!(concat!(env!("OUT_DIR"), "/runtimes.rs"));
}

use std::collections::BTreeMap;

pub use book::{ExampleReply, Extras, FOLDER as BOOK_FOLDER};
use model::Model;
use serde::Deserialize;
use serde_json::Value;

use crate::registry::Registry;

/// What a server says of itself.
#[derive(Debug, Deserialize)]
pub struct Description {
    server: Server,
    operations: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
struct Server {
    version: String,
}

/// One operation, as far as anything is written from it.
#[derive(Debug, Deserialize)]
struct Operation {
    name: String,
    kind: String,
    domain: String,
    summary: String,
    description: String,
    params: Value,
    #[serde(default)]
    paging: Vec<String>,
    /// None for a stream.
    result: Option<Value>,
    /// None but for a stream.
    update: Option<Value>,
    update_type: Option<String>,
    keys: BTreeMap<String, String>,
    commands: Vec<String>,
    channel: Option<String>,
    poll_interval_ms: Option<u64>,
    push: Option<String>,
    scope: Option<String>,
    owner: Option<String>,
    errors: Vec<String>,
    examples: Vec<Value>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path within the folder.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

impl Description {
    /// What this binary would say of itself. The error is a sentence.
    pub fn of(registry: &Registry) -> Result<Self, String> {
        let operations = registry.describe_all();
        Self::parse(&format!(
            r#"{{"server": {{"version": "{}"}}, "operations": {operations}}}"#,
            crate::version::VERSION
        ))
    }

    /// Reads the result of `describe`. The error is a sentence.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("that is no description of a server: {error}"))
    }

    /// The Python client: a package.
    pub fn python(&self) -> Vec<File> {
        package(runtimes::PYTHON, python::files(&Model::of(self)))
    }

    /// The TypeScript client: a package.
    pub fn typescript(&self) -> Vec<File> {
        package(runtimes::TYPESCRIPT, typescript::files(&Model::of(self)))
    }

    /// The AsyncAPI document.
    pub fn asyncapi(&self) -> Vec<File> {
        vec![File { path: "asyncapi.yaml".to_owned(), text: asyncapi::document(self) }]
    }
}

/// What is written by hand, carried along by build.rs, and what was made.
fn package(runtime: &[(&str, &str)], made: Vec<File>) -> Vec<File> {
    let runtime =
        runtime.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() });
    runtime.chain(made).collect()
}

/// `get_ticker` as `GetTicker`.
fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
