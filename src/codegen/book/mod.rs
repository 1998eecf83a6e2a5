//! The pages of the book that are made, not written: one a domain of operations, and one of the configuration.

mod configuration;
mod operations;
mod table;

use std::collections::BTreeMap;

use super::{Description, File};

/// A reply that shows what an operation answers with.
#[derive(Debug, Clone)]
pub struct ExampleReply {
    /// The whole reply, as JSON.
    pub json: String,
    /// Whether parts of a long result were left out of it.
    pub is_cut: bool,
}

/// What the pages are made from, beside the operations.
#[derive(Debug, Default)]
pub struct Extras {
    /// Replies to the first example of operations, by operation.
    pub replies: BTreeMap<String, ExampleReply>,
    /// The flags of the command line, and the keys of the configuration that they stand for.
    pub flags: Vec<(&'static str, &'static str)>,
}

/// Where the pages of the domains are.
pub const FOLDER: &str = "operations";

impl Description {
    /// The pages, by their place in the book.
    pub fn book(&self, extras: &Extras) -> Vec<File> {
        let mut files = operations::pages(self, &extras.replies);
        files.push(File { path: "configuration.md".to_owned(), text: configuration::page(&extras.flags) });
        files
    }

    /// The lines of the book's table of contents for the pages of the domains.
    pub fn book_contents(&self) -> String {
        let line = |domain: &&str| format!("  - [{domain}]({FOLDER}/{domain}.md)\n");
        operations::domains(self).iter().map(line).collect()
    }
}

/// What a page begins with that is not to be edited.
const MADE: &str = "<!-- Written by `fullon-cache-api generate docs`; do not edit. -->\n";
