//! Who may read what: logins and the rights that go with them.

use std::{collections::BTreeSet, path::PathBuf};

use jsonwebtoken::Algorithm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Span,
    inline::tables,
    values::{flag, list, text, time},
};
use crate::{
    access::{Digest, Scope},
    types::is_id,
};

/// Who may read what.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Whether those who do not log in are let in where others can reach the server.
    pub anonymous: Anonymous,
    /// What those who do not log in may read, where `anonymous` is `allow`.
    #[serde(deserialize_with = "list")]
    pub anonymous_scopes: Vec<Scope>,
    /// Whether they may read the data of all users.
    #[serde(deserialize_with = "flag")]
    pub anonymous_all_users: bool,
    /// How long a client may take to log in by `authenticate`.
    pub login_timeout: Span,
    /// Whether a token may stand in the address that a client connects to, as `?token=…`.
    #[serde(deserialize_with = "flag")]
    pub token_in_query: bool,
    /// How long keys from a `jwks_url` are used before they are fetched again.
    pub jwks_refresh: Span,
    /// How soon they are fetched again at the earliest for a key that is not among them.
    pub jwks_pause: Span,
    /// Static tokens.
    #[serde(deserialize_with = "tables")]
    pub tokens: Vec<Token>,
    /// Those whose JSON Web Tokens are taken.
    #[serde(deserialize_with = "tables")]
    pub issuers: Vec<Issuer>,
    /// Client certificates, on listeners with a `client_ca`.
    #[serde(deserialize_with = "tables")]
    pub certificates: Vec<Certificate>,
}

/// Whether those who do not log in are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// Only on loopback and unix sockets, and only where no login is configured.
    #[default]
    Deny,
    /// On any address.
    Allow,
}

/// A static token: a random text that its owner keeps, of which the server knows the SHA-256 alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What its owner is called in the log.
    #[serde(deserialize_with = "text")]
    pub name: String,
    /// The SHA-256 of the token.
    #[schemars(with = "String")]
    pub sha256: Digest,
    /// The scopes that it entitles to.
    #[serde(default, deserialize_with = "list")]
    pub scopes: Vec<Scope>,
    /// Whose data it may read, where an operation has an owner.
    #[serde(default, deserialize_with = "list")]
    pub user_ids: Vec<String>,
    /// Whether it may read the data of all users.
    #[serde(default)]
    pub all_users: bool,
    /// When it ends, as ISO 8601; it need not.
    #[serde(default, deserialize_with = "time")]
    #[schemars(with = "Option<String>")]
    pub expires: Option<jiff::Timestamp>,
}

/// One whose JSON Web Tokens are taken.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its name, as its tokens have it in `iss`.
    pub issuer: String,
    /// What its tokens must have in `aud`.
    pub audience: String,
    /// How they may be signed: HS256, RS256, ES256, EdDSA. HS256 goes with no other.
    #[schemars(with = "Vec<String>")]
    pub algorithms: Vec<Algorithm>,
    /// A file with the public key (PEM), or the shared secret for HS256.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The address of its key set.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The claim that has the scopes, as a list or between spaces.
    #[serde(default = "scope_claim")]
    pub scopes_claim: String,
    /// The claim that has the ids of the users.
    #[serde(default = "user_ids_claim")]
    pub user_ids_claim: String,
    /// The claim that says, by true, that it is all users.
    #[serde(default = "all_users_claim")]
    pub all_users_claim: String,
    /// The most that its tokens entitle to; all scopes if it is omitted.
    #[serde(default)]
    pub scopes: Option<Vec<Scope>>,
}

/// A client certificate, by a name in it or by its SHA-256.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What its owner is called in the log.
    #[serde(deserialize_with = "text")]
    pub name: String,
    /// A DNS name that it is for.
    #[serde(default)]
    pub dns: Option<String>,
    /// The SHA-256 of the certificate as DER.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub sha256: Option<Digest>,
    /// The scopes that it entitles to.
    #[serde(default, deserialize_with = "list")]
    pub scopes: Vec<Scope>,
    /// Whose data it may read, where an operation has an owner.
    #[serde(default, deserialize_with = "list")]
    pub user_ids: Vec<String>,
    /// Whether it may read the data of all users.
    #[serde(default)]
    pub all_users: bool,
}

fn scope_claim() -> String {
    "scope".to_owned()
}

fn user_ids_claim() -> String {
    "user_ids".to_owned()
}

fn all_users_claim() -> String {
    "all_users".to_owned()
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            anonymous: Anonymous::Deny,
            anonymous_scopes: Vec::new(),
            anonymous_all_users: false,
            login_timeout: Span::millis(10_000),
            token_in_query: false,
            jwks_refresh: Span::millis(600_000),
            jwks_pause: Span::millis(10_000),
            tokens: Vec::new(),
            issuers: Vec::new(),
            certificates: Vec::new(),
        }
    }
}

