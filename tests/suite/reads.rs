//! Every read's result against what lies in Redis, worked out here a second time from the layout alone.

mod accounts;
mod described;
mod market;
mod processes;
mod raw;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::common::Redis;

type Object = Map<String, Value>;

async fn keys(redis: &Redis, glob: &str) -> Vec<String> {
    let mut keys: Vec<String> = redis.send(&["KEYS", glob]).await;
    keys.sort();
    assert!(!keys.is_empty(), "the recording has no {glob}");
    keys
}

async fn hash(redis: &Redis, key: &str) -> BTreeMap<String, String> {
    let hash: BTreeMap<String, String> = redis.send(&["HGETALL", key]).await;
    assert!(!hash.is_empty(), "the recording has no {key}");
    hash
}

async fn list(redis: &Redis, key: &str) -> Vec<String> {
    redis.send(&["LRANGE", key, "0", "-1"]).await
}

fn object(text: &str) -> Object {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn rename(object: &mut Object, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

/// Turns members into text, as ids are on the wire.
fn ids_to_text(object: &mut Object, names: &[&str]) {
    for name in names {
        if let Some(value @ Value::Number(_)) = object.get_mut(*name) {
            *value = value.to_string().into();
        }
    }
}

/// Turns members into seconds.
fn times_to_seconds(object: &mut Object, names: &[&str]) {
    for name in names {
        if let Some(value @ Value::String(_)) = object.get_mut(*name) {
            *value = seconds(value.as_str().unwrap());
        }
    }
}

/// An ISO 8601 time in UTC as seconds since the epoch.
fn seconds(iso: &str) -> Value {
    let plain = iso.strip_suffix("+00:00").unwrap_or_else(|| panic!("{iso} is not in UTC"));
    let (date, time) = plain.split_once('T').unwrap();
    let numbers =
        |text: &str, by: char| text.split(by).map(|part| part.parse().unwrap()).collect::<Vec<i64>>();
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let (ymd, hms) = (numbers(date, '-'), numbers(whole, ':'));
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: i64 = (1970..ymd[0]).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let february = if is_leap(ymd[0]) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths[..usize::try_from(ymd[1]).unwrap() - 1].iter().sum();
    let days = years + months + ymd[2] - 1;
    let total = ((days * 24 + hms[0]) * 60 + hms[1]) * 60 + hms[2];
    number(&format!("{total}.{fraction}"))
}

/// A number out of a decimal text, without the zeros at its end.
fn number(text: &str) -> Value {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    serde_json::from_str(text).unwrap()
}

/// One number less another, exactly; null where one is no number.
fn less(minuend: &Value, subtrahend: &Value) -> Value {
    if !minuend.is_number() || !subtrahend.is_number() {
        return Value::Null;
    }
    let scale = 30_usize;
    let scaled = |value: &Value| -> i128 {
        let text = value.to_string();
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let zeros = i64::try_from(scale - fraction.len()).unwrap() + exponent.parse::<i64>().unwrap();
        let zeros = u32::try_from(zeros).expect("more digits than a test needs");
        format!("{whole}{fraction}").parse::<i128>().unwrap() * 10_i128.pow(zeros)
    };
    let rest = scaled(minuend) - scaled(subtrahend);
    let digits = format!("{:0width$}", rest.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    number(&format!("{}{whole}.{fraction}", if rest < 0 { "-" } else { "" }))
}

#[test]
fn the_arithmetic_of_the_expectations_is_right() {
    use serde_json::json;
    assert_eq!(seconds("2026-11-22T20:28:40.239250+00:00"), json!(1795379320.23925));
    assert_eq!(seconds("2024-02-29T00:00:00+00:00"), json!(1709164800));
    assert_eq!(less(&json!(0.3), &json!(0.1)), json!(0.2));
    assert_eq!(less(&json!(1e-7), &json!(1)), json!(-0.9999999));
    assert_eq!(less(&json!(5), &json!(5.0)), json!(0));
    assert_eq!(less(&json!(5), &Value::Null), Value::Null);
}
