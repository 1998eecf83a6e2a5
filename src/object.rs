//! A quick way through a JSON object, for the form that almost all have: strings without escapes,
//! numbers, literals. It accepts nothing that serde_json would not, and leaves all else to it.

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

/// A member: its name and its value as it was written.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a str);

/// The members of an object; None where the quick way does not lead through.
pub(crate) fn members(json: &str) -> Option<Vec<Member<'_>>> {
    let mut members = Vec::with_capacity(16);
    each_member(json, |name, value| {
        members.push((Cow::Borrowed(name), value));
        Some(())
    })?;
    Some(members)
}

/// Takes each member of an object as it is read; None where the quick way does not lead through, or where
/// `take` says so.
pub(crate) fn each_member<'a>(
    json: &'a str,
    mut take: impl FnMut(&'a str, &'a str) -> Option<()>,
) -> Option<()> {
    let mut rest = Rest { json, at: 0 };
    rest.expect(b'{')?;
    if !rest.take(b'}') {
        loop {
            let name = rest.string()?;
            rest.expect(b':')?;
            take(name, rest.value()?)?;
            if !rest.take(b',') {
                rest.expect(b'}')?;
                break;
            }
        }
    }
    rest.white_space();
    (rest.at == json.len()).then_some(())
}

/// The text of a JSON string, borrowed where it holds no escapes; None where it is no string.
pub(crate) fn text(json: &str) -> Option<Cow<'_, str>> {
    match json.strip_prefix('"')?.strip_suffix('"')? {
        plain if !plain.contains('\\') => Some(plain.into()),
        _ => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
    }
}

/// What is left to read.
struct Rest<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.json.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over a sign of the syntax, if it is the next.
    #[inline]
    fn take(&mut self, sign: u8) -> bool {
        self.expect(sign).is_some()
    }

    #[inline]
    fn expect(&mut self, sign: u8) -> Option<()> {
        // Python puts one space after each comma and colon, or none.
        self.at += usize::from(self.peek()? == b' ');
        if self.peek()? <= b' ' {
            self.white_space();
        }
        (self.peek()? == sign).then(|| self.at += 1)
    }

    /// A string without escapes, less its quotes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let length = plain(self.bytes());
        let string = self.json.get(self.at..self.at + length)?;
        self.at += length + 1;
        (self.json.as_bytes().get(self.at - 1) == Some(&b'"')).then_some(string)
    }

    #[inline]
    fn value(&mut self) -> Option<&'a str> {
        self.white_space();
        let begin = self.at;
        match self.peek()? {
            b'{' | b'[' => self.nested()?,
            _ => self.scalar()?,
        }
        self.json.get(begin..self.at)
    }

    #[inline]
    fn scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => None,
        }
    }

    /// An object of scalars.
    fn flat(&mut self) -> Option<()> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Some(());
        }
        loop {
            self.string()?;
            self.expect(b':')?;
            self.white_space();
            self.scalar()?;
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes().starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    #[inline]
    fn number(&mut self) -> Option<()> {
        let mut rest = self.bytes();
        rest = rest.strip_prefix(b"-").unwrap_or(rest);
        let whole;
        (whole, rest) = digits(rest)?;
        if whole.len() > 1 && whole[0] == b'0' {
            return None;
        }
        if let Some(fraction) = rest.strip_prefix(b".") {
            (_, rest) = digits(fraction)?;
        }
        if let Some((b'e' | b'E', exponent)) = rest.split_first() {
            let unsigned = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-"));
            (_, rest) = digits(unsigned.unwrap_or(exponent))?;
        }
        self.at = self.json.len() - rest.len();
        Some(())
    }

    /// An object or an array, which serde_json reads where it is not of the quick form.
    fn nested(&mut self) -> Option<()> {
        let begin = self.at;
        if self.flat().is_some() {
            return Some(());
        }
        self.at = begin;
        let mut values =
            serde_json::Deserializer::from_str(self.json.get(self.at..)?).into_iter::<&RawValue>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(())
    }
}