impl Auth {
    /// Whether anyone can log in.
    pub fn has_logins(&self) -> bool {
        !(self.tokens.is_empty() && self.issuers.is_empty() && self.certificates.is_empty())
    }

    /// The logins that stand in the configuration themselves.
    pub(super) fn logins(&self) -> impl Iterator<Item = Login<'_>> {
        let tokens = self.tokens.iter().map(|token| Login {
            key: "auth.tokens",
            name: &token.name,
            scopes: &token.scopes,
            user_ids: &token.user_ids,
            all_users: token.all_users,
            expires: token.expires,
        });
        tokens.chain(self.certificates.iter().map(|certificate| Login {
            key: "auth.certificates",
            name: &certificate.name,
            scopes: &certificate.scopes,
            user_ids: &certificate.user_ids,
            all_users: certificate.all_users,
            expires: None,
        }))
    }

    /// What does not go together: the key and a sentence each.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.anonymous == Anonymous::Allow && self.anonymous_scopes.is_empty() {
            let message = "say what callers without a login may read, e.g. [\"market\"]";
            faults.push(("auth.anonymous_scopes", message.to_owned()));
        }
        let mut twice = |key, names: Vec<String>| {
            let mut seen = BTreeSet::new();
            let twice = names.into_iter().find(|name| !seen.insert(name.clone()));
            faults.extend(twice.map(|name| (key, format!("{name} stands there twice"))));
        };
        twice("auth.issuers", self.issuers.iter().map(|issuer| issuer.issuer.clone()).collect());
        twice("auth.tokens", self.tokens.iter().map(|token| token.sha256.to_string()).collect());
        twice("auth.tokens", self.tokens.iter().map(|token| token.name.clone()).collect());
        twice("auth.certificates", self.certificates.iter().map(|known| known.name.clone()).collect());
        for login in self.logins() {
            faults.extend(login.faults());
        }
        for issuer in &self.issuers {
            faults.extend(issuer.faults().map(|message| ("auth.issuers", message)));
        }
        for certificate in &self.certificates {
            let dns = certificate.dns.as_ref().filter(|dns| !dns.is_empty());
            if dns.is_some() == certificate.sha256.is_some() {
                let message = format!("{}: it has either `dns` or `sha256`", certificate.name);
                faults.push(("auth.certificates", message));
            }
        }
        faults
    }
}

/// What tokens and certificates have in common.
pub(super) struct Login<'c> {
    pub(super) key: &'static str,
    pub(super) name: &'c str,
    pub(super) scopes: &'c [Scope],
    pub(super) user_ids: &'c [String],
    pub(super) all_users: bool,
    pub(super) expires: Option<jiff::Timestamp>,
}

impl Login<'_> {
    fn faults(&self) -> impl Iterator<Item = (&'static str, String)> {
        let mut faults = Vec::new();
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            faults
                .push("`name`: it is what the log calls its owner; letters, digits and the like".to_owned());
        }
        if self.all_users && !self.user_ids.is_empty() {
            faults.push("it has `user_ids` and `all_users`; leave one of them out".to_owned());
        }
        if let Some(id) = self.user_ids.iter().find(|id| !is_id(id)) {
            faults.push(format!("`user_ids`: no user has the id {id:?}"));
        }
        let (key, name) = (self.key, self.name.escape_debug().to_string());
        faults.into_iter().map(move |fault| (key, format!("{name}: {fault}")))
    }
}

impl Issuer {
    fn faults(&self) -> impl Iterator<Item = String> {
        const KNOWN: [Algorithm; 4] =
            [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
        let mut faults = Vec::new();
        if self.algorithms.is_empty() || self.algorithms.iter().any(|algorithm| !KNOWN.contains(algorithm)) {
            faults.push("`algorithms`: some of HS256, RS256, ES256, EdDSA".to_owned());
        }
        if self.issuer.is_empty() || self.audience.is_empty() {
            faults.push("`issuer` and `audience`: what its tokens have in `iss` and `aud`".to_owned());
        }
        let is_shared = self.algorithms.contains(&Algorithm::HS256);
        if is_shared && self.algorithms.len() > 1 {
            faults.push(
                "`algorithms`: HS256 goes with no other, or a public key could pass for a secret".to_owned(),
            );
        }
        match (&self.key_file, &self.jwks_url) {
            (Some(_), None) if self.algorithms.len() > 1 => {
                faults.push("`algorithms`: a `key_file` is for one".to_owned());
            }
            (Some(_), None) => {}
            (None, Some(_)) if is_shared => faults.push("a secret for HS256 is in a `key_file`".to_owned()),
            (None, Some(_)) => {}
            _ => faults.push("it has either `key_file` or `jwks_url`".to_owned()),
        }
        faults.into_iter().map(|fault| format!("{}: {fault}", self.issuer))
    }
}
