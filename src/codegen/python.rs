//! The Python client: types as TypedDicts, a method an operation, for `asyncio` and without.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use super::{
    File, Model,
    model::{Answer, Form, Member, Method, Named, Param, Type},
    text::{self, Layout, WIDTH, fits, quoted, wrap},
};

const HEAD: &str = "# Written by `fullon-cache-api generate python`; changes here are lost.\n";

const PYTHON: Layout = Layout(4);

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The files that are written.
pub(super) fn files(model: &Model) -> Vec<File> {
    let file = |name: &str, text| File { path: format!("src/fullon_cache_api/{name}"), text };
    vec![
        file("_types.py", types(model)),
        file("_api.py", Api { is_async: true }.write(model)),
        file("_sync.py", Api { is_async: false }.write(model)),
    ]
}

fn types(model: &Model) -> String {
    let mut body = String::new();
    let mut done = BTreeSet::new();
    model.types.iter().for_each(|named| write_named(model, named, &mut done, &mut body));
    let names: Vec<String> = model.types.iter().map(|named| format!("    {:?},\n", named.name)).collect();
    let typing: Vec<&str> = ["Any", "Literal", "TypeAlias", "TypedDict"]
        .into_iter()
        .filter(|name| body.split(|c: char| !c.is_alphanumeric()).any(|word| word == *name))
        .collect();
    let mut imports = format!("from typing import {}\n\n", typing.join(", "));
    if body.contains("NotRequired[") {
        imports.push_str("from ._compat import NotRequired\n");
    }
    let bases: Vec<&str> =
        ["StateUpdate", "Update"].into_iter().filter(|base| body.contains(&format!(", {base}):"))).collect();
    if !bases.is_empty() {
        let _ = writeln!(imports, "from ._events import {}", bases.join(", "));
    }
    format!(
        "{HEAD}\"\"\"The results and updates of all operations, as they are on the wire.\"\"\"\n\n{imports}\n\
         __all__ = [\n{}]\n{body}",
        names.concat()
    )
}

/// A type, after those that it is made of.
fn write_named(model: &Model, named: &Named, done: &mut BTreeSet<String>, body: &mut String) {
    if !done.insert(named.name.clone()) {
        return;
    }
    for used in named.uses() {
        if let Some(used) = model.types.iter().find(|other| other.name == used) {
            write_named(model, used, done, body);
        }
    }
    body.push_str("\n\n");
    let name = &named.name;
    match &named.form {
        Form::Alias(Type::Words(words)) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            let _ =
                writeln!(body, "{}", PYTHON.fit(0, &format!("{name}: TypeAlias = Literal["), &words, "]"));
            write_doc(body, 0, &named.doc);
        }
        Form::Alias(what) => {
            let _ = writeln!(body, "{name}: TypeAlias = {}", shown(what));
            write_doc(body, 0, &named.doc);
        }
        Form::Record(members) if members.iter().all(|member| is_name(&member.name)) => {
            let _ = writeln!(body, "class {name}(TypedDict):");
            write_doc(body, 4, &named.doc);
            if !named.doc.is_empty() {
                body.push('\n');
            }
            for member in members {
                let _ = writeln!(body, "    {}: {}", member.name, of_member(member));
                write_doc(body, 4, &member.doc);
            }
            if members.is_empty() && named.doc.is_empty() {
                body.push_str("    pass\n");
            }
        }
        Form::Record(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|member| format!("{}: {}", quoted(&member.name), of_member(member)))
                .collect();
            let _ = writeln!(
                body,
                "{}",
                PYTHON.each(0, &format!("{name} = TypedDict({}, {{", quoted(name)), &members, "})")
            );
            write_doc(body, 0, &named.doc);
        }
        Form::Update { operation, update_type, item, named_by } => {
            let base = if named_by.is_some() { "StateUpdate" } else { "Update" };
            let item = shown(item);
            let _ = writeln!(body, "class {name}({item}, {base}):");
            let doc = format!("An update of `{operation}`: a `{item}`, and what all updates have.");
            write_doc(body, 4, &doc);
            let _ = writeln!(body, "\n    type: Literal[{}]", quoted(update_type));
            write_doc(body, 4, "The kind of update.");
        }
    }
}

