//! Application controller: makes and removes the Placements of an Application so that it runs where the scheduler put
//! it, without a gap when it moves, and sums up in status what they report.
//!
//! It acts on `status.scheduledTo` once the scheduler has approved the current generation, and touches no target
//! cluster: that is the placement controller's.
//!
//! ```text
//! scheduledTo = B, runningOn = A:  Placement on B → Ready → runningOn = B → Placement on A removed
//!                                                 → not Ready in time → migration.avoided = B → scheduledTo = A
//! ```

mod act;
mod copy;
mod decide;
mod desired;
#[cfg(test)]
mod example;
mod observe;
mod report;
mod rollback;
mod summary;
mod wake;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use krake_crds::kubernetes::Application;
use krake_operator_loops::{
    context::Context,
    drive::drive,
    outcome::{CONFLICT, Failure, Retry, kube_category},
    safety,
};
use kube::runtime::controller::Action;

/// Name of the controller in logs and instruments.
const NAME: &str = "application";

/// Field manager of everything that this controller writes.
const MANAGER: &str = "krake-application";

/// Period after which an application is looked at although nothing was announced: a net for lost wake-ups.
const SAFETY_NET: Duration = Duration::from_mins(30);

/// The same while something is awaited.
const PENDING: Duration = Duration::from_secs(15);

/// Runs the application controller until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context.applications.controller();
    let controller = controller
        .reconcile_on(wake::by_placements(&context))
        .reconcile_on(wake::by_clusters(&context))
        .reconcile_on(wake::by_policies(&context));
    drive(NAME, controller, context, reconcile).await;
}

async fn reconcile(application: Arc<Application>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(&application, &context);
    let now = Timestamp::now();
    let plan = decide::decide(&observed, now);
    let done = act::act(&observed, &plan, &context).await;
    report::report(&plan, &done, &context, now).await?;
    done.result.map(|()| Action::requeue(next_look(&observed, &plan, now)))
}

fn next_look(observed: &observe::Observed, plan: &decide::Plan, now: Timestamp) -> Duration {
    let period = if decide::is_settled(observed, plan) { SAFETY_NET } else { PENDING };
    let left = plan.deadline.map(|deadline| Duration::try_from(deadline.duration_since(now)).unwrap_or_default());
    left.map_or(period, |left| left.min(period))
}

/// Why an application could not be brought closer to what it should be.
#[derive(thiserror::Error, Debug)]
enum Error {
    /// Somebody wrote the object since it was seen, or the cache is behind.
    #[error("{0} has changed since it was seen")]
    Changed(&'static str),
    #[error("reading {0}")]
    Read(&'static str, #[source] kube::Error),
    #[error("writing the finalizer")]
    Finalizer(#[source] kube::Error),
    #[error("writing the Placement on {0}")]
    Place(String, #[source] kube::Error),
    #[error("removing the Placement on {0}")]
    Remove(String, #[source] safety::Error),
    #[error("writing the status")]
    Report(#[source] kube::Error),
}

impl Error {
    /// Why a removal must not happen now, if that is the trouble.
    fn withheld(&self) -> Option<&safety::Withheld> {
        match self {
            Self::Remove(_, safety::Error::Withheld(withheld)) => Some(withheld),
            _ => None,
        }
    }
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Changed(_) => CONFLICT,
            Self::Read(_, error) | Self::Finalizer(error) | Self::Place(_, error) | Self::Report(error) => {
                kube_category(error)
            }
            Self::Remove(_, error) => error.category(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Remove(_, error) => error.retry(),
            _ => Retry::Soon,
        }
    }
}

#[cfg(test)]
mod tests;
