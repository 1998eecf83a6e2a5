//! The page of the configuration, from its types: their doc comments, and their defaults.

use serde_json::Value;

use super::{
    MADE,
    table::{default_of, description, head, line, members, type_of},
};
use crate::{
    config::{Config, VARIABLES},
    registry::Dialect,
};

const ABOUT: &str = "\
# Configuration

Built-in defaults, then `fullon-cache-api.toml` (or the file that `--config` or `CONFIG_FILE` names), then `.env`, then
the environment, then flags: the later wins. The files are looked for in the folder that the server starts in.
[`fullon-cache-api.example.toml`](../../fullon-cache-api.example.toml) has every key with its default,
[`.env.example`](../../.env.example) every variable that has a name of its own. `fullon-cache-api check` prints every
value in force and where it came from, and all that is wrong or hardly meant.

Any key can be set by three ways, which mean the same:

```toml
[limits]
in_flight = 16
```
```sh
export FULLON_CACHE_API__LIMITS__IN_FLIGHT=16
fullon-cache-api check --set limits.in_flight=16
```

In variables and flags, lists and tables are written as in the file: `--set 'auth.anonymous_scopes=[\"market\"]'`. A
list of texts may also be written with commas alone. An empty variable is ignored. A key that there is not, or a value
that is none of its type, is an error that names it and what is meant, at start and at a reload alike.

- *duration*: a text with its unit, `500ms`, `2s`, `1m30s`, `24h`.
- Sizes are in bytes. In whole numbers `_` may stand: `16_777_216`.
- *secret*: a text that is shown nowhere: `check` and the log say `(hidden)`.
- *also*: the variable and the flag that stand for it, beside those that every key has.
- *at start*: changing it takes a restart, a [reload](operating.md#reload) leaves it as it was and says so. All else is
  taken over by a reload.
";

/// The page.
pub(super) fn page(flags: &[(&str, &str)]) -> String {
    let schema = Dialect::Draft2020.schema(|generator| generator.root_schema_for::<Config>());
    let defaults = Config::default();
    let of_the_start: Vec<&str> = defaults.of_the_start(&defaults).into_iter().map(|(key, _)| key).collect();
    let page = Page { flags, of_the_start };
    let mut text = format!("{MADE}{ABOUT}");
    let (tables, alone): (Vec<_>, Vec<_>) =
        members(&schema).into_iter().flatten().partition(|(_, section)| members(section).is_some());
    text.push_str("\n## Beside the sections\n\n");
    page.table(&mut text, "", alone.into_iter());
    for (name, section) in tables {
        text.push_str(&format!("\n## {name}\n\n{}\n\n", description(section)));
        page.table(&mut text, &format!("{name}."), members(section).into_iter().flatten());
        for (key, property) in members(section).into_iter().flatten() {
            page.inner(&mut text, &format!("{name}.{key}"), property);
        }
    }
    text
}

struct Page<'p> {
    flags: &'p [(&'p str, &'p str)],
    /// The sections and keys that are looked at at start alone.
    of_the_start: Vec<&'static str>,
}

impl Page<'_> {
    fn table<'s>(
        &self,
        text: &mut String,
        prefix: &str,
        keys: impl Iterator<Item = (&'s String, &'s Value)>,
    ) {
        head(text, &["key", "type", "default", "meaning"]);
        for (name, schema) in keys {
            let key = format!("{prefix}{name}");
            let default = default_of(schema).unwrap_or("–".to_owned());
            let is_of_the_start =
                self.of_the_start.iter().any(|of| key == *of || key.starts_with(&format!("{of}.")));
            let mut meaning = description(schema).to_owned();
            let names = self.names(&key);
            if !names.is_empty() {
                meaning.push_str(&format!(" Also {names}."));
            }
            if is_of_the_start {
                meaning.push_str(" *At start.*");
            }
            line(text, &[&format!("`{key}`"), &type_of_key(schema), &default, &meaning]);
        }
    }

    /// The variable and the flag of a key, where they have a name of their own.
    fn names(&self, key: &str) -> String {
        let variables = VARIABLES.iter().filter(|(_, of)| *of == key).map(|(name, _)| *name);
        let flags = self.flags.iter().filter(|(_, of)| *of == key).map(|(name, _)| *name);
        variables.chain(flags).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }

    /// The keys of a table, or of each table of a list.
    fn inner(&self, text: &mut String, key: &str, schema: &Value) {
        let form = |schema: &Value| schema.get("anyOf").and_then(|forms| forms.get(0)).cloned();
        let (each, list) = match schema.get("items") {
            Some(items) => (items.clone(), "Each table of the list has:"),
            None => (form(schema).unwrap_or_default(), "The table has:"),
        };
        let Some(keys) = members(&each) else { return };
        let required = each.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|known| known == name));
        text.push_str(&format!("\n### {key}\n\n{} {list}\n\n", description(&each)));
        head(text, &["key", "type", "default", "meaning"]);
        for (name, schema) in keys {
            let default = match is_required(name) {
                true => "required".to_owned(),
                false => default_of(schema).unwrap_or("–".to_owned()),
            };
            line(text, &[&format!("`{name}`"), &type_of_key(schema), &default, description(schema)]);
        }
    }
}

/// The type of a key; tables are called so.
fn type_of_key(schema: &Value) -> String {
    let is_table = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "object");
    if schema.get("items").is_some_and(is_table) {
        return "list of tables".to_owned();
    }
    let forms = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match forms {
        [form, _] if is_table(form) => "table".to_owned(),
        [form, _] => type_of(form),
        // That it may be left out is what its default says.
        _ => type_of(schema).trim_end_matches(" or null").replace("integer", "whole number"),
    }
}
