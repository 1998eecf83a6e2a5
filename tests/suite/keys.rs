//! Whatever a client sends, a key stays within its pattern and a message gets its one answer.

use std::{borrow::Cow, collections::BTreeSet};

use fullon_cache_api::{
    cache::{MAX_VALUE_BYTES, Pattern, Store},
    protocol::{Limits, Message, Rejected, Request},
    registry::Registry,
};
use proptest::{
    prelude::*,
    sample::{Index, select},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::common::{Client, Server};

const HOSTILE: &str = "*?[]{}:^\\ \n\0\u{7f}é\u{ff0a}";
const HARMLESS: &str = "AZaz09/._-@#=+,;'\"!$%&()<>|~`";
const GLOB: &str = "*?[]{}\\^";

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn chars(of: &str) -> Vec<char> {
    of.chars().collect()
}

/// Values: mostly what a key may hold, often with something that it may not, and now and then too long.
fn value() -> impl Strategy<Value = String> {
    let (harmless, hostile) = (chars(HARMLESS), chars(HOSTILE));
    let of_byte = move |byte: u8| match usize::from(byte) {
        byte @ 0..16 => hostile[byte % hostile.len()],
        byte => harmless[byte % harmless.len()],
    };
    let text = prop::collection::vec(any::<u8>(), 0..8)
        .prop_map(move |bytes| bytes.into_iter().map(&of_byte).collect::<String>());
    let foreign = prop::collection::vec(any::<char>(), 0..8).prop_map(String::from_iter);
    let long = (select(chars("a/:é")), 120_usize..140).prop_map(|(c, length)| c.to_string().repeat(length));
    prop_oneof![28 => text, 1 => foreign, 1 => long]
}

/// A slot of a pattern, read by the test's own means.
struct Slot {
    name: String,
    filters: Vec<String>,
}

impl Slot {
    fn filter(&self, value: &str) -> String {
        self.filters.iter().fold(value.to_owned(), |value, filter| match filter.as_str() {
            "compact" => value.replace('/', ""),
            "upper" => value.to_ascii_uppercase(),
            "lower" => value.to_ascii_lowercase(),
            _ => value,
        })
    }

    fn is_tail(&self) -> bool {
        self.filters.iter().any(|filter| filter == "tail")
    }

    fn admits(&self, value: &str) -> bool {
        let value = self.filter(value);
        !value.is_empty()
            && value.len() <= MAX_VALUE_BYTES
            && value.chars().all(|c| c.is_ascii_graphic() && !GLOB.contains(c))
            && (self.is_tail() || !value.contains(':'))
    }
}

/// A pattern with its texts and slots: text, slot, text, slot, …, text.
struct Sample {
    pattern: Pattern,
    texts: Vec<String>,
    slots: Vec<Slot>,
}

impl Sample {
    fn read(source: &str) -> Self {
        let mut texts = Vec::new();
        let mut slots = Vec::new();
        for (number, piece) in source.split(['{', '}']).enumerate() {
            if number % 2 == 0 {
                texts.push(piece.to_owned());
            } else {
                let mut words = piece.split('|').map(str::to_owned);
                slots.push(Slot { name: words.next().unwrap(), filters: words.collect() });
            }
        }
        Self { pattern: Pattern::parse(source).unwrap(), texts, slots }
    }

    /// What the pattern is with these values in its slots; None leaves a star.
    fn rendered(&self, values: &[Option<String>]) -> String {
        let mut rendered = self.texts[0].clone();
        for ((slot, value), text) in self.slots.iter().zip(values).zip(&self.texts[1..]) {
            rendered += &value.as_deref().map_or("*".to_owned(), |value| slot.filter(value));
            rendered += text;
        }
        rendered
    }

    fn value_of<'v>(&'v self, values: &'v [Option<String>]) -> impl Fn(&str) -> Option<Cow<'v, str>> {
        move |name| {
            let at = self.slots.iter().position(|slot| slot.name == name).expect("a slot of the pattern");
            values[at].as_deref().map(Cow::from)
        }
    }

    /// All admitted values, as far as there are any.
    fn admits(&self, values: &[Option<String>]) -> bool {
        self.slots
            .iter()
            .zip(values)
            .all(|(slot, value)| value.as_ref().is_none_or(|value| slot.admits(value)))
    }

    fn check_key(&self, values: &[Option<String>]) {
        let source = self.pattern.source();
        let filled = self.pattern.fill(self.value_of(values));
        let is_complete = values[..self.slots.len()].iter().all(Option::is_some);
        assert_eq!(
            filled.is_ok(),
            is_complete && self.admits(values),
            "{source} with {values:?}: {filled:?}"
        );
        let Ok(key) = filled else { return };
        let text = key.as_str();
        assert_eq!(text, self.rendered(values), "{source}");
        assert!(text.chars().all(|c| c.is_ascii_graphic() && !GLOB.contains(c)), "{source}: {text:?}");
        let (recognized, found) =
            self.pattern.recognize(text).unwrap_or_else(|| panic!("{source} does not know its key {text:?}"));
        assert_eq!(recognized, key);
        assert_eq!(found.len(), self.slots.len());
        let tail = match self.slots.last() {
            Some(slot) if slot.is_tail() => values[self.slots.len() - 1].as_deref().unwrap(),
            _ => "",
        };
        let colons = |text: &str| text.matches(':').count();
        let of_pattern: usize = self.texts.iter().map(|text| colons(text)).sum();
        assert_eq!(colons(text.strip_suffix(tail).unwrap()), of_pattern, "{source}: {text:?}");
    }

    fn check_glob(&self, values: &[Option<String>]) {
        let source = self.pattern.source();
        let glob = self.pattern.glob(self.value_of(values));
        assert_eq!(glob.is_ok(), self.admits(values), "{source} with {values:?}: {glob:?}");
        let Ok(glob) = glob else { return };
        let text = glob.as_str();
        assert_eq!(text, self.rendered(values), "{source}");
        let open = values[..self.slots.len()].iter().filter(|value| value.is_none()).count();
        assert_eq!(text.matches('*').count(), open, "{source}: {text:?}");
        assert!(
            text.chars().all(|c| c == '*' || c.is_ascii_graphic() && !GLOB.contains(c)),
            "{source}: {text:?}"
        );
    }
}

/// Every pattern of the operations, and some with what they have not.
fn samples() -> Vec<Sample> {
    let registry = Registry::built_in().unwrap();
    let mut sources: BTreeSet<String> =
        registry.iter().flat_map(|operation| operation.described().keys.values().cloned()).collect();
    assert!(sources.len() > 15, "{sources:?}");
    let more =
        ["a:{x|upper}", "a:{x|lower}:b:{y|compact}:c", "a::{x}:{y}:{z|any|tail}", "a{x}:", "a:{x|any}:b"];
    sources.extend(more.map(str::to_owned));
    sources.iter().map(|source| Sample::read(source)).collect()
}

#[test]
fn a_key_or_a_glob_stays_within_its_pattern() {
    let samples = samples();
    let most_slots = samples.iter().map(|sample| sample.slots.len()).max().unwrap();
    let values = prop::collection::vec(prop::option::weighted(0.9, value()), most_slots);
    proptest!(config(100_000), |(number in 0..samples.len(), values in values)| {
        samples[number].check_key(&values);
        samples[number].check_glob(&values);
    });
}

#[test]
fn a_key_of_strangers_is_recognized_only_where_a_request_could_have_made_it() {
    let samples = samples();
    proptest!(config(10_000), |(number in 0..samples.len(), values in prop::collection::vec(value(), 4))| {
        let Sample { pattern, texts, slots } = &samples[number];
        let values: Vec<Option<String>> = values.into_iter().map(Some).collect();
        // Nothing filters what others wrote.
        let mut key = texts[0].clone();
        for (value, text) in values.iter().flatten().zip(&texts[1..]) {
            key += value;
            key += text;
        }
        if let Some((recognized, found)) = pattern.recognize(&key) {
            assert_eq!(recognized.as_str(), key);
            assert!(key.chars().all(|c| c.is_ascii_graphic() && !GLOB.contains(c)), "{pattern}: {key:?}");
            let again = found.iter().zip(&texts[1..]).fold(texts[0].clone(), |key, ((_, value), text)| key + value + text);
            assert_eq!(again, key);
            assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), slots.iter().map(|slot| &slot.name).collect::<Vec<_>>());
        }
    });
}

