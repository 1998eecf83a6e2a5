//! `call OP key=value…`: calls an operation of a running server.

use serde_json::{Map, Value, json};

use super::{ClientFlags, Failure, output};
use crate::client::Connection;

/// Params are `key=value`; what a value means is up to the operation's schema. A list is written
/// `a,b,c`. On a terminal the result is indented; piped, it is the very JSON that the server sent.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The operation
    operation: String,
    /// Its params
    #[arg(value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Its params as one JSON object
    #[arg(short = 'd', long = "data", value_name = "JSON", conflicts_with = "params")]
    data: Option<String>,
    #[command(flatten)]
    client: ClientFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let data = args.data.as_deref().map(serde_json::from_str::<Value>).transpose();
    let data = data.map_err(|error| Failure::usage(format!("--data: {error}")))?;
    let mut connection = args.client.connect().await?;
    let params = match data {
        Some(data) => data,
        None if args.params.is_empty() => json!({}),
        None => {
            let schema = params_schema(&mut connection, &args.operation).await?;
            from_pairs(&args.params, &schema)?
        }
    };
    let answer = connection.call(&args.operation, &params).await?;
    for warning in &answer.warnings {
        eprintln!("warning: {warning}");
    }
    output::json(answer.result.get())
}

async fn params_schema(connection: &mut Connection, operation: &str) -> Result<Value, Failure> {
    let described = connection.call("describe", &json!({ "operation": operation })).await?;
    let described: Value = serde_json::from_str(described.result.get()).map_err(Failure::new)?;
    Ok(described.pointer("/operations/0/params/properties").cloned().unwrap_or_default())
}

/// Params out of `key=value` pairs.
fn from_pairs(pairs: &[String], properties: &Value) -> Result<Value, Failure> {
    let mut params = Map::new();
    for pair in pairs {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::usage(format!("{pair}: want KEY=VALUE")))?;
        let value = typed(value, properties.get(name).unwrap_or(&Value::Null));
        if params.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!("{name} is given twice")));
        }
    }
    Ok(params.into())
}

/// A value as its schema wants it; where it does not fit, the server says what is wrong.
fn typed(value: &str, schema: &Value) -> Value {
    let allows = |name: &str| match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(names)) => names.iter().any(|one| one == name),
        _ => false,
    };
    if allows("string") {
        return value.into();
    }
    if allows("array") && !value.trim_start().starts_with('[') {
        let items = schema.get("items").unwrap_or(&Value::Null);
        return value.split(',').map(|item| typed(item.trim(), items)).collect();
    }
    serde_json::from_str(value).unwrap_or_else(|_| value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_what_a_value_is() {
        let properties = json!({
            "user_id": { "type": ["string", "integer"] },
            "count": { "type": "integer" },
            "all": { "type": "boolean" },
            "symbols": { "type": ["array", "null"], "items": { "type": "string" } },
            "status": { "anyOf": [{ "enum": ["open"] }, { "type": "null" }] },
        });
        let pairs = ["user_id=1001", "count=5", "all=true", "symbols=A/B,7", "status=open", "unknown=x=y"];
        let params = from_pairs(&pairs.map(str::to_owned), &properties).unwrap();
        let expected = json!({
            "user_id": "1001", "count": 5, "all": true, "symbols": ["A/B", "7"], "status": "open", "unknown": "x=y",
        });
        assert_eq!(params, expected);
        assert!(from_pairs(&["novalue".to_owned()], &properties).is_err());
    }
}
