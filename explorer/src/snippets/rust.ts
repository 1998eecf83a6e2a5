import { streamKindOf } from "../server/stream-kind";
import { split, type Language, type Wanted } from "./types";

export const rust: Language = { id: "rust", name: "Rust", write };

/** By the operation's name, which any version of the client takes. */
function write(wanted: Wanted): string {
  const { operation, url, isLoggedIn } = wanted;
  const isStream = operation.kind === "stream";
  const hasInterval = split(wanted).options.minIntervalMs;
  return [
    ...(isStream && hasInterval ? ["use std::time::Duration;", ""] : []),
    ...(isStream
      ? [
          "use fullon_cache_api::client::{Client, ClientError, StreamKind};",
          "use futures_util::TryStreamExt as _;",
          "use serde_json::json;",
        ]
      : [
          "use fullon_cache_api::client::{Client, ClientError};",
          "use serde_json::json;",
        ]),
    "",
    "#[tokio::main]",
    "async fn main() -> Result<(), ClientError> {",
    ...connect(url, isLoggedIn),
    ...(isStream ? stream(wanted) : call(wanted)),
    "    Ok(())",
    "}",
    "",
  ].join("\n");
}

function connect(url: string, isLoggedIn: boolean): string[] {
  return isLoggedIn
    ? [
        "    // The address is read from FULLON_CACHE_API_URL, the token from FULLON_CACHE_API_TOKEN.",
        "    let client = Client::from_env().await?;",
      ]
    : [`    let client = Client::connect(${JSON.stringify(url)}).await?;`];
}

function call({ operation, params }: Wanted): string[] {
  return [
    `    let params = json!(${JSON.stringify(params)});`,
    `    let answer = client.call_by_name(${JSON.stringify(operation.name)}, &params).await?;`,
    `    println!("{}", answer.result);`,
  ];
}

function stream(wanted: Wanted): string[] {
  const { operation } = wanted;
  const { own, options } = split(wanted);
  const params = JSON.stringify(Object.fromEntries(own));
  const kind = streamKindOf(operation);
  const names = kind.namedBy.map((name) => `${JSON.stringify(name)}.into()`).join(", ");
  const how = [
    ...(options.snapshot === false ? [".without_snapshot()"] : []),
    ...(options.minIntervalMs
      ? [`.min_interval(Duration::from_millis(${options.minIntervalMs}))`]
      : []),
  ].map((option) => `        ${option}`);
  return [
    `    let params = json!(${params}).as_object().cloned().unwrap_or_default();`,
    `    let kind = ${kind.kind === "log" ? "StreamKind::Log" : `StreamKind::State(vec![${names}])`};`,
    `    let mut updates = client`,
    `        .stream_by_name(${JSON.stringify(operation.name)}, params, kind)`,
    ...how,
    "        .await?;",
    "    while let Some(update) = updates.try_next().await? {",
    `        println!("{}", update.text());`,
    "    }",
  ];
}
