//! Pages of a list, from its end backwards: the newest elements first.
//!
//! A list grows at its end, and its consumers take from its beginning, or all of it. So a cursor is the element that
//! the page before began with, by its hash, and where it was counted from the end. It is looked for there and, if the
//! list has grown, before that. If it is gone, what came before it is gone as well.

use super::stored::Stored;

/// How many elements may have come since the page before, if the first look is to suffice; and the second.
const GROWN: [u32; 2] = [64, 10_000];

/// Where a page began: how many elements from the end, and which element that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    place: u32,
    hash: u64,
}

/// A look at a part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    mark: Option<Mark>,
    /// How many elements are wanted.
    limit: u32,
    count: u32,
}

/// Elements of a list, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) elements: Vec<Stored>,
    /// How many elements come after them.
    pub(super) after: u32,
    /// Where they begin, if there are, or may be, more before them.
    pub(super) more: Option<Mark>,
}

impl Mark {
    /// The mark that a cursor is.
    pub(super) fn parse(cursor: &str) -> Option<Self> {
        let (place, hash) = cursor.split_once('-')?;
        let hash = u64::from_str_radix(hash, 16).ok()?;
        Some(Self { place: place.parse().ok().filter(|place| (1..=1 << 30).contains(place))?, hash })
    }

    /// As a cursor.
    pub(super) fn to_cursor(self) -> String {
        format!("{}-{:x}", self.place, self.hash)
    }

    fn is_of(&self, element: &Stored) -> bool {
        self.hash == hash(element.bytes())
    }
}

impl Look {
    /// The looks to take, one after the other, until one shows what is wanted.
    pub(super) fn for_part(mark: Option<Mark>, limit: u32) -> impl Iterator<Item = Self> {
        let grown = if mark.is_some() { &GROWN[..] } else { &[0] };
        // One more shows whether there is more.
        grown.iter().map(move |grown| Self { mark, limit, count: limit + 1 + grown })
    }

    /// The first and the last index, counted from the end.
    pub(super) fn range(&self) -> (i64, i64) {
        let last = self.mark.map_or(1, |mark| i64::from(mark.place));
        (-(last + i64::from(self.count) - 1), -last)
    }

    /// What is shown by the elements that are there; None: not what was marked.
    pub(super) fn part(&self, mut elements: Vec<Stored>, most_bytes: usize) -> Option<Part> {
        let is_all = elements.len() < self.count as usize;
        let mut after = 0;
        if let Some(mark) = self.mark {
            let Some(at) = elements.iter().rposition(|element| mark.is_of(element)) else {
                // All that is there was looked at, so it is gone, and all before it.
                let gone = Part { elements: Vec::new(), after: mark.place, more: None };
                return is_all.then_some(gone);
            };
            if at == 0 && !is_all {
                // What comes before it lies beyond.
                return None;
            }
            after = mark.place + count(elements.len() - 1 - at);
            elements.truncate(at);
        }
        let mut bytes = 0;
        let fits = |(at, element): &(usize, &Stored)| {
            bytes += element.len();
            *at == 0 || (*at < self.limit as usize && bytes <= most_bytes)
        };
        let kept = elements.iter().rev().enumerate().take_while(fits).count();
        let has_more = kept < elements.len() || !is_all;
        elements.drain(..elements.len() - kept);
        let first = elements.first().filter(|_| has_more);
        let more = first.map(|first| Mark { place: after + count(kept), hash: hash(first.bytes()) });
        Some(Part { elements, after, more })
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// FNV-1a: the same on any server of any version.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: std::ops::Range<u32>) -> Vec<Stored> {
        numbers.map(|number| Stored::new(number.to_string().into_bytes())).collect()
    }

    /// What a look shows of a list, as Redis means its indices.
    fn shown(look: &Look, list: &[Stored]) -> Vec<Stored> {
        let (first, last) = look.range();
        let index = |from_end: i64| (list.len() as i64 + from_end).max(-1);
        let (first, end) = (index(first).max(0) as usize, (index(last) + 1) as usize);
        list.get(first..end.max(first)).unwrap_or_default().to_vec()
    }

    fn part(mark: Option<Mark>, limit: u32, list: &[Stored]) -> Option<Part> {
        Look::for_part(mark, limit).find_map(|look| look.part(shown(&look, list), usize::MAX))
    }

    #[test]
    fn pages_go_back_to_the_beginning_of_a_list_that_grows() {
        for (limit, growth) in [(1, 0), (7, 3), (100, 100), (1000, 0), (7, 200), (7, 71)] {
            let (mut mark, mut end, mut seen) = (None, 100, Vec::new());
            loop {
                let part = part(mark, limit, &list(0..end)).unwrap();
                assert_eq!(part.after, end - 100 + seen.len() as u32);
                seen.splice(0..0, part.elements);
                let Some(more) = part.more else { break };
                assert_eq!(Mark::parse(&more.to_cursor()), Some(more));
                mark = Some(more);
                end += growth;
                if seen.len() as u32 == limit {
                    // What came before the first page is no part of any.
                    assert_eq!(seen, list(100 - limit..100));
                }
            }
            assert_eq!(seen, list(0..100), "by {limit}, growing by {growth}");
        }
    }

    #[test]
    fn what_is_gone_ends_the_pages_and_what_is_too_far_is_not_taken_for_gone() {
        let more = part(None, 10, &list(0..100)).unwrap().more;
        assert_eq!(part(more, 10, &list(95..120)).unwrap().elements, []);
        assert_eq!(part(more, 10, &[]).unwrap().elements, []);
        assert_eq!(part(more, 10, &list(90..100)).unwrap().elements, []);
        assert_eq!(part(more, 10, &list(88..100)).unwrap().elements, list(88..90));
        assert_eq!(part(more, 10, &list(0..20_000)), None);
    }

    #[test]
    fn a_page_holds_what_fits_and_one_element_at_least() {
        let look = Look::for_part(None, 10).next().unwrap();
        let part = look.part(shown(&look, &list(10..100)), 6).unwrap();
        assert_eq!((part.elements, part.more.is_some()), (list(97..100), true));
        let part = look.part(shown(&look, &list(10..100)), 1).unwrap();
        assert_eq!((part.elements, part.more.is_some()), (list(99..100), true));
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        for text in ["", "-", "1", "0-1", "-1-1", "1-x", "99999999999-1", "1-11111111111111111"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
