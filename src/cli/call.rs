//! `call OP key=value…`: calls an operation of a running server.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ClientFlags, Failure, output};
use crate::client::{Client, ClientError};

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
    /// Have the server tell where the time of the answer went and where its data came from, on standard error
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    client: ClientFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let data = args.data.as_deref().map(serde_json::from_str::<Value>).transpose();
    let data = data.map_err(|error| Failure::usage(format!("--data: {error}")))?;
    split_pairs(&args.params)?;
    let client = args.client.connect().await?;
    let params = match data {
        Some(data) => data,
        None => {
            let described = described(&client, &args.operation).await?;
            if described["kind"] == "stream" {
                return Err(Failure::usage(format!("{} is a stream; `watch` it instead", args.operation)));
            }
            params_of(&args.params, &described)?
        }
    };
    let answer = match args.explain {
        true => client.explain(&args.operation, &params).await,
        false => client.call_by_name(&args.operation, &params).await,
    };
    let explain = match &answer {
        Ok(answer) => answer.explain.as_ref(),
        Err(ClientError::Refused(refusal)) => refusal.explain.as_ref(),
        Err(_) => None,
    };
    if let Some(explain) = explain {
        eprintln!("explain: {explain}");
    }
    let answer = answer?;
    for warning in &answer.warnings {
        eprintln!("warning: {}", serde_json::to_string(warning).map_err(Failure::new)?);
    }
    match &answer.cursor {
        Some(cursor) => eprintln!("truncated: the rest is given by cursor={cursor}"),
        None if answer.truncated => eprintln!("truncated: there is, or may be, more"),
        None => {}
    }
    output::json(answer.result.get())
}

/// What a server says of an operation.
pub(super) async fn described(client: &Client, operation: &str) -> Result<Value, Failure> {
    let described = client.call_by_name("describe", &json!({ "operation": operation })).await?;
    let mut described: Value = described.read()?;
    Ok(described.pointer_mut("/operations/0").map(Value::take).unwrap_or_default())
}

/// Params out of `key=value` pairs, as an operation's schema wants them.
pub(super) fn params_of(pairs: &[String], described: &Value) -> Result<Value, Failure> {
    let properties = described.pointer("/params/properties").unwrap_or(&Value::Null);
    Ok(from_pairs(&split_pairs(pairs)?, properties))
}

/// The names and values of `key=value` pairs.
fn split_pairs(pairs: &[String]) -> Result<BTreeMap<&str, &str>, Failure> {
    let mut params = BTreeMap::new();
    for pair in pairs {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::usage(format!("{pair}: want KEY=VALUE")))?;
        if params.insert(name, value).is_some() {
            return Err(Failure::usage(format!("{name} is given twice")));
        }
    }
    Ok(params)
}

/// Params out of names and values.
fn from_pairs(pairs: &BTreeMap<&str, &str>, properties: &Value) -> Value {
    let schema = |name: &str| properties.get(name).unwrap_or(&Value::Null);
    let params = pairs.iter().map(|(name, value)| ((*name).to_owned(), typed(value, schema(name))));
    params.collect::<Map<_, _>>().into()
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
        let pairs = pairs.map(str::to_owned);
        let params = from_pairs(&split_pairs(&pairs).unwrap(), &properties);
        let expected = json!({
            "user_id": "1001", "count": 5, "all": true, "symbols": ["A/B", "7"], "status": "open", "unknown": "x=y",
        });
        assert_eq!(params, expected);
        assert!(split_pairs(&["novalue".to_owned()]).is_err());
    }
}
