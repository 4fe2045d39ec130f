//! Cluster controller: keeps every Cluster connected, and says in its status whether it is reachable and healthy. Reads
//! kubeconfigs from Secrets; the probing itself is done by `targets`, per cluster and apart from this loop.
//!
//! Woken by every change of a Cluster, of a Secret that one names, and by what the probes and node watches find. A Cluster
//! in deletion stays connected, even if its Secret is gone: its applications must still be removed from it.

mod act;
mod decide;
mod observe;
mod report;
mod wake;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use krake_crds::{
    finalizer,
    kubernetes::{Cluster, cluster::ClusterState},
};
use krake_operator_loops::{
    context::Context,
    drive::drive,
    finalizers,
    outcome::{Failure, Retry, kube_category},
};
use kube::runtime::controller::Action;

/// Name of the controller in logs and instruments.
const NAME: &str = "cluster";

/// How soon to look again at a cluster that has just come back.
const CONNECTING: Duration = Duration::from_secs(1);

/// How soon to look again at a cluster that is connected without a Secret: nothing says when its last Placement is gone.
const KEPT: Duration = Duration::from_secs(10);

/// Runs the cluster controller until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller =
        context.clusters.controller().reconcile_on(wake::by_secrets(&context)).reconcile_on(wake::by_targets(&context));
    tokio::join!(drive(NAME, controller, context.clone(), reconcile), wake::disconnect_the_gone(&context));
}

async fn reconcile(cluster: Arc<Cluster>, context: Arc<Context>) -> Result<Action, Error> {
    let cluster = guarded(cluster, &context).await?;
    let now = Timestamp::now();
    let observed = observe::observe(&cluster, &context).await?;
    let plan = decide::plan(&observed);
    let done = act::act(&plan, &observed, &context).await;
    let verdict = decide::judge(&observed, &done);
    report::report(&observed, &verdict, &context, now).await?;
    Ok(match verdict.state {
        // Only the next look says how the cluster is.
        ClusterState::Connecting => Action::requeue(CONNECTING),
        _ if matches!(plan, decide::Plan::Keep) => Action::requeue(KEPT),
        _ => Action::await_change(),
    })
}

/// A Cluster must not vanish while applications are on it, not even where another program collects garbage: our garbage
/// collector would put its finalizer on, too, but need not run.
async fn guarded(cluster: Arc<Cluster>, context: &Context) -> Result<Arc<Cluster>, Error> {
    if cluster.metadata.deletion_timestamp.is_some() {
        return Ok(cluster);
    }
    let written = finalizers::ensure(&context.api_of(&*cluster), &*cluster, finalizer::CASCADE).await;
    Ok(written.map_err(Error::Guard)?.map_or(cluster, Arc::new))
}

/// Why a Cluster could not be looked after.
#[derive(thiserror::Error, Debug)]
enum Error {
    #[error("reading the kubeconfig's Secret")]
    ReadSecret(#[source] kube::Error),
    #[error("guarding its deletion")]
    Guard(#[source] kube::Error),
    #[error("recording what was found")]
    Report(#[source] kube::Error),
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::ReadSecret(error) | Self::Guard(error) | Self::Report(error) => kube_category(error),
        }
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}
