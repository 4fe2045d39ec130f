//! Garbage collector: when an object of any kind is deleted, deletes what depends on it first, and takes the finalizer
//! [`CASCADE`](krake_crds::finalizer::CASCADE) off once nothing does.
//!
//! An object depends on those that its `spec.owners` name, and on the place to which its status says it was scheduled: an
//! Application on a Cluster, a Cluster on a cloud, a `MagnumCluster` on a Project. One deleted owner is enough. Nobody is
//! asked whether an owner exists: what names one that is gone already stays. An object that claims Krake names which
//! are not its own owns nothing by name, and while two objects have the same Krake names, what names them stays, and so
//! do they.
//!
//! Owners may form diamonds. In a cycle of owners nobody can go first, and nothing is deleted for its sake: what is
//! deleted in it says so (`OwnershipCycle`) and waits until an owner is removed from one of
//! its members, or until all of them are being deleted; then they do not wait for each other. (The original forgets
//! objects of a cycle, and takes diamonds for cycles.)
//!
//! The finalizer is on every Cluster from its beginning, and on other objects from the moment when something first
//! depends on them; also on what is deleted through REST (the facade's sync puts it on before) or by this controller. It
//! stays when the last dependent goes: dependents come and go, and a deletion that nothing depends on waits for a moment
//! only. REST does not show it before the deletion. What is deleted in the moment before the finalizer is there is not
//! held; what depends on it is deleted all the same if the deletion is seen.
//!
//! Placements are not collected by owners: a Cluster goes once none is left on it, and those that no Application
//! answers for are deleted here. A Cluster whose `deletionPolicy` is `Orphan` takes no application along, whatever
//! names it; all Placements on it are deleted here, which the placement controller lets go at once.
//!
//! A deletion that waits for longer than the setting `deletion_patience` says what it waits for and which ways out there are. One that is
//! forced ([`FORCED`](krake_crds::finalizer::FORCED)) waits for nothing, and what depends on it stays.

mod act;
mod decide;
mod index;
mod kinds;
mod named;
mod observe;
mod report;
mod wake;
mod watch;

use std::{sync::Arc, time::Duration};

use futures::future;
use krake_operator_loops::{
    context::{Context, Shared},
    drive::drive_kind,
    outcome::{CONFLICT, Failure, NOT_CURRENT, Retry, kube_category},
    safety,
};
use kube::runtime::controller::Action;

use self::{
    index::{Entry, Index},
    kinds::Outline,
};

/// Name of the controller in logs and instruments.
const NAME: &str = "garbage-collector";

/// How soon to look again at a deletion that is not finished, although its end should be announced.
const PENDING: Duration = Duration::from_secs(15);

/// How long an object must not have been touched before it is looked at: each of its dependents touches it several
/// times when they go.
const QUIET: Duration = Duration::from_millis(500);

/// Runs the garbage collector until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let (index, pump) = Index::start(&context);
    let index = Arc::new(index);
    let loops = index.caches.iter().map(|cache| Box::pin(collect(cache, &index, &context)));
    future::join(pump, future::join_all(loops)).await;
}

/// One loop per kind.
async fn collect(cache: &Shared<Outline>, index: &Arc<Index>, context: &Arc<Context>) {
    let kind = cache.kind.clone();
    let controller = cache.controller_after(QUIET).reconcile_on(wake::by_dependents(index, &kind, context));
    let step = {
        let (index, kind) = (index.clone(), kind.clone());
        move |outline, context| reconcile(Entry { kind: kind.clone(), outline }, index.clone(), context)
    };
    drive_kind(NAME, kind, controller, context.clone(), step).await;
}

async fn reconcile(object: Entry, index: Arc<Index>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(object, &index, &context);
    let plan = decide::decide(&observed);
    // What cannot be said must not keep what can be done.
    let reported = report::report(&observed, &plan, &index, &context).await;
    act::act(&observed.object, &plan, &index, &context).await?;
    reported?;
    Ok(match plan {
        decide::Plan::Cascade { .. } => Action::requeue(PENDING),
        decide::Plan::Guard | decide::Plan::Rest | decide::Plan::Wait(_) | decide::Plan::Release => {
            Action::await_change()
        }
    })
}

/// Why an object or what depends on it could not be collected.
#[derive(thiserror::Error, Debug)]
enum Error {
    /// The cache is behind.
    #[error("{0} has changed since it was seen")]
    Changed(&'static str),
    /// Something may still depend on it.
    #[error("waiting to be sure that nothing depends on it")]
    Unsure(#[source] decide::Doubt),
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
            Self::Unsure(decide::Doubt::Incomplete(_)) => NOT_CURRENT,
            Self::Unsure(decide::Doubt::Contested(_)) => "contested",
            Self::Read(_, error) | Self::Finalizer(error) | Self::Report(error) => kube_category(error),
            Self::Delete(error) => error.category(),
        }
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}

#[cfg(test)]
mod tests;
