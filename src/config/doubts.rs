//! What a configuration may say, and hardly means.

use jiff::Timestamp;

use super::{Anonymous, Config};
use crate::access::Scope;

/// The scopes whose operations show what belongs to somebody.
const OF_USERS: [Scope; 2] = [Scope::Account, Scope::Orders];

impl Config {
    /// What is allowed and hardly meant, as sentences with their keys.
    pub fn doubts(&self) -> Vec<String> {
        let auth = &self.auth;
        let mut doubts = Vec::new();
        for login in auth.logins() {
            let mut doubt = |what: &str| doubts.push(format!("{}: {} {what}", login.key, login.name));
            if let Some(end) = login.expires.filter(|end| *end <= Timestamp::now()) {
                doubt(&format!("has ended at {end}: nobody gets in by it"));
            }
            if login.scopes.is_empty() {
                doubt("has no `scopes`: it may read nothing");
            }
            if sees_nobody(login.scopes, login.all_users || !login.user_ids.is_empty()) {
                doubt(
                    "has neither `user_ids` nor `all_users`: it sees nobody's positions, balances or orders",
                );
            }
        }
        match auth.anonymous {
            Anonymous::Deny if auth.anonymous_all_users || !auth.anonymous_scopes.is_empty() => {
                doubts.push(
                    "auth.anonymous_scopes: without `anonymous = \"allow\"` they mean nothing".to_owned(),
                );
            }
            Anonymous::Allow if sees_nobody(&auth.anonymous_scopes, auth.anonymous_all_users) => {
                let doubt = "auth.anonymous_scopes: without `anonymous_all_users` callers without a login see nobody's \
                             positions, balances or orders";
                doubts.push(doubt.to_owned());
            }
            _ => {}
        }
        let asks = self.listen.addresses().any(|(_, at)| at.tls().is_some_and(|tls| tls.client_ca.is_some()));
        if !asks && !auth.certificates.is_empty() {
            let doubt = "auth.certificates: clients are asked for theirs nowhere; name who vouches for them as \
                         `client_ca` under listen.tls";
            doubts.push(doubt.to_owned());
        }
        doubts.extend(self.redis.needless_certificates().into_iter().map(|key| {
            format!("{key}: nobody is spoken to by TLS; set `redis.tls`, or write rediss:// in `redis.url`")
        }));
        doubts
    }
}

fn sees_nobody(scopes: &[Scope], somebody: bool) -> bool {
    !somebody && scopes.iter().any(|scope| OF_USERS.contains(scope))
}
