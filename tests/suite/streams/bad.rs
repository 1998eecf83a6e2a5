//! What may go wrong in opening and ending streams.

use serde_json::json;

use super::{open, start, write_ticker};

#[tokio::test]
async fn streams_are_ended_one_by_one_and_all_together() {
    let (redis, _server, mut client) = start().await;
    for id in ["a", "b", "c"] {
        open(&mut client, id, "stream_tickers", json!({"exchange": "x"})).await;
    }
    let ended = client.ask("unsubscribe", json!({"stream": "b"})).await;
    assert_eq!(ended["result"], json!({"ended": 1}));
    let end = json!({"type": "stream_end", "request_id": "b", "reason": "unsubscribed"});
    assert_eq!(client.receive().await, end);
    write_ticker(&redis, "x", "A", 1.0).await;
    let mut ids =
        vec![client.receive().await["request_id"].clone(), client.receive().await["request_id"].clone()];
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["a", "c"]);
    assert_eq!(client.ask("unsubscribe_all", json!({})).await["result"], json!({"ended": 2}));
    for _ in 0..2 {
        assert_eq!(client.receive().await["type"], "stream_end");
    }
    assert_eq!(client.call("list_streams", json!({})).await, json!([]));
    assert_eq!(client.call("get_server_stats", json!({})).await["streams"], 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_stream_is_said() {
    let (_redis, server, mut client) = start().await;
    open(&mut client, "t", "stream_tickers", json!({"exchange": "x"})).await;
    let (code, reply) = client.fail("stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(code, "INVALID_PARAMS", "opened twice: {reply}");
    for params in [
        json!({"exchange": "x", "min_interval_ms": -1}),
        json!({"exchange": "x", "min_interval_ms": 1.5}),
        json!({"exchange": "x", "snapshot": "yes"}),
        json!({"exchange": "x", "resume": {"epoch": "1-1"}}),
        json!({"exchange": "x", "resume": 7}),
        json!({"exchange": "x", "symbols": "A"}),
        json!({"exchange": "x", "symbols": ["*"]}),
        json!({"symbols": ["A"]}),
    ] {
        assert_eq!(client.fail("stream_tickers", params).await.0, "INVALID_PARAMS");
    }
    // A stranger's stream is none of this connection's.
    let mut stranger = server.client().await;
    open(&mut stranger, "theirs", "stream_tickers", json!({"exchange": "x"})).await;
    for stream in ["theirs", "nobody's"] {
        assert_eq!(client.fail("unsubscribe", json!({"stream": stream})).await.0, "INVALID_PARAMS");
    }
    let year = 365_u64 * 24 * 3600 * 1000;
    let params = json!({"exchange": "x", "min_interval_ms": year});
    assert_eq!(open(&mut client, "slow", "stream_tickers", params).await["min_interval_ms"], 30_000);
    let many: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
    let (code, _) = stranger.fail("stream_tickers", json!({"exchange": "x", "symbols": many})).await;
    assert_eq!(code, "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_connection_has_only_so_many_streams() {
    let (_redis, _server, mut client) = start().await;
    let mut refused = 0;
    for id in 0..1010 {
        let request = json!({"request_id": id, "operation": "stream_tickers", "params": {"exchange": "x"}});
        client.send(&request.to_string()).await;
        let reply = client.receive().await;
        if reply["success"] != true {
            assert_eq!(reply["error_code"], "LIMIT_EXCEEDED", "{reply}");
            refused += 1;
        }
    }
    assert_eq!(refused, 10);
}

#[tokio::test]
async fn streams_opened_in_an_array_begin_after_its_reply() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    let stream =
        |id: &str| json!({"request_id": id, "operation": "stream_tickers", "params": {"exchange": "x"}});
    let read = json!({"request_id": "r", "operation": "get_all_tickers", "params": {"exchange": "x"}});
    client.send(&json!([stream("a"), read, stream("b")]).to_string()).await;
    let replies = client.receive().await;
    assert_eq!(replies.as_array().map(Vec::len), Some(3), "{replies}");
    let mut ids =
        vec![client.receive().await["request_id"].clone(), client.receive().await["request_id"].clone()];
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["a", "b"]);
    // One that is ended in the array that opened it ends after the reply too.
    let end = json!({"request_id": "e", "operation": "unsubscribe", "params": {"stream": "c"}});
    client.send(&json!([stream("c"), end]).to_string()).await;
    assert!(client.receive().await.is_array());
    assert_eq!(client.receive().await["type"], "stream_end");
}

#[tokio::test]
async fn a_number_and_the_text_that_reads_like_it_are_two_streams() {
    let (_redis, _server, mut client) = start().await;
    for id in [json!(7), json!("7")] {
        let request = json!({"request_id": id, "operation": "stream_tickers", "params": {"exchange": "x"}});
        client.send(&request.to_string()).await;
        assert_eq!(client.receive().await["success"], true);
    }
    for id in [json!("7"), json!(7)] {
        client.ask("unsubscribe", json!({"stream": id})).await;
        assert_eq!(client.receive().await["request_id"], id);
    }
}
