//! Orders belong to users: who may not read everybody's sees its own.

use fullon_cache_api::access::Scope;
use serde_json::{Value, json};

use super::{guarded, root, token};
use crate::common::{Client, Redis, Server};

async fn logged_in(server: &Server, token: &str) -> Client {
    let mut client = server.client().await;
    client.call("authenticate", json!({"token": token})).await;
    client
}

async fn with_users() -> (Redis, Server) {
    guarded(|config| {
        // So that all have one worker, and could share what it reads.
        config.listen.workers = 1;
        config.auth.tokens = vec![
            root(),
            token("one", &[Scope::Orders], &["1001"]),
            token("two", &[Scope::Orders], &["1001", "1002"]),
            token("none", &[Scope::Orders], &[]),
        ];
    })
    .await
}

fn users(orders: &Value) -> Vec<i64> {
    let mut users: Vec<i64> = orders
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["uid"].as_str().unwrap().parse().unwrap())
        .collect();
    users.sort_unstable();
    users.dedup();
    users
}

async fn write(redis: &Redis, id: &str, order: &Value) {
    redis.send::<()>(&["HSET", "order_status:binance", id, &order.to_string()]).await;
}

#[tokio::test]
async fn a_read_of_orders_shows_those_of_the_callers_users() {
    let (redis, server) = with_users().await;
    write(&redis, "NOBODYS", &json!({"symbol": "A/B", "status": "open"})).await;
    write(&redis, "TEXT", &json!({"symbol": "A/B", "status": "open", "uid": "1001"})).await;
    let all = logged_in(&server, "root").await.call("get_orders", json!({"exchange": "binance"})).await;
    let of = async |token: &str| {
        let mut client = logged_in(&server, token).await;
        client.call("get_orders", json!({"exchange": "binance"})).await
    };
    let expected = |ids: &[i64]| -> Vec<Value> {
        let all = all.as_array().unwrap().iter();
        let is_of = |order: &&Value| {
            ids.iter().any(|id| order["uid"] == *id || order["uid"].as_str() == Some(&id.to_string()))
        };
        all.filter(is_of).cloned().collect()
    };
    for (token, ids) in [("one", &[1001][..]), ("two", &[1001, 1002]), ("none", &[])] {
        let seen = of(token).await;
        assert_eq!(seen, Value::from(expected(ids)), "{token}");
    }
    assert!(expected(&[1001]).len() > 2 && all.as_array().unwrap().len() > expected(&[1001, 1002]).len());

    // Each on its own: that of another is not there, in just the words of one that is not there.
    let mut one = logged_in(&server, "one").await;
    let others = all.as_array().unwrap().iter().find(|order| order["uid"] == "1002").unwrap();
    let other = others["order_id"].as_str().unwrap();
    redis.send::<()>(&["HSET", "order_status:binance", "CORRUPT", "{\"uid\": 1002, \"price\": NaN}"]).await;
    redis.send::<()>(&["HSET", "order_status:binance", "HALF", "{\"uid\": 1002}"]).await;
    assert_eq!(of("one").await, Value::from(expected(&[1001])), "nothing is said of those of others");
    for id in [other, "NOBODYS", "CORRUPT", "HALF"] {
        for params in [json!({"order_id": id, "exchange": "binance"}), json!({"order_id": id})] {
            let hidden = one.ask("get_order_status", params.clone()).await.to_string();
            let mut absent = params.clone();
            absent["order_id"] = json!("ABSENT");
            let absent = one.ask("get_order_status", absent).await.to_string();
            assert_eq!(hidden, absent.replace("ABSENT", id));
        }
    }
    let own = expected(&[1001])[0].clone();
    let params = json!({"order_id": own["order_id"], "exchange": "binance"});
    assert_eq!(one.call("get_order_status", params).await, own);
}

#[tokio::test]
async fn those_who_ask_at_once_do_not_share_what_is_not_theirs() {
    let (_redis, server) = with_users().await;
    let (mut one, mut root) = (logged_in(&server, "one").await, logged_in(&server, "root").await);
    let request = json!({"operation": "get_orders", "params": {"exchange": "binance"}}).to_string();
    for _ in 0..50 {
        one.send(&request).await;
        root.send(&request).await;
        let (own, all) = (one.receive().await, root.receive().await);
        assert_eq!(users(&own["result"]), [1001], "{own}");
        assert!(users(&all["result"]).len() > 2);
    }
}

#[tokio::test]
async fn a_stream_of_orders_tells_those_of_the_callers_users() {
    let (redis, server) = with_users().await;
    redis.send::<()>(&["DEL", "order_status:binance"]).await;
    let order = |uid: i64, status: &str| json!({"symbol": "A/B", "status": status, "uid": uid});
    write(&redis, "own", &order(1001, "open")).await;
    write(&redis, "others", &order(1002, "open")).await;
    let (mut one, mut root) = (logged_in(&server, "one").await, logged_in(&server, "root").await);
    for client in [&mut one, &mut root] {
        client.call("stream_orders", json!({"exchange": "binance"})).await;
    }
    assert_eq!(one.receive().await["order_id"], "own");
    let mut all = [root.receive().await, root.receive().await].map(|update| update["order_id"].clone());
    all.sort_by_key(Value::to_string);
    assert_eq!(all, ["others", "own"]);

    write(&redis, "others", &order(1002, "filled")).await;
    redis.send::<()>(&["HDEL", "order_status:binance", "others"]).await;
    write(&redis, "own", &order(1001, "filled")).await;
    let update = one.receive().await;
    assert_eq!((&update["order_id"], &update["status"]), (&json!("own"), &json!("filled")), "{update}");

    // An order that changes hands is gone for the one, and there for the other.
    write(&redis, "own", &order(1002, "filled")).await;
    let update = one.receive().await;
    assert_eq!((&update["order_id"], &update["removed"]), (&json!("own"), &json!(true)), "{update}");
    write(&redis, "own", &order(1001, "back")).await;
    let update = one.receive().await;
    assert_eq!((&update["order_id"], &update["status"]), (&json!("own"), &json!("back")), "{update}");
    loop {
        // Whoever sees all sees it end as it is.
        let update = root.receive().await;
        if update["order_id"] == "own" && update["status"] == "back" {
            break;
        }
    }
}