const LIMITS: Limits = Limits { array_length: 20, json_depth: 16, request_id_bytes: 64 };

const REQUESTS: [&str; 7] = [
    r#"{"request_id": "7", "operation": "get_ticker", "params": {"exchange": "binance", "symbol": "BTC/USDT"}}"#,
    r#"{"operation": "ping"}"#,
    r#"{"request_id": -1.5e3, "operation": "ping", "params": {}}"#,
    r#"[{"operation": "ping"}, {"request_id": 2, "operation": "get_bots", "params": {"a": [[], {"b": null}]}}]"#,
    r#" [{"request_id": "é\u00e9\n"}, 7, null, "x", [], {}]"#,
    r#"{"operation": "ping", "operation": "ping"}"#,
    r#"{"request_id": {}, "operation": 7, "params": NaN}"#,
];

/// A request with some characters taken out, put in, doubled or cut off.
fn mutated() -> impl Strategy<Value = String> {
    let change = (0..4, any::<Index>(), select(chars("\"\\{}[]:,0-.e \n\0utné🚀")));
    (select(&REQUESTS[..]), prop::collection::vec(change, 0..6)).prop_map(|(request, changes)| {
        let mut text = chars(request);
        for (what, at, new) in changes {
            let at = at.index(text.len() + 1);
            match what {
                0 if at < text.len() => drop(text.remove(at)),
                1 => text.truncate(at),
                2 => text.extend_from_within(at.min(200)..text.len().min(200).max(at.min(200))),
                _ => text.insert(at, new),
            }
        }
        text.into_iter().collect()
    })
}

