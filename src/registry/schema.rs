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
        match self {
            Self::Draft2020 => SchemaSettings::draft2020_12(),
            Self::Draft07 => SchemaSettings::draft07(),
        }
    }

    /// The schema of a type, without the `$schema` that belongs to a file's root. It stands alone, so that it can
    /// be put anywhere: what it refers to is put in its place, under its name as the title.
    pub(crate) fn schema(self, of: fn(&mut SchemaGenerator) -> Schema) -> Value {
        let mut schema = of(&mut self.settings().into_generator()).to_value();
        let mut take = |name| schema.as_object_mut().and_then(|schema| schema.shift_remove(name));
        take("$schema");
        let definitions = take(self.definitions());
        let definitions = definitions.as_ref().and_then(Value::as_object);
        put_in_place(&mut schema, definitions.unwrap_or(&Map::new()), &mut Vec::new());
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

/// Puts definitions where they are referred to. A type that holds itself is any value from there on.
fn put_in_place<'d>(schema: &mut Value, definitions: &'d Map<String, Value>, within: &mut Vec<&'d str>) {
    let depth = within.len();
    if let Some((name, definition)) = take_reference(schema, definitions)
        && let (Some(object), Some(definition)) = (schema.as_object_mut(), definition.as_object())
    {
        let own = std::mem::take(object);
        if !within.contains(&name) {
            object.extend(definition.clone());
            within.push(name);
        }
        object.insert("title".to_owned(), name.into());
        object.extend(own);
    }
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(|member| put_in_place(member, definitions, within));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_in_place(item, definitions, within)),
        _ => {}
    }
    within.truncate(depth);
}

/// What a schema refers to. Draft-07 knows no members beside a reference, so there it may stand in an `allOf`.
fn take_reference<'d>(
    schema: &mut Value,
    definitions: &'d Map<String, Value>,
) -> Option<(&'d str, &'d Value)> {
    let object = schema.as_object_mut()?;
    let alone = object.get("allOf").and_then(Value::as_array).filter(|all| all.len() == 1);
    let wrapped = alone.and_then(|all| all[0].get("$ref")).cloned();
    let reference = match wrapped {
        Some(reference) => {
            object.shift_remove("allOf");
            reference
        }
        None => object.shift_remove("$ref")?,
    };
    let (name, definition) = definitions.get_key_value(reference.as_str()?.rsplit('/').next()?)?;
    Some((name, definition))
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
