//! JSON Schemas, as files and for validation.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

/// A version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Draft 2020-12: what requests are validated against.
    Draft2020,
    /// Draft-07: what code generators understand.
    Draft07,
}

/// One file of `schemas/`.
#[derive(Debug, Clone)]
pub struct SchemaDocument {
    /// Its path within the folder.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

impl Dialect {
    fn settings(self) -> SchemaSettings {
        let settings = match self {
            Self::Draft2020 => SchemaSettings::draft2020_12(),
            Self::Draft07 => SchemaSettings::draft07(),
        };
        // Every schema stands alone, so that it can be put anywhere.
        settings.with(|settings| settings.inline_subschemas = true)
    }

    /// The schema of a type, without the `$schema` that belongs to a file's root.
    pub(super) fn schema(self, of: fn(&mut SchemaGenerator) -> Schema) -> Value {
        let mut schema = of(&mut self.settings().into_generator()).to_value();
        if let Some(object) = schema.as_object_mut() {
            object.shift_remove("$schema");
        }
        schema
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Draft2020 => "",
            Self::Draft07 => "draft-07/",
        }
    }

    fn uri(self) -> &'static str {
        match self {
            Self::Draft2020 => "https://json-schema.org/draft/2020-12/schema",
            Self::Draft07 => "http://json-schema.org/draft-07/schema#",
        }
    }

    fn definitions(self) -> &'static str {
        match self {
            Self::Draft2020 => "$defs",
            Self::Draft07 => "definitions",
        }
    }
}

/// The file of one operation: its params and its result or update under `$defs` (`definitions` in draft-07).
pub(super) fn document(dialect: Dialect, name: &str, summary: &str, schemas: Value) -> SchemaDocument {
    let mut root = Map::new();
    root.insert("$schema".to_owned(), dialect.uri().into());
    root.insert("$id".to_owned(), format!("urn:fullon_cache_api:{name}").into());
    root.insert("title".to_owned(), name.into());
    root.insert("description".to_owned(), summary.into());
    root.insert(dialect.definitions().to_owned(), schemas);
    let text = format!("{:#}\n", Value::from(root));
    SchemaDocument { path: format!("{}{name}.json", dialect.folder()), text }
}
