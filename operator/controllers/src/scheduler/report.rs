//! The scheduler's part of an Application's status, and its Events.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{Application, ApplicationStatus},
    reference::ObjectReference,
};
use krake_operator_domain::scheduling::{Because, request::place_of};
use krake_operator_loops::{
    context::{Announcement, Context},
    status::Part,
};

use super::{
    Error, NAME,
    decide::{Outcome, Placed},
    observe::Observed,
};

const PART: Part = Part {
    manager: "krake-scheduler",
    fields: &["scheduledTo", "scheduledAt", "scheduledGeneration", "triggeredAt", "scheduling", "decision"],
    conditions: &[condition::SCHEDULED],
};

/// A cluster that fits was chosen.
const BOUND: &str = "Bound";
/// The chosen cluster is not usable, for too short a time to act on it.
const TOLERATED: &str = "ClusterUnavailable";
/// The chosen cluster is not usable, and no other fits.
const NO_ALTERNATIVE: &str = "NoAlternative";
/// There is a better place, but a safety policy forbids to move.
const WITHHELD: &str = "MigrationWithheld";
/// Somebody chose a cluster of another namespace.
const FOREIGN_CLUSTER: &str = "ForeignCluster";
/// No cluster fits.
const NO_SUITABLE_CLUSTER: &str = "NoSuitableCluster";

pub(super) async fn report(
    observed: &Observed,
    outcome: &Outcome,
    context: &Context,
    now: Timestamp,
) -> Result<(), Error> {
    let application = &*observed.application;
    let Some(claim) = claim(application, outcome) else { return Ok(()) };
    let wanted = status_after(application, outcome, &claim, now);
    let api = context.api_of(application);
    let Some(written) = PART.write(&api, application, &wanted).await.map_err(Error::Report)? else { return Ok(()) };
    context.instruments.wrote_status(NAME);
    if let Some(announcement) = turned_down(application) {
        context.announce(&written, announcement);
    }
    if let Some(announcement) = announcement(application, &wanted, &claim) {
        tracing::info!(reason = announcement.reason, "{}", announcement.note);
        context.announce(&written, announcement);
    }
    Ok(())
}

/// Whether nothing follows from an outcome: the application has its place, all of it was written, and time alone changes
/// nothing.
pub(super) fn is_settled(application: &Application, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::GoingAway => true,
        Outcome::Placed(placed) => {
            let is_told = |claim: &Claim| {
                known(application).is_some_and(|known| known.reason == claim.reason && known.message == claim.message)
            };
            placed.news.is_none()
                && placed.reconsider_after.is_none()
                && is_approved(application)
                && claim(application, outcome).as_ref().is_none_or(is_told)
        }
        Outcome::Waiting | Outcome::Withheld { .. } | Outcome::Unplaced(_) | Outcome::Refused { .. } => false,
    }
}

/// Whether it was last told that a safety policy forbids its move.
pub(super) fn is_withheld(application: &Application) -> bool {
    known(application).is_some_and(|known| known.reason == WITHHELD)
}

/// What the condition shall say; nothing if the status is no longer ours to write.
fn claim(application: &Application, outcome: &Outcome) -> Option<Claim> {
    match outcome {
        Outcome::GoingAway | Outcome::Waiting => None,
        // Nothing is known anew: what was said before stands.
        Outcome::Placed(placed) if placed.because == Because::MetricsPending && is_approved(application) => None,
        Outcome::Withheld { stays, wanted, why } => {
            let message = format!("bound to {} and not moved to {}: {}", stays.name, wanted.name, why.sentence);
            Some(Claim::yes(condition::SCHEDULED, WITHHELD, message))
        }
        Outcome::Placed(placed) => Some(placed_claim(application, placed)),
        Outcome::Unplaced(unplaced) => {
            let summary = &unplaced.news.summary;
            let kept = known(application).filter(|known| say_the_same(&known.message, summary));
            let message = kept.map_or(summary, |known| &known.message);
            Some(Claim::no(condition::SCHEDULED, NO_SUITABLE_CLUSTER, message))
        }
        Outcome::Refused { reason, message } => Some(Claim::no(condition::SCHEDULED, reason, message.clone())),
    }
}

