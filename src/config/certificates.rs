//! Whether the files of certificates are what they should be.

use std::{fmt, fs, path::Path};

use rustls::{
    Error::InconsistentKeys,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};

use super::{Listen, Tls};
use crate::pem;

impl Listen {
    /// What is wrong with the files of certificates, as sentences with their keys.
    pub(crate) fn faults_of_files(&self) -> Vec<String> {
        let also = self.also.iter().enumerate();
        let also = also.map(|(index, place)| (format!("listen.also.{index}.tls"), &place.tls));
        let all = std::iter::once(("listen.tls".to_owned(), &self.tls)).chain(also);
        all.filter_map(|(key, tls)| tls.as_ref()?.fault(&key)).collect()
    }
}

impl Tls {
    fn fault(&self, key: &str) -> Option<String> {
        let of = |name: &str, file: &Path, error: &dyn fmt::Display| {
            Some(format!("{key}.{name}: {}: {error}", file.display()))
        };
        if let Some(file) = &self.client_ca
            && let Err(error) = pem::certificates(file)
        {
            return of("client_ca", file, &error);
        }
        let chain = match pem::certificates(&self.certificate) {
            Ok(chain) => chain,
            Err(error) => return of("certificate", &self.certificate, &error),
        };
        let bytes = match fs::read(&self.key) {
            Ok(bytes) => bytes,
            Err(error) => return of("key", &self.key, &error),
        };
        let Ok(private) = PrivateKeyDer::from_pem_slice(&bytes) else {
            return of("key", &self.key, &"no private key in PEM; one with a password cannot be read");
        };
        match CertifiedKey::from_der(chain, private, &rustls::crypto::aws_lc_rs::default_provider()) {
            Ok(_) => None,
            Err(InconsistentKeys(_)) => {
                of("key", &self.key, &format!("it is not the key of {}", self.certificate.display()))
            }
            Err(error) => of("certificate", &self.certificate, &error),
        }
    }
}
