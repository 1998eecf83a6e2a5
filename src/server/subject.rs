//! What a read is of, by which answers are found that are kept, and reads that are under way.

use std::{hash::BuildHasher as _, sync::Arc};

use hashbrown::DefaultHashBuilder;

use crate::{access::Users, cache::Plan};

/// An operation with params, and whose rows are read. It is hashed once, for all tables that it is looked for in.
#[derive(Clone, Copy)]
pub(super) struct Subject<'s> {
    hash: u64,
    /// A reload may have given the operation another one.
    plan: &'s Arc<Plan>,
    /// The params, in the words that they came in.
    text: &'s str,
    /// Whose rows are to be seen, where they have owners.
    users: Option<&'s Users>,
}

/// The same, to be kept in tables.
#[derive(Clone)]
pub(super) struct Key {
    hash: u64,
    plan: Arc<Plan>,
    text: Arc<str>,
    users: Option<Users>,
}

impl<'s> Subject<'s> {
    pub(super) fn new(
        hasher: &DefaultHashBuilder,
        plan: &'s Arc<Plan>,
        text: &'s str,
        users: Option<&'s Users>,
    ) -> Self {
        let hash = hasher.hash_one((Arc::as_ptr(plan), text, users));
        Self { hash, plan, text, users }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn to_key(self) -> Key {
        let Self { hash, plan, text, users } = self;
        Key { hash, plan: plan.clone(), text: text.into(), users: users.cloned() }
    }
}

impl Key {
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// How many bytes the params have.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn users(&self) -> Option<&Users> {
        self.users.as_ref()
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { hash: self.hash, plan: &self.plan, text: &self.text, users: self.users.as_ref() }
    }

    pub(super) fn is(&self, subject: Subject<'_>) -> bool {
        self.hash == subject.hash
            && Arc::ptr_eq(&self.plan, subject.plan)
            && *self.text == *subject.text
            && self.users.as_ref() == subject.users
    }
}
