//! Certificates in files.

use std::{fs, path::Path};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// The certificates in a PEM file, one at least. The error does not name the file.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let list = list.map_err(|error| error.to_string())?;
    if list.is_empty() { Err("no certificate in PEM".to_owned()) } else { Ok(list) }
}
