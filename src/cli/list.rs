//! `list`: the operations of a running server.

use serde_json::{Value, json};

use super::{ClientFlags, Failure, output};

/// Lists the operations of a running server.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the operations of this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    #[command(flatten)]
    client: ClientFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let client = args.client.connect().await?;
    let params = args.domain.map_or_else(|| json!({}), |domain| json!({ "domain": domain }));
    let answer = client.call_by_name("describe", &params).await?;
    let description: Value = serde_json::from_str(answer.result.get()).map_err(Failure::new)?;
    let operations = description["operations"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !output::is_terminal() {
        let short = |operation: &Value| {
            json!({
                "name": operation["name"],
                "kind": operation["kind"],
                "domain": operation["domain"],
                "summary": operation["summary"],
            })
        };
        return output::line(&Value::from_iter(operations.iter().map(short)).to_string());
    }
    let text = |operation: &Value, member: &str| operation[member].as_str().unwrap_or_default().to_owned();
    let mut rows: Vec<Vec<String>> = operations
        .iter()
        .map(|operation| vec![text(operation, "domain"), text(operation, "name"), text(operation, "summary")])
        .collect();
    rows.sort();
    output::line(&output::table(&rows))
}
