//! What a client's methods and types are, whatever its language.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    Description, Operation,
    names::{REFERENCE, Types},
    pascal,
};
use crate::{registry::named_by, streams::Options, types::UNIX_TIME};

/// A client.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) methods: Vec<Method>,
    /// By name.
    pub(super) types: Vec<Named>,
}

/// One method: a call, or a stream.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) operation: String,
    /// Paragraphs.
    pub(super) doc: Vec<String>,
    pub(super) params: Vec<Param>,
    pub(super) answer: Answer,
    /// The errors that it may fail with, as clients call them.
    pub(super) errors: Vec<String>,
    pub(super) example: Option<Map<String, Value>>,
}

/// What a method gives.
#[derive(Debug)]
pub(super) enum Answer {
    Result(Type),
    Updates {
        /// The type of an update.
        update: String,
        /// Whether every one counts, and none is replaced by a newer one of the same item.
        is_log: bool,
        /// The members that name an item.
        named_by: Vec<String>,
    },
}

#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: String,
    pub(super) what: Type,
    pub(super) is_required: bool,
    pub(super) default: Option<Value>,
    pub(super) doc: String,
    /// Whether it asks for a part of the result.
    pub(super) is_paging: bool,
}

/// A type with a name.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) form: Form,
}

#[derive(Debug)]
pub(super) enum Form {
    Record(Vec<Member>),
    /// Another name of a type.
    Alias(Type),
    /// What a stream sends: items, each with what all updates have.
    Update {
        operation: String,
        update_type: String,
        item: Type,
        named_by: Option<Vec<String>>,
    },
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) what: Type,
    pub(super) is_required: bool,
    pub(super) doc: String,
}

/// A type, as JSON has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Any,
    Null,
    Bool,
    Integer,
    Number,
    Text,
    /// One of these texts.
    Words(Vec<String>),
    List(Box<Self>),
    Tuple(Vec<Self>),
    /// An object with any members, all of one type.
    Map(Box<Self>),
    Either(Vec<Self>),
    Named(String),
}

impl Model {
    pub(super) fn of(description: &Description) -> Self {
        let (mut types, mut updates) = (Types::default(), Vec::new());
        let methods =
            description.operations.iter().map(|operation| method(operation, &mut types, &mut updates));
        let methods = methods.collect();
        let mut named: Vec<Named> =
            types.into_map().iter().map(|(name, schema)| named(name, schema)).collect();
        named.extend(updates);
        named.sort_by(|a, b| a.name.cmp(&b.name));
        let mut model = Self { methods, types: named };
        model.keep_what_is_used();
        model
    }

    /// Forgets the types that no method leads to.
    fn keep_what_is_used(&mut self) {
        let mut used = BTreeSet::new();
        let mut next: Vec<String> = self.methods.iter().flat_map(Method::uses).collect();
        while let Some(name) = next.pop() {
            let named = self.types.iter().find(|named| named.name == name);
            if let Some(named) = named.filter(|_| used.insert(name)) {
                next.extend(named.uses());
            }
        }
        self.types.retain(|named| used.contains(&named.name));
    }
}

impl Method {
    /// The named types that it names itself.
    pub(super) fn uses(&self) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        self.params.iter().for_each(|param| param.what.note_names(&mut used));
        match &self.answer {
            Answer::Result(result) => result.note_names(&mut used),
            Answer::Updates { update, .. } => {
                used.insert(update.clone());
            }
        }
        used
    }
}

impl Named {
    /// The named types that it names itself.
    pub(super) fn uses(&self) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        match &self.form {
            Form::Record(members) => members.iter().for_each(|member| member.what.note_names(&mut used)),
            Form::Alias(what) | Form::Update { item: what, .. } => what.note_names(&mut used),
        }
        used
    }
}

impl Type {
    fn note_names(&self, names: &mut BTreeSet<String>) {
        match self {
            Self::Named(name) => {
                names.insert(name.clone());
            }
            Self::List(inner) | Self::Map(inner) => inner.note_names(names),
            Self::Tuple(all) | Self::Either(all) => all.iter().for_each(|one| one.note_names(names)),
            _ => {}
        }
    }

    /// The same without null.
    pub(super) fn without_null(&self) -> Self {
        match self {
            Self::Either(all) => Self::either(all.iter().filter(|one| **one != Self::Null).cloned()),
            other => other.clone(),
        }
    }