/// How many bytes there are before the first that ends a string, or that no string without escapes holds.
fn plain(text: &[u8]) -> usize {
    count_until(text, specials, |byte| byte < b' ' || matches!(byte, b'"' | b'\\'))
}

/// One digit or more, and what comes after them.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let count = count_until(text, no_digits, |byte| !byte.is_ascii_digit());
    (count > 0).then(|| text.split_at(count))
}

/// How many bytes there are before the first of a kind. Most are found eight at a time: `among` says
/// which of eight are of the kind by the high bit of each, exact for the lowest of them.
fn count_until(text: &[u8], among: impl Fn(u64) -> u64, is: impl Fn(u8) -> bool) -> usize {
    let mut rest = text;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let found = among(u64::from_le_bytes(*eight));
        if found != 0 {
            return text.len() - rest.len() + found.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    text.len() - rest.len() + rest.iter().position(|byte| is(*byte)).unwrap_or(rest.len())
}

/// A byte in all eight places.
const fn eight_of(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

const HIGH: u64 = eight_of(0x80);

/// Quotes, backslashes, and what is below a space. (A subtraction borrows from the bytes above one that
/// it takes below zero, so those may be wrong.)
fn specials(eight: u64) -> u64 {
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(eight_of(limit)) & !bytes;
    let is = |sign: u8| below(eight ^ eight_of(sign), 1);
    (below(eight, b' ') | is(b'"') | is(b'\\')) & HIGH
}

/// What is no digit: less the `0` it is above 9, or has a high bit.
fn no_digits(eight: u64) -> u64 {
    let values = eight ^ eight_of(b'0');
    (((values & !HIGH) + eight_of(0x7f - 9)) | values) & HIGH
}

/// A JSON string or number as plain text.
pub(crate) fn plain_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn by_serde(json: &str) -> Option<BTreeMap<String, String>> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
        Some(members.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect())
    }

    #[test]
    fn leads_through_what_is_stored() {
        let json = " { \"a\" : 1.50e-3 ,\"b\":[1, {\"x\": \"}\"}], \"c\":null,\n\"d\":\"é\", \"e\":{} } ";
        let found: Vec<_> =
            members(json).unwrap().into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        let expected =
            [("a", "1.50e-3"), ("b", "[1, {\"x\": \"}\"}]"), ("c", "null"), ("d", "\"é\""), ("e", "{}")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(members("{}"), Some(Vec::new()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Any byte at any place, also next to others of its kind.
        #[test]
        fn finds_the_first_byte_that_is_not_plain(text in proptest::collection::vec(
            prop_oneof![any::<u8>(), b' '..=b'#', b'/'..=b':', b'/'..=b':', Just(b'\\'), Just(0x1f), Just(0xa2)], 0..40,
        )) {
            let is_special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
            prop_assert_eq!(plain(&text), text.iter().position(is_special).unwrap_or(text.len()));
            let count = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
            prop_assert_eq!(digits(&text).map(|(digits, _)| digits.len()), (count > 0).then_some(count));
        }

        /// Texts made of JSON's own pieces, most of them broken: what the quick way accepts, serde
        /// accepts, and both find the same.
        #[test]
        fn accepts_nothing_that_serde_does_not(pieces in proptest::collection::vec(prop_oneof![
            Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"a\""), Just("\"b\":"),
            Just("\"a\\n\""), Just("\""), Just("0"), Just("-"), Just("12"), Just("1234567890"), Just("."), Just(":/"), Just("e+"), Just("true"),
            Just("null"), Just("NaN"), Just(" "), Just("\n"), Just("é"), Just("\u{1}"), Just("{\"k\": 1}"),
        ], 0..12)) {
            let json = format!("{{\"x\":{}", pieces.concat());
            for json in [json.clone(), format!("{json}}}")] {
                if let Some(found) = members(&json) {
                    let found: BTreeMap<_, _> =
                        found.into_iter().map(|(name, value)| (name.into_owned(), value.to_owned())).collect();
                    prop_assert_eq!(Some(found), by_serde(&json), "{}", json);
                }
            }
        }
    }
}
