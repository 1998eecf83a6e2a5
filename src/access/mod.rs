//! Who may read what: from what a client presents to what it is entitled to.

mod audit;
mod jwt;
mod keys;
mod load;
mod rights;
mod shares;
mod token;

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use crate::config::{self, Anonymous, Auth, Secret};
pub(crate) use audit::{Audit, Refusal, note_read};
use jwt::Issuer;
pub(crate) use load::{Bounds, Load, UnderWay, overloaded};
pub use rights::{Rights, Scope, Users};
pub(crate) use shares::{AddressPlace, Place, Principal, Rate, Shares, nameless};
pub use token::{Digest, new_token};

/// Who a client is, and what it may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it is called in the log.
    pub name: String,
    /// Whether that is the name of one who logged in.
    pub is_login: bool,
    /// What it may read.
    pub rights: Rights,
    /// When its login ends.
    pub expires: Option<SystemTime>,
}

impl Identity {
    /// For how long its login still lasts; None if it does not end.
    pub fn lasts(&self) -> Option<Duration> {
        self.expires.map(|expires| expires.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

/// What a client presents. It is kept, so that it can be looked at again when rights have changed.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// Nothing.
    None {
        /// Whether its connection is one that strangers cannot have.
        is_local: bool,
    },
    /// A token, static or signed.
    Token(Secret),
    /// A certificate that was verified when the connection was made.
    Certificate(Certificate),
}

/// What a client's certificate is known by.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// Of the certificate as DER.
    pub(crate) digest: Digest,
    /// The DNS names that it is for.
    pub(crate) names: Vec<String>,
}

/// Why somebody is not let in; for the log.
pub(crate) type Denied = String;

/// All logins.
pub(crate) struct Access {
    anonymous: Option<Rights>,
    /// Whether one of the same machine must log in too.
    wants_login: bool,
    tokens: HashMap<Digest, Identity>,
    issuers: Vec<Issuer>,
    certificates: Vec<(config::Certificate, Rights)>,
}

impl Access {
    /// Takes the logins of a configuration, with the keys in its files. Says all that is wrong.
    pub(crate) fn of(auth: &Auth) -> Result<Self, Vec<String>> {
        let rights = |scopes: &[Scope], all_users: bool, ids: &[String]| {
            Rights::new(scopes.iter().copied(), Users::new(all_users, ids.iter().cloned()))
        };
        let anonymous = (auth.anonymous == Anonymous::Allow)
            .then(|| rights(&auth.anonymous_scopes, auth.anonymous_all_users, &[]));
        let tokens = auth.tokens.iter().map(|token| {
            let identity = Identity {
                name: token.name.clone(),
                is_login: true,
                rights: rights(&token.scopes, token.all_users, &token.user_ids),
                expires: token.expires.map(SystemTime::from),
            };
            (token.sha256, identity)
        });
        let certificates = auth.certificates.iter().map(|certificate| {
            let rights = rights(&certificate.scopes, certificate.all_users, &certificate.user_ids);
            (certificate.clone(), rights)
        });
        let (mut issuers, mut faults) = (Vec::new(), Vec::new());
        for issuer in &auth.issuers {
            match Issuer::of(issuer, auth) {
                Ok(issuer) => issuers.push(issuer),
                Err(error) => faults.push(format!("auth.issuers: {error}")),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            anonymous,
            wants_login: auth.has_logins(),
            tokens: tokens.collect(),
            issuers,
            certificates: certificates.collect(),
        })
    }

    /// Takes over from what was in force before a reload: the keys that were fetched, and that a login is
    /// wanted; what was closed does not open because the last login is withdrawn. Says whether that is so.
    pub(crate) fn take_over(&mut self, before: &Self) -> bool {
        self.issuers.iter_mut().for_each(|issuer| issuer.keep_keys(&before.issuers));
        let none_is_left = before.wants_login && !self.wants_login;
        self.wants_login |= before.wants_login;
        none_is_left
    }

    /// Who presents this.
    pub(crate) async fn identify(&self, credential: &Credential) -> Result<Identity, Denied> {
        let identity = match credential {
            Credential::None { is_local } => self.nobody(*is_local),
            Credential::Token(token) => self.holder(token.expose()).await,
            Credential::Certificate(certificate) => self.certified(certificate),
        }?;
        match identity.lasts() {
            Some(left) if left.is_zero() => Err(format!("the login of {} has ended", identity.name)),
            _ => Ok(identity),
        }
    }

    /// What one may read who presents nothing.
    fn nobody(&self, is_local: bool) -> Result<Identity, Denied> {
        let (name, rights) = match &self.anonymous {
            _ if is_local && !self.wants_login => ("local", Rights::everything()),
            Some(rights) => ("anonymous", rights.clone()),
            None => return Err("there is no login".to_owned()),
        };
        Ok(Identity { name: name.to_owned(), is_login: false, rights, expires: None })
    }

    async fn holder(&self, token: &str) -> Result<Identity, Denied> {
        match self.tokens.get(&Digest::of(token.as_bytes())) {
            Some(identity) => Ok(identity.clone()),
            None if self.issuers.is_empty() => Err("the token is unknown".to_owned()),
            None => jwt::verify(&self.issuers, token).await,
        }
    }

    /// Fetches the keys that issuers publish, and says of each what there is or what is wrong.
    pub(crate) async fn try_keys(&self) -> Vec<Result<String, String>> {
        let mut all = Vec::new();
        for issuer in &self.issuers {
            all.extend(issuer.try_keys().await);
        }
        all
    }

    fn certified(&self, certificate: &Certificate) -> Result<Identity, Denied> {
        let is_it = |known: &config::Certificate| {
            known.sha256 == Some(certificate.digest)
                || known.dns.as_ref().is_some_and(|dns| certificate.names.iter().any(|name| name == dns))
        };
        let known = self.certificates.iter().find(|(known, _)| is_it(known));
        let (known, rights) = known.ok_or("the certificate is nobody's")?;
        Ok(Identity { name: known.name.clone(), is_login: true, rights: rights.clone(), expires: None })
    }
}