    /// What a schema, whose types have names already, admits.
    fn of(schema: &Value) -> Self {
        let get = |key: &str| schema.get(key);
        if let Some(reference) = get("$ref").and_then(Value::as_str) {
            return Self::Named(reference.trim_start_matches(REFERENCE).to_owned());
        }
        if let Some([only]) = get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            return Self::of(only);
        }
        if let Some(forms) = get("anyOf").or_else(|| get("oneOf")).and_then(Value::as_array) {
            return Self::either(forms.iter().map(Self::of));
        }
        if let Some(words) = get("enum").and_then(Value::as_array) {
            return Self::Words(words.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect());
        }
        if let Some(word) = get("const").and_then(Value::as_str) {
            return Self::Words(vec![word.to_owned()]);
        }
        match get("type") {
            Some(Value::String(name)) => Self::of_kind(name, schema),
            Some(Value::Array(names)) => {
                Self::either(names.iter().filter_map(Value::as_str).map(|name| Self::of_kind(name, schema)))
            }
            _ => Self::Any,
        }
    }

    fn of_kind(kind: &str, schema: &Value) -> Self {
        match kind {
            "null" => Self::Null,
            "boolean" => Self::Bool,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::Text,
            "array" => match schema.get("items") {
                Some(Value::Array(items)) => Self::Tuple(items.iter().map(Self::of).collect()),
                Some(items) => Self::List(Box::new(Self::of(items))),
                None => Self::List(Box::new(Self::Any)),
            },
            "object" => {
                let values = schema.get("additionalProperties").filter(|values| values.is_object());
                Self::Map(Box::new(values.map_or(Self::Any, Self::of)))
            }
            _ => Self::Any,
        }
    }

    /// One of several; words are put together, and null stands last.
    fn either(all: impl Iterator<Item = Self>) -> Self {
        let (mut words, mut others) = (Vec::new(), Vec::new());
        for one in all {
            match one {
                Self::Words(more) => words.extend(more),
                Self::Either(more) => others.extend(more),
                other => others.push(other),
            }
        }
        if !words.is_empty() {
            others.insert(0, Self::Words(words));
        }
        others.sort_by_key(|one| *one == Self::Null);
        others.dedup();
        if others.len() == 1 { others.remove(0) } else { Self::Either(others) }
    }
}

fn method(operation: &Operation, types: &mut Types, updates: &mut Vec<Named>) -> Method {
    let name = &operation.name;
    let (summary, description) = (&operation.summary, &operation.description);
    let mut doc = vec![summary.clone()];
    if description.starts_with(summary.trim_end_matches('.')) {
        // It says the same and more.
        doc.clear();
    }
    if !description.is_empty() {
        doc.push(description.clone());
    }
    let answer = match (&operation.result, &operation.update, &operation.update_type) {
        (_, Some(update), Some(update_type)) => {
            let (item, named_by) = item_of(update, name, types);
            let update = pascal(update_type);
            let answer = Answer::Updates {
                update: update.clone(),
                is_log: named_by.is_none(),
                named_by: named_by.clone().unwrap_or_default(),
            };
            let form =
                Form::Update { operation: name.clone(), update_type: update_type.clone(), item, named_by };
            updates.push(Named { name: update, doc: String::new(), form });
            answer
        }
        (Some(result), ..) => {
            Answer::Result(Type::of(&types.take(result, &format!("{}Result", pascal(name)), name)))
        }
        _ => Answer::Result(Type::Any),
    };
    Method {
        operation: name.clone(),
        doc,
        params: params_of(operation, types),
        answer,
        errors: operation.errors.iter().map(|code| pascal(&code.to_lowercase())).collect(),
        example: operation.examples.first().and_then(Value::as_object).cloned(),
    }
}

/// The items of a stream, and the members that name one; a log's have none.
fn item_of(update: &Value, operation: &str, types: &mut Types) -> (Type, Option<Vec<String>>) {
    let forms = update.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let item = forms.first().map_or(Type::Any, |item| {
        Type::of(&types.take(item, &format!("{}Item", pascal(operation)), operation))
    });
    (item, named_by(update))
}

fn params_of(operation: &Operation, types: &mut Types) -> Vec<Param> {
    let is_stream = operation.update.is_some();
    let properties = operation.params.get("properties").and_then(Value::as_object).into_iter().flatten();
    // What every stream takes has a place of its own.
    let own = properties.filter(|(name, _)| !(is_stream && Options::NAMES.contains(&name.as_str())));
    own.map(|(name, schema)| {
        let hint = format!("{}{}", pascal(&operation.name), pascal(name));
        Param {
            what: Type::of(&types.take(schema, &hint, &operation.name)),
            is_required: is_required(&operation.params, name),
            default: schema.get("default").filter(|default| is_worth_telling(default)).cloned(),
            doc: doc_of(schema),
            is_paging: operation.paging.contains(name),
            name: name.clone(),
        }
    })
    .collect()
}

fn named(name: &str, schema: &Value) -> Named {
    let form = match schema.get("properties").and_then(Value::as_object) {
        None => Form::Alias(Type::of(schema)),
        Some(properties) => Form::Record(
            properties
                .iter()
                .map(|(member, of)| Member {
                    name: member.clone(),
                    what: Type::of(of),
                    is_required: is_required(schema, member),
                    doc: doc_of(of),
                })
                .collect(),
        ),
    };
    Named { name: name.to_owned(), doc: doc_of(schema), form }
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|known| known == name))
}

/// Whether a default is another than what leaving the param out would be taken for anyway.
fn is_worth_telling(default: &Value) -> bool {
    !matches!(default, Value::Null | Value::Bool(false))
        && default.as_array().is_none_or(|list| !list.is_empty())
}

fn doc_of(schema: &Value) -> String {
    let mut doc = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_time = schema.get("format").is_some_and(|format| format == UNIX_TIME);
    if is_time && !doc.contains("epoch") {
        doc.push_str(if doc.is_empty() { "Seconds since the epoch." } else { " Seconds since the epoch." });
    }
    doc
}
