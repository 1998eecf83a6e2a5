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
        if let Some(file) = &self.client_ca
            && let Err(error) = pem::certificates(file)
        {
            return Some(format!("{key}.client_ca: {}: {error}", file.display()));
        }
        let (name, fault) = check_pair(&self.certificate, &self.key).err()?;
        Some(format!("{key}.{name}: {fault}"))
    }
}

/// Whether the files of a certificate and of its key are what they should be. If not, which one is not, and why.
pub(super) fn check_pair(certificate: &Path, key: &Path) -> Result<(), (&'static str, String)> {
    let of = |file: &Path, error: &dyn fmt::Display| format!("{}: {error}", file.display());
    let of_certificate = |error: &dyn fmt::Display| ("certificate", of(certificate, error));
    let of_key = |error: &dyn fmt::Display| ("key", of(key, error));
    let chain = pem::certificates(certificate).map_err(|error| of_certificate(&error))?;
    let bytes = fs::read(key).map_err(|error| of_key(&error))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| of_key(&"no private key in PEM; one with a password cannot be read"))?;
    match CertifiedKey::from_der(chain, private, &rustls::crypto::aws_lc_rs::default_provider()) {
        Ok(_) => Ok(()),
        Err(InconsistentKeys(_)) => {
            Err(of_key(&format_args!("it is not the key of {}", certificate.display())))
        }
        Err(error) => Err(of_certificate(&error)),
    }
}
