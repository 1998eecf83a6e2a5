//! The pages of operations: one with all of them in a table, and one a domain.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    ExampleReply, FOLDER, MADE,
    table::{Row, constraints, default_of, description, head, line, rows, type_of},
};
use crate::{
    codegen::{Description, File, Operation},
    streams::Options,
};

const ABOUT: &str = "\
# Operations

Every operation of the server, by domain. `[x]` is a param that may be left out; \"needs\" is the scope that a caller
must have, see [Security](security.md). Each also answers with the errors that [any message may get](protocol.md#errors).
A running server tells the same by `describe`, those operations too that its operators added; the JSON Schemas are in
[`schemas/`](../../schemas).

In the tables below, *time* is a number: seconds since the epoch. *id* is text; as a param it may be an integer too.
A path such as `feeds.*.status` stands for that member of every value of an object, `[].price` for that of every item
of a list. A member that is \"maybe\" there is left out where the cache has none. What else the cache holds in an
object is passed on as it is.
";

/// The page of all operations, and one a domain.
pub(super) fn pages(description: &Description, replies: &BTreeMap<String, ExampleReply>) -> Vec<File> {
    let mut all = format!("{MADE}{ABOUT}");
    let mut files = Vec::new();
    for domain in domains(description) {
        let of_domain = description.operations.iter().filter(|operation| operation.domain == domain);
        all.push_str(&format!("\n## [{domain}]({FOLDER}/{domain}.md)\n\n"));
        head(&mut all, &["operation", "params", "what it answers", "needs"]);
        let mut page = format!("{MADE}# Operations: {domain}\n");
        for operation in of_domain {
            overview(&mut all, domain, operation);
            section(&mut page, operation, replies.get(&operation.name));
        }
        files.push(File { path: format!("{FOLDER}/{domain}.md"), text: page });
    }
    files.insert(0, File { path: "operations.md".to_owned(), text: all });
    files
}

/// The domains: those of data first, by name.
pub(super) fn domains(description: &Description) -> Vec<&str> {
    let domains: BTreeSet<(bool, &str)> =
        description.operations.iter().map(|one| (one.kind == "system", one.domain.as_str())).collect();
    domains.into_iter().map(|(_, domain)| domain).collect()
}

fn overview(page: &mut String, domain: &str, operation: &Operation) {
    let params: Vec<String> = own_params(operation)
        .map(|row| if row.is_required { row.path } else { format!("[{}]", row.path) })
        .collect();
    let name = format!("[`{0}`]({FOLDER}/{domain}.md#{0})", operation.name);
    let scope = operation.scope.as_deref().unwrap_or("–");
    line(page, &[&name, &params.join(", "), &operation.summary, scope]);
}

/// The params, but those that every stream takes.
fn own_params(operation: &Operation) -> impl Iterator<Item = Row<'_>> {
    let is_common = |row: &Row<'_>| {
        let name = row.path.split('.').next().unwrap_or_default();
        operation.update.is_some() && Options::NAMES.contains(&name)
    };
    rows(&operation.params).into_iter().filter(move |row| !is_common(row))
}

fn section(page: &mut String, operation: &Operation, reply: Option<&ExampleReply>) {
    let Operation { name, summary, description, .. } = operation;
    page.push_str(&format!("\n## {name}\n"));
    // It may say the same and more.
    let summary = Some(summary).filter(|summary| !description.starts_with(summary.trim_end_matches('.')));
    let said = [summary, Some(description)].into_iter().flatten().filter(|text| !text.is_empty());
    said.for_each(|text| page.push_str(&format!("\n{text}\n")));
    page.push('\n');
    facts(page, operation);
    params(page, operation);
    match (&operation.result, &operation.update) {
        (Some(result), _) => answer(page, "Result", result),
        (None, Some(update)) => self::update(page, operation, update),
        (None, None) => {}
    }
    if let Some(params) = operation.examples.first() {
        let request = json!({ "request_id": "1", "operation": operation.name, "params": params });
        page.push_str(&format!("\nExample:\n\n```json\n{request}\n```\n"));
    }
    if let Some(ExampleReply { json, is_cut }) = reply {
        let cut = if *is_cut { " (cut short)" } else { "" };
        page.push_str(&format!("\nIts reply, from a recorded session{cut}:\n\n```json\n{json}\n```\n"));
    }
}

