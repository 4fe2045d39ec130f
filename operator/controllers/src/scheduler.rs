//! Scheduler: decides where each Application runs. Writes `status.scheduledTo` and the condition `Scheduled`, and nothing
//! outside of status; the application controller acts on what it finds there.
//!
//! Woken by every change of an Application, by every change of a Cluster that can matter to a decision, and by time.

mod decide;
mod observe;
mod record;
mod report;
mod wake;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use krake_crds::kubernetes::Application;
use krake_operator_loops::{
    context::Context,
    drive::drive,
    outcome::{Failure, Retry, kube_category},
    safety::{self, Act},
};
use kube::{ResourceExt, runtime::controller::Action};

use self::decide::Outcome;

/// Name of the controller in logs and instruments.
const NAME: &str = "scheduler";

/// Period after which an application is looked at although nothing has changed that matters to it: a net, because every
/// such change wakes us. Krake, whose scheduler is not told of changes, looks every `reschedule_after`.
const SAFETY_NET: Duration = Duration::from_mins(30);

/// How soon to look again while metrics are being read; whoever reads them wakes us before.
const WAITING: Duration = Duration::from_secs(1);

/// Runs the scheduler until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context.applications.controller().reconcile_on(wake::by_candidates(&context));
    drive(NAME, controller, context, reconcile).await;
}

async fn reconcile(application: Arc<Application>, context: Arc<Context>) -> Result<Action, Error> {
    let now = Timestamp::now();
    let observed = observe::observe(&application, &context);
    let outcome = decide::decide(&observed, &context.policy(), now);
    let outcome = permitted(outcome, &application, &context);
    report::report(&observed, &outcome, &context, now).await?;
    Ok(next_look(&outcome, context.settings.reschedule_after, now))
}

/// A move needs the permission of the safety policies; without it, the application stays for now.
fn permitted(outcome: Outcome, application: &Application, context: &Context) -> Outcome {
    let Outcome::Placed(placed) = outcome else { return outcome };
    let Some(left) = decide::left_behind(application, &placed) else { return Outcome::Placed(placed) };
    let (namespace, uid) = (application.namespace().unwrap_or_default(), application.uid().unwrap_or_default());
    match safety::permit(context, Act::Migrate, &namespace, &uid) {
        Ok(()) => Outcome::Placed(placed),
        Err(withheld) => Outcome::Withheld { stays: left.clone(), wanted: placed.cluster, why: withheld },
    }
}

fn next_look(outcome: &Outcome, period: Duration, now: Timestamp) -> Action {
    let earlier = match outcome {
        Outcome::GoingAway | Outcome::Refused { .. } => return Action::await_change(),
        Outcome::Waiting => Some(WAITING),
        Outcome::Withheld { why, .. } => why.retry_after,
        Outcome::Placed(placed) => placed.reconsider_after,
        Outcome::Unplaced(unplaced) => unplaced.due_in(now),
    };
    let period = period.max(SAFETY_NET);
    Action::requeue(earlier.map_or(period, |earlier| earlier.min(period)))
}

/// Why a decision could not be recorded.
#[derive(thiserror::Error, Debug)]
enum Error {
    #[error("recording the decision")]
    Report(#[source] kube::Error),
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Report(error) => kube_category(error),
        }
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}