fn message() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..64);
    prop_oneof![
        4 => mutated(),
        1 => any::<String>(),
        1 => bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        1 => prop::collection::vec(select(chars("[]{}\",: 1")), 0..24).prop_map(|text| text.into_iter().collect::<String>()),
        1 => prop::collection::vec(select(&REQUESTS[..]), 0..25).prop_map(|list| format!("[{}]", list.join(","))),
    ]
}

fn check_answer(answer: &Result<Request<'_>, Rejected>) {
    let id = match answer {
        Ok(Request { id, .. }) | Err(Rejected { id, .. }) => id.as_json(),
    };
    let read: serde_json::Value = serde_json::from_str(id).unwrap_or_else(|error| panic!("{id}: {error}"));
    assert!(read.is_string() || read.is_number() && id.len() <= LIMITS.request_id_bytes, "{id}");
    if let Err(Rejected { error, .. }) = answer {
        assert!(!error.message().is_empty() && error.message().len() < 400, "{error}");
    }
}

/// How many answers a message must get where an array may hold so many requests.
fn expected_answers(text: &str, most: usize) -> usize {
    match serde_json::from_str::<Vec<IgnoredAny>>(text).map(|list| list.len()) {
        Ok(length) if length <= most => length.max(1),
        _ => 1,
    }
}

#[test]
fn every_request_of_a_message_has_one_answer() {
    proptest!(config(50_000), |(text in message())| {
        match Message::parse(&text, &LIMITS) {
            Message::One(answer) => {
                check_answer(&answer);
                assert_eq!(expected_answers(&text, LIMITS.array_length), 1, "{text:?}");
                assert!(answer.is_err() || text.trim_start().starts_with('{'), "{text:?}");
            }
            Message::Array(answers) => {
                assert_eq!(answers.len(), expected_answers(&text, LIMITS.array_length), "{text:?}");
                answers.iter().for_each(check_answer);
            }
        }
    });
}

/// A reply to one request, whatever it was.
fn check_reply(reply: &serde_json::Value, text: &str) {
    let fails = reply["success"] == false && reply["error_code"].is_string() && reply["error"].is_string();
    assert!(fails || reply["success"] == true && reply.get("result").is_some(), "{text:?}: {reply}");
    assert_ne!(reply["error_code"], "INTERNAL_ERROR", "{text:?}: {reply}");
}

#[tokio::test]
async fn a_server_answers_every_frame_once() {
    let server = Server::embedded(Store::new()).await;
    let mut client: Client = server.client().await;
    let mut runner = TestRunner::deterministic();
    let strategy = message();
    let most = Server::config().limits.array_length;
    for _ in 0..3000 {
        let text = strategy.new_tree(&mut runner).unwrap().current();
        client.send(&text).await;
        let reply = client.receive().await;
        match reply.as_array() {
            Some(replies) => {
                assert_eq!(replies.len(), expected_answers(&text, most), "{text:?}");
                replies.iter().for_each(|reply| check_reply(reply, &text));
            }
            None => check_reply(&reply, &text),
        }
    }
    // No frame is left over.
    assert_eq!(client.call("ping", json!({})).await["status"], "ok");
}
