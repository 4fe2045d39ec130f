//! Kubeconfigs that users give us: checked before anything acts on them.
//!
//! A kubeconfig can name programs to run, files to read and proxies to go through. All of these would act on the
//! operator's own host with the operator's own rights, so everything but inline credentials is refused, with a sentence
//! that says what would be right. The check is pure; only [`Kubeconfig::config`] looks at certificates.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use kube::config::{AuthInfo, Cluster, Config, KubeConfigOptions, Kubeconfig as File, KubeconfigError};
use sha2::{Digest, Sha256};
use url::{Host, Url};

/// Real kubeconfigs with two certificates have about 6 kB; a Secret could hold 1 MiB.
const MAX_BYTES: usize = 128 * 1024;

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a blocked write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A kubeconfig that passed every check. Its `Debug` output shows no credentials.
#[derive(Clone)]
pub struct Kubeconfig {
    file: File,
    context: String,
    default_namespace: String,
    server_host: String,
    is_local: bool,
    hash: Hash,
}

/// Identifies a kubeconfig's text without revealing it.
pub(crate) type Hash = [u8; 32];

/// Why a kubeconfig is not accepted. `Display` says what is wrong and what would be right, and never quotes the file.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Larger than any real kubeconfig.
    #[error("the kubeconfig has {0} bytes; at most {MAX_BYTES} are accepted")]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("the kubeconfig is not text; it must be YAML or JSON in UTF-8")]
    NotText,
    /// Not a kubeconfig at all. The parser's own message is left out because it quotes the file.
    #[error("the kubeconfig is not readable{}; it must be YAML or JSON with clusters, users and contexts",
        .line.map(|line| format!(" near line {line}")).unwrap_or_default())]
    NotReadable {
        /// Where the parser stopped, if it said so.
        line: Option<u64>,
    },
    /// Not exactly one of the things that must be unique.
    #[error("the kubeconfig has {found} {what}; it must have exactly one context, one user and one cluster")]
    NotExactlyOne {
        /// `contexts`, `users` or `clusters`.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// The context names a user or cluster that is not there.
    #[error("the context names the {what} {name:?}, which the kubeconfig does not have; name its only {what}")]
    DanglingContext {
        /// `user` or `cluster`.
        what: &'static str,
        /// The name that dangles.
        name: String,
    },
    /// The address of the API server is missing or unusable.
    #[error("the cluster has no usable server address; give an https:// URL, or http:// on a loopback address")]
    BadServer,
    /// The address of the API server is one of the operator's own host.
    #[error(
        "the cluster's server is on a loopback or link-local address, and so on the operator's own host; give an \
        address at which others reach it too, or start the operator with --allow-local-targets"
    )]
    LocalServer,
    /// A field that would make the operator run, read or trust something it must not.
    #[error("the kubeconfig uses {field}, which {danger}; {instead}")]
    Forbidden {
        /// Name of the field as in the file.
        field: &'static str,
        /// What it would do.
        danger: &'static str,
        /// What would be right.
        instead: &'static str,
    },
    /// Inline certificates or keys that cannot be decoded.
    #[error("the kubeconfig's inline certificates or keys cannot be decoded; they must be base64 of PEM text")]
    BadCredentials,
}

impl Kubeconfig {
    /// Reads a kubeconfig as it lies in a Secret.
    ///
    /// # Errors
    /// The [`Refusal`] says which rule it breaks; nothing changes until the text does.
    pub fn from_bytes(text: &[u8]) -> Result<Self, Refusal> {
        if text.len() > MAX_BYTES {
            return Err(Refusal::TooLarge(text.len()));
        }
        std::str::from_utf8(text).map_err(|_| Refusal::NotText)?.parse()
    }

    /// This kubeconfig, unless its server is on the operator's own host and that `is_local_allowed` is not. Users of Krake
    /// have no business with what listens there, such as the services that hand out the credentials of a machine. Names
    /// are not resolved, except for `localhost`: a server behind one must prove by its certificate that it is meant.
    ///
    /// # Errors
    /// [`Refusal::LocalServer`].
    pub fn admitted(self, is_local_allowed: bool) -> Result<Self, Refusal> {
        if self.is_local && !is_local_allowed { Err(Refusal::LocalServer) } else { Ok(self) }
    }

    /// The namespace for objects that name none: that of the context, else `default`.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// The host of the API server's address, without port and without the brackets of an IPv6 address.
    #[must_use]
    pub fn server_host(&self) -> &str {
        &self.server_host
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }

    /// The client configuration, with our own limits instead of kube's.
    pub(crate) async fn config(self) -> Result<Config, KubeconfigError> {
        let options = KubeConfigOptions { context: Some(self.context), cluster: None, user: None };
        let mut config = Config::from_custom_kubeconfig(self.file, &options).await?;
        if config.cluster_url.scheme_str() == Some("http") {
            config.root_cert = Some(Vec::new()); // otherwise the system's authorities are loaded, and never used
        }
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.write_timeout = Some(WRITE_TIMEOUT);
        config.read_timeout = None; // it would cut watches; every call has a deadline of its own
        config.default_retry = false; // retries belong to the reconciler
        config.proxy_url = None; // otherwise the proxy of our own process applies
        Ok(config)
    }
}

