//! What follows from the facts: a place, another attempt later, or a refusal.

use std::time::Duration;

use jiff::Timestamp;
use krake_crds::{
    condition,
    kubernetes::{
        Application,
        application::{Decision as Record, Scheduling},
    },
    reference::ObjectReference,
};
use krake_operator_domain::{
    backoff,
    scheduling::{
        self, Because, Decision, Policy,
        eligibility::{self, Ineligible},
        request::place_of,
    },
};
use krake_operator_loops::safety::Withheld;

use super::{observe::Observed, record};

/// What the scheduler says about an application.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is going away, or its cluster is and takes it along: nobody looks for a place any more.
    GoingAway,
    /// It has this place, and what its spec asks for may be deployed there.
    Placed(Placed),
    /// Nothing is known yet about the metrics of a cluster that might fit.
    Waiting,
    /// There is a better place, but it must not be moved now.
    Withheld {
        /// The place that it keeps.
        stays: ObjectReference,
        /// The better one.
        wanted: ObjectReference,
        /// Why not.
        why: Withheld,
    },
    /// There is no place for it now. One that it has already, it keeps.
    Unplaced(Unplaced),
    /// It cannot be scheduled before its spec changes.
    Refused {
        /// Reason of the condition.
        reason: &'static str,
        /// Sentence for people.
        message: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) cluster: ObjectReference,
    pub(super) because: Because,
    pub(super) reconsider_after: Option<Duration>,
    /// What is to be told, if the place is a new one.
    pub(super) news: Option<News>,
}

/// What is told of a decision: one line, and the details.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct News {
    pub(super) summary: String,
    pub(super) record: Record,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unplaced {
    pub(super) news: News,
    /// The attempts that are left; without a next one there are none.
    pub(super) retries: Scheduling,
}

impl Unplaced {
    /// How long it is until the next attempt is counted.
    pub(super) fn due_in(&self, now: Timestamp) -> Option<Duration> {
        backoff::due_in(&self.retries, now)
    }
}

/// The application is a TOSCA template or a CSAR archive, which nobody translates yet.
pub(super) const NOT_SUPPORTED_YET: &str = "NotSupportedYet";
/// One of the constraints is not in the constraint language.
pub(super) const INVALID_CONSTRAINT: &str = "InvalidConstraint";

pub(super) fn decide(observed: &Observed, policy: &Policy, now: Timestamp) -> Outcome {
    let application = &*observed.application;
    let request = match eligibility::request(application, &observed.candidates) {
        Ok(request) => request,
        Err(Ineligible::GoingAway) => return Outcome::GoingAway,
        Err(refused @ Ineligible::NotTranslated) => {
            return Outcome::Refused { reason: NOT_SUPPORTED_YET, message: refused.sentence() };
        }
        Err(refused @ Ineligible::Constraint(_)) => {
            return Outcome::Refused { reason: INVALID_CONSTRAINT, message: refused.sentence() };
        }
    };
    let decision = scheduling::decide(&request, &observed.candidates, policy, now);
    let news = || News { summary: decision.summary(), record: record::of(&decision, now) };
    let Decision { chosen, because, reconsider_after, .. } = decision;
    match chosen {
        Some(cluster) => {
            let news = (place_of(application) != Some(cluster)).then(news);
            Outcome::Placed(Placed { cluster: cluster.clone(), because, reconsider_after, news })
        }
        None if because == Because::MetricsPending => Outcome::Waiting,
        None => Outcome::Unplaced(Unplaced { news: news(), retries: retries(application, now) }),
    }
}

/// The place that the application would leave, if it had to move. To go back to where it still runs is none: that move
/// was permitted and has failed.
pub(super) fn left_behind<'a>(application: &'a Application, placed: &Placed) -> Option<&'a ObjectReference> {
    let running = application.status.as_ref().and_then(|status| status.running_on.as_ref());
    place_of(application).filter(|place| **place != placed.cluster && running != Some(&placed.cluster))
}

/// The attempts that are left after this failed one.
fn retries(application: &Application, now: Timestamp) -> Scheduling {
    let before = application.status.as_ref().and_then(|status| status.scheduling.as_ref());
    backoff::attempts_left(&application.spec.backoff, before.filter(|_| failed_before(application)), now)
}

/// Whether this generation of the spec has failed to be scheduled before. A new one starts over.
fn failed_before(application: &Application) -> bool {
    let conditions = application.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::SCHEDULED).is_some_and(|scheduled| {
        scheduled.status == "False" && scheduled.observed_generation == application.metadata.generation
    })
}

#[cfg(test)]
mod tests;
