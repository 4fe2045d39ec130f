//! What the facade was told, by flags, environment and file: complete and checked, one struct per concern.
//!
//! Made by `main` before anything else starts; `assemble` hands each part to whom it concerns. Nobody asks further on
//! where a value came from, or whether it is one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use krake_operator_process::telemetry;
use tracing::level_filters::LevelFilter;

use crate::args::Options;
use crate::config::{File, Findings, Invalid};
use krake_facade_transport::tls;

use crate::{authn, authz};

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How the REST API is served.
    pub(crate) api: Api,
    /// How users are told apart.
    pub(crate) authentication: authn::Settings,
    /// How permissions are decided.
    pub(crate) authorization: authz::Settings,
    /// How etcd is reached and written.
    pub(crate) etcd: Etcd,
    /// The management cluster, and what is done with it.
    pub(crate) management: Management,
    /// Address of `/healthz`, `/readyz` and `/metrics`.
    pub(crate) health_address: SocketAddr,
    /// What is logged, and how.
    pub(crate) log: Log,
}

impl Settings {
    /// Puts them together: the command line and the environment before the file, the file before the defaults. Also gives
    /// remarks for the log.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub(crate) fn load(mut options: Options, file: Option<&File>) -> Result<(Self, Vec<String>), Invalid> {
        let mut findings = Findings::default();
        if let Some(file) = file {
            file.explore(&mut findings, |content| options.fill(content));
        }
        let settings = options.resolve(&mut findings);
        findings.conclude(file).map(|remarks| (settings, remarks))
    }
}

/// How the REST API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// HTTPS; `None` for plain HTTP.
    pub(crate) tls: Option<tls::Settings>,
    /// Origin of the web pages that may call the API, or `*`.
    pub(crate) cors_origin: String,
    /// The page that explains problems by name; empty for none.
    pub(crate) problem_base_url: String,
}

/// How etcd is reached and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Etcd {
    /// URLs of the members of one etcd cluster; at least one.
    pub(crate) endpoints: Vec<String>,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    /// How often a change is tried again when somebody else wrote the same object.
    pub(crate) retry_transactions: u32,
}

/// The management cluster, and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Management {
    /// Whether the REST API is kept in step with the custom resources of the cluster.
    pub(crate) sync: bool,
    /// Its kubeconfig file; `None` for the service account of the pod.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Namespace of the Lease of the sync, and of the Secrets of kinds without a namespace.
    pub(crate) namespace: String,
    /// Name of this copy in the Lease and in Events.
    pub(crate) pod_name: String,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// How lines are written.
    pub(crate) format: telemetry::Format,
    /// The lowest level, unless `RUST_LOG` says otherwise.
    pub(crate) level: LevelFilter,
}

#[cfg(test)]
mod tests;
