//! Placement controller: makes a target hold what a Placement says, keeps it that way, and removes it again. The only
//! controller that changes anything on a target.
//!
//! Everything is recorded in the inventory before it is applied, and the finalizer stays until nothing of the inventory
//! is left, so that no interruption leaves anything behind; unless a deletion policy says that it stays. Woken by every change of a Placement, by watches on the
//! targets, by a cluster that answers again, and by time.

mod act;
mod by_uid;
mod decide;
#[cfg(test)]
mod example;
mod frozen;
mod observe;
mod patience;
mod progress;
mod report;
mod setbacks;
mod trouble;
mod wake;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use krake_crds::{
    finalizer,
    kubernetes::{Placement, placement::WorkloadState},
};
use krake_operator_domain::backoff::{DEPLOYMENT, Next};
use krake_operator_loops::{
    context::Context,
    drive::drive,
    finalizers,
    outcome::{Attempts, Failure, Retry, kube_category},
};
use kube::{
    ResourceExt,
    runtime::controller::{Action, Config},
};

pub(crate) use self::report::CLUSTER_UNREACHABLE;
use self::{
    act::{Done, Round, Settled},
    decide::Restraint,
    observe::Reach,
    patience::Patience,
    progress::Progress,
    setbacks::{Setback, Setbacks},
    trouble::Trouble,
};

/// Name of the controller in logs and instruments.
const NAME: &str = "placement";

/// Placements reconciled at once. Many, because they mostly wait for targets; how many may wait for the same one is
/// limited by `targets`.
const CONCURRENCY: u16 = 256;

/// How soon to look again when nobody knows yet whether the cluster answers; its first answer wakes us before.
const UNKNOWN: Duration = Duration::from_secs(5);

/// How soon to look again at a deletion that is not finished, although a watch should announce its end.
const PENDING: Duration = Duration::from_secs(2);

/// How soon to come back to a cluster that is busy.
const BUSY: Duration = Duration::from_millis(300);

/// How soon to ask again for a removal that is not permitted now, if nobody says.
const WITHHELD: Duration = Duration::from_secs(30);

/// How long a target is changed before it is said how far that is.
const ROUND: Duration = Duration::from_secs(30);

/// What must be left of the deadline of a reconcile when one more object is taken in hand: looking up its kind and writing
/// it may take 45 s, and then it is still to be reported.
const LAST_OBJECT: Duration = Duration::from_secs(50);

/// How soon to look again at objects whose changes nobody tells, and how soon while their workloads are starting.
const UNWATCHED: Duration = Duration::from_secs(15);
const UNWATCHED_START: Duration = Duration::from_secs(5);

/// What is remembered between two looks at a Placement. All of it only delays; nothing is decided by it.
#[derive(Default)]
struct Memory {
    /// Failures to reach or to clean a target in a row, by uid of the Placement.
    failures: Attempts<String>,
    /// Failures to deploy in a row.
    setbacks: Setbacks,
    /// Corrections of drift.
    patience: Patience,
    /// What was applied in attempts that go on or have failed.
    progress: Progress,
}

/// Runs the placement controller until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context
        .placements
        .controller()
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(wake::by_targets(&context))
        .reconcile_on(wake::by_lost_clusters(&context))
        .reconcile_on(wake::by_policies(&context));
    let memory = Arc::new(Memory::default());
    drive(NAME, controller, context, move |placement, context| reconcile(placement, context, memory.clone())).await;
}

async fn reconcile(placement: Arc<Placement>, context: Arc<Context>, memory: Arc<Memory>) -> Result<Action, Error> {
    let over = Instant::now() + context.settings.reconcile_deadline;
    if !is_guarded(&placement, &context).await? {
        return Ok(Action::await_change());
    }
    let reach = observe::reach(&placement, &context).await?;
    match reach {
        Reach::Busy => return Ok(Action::requeue(BUSY)),
        Reach::Unknown => return Ok(Action::requeue(UNKNOWN)),
        Reach::Reached(_) | Reach::Unreachable { .. } | Reach::Gone | Reach::Foreign { .. } => {}
    }
    let observed = observe::observe(&placement, &reach, &context).await?;
    let now = Instant::now();
    let restraint =
        Restraint { patience: memory.patience.left(&placement, now), setback: memory.setbacks.left(&placement, now) };
    let plan = decide::plan(observed, restraint);
    let placement = report::record(&placement, &plan, &reach, &context).await?;
    let until = (Instant::now() + ROUND).min(over.checked_sub(LAST_OBJECT).unwrap_or(over));
    let round = Round { progress: &memory.progress, until };
    let done = act::act(plan, &placement, &reach, (&context, round)).await?;
    let setback = note(&placement, &done, &memory);
    let workload = report::report(&placement, &done, setback, &context).await?;
    next_look(&placement, (done, workload), (setback, restraint), (&context, &memory))
}

