//! TLS to clients.

use std::{fmt, fs, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    access::{Certificate, Digest},
    config, pem,
    transport::Io,
};

/// How a listener's connections are encrypted.
pub(super) struct Tls {
    files: config::Tls,
    settings: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the files of a certificate.
    pub(super) fn read(files: &config::Tls) -> Result<Self, String> {
        Ok(Self { files: files.clone(), settings: ArcSwap::new(settings(files)?) })
    }

    /// Reads them again. What is in force stays so until that is taken over.
    pub(super) fn read_again(&self) -> Result<Arc<ServerConfig>, String> {
        settings(&self.files)
    }

    /// Takes over what was read again.
    pub(super) fn adopt(&self, settings: Arc<ServerConfig>) {
        self.settings.store(settings);
    }

    /// Greets a client.
    pub(super) async fn accept(
        &self,
        socket: Box<dyn Io>,
    ) -> std::io::Result<(Box<dyn Io>, Option<Certificate>)> {
        let stream = TlsAcceptor::from(self.settings.load_full()).accept(socket).await?;
        let certificate = certificate(&stream);
        Ok((Box::new(stream), certificate))
    }
}

/// What the client's certificate, which was verified, is known by.
fn certificate(stream: &TlsStream<Box<dyn Io>>) -> Option<Certificate> {
    let der = stream.get_ref().1.peer_certificates()?.first()?;
    let parsed = webpki::EndEntityCert::try_from(der).ok()?;
    let names = parsed.valid_dns_names().map(str::to_owned).collect();
    Some(Certificate { digest: Digest::of(der), names })
}

fn settings(files: &config::Tls) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in pem::certificates(file).map_err(|error| of_file(file, &error))? {
                roots.add(certificate).map_err(|error| of_file(file, &error))?;
            }
            // A client may also log in by a token.
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                .allow_unauthenticated()
                .build();
            builder.with_client_cert_verifier(verifier.map_err(|error| error.to_string())?)
        }
    };
    let chain = pem::certificates(&files.certificate).map_err(|error| of_file(&files.certificate, &error))?;
    let key = fs::read(&files.key).map_err(|error| of_file(&files.key, &error))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| of_file(&files.key, &error))?;
    let config = builder.with_single_cert(chain, key);
    config.map(Arc::new).map_err(|error| of_file(&files.certificate, &error))
}

fn of_file(file: &Path, error: &dyn fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
