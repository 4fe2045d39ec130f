//! Garbage collector: holds a finalizer on every Cluster, and when one is deleted, deletes what depends on it first.
//!
//! A Cluster may go once no Application and no Placement needs it. Applications have no dependents of their own.

mod act;
mod decide;
mod observe;
mod report;
mod wake;

use std::{sync::Arc, time::Duration};

use krake_crds::kubernetes::Cluster;
use kube::runtime::controller::Action;

use crate::{
    context::Context,
    drive::drive,
    outcome::{CONFLICT, Failure, Retry, kube_category},
    safety,
};

/// Name of the controller in logs and instruments.
const NAME: &str = "garbage-collector";

/// How soon to look again at a deletion that is not finished, although its end should be announced.
const PENDING: Duration = Duration::from_secs(15);

/// Runs the garbage collector until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context.clusters.controller().reconcile_on(wake::by_dependents(&context));
    drive(NAME, controller, context, reconcile).await;
}

async fn reconcile(cluster: Arc<Cluster>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(&cluster, &context);
    let plan = decide::decide(&observed);
    report::report(&cluster, &plan, &context).await?;
    act::act(&observed, &plan, &context).await?;
    Ok(match plan {
        decide::Plan::Cascade { .. } => Action::requeue(PENDING),
        decide::Plan::Guard | decide::Plan::Rest | decide::Plan::Release => Action::await_change(),
    })
}

/// Why a cluster or what depends on it could not be collected.
#[derive(thiserror::Error, Debug)]
enum Error {
    /// The cache is behind.
    #[error("{0} has changed since it was seen")]
    Changed(&'static str),
    #[error("reading {0}")]
    Read(&'static str, #[source] kube::Error),
    #[error("writing the finalizer")]
    Finalizer(#[source] kube::Error),
    #[error("deleting a dependent")]
    Delete(#[source] safety::Error),
    #[error("writing the status")]
    Report(#[source] kube::Error),
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Changed(_) => CONFLICT,
            Self::Read(_, error) | Self::Finalizer(error) | Self::Report(error) => kube_category(error),
            Self::Delete(error) => error.category(),
        }
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}
