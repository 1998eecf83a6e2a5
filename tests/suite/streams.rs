//! Streams: change, told once, to everyone who watches.

mod state;

use serde_json::{Value, json};

use crate::common::{Client, Redis, Server};

/// A server that reads an empty Redis, and a client of it.
async fn start() -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let client = server.client().await;
    (redis, server, client)
}

/// Opens a stream and gives its settings.
async fn open(client: &mut Client, id: &str, operation: &str, params: Value) -> Value {
    client.send(&json!({ "request_id": id, "operation": operation, "params": params }).to_string()).await;
    let reply = client.receive().await;
    assert_eq!((&reply["request_id"], &reply["success"]), (&json!(id), &json!(true)), "{reply}");
    reply["result"].clone()
}

async fn write_ticker(redis: &Redis, exchange: &str, symbol: &str, price: f64) {
    let ticker = ticker(exchange, symbol, price);
    redis.send::<()>(&["HSET", &format!("tickers:{exchange}"), symbol, &ticker]).await;
    redis.send::<()>(&["PUBLISH", &format!("ticker_updates:{exchange}:{symbol}"), &ticker]).await;
}

fn ticker(exchange: &str, symbol: &str, price: f64) -> String {
    json!({"symbol": symbol, "exchange": exchange, "price": price, "time": 1.5}).to_string()
}
