//! The status of a Placement, all of which is this controller's, and its Events.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{
        Application, Placement, PlacementStatus,
        placement::{InventoryEntry, WorkloadState},
    },
    reason::Reason,
};
use krake_operator_domain::{
    health::{self, Health},
    manifest::Identity,
    service,
};
use kube::ResourceExt;

use super::{
    Error, NAME,
    act::{Done, Settled},
    decide::{Plan, is_current},
    trouble::Trouble,
};
use crate::{
    context::{Announcement, Context},
    status::Part,
};

const PART: Part = Part {
    manager: "krake-placement",
    fields: &["observedGeneration", "reason", "inventory", "services", "containerHealth", "workload"],
    conditions: &[condition::READY, condition::APPLIED, condition::HEALTHY, condition::DELETING],
};

/// The target holds the manifest.
const APPLIED: &str = "Applied";
/// Somebody else keeps changing what was applied.
const CONTESTED: &str = "Contested";
/// Nothing was applied yet.
const PENDING: &str = "Pending";
/// The target does not answer; what was said before is the last that is known.
const CLUSTER_UNREACHABLE: &str = "ClusterUnreachable";
/// Deletion is under way.
const REMOVING: &str = "Removing";
/// The objects have been applied, but not in this generation.
const NOT_APPLIED: &str = "NotApplied";

const CONTESTED_MESSAGE: &str =
    "the manifest was applied, but somebody else keeps changing it; it is corrected at growing intervals";

/// How many objects a message names.
const NAMED: usize = 5;

/// Records everything that the plan may put on the target, before it does. Answers the Placement as it is then.
pub(super) async fn record(placement: &Placement, plan: &Plan, context: &Context) -> Result<Placement, Error> {
    let Plan::Converge(converge) = plan else { return Ok(placement.clone()) };
    let mut status = placement.status.clone().unwrap_or_default();
    let inventory = converge.inventory();
    if inventory.iter().all(|entry| is_recorded(entry, &status.inventory)) {
        return Ok(placement.clone());
    }
    status.inventory = inventory;
    let now = Timestamp::now();
    for type_ in [condition::READY, condition::APPLIED, condition::HEALTHY] {
        if condition::find(&status.conditions, type_).is_none() {
            let pending = Claim::unknown(type_, PENDING, "the manifest is being applied for the first time");
            status.conditions.push(pending.over(&[], placement.metadata.generation, now));
        }
    }
    let written = PART.write(&context.api_of(placement), placement, &status).await.map_err(Error::Record)?;
    context.instruments.wrote_status(NAME);
    Ok(written.unwrap_or_else(|| placement.clone()))
}

fn is_recorded(entry: &InventoryEntry, recorded: &[InventoryEntry]) -> bool {
    recorded.iter().any(|known| Identity::of_entry(known) == Identity::of_entry(entry))
}

pub(super) async fn report(placement: &Placement, done: &Done, context: &Context, now: Timestamp) -> Result<(), Error> {
    let Some(status) = status_after(placement, done, now) else { return Ok(()) };
    let written = PART.write(&context.api_of(placement), placement, &status).await.map_err(Error::Report)?;
    if let Some(written) = written {
        context.instruments.wrote_status(NAME);
        if let Some(announcement) = announcement(placement, &status) {
            context.announce(&written, announcement).await;
        }
    }
    Ok(())
}

/// The status that follows; nothing when there is no object left to have one.
fn status_after(placement: &Placement, done: &Done, now: Timestamp) -> Option<PlacementStatus> {
    let before = placement.status.clone().unwrap_or_default();
    match done {
        Done::Released => None,
        Done::Waited { why, .. } => Some(after_waiting(placement, before, why, now)),
        Done::Removing { left, trouble } => Some(after_removing(placement, before, (left, trouble.as_ref()), now)),
        Done::Settled(settled) => Some(after_settling(placement, before, settled, now)),
    }
}

/// Nothing is known, so nothing that was said before is taken back; one condition says why it may be outdated.
fn after_waiting(placement: &Placement, mut status: PlacementStatus, why: &str, now: Timestamp) -> PlacementStatus {
    let generation = placement.metadata.generation;
    let message = format!("waiting for the cluster: {why}");
    if placement.metadata.deletion_timestamp.is_some() {
        let claim = Claim::yes(condition::DELETING, CLUSTER_UNREACHABLE, message);
        return with(status, &[claim], generation, now);
    }
    for type_ in [condition::READY, condition::APPLIED, condition::HEALTHY] {
        match status.conditions.iter_mut().find(|existing| existing.type_ == type_) {
            Some(existing) if type_ == condition::APPLIED => {
                existing.reason = CLUSTER_UNREACHABLE.into();
                existing.message.clone_from(&message);
            }
            Some(_) => {}
            None => {
                let claim = Claim::unknown(type_, CLUSTER_UNREACHABLE, message.clone());
                status.conditions.push(claim.over(&[], generation, now));
            }
        }
    }
    status
}

