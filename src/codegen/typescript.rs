//! The TypeScript client: types as interfaces, a method an operation.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    File, Model,
    model::{Answer, Form, Method, Named, Param, Type},
    pascal,
    text::{self, Layout, WIDTH, fits, quoted, wrap},
};

const HEAD: &str = "// Written by `fullon-cache-api generate typescript`; changes are lost.\n";

const TYPESCRIPT: Layout = Layout(2);

/// The files that are written.
pub(super) fn files(model: &Model) -> Vec<File> {
    let file = |name: &str, text| File { path: format!("src/{name}"), text };
    vec![file("types.ts", types(model)), file("api.ts", api(model))]
}

fn types(model: &Model) -> String {
    let mut body = String::new();
    for named in &model.types {
        write_named(named, &mut body);
    }
    let helpers: Vec<&str> =
        ["RemovalOf", "UpdateOf"].into_iter().filter(|name| body.contains(&format!("{name}<"))).collect();
    let import = match helpers.is_empty() {
        true => String::new(),
        false => format!("import type {{ {} }} from \"./updates.js\";\n", helpers.join(", ")),
    };
    format!("{HEAD}{import}{body}")
}

fn write_named(named: &Named, body: &mut String) {
    body.push('\n');
    let name = &named.name;
    match &named.form {
        Form::Record(members) => {
            write_doc(body, 0, std::slice::from_ref(&named.doc), &[]);
            let _ = writeln!(body, "export interface {name} {{");
            for member in members {
                write_doc(body, 2, std::slice::from_ref(&member.doc), &[]);
                let mark = if member.is_required { "" } else { "?" };
                let _ = writeln!(body, "  {}{mark}: {};", key(&member.name), shown(&member.what));
            }
            body.push_str("}\n");
        }
        Form::Alias(what) => {
            write_doc(body, 0, std::slice::from_ref(&named.doc), &[]);
            write_alias(body, name, &alternatives(what));
        }
        Form::Update { operation, update_type, item, named_by } => {
            write_doc(body, 0, &[format!("An update of `{operation}`.")], &[]);
            let item = shown(item);
            let mut forms = vec![format!("UpdateOf<{update_type:?}, {item}>")];
            if let Some(names) = named_by {
                let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
                let names = if names.is_empty() { String::new() } else { format!(", {}", names.join(" | ")) };
                forms.push(format!("RemovalOf<{update_type:?}, {item}{names}>"));
            }
            write_alias(body, name, &forms);
        }
    }
}

/// A type of these alternatives, in one line, in two, or with a line for each.
fn write_alias(body: &mut String, name: &str, forms: &[String]) {
    let (head, whole) = (format!("export type {name} ="), forms.join(" | "));
    if fits(&format!("{head} {whole};")) {
        let _ = writeln!(body, "{head} {whole};");
    } else if fits(&format!("  {whole};")) {
        let _ = writeln!(body, "{head}\n  {whole};");
    } else {
        let lines: Vec<String> = forms.iter().map(|form| format!("  | {form}")).collect();
        let _ = writeln!(body, "{head}\n{};", lines.join("\n"));
    }
}

fn api(model: &Model) -> String {
    let mut body = String::new();
    for method in &model.methods {
        match &method.answer {
            Answer::Result(result) => write_call(method, result, &mut body),
            Answer::Updates { update, is_log, named_by } => {
                write_stream(method, update, *is_log, named_by, &mut body);
            }
        }
    }
    let used: BTreeSet<String> = model.methods.iter().flat_map(Method::uses).collect();
    let used: Vec<String> = used.into_iter().collect();
    let types = format!("import type {{ {} }} from \"./types.js\";", used.join(", "));
    let types = match fits(&types) {
        true => types,
        false => TYPESCRIPT.each(0, "import type {", &used, "} from \"./types.js\";"),
    };
    format!(
        "{HEAD}import {{ Core }} from \"./core.js\";\n\
         import type {{ CallOptions, CursorOptions, PageOptions, StreamOptions }} from \"./options.js\";\n\
         import type {{ Stream }} from \"./stream.js\";\n{types}\n\n\
         /** A client of the server: one method for each of its operations. */\n\
         export class Client extends Core {{{}}}\n",
        body.strip_prefix('\n').map_or_else(|| body.clone(), |body| format!("\n{body}"))
    )
}

fn write_call(method: &Method, result: &Type, body: &mut String) {
    write_method_doc(method, body);
    let mut params: Vec<String> = positional(method).map(of_param).collect();
    params.push(format!("options?: {}", options_of(method)));
    let head = TYPESCRIPT.fit(
        2,
        &format!("{}(", camel(&method.operation)),
        &params,
        &format!("): Promise<{}> {{", shown(result)),
    );
    let call = [quoted(&method.operation), object(&method.params), "options".to_owned()];
    let _ = writeln!(body, "{head}\n{}\n  }}", TYPESCRIPT.fit(4, "return this.call(", &call, ");"));
}

/// What takes a place of its own; what asks for a part of the result stands among the options.
fn positional(method: &Method) -> impl Iterator<Item = &Param> {
    method.params.iter().filter(|param| !param.is_paging)
}

fn options_of(method: &Method) -> &'static str {
    match method.params.iter().filter(|param| param.is_paging).count() {
        0 => "CallOptions",
        1 => "CursorOptions",
        _ => "PageOptions",
    }
}

