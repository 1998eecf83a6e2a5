//! The types within schemas, each under a name.

use serde_json::{Map, Value, json};

use super::pascal;

/// How a reference to a type begins, in draft-07 within an AsyncAPI document.
pub(super) const REFERENCE: &str = "#/components/schemas/";

/// Types by name, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Types {
    types: Vec<(String, Value)>,
}

impl Types {
    /// Takes the types out of a schema of draft 2020-12, and gives what is left of it in draft-07. `own` is the name
    /// of what has none, `prefix` sets apart what has that of another.
    pub(super) fn take(&mut self, schema: &Value, own: &str, prefix: &str) -> Value {
        let Value::Object(members) = schema else { return schema.clone() };
        let title = members.get("title").and_then(Value::as_str).unwrap_or(own);
        let mut left = Map::new();
        for (key, value) in members {
            let (key, value) = match (key.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    let each = properties.iter().map(|(name, property)| {
                        let nested = format!("{}{}", pascal(title), pascal(name));
                        (name.clone(), said_of(property, self.take(property, &nested, prefix)))
                    });
                    ("properties", Value::Object(each.collect()))
                }
                ("items" | "additionalProperties", Value::Object(_)) => {
                    (key.as_str(), self.take(value, own, prefix))
                }
                ("anyOf" | "oneOf", Value::Array(forms)) => {
                    let forms = forms.iter().map(|form| self.take(form, own, prefix));
                    (key.as_str(), forms.collect())
                }
                // What draft-07 calls otherwise.
                ("prefixItems", Value::Array(forms)) => {
                    let forms = forms.iter().map(|form| self.take(form, own, prefix));
                    ("items", forms.collect())
                }
                ("$schema" | "title", _) => continue,
                _ => (key.as_str(), value.clone()),
            };
            left.insert(key.to_owned(), value);
        }
        let left = Value::Object(left);
        match is_type(&left) {
            true => self.put(&pascal(title), prefix, left),
            false => left,
        }
    }

    /// All of them, by name.
    pub(super) fn into_map(self) -> Map<String, Value> {
        let mut types = self.types;
        types.sort_by(|(a, _), (b, _)| a.cmp(b));
        types.into_iter().collect()
    }

    /// A reference to a type, under its name or, where another has that, under a longer one.
    fn put(&mut self, name: &str, prefix: &str, schema: Value) -> Value {
        let names = [name.to_owned(), format!("{}{name}", pascal(prefix))];
        let numbered = (2..).map(|number| format!("{}{name}{number}", pascal(prefix)));
        for name in names.into_iter().chain(numbered) {
            match self.types.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if is_alike(known, &schema) => return refer(&name),
                Some(_) => {}
                None => {
                    self.types.push((name.clone(), schema));
                    return refer(&name);
                }
            }
        }
        schema
    }
}

/// A reference to a type.
pub(super) fn refer(name: &str) -> Value {
    json!({ "$ref": format!("{REFERENCE}{name}") })
}

/// Whether a schema deserves a name: objects with members, tuples, and choices of words.
fn is_type(schema: &Value) -> bool {
    let is_word = |form: &Value| form.get("const").or_else(|| form.get("enum")).is_some();
    let words = schema.get("oneOf").and_then(Value::as_array);
    let is_choice = words.is_some_and(|words| words.iter().all(is_word)) || schema.get("enum").is_some();
    schema.get("properties").is_some() || schema.get("items").is_some_and(Value::is_array) || is_choice
}

/// Whether two are the same but for what is said of them.
fn is_alike(one: &Value, other: &Value) -> bool {
    let bare = |schema: &Value| {
        let mut schema = schema.clone();
        if let Some(members) = schema.as_object_mut() {
            members.shift_remove("description");
            members.shift_remove("default");
        }
        schema
    };
    bare(one) == bare(other)
}

/// A reference with what is said of a type in this place. Draft-07 reads nothing beside a reference.
fn said_of(property: &Value, taken: Value) -> Value {
    if taken.get("$ref").is_none() {
        return taken;
    }
    let said = ["description", "default"].into_iter();
    let said: Vec<_> = said.filter_map(|key| Some((key.to_owned(), property.get(key)?.clone()))).collect();
    if said.is_empty() {
        return taken;
    }
    let mut schema = Map::from_iter([("allOf".to_owned(), Value::from(vec![taken]))]);
    schema.extend(said);
    Value::Object(schema)
}
