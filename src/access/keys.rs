//! The keys that an issuer signs its tokens with.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Uri, body::Bytes};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{JwkSet, PublicKeyUse},
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

use crate::config;

/// How long fetching a key set may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How large a key set may be.
const MOST_BYTES: usize = 256 << 10;
/// How many of its keys are looked at.
const MOST_KEYS: usize = 64;
/// A shared secret that is shorter than what it signs with can be guessed.
const LEAST_SECRET: usize = 32;

/// The keys of one issuer.
pub(super) enum Keys {
    /// One, out of a file.
    One(DecodingKey),
    /// A set, fetched from where the issuer publishes it.
    Set(Arc<KeySet>),
}

impl Keys {
    pub(super) fn of(issuer: &config::Issuer, auth: &config::Auth) -> Result<Self, String> {
        match (&issuer.key_file, &issuer.jwks_url) {
            (Some(file), _) => {
                let algorithm = issuer.algorithms.first().copied().unwrap_or_default();
                read(file, algorithm).map(Self::One)
            }
            (None, Some(url)) => KeySet::of(url, auth).map(|set| Self::Set(Arc::new(set))),
            (None, None) => Err("it has neither `key_file` nor `jwks_url`".to_owned()),
        }
    }

    /// Keeps what was fetched from the same place.
    pub(super) fn keep(&mut self, before: &Self) {
        if let (Self::Set(set), Self::Set(before)) = (self, before)
            && set.url == before.url
        {
            set.known.store(before.known.load_full());
        }
    }

    /// How many keys for these algorithms can be fetched now, and where; None if they are in a file.
    pub(super) async fn try_out(&self, algorithms: &[Algorithm]) -> Option<Result<usize, String>> {
        let Self::Set(set) = self else { return None };
        let fits = |key: &&DecodingKey| algorithms.iter().any(|known| known.family() == key.family());
        let fetched = set.fetch_in_time().await;
        let count = fetched.map(|keys| keys.values().filter(fits).count());
        Some(count.map_err(|error| format!("{}: {error}", set.url)))
    }

    /// The key that a token names, if it fits how the token is signed.
    pub(super) async fn find(
        &self,
        key_id: Option<&str>,
        family: AlgorithmFamily,
    ) -> Result<DecodingKey, String> {
        let key = match self {
            Self::One(key) => DecodingKey::clone(key),
            Self::Set(set) => {
                let key_id = key_id.ok_or("the token names no key (`kid`)")?;
                let unknown = || format!("no key {:?} is known", shown(key_id));
                set.find(key_id).await.ok_or_else(unknown)?
            }
        };
        match key.family() == family {
            true => Ok(key),
            false => Err("the key is for another algorithm".to_owned()),
        }
    }
}

/// As much of what a stranger wrote as the log has room for.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn read(file: &Path, algorithm: Algorithm) -> Result<DecodingKey, String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if let Some(error) = not_public(file, &bytes).filter(|_| algorithm.family() != AlgorithmFamily::Hmac) {
        return Err(error);
    }
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac => {
            let secret = bytes.trim_ascii();
            if secret.starts_with(b"-----BEGIN") {
                // Whoever has a public key could sign with it.
                return Err(format!("{}: a PEM file is no secret", file.display()));
            }
            if secret.len() < LEAST_SECRET {
                return Err(format!("{}: a secret has {LEAST_SECRET} bytes at least", file.display()));
            }
            Ok(DecodingKey::from_secret(secret))
        }
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(&bytes),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(&bytes),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(&bytes),
    };
    key.map_err(|_| format!("{}: no public key for {algorithm:?} in PEM", file.display()))
}