fn write_stream(method: &Method, update: &str, is_log: bool, named_by: &[String], body: &mut String) {
    write_method_doc(method, body);
    let mut params: Vec<String> = method.params.iter().map(of_param).collect();
    params.push("options?: StreamOptions<Events>".to_owned());
    let head = format!("{}<Events extends boolean = false>(", camel(&method.operation));
    let head = TYPESCRIPT.fit(2, &head, &params, &format!("): Stream<{update}, Events> {{"));
    let names: Vec<String> = named_by.iter().map(|name| quoted(name)).collect();
    let kind = if is_log { "log" } else { "state" };
    let parts = [
        quoted(&method.operation),
        object(&method.params),
        format!("{{ kind: \"{kind}\", namedBy: [{}] }}", names.join(", ")),
        "options".to_owned(),
    ];
    let _ = writeln!(body, "{head}\n{}\n  }}", TYPESCRIPT.fit(4, "return this.stream(", &parts, ");"));
}

fn write_method_doc(method: &Method, body: &mut String) {
    body.push('\n');
    let mut tags: Vec<String> = Vec::new();
    for param in positional(method) {
        let default = param.default.as_ref().map(|default| format!(" Default: {default}."));
        tags.push(format!("@param {} - {}{}", ident(&param.name), param.doc, default.unwrap_or_default()));
    }
    let errors = method.errors.iter().map(|error| format!("{{@link\u{a0}{error}}}"));
    tags.push(format!("@throws {}", errors.collect::<Vec<_>>().join(", ")));
    write_doc(body, 2, &method.doc, &tags);
}

/// What may be left out is left out, and not null.
fn of_param(param: &Param) -> String {
    let mark = if param.is_required { "" } else { "?" };
    let what = match param.what.without_null() {
        Type::List(inner) => format!("readonly {}", listed(&inner)),
        other => shown(&other),
    };
    format!("{}{mark}: {what}", ident(&param.name))
}

fn object(params: &[Param]) -> String {
    if params.is_empty() {
        return "{}".to_owned();
    }
    let members = params.iter().map(|param| match ident(&param.name) {
        name if param.is_paging => format!("{}: options?.{name}", key(&param.name)),
        name if name == param.name => name,
        name => format!("{}: {name}", key(&param.name)),
    });
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}

fn shown(what: &Type) -> String {
    match what {
        Type::Any => "unknown".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Integer | Type::Number => "number".to_owned(),
        Type::Text => "string".to_owned(),
        Type::List(inner) => listed(inner),
        Type::Tuple(all) => format!("[{}]", all.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Type::Map(inner) => format!("Record<string, {}>", shown(inner)),
        Type::Words(_) | Type::Either(_) => alternatives(what).join(" | "),
        Type::Named(name) => name.clone(),
    }
}

fn listed(inner: &Type) -> String {
    match alternatives(inner).as_slice() {
        [one] => format!("{one}[]"),
        several => format!("({})[]", several.join(" | ")),
    }
}

/// The alternatives of a type, each once: a whole number is a number.
fn alternatives(what: &Type) -> Vec<String> {
    let mut all = match what {
        Type::Words(words) => words.iter().map(|word| quoted(word)).collect(),
        Type::Either(all) => all.iter().flat_map(alternatives).collect(),
        other => vec![shown(other)],
    };
    let mut seen = BTreeSet::new();
    all.retain(|one: &String| seen.insert(one.clone()));
    all
}

/// Paragraphs and tags as a comment.
fn write_doc(body: &mut String, indent: usize, paragraphs: &[String], tags: &[String]) {
    let pad = " ".repeat(indent);
    let safe = |text: &String| text.replace("*/", "*\\/");
    let paragraphs: Vec<String> = paragraphs.iter().filter(|text| !text.is_empty()).map(safe).collect();
    let one = format!("{pad}/** {} */", paragraphs.concat());
    if tags.is_empty() && paragraphs.len() <= 1 && fits(&one) && !one.contains('\n') {
        if !paragraphs.is_empty() {
            let _ = writeln!(body, "{one}");
        }
        return;
    }
    let width = WIDTH - indent - 3;
    let mut lines = wrap(&paragraphs, width, "");
    if !tags.is_empty() {
        lines.push(String::new());
        lines.extend(tags.iter().flat_map(|tag| wrap(&[safe(tag)], width, "  ")));
    }
    let _ = writeln!(body, "{pad}/**");
    for line in lines {
        // A link is not broken.
        let line = line.replace('\u{a0}', " ");
        let _ = writeln!(body, "{}", format!("{pad} * {line}").trim_end());
    }
    let _ = writeln!(body, "{pad} */");
}

/// `get_ticker` as `getTicker`; the names that the client itself has are taken.
fn camel(name: &str) -> String {
    const TAKEN: [&str; 7] = ["call", "stream", "on", "connect", "close", "state", "constructor"];
    let name = pascal(name);
    let name = name[..1].to_ascii_lowercase() + &name[1..];
    if TAKEN.contains(&name.as_str()) { name + "_" } else { name }
}

fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$');
    starts_well && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

fn key(name: &str) -> String {
    if is_name(name) { name.to_owned() } else { quoted(name) }
}

/// A param's name that TypeScript takes.
fn ident(name: &str) -> String {
    const RESERVED: [&str; 46] = [
        "arguments",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "options",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
    ];
    text::ident(name, is_name(name) && !RESERVED.contains(&name))
}
