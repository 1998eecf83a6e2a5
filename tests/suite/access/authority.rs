//! One who signs tokens: keys of every kind, and the place where it publishes them.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use fullon_cache_api::config::Issuer;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

pub const AUDIENCE: &str = "fullon-cache";

/// One who signs tokens.
pub struct Authority {
    pub name: String,
    pub algorithm: Algorithm,
    pub key: EncodingKey,
    /// The public key as PEM, or the shared secret.
    pub public: String,
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new(algorithm: Algorithm) -> Self {
        let generate = |kind| KeyPair::generate_for(kind).unwrap();
        let (key, public) = match algorithm {
            Algorithm::HS256 => {
                let secret = "a secret that nobody guesses, long enough";
                (EncodingKey::from_secret(secret.as_bytes()), secret.to_owned())
            }
            Algorithm::RS256 => {
                let pair = generate(&PKCS_RSA_SHA256);
                (EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap(), pair.public_key_pem())
            }
            Algorithm::ES256 => {
                let pair = generate(&PKCS_ECDSA_P256_SHA256);
                (EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(), pair.public_key_pem())
            }
            Algorithm::EdDSA => {
                let pair = generate(&PKCS_ED25519);
                (EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap(), pair.public_key_pem())
            }
            other => panic!("no keys for {other:?}"),
        };
        let folder = tempfile::tempdir().unwrap();
        Self { name: format!("https://{algorithm:?}.example.com"), algorithm, key, public, folder }
    }

    /// What a server has to be told of it, with its key in a file.
    pub fn issuer(&self) -> Issuer {
        fs::write(self.key_file(), &self.public).unwrap();
        let of_it = json!({
            "issuer": self.name, "audience": AUDIENCE, "algorithms": [self.algorithm],
            "key_file": self.key_file(),
        });
        serde_json::from_value(of_it).unwrap()
    }

    /// The same, with its keys at an address.
    pub fn issuer_at(&self, url: &str) -> Issuer {
        Issuer { key_file: None, jwks_url: Some(url.to_owned()), ..self.issuer() }
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Claims that are good for ten minutes and entitle to everything.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.name, "aud": AUDIENCE, "sub": "somebody", "exp": get_current_timestamp() + 600,
            "scope": "market account orders bots ops", "all_users": true,
        })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&Header::new(self.algorithm), claims)
    }

    pub fn sign_with(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }

    /// Its public key as a key set has it.
    pub fn jwk(&self, key_id: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(key_id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
}

/// A place where a key set is published.
pub struct KeySet {
    pub url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    fetched: Arc<AtomicUsize>,
}

impl KeySet {
    pub async fn publish(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(keys));
        let fetched = Arc::new(AtomicUsize::new(0));
        let (published, count) = (keys.clone(), fetched.clone());
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let body = json!({ "keys": *published.lock().unwrap() }).to_string();
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let mut request = [0; 4096];
                assert!(socket.read(&mut request).await.unwrap() > 0);
                socket.write_all((head + &body).as_bytes()).await.unwrap();
            }
        });
        Self { url, keys, fetched }
    }

    pub fn replace(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    /// How many times it was fetched.
    pub fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}
