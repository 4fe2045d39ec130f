//! From files to what rustls needs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt;

use super::Settings;
use super::version_four::{self, VersionFour};

/// A bundle of all the world's authorities is a quarter of this.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Tells contents apart without keeping a private key.
pub(super) type Digest = [u8; 32];

/// Why there is no HTTPS.
#[derive(thiserror::Error, Debug)]
pub enum Error {
    /// A file is missing, too long, or not ours to read.
    #[error("reading {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A file of certificates is damaged.
    #[error("{path} is not PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A file of certificates holds something else.
    #[error("{path} holds no certificate: it should have a section BEGIN CERTIFICATE for each")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file of the key holds something else. What, is not said: it may be a key after all.
    #[error("{path} holds no private key: it should have a section BEGIN PRIVATE KEY, in PEM and not encrypted")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of a kind that is not supported, or that of another certificate.
    #[error("the key in {key} cannot be used with the first certificate in {certificate}: it should be its own")]
    WrongKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// An authority has a certificate that cannot be read.
    #[error("{path} holds a certificate that cannot be the one of an authority for clients")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
}

impl Error {
    /// Stands for the content of files that cannot be read.
    pub(super) fn digest(&self) -> Digest {
        Sha256::digest(self.to_string()).into()
    }
}

/// What is in the files.
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    /// Reads all of them.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) async fn read(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            certificate: read(&settings.certificate).await?,
            key: read(&settings.key).await?,
            client_ca: match &settings.client_ca {
                Some(path) => Some(read(path).await?),
                None => None,
            },
        })
    }

    /// Differs where any of the contents does.
    pub(super) fn digest(&self) -> Digest {
        let contents = [&self.certificate, &self.key].into_iter().chain(&self.client_ca);
        let digests = contents.fold(Sha256::new(), |all, content| all.chain_update(Sha256::digest(content)));
        digests.finalize().into()
    }

    /// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1.
    ///
    /// # Errors
    /// All but [`Error::Read`].
    pub(super) fn config(&self, settings: &Settings) -> Result<ServerConfig, Error> {
        let (certificate, key) = (&settings.certificate, &settings.key);
        let wrong_key = |source| Error::WrongKey { key: key.clone(), certificate: certificate.clone(), source };
        let chain = certificates(&self.certificate, certificate)?;
        if chain.is_empty() {
            return Err(Error::NoCertificate { path: certificate.clone() });
        }
        let secret = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| Error::NoKey { path: key.clone() })?;
        let builder = ServerConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().map_err(wrong_key)?;
        let builder = match self.client_ca.as_deref().zip(settings.client_ca.as_deref()) {
            Some((content, path)) => builder.with_client_cert_verifier(verifier(content, path)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, secret).map_err(wrong_key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut content = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let length = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).await.map_err(failed)?;
    if length as u64 > MAX_FILE_BYTES {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB")));
    }
    Ok(content)
}

fn certificates(content: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Result<_, _> = CertificateDer::pem_slice_iter(content).collect();
    certificates.map_err(|source| Error::Pem { path: path.to_owned(), source })
}

/// Accepts clients without a certificate as well.
fn verifier(content: &[u8], path: &Path) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(content, path)? {
        authorities.add(certificate).map_err(|source| Error::Authority { path: path.to_owned(), source })?;
    }
    let provider = version_four::provider().into();
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities.into(), provider).allow_unauthenticated();
    // Without lists of what was revoked, an empty file is all that can be wrong.
    let verifier = verifier.build().map_err(|_| Error::NoCertificate { path: path.to_owned() })?;
    Ok(Arc::new(VersionFour(verifier)))
}
