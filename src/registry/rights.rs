//! Who may call an operation, and with which params.

use std::borrow::Cow;

use serde_json::Value;

use super::Registered;
use crate::{
    access::{Rights, Scope},
    object::plain_text,
    operation::Answer,
};

/// What a caller must be entitled to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(super) scope: Option<Scope>,
    pub(super) owner: Option<Owner>,
}

/// Whose data an operation reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// That of the user whom a param names.
    Param(String),
    /// Anybody's: it can't be told.
    AllUsers,
}

impl Owner {
    /// What an entry says instead of a param's name where it can't be told whose data it is.
    pub(super) const ALL_USERS: &str = "all_users";

    pub(super) fn of(text: &str) -> Self {
        match text {
            Self::ALL_USERS => Self::AllUsers,
            param => Self::Param(param.to_owned()),
        }
    }
}

/// What is asked of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// Something, with params that are not known yet.
    Anything,
    /// This.
    With(&'a Value),
}

impl Registered {
    /// Whether those may call it who have not logged in.
    pub(crate) fn needs_no_login(&self) -> bool {
        self.is_for_strangers
    }

    /// Whether these rights are enough for it. What no scope is named for is open to those alone who may
    /// do everything; operations on the server itself are open to all.
    pub(crate) fn is_open_to(&self, rights: &Rights, ask: Ask<'_>) -> bool {
        let is_open = self.needs.scope.is_none() && matches!(self.answer, Answer::System(_));
        let is_entitled = is_open || rights.have(self.needs.scope);
        let may_read = match (&self.needs.owner, ask) {
            (None, _) | (Some(Owner::Param(_)), Ask::Anything) => true,
            (Some(Owner::AllUsers), _) => rights.users().may_see(None),
            (Some(Owner::Param(_)), Ask::With(params)) => {
                rights.users().may_see(self.owner_in(params).as_deref())
            }
        };
        is_entitled && may_read
    }

    /// Whether it reads what belongs to users, though no param names one.
    pub(crate) fn reads_what_is_owned(&self) -> bool {
        self.has_owned_rows || self.needs.owner == Some(Owner::AllUsers)
    }

    /// The user whose data these params ask for, where one is named.
    pub(crate) fn owner_in<'a>(&self, params: &'a Value) -> Option<Cow<'a, str>> {
        let Some(Owner::Param(name)) = &self.needs.owner else { return None };
        plain_text(params.get(name)?)
    }
}
