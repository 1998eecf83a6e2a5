//! Finds which topics a key or a channel concerns, without a look at all the others.

use hashbrown::HashMap;

use crate::cache::Glob;

/// Topics by the globs of their keys.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Under how they begin: up to the last colon before a wildcard, or the whole where there is none.
    globs: HashMap<String, Vec<(Glob, u64)>>,
    /// How many colons the longest beginning has.
    most_colons: usize,
}

impl Index {
    pub(super) fn insert(&mut self, glob: Glob, topic: u64) {
        let beginning = beginning(&glob);
        self.most_colons = self.most_colons.max(beginning.matches(':').count());
        self.globs.entry(beginning.to_owned()).or_default().push((glob, topic));
    }

    pub(super) fn remove(&mut self, glob: &Glob, topic: u64) {
        let beginning = beginning(glob);
        if let Some(globs) = self.globs.get_mut(beginning) {
            globs.retain(|(other, id)| *id != topic || other != glob);
            if globs.is_empty() {
                self.globs.remove(beginning);
            }
        }
    }

    /// The topics that have a glob which matches.
    pub(super) fn find(&self, key: &str) -> Vec<u64> {
        let ends = key.match_indices(':').map(|(at, _)| at + 1).take(self.most_colons);
        let beginnings = [0].into_iter().chain(ends).filter(|end| *end < key.len()).chain([key.len()]);
        let near = beginnings.filter_map(|end| self.globs.get(&key[..end])).flatten();
        near.filter(|(glob, _)| glob.matches(key)).map(|(_, topic)| *topic).collect()
    }
}

fn beginning(glob: &Glob) -> &str {
    match glob.as_str().split_once('*') {
        None => glob.as_str(),
        Some((fixed, _)) => &fixed[..fixed.rfind(':').map_or(0, |at| at + 1)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Pattern;

    fn glob(pattern: &str) -> Glob {
        Pattern::parse(pattern).unwrap().glob(|_| None).unwrap()
    }

    #[test]
    fn a_key_is_found_by_every_glob_that_matches_it() {
        let globs =
            ["trades:x:AB", "trades:x:{s}", "trades:{e}:AB", "trades:{e}:{s}", "tr{all|tail}", "t", "u:{s}"];
        let mut index = Index::default();
        for (id, pattern) in (0..).zip(globs) {
            index.insert(glob(pattern), id);
        }
        for key in [
            "trades:x:AB",
            "trades:x:CD",
            "trades:",
            "trades",
            "t",
            "u:",
            "u:1",
            "u",
            "",
            ":",
            "trades:x:A:B:C",
        ] {
            let mut found = index.find(key);
            found.sort_unstable();
            let expected: Vec<u64> = (0..)
                .zip(globs)
                .filter(|(_, pattern)| glob(pattern).matches(key))
                .map(|(id, _)| id)
                .collect();
            assert_eq!(found, expected, "{key}");
        }
        index.remove(&glob("trades:x:{s}"), 1);
        assert_eq!(index.find("trades:x:CD").len(), 2);
    }
}
