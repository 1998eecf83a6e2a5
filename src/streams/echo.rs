//! Finds an entry of a log by what a client got of it, so that a server which never served that client can go on where
//! another one stopped: what both read from the same list is the same.

use serde_json::{Map, Value};

use super::change::ENVELOPE;

/// An update of a log, as a client sends it back.
#[derive(Debug)]
pub(super) struct Echo(Map<String, Value>);

impl Echo {
    /// What the update has beside its item does not count.
    pub(super) fn of(mut update: Map<String, Value>) -> Self {
        update.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
        Self(update)
    }

    /// Whether it may be of an item, as JSON: most are told apart by a text, such as an id, that they do not have.
    pub(super) fn may_be_of(&self, json: &str) -> bool {
        let mut texts = self.0.values().filter_map(Value::as_str).filter(|text| is_plain(text));
        texts.all(|text| json.contains(text))
    }

    /// Whether it is of one that it may be of.
    pub(super) fn is_of(&self, json: &str) -> bool {
        serde_json::from_str::<Map<String, Value>>(json).is_ok_and(|item| is_same_object(&self.0, &item))
    }
}

/// Whether a text stands in JSON as it is, whoever wrote that.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/'))
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // A client may have read and written them: 1.50 is 1.5 then, and 1.0 may be 1.
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => is_same_object(one, other),
        _ => one == other,
    }
}

fn is_same_object(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let has_same =
        |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| is_same(value, other));
    one.len() == other.len() && one.iter().all(has_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_of_the_item_that_it_was_made_from_and_of_no_other() {
        let item = r#"{"trade_id": 7, "ex_trade_id": "x\u002d7", "symbol": "A/B", "price": 1.50, "fee": null, "deep": {"a": [1.0]}}"#;
        let echo = |text: &str| Echo::of(serde_json::from_str(text).unwrap());
        let same = r#"{"type": "t", "request_id": 1, "update_id": 9, "prev_id": 8, "snapshot": true, "price": 1.5,
            "symbol": "A\/B", "trade_id": 7.0, "fee": null, "deep": {"a": [1]}, "ex_trade_id": "x-7"}"#;
        // A text that is written otherwise is looked for no further.
        assert!(echo(same).is_of(item) && !echo(same).may_be_of(item));
        let plain = item.replace(r"\u002d", "-");
        assert!(echo(same).may_be_of(&plain) && echo(same).is_of(&plain));
        for (from, to) in [
            ("\"A/B\"", "\"A/C\""),
            ("7,", "8,"),
            ("[1.0]", "[1.0, 2]"),
            ("\"fee\": null, ", ""),
            ("1.50", "1.51"),
        ] {
            let other = item.replace(r"\u002d", "-").replace(from, to);
            assert!(!echo(same).is_of(&other), "{other}");
            assert!(echo(&other).may_be_of(&other) && echo(&other).is_of(&other));
        }
    }
}
