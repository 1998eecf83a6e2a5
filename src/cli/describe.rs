//! `describe [OP]`: what a running server says of itself, or of one operation.

use serde_json::{Value, json};

use super::{ClientFlags, Failure, output};

/// Shows what a running server says of itself, or of one operation.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this operation
    operation: Option<String>,
    #[command(flatten)]
    client: ClientFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let client = args.client.connect().await?;
    let params = match &args.operation {
        Some(operation) => json!({ "operation": operation }),
        None => json!({}),
    };
    let answer = client.call_by_name("describe", &params).await?;
    if !output::is_terminal() || args.operation.is_none() {
        return output::json(answer.result.get());
    }
    let description: Value = serde_json::from_str(answer.result.get()).map_err(Failure::new)?;
    output::line(&page(&description["operations"][0]))
}

/// One operation for a reader.
fn page(operation: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut page = format!("{}: {}\n", text(&operation["name"]), text(&operation["summary"]));
    let description = text(&operation["description"]);
    if !description.is_empty() {
        page.push_str(&format!("\n{description}\n"));
    }
    let required = operation["params"]["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let params = operation["params"]["properties"].as_object().into_iter().flatten();
    let mut rows: Vec<Vec<String>> = params
        .map(|(name, schema)| {
            let need = if required.iter().any(|item| item == name) { "required" } else { "optional" };
            vec![
                format!("  {name}"),
                kind(schema),
                need.to_owned(),
                text(&schema["description"]).replace('\n', " "),
            ]
        })
        .collect();
    if rows.is_empty() {
        rows.push(vec!["  (none)".to_owned()]);
    }
    page.push_str(&format!("\nParams\n{}\n", output::table(&rows)));
    let list =
        |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ");
    page.push_str(&format!("\nErrors\n  {}\n", list(&operation["errors"])));
    let keys: Vec<String> =
        operation["keys"].as_object().into_iter().flatten().map(|(_, key)| text(key)).collect();
    if !keys.is_empty() {
        page.push_str(&format!("\nReads\n  {} by {}\n", keys.join(", "), list(&operation["commands"])));
    }
    page.push_str("\nExamples\n");
    for example in operation["examples"].as_array().into_iter().flatten() {
        page.push_str(&format!("  fullon-cache-api call {} -d '{example}'\n", text(&operation["name"])));
    }
    page.push_str(&format!("\nResult\n{}", output::pretty(&operation["result"].to_string())));
    page
}

fn kind(schema: &Value) -> String {
    let names = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "any of several".to_owned(),
    };
    match &schema["default"] {
        Value::Null => names,
        default => format!("{names} = {default}"),
    }
}
