//! Params against their schema: all violations at once, each with its path.

use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Registered, closest};
use crate::{
    operation::Answer,
    protocol::{Error, Result, Violation},
};

/// How many violations one answer lists.
const MOST_VIOLATIONS: usize = 32;

pub(super) fn validate(operation: &Registered, params: &Value) -> Result<()> {
    if !operation.validator.is_valid(params) {
        let errors = operation.validator.iter_errors(params);
        let mut violations: Vec<Violation> = match params.as_object() {
            // Where no param is known, the validator names none of the unknown ones.
            Some(params) if operation.described.param_names().next().is_none() => {
                unknown_params(operation, "", params.keys())
            }
            _ => {
                errors.flat_map(|error| violations_of(operation, &error)).take(MOST_VIOLATIONS + 1).collect()
            }
        };
        if violations.len() > MOST_VIOLATIONS {
            violations.truncate(MOST_VIOLATIONS);
            let message = format!("has more than these {MOST_VIOLATIONS} violations");
            violations.push(Violation { path: String::new(), message });
        }
        return Err(Error::invalid_params(violations));
    }
    Ok(())
}

fn violations_of(operation: &Registered, error: &jsonschema::ValidationError<'_>) -> Vec<Violation> {
    let path = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![Violation { path: format!("{path}/{name}"), message: "is required".to_owned() }]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unknown_params(operation, &path, unexpected)
        }
        // The masked text repeats nothing that the client sent.
        _ => vec![Violation { path, message: error.masked().to_string() }],
    }
}

fn unknown_params<'n>(
    operation: &Registered,
    path: &str,
    names: impl IntoIterator<Item = &'n String>,
) -> Vec<Violation> {
    let shown = names.into_iter().take(MOST_VIOLATIONS + 1);
    shown.map(|name| unknown_param(operation, path, name)).collect()
}

fn unknown_param(operation: &Registered, path: &str, name: &str) -> Violation {
    let known: Vec<&str> = operation.described.param_names().collect();
    let hint = match closest(name, known.iter().copied()).first() {
        Some(close) => format!("; did you mean `{close}`?"),
        None if known.is_empty() => "; it takes none".to_owned(),
        None => format!("; it takes {}", known.join(", ")),
    };
    let shown: String = name.chars().take(64).collect();
    // A JSON pointer escapes these two.
    let pointer = shown.replace('~', "~0").replace('/', "~1");
    Violation { path: format!("{path}/{pointer}"), message: format!("no such param{hint}") }
}

/// Params as their type. They were validated before; what is left are values that the schema can't
/// tell apart, such as 5.0, which it holds for an integer.
pub(crate) fn typed<T: DeserializeOwned>(params: &Value) -> Result<T> {
    T::deserialize(params).map_err(|_| match serde_path_to_error::deserialize::<_, T>(params) {
        Err(error) => violation_of(&error),
        Ok(_) => Error::internal("params that fail once and pass once"),
    })
}

fn violation_of(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { format!("/{}", path.replace('.', "/")) };
    Error::invalid_params(vec![Violation { path, message: error.inner().to_string() }])
}

/// Whether an example of an operation is valid; the error is a sentence.
pub(super) fn check_example(operation: &Registered, example: &str) -> Result<(), String> {
    let params: Value = serde_json::from_str(example).map_err(|error| format!("is no JSON: {error}"))?;
    validate(operation, &params).map_err(|error| error.message().to_owned())?;
    match operation.answer {
        Answer::Stream { check, .. } => {
            let mut own = params;
            operation.stream_options(&mut own).map_err(|error| error.message().to_owned())?;
            check(&own).map_err(|error| error.to_string())
        }
        Answer::Read { check, .. } => {
            let mut own = Arc::new(params);
            operation.take_paging(&mut own).map_err(|error| error.message().to_owned())?;
            check(&own).map_err(|error| error.to_string())
        }
        Answer::System(_) => Ok(()),
    }
}
