//! The scheduler's second loop: decides on which cloud each Cluster is built that has no kubeconfig. Writes
//! `status.scheduledTo` and the condition `Scheduled`, and nothing outside of status; whoever builds clusters acts on what
//! it finds there.
//!
//! A cloud is chosen once. Only if it is gone before anything was built there, another is chosen. Krake gives up at the first
//! failure; here `spec.backoff` holds as for applications, and a cluster that was given up gets the first cloud that fits.

mod decide;
mod observe;
mod report;
mod wake;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use krake_crds::kubernetes::Cluster;
use krake_operator_domain::backoff;
use krake_operator_loops::{
    context::Context,
    drive::drive,
    outcome::{Failure, Retry, kube_category},
};
use kube::runtime::controller::Action;

use self::decide::Outcome;

/// Name of the controller in logs and instruments.
const NAME: &str = "cloud-scheduler";

/// How soon to look again while metrics are being read; whoever reads them wakes us before.
const WAITING: Duration = Duration::from_secs(1);

/// Runs the loop until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context.clusters.controller().reconcile_on(wake::by_clouds(&context));
    drive(NAME, controller, context, reconcile).await;
}

async fn reconcile(cluster: Arc<Cluster>, context: Arc<Context>) -> Result<Action, Error> {
    let now = Timestamp::now();
    let observed = observe::observe(&cluster, &context).await?;
    let outcome = decide::decide(&observed, now);
    report::report(&cluster, &outcome, &context, now).await?;
    Ok(next_look(&outcome, now))
}

fn next_look(outcome: &Outcome, now: Timestamp) -> Action {
    match outcome {
        Outcome::Waiting => Action::requeue(WAITING),
        Outcome::Unplaced { retries, .. } => {
            backoff::due_in(retries, now).map_or_else(Action::await_change, Action::requeue)
        }
        Outcome::GoingAway | Outcome::NotNeeded | Outcome::Bound(_) | Outcome::Refused { .. } => Action::await_change(),
    }
}

/// Why a cloud could not be chosen.
#[derive(thiserror::Error, Debug)]
enum Error {
    #[error("looking for the cloud that was chosen")]
    FindCloud(#[source] kube::Error),
    #[error("recording the decision")]
    Report(#[source] kube::Error),
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::FindCloud(error) | Self::Report(error) => kube_category(error),
        }
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}

#[cfg(test)]
mod tests;
