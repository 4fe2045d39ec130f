//! Scheduler: decides where each Application runs. Writes `status.scheduledTo` and the condition `Scheduled`, and nothing
//! outside of status; the application controller acts on what it finds there.
//!
//! Woken by every change of an Application, by every change of a Cluster that can matter to a decision, and by time.

mod decide;
mod observe;
mod report;
mod wake;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use krake_crds::kubernetes::Application;
use krake_operator_domain::scheduling::Policy;
use kube::runtime::controller::Action;

use self::decide::Outcome;
use crate::{
    context::{Context, Settings},
    drive::drive,
    outcome::{Failure, Retry, kube_category},
};

/// Name of the controller in logs and instruments.
const NAME: &str = "scheduler";

/// Runs the scheduler until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context.applications.controller().reconcile_on(wake::by_clusters(&context));
    drive(NAME, controller, context, reconcile).await;
}

async fn reconcile(application: Arc<Application>, context: Arc<Context>) -> Result<Action, Error> {
    let now = Timestamp::now();
    let observed = observe::observe(&application, &context);
    let outcome = decide::decide(&observed, &policy(&context.settings), now);
    report::report(&observed, &outcome, &context, now).await?;
    Ok(next_look(&outcome, context.settings.reschedule_after, now))
}

fn policy(settings: &Settings) -> Policy {
    Policy {
        reschedule_after: settings.reschedule_after,
        stickiness: settings.stickiness,
        unreachable_toleration: settings.unreachable_toleration,
    }
}

fn next_look(outcome: &Outcome, period: Duration, now: Timestamp) -> Action {
    let earlier = match outcome {
        Outcome::GoingAway | Outcome::Refused { .. } => return Action::await_change(),
        Outcome::Placed(placed) => placed.reconsider_after,
        Outcome::Unplaced(unplaced) => unplaced.due_in(now),
    };
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
