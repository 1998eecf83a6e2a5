//! What operations answer with, out of a recording: for documents.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use super::Failure;
use crate::{
    access::Users,
    cache::{Cache, Store, View},
    codegen::ExampleReply,
    demo::Recording,
    operation::Answer,
    registry::Registry,
};

/// How many items of a list, or members of a map, an example shows.
const MOST_ITEMS: usize = 2;

/// The replies to the first example of every read, when all of a recording has been played.
pub(super) async fn example_replies(
    registry: &Registry,
    recording: &Path,
) -> Result<BTreeMap<String, ExampleReply>, Failure> {
    let store = Store::new();
    Recording::read(recording).and_then(|recording| recording.load_all(&store)).map_err(Failure::usage)?;
    let cache = Cache::embedded(store);
    let mut replies = BTreeMap::new();
    for operation in registry.iter() {
        let described = operation.described();
        let (Answer::Read { run, .. }, Some(params)) = (operation.answer, described.examples.first()) else {
            continue;
        };
        let view = View::new(cache.clone(), operation.plan.clone(), params.clone()).of_users(Users::All);
        let (result, _) = run(view).await.map_err(Failure::new)?;
        let mut result: Value = serde_json::from_str(&result).map_err(Failure::new)?;
        if result.as_array().is_some_and(Vec::is_empty) {
            // It shows nothing: what is asked for is recent, and a recording is not.
            continue;
        }
        let is_map = described.result.as_ref().is_some_and(|schema| schema.get("properties").is_none());
        let is_cut = cut(&mut result, is_map);
        let reply = serde_json::json!({ "request_id": "1", "success": true, "result": result });
        replies.insert(operation.name().to_owned(), ExampleReply { json: format!("{reply:#}"), is_cut });
    }
    Ok(replies)
}

/// Leaves the first items of a long list, or of a map. Says whether there were more.
fn cut(result: &mut Value, is_map: bool) -> bool {
    match result {
        Value::Array(items) if items.len() > MOST_ITEMS => {
            items.truncate(MOST_ITEMS);
            true
        }
        Value::Object(members) if is_map && members.len() > MOST_ITEMS => {
            *members = std::mem::take(members).into_iter().take(MOST_ITEMS).collect();
            true
        }
        _ => false,
    }
}