fn of_member(member: &Member) -> String {
    let what = shown(&member.what);
    if member.is_required { what } else { format!("NotRequired[{what}]") }
}

/// The methods, for one way of calling them.
struct Api {
    is_async: bool,
}

impl Api {
    fn write(&self, model: &Model) -> String {
        let mut body = String::new();
        for method in &model.methods {
            match &method.answer {
                Answer::Result(result) => self.write_call(method, result, &mut body),
                Answer::Updates { update, .. } => self.write_stream(method, update, &mut body),
            }
        }
        let (about, class, base) = match self.is_async {
            true => ("one method each", "Api", "Core"),
            false => ("one method each, for code without an event loop", "SyncApi", "SyncCore"),
        };
        format!(
            "{HEAD}\"\"\"The operations of the server, {about}.\"\"\"\n\nfrom __future__ import annotations\n\n{}\n\n\
             class {class}({base}):\n    \"\"\"All operations of the server.\"\"\"\n{body}",
            self.imports(model, &body)
        )
    }

    fn imports(&self, model: &Model, body: &str) -> String {
        let has = |word: &str| body.contains(word);
        let typing: Vec<&str> = ["Any", "Literal", "cast", "overload"]
            .into_iter()
            .filter(|name| {
                has(&format!("{name}["))
                    || has(&format!("{name}("))
                    || has(&format!("@{name}\n"))
                    || has(&format!(" {name}:"))
            })
            .collect();
        let mut imports = format!("from typing import TYPE_CHECKING, {}\n\n", typing.join(", "));
        imports.push_str(if self.is_async {
            "from ._core import Core\n"
        } else {
            "from ._sync_core import SyncCore, SyncStream\n"
        });
        imports.push_str("\nif TYPE_CHECKING:\n");
        if has("Sequence[") {
            imports.push_str("    from collections.abc import Sequence\n\n");
        }
        if has("| Event]") {
            imports.push_str("    from ._events import Event\n");
        }
        if self.is_async && has("Stream[") {
            imports.push_str("    from ._stream import Stream\n");
        }
        let used: BTreeSet<String> = model.methods.iter().flat_map(Method::uses).collect();
        let used: Vec<String> = used.into_iter().collect();
        if !used.is_empty() {
            imports.push_str(&PYTHON.each(4, "from ._types import (", &used, ")"));
            imports.push('\n');
        }
        imports
    }

    fn write_call(&self, method: &Method, result: &Type, body: &mut String) {
        let (name, result) = (ident(&method.operation), shown(result));
        let (def, wait) = if self.is_async { ("async def", "await ") } else { ("def", "") };
        let mut params = vec!["self".to_owned()];
        params.extend(method.params.iter().map(of_param));
        let _ = writeln!(
            body,
            "\n{}",
            PYTHON.fit(4, &format!("{def} {name}("), &params, &format!(") -> {result}:"))
        );
        self.write_method_doc(method, &[], body);
        let (call, operation) = (format!("{wait}self._call("), quoted(&method.operation));
        let inline = format!("{{{}}}", pairs(&method.params).join(", "));
        let give = |value: &str| match result.as_str() {
            "Any" => format!("        return {value}"),
            _ => format!("        return cast({}, {value})", quoted(&result)),
        };
        let whole = give(&format!("{call}{operation}, {inline})"));
        let kept = format!("        result = {call}{operation}, {inline})");
        if fits(&whole) {
            let _ = writeln!(body, "{whole}");
        } else if fits(&kept) {
            let _ = writeln!(body, "{kept}\n{}", give("result"));
        } else {
            let whole = give(&format!("{call}{operation}, params)"));
            let _ = writeln!(body, "{}", PYTHON.each(8, "params = {", &pairs(&method.params), "}"));
            let _ = match fits(&whole) {
                true => writeln!(body, "{whole}"),
                false => {
                    writeln!(body, "        result = {call}{operation}, params)\n{}", give("result"))
                }
            };
        }
    }

