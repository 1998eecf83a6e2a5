//! Who may read what: logins, scopes and owners, on every way that a token can come.

mod audit;
mod authority;
mod changing;
mod listening;
mod logins;
mod matrix;
mod owners;

use fullon_cache_api::{
    access::{Digest, Scope},
    config::{Config, Token},
};

pub use authority::{Authority, KeySet};
pub use listening::{Voucher, files};

use crate::common::{Fixture, Redis, Server};

/// A static token that entitles to this.
pub fn token(name: &str, scopes: &[Scope], user_ids: &[&str]) -> Token {
    Token {
        name: name.to_owned(),
        sha256: Digest::of(name.as_bytes()),
        scopes: scopes.to_vec(),
        user_ids: user_ids.iter().map(|id| (*id).to_owned()).collect(),
        all_users: false,
        expires: None,
    }
}

/// A static token that entitles to everything, `root`.
pub fn root() -> Token {
    Token { all_users: true, ..token("root", &Scope::ALL, &[]) }
}

/// A Redis that holds the recorded session, and a server that reads it with these logins.
pub async fn guarded(change: impl FnOnce(&mut Config)) -> (Redis, Server) {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let server = Server::reading_with(&redis, change).await;
    (redis, server)
}

fn bearer(token: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {token}"))]
}
