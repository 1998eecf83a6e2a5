//! Key patterns: the only way to a key of the cache.
//!
//! `tickers:{exchange}` is text with slots. A slot is filled from a request's params; a filter
//! (`{symbol|compact}`) may change the value first; `{exchange|any}` is no param, but whatever a scan
//! finds there or the handler puts there. Whatever a client sends, the key stays within its
//! pattern: a value that could end a segment, act as a glob or break a line is refused.

use std::{borrow::Cow, fmt};

/// What a slot's value may be at the most, in bytes.
pub const MAX_VALUE_BYTES: usize = 128;

/// A key pattern of operations.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(Slot),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    name: String,
    filter: Filter,
    /// Not filled from a param: open in a scan, or filled by the handler with what it read.
    is_open: bool,
}

/// What is done to a param's value before it becomes part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Plain,
    /// Without slashes: `BTC/USDT` → `BTCUSDT`.
    Compact,
    Upper,
    Lower,
    /// The rest of the key, which may hold colons.
    Tail,
}

impl Filter {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "compact" => Self::Compact,
            "upper" => Self::Upper,
            "lower" => Self::Lower,
            "tail" => Self::Tail,
            _ => return None,
        })
    }

    fn apply(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Plain | Self::Tail => value.into(),
            Self::Compact if !value.contains('/') => value.into(),
            Self::Compact => value.replace('/', "").into(),
            Self::Upper => value.to_ascii_uppercase().into(),
            Self::Lower => value.to_ascii_lowercase().into(),
        }
    }

    fn admits(self, value: &str) -> bool {
        let colon_allowed = self == Self::Tail;
        (1..=MAX_VALUE_BYTES).contains(&value.len())
            && value.bytes().all(|byte| match byte {
                b':' => colon_allowed,
                b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'\\' | b'^' => false,
                _ => byte.is_ascii_graphic(),
            })
    }
}

/// A key of the cache. It can only come from a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A glob for `SCAN` or channels. It can only come from a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Glob(String);

impl Glob {
    /// The glob's text: a pattern whose open slots are `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one key that it stands for, if it does for one alone.
    pub(crate) fn only_key(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// Whether a key matches. `*` is the only wildcard that a glob of ours has.
    pub(crate) fn matches(&self, key: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = key.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
        let mut pieces = pieces.peekable();
        if pieces.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                return rest.ends_with(piece);
            }
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}

/// Why a slot could not be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotError {
    /// The slot's name, which is the param's.
    pub slot: String,
    /// Whether there was no value at all.
    pub missing: bool,
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missing {
            true => write!(f, "`{}` has no value", self.slot),
            false => write!(f, "`{}` has a value that no key may hold", self.slot),
        }
    }
}

