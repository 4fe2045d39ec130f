//! Flags and environment of the facade. What comes out of here needs no further check.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, value_parser};
use krake_operator_process::telemetry;

use crate::authz::Authorization;

/// Serves Krake's REST API from etcd, and keeps it in step with the custom resources of the management cluster.
///
/// Any number of copies may run on one etcd: all of them serve, and the one that holds the Lease
/// `krake-api-facade-sync` runs the sync.
/// The flag before the environment variable, the variable before the default.
#[derive(Parser, Clone, Debug)]
#[command(name = "krake-api-facade", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) api: Api,
    #[command(flatten)]
    pub(crate) etcd: Etcd,
    #[command(flatten)]
    pub(crate) management: Management,
    /// Address, with port, of `/healthz`, `/readyz` and `/metrics`. Port 0 takes a free one.
    #[arg(long, env = "KRAKE_HEALTH_ADDRESS", default_value = "0.0.0.0:9444")]
    pub(crate) health_address: SocketAddr,
    /// How log lines are written, to standard error. `RUST_LOG` says which; default `info`.
    #[arg(long, env = "KRAKE_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: telemetry::Format,
}

/// What to do instead of serving.
#[derive(Subcommand, Clone, Copy, Debug)]
pub(crate) enum Command {
    /// Take the facade's finalizer off every custom resource, before the facade is removed for good; stop all copies
    /// first. Needs --kubeconfig or the service account of the pod.
    Detach,
}

/// How the REST API behaves.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Api {
    /// Address, with port, of the REST API. Port 0 takes a free one. Everybody who reaches it may use it.
    #[arg(long, env = "KRAKE_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Who may do what.
    #[arg(long, env = "KRAKE_AUTHORIZATION", value_enum, default_value_t)]
    pub(crate) authorization: Authorization,
    /// Origin of the web pages that may call the API from a browser, such as `https://example.com`; `*` for all.
    #[arg(long, env = "KRAKE_CORS_ORIGIN", default_value = "*")]
    pub(crate) cors_origin: String,
    /// The page that explains problems by name, named in error answers; empty for none.
    #[arg(
        long,
        env = "KRAKE_PROBLEM_BASE_URL",
        default_value = "https://rak-n-rok.readthedocs.io/projects/krake/en/latest/user/problem.html"
    )]
    pub(crate) problem_base_url: String,
    /// How often a change is tried again, before the client is told, when somebody else wrote the same object at the same
    /// moment. 0 to 100.
    #[arg(long, env = "KRAKE_RETRY_TRANSACTIONS", default_value_t = 1, value_parser = value_parser!(u32).range(0..=100))]
    pub(crate) retry_transactions: u32,
}

/// How etcd is reached.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Etcd {
    /// URLs of the members of one etcd cluster, separated by commas. It may be down when the facade starts.
    #[arg(long, env = "KRAKE_ETCD_ENDPOINTS", value_delimiter = ',', default_value = "http://127.0.0.1:2379")]
    pub(crate) etcd_endpoints: Vec<String>,
    /// Seconds one call to etcd may take. 1 to 60.
    #[arg(long, env = "KRAKE_ETCD_TIMEOUT_SECONDS", default_value_t = 5, value_parser = value_parser!(u64).range(1..=60))]
    pub(crate) etcd_timeout_seconds: u64,
}

impl Etcd {
    /// How long one call may take.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.etcd_timeout_seconds)
    }
}

/// Whether the sync runs, and how the management cluster is reached then.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Management {
    /// Whether the REST API is kept in step with the custom resources of a management cluster.
    #[arg(long, env = "KRAKE_SYNC", value_enum, default_value_t)]
    pub(crate) sync: Sync,
    /// Kubeconfig file of the management cluster. Default: the service account of the pod. Not read with `--sync off`.
    #[arg(long, env = "KRAKE_KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Namespace of the Lease `krake-api-facade-sync`; it must exist.
    #[arg(long, env = "KRAKE_NAMESPACE", default_value = "krake-system")]
    pub(crate) namespace: String,
    /// Name of this copy in the Lease and in Events, usually the pod's.
    #[arg(long, env = "POD_NAME", default_value = "krake-api-facade")]
    pub(crate) pod_name: String,
}

/// Whether the sync runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sync {
    /// Changes go both ways between the REST API and the custom resources.
    #[default]
    On,
    /// The REST API stands alone; no management cluster is needed.
    Off,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn several_members_of_etcd_are_separated_by_commas() {
        let args = Args::try_parse_from(["krake-api-facade", "--etcd-endpoints", "http://a:1,http://b:2"]).unwrap();
        assert_eq!(args.etcd.etcd_endpoints, ["http://a:1", "http://b:2"]);
    }

    #[test]
    fn a_call_to_etcd_needs_some_time() {
        assert!(Args::try_parse_from(["krake-api-facade", "--etcd-timeout-seconds", "0"]).is_err());
    }
}