    fn write_stream(&self, method: &Method, update: &str, body: &mut String) {
        let stream = if self.is_async { "Stream" } else { "SyncStream" };
        let with_events = format!("{stream}[{update} | Event]");
        for (events, gives) in [
            ("events: Literal[False] = False", format!("{stream}[{update}]: ...")),
            ("events: Literal[True]", format!("{with_events}: ...")),
        ] {
            let _ = writeln!(body, "\n    @overload\n{}", self.stream_head(method, events, &gives));
        }
        let head = self.stream_head(method, "events: bool = False", &format!("{with_events}:"));
        let _ = writeln!(body, "\n{head}");
        self.write_method_doc(
            method,
            &[
                ("snapshot", "Whether the present state comes first."),
                (
                    "min_interval_ms",
                    "At most one update of an item in so many milliseconds; the newest wins.",
                ),
                ("events", "Whether to yield too what the stream tells beside its updates."),
            ],
            body,
        );
        let mut given = pairs(&method.params);
        given.extend(["snapshot", "min_interval_ms"].map(|name| format!("{name:?}: {name}")));
        let _ = writeln!(body, "{}", PYTHON.each(8, "params = {", &given, "}"));
        let mut parts = vec![quoted(&method.operation), "params".to_owned()];
        if let Answer::Updates { is_log, named_by, .. } = &method.answer {
            parts.push(format!("kind={}", quoted(if *is_log { "log" } else { "state" })));
            if !is_log {
                let names: Vec<String> = named_by.iter().map(|name| quoted(name)).collect();
                let comma = if names.len() == 1 { "," } else { "" };
                parts.push(format!("named_by=({}{comma})", names.join(", ")));
            }
        }
        parts.push("events=events".to_owned());
        let one = format!("        return self._stream({})", parts.join(", "));
        let inner = format!("            {}", parts.join(", "));
        let _ = match (fits(&one), fits(&inner)) {
            (true, _) => writeln!(body, "{one}"),
            (_, true) => writeln!(body, "        return self._stream(\n{inner}\n        )"),
            _ => writeln!(body, "{}", PYTHON.each(8, "return self._stream(", &parts, ")")),
        };
    }

    fn stream_head(&self, method: &Method, events: &str, gives: &str) -> String {
        let mut params = vec!["self".to_owned()];
        params.extend(method.params.iter().map(of_param));
        params.extend(
            ["*", "snapshot: bool = True", "min_interval_ms: int | None = None", events].map(str::to_owned),
        );
        PYTHON.each(4, &format!("def {}(", ident(&method.operation)), &params, &format!(") -> {gives}"))
    }

    fn write_method_doc(&self, method: &Method, more: &[(&str, &str)], body: &mut String) {
        const INDENT: &str = "        ";
        let width = WIDTH - INDENT.len();
        let mut lines = wrap(&method.doc.iter().map(|text| escaped(text)).collect::<Vec<_>>(), width, "");
        let mut args: Vec<String> = method.params.iter().map(described).collect();
        args.extend(more.iter().map(|(name, doc)| format!("{name}: {doc}")));
        if !args.is_empty() {
            lines.extend([String::new(), "Args:".to_owned()]);
            for arg in args {
                let wrapped = wrap(&[escaped(&arg)], width - 4, "    ");
                lines.extend(wrapped.into_iter().map(|line| format!("    {line}")));
            }
        }
        lines.extend([String::new(), "Raises:".to_owned()]);
        let wrapped = wrap(&[format!("{}.", method.errors.join(", "))], width - 4, "");
        lines.extend(wrapped.into_iter().map(|line| format!("    {line}")));
        lines.extend([String::new(), "Example:".to_owned()]);
        lines.extend(self.example(method).into_iter().map(|line| format!("    {line}")));
        write_docstring(body, INDENT, &lines);
    }