/// An error with its causes, which alone say what is wrong.
fn causes(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What a PEM file holds that should hold a public key, if that is something else, and what makes one of it.
fn not_public(file: &Path, bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut labels = text.lines().filter(|line| line.starts_with("-----BEGIN "));
    let file = file.display();
    if labels.clone().any(|label| label.contains("PRIVATE KEY")) {
        let message = "a private key, which is the issuer's alone; its public key is made by";
        return Some(format!("{file}: {message} `openssl pkey -in {file} -pubout`"));
    }
    labels.any(|label| label.contains("CERTIFICATE")).then(|| {
        format!("{file}: a certificate; its public key is made by `openssl x509 -in {file} -pubkey -noout`")
    })
}

/// Keys by their ids, and when they were fetched.
#[derive(Default)]
struct Known {
    keys: HashMap<String, DecodingKey>,
    since: Option<Instant>,
}

/// A key set, kept and now and then fetched again.
pub(super) struct KeySet {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    refresh: Duration,
    pause: Duration,
    known: ArcSwap<Known>,
    /// When it was last tried to fetch it. One tries at a time.
    tried: Arc<Mutex<Option<Instant>>>,
}

impl KeySet {
    fn of(url: &str, auth: &config::Auth) -> Result<Self, String> {
        let wrong = || "`jwks_url`: want https://, or http:// on loopback".to_owned();
        let url: Uri = url.parse().map_err(|_| wrong())?;
        let host = url.host().ok_or_else(wrong)?;
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if !(url.scheme_str() == Some("https") || is_local && url.scheme_str() == Some("http")) {
            return Err(wrong());
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(|error| format!("no trusted certificates: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(https);
        Ok(Self {
            url,
            client,
            refresh: auth.jwks_refresh.get(),
            pause: auth.jwks_pause.get(),
            known: ArcSwap::default(),
            tried: Arc::default(),
        })
    }

    /// A key by its id. One that is not known may be new; then, and when the set is old, it is fetched.
    async fn find(self: &Arc<Self>, key_id: &str) -> Option<DecodingKey> {
        let known = self.known.load_full();
        let is_old = known.since.is_none_or(|since| since.elapsed() >= self.refresh);
        let key = known.keys.get(key_id);
        let tried = match key {
            Some(key) if !is_old => return Some(key.clone()),
            // Others need not wait for the one who fetches it.
            Some(key) => match self.tried.clone().try_lock_owned() {
                Ok(tried) => tried,
                Err(_) => return Some(key.clone()),
            },
            None => self.tried.clone().lock_owned().await,
        };
        // It goes on if whoever asks goes away: else strangers could keep it from ever being done.
        let set = self.clone();
        let renewing = tokio::spawn(async move { set.renew(tried).await });
        if renewing.await.is_err() {
            tracing::error!(url = %self.url, "fetching the key set has failed");
        }
        self.known.load().keys.get(key_id).cloned()
    }

    async fn renew(&self, mut tried: OwnedMutexGuard<Option<Instant>>) {
        if tried.is_some_and(|at| at.elapsed() < self.pause) {
            return;
        }
        *tried = Some(Instant::now());
        match self.fetch_in_time().await {
            Ok(keys) => self.known.store(Arc::new(Known { keys, since: Some(Instant::now()) })),
            // The keys at hand are better than none.
            Err(error) => tracing::warn!(url = %self.url, "the key set cannot be fetched: {error}"),
        }
    }

    async fn fetch_in_time(&self) -> Result<HashMap<String, DecodingKey>, String> {
        timeout(PATIENCE, self.fetch()).await.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>, String> {
        let response = self.client.get(self.url.clone()).await.map_err(|error| causes(&error))?;
        if !response.status().is_success() {
            return Err(format!("HTTP {}", response.status()));
        }
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        let set: JwkSet = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let signs = |usage: &Option<PublicKeyUse>| !matches!(usage, Some(PublicKeyUse::Encryption));
        let keys = set.keys.iter().take(MOST_KEYS).filter(|key| signs(&key.common.public_key_use));
        Ok(keys
            .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?)))
            // A secret that is published is none.
            .filter(|(_, key)| key.family() != AlgorithmFamily::Hmac)
            .collect())
    }
}