impl Pattern {
    /// Reads a pattern. The error is a sentence for the operator.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            let (text, slot) = match rest.split_once('{') {
                Some((text, slot)) => (text, Some(slot)),
                None => (rest, None),
            };
            if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic() || "*?[]}\\^".contains(*c)) {
                return Err(format!("{source:?}: {bad:?} may not stand in a key pattern"));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            } else if !parts.is_empty() {
                return Err(format!("{source:?}: two placeholders need some text between them"));
            }
            let Some(slot) = slot else { break };
            let (slot, after) =
                slot.split_once('}').ok_or_else(|| format!("{source:?}: a `{{` is never closed"))?;
            parts.push(Self::parse_slot(source, slot, after.is_empty())?);
            rest = after;
        }
        match parts.first() {
            Some(Part::Text(_)) => Ok(Self { source: source.to_owned(), parts }),
            _ => Err(format!("{source:?}: a key pattern begins with fixed text")),
        }
    }

    fn parse_slot(source: &str, slot: &str, is_last: bool) -> Result<Part, String> {
        let mut words = slot.split('|').map(str::trim);
        let name = words.next().unwrap_or_default();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("{source:?}: `{{{slot}}}` names no param"));
        }
        let mut parsed = Slot { name: name.to_owned(), filter: Filter::Plain, is_open: false };
        for word in words {
            if word == "any" {
                parsed.is_open = true;
            } else {
                parsed.filter = Filter::parse(word).ok_or_else(|| {
                    format!("{source:?}: no filter `{word}`; there are any, compact, lower, tail, upper")
                })?;
            }
        }
        if parsed.filter == Filter::Tail && !is_last {
            return Err(format!("{source:?}: `tail` may stand at the end of a pattern only"));
        }
        Ok(Part::Slot(parsed))
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How every key of it begins.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The names of the params that it is filled from, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(slot) if !slot.is_open => Some(slot.name.as_str()),
            _ => None,
        })
    }

    /// Whether it is one key, with nothing to fill.
    pub fn is_fixed(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Slot(_)))
    }

    /// The key for these values.
    pub fn fill<'v>(&self, value_of: impl Fn(&str) -> Option<Cow<'v, str>>) -> Result<Key, SlotError> {
        self.render(value_of, false).map(Key)
    }

    /// The glob for these values: `*` where there is none.
    pub fn glob<'v>(&self, value_of: impl Fn(&str) -> Option<Cow<'v, str>>) -> Result<Glob, SlotError> {
        self.render(value_of, true).map(Glob)
    }

    fn render<'v>(
        &self,
        value_of: impl Fn(&str) -> Option<Cow<'v, str>>,
        open: bool,
    ) -> Result<String, SlotError> {
        let mut text = String::with_capacity(self.source.len() + 16);
        for part in &self.parts {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Slot(Slot { name, filter, .. }) => match value_of(name) {
                    Some(value) => {
                        let value = filter.apply(&value);
                        if !filter.admits(&value) {
                            return Err(SlotError { slot: name.clone(), missing: false });
                        }
                        text.push_str(&value);
                    }
                    None if open => text.push('*'),
                    None => return Err(SlotError { slot: name.clone(), missing: true }),
                },
            }
        }
        Ok(text)
    }

    /// Reads a key that a scan found: the key itself and what stands in its slots. None where the key
    /// is not of this pattern, which a glob cannot tell.
    pub fn recognize(&self, key: &str) -> Option<(Key, Vec<(&str, String)>)> {
        let mut found = Vec::new();
        let mut rest = key;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Text(fixed) => rest = rest.strip_prefix(fixed.as_str())?,
                Part::Slot(Slot { name, filter, .. }) => {
                    let end = match parts.peek() {
                        Some(Part::Text(next)) => rest.find(next.as_str())?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    if !filter.admits(value) {
                        return None;
                    }
                    found.push((name.as_str(), value.to_owned()));
                    rest = after;
                }
            }
        }
        rest.is_empty().then(|| (Key(key.to_owned()), found))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(source: &str) -> Pattern {
        Pattern::parse(source).unwrap()
    }

    #[test]
    fn fills_and_filters() {
        let key = pattern("trades:{exchange|lower}:{symbol|compact}")
            .fill(|name| Some(if name == "symbol" { "BTC/USDT" } else { "Binance" }.into()))
            .unwrap();
        assert_eq!(key.as_str(), "trades:binance:BTCUSDT");
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for (source, complaint) in [
            ("", "begins with fixed text"),
            ("{exchange}", "begins with fixed text"),
            ("a:{x", "never closed"),
            ("a:*", "may not stand"),
            ("a:}", "may not stand"),
            ("a:{x}{y}", "text between"),
            ("a:{x|wide}", "no filter"),
            ("a:{x|tail}:b", "at the end"),
            ("a:{}", "names no param"),
        ] {
            let error = Pattern::parse(source).unwrap_err();
            assert!(error.contains(complaint), "{source}: {error}");
        }
    }

    #[test]
    fn an_open_slot_is_a_star_and_a_found_key_is_read_back() {
        let pattern = pattern("user_trades:{user_id}:{exchange}");
        let glob = pattern.glob(|name| (name == "exchange").then_some("kraken".into())).unwrap();
        assert_eq!(glob.as_str(), "user_trades:*:kraken");
        assert!(glob.matches("user_trades:7:kraken") && !glob.matches("user_trades:7:krakenx"));
        let (key, found) = pattern.recognize("user_trades:7:kraken").unwrap();
        assert_eq!(key.as_str(), "user_trades:7:kraken");
        assert_eq!(found, [("user_id", "7".to_owned()), ("exchange", "kraken".to_owned())]);
        assert_eq!(pattern.recognize("user_trades:7:kraken:more"), None);
    }

    #[test]
    fn a_tail_may_hold_colons_and_nothing_else_may() {
        let value = |_: &str| Some("tick:a:1.5".into());
        assert_eq!(pattern("p:{id|tail}").fill(value).unwrap().as_str(), "p:tick:a:1.5");
        assert!(!pattern("p:{id}").fill(value).unwrap_err().missing);
    }
}
