//! The management cluster and the sync: flags, keys of the file and defaults. The original knows neither.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::value;
use crate::config::Section;
use crate::settings;

pub(super) const SYNC: bool = true;
pub(super) const NAMESPACE: &str = "krake-system";
pub(super) const POD_NAME: &str = "krake-api-facade";

/// Whether the sync runs, and how the management cluster is reached.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "Management cluster")]
pub(crate) struct Management {
    /// Whether the REST API is kept in step with the custom resources of a management cluster: on (changes go both
    /// ways) or off (the REST API stands alone).
    ///
    /// Default: on. In the file: `management.sync`.
    #[arg(long, env = "KRAKE_SYNC", value_name = "on|off", value_parser = value::switch)]
    sync: Option<bool>,
    /// Kubeconfig file of the management cluster. Only read for the sync, for token review and by `detach`.
    ///
    /// Default: the service account of the pod. In the file: `management.kubeconfig`.
    #[arg(long, env = "KRAKE_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Namespace of the Lease `krake-api-facade-sync`, and of the Secrets of kinds without a namespace; it must exist. The
    /// operator's Lease is looked for there, too: it says whom to ask for explanations and plans.
    ///
    /// Default: krake-system. In the file: `management.namespace`.
    #[arg(long, env = "KRAKE_NAMESPACE", value_parser = value::filled)]
    namespace: Option<String>,
    /// Name of this copy in the Lease and in Events, usually the pod's.
    ///
    /// Default: krake-api-facade. In the file: `management.pod_name`.
    #[arg(long, env = "POD_NAME", value_name = "NAME", value_parser = value::filled)]
    pod_name: Option<String>,
}

impl Management {
    /// Takes from the section `management` what the command line left open.
    pub(super) fn fill(&mut self, file: &mut Section<'_>) {
        file.parse("sync", &mut self.sync, value::switch);
        file.string("kubeconfig", &mut self.kubeconfig, value::path);
        file.string("namespace", &mut self.namespace, value::filled);
        file.string("pod_name", &mut self.pod_name, value::filled);
    }

    /// What is left open has its default.
    pub(super) fn resolve(self) -> settings::Management {
        let Self { sync, kubeconfig, namespace, pod_name } = self;
        settings::Management {
            sync: sync.unwrap_or(SYNC),
            kubeconfig,
            namespace: namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
            pod_name: pod_name.unwrap_or_else(|| POD_NAME.to_owned()),
        }
    }
}