impl FromStr for Kubeconfig {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_BYTES {
            return Err(Refusal::TooLarge(text.len()));
        }
        let file = File::from_yaml(text).map_err(|error| Refusal::NotReadable { line: line_of(&error) })?;
        let (context_name, context) = only("contexts", &file.contexts, |c| (c.name.clone(), c.context.clone()))?;
        let (user_name, user) = only("users", &file.auth_infos, |u| (u.name.clone(), u.auth_info.clone()))?;
        let (cluster_name, cluster) = only("clusters", &file.clusters, |c| (c.name.clone(), c.cluster.clone()))?;
        let context = context.unwrap_or_default();
        if context.cluster != cluster_name {
            return Err(Refusal::DanglingContext { what: "cluster", name: context.cluster });
        }
        if let Some(name) = context.user.filter(|name| *name != user_name) {
            return Err(Refusal::DanglingContext { what: "user", name });
        }
        check_user(&user.unwrap_or_default())?;
        let (server_host, is_local) = check_cluster(&cluster.unwrap_or_default())?;
        let default_namespace = context.namespace.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".into());
        let hash = Sha256::digest(text.as_bytes()).into();
        Ok(Self { file, context: context_name, default_namespace, server_host, is_local, hash })
    }
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubeconfig")
            .field("server_host", &self.server_host)
            .field("default_namespace", &self.default_namespace)
            .finish_non_exhaustive()
    }
}

fn line_of(error: &KubeconfigError) -> Option<u64> {
    match error {
        KubeconfigError::Parse(error) => error.location().map(|location| location.line()),
        _ => None,
    }
}

fn only<T, U>(what: &'static str, list: &[T], take: impl Fn(&T) -> U) -> Result<U, Refusal> {
    match list {
        [one] => Ok(take(one)),
        _ => Err(Refusal::NotExactlyOne { what, found: list.len() }),
    }
}

fn check_user(user: &AuthInfo) -> Result<(), Refusal> {
    const RUNS: &str = "would run a program on the operator's host";
    const READS: &str = "would read a file on the operator's host";
    const ACTS: &str = "would act in somebody else's name";
    const TOKEN: &str = "use the token or client certificate of a service account";
    const INLINE: &str = "put the credentials inline (token, client-certificate-data, client-key-data)";
    const DIRECT: &str = "use the credentials of the account itself";
    let rules = [
        (user.exec.is_some(), "exec", RUNS, TOKEN),
        (user.auth_provider.is_some(), "auth-provider", RUNS, TOKEN),
        (user.token_file.is_some(), "tokenFile", READS, INLINE),
        (user.client_certificate.is_some(), "client-certificate", READS, INLINE),
        (user.client_key.is_some(), "client-key", READS, INLINE),
        (user.impersonate.is_some(), "as", ACTS, DIRECT),
        (user.impersonate_uid.is_some(), "as-uid", ACTS, DIRECT),
        (user.impersonate_groups.is_some(), "as-groups", ACTS, DIRECT),
        (user.impersonate_user_extra.is_some(), "as-user-extra", ACTS, DIRECT),
    ];
    forbid(&rules)
}

/// The host of the server, and whether that is the operator's own.
fn check_cluster(cluster: &Cluster) -> Result<(String, bool), Refusal> {
    let rules = [
        (
            cluster.certificate_authority.is_some(),
            "certificate-authority",
            "would read a file on the operator's host",
            "put the certificate inline as certificate-authority-data",
        ),
        (
            cluster.proxy_url.is_some(),
            "proxy-url",
            "would send the credentials through a third party",
            "make the API server reachable directly",
        ),
        (
            cluster.insecure_skip_tls_verify == Some(true),
            "insecure-skip-tls-verify",
            "would accept any server as this cluster",
            "put the certificate authority inline as certificate-authority-data",
        ),
    ];
    forbid(&rules)?;
    let server = cluster.server.as_deref().unwrap_or_default();
    server_host(server).zip(is_local(server)).ok_or(Refusal::BadServer)
}

fn forbid(rules: &[(bool, &'static str, &'static str, &'static str)]) -> Result<(), Refusal> {
    match rules.iter().find(|(broken, ..)| *broken) {
        Some(&(_, field, danger, instead)) => Err(Refusal::Forbidden { field, danger, instead }),
        None => Ok(()),
    }
}

/// The host of an acceptable server address. Plain HTTP would show the credentials to the network, so it is accepted
/// on loopback only.
fn server_host(server: &str) -> Option<String> {
    let uri: http::Uri = server.parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_acceptable = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback,
        _ => false,
    };
    is_acceptable.then(|| bare.to_owned())
}

/// Whether a server address is one of the operator's own host, however it is written: `2130706433` is 127.0.0.1.
fn is_local(server: &str) -> Option<bool> {
    let is_local = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    };
    let is_localhost = |name: &str| {
        let name = name.trim_end_matches('.');
        name == "localhost" || name.ends_with(".localhost")
    };
    let url = Url::parse(server).ok()?;
    Some(match url.host()? {
        Host::Ipv4(address) => is_local(address.into()),
        Host::Ipv6(address) => is_local(address.into()),
        Host::Domain(name) => is_localhost(name),
    })
}

#[cfg(test)]
mod tests;
