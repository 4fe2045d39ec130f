//! Flags and environment of the operator. What comes out of here needs no further check.

use std::{
    net::{AddrParseError, IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use anyhow::{Result, ensure};
use clap::{Args as ClapArgs, Parser, ValueEnum};
use krake_operator_loops::Settings;
use krake_operator_process::telemetry;

/// Runs Krake's controllers against a management cluster.
///
/// Any number of copies may run: one of them holds the Lease `krake-operator` and works, the others stand by.
/// The flag before the environment variable, the variable before the default.
#[derive(Parser, Clone, Debug)]
#[command(name = "krake-operator", version)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) management: Management,
    #[command(flatten)]
    pub(crate) scheduling: Scheduling,
    #[command(flatten)]
    pub(crate) metrics: Metrics,
    #[command(flatten)]
    pub(crate) api: Api,
    /// Lets the kubeconfigs of target clusters lead to loopback and link-local addresses. Whoever may create a Cluster could
    /// then have the operator call what listens on its own host only. For clusters on the same machine, such as those of
    /// kind and minikube.
    #[arg(long, env = "KRAKE_ALLOW_LOCAL_TARGETS")]
    pub(crate) allow_local_targets: bool,
    /// Address, with port, of `/healthz`, `/readyz` and `/metrics`. Port 0 takes a free one.
    #[arg(long, env = "KRAKE_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub(crate) health_address: SocketAddr,
    /// How log lines are written, to standard error. `RUST_LOG` says which; default `info`.
    #[arg(long, env = "KRAKE_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: telemetry::Format,
    /// Which controllers run in this process, separated by commas. Default: all. `application` needs a `placement`
    /// somewhere: it deploys what the other one asks for, and lets it go again.
    #[arg(long, env = "KRAKE_CONTROLLERS", value_enum, value_delimiter = ',', default_values_t = Controller::ALL)]
    pub(crate) controllers: Vec<Controller>,
}

/// How the management cluster is reached, and where the operator keeps its own things there.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Management {
    /// Kubeconfig file of the management cluster. Default: the service account of the pod.
    #[arg(long, env = "KRAKE_KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Namespace of the Lease `krake-operator`; it must exist.
    #[arg(long, env = "KRAKE_NAMESPACE", default_value = "krake-system")]
    pub(crate) namespace: String,
    /// Name of this copy in the Lease and in Events, usually the pod's.
    #[arg(long, env = "POD_NAME", default_value = "krake-operator")]
    pub(crate) pod_name: String,
}

/// How applications are placed.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Scheduling {
    /// Least seconds that a placed application stays on a cluster that fits, however much better another one becomes. At
    /// least 1. Whatever changes is looked at as soon as it changes, not in this period.
    #[arg(long, env = "KRAKE_RESCHEDULE_AFTER_SECONDS", default_value_t = 60)]
    pub(crate) reschedule_after_seconds: u64,
    /// Weight of staying where an application is, against the sum of the weights of the metrics. At least 0.
    #[arg(long, env = "KRAKE_STICKINESS", default_value_t = 0.1)]
    pub(crate) stickiness: f64,
    /// Seconds for which a cluster may be unreachable before its applications look for another one.
    #[arg(long, env = "KRAKE_UNREACHABLE_TOLERATION_SECONDS", default_value_t = 300)]
    pub(crate) unreachable_toleration_seconds: u64,
    /// Seconds that a new copy may take to become ready before a move is given up, where an application does not say it
    /// itself. At least 1.
    #[arg(long, env = "KRAKE_PROGRESS_DEADLINE_SECONDS", default_value_t = 600)]
    pub(crate) progress_deadline_seconds: u64,
}

/// The operator's own HTTP API, which explains decisions and makes plans.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Api {
    /// Address, with port, of the API that explains where applications are and plans what would happen if. Port 0 takes a
    /// free one; an empty text turns it off. It speaks plain HTTP and takes bearer tokens, so it is for the network inside
    /// of a cluster, and for nothing else.
    #[arg(long, env = "KRAKE_API_ADDRESS", default_value = "0.0.0.0:8082")]
    pub(crate) api_address: ApiAddress,
    /// IP address under which others, such as the REST facade, reach this API. It stands, with the port, in the annotation
    /// `krake.dev/api` of the Lease of the copy that leads. Default: that of --api-address, if it is a single one.
    #[arg(long, env = "POD_IP", value_name = "IP")]
    pub(crate) api_advertise: Option<IpAddr>,
}