    fn example(&self, method: &Method) -> Vec<String> {
        let (wait, each) = if self.is_async { ("await ", "async for") } else { ("", "for") };
        let call = format!("handler.{}({})", ident(&method.operation), arguments(method));
        match &method.answer {
            Answer::Result(_) => vec![format!("result = {wait}{call}")],
            Answer::Updates { .. } => vec![format!("{each} update in {call}:"), "    ...".to_owned()],
        }
    }
}

/// The arguments of a method's example: by position, until one is left out.
fn arguments(method: &Method) -> String {
    let Some(example) = &method.example else { return String::new() };
    let mut by_position = true;
    let mut arguments = Vec::new();
    for param in &method.params {
        match example.get(&param.name) {
            None => by_position = false,
            Some(value) if by_position => arguments.push(literal(value)),
            Some(value) => arguments.push(format!("{}={}", ident(&param.name), literal(value))),
        }
    }
    arguments.join(", ")
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", quoted(name), literal(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn described(param: &Param) -> String {
    let default = param.default.as_ref().map(|default| format!(" Default: {}.", literal(default)));
    format!("{}: {}{}", ident(&param.name), param.doc, default.unwrap_or_default())
}

fn of_param(param: &Param) -> String {
    // What may be left out is left out where it is None.
    let what = match param.what.without_null() {
        Type::List(inner) => format!("Sequence[{}]", shown(&inner)),
        other => shown(&other),
    };
    match param.is_required {
        true => format!("{}: {what}", ident(&param.name)),
        false => format!("{}: {what} | None = None", ident(&param.name)),
    }
}

fn pairs(params: &[Param]) -> Vec<String> {
    params.iter().map(|param| format!("{}: {}", quoted(&param.name), ident(&param.name))).collect()
}

/// A type as annotations have it.
fn shown(what: &Type) -> String {
    match what {
        Type::Any => "Any".to_owned(),
        Type::Null => "None".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Integer => "int".to_owned(),
        Type::Number => "float".to_owned(),
        Type::Text => "str".to_owned(),
        Type::Words(words) => {
            format!("Literal[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
        }
        Type::List(inner) => format!("list[{}]", shown(inner)),
        Type::Tuple(all) => {
            let mut all = all.clone();
            all.dedup();
            format!("list[{}]", shown(&Type::Either(all)))
        }
        Type::Map(inner) => format!("dict[str, {}]", shown(inner)),
        Type::Either(all) => all.iter().map(shown).collect::<Vec<_>>().join(" | "),
        Type::Named(name) => name.clone(),
    }
}

fn write_doc(body: &mut String, indent: usize, text: &str) {
    if text.is_empty() {
        return;
    }
    let (pad, text) = (" ".repeat(indent), escaped(text));
    let one = format!("{pad}\"\"\"{text}\"\"\"");
    if fits(&one) && !text.contains('\n') {
        let _ = writeln!(body, "{one}");
        return;
    }
    write_docstring(body, &pad, &wrap(&[text], WIDTH - indent - 3, ""));
}

fn write_docstring(body: &mut String, pad: &str, lines: &[String]) {
    let lines = lines.join(&format!("\n{pad}"));
    // An empty line is not indented.
    let lines = lines.replace(&format!("\n{pad}\n"), "\n\n");
    let _ = writeln!(body, "{pad}\"\"\"{lines}\n{pad}\"\"\"");
}

/// A text within a docstring.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"")
}

fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    starts_well && is_word && !KEYWORDS.contains(&text)
}

/// A name that Python takes.
fn ident(name: &str) -> String {
    text::ident(name, is_name(name))
}
