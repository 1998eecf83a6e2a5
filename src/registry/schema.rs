//! JSON Schemas, as files and for validation.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// A version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Draft 2020-12: what requests are validated against.
    Draft2020,
    /// Draft-07: for tools that do not know that.
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
        if self == Self::Draft07 {
            name_all_types(&mut schema);
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

/// Puts definitions where they are referred to. A type that holds itself is any value from there on.
fn put_in_place<'d>(schema: &mut Value, definitions: &'d Map<String, Value>, within: &mut Vec<&'d str>) {
    let depth = within.len();
    let mut own = Map::new();
    // What a definition refers to in turn may be another one.
    while let Some(name) = reference(schema).and_then(|name| Some(definitions.get_key_value(name)?.0)) {
        let Some(object) = schema.as_object_mut() else { break };
        object.shift_remove("$ref");
        object.shift_remove("allOf");
        for (key, value) in std::mem::take(object) {
            own.entry(key).or_insert(value);
        }
        own.entry("title").or_insert_with(|| name.as_str().into());
        if within.contains(&name.as_str()) {
            break;
        }
        within.push(name);
        if let Some(definition) = definitions.get(name).and_then(Value::as_object) {
            object.extend(definition.clone());
        }
    }
    if let Some(object) = schema.as_object_mut() {
        object.extend(own);
        within_of(object).for_each(|schema| put_in_place(schema, definitions, within));
    }
    within.truncate(depth);
}

/// The schemas that stand within one. Defaults, examples and the like are none.
fn within_of(schema: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    schema.iter_mut().flat_map(|(key, member)| match (key.as_str(), member) {
        ("properties" | "patternProperties", Value::Object(of)) => of.values_mut().collect(),
        ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(of)) => of.iter_mut().collect(),
        ("items" | "additionalProperties" | "additionalItems" | "not", of) => vec![of],
        _ => Vec::new(),
    })
}

/// Says of what may be any value that it may: generators take a schema that is described but has no type for an
/// object.
fn name_all_types(schema: &mut Value) {
    const TYPED_BY: [&str; 7] = ["type", "const", "enum", "anyOf", "oneOf", "allOf", "$ref"];
    let Some(schema) = schema.as_object_mut() else { return };
    if !TYPED_BY.iter().any(|key| schema.contains_key(*key)) {
        schema.insert("type".to_owned(), json!(["string", "number", "boolean", "object", "array", "null"]));
    }
    within_of(schema).for_each(name_all_types);
}

/// The name that a schema refers to. Draft-07 knows no members beside a reference, so there it stands alone in an
/// `allOf` where there are some.
fn reference(schema: &Value) -> Option<&str> {
    let alone = schema.get("allOf").and_then(Value::as_array).filter(|all| all.len() == 1);
    let reference = schema.get("$ref").or_else(|| alone?.first()?.get("$ref"))?;
    reference.as_str()?.rsplit('/').next()
}

/// The file of one operation: its params and its result or update under `$defs` (`definitions` in draft-07). The
/// root refers to them, for generators pass over what nothing refers to; its title is not the operation's name
/// alone, for the params are called so.
pub(super) fn document(
    dialect: Dialect,
    name: &str,
    summary: &str,
    schemas: Map<String, Value>,
) -> SchemaDocument {
    let definitions = dialect.definitions();
    let refer = |part: &String| (part.clone(), json!({ "$ref": format!("#/{definitions}/{part}") }));
    let root = json!({
        "$schema": dialect.uri(),
        "$id": format!("urn:fullon_cache_api:{name}"),
        "title": format!("{name} operation"),
        "description": summary,
        "type": "object",
        "properties": schemas.keys().map(refer).collect::<Map<_, _>>(),
        "required": schemas.keys().collect::<Vec<_>>(),
        "additionalProperties": false,
        definitions: schemas,
    });
    let text = format!("{root:#}\n");
    SchemaDocument { path: format!("{}{name}.json", dialect.folder()), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_put_where_they_are_referred_to() {
        let definitions = json!({
            "Outer": { "$ref": "#/$defs/Inner" },
            "Inner": { "type": "object", "properties": { "allOf": { "$ref": "#/$defs/Word" } } },
            "Word": { "type": "string", "description": "a word" },
            "Self": { "type": "object", "properties": { "next": { "$ref": "#/$defs/Self" } } },
        });
        let put = |mut schema: Value| {
            put_in_place(&mut schema, definitions.as_object().unwrap(), &mut Vec::new());
            schema
        };
        let word = json!({ "type": "string", "description": "a word", "title": "Word" });
        let inner = json!({ "type": "object", "properties": { "allOf": word }, "title": "Outer" });
        assert_eq!(put(json!({ "$ref": "#/$defs/Outer" })), inner);
        let own = json!({ "allOf": [{ "$ref": "#/definitions/Word" }], "description": "another" });
        assert_eq!(put(own), json!({ "type": "string", "description": "another", "title": "Word" }));
        let holds_itself =
            json!({ "type": "object", "properties": { "next": { "title": "Self" } }, "title": "Self" });
        assert_eq!(put(json!({ "$ref": "#/$defs/Self" })), holds_itself);
        let unknown = json!({ "$ref": "#/$defs/Nobody", "default": { "$ref": "#/$defs/Word" } });
        assert_eq!(put(unknown.clone()), unknown);
    }

    #[test]
    fn what_may_be_anything_says_so() {
        let any = json!(["string", "number", "boolean", "object", "array", "null"]);
        let mut schema = json!({
            "type": "object",
            "properties": { "note": { "description": "free" }, "kind": { "const": 1 } },
            "additionalProperties": true,
        });
        name_all_types(&mut schema);
        let note = json!({ "description": "free", "type": any });
        assert_eq!(schema["properties"], json!({ "note": note, "kind": { "const": 1 } }));
        assert_eq!(schema["additionalProperties"], true);
    }
}
