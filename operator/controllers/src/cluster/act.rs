//! Connects and disconnects a cluster, and reads what the probes have found so far.

use std::error::Error as _;

use krake_operator_loops::context::Context;
use krake_operator_targets::ClusterView;

use super::{decide::Plan, observe::Observed};

/// How the connection is now.
pub(super) enum Done {
    /// There is one; this is what is known through it.
    Connected(ClusterView),
    /// There is none, because there must not be one, or because there was none to keep.
    Disconnected,
    /// None could be made with this kubeconfig.
    NotConnectable,
}

pub(super) async fn act(plan: &Plan<'_>, observed: &Observed, context: &Context) -> Done {
    match plan {
        Plan::Connect(kubeconfig) => match context.targets.connect(&observed.key, kubeconfig).await {
            Ok(()) => Done::Connected(context.targets.view(&observed.key).unwrap_or_default()),
            Err(error) => {
                tracing::debug!(error = error.source(), "kubeconfig not usable");
                Done::NotConnectable
            }
        },
        Plan::Keep => context.targets.view(&observed.key).map_or(Done::Disconnected, Done::Connected),
        Plan::Disconnect => {
            context.targets.disconnect(&observed.key);
            Done::Disconnected
        }
    }
}
