//! Rights that change while they are used: by new tokens, by reloads, in any order and from all sides at once.

use std::{collections::BTreeSet, time::Duration};

use fullon_cache_api::{
    access::Scope,
    cache::{Cache, Store},
    config::{Config, Token},
    registry::Registry,
    server::Live,
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::token;
use crate::common::{Client, Server};

const USERS: [&str; 3] = ["1001", "1002", "1003"];
const TOKENS: [&str; 2] = ["one", "other"];

/// For each token whether it has the scope, and whose data it may read.
type Rights = [(bool, BTreeSet<usize>); 2];

#[derive(Debug, Clone)]
enum Step {
    Authenticate(usize),
    Reload(Rights),
    Open(usize),
    Read(usize),
}

fn any_rights() -> impl Strategy<Value = Rights> {
    let one = || (prop::bool::weighted(0.8), prop::collection::btree_set(0..USERS.len(), 0..3));
    [one(), one()]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..TOKENS.len()).prop_map(Step::Authenticate),
        any_rights().prop_map(Step::Reload),
        (0..USERS.len()).prop_map(Step::Open),
        (0..USERS.len()).prop_map(Step::Read),
    ]
}

fn tokens(rights: &Rights) -> Vec<Token> {
    let token = |(name, (has_scope, users)): (&&str, &(bool, BTreeSet<usize>))| {
        let scopes: &[Scope] = if *has_scope { &[Scope::Account] } else { &[Scope::Market] };
        token(name, scopes, &users.iter().map(|user| USERS[*user]).collect::<Vec<_>>())
    };
    TOKENS.iter().zip(rights).map(token).collect()
}

async fn server(rights: &Rights) -> Server {
    let store = Store::new();
    for user in USERS {
        let positions =
            json!({"BTC/USDT": {"cost": 1, "volume": 1, "fee": 0, "count": 1, "price": 1, "timestamp": 1.5}});
        let command = ["HSET", "account_positions", user, &positions.to_string()];
        store.apply(&command.map(str::to_owned)).unwrap();
    }
    let mut config = Server::config();
    config.auth.tokens = tokens(rights);
    Server::start_with(Registry::built_in().unwrap(), Cache::embedded(store), config).await
}

fn reload(server: &Server, rights: &Rights) {
    let mut config: Config = server.app.live().config.clone();
    config.auth.tokens = tokens(rights);
    server.app.reload(Live::new(Registry::built_in().unwrap(), config).unwrap()).unwrap();
}

/// What should be so.
struct Model {
    rights: Rights,
    who: usize,
    open: BTreeSet<usize>,
}

impl Model {
    fn may(&self, user: usize) -> bool {
        let (has_scope, users) = &self.rights[self.who];
        *has_scope && users.contains(&user)
    }

    fn review(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.open = open.into_iter().filter(|user| self.may(*user)).collect();
    }
}

/// The reply to a request, whatever streams send meanwhile.
async fn ask(client: &mut Client, operation: &str, params: Value) -> Value {
    let request = json!({"request_id": "q", "operation": operation, "params": params});
    client.send(&request.to_string()).await;
    loop {
        let message = client.receive().await;
        if message["request_id"] == "q" {
            return message;
        }
    }
}

async fn open_streams(client: &mut Client) -> BTreeSet<usize> {
    let listed = ask(client, "list_streams", json!({})).await;
    let streams = listed["result"].as_array().unwrap().iter();
    streams.map(|stream| stream["stream"].as_str().unwrap().parse().unwrap()).collect()
}

async fn follow(first: &Rights, steps: &[Step]) {
    let server = server(first).await;
    let mut client = server.client().await;
    assert_eq!(ask(&mut client, "authenticate", json!({"token": TOKENS[0]})).await["success"], true);
    let mut model = Model { rights: first.clone(), who: 0, open: BTreeSet::new() };
    for step in steps {
        match step {
            Step::Authenticate(who) => {
                ask(&mut client, "authenticate", json!({"token": TOKENS[*who]})).await;
                model.who = *who;
                model.review();
            }
            Step::Reload(rights) => {
                reload(&server, rights);
                model.rights = rights.clone();
                model.review();
                // The session heeds it in its own time.
                let heeds = async {
                    while open_streams(&mut client).await != model.open {}
                    for (user, id) in USERS.iter().enumerate() {
                        let params = json!({ "user_id": id });
                        let reads = async |client: &mut Client| {
                            ask(client, "get_positions", params.clone()).await["success"] == true
                        };
                        while reads(&mut client).await != model.may(user) {}
                    }
                };
                timeout(Duration::from_secs(5), heeds).await.expect("the reload is not heeded");
            }
            Step::Open(user) => {
                let id = user.to_string();
                let params = json!({"user_id": USERS[*user], "snapshot": false});
                let request = json!({"request_id": id, "operation": "stream_positions", "params": params});
                client.send(&request.to_string()).await;
                let reply = loop {
                    let message = client.receive().await;
                    if message["request_id"] == *id && message.get("success").is_some() {
                        break message;
                    }
                };
                match (model.may(*user), model.open.contains(user)) {
                    (false, _) => assert_eq!(reply["error_code"], "FORBIDDEN", "{reply}"),
                    (true, true) => assert_eq!(reply["error_code"], "INVALID_PARAMS", "{reply}"),
                    (true, false) => {
                        assert_eq!(reply["success"], true, "{reply}");
                        model.open.insert(*user);
                    }
                }
            }
            Step::Read(user) => {
                let reply = ask(&mut client, "get_positions", json!({"user_id": USERS[*user]})).await;
                match model.may(*user) {
                    true => assert_eq!(reply["result"][0]["user_id"], USERS[*user], "{reply}"),
                    false => assert_eq!(reply["error_code"], "FORBIDDEN", "{reply}"),
                }
            }
        }
        assert_eq!(open_streams(&mut client).await, model.open, "after {step:?}");
    }
}

#[test]
fn whatever_changes_in_whatever_order_nobody_reads_what_it_may_not() {
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    let steps = (any_rights(), prop::collection::vec(any_step(), 1..25));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runner
        .run(&steps, |(first, steps)| {
            runtime.block_on(follow(&first, &steps));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn while_rights_change_back_and_forth_none_is_had_that_was_never_given() {
    let only = |user: usize| -> Rights { [(true, BTreeSet::from([user])), (true, BTreeSet::from([user]))] };
    let server = server(&only(0)).await;
    let readers = (0..8).map(|number| {
        let url = server.url();
        tokio::spawn(async move {
            let headers = [("authorization", format!("Bearer {}", TOKENS[number % 2]))];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            let mut client = Client::connect_with(&url, &headers).await.unwrap();
            let mut seen = [0; USERS.len()];
            for round in 0..600 {
                let user = round % USERS.len();
                let reply = client.ask("get_positions", json!({"user_id": USERS[user]})).await;
                if reply["success"] == true {
                    assert_eq!(reply["result"][0]["user_id"], USERS[user], "{reply}");
                    seen[user] += 1;
                }
                if round % 50 == 0 {
                    client.call("authenticate", json!({"token": TOKENS[round / 50 % 2]})).await;
                }
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut number = 0;
    while !readers.iter().all(tokio::task::JoinHandle::is_finished) {
        number += 1;
        reload(&server, &only(number % 2));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_eq!(seen[2], 0, "what was never given");
        assert!(seen[0] + seen[1] > 0, "{seen:?}");
    }
    assert!(number > 10, "{number} reloads");
}