/// What there is to know of an operation in a few words.
fn facts(page: &mut String, operation: &Operation) {
    let code = |text: &str| format!("`{text}`");
    let codes = |texts: &[String]| texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", ");
    head(page, &["", ""]);
    let kind = match operation.kind.as_str() {
        "read" => "read: one request, one reply",
        "stream" => "stream: one reply, then updates",
        "system" => "on the server itself",
        other => other,
    };
    line(page, &["kind", kind]);
    line(page, &["needs scope", &operation.scope.as_deref().map_or("none".to_owned(), code)]);
    match operation.owner.as_deref() {
        None => {}
        Some("all_users") => line(page, &["for", "those who may read the data of all users"]),
        Some(param) => {
            line(page, &["for", &format!("the user that `{param}` names, and those who may read all")])
        }
    }
    if !operation.keys.is_empty() {
        let patterns: BTreeSet<&str> = operation.keys.values().map(String::as_str).collect();
        let patterns: Vec<String> = patterns.into_iter().map(code).collect();
        let commands = codes(&operation.commands);
        line(page, &["reads", &format!("{} by {commands}", patterns.join(", "))]);
    }
    if let Some(push) = &operation.push {
        line(page, &["notices change by", &format!("`{push}`, where Redis allows it")]);
    }
    if let Some(channel) = &operation.channel {
        line(page, &["channel", &code(channel)]);
    }
    let scans = operation.commands.iter().any(|command| command == "SCAN");
    match operation.poll_interval_ms {
        Some(interval) if operation.update.is_some() => {
            line(page, &["else polls every", &format!("{interval} ms")]);
        }
        Some(interval) if scans => line(page, &["keeps a scan for", &format!("{interval} ms")]),
        _ => {}
    }
    line(page, &["errors", &codes(&operation.errors)]);
}

fn params(page: &mut String, operation: &Operation) {
    let params: Vec<Row<'_>> = own_params(operation).collect();
    if !params.is_empty() {
        page.push_str("\n**Params**\n\n");
        head(page, &["param", "type", "default", "meaning"]);
        for Row { path, schema, is_required } in params {
            let default = match (is_required, default_of(schema)) {
                (true, _) => "required".to_owned(),
                (false, Some(default)) => default,
                (false, None) => "–".to_owned(),
            };
            let bounds = constraints(schema);
            let comma = if bounds.is_empty() { "" } else { ", " };
            let kind = format!("{}{comma}{bounds}", type_of(schema));
            line(page, &[&format!("`{path}`"), &kind, &default, description(schema)]);
        }
    }
    if operation.update.is_some() {
        page.push_str("\nAnd [what every stream takes](../protocol.md#what-every-stream-takes).\n");
    }
}

fn answer(page: &mut String, title: &str, schema: &Value) {
    page.push_str(&format!("\n**{title}:** {}.", type_of(schema)));
    let about = description(schema);
    if !about.is_empty() {
        page.push_str(&format!(" {about}"));
    }
    page.push('\n');
    let rows = rows(schema);
    if rows.is_empty() {
        return;
    }
    page.push('\n');
    head(page, &["member", "type", "", "meaning"]);
    for Row { path, schema, is_required } in rows {
        let always = if is_required { "always" } else { "maybe" };
        line(page, &[&format!("`{path}`"), &type_of(schema), always, description(schema)]);
    }
}

/// What a stream sends: what is its own of the item, not what every update has.
fn update(page: &mut String, operation: &Operation, update: &Value) {
    let forms = update.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let title = format!("Updates, of type `{}`", operation.update_type.as_deref().unwrap_or_default());
    if let Some(item) = forms.first() {
        answer(page, &title, item);
    }
    match crate::registry::named_by(update) {
        Some(names) if names.is_empty() => {
            page.push_str("\nA state of one item.\n");
        }
        Some(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            page.push_str(&format!("\nA state: an item is named by {}.\n", names.join(" and ")));
        }
        None => page.push_str("\nA log: every entry counts, in its order.\n"),
    }
}
