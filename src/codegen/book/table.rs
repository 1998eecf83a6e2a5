//! Schemas as rows of a table.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::{
    config::{DURATION, SECRET},
    types::{ID, UNIX_TIME},
};

/// One member, however deep it stands.
pub(super) struct Row<'s> {
    /// Its place: `feeds.*.status`, `[].price`.
    pub(super) path: String,
    pub(super) schema: &'s Value,
    pub(super) is_required: bool,
}

/// The members of a schema, and of what is within it, in their order.
pub(super) fn rows(schema: &Value) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    visit(schema, "", &mut rows);
    rows
}

fn visit<'s>(schema: &'s Value, place: &str, rows: &mut Vec<Row<'s>>) {
    let schema = without_null(schema);
    let join = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let required = schema.get("required").and_then(Value::as_array);
        for (name, property) in properties {
            let is_required = required.is_some_and(|names| names.iter().any(|known| known == name));
            rows.push(Row { path: join(name), schema: property, is_required });
            visit(property, &join(name), rows);
        }
    } else if let Some(items) = schema.get("items") {
        visit(items, &format!("{place}[]"), rows);
    } else if let Some(values) = schema.get("additionalProperties") {
        visit(values, &join("*"), rows);
    }
}

/// The other form of what is either that or null.
fn without_null(schema: &Value) -> &Value {
    let forms = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match forms {
        [form, null] if is_null(null) => form,
        _ => schema,
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

/// What a schema admits, in a few words.
pub(super) fn type_of(schema: &Value) -> String {
    if let Some(words) = words(schema) {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(forms) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let mut forms: Vec<String> = forms.iter().map(type_of).collect();
        forms.dedup();
        return forms.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(kind)) => of_kind(kind, schema),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str).map(|kind| of_kind(kind, schema));
            kinds.collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

/// The texts that a schema names, if it admits no others.
fn words(schema: &Value) -> Option<Vec<&str>> {
    let word = |value: &Value| schema_word(value).is_some();
    if let Some(only) = schema_word(schema) {
        return Some(vec![only]);
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return all.iter().map(Value::as_str).collect();
    }
    let forms = schema.get("oneOf").and_then(Value::as_array)?;
    forms.iter().all(word).then(|| forms.iter().filter_map(schema_word).collect())
}

fn schema_word(schema: &Value) -> Option<&str> {
    schema.get("const").and_then(Value::as_str)
}

fn of_kind(kind: &str, schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    match (kind, format) {
        ("string", Some(DURATION)) => "duration",
        ("string", Some(SECRET)) => "secret",
        ("string", Some(ID)) => "id",
        ("string", _) => "text",
        ("number", Some(UNIX_TIME)) => "time",
        ("integer", _) => "integer",
        ("boolean", _) => "true or false",
        ("array", _) => return list(schema),
        ("object", _) => match schema.get("additionalProperties").filter(|values| values.is_object()) {
            Some(values) => return format!("object of {}", type_of(values)),
            None => "object",
        },
        (other, _) => other,
    }
    .to_owned()
}

fn list(schema: &Value) -> String {
    let tuple = schema.get("prefixItems").and_then(Value::as_array);
    if let Some(items) = tuple {
        return format!("[{}]", items.iter().map(type_of).collect::<Vec<_>>().join(", "));
    }
    match schema.get("items") {
        Some(items) => match type_of(items) {
            several if several.contains(" or ") => format!("list of ({several})"),
            one => format!("list of {one}"),
        },
        None => "list".to_owned(),
    }
}

/// What else a value must be.
pub(super) fn constraints(schema: &Value) -> String {
    let get = |key: &str| schema.get(key).filter(|bound| !bound.is_null());
    let mut parts = Vec::new();
    if let Some(bound) = between(get("minLength"), get("maxLength")) {
        parts.push(format!("{bound} characters"));
    }
    if let Some(pattern) = get("pattern").and_then(Value::as_str).filter(|pattern| !pattern.is_empty()) {
        parts.push(format!("`{pattern}`"));
    }
    if let Some(bound) = between(get("minimum"), get("maximum")) {
        parts.push(bound);
    }
    if let Some(bound) = between(get("minItems"), get("maxItems")) {
        parts.push(format!("{bound} items"));
    }
    if let Some(items) = get("items") {
        let each = constraints(items);
        if !each.is_empty() {
            parts.push(format!("each {each}"));
        }
    }
    parts.join(", ")
}

fn between(least: Option<&Value>, most: Option<&Value>) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    }
}

/// A default as it is written; nothing where it stands for being left out.
pub(super) fn default_of(schema: &Value) -> Option<String> {
    match schema.get("default") {
        None | Some(Value::Null) => None,
        Some(Value::Array(list)) if list.is_empty() => None,
        Some(Value::String(text)) => Some(format!("`\"{text}\"`")),
        Some(value) => Some(format!("`{value}`")),
    }
}

/// What a schema says of itself.
pub(super) fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// A line of a table.
pub(super) fn line(page: &mut String, cells: &[&str]) {
    page.push('|');
    for cell in cells {
        let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        // Writing to a string does not fail.
        let _ = write!(page, " {cell} |");
    }
    page.push('\n');
}

/// The head of a table.
pub(super) fn head(page: &mut String, cells: &[&str]) {
    line(page, cells);
    line(page, &vec!["---"; cells.len()]);
}

/// The members of an object, if it has any.
pub(super) fn members(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}