fn after_removing(
    placement: &Placement,
    mut status: PlacementStatus,
    (left, trouble): (&[InventoryEntry], Option<&Trouble>),
    now: Timestamp,
) -> PlacementStatus {
    let named: Vec<_> = left.iter().take(NAMED).map(|entry| Identity::of_entry(entry).to_string()).collect();
    let more = left.len().saturating_sub(NAMED);
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    let awaited = format!("waiting until {}{others} are gone", named.join(", "));
    let deleting = match trouble {
        None => Claim::yes(condition::DELETING, REMOVING, awaited),
        Some(trouble) => Claim::yes(condition::DELETING, trouble.reason(), trouble.sentence()),
    };
    status.inventory = left.to_vec();
    status.reason = trouble.and_then(reason);
    let ready = Claim::no(condition::READY, REMOVING, "the placement is being removed");
    with(status, &[ready, deleting], placement.metadata.generation, now)
}

fn after_settling(
    placement: &Placement,
    mut status: PlacementStatus,
    settled: &Settled,
    now: Timestamp,
) -> PlacementStatus {
    let found = health::aggregate(settled.live.iter().map(|(identity, live)| (identity, live.as_ref())));
    let before = if is_current(placement) && !settled.has_applied { status.workload } else { None };
    let health = Health { workload: health::settle(before, found.workload), ..found };
    status.inventory.clone_from(&settled.inventory);
    status.workload = Some(health.workload);
    status.container_health = health.pods;
    status.services = service::endpoints(settled.live.values().flatten(), &settled.host);
    status.reason = settled.trouble.as_ref().and_then(reason);
    if settled.trouble.is_none() {
        status.observed_generation = placement.metadata.generation;
    }
    let claims = [ready(settled.trouble.as_ref(), &health), applied(settled), healthy(&health)];
    with(status, &claims, placement.metadata.generation, now)
}

fn reason(trouble: &Trouble) -> Option<Reason> {
    Some(Reason { code: trouble.code()?, message: trouble.sentence() })
}

fn applied(settled: &Settled) -> Claim {
    match &settled.trouble {
        None if settled.contested.is_some() => Claim::yes(condition::APPLIED, CONTESTED, CONTESTED_MESSAGE),
        None => Claim::yes(condition::APPLIED, APPLIED, "the target holds the manifest"),
        Some(trouble) if trouble.code().is_none() => {
            Claim::unknown(condition::APPLIED, trouble.reason(), trouble.sentence())
        }
        Some(trouble) => Claim::no(condition::APPLIED, trouble.reason(), trouble.sentence()),
    }
}

fn healthy(health: &Health) -> Claim {
    let (holds, reason) = match health.workload {
        WorkloadState::Running => (Some(true), "Running"),
        WorkloadState::Completed => (Some(true), "Completed"),
        WorkloadState::Progressing => (None, "Progressing"),
        WorkloadState::Restarting => (Some(false), "Restarting"),
        WorkloadState::Degraded => (Some(false), "Degraded"),
    };
    Claim { type_: condition::HEALTHY, holds, reason, message: health.sentence.clone() }
}

/// Ready is: applied in this generation, and the workloads run or have ended well.
fn ready(trouble: Option<&Trouble>, health: &Health) -> Claim {
    if trouble.is_some() {
        return Claim::no(condition::READY, NOT_APPLIED, "the manifest could not be applied");
    }
    let healthy = healthy(health);
    Claim { type_: condition::READY, holds: Some(healthy.holds == Some(true)), ..healthy }
}

/// The status with these conditions in place of the ones of their types.
fn with(mut status: PlacementStatus, claims: &[Claim], generation: Option<i64>, now: Timestamp) -> PlacementStatus {
    for claim in claims {
        let next = claim.clone().over(&status.conditions, generation, now);
        status.conditions.retain(|existing| existing.type_ != claim.type_);
        status.conditions.push(next);
    }
    status
}

/// What users are told: that applying began to fail, and that it works again.
fn announcement(placement: &Placement, after: &PlacementStatus) -> Option<Announcement> {
    let reason_of =
        |applied: Option<&Condition>| applied.map(|applied| (applied.status.clone(), applied.reason.clone()));
    let before = placement.status.as_ref().and_then(|status| condition::find(&status.conditions, condition::APPLIED));
    let applied = condition::find(&after.conditions, condition::APPLIED)?;
    if reason_of(before) == reason_of(Some(applied)) || applied.status != "False" {
        return None;
    }
    Some(Announcement::warning("ApplyFailed", "Applying", applied.message.clone()))
}

/// Says what stays on a cluster that nobody can reach any more: on the Application, where people look, if it is there.
pub(super) async fn announce_orphans(placement: &Placement, orphaned: &[InventoryEntry], context: &Context) {
    if orphaned.is_empty() {
        return;
    }
    let names: Vec<_> = orphaned.iter().map(|entry| Identity::of_entry(entry).to_string()).collect();
    let cluster = &placement.spec.cluster.name;
    let note = format!("left on {cluster}, which is not registered any more: {}", names.join(", "));
    tracing::warn!(target.name = %cluster, orphaned = orphaned.len(), "leaving objects behind");
    let announcement = Announcement::warning("ResourcesOrphaned", "Removing", truncated(note));
    let namespace = placement.namespace().unwrap_or_default();
    match context.applications.find(&namespace, &placement.spec.application) {
        Some(application) => context.announce::<Application>(&application, announcement).await,
        None => context.announce(placement, announcement).await,
    }
}

/// Events hold at most 1024 bytes.
fn truncated(mut note: String) -> String {
    let limit = note.floor_char_boundary(1000);
    note.truncate(limit);
    note
}

#[cfg(test)]
mod tests;
