//! Which items of a state its reader knows of, so that it is told of those that went away unsaid.

use std::collections::HashSet;

use serde_json::Value;

use super::RawUpdate;
use crate::cache::Fields;

/// The items of one state, by what names them: those members of an update, as JSON.
#[derive(Debug)]
pub(super) struct Items {
    named_by: Vec<String>,
    known: HashSet<String>,
    /// Those of which nothing was told since all that there is is told anew.
    missing: HashSet<String>,
}

impl Items {
    pub(super) fn new(named_by: Vec<String>) -> Self {
        Self { named_by, known: HashSet::new(), missing: HashSet::new() }
    }

    /// Takes note of an update, and gives what names its item.
    pub(super) fn note(&mut self, update: &RawUpdate) -> String {
        let members = Fields::parse(update.text());
        let named = self.named_by.iter().filter_map(|name| {
            // One writer may escape what another does not.
            let value: Value = serde_json::from_str(members.as_ref().ok()?.raw(name)?).ok()?;
            Some(format!("{}:{value}", Value::from(name.as_str())))
        });
        let name = named.collect::<Vec<_>>().join(",");
        self.missing.remove(&name);
        if update.is_removed {
            self.known.remove(&name);
        } else if !name.is_empty() {
            // Without a name there is one item alone, which does not go away.
            self.known.insert(name.clone());
        }
        name
    }

    /// All that there is will be told anew.
    pub(super) fn begin_anew(&mut self) {
        self.missing.extend(self.known.drain());
    }

    /// Some of what there is cannot be read, and what was told of that last stands; which it is is not known.
    pub(super) fn keep_missing(&mut self) {
        self.known.extend(self.missing.drain());
    }

    /// Whether it is awaited that all is told.
    pub(super) fn is_awaiting(&self) -> bool {
        !self.missing.is_empty()
    }

    /// All that there is has been told. Gives what names those that are gone.
    pub(super) fn complete(&mut self) -> impl Iterator<Item = String> + use<> {
        std::mem::take(&mut self.missing).into_iter()
    }
}
