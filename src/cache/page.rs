//! What an answer of many things holds of them: what follows a cursor, as many as are wanted, as much as fits.
//!
//! Things are taken in the order of their names, whatever the order is in which they are read, and a cursor is the
//! name that the page before ended with. So a page needs no memory of the one before: any server can give it, what is
//! there all the time is on one page and on no other, and a change of what was there before moves nothing.

use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::stored::Stored;
use crate::protocol::Truncated;

/// What every read takes that may answer in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// How many at the most; omitted: as many as one reply may hold.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) limit: Option<usize>,
    /// Where to go on: the `cursor` of the reply before, which was `truncated`.
    #[serde(default, deserialize_with = "decoded")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = "^[ -~]+$"))]
    pub(crate) cursor: Option<String>,
}

/// How many bytes a cursor has at the most. A name that makes a longer one is none of the layout's.
const MOST_BYTES: usize = 1024;

/// A name as a cursor: what is not printable ASCII is escaped.
fn encoded(name: &str) -> Option<String> {
    let mut cursor = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => cursor.push(char::from(byte)),
            _ => cursor.push_str(&format!("%{byte:02X}")),
        }
    }
    (1..=MOST_BYTES).contains(&cursor.len()).then_some(cursor)
}

/// The name that a cursor is of.
fn decode(cursor: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(cursor.len());
    let mut parts = cursor.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        let (escaped, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(escaped, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok()
}

fn decoded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let cursor = Option::<String>::deserialize(deserializer)?;
    let no_cursor = || D::Error::custom("is no cursor of a reply");
    cursor.map(|cursor| decode(&cursor).ok_or_else(no_cursor)).transpose()
}

impl Paging {
    /// The names of all.
    pub(crate) const NAMES: [&str; 2] = ["limit", "cursor"];

    pub(crate) fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.root_schema_for::<Self>()
    }
}

/// What an answer may hold, and whether it has come to that.
#[derive(Debug)]
pub(super) struct Page {
    /// Whether the operation answers in parts.
    pub(super) is_paged: bool,
    pub(super) paging: Paging,
    /// About how many bytes it may have.
    pub(super) bytes: usize,
    truncated: Mutex<Option<Truncated>>,
}

impl Default for Page {
    fn default() -> Self {
        let truncated = Mutex::default();
        Self { is_paged: false, paging: Paging::default(), bytes: usize::MAX, truncated }
    }
}

/// What is taken of what is read.
#[derive(Debug)]
pub(super) struct Selection {
    after: Option<String>,
    most: usize,
    most_bytes: usize,
    taken: Vec<(String, Stored)>,
    bytes: usize,
    /// Beyond which name nothing is taken any more.
    end: Option<String>,
}

/// What a thing may take in an answer beside how it is stored.
const OVERHEAD: usize = 256;

fn bytes_of(name: &str, stored: &Stored) -> usize {
    name.len() + stored.len() + OVERHEAD
}

impl Page {
    /// Begins to take things.
    pub(super) fn select(&self) -> Selection {
        Selection {
            after: self.paging.cursor.clone(),
            most: self.paging.limit.unwrap_or(usize::MAX),
            most_bytes: self.bytes,
            taken: Vec::new(),
            bytes: 0,
            end: None,
        }
    }

    /// There is more than the answer has.
    pub(super) fn truncate(&self, cursor: Option<String>) {
        let cursor = cursor.filter(|_| self.is_paged).and_then(|cursor| encoded(&cursor));
        // What cannot be gone on with stays so.
        let mut truncated = self.truncated.lock().unwrap_or_else(PoisonError::into_inner);
        truncated.get_or_insert(Truncated { cursor });
    }