/// Takes note of how a deployment went. What is not there yet, or does not answer, is not a failure.
fn note(placement: &Placement, done: &Done, memory: &Memory) -> Option<Setback> {
    let now = Instant::now();
    match done {
        Done::Settled(Settled { is_held: true, .. }) => None,
        Done::Settled(Settled { trouble: Some(trouble), .. }) if trouble.code().is_some() => {
            memory.progress.failed(placement, now);
            Some(memory.setbacks.failed(placement, now))
        }
        Done::Settled(Settled { trouble: Some(Trouble::NotServedYet(_)), .. }) | Done::Waited { .. } => {
            memory.progress.failed(placement, now);
            None
        }
        Done::Settled(Settled { trouble: None, .. }) | Done::Released => {
            memory.setbacks.forget(placement);
            memory.progress.forget(placement);
            None
        }
        Done::Settled(_) | Done::Removing { .. } | Done::Withheld(_) => None,
    }
}

/// Whether there is something to do: the finalizer is there before anything else happens, and when it is gone from an
/// object in deletion, so is everything else.
async fn is_guarded(placement: &Placement, context: &Context) -> Result<bool, Error> {
    if placement.metadata.deletion_timestamp.is_some() {
        return Ok(finalizers::holds(placement, finalizer::PLACEMENT));
    }
    let added = finalizers::ensure(&context.api_of(placement), placement, finalizer::PLACEMENT).await;
    // The write itself wakes us again.
    Ok(added.map_err(Error::Finalizer)?.is_none())
}

/// When to look again.
fn next_look(
    placement: &Placement,
    (done, workload): (Done, Option<WorkloadState>),
    (setback, restraint): (Option<Setback>, Restraint),
    (context, memory): (&Context, &Memory),
) -> Result<Action, Error> {
    let uid = placement.uid().unwrap_or_default();
    let period = period(&done, workload, context.settings.drift_check_interval);
    let (trouble, otherwise) = match done {
        Done::Released => {
            memory.patience.forget(placement);
            (None, Action::await_change())
        }
        Done::Removing { trouble, .. } => (trouble, Action::requeue(PENDING)),
        Done::Withheld(withheld) => (None, Action::requeue(withheld.retry_after.unwrap_or(WITHHELD))),
        // The cluster's next answered probe wakes us; the period is for a wake-up that was lost.
        Done::Waited { trouble, .. } => (trouble, Action::requeue(period)),
        // Goes on at once.
        Done::Settled(Settled { trouble: Some(Trouble::Unfinished { .. }), .. }) => {
            (None, Action::requeue(Duration::ZERO))
        }
        Done::Settled(settled) => {
            if settled.has_applied && decide::is_current(placement) {
                memory.patience.corrected(placement, Instant::now());
            }
            let held = settled.is_held.then_some(restraint.setback).flatten();
            let withheld = settled.withheld.map(|withheld| withheld.retry_after.unwrap_or(WITHHELD));
            let pending = (settled.is_pruning && withheld.is_none()).then_some(PENDING);
            let waits = [pending, settled.contested, held, withheld];
            let soonest = waits.into_iter().flatten().fold(period, Duration::min);
            (settled.trouble, Action::requeue(soonest))
        }
    };
    let Some(trouble) = trouble else {
        memory.failures.forget(&uid);
        return Ok(otherwise);
    };
    let again = match setback {
        Some(Setback { next: Next::Retry { after, .. }, .. }) => after.min(period),
        // Health is looked after all the same.
        Some(Setback { next: Next::GiveUp, .. }) => period,
        None => DEPLOYMENT.after(memory.failures.failed(uid).0),
    };
    Err(Error::Deploy { trouble, again })
}

/// After how long to look again if nothing is announced: `otherwise`, unless nobody announces anything.
fn period(done: &Done, workload: Option<WorkloadState>, otherwise: Duration) -> Duration {
    match done {
        Done::Settled(settled) if !settled.unwatched.is_empty() => {
            let is_starting = workload == Some(WorkloadState::Progressing);
            otherwise.min(if is_starting { UNWATCHED_START } else { UNWATCHED })
        }
        _ => otherwise,
    }
}

/// Why a Placement is not where it should be.
#[derive(thiserror::Error, Debug)]
enum Error {
    #[error("adding the finalizer")]
    Finalizer(#[source] kube::Error),
    #[error("checking whether the cluster is still registered")]
    ReadCluster(#[source] kube::Error),
    #[error("asking what becomes of the application")]
    ReadApplication(#[source] kube::Error),
    #[error("recording the inventory")]
    Record(#[source] kube::Error),
    #[error("recording what was done")]
    Report(#[source] kube::Error),
    #[error("releasing the finalizer")]
    Release(#[source] kube::Error),
    #[error("deploying")]
    Deploy {
        #[source]
        trouble: Trouble,
        again: Duration,
    },
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Finalizer(error)
            | Self::ReadCluster(error)
            | Self::ReadApplication(error)
            | Self::Record(error)
            | Self::Report(error)
            | Self::Release(error) => kube_category(error),
            Self::Deploy { trouble, .. } => trouble.category(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Finalizer(_)
            | Self::ReadCluster(_)
            | Self::ReadApplication(_)
            | Self::Record(_)
            | Self::Report(_)
            | Self::Release(_) => Retry::Soon,
            Self::Deploy { again, .. } => Retry::After(*again),
        }
    }
}

#[cfg(test)]
mod tests;
