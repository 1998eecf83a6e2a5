//! A quick way through a stored JSON object, for the form that almost all have: strings without escapes,
//! numbers, literals. It accepts nothing that serde_json would not, and leaves all else to it.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A member: its name and its value as it was written.
pub(super) type Member<'a> = (Cow<'a, str>, &'a str);

/// The members of an object; None where the quick way does not lead through.
pub(super) fn members(json: &str) -> Option<Vec<Member<'_>>> {
    let mut rest = Rest { json, at: 0 };
    rest.expect(b'{')?;
    let mut members = Vec::with_capacity(16);
    if !rest.take(b'}') {
        loop {
            let name = rest.string()?;
            rest.expect(b':')?;
            members.push((Cow::Borrowed(name), rest.value()?));
            if rest.take(b'}') {
                break;
            }
            rest.expect(b',')?;
        }
    }
    rest.white_space();
    (rest.at == json.len()).then_some(members)
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
    fn take(&mut self, sign: u8) -> bool {
        self.white_space();
        let is_next = self.peek() == Some(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: u8) -> Option<()> {
        self.take(sign).then_some(())
    }

    /// A string without escapes, less its quotes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let length = memchr::memchr(b'"', self.bytes())?;
        let string = self.json.get(self.at..self.at + length)?;
        self.at += length + 1;
        string.bytes().all(|byte| byte >= b' ' && byte != b'\\').then_some(string)
    }

    fn value(&mut self) -> Option<&'a str> {
        self.white_space();
        let begin = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.nested()?,
        }
        self.json.get(begin..self.at)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes().starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

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

    /// An object or an array, which serde_json reads.
    fn nested(&mut self) -> Option<()> {
        let mut values =
            serde_json::Deserializer::from_str(self.json.get(self.at..)?).into_iter::<&RawValue>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(())
    }
}

/// One digit or more, and what comes after them.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    // Prices have many digits: eight at a time, then one by one.
    let eights =
        text.as_chunks::<8>().0.iter().take_while(|eight| are_digits(u64::from_le_bytes(**eight))).count();
    let begin = eights * 8;
    let rest = text.get(begin..)?.iter().position(|byte| !byte.is_ascii_digit());
    let count = rest.map_or(text.len(), |rest| begin + rest);
    (count > 0).then(|| text.split_at(count))
}

/// Whether eight bytes are all digits: each has a high half of 3, and still has it with 6 added.
fn are_digits(eight: u64) -> bool {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    const SIXES: u64 = 0x0606_0606_0606_0606;
    eight & HIGH == THREES && eight.wrapping_add(SIXES) & HIGH == THREES
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