    pub(super) fn truncated(&self) -> Option<Truncated> {
        self.truncated.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Selection {
    /// Of all that there is, as far as it has so many bytes.
    pub(super) fn of_bytes(bytes: usize) -> Self {
        Page { bytes, ..Page::default() }.select()
    }

    /// About how many bytes what was taken so far may have in an answer.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether something of this name would be taken.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.after.as_deref().is_none_or(|after| name > after)
            && self.end.as_deref().is_none_or(|end| name <= end)
    }

    /// Takes something, whose name is wanted.
    pub(super) fn take(&mut self, name: String, stored: Stored) {
        self.bytes += bytes_of(&name, &stored);
        self.taken.push((name, stored));
        // Never more than twice what is to be kept.
        if self.taken.len() / 2 >= self.most || self.bytes / 2 >= self.most_bytes {
            self.settle();
        }
    }

    /// What was taken, in order, and the name that it ends with if there is more.
    pub(super) fn finish(mut self) -> (Vec<(String, Stored)>, Option<String>) {
        self.settle();
        (self.taken, self.end)
    }

    /// Leaves what comes first and fits.
    fn settle(&mut self) {
        // Of what came twice the later form counts.
        self.taken.reverse();
        self.taken.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.taken.dedup_by(|(a, _), (b, _)| a == b);
        let mut bytes = 0;
        let fits = |(at, (name, stored)): &(usize, &(String, Stored))| {
            bytes += bytes_of(name, stored);
            // One at least, or it would never go on.
            *at == 0 || (*at < self.most && bytes <= self.most_bytes)
        };
        let count = self.taken.iter().enumerate().take_while(fits).count();
        if count < self.taken.len() {
            self.taken.truncate(count);
            self.end = self.taken.last().map(|(name, _)| name.clone());
        }
        self.bytes = self.taken.iter().map(|(name, stored)| bytes_of(name, stored)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: Option<usize>, cursor: Option<&str>, bytes: usize) -> Page {
        let paging = Paging { limit, cursor: cursor.map(str::to_owned) };
        Page { is_paged: true, paging, bytes, ..Page::default() }
    }

    /// The names, with the lengths of what is stored, that are taken of what comes in this order.
    fn taken(page: &Page, of: &[(&str, usize)]) -> (Vec<(String, usize)>, Option<String>) {
        let mut selection = page.select();
        for (name, length) in of {
            if selection.wants(name) {
                selection.take((*name).to_owned(), Stored::new(vec![b'x'; *length]));
            }
        }
        let (taken, end) = selection.finish();
        (taken.into_iter().map(|(name, stored)| (name, stored.len())).collect(), end)
    }

    fn names((taken, end): (Vec<(String, usize)>, Option<String>)) -> (Vec<String>, Option<String>) {
        (taken.into_iter().map(|(name, _)| name).collect(), end)
    }

    #[test]
    fn pages_hold_all_in_order_and_once_whatever_the_order_of_reading() {
        let all: Vec<String> = (0..100).map(|number| format!("{:02}", number * 37 % 100)).collect();
        let things: Vec<(&str, usize)> = all.iter().map(|name| (name.as_str(), 1)).collect();
        for limit in [1, 7, 50, 99, 100, 1000] {
            let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
            loop {
                let (page, end) = names(taken(&page(Some(limit), cursor.as_deref(), usize::MAX), &things));
                seen.extend(page);
                pages += 1;
                if end.is_none() {
                    break;
                }
                cursor = end;
            }
            let sorted: Vec<String> = (0..100).map(|number| format!("{number:02}")).collect();
            assert_eq!((seen, pages), (sorted, 100_usize.div_ceil(limit)), "limit {limit}");
        }
    }

    #[test]
    fn a_page_holds_as_much_as_fits_and_one_thing_at_least() {
        let things = [("c", 1000), ("a", 1000), ("b", 1000)];
        let fits_two = page(None, None, 2 * (1 + 1000 + OVERHEAD));
        assert_eq!(names(taken(&fits_two, &things)), (vec!["a".into(), "b".into()], Some("b".into())));
        assert_eq!(names(taken(&page(None, None, 10), &things)), (vec!["a".into()], Some("a".into())));
        assert_eq!(names(taken(&page(None, Some("b"), 10), &things)), (vec!["c".into()], None));
        assert_eq!(names(taken(&page(None, Some("c"), 10), &things)), (vec![], None));
    }

    #[test]
    fn a_cursor_is_printable_and_gives_its_name_back() {
        for (name, cursor) in [
            ("BTC/USDT", "BTC/USDT"),
            ("50%", "50%25"),
            ("a b\n", "a b%0A"),
            ("é", "%C3%A9"),
            ("%C3", "%25C3"),
        ] {
            assert_eq!(encoded(name).as_deref(), Some(cursor));
            assert_eq!(decode(cursor).as_deref(), Some(name));
        }
        for bad in ["%", "%4", "%zz", "%C3", "a%é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!((encoded(""), encoded(&"é".repeat(200))), (None, None));
    }

    #[test]
    fn of_what_comes_twice_the_later_form_counts() {
        let things = [("b", 1), ("a", 1), ("b", 2), ("a", 3)];
        let expected = (vec![("a".to_owned(), 3), ("b".to_owned(), 2)], None);
        assert_eq!(taken(&page(None, None, usize::MAX), &things), expected);
    }
}
