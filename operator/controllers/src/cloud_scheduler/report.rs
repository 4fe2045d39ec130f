//! The scheduler's part of a Cluster's status, and its Events.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{Cluster, ClusterStatus},
    reference::ObjectReference,
};
use krake_operator_loops::{
    context::{Announcement, Context},
    status::Part,
};

use super::{
    Error, NAME,
    decide::{Bound, Outcome},
};

const PART: Part = Part {
    manager: "krake-scheduler",
    fields: &["scheduledTo", "scheduledAt", "scheduling"],
    conditions: &[condition::SCHEDULED],
};

/// A cloud that fits was chosen.
const BOUND: &str = "Bound";
/// No cloud fits.
const NO_SUITABLE_CLOUD: &str = "NoSuitableCloud";
/// One of the constraints is not in the constraint language.
const INVALID_CONSTRAINT: &str = "InvalidConstraint";

pub(super) async fn report(
    cluster: &Cluster,
    outcome: &Outcome,
    context: &Context,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(wanted) = status_after(cluster, outcome, now) else { return Ok(()) };
    let written = PART.write(&context.api_of(cluster), cluster, &wanted).await.map_err(Error::Report)?;
    let Some(written) = written else { return Ok(()) };
    context.instruments.wrote_status(NAME);
    if let Some(announcement) = announcement(cluster, &wanted) {
        tracing::info!(reason = announcement.reason, "{}", announcement.note);
        context.announce(&written, announcement);
    }
    Ok(())
}

/// The status that follows; nothing if it stays as it is. Times move only with what they are about, so that a decision that
/// is made again writes nothing.
fn status_after(cluster: &Cluster, outcome: &Outcome, now: Timestamp) -> Option<ClusterStatus> {
    let mut status = cluster.status.clone().unwrap_or_default();
    let claim = match outcome {
        Outcome::GoingAway | Outcome::Waiting => return None,
        Outcome::NotNeeded => {
            status.scheduling = None;
            None
        }
        Outcome::Bound(bound) => {
            status.scheduling = None;
            Some(bind(&mut status, bound, now))
        }
        Outcome::Unplaced { summary, retries } => {
            unbind(&mut status);
            status.scheduling = Some(retries.clone());
            Some(Claim::no(condition::SCHEDULED, NO_SUITABLE_CLOUD, summary))
        }
        Outcome::Refused { message } => {
            unbind(&mut status);
            status.scheduling = None;
            Some(Claim::no(condition::SCHEDULED, INVALID_CONSTRAINT, message))
        }
    };
    let said = claim.map(|claim| claim.over(&status.conditions, cluster.metadata.generation, now));
    status.conditions.retain(|condition| condition.type_ != condition::SCHEDULED);
    status.conditions.extend(said);
    Some(status)
}

fn bind(status: &mut ClusterStatus, bound: &Bound, now: Timestamp) -> Claim {
    let ObjectReference { kind, name, .. } = &bound.cloud;
    let place = format!("bound to {kind} {name}");
    let message = match &bound.summary {
        Some(summary) => format!("{place}: {summary}"),
        None => kept(&status.conditions, &place).unwrap_or(place),
    };
    if status.scheduled_to.as_ref() != Some(&bound.cloud) {
        status.scheduled_to = Some(bound.cloud.clone());
        status.scheduled_at = Some(MicroTime(now));
    }
    Claim::yes(condition::SCHEDULED, BOUND, message)
}

/// What was said when the place was chosen.
fn kept(conditions: &[Condition], place: &str) -> Option<String> {
    let known = condition::find(conditions, condition::SCHEDULED)?;
    let rest = known.message.strip_prefix(place)?;
    (known.reason == BOUND && rest.starts_with(':')).then(|| known.message.clone())
}

/// A cloud that is gone is no place.
fn unbind(status: &mut ClusterStatus) {
    status.scheduled_to = None;
    status.scheduled_at = None;
}

/// What users are told: a place, or a verdict that was another before.
fn announcement(cluster: &Cluster, wanted: &ClusterStatus) -> Option<Announcement> {
    let before = cluster.status.as_ref();
    let said = condition::find(&wanted.conditions, condition::SCHEDULED)?;
    let known = before.and_then(|status| condition::find(&status.conditions, condition::SCHEDULED));
    let place = before.and_then(|status| status.scheduled_to.as_ref());
    if place == wanted.scheduled_to.as_ref() && known.is_some_and(|known| known.reason == said.reason) {
        return None;
    }
    let message = said.message.clone();
    Some(match said.reason.as_str() {
        BOUND => Announcement::normal(BOUND, "Scheduling", message),
        INVALID_CONSTRAINT => Announcement::warning(INVALID_CONSTRAINT, "Scheduling", message),
        _ => Announcement::warning(NO_SUITABLE_CLOUD, "Scheduling", message),
    })
}

#[cfg(test)]
mod tests;
