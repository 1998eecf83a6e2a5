//! What there is to say of an answer: what was corrupt and left out, and whether there is more.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use super::View;
use crate::{
    cache::{
        json::{Json, JsonList},
        shape::Shape,
        stored::Stored,
    },
    protocol::{Error, ErrorCode, Remarks, Result, Warning},
};

/// How many warnings one answer carries; the last one counts the others.
const MOST_WARNINGS: usize = 100;
/// How often an operation logs that it met corrupt values.
const CORRUPT_LOG_INTERVAL: Duration = Duration::from_secs(10);

impl View {
    /// What there is to say of the answer: what had to be left out of it, and whether there is more.
    pub(crate) fn into_remarks(self) -> Remarks {
        let truncated = self.page.truncated();
        Remarks { warnings: self.warnings.into_inner().unwrap_or_else(PoisonError::into_inner), truncated }
    }

    /// Takes the warnings so far out of it.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something, and says what was warned of meanwhile.
    pub(crate) fn collecting<T>(&self, run: impl FnOnce() -> T) -> (T, Vec<Warning>) {
        let before = self.take_warnings();
        let value = run();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        (value, std::mem::replace(&mut warnings, before))
    }

    /// A list of results. What is corrupt is left out and reported, each under its name.
    pub fn records<'s, T, N>(
        &self,
        shape: &Shape<T>,
        stored: impl IntoIterator<Item = (N, &'s Stored), IntoIter: Clone>,
    ) -> Json<Vec<T>>
    where
        T: schemars::JsonSchema,
        N: AsRef<str>,
    {
        let stored = stored.into_iter();
        // A result is about as long as what is stored.
        let mut list = JsonList::with_capacity(stored.clone().map(|(_, stored)| stored.len() + 16).sum());
        for (name, stored) in stored {
            let pushed = list.push_with(|out| shape.write_stored(stored, out));
            self.healthy(name.as_ref(), pushed);
        }
        list.finish()
    }

    /// A value of several: None where it is corrupt, which is reported under its name.
    pub fn healthy<T>(&self, name: &str, value: Result<T>) -> Option<T> {
        value.inspect_err(|error| self.warn_corrupt(name, error)).ok()
    }

    /// A part of the answer that may be corrupt alone; an error that says anything else ends the request.
    pub(super) fn unless_corrupt<T: Default>(&self, name: &str, part: Result<T>) -> Result<T> {
        match part {
            Err(error) if error.code() == ErrorCode::CacheCorrupt => {
                self.warn_corrupt(name, &error);
                Ok(T::default())
            }
            other => other,
        }
    }

    pub(super) fn warn_corrupt(&self, item: &str, error: &Error) {
        self.push_warning(self.corrupt(item, error));
    }

    /// Counts an item as corrupt, and says what to tell of it.
    pub(crate) fn corrupt(&self, item: &str, error: &Error) -> Warning {
        self.count_corrupt(item, error);
        let (error_code, error) = (error.code(), error.message().to_owned());
        Warning { error_code, error, item: Some(item.to_owned()) }
    }

    /// What a whole request fails with. If that is because of what is stored, it is counted and logged.
    /// A miss is none where not all was seen: what was looked for may be corrupt, or beyond a scan's end.
    pub(crate) fn failure(self, error: Error) -> Error {
        match error.code() {
            ErrorCode::CacheCorrupt => self.count_corrupt(&self.params.to_string(), &error),
            ErrorCode::CacheMiss => {
                let of_an_item = |warning: &Warning| warning.item.is_some();
                let Remarks { warnings, .. } = self.into_remarks();
                if let Some(met) = warnings.iter().find(|met| of_an_item(met)).or(warnings.first()) {
                    return Error::new(met.error_code, met.error.clone());
                }
            }
            _ => {}
        }
        error
    }

    /// Counts and, now and then, logs that what is stored is corrupt.
    fn count_corrupt(&self, item: &str, error: &Error) {
        let total = self.plan.corrupt.fetch_add(1, Ordering::Relaxed) + 1;
        let mut logged = self.plan.corrupt_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= CORRUPT_LOG_INTERVAL) {
            *logged = Some(Instant::now());
            drop(logged);
            tracing::warn!(operation = %self.plan.operation, item, total, error = error.message(), "corrupt value");
        }
    }

    pub(super) fn push_warning(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match warnings.len() {
            length if length < MOST_WARNINGS => warnings.push(warning),
            MOST_WARNINGS => {
                let error = "there are more warnings than an answer carries".to_owned();
                warnings.push(Warning { error_code: ErrorCode::LimitExceeded, error, item: None });
            }
            _ => {}
        }
    }

    /// There is more than the answer has, which a cursor may give. Where that was not asked for it is warned of.
    pub(super) fn truncate(&self, cursor: Option<String>) {
        if self.page.paging.limit.is_none() {
            let error = match (&cursor, self.page.is_paged) {
                (Some(_), true) => "there is more than one reply may hold; ask for the rest by its `cursor`",
                _ => "there is more than is read at once",
            };
            self.push_warning(Warning {
                error_code: ErrorCode::LimitExceeded,
                error: error.to_owned(),
                item: None,
            });
        }
        self.page.truncate(cursor);
    }
}
