//! JSON Web Tokens: who signed them, for whom, for how long, and what they entitle to.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, Header, Validation, dangerous::insecure_decode_claims, decode, decode_header};
use serde_json::{Map, Value};

use super::{
    Identity,
    keys::Keys,
    rights::{Rights, Scope, Users},
};
use crate::{config, object::plain_text};

/// How far clocks may be apart.
const LEEWAY: u64 = 60;
/// How long a token's text may be.
const MOST_BYTES: usize = 8 << 10;

/// One whose tokens are taken.
pub(super) struct Issuer {
    name: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    scopes_claim: String,
    user_ids_claim: String,
    all_users_claim: String,
    most_scopes: BTreeSet<Scope>,
}

/// The claims of a token.
type Claims = Map<String, Value>;

impl Issuer {
    pub(super) fn of(issuer: &config::Issuer, auth: &config::Auth) -> Result<Self, String> {
        let keys = Keys::of(issuer, auth).map_err(|error| format!("{}: {error}", issuer.issuer))?;
        Ok(Self {
            name: issuer.issuer.clone(),
            audience: issuer.audience.clone(),
            algorithms: issuer.algorithms.clone(),
            keys,
            scopes_claim: issuer.scopes_claim.clone(),
            user_ids_claim: issuer.user_ids_claim.clone(),
            all_users_claim: issuer.all_users_claim.clone(),
            most_scopes: issuer.scopes.clone().unwrap_or_else(|| Scope::ALL.to_vec()).into_iter().collect(),
        })
    }

    /// Keeps the keys that an issuer of the same name had fetched.
    pub(super) fn keep_keys(&mut self, before: &[Self]) {
        if let Some(before) = before.iter().find(|before| before.name == self.name) {
            self.keys.keep(&before.keys);
        }
    }

    /// What is wrong with the keys that it publishes, or how many there are. None if they are in a file.
    pub(super) async fn try_keys(&self) -> Option<Result<String, String>> {
        let name = &self.name;
        Some(match self.keys.try_out(&self.algorithms).await? {
            Ok(0) => Err(format!("{name}: it publishes no key for {:?}", self.algorithms)),
            Ok(count) => Ok(format!("{name}: keys: {count}")),
            Err(error) => Err(format!("{name}: its keys cannot be fetched: {error}")),
        })
    }

    async fn verify(&self, token: &str, header: &Header) -> Result<Identity, String> {
        if !self.algorithms.contains(&header.alg) {
            return Err(format!("{} does not sign by {:?}", self.name, header.alg));
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg.family()).await?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.name]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims: Claims = decode(token, &key, &validation).map_err(|error| error.to_string())?.claims;
        let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
        let subject = subject.ok_or("`sub` is no text, or an empty one")?;
        Ok(Identity {
            name: format!("{}#{subject}", self.name),
            is_login: true,
            rights: self.rights(&claims),
            expires: Some(expiry(&claims)?),
        })
    }

    fn rights(&self, claims: &Claims) -> Rights {
        let scopes = texts(claims.get(&self.scopes_claim));
        let scopes = scopes.iter().flat_map(|text| text.split(' ')).filter_map(|scope| scope.parse().ok());
        let all_users = claims.get(&self.all_users_claim) == Some(&Value::Bool(true));
        let users = Users::new(all_users, texts(claims.get(&self.user_ids_claim)));
        Rights::new(scopes.filter(|scope| self.most_scopes.contains(scope)), users)
    }
}

/// Who presents a token. The error is for the log.
pub(super) async fn verify(issuers: &[Issuer], token: &str) -> Result<Identity, String> {
    if token.len() > MOST_BYTES {
        return Err("the token is too long".to_owned());
    }
    let header = decode_header(token).map_err(|_| "no token: its header is none")?;
    // A token does not say which key it is to be believed by, nor what must be understood of it.
    if header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.crit.is_some() {
        return Err("the token brings a key of its own, or `crit`".to_owned());
    }
    let claims: Claims = insecure_decode_claims(token).map_err(|_| "no token: its claims are none")?;
    let named = claims.get("iss").and_then(Value::as_str).ok_or("the token names no issuer")?;
    let issuer = issuers.iter().find(|issuer| issuer.name == named).ok_or("the token's issuer is unknown")?;
    issuer.verify(token, &header).await
}

fn expiry(claims: &Claims) -> Result<SystemTime, String> {
    let seconds = claims.get("exp").and_then(Value::as_f64).filter(|seconds| *seconds >= 0.0);
    let expiry = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let expiry = expiry.and_then(|expiry| UNIX_EPOCH.checked_add(expiry + Duration::from_secs(LEEWAY)));
    expiry.ok_or_else(|| "`exp` is no time".to_owned())
}

/// One text or number, or a list of them.
fn texts(claim: Option<&Value>) -> Vec<String> {
    let text = |value| plain_text(value).map(Cow::into_owned);
    match claim {
        Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}