/// Where the API is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiAddress {
    /// Nowhere.
    Off,
    /// Here.
    At(SocketAddr),
}

impl FromStr for ApiAddress {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        if text.is_empty() { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

/// How metrics are read.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Metrics {
    /// Seconds between two reads of a metric. At least 1.
    #[arg(long, env = "KRAKE_METRICS_INTERVAL_SECONDS", default_value_t = 10)]
    pub(crate) metrics_interval_seconds: u64,
    /// Seconds for which the last value of a metric counts while its provider does not answer.
    #[arg(long, env = "KRAKE_METRICS_MAX_AGE_SECONDS", default_value_t = 60)]
    pub(crate) metrics_max_age_seconds: u64,
}

/// The controllers that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Controller {
    /// Chooses a cluster for each application, and a cloud for each cluster that is to be built.
    Scheduler,
    /// Makes and removes placements so that each application runs where it was scheduled.
    Application,
    /// Applies placements to their target clusters and observes them.
    Placement,
    /// Connects to target clusters and observes their nodes.
    Cluster,
    /// Reads metrics from their providers, and says whether they could be read.
    Metrics,
    /// Deletes what depends on a deleted object before the object, for every kind.
    GarbageCollector,
}

impl Controller {
    const ALL: [Self; 6] =
        [Self::Scheduler, Self::Application, Self::Placement, Self::Cluster, Self::Metrics, Self::GarbageCollector];
}

impl Args {
    /// The settings of the controllers.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let Scheduling {
            reschedule_after_seconds,
            stickiness,
            unreachable_toleration_seconds,
            progress_deadline_seconds,
        } = self.scheduling;
        let Metrics { metrics_interval_seconds, metrics_max_age_seconds } = self.metrics;
        ensure!(reschedule_after_seconds >= 1, "--reschedule-after-seconds must be at least 1");
        ensure!(stickiness >= 0.0 && stickiness.is_finite(), "--stickiness must be at least 0");
        ensure!(progress_deadline_seconds >= 1, "--progress-deadline-seconds must be at least 1");
        ensure!(metrics_interval_seconds >= 1, "--metrics-interval-seconds must be at least 1");
        Ok(Settings {
            reschedule_after: Duration::from_secs(reschedule_after_seconds),
            stickiness,
            unreachable_toleration: Duration::from_secs(unreachable_toleration_seconds),
            progress_deadline: Duration::from_secs(progress_deadline_seconds),
            metrics_interval: Duration::from_secs(metrics_interval_seconds),
            metrics_max_age: Duration::from_secs(metrics_max_age_seconds),
            allow_local_targets: self.allow_local_targets,
            namespace: self.management.namespace.clone(),
            ..Settings::default()
        })
    }
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
    fn all_controllers_run_unless_some_are_named() {
        let all = Args::try_parse_from(["krake-operator"]).unwrap();
        assert_eq!(all.controllers, Controller::ALL);
        let some = Args::try_parse_from(["krake-operator", "--controllers", "scheduler,garbage-collector"]).unwrap();
        assert_eq!(some.controllers, [Controller::Scheduler, Controller::GarbageCollector]);
    }

    #[test]
    fn the_api_can_be_turned_off() {
        let address = |args: &[&str]| Args::try_parse_from(args).unwrap().api.api_address;
        assert_eq!(address(&["krake-operator"]), ApiAddress::At("0.0.0.0:8082".parse().unwrap()));
        assert_eq!(address(&["krake-operator", "--api-address="]), ApiAddress::Off);
        assert!(Args::try_parse_from(["krake-operator", "--api-address=here"]).is_err());
    }

    #[test]
    fn targets_on_the_operators_own_host_must_be_asked_for() {
        let allows = |args: &[&str]| Args::try_parse_from(args).unwrap().settings().unwrap().allow_local_targets;
        assert!(!allows(&["krake-operator"]));
        assert!(allows(&["krake-operator", "--allow-local-targets"]));
    }

    #[test]
    fn a_negative_stickiness_is_refused() {
        let args = Args::try_parse_from(["krake-operator", "--stickiness=-1"]).unwrap();
        assert!(args.settings().is_err());
    }
}
