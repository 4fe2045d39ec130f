//! HTTPS: which certificate is shown, and whose certificates are accepted. Source: section 6.6 of the REST contract.
//!
//! Clients are asked for a certificate where there are authorities to check it against, and need not have one. A
//! certificate that does not chain to an authority ends the handshake; what a good one proves is for the caller to say.
//! Without authorities clients are not asked. (The original asks even then, and drops whoever answers.)
//!
//! Stricter than the original, as rustls is: certificates of version 1 and certificates of authorities are no client
//! certificates, and RSA keys have 2048 bits or more. Hook certificates of the original are let through: see
//! `version_four`.

mod files;
mod version_four;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

pub use self::files::Error;
use self::files::{Digest, Files};

/// How often the files are looked at. Certificates are renewed days before they end.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// The files that make HTTPS. All are PEM, and all are read again when their content changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server's certificate, followed by the intermediate certificates up to, and without, the root.
    pub certificate: PathBuf,
    /// The private key of the certificate; not encrypted.
    pub key: PathBuf,
    /// Certificates of the authorities that clients' certificates must chain to; `None` to ask clients for none.
    pub client_ca: Option<PathBuf>,
}

/// HTTPS with what was in the files when they last were good.
#[derive(Debug)]
pub struct Tls {
    settings: Settings,
    config: watch::Sender<Arc<ServerConfig>>,
    loaded: Digest,
}

impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// See [`Error`]; each says which file is wrong, and what would be right.
    pub async fn load(settings: Settings) -> Result<Self, Error> {
        let files = Files::read(&settings).await?;
        let config = watch::Sender::new(files.config(&settings)?.into());
        Ok(Self { loaded: files.digest(), settings, config })
    }

    /// Shakes hands with a client; takes as long as the client does.
    ///
    /// # Errors
    /// If the client does not speak TLS, or shows a certificate that no authority stands for.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let config = self.config.borrow().clone();
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Takes changed files into use, for connections from then on, until stopped.
    pub async fn follow(&self, interval: Duration, stop: CancellationToken) {
        let mut seen = self.loaded;
        while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            seen = self.look(seen).await;
        }
    }

    /// Bad files change nothing, and are reported once per content.
    async fn look(&self, seen: Digest) -> Digest {
        let files = Files::read(&self.settings).await;
        let digest = files.as_ref().map_or_else(Error::digest, Files::digest);
        if digest == seen {
            return seen;
        }
        match files.and_then(|files| files.config(&self.settings)) {
            Ok(config) => {
                self.config.send_replace(config.into());
                tracing::info!("taking changed certificates into use");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "changed certificates cannot be used, keeping those of before");
            }
        }
        digest
    }
}

#[cfg(test)]
mod authority;
#[cfg(test)]
mod tests;