fn status_after(application: &Application, outcome: &Outcome, claim: &Claim, now: Timestamp) -> ApplicationStatus {
    let mut status = application.status.clone().unwrap_or_default();
    let generation = application.metadata.generation;
    if place_of(application).is_none() {
        (status.scheduled_to, status.scheduled_at) = (None, None);
    }
    match outcome {
        Outcome::Placed(placed) => bind(&mut status, placed, generation, now),
        Outcome::Withheld { stays, .. } => approve(&mut status, stays, generation, now),
        Outcome::Unplaced(unplaced) => {
            status.scheduling = Some(unplaced.retries.clone());
            // Numbers alone are no news.
            let is_told = known(application).is_some_and(|known| say_the_same(&known.message, &unplaced.news.summary));
            if !is_told || status.decision.is_none() {
                status.decision = Some(unplaced.news.record.clone());
            }
        }
        Outcome::Refused { .. } => {
            status.scheduling = None;
            status.decision = None;
        }
        Outcome::Waiting | Outcome::GoingAway => {}
    }
    let scheduled = claim.clone().over(&status.conditions, generation, now);
    status.conditions.retain(|condition| condition.type_ != condition::SCHEDULED);
    status.conditions.push(scheduled);
    status
}

/// Times move only with what they are about, so that a decision that is made again writes nothing.
fn bind(status: &mut ApplicationStatus, placed: &Placed, generation: Option<i64>, now: Timestamp) {
    approve(status, &placed.cluster, generation, now);
    if let Some(news) = &placed.news {
        status.decision = Some(news.record.clone());
    }
}

fn approve(status: &mut ApplicationStatus, place: &ObjectReference, generation: Option<i64>, now: Timestamp) {
    let moved = status.scheduled_to.as_ref() != Some(place);
    if moved {
        status.scheduled_to = Some(place.clone());
        status.scheduled_at = Some(MicroTime(now));
    }
    if moved || status.scheduled_generation != generation {
        status.scheduled_generation = generation;
        status.triggered_at = Some(MicroTime(now));
    }
    status.scheduling = None;
}

/// What the condition says about a place. The summary of all clusters is that of the moment of the choice: it would
/// otherwise change with every cluster of the fleet.
fn placed_claim(application: &Application, placed: &Placed) -> Claim {
    let name = &placed.cluster.name;
    let (reason, message) = match placed.because {
        Because::Best | Because::Dwelling | Because::Pinned | Because::NothingFits | Because::MetricsPending => {
            let place = format!("bound to {name}");
            let kept = known(application).filter(|known| known.reason == BOUND && known.message.starts_with(&place));
            let summary = placed.news.as_ref().map(|news| format!("{place}: {}", news.summary));
            let kept = || kept.map_or(place, |known| known.message.clone());
            (BOUND, summary.unwrap_or_else(kept))
        }
        Because::Tolerated => (TOLERATED, format!("waiting for {name}, which is not usable at the moment")),
        Because::NoAlternative => (NO_ALTERNATIVE, format!("waiting for {name}, because no other cluster fits")),
    };
    Claim::yes(condition::SCHEDULED, reason, message)
}

/// Whether the place that it has was approved for what it says now.
fn is_approved(application: &Application) -> bool {
    let status = application.status.as_ref();
    status.is_some_and(|status| {
        status.scheduled_to.is_some() && status.scheduled_generation == application.metadata.generation
    })
}

/// Whether two texts differ in numbers at most: those of a large fleet change with every reading.
fn say_the_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.chars().filter(|character| !character.is_ascii_digit()).collect::<String>();
    words(one) == words(other)
}

fn known(application: &Application) -> Option<&Condition> {
    condition::find(&application.status.as_ref()?.conditions, condition::SCHEDULED)
}

/// What users are told: a place that was written down by somebody else, and that the application cannot have.
fn turned_down(application: &Application) -> Option<Announcement> {
    let written = application.status.as_ref()?.scheduled_to.as_ref().filter(|_| place_of(application).is_none())?;
    let (name, namespace) = (&written.name, written.namespace.as_deref().unwrap_or_default());
    let note = format!("it cannot be bound to {name} of {namespace}: clusters of other namespaces are not open to it");
    Some(Announcement::warning(FOREIGN_CLUSTER, "Scheduling", note))
}

/// What users are told: a new place, or a verdict that was another before.
fn announcement(application: &Application, wanted: &ApplicationStatus, claim: &Claim) -> Option<Announcement> {
    let moved =
        application.status.as_ref().and_then(|before| before.scheduled_to.as_ref()) != wanted.scheduled_to.as_ref();
    if !moved && known(application).is_some_and(|known| known.reason == claim.reason) {
        return None;
    }
    let (reason, message) = (claim.reason, claim.message.clone());
    Some(if reason == BOUND {
        Announcement::normal(reason, "Scheduling", message)
    } else {
        Announcement::warning(reason, "Scheduling", message)
    })
}

#[cfg(test)]
mod tests;
