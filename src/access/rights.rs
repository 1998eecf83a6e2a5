//! What a caller is entitled to.

use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a caller may be entitled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Tickers, trades, bars.
    Market,
    /// Positions, balances and trades of users.
    Account,
    /// Orders.
    Orders,
    /// Bots.
    Bots,
    /// The processes of the trading system.
    Ops,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::Market, Self::Account, Self::Orders, Self::Bots, Self::Ops];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Account => "account",
            Self::Orders => "orders",
            Self::Bots => "bots",
            Self::Ops => "ops",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("{text:?} is none of {}", Self::ALL.map(Self::as_str).join(", "));
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(wanted)
    }
}

/// Whose data a caller may read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Users {
    /// Everybody's.
    All,
    /// That of these users.
    Some(Arc<BTreeSet<String>>),
}

impl Users {
    /// Those of a list, or all.
    pub fn new(all: bool, ids: impl IntoIterator<Item = String>) -> Self {
        match all {
            true => Self::All,
            false => Self::Some(Arc::new(ids.into_iter().collect())),
        }
    }

    /// Whether what belongs to this owner may be read. What nobody is named for is for those who may read
    /// everybody's.
    pub fn may_see(&self, owner: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Some(users) => owner.is_some_and(|owner| users.contains(owner)),
        }
    }
}

/// What a caller is entitled to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    scopes: BTreeSet<Scope>,
    /// Whether it may call what no scope is named for.
    unscoped: bool,
    users: Users,
}

impl Rights {
    /// Some scopes and the data of some users.
    pub fn new(scopes: impl IntoIterator<Item = Scope>, users: Users) -> Self {
        Self { scopes: scopes.into_iter().collect(), unscoped: false, users }
    }

    /// Everything.
    pub fn everything() -> Self {
        Self { scopes: Scope::ALL.into(), unscoped: true, users: Users::All }
    }

    /// The scopes.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.scopes.iter().copied()
    }

    /// Whose data it may read.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Whether it has what an operation asks for. What asks for nothing is for those who may do everything.
    pub fn have(&self, scope: Option<Scope>) -> bool {
        scope.map_or(self.unscoped, |scope| self.scopes.contains(&scope))
    }
}
