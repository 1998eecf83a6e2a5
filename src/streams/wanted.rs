//! Which groups of a topic are read.

use std::{collections::BTreeSet, sync::Arc};

/// Which groups of a topic somebody watches. Once wanted they are read until the topic ends, so that who
/// comes back finds them as if they had been watched all the time.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    All,
    Some(BTreeSet<Arc<str>>),
}

impl Wanted {
    /// The groups; None: all.
    pub(super) fn groups(&self) -> Option<BTreeSet<Arc<str>>> {
        match self {
            Self::All => None,
            Self::Some(groups) => Some(groups.clone()),
        }
    }

    pub(super) fn covers_one(&self, group: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(groups) => groups.contains(group),
        }
    }

    pub(super) fn covers_all_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Some(_), Self::All) => false,
            (Self::Some(groups), Self::Some(others)) => others.is_subset(groups),
        }
    }

    pub(super) fn covers(&self, groups: Option<&[Arc<str>]>) -> bool {
        match (self, groups) {
            (Self::All, _) => true,
            (Self::Some(_), None) => false,
            (Self::Some(_), Some(groups)) => groups.iter().all(|group| self.covers_one(group)),
        }
    }
}
