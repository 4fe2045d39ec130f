//! The client for the management cluster, and the TLS provider it needs.
//!
//! Used by `assemble.rs` of both binaries. Clients for target clusters are built elsewhere, with stricter rules:
//! the kubeconfig read here is the operator's own, not a user's.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError},
};

/// A TCP and TLS handshake within one cluster takes milliseconds; five seconds means that nobody answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bounds a stuck send. There is no read timeout on purpose: it would cut quiet watches.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no client for the management cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig file cannot be read or names things it does not hold.
    #[error("reading the kubeconfig {path}")]
    ReadKubeconfig {
        /// The file that was asked for.
        path: PathBuf,
        /// What is wrong with it.
        source: KubeconfigError,
    },
    /// No kubeconfig was given and this is not a pod with a service account.
    #[error("reading the pod's service account (outside a pod, name a kubeconfig)")]
    ReadServiceAccount(#[source] InClusterError),
    /// The credentials or certificates cannot be used.
    #[error("building the client for the management cluster")]
    BuildClient(#[source] kube::Error),
}

/// Makes ring the TLS provider of this process. Call it before the first client; further calls change nothing.
pub fn install_crypto() {
    // The only error is that a provider is installed already, which is what we want.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A client for the cluster named by the kubeconfig file, or for the cluster this pod runs in.
///
/// The client never retries by itself and never uses a proxy; every call still needs its own deadline.
///
/// # Errors
/// See [`Error`]; all of them are mistakes in the set-up, so retrying does not help.
pub async fn client(kubeconfig: Option<&Path>) -> Result<Client, Error> {
    Client::try_from(config(kubeconfig).await?).map_err(Error::BuildClient)
}

/// The configuration that [`client`] uses, for whoever needs the default namespace or a second client.
///
/// # Errors
/// [`Error::ReadKubeconfig`] or [`Error::ReadServiceAccount`].
pub async fn config(kubeconfig: Option<&Path>) -> Result<Config, Error> {
    let mut config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => Config::incluster().map_err(Error::ReadServiceAccount)?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    config.read_timeout = None;
    config.default_retry = false;
    config.proxy_url = None;
    Ok(config)
}

async fn from_file(path: &Path) -> Result<Config, Error> {
    let refused = |source| Error::ReadKubeconfig { path: path.to_owned(), source };
    let kubeconfig = Kubeconfig::read_from(path).map_err(refused)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named_in_the_error() {
        let error = config(Some(Path::new("no/such/kubeconfig"))).await.unwrap_err();
        assert!(matches!(error, Error::ReadKubeconfig { path, .. } if path.ends_with("no/such/kubeconfig")));
    }

    #[test]
    fn installing_the_provider_twice_is_harmless() {
        install_crypto();
        install_crypto();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}
