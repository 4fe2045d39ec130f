//! The status of a Placement, all of which is this controller's, and its Events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{
        Application, Placement, PlacementStatus,
        placement::{Failures, InventoryEntry, WorkloadState},
    },
    reason::Reason,
};
use krake_operator_domain::{
    backoff::Next,
    health::{self, Health, Sight},
    manifest::Identity,
    service,
};
use krake_operator_loops::{
    context::{Announcement, Context},
    safety::Withheld,
    status::Part,
};
use kube::ResourceExt;
use serde_json::Value;

use super::{
    Error, NAME,
    act::{Done, Settled},
    decide::{Abandoned, Plan, is_current},
    observe::{Reach, default_namespace},
    setbacks::Setback,
    trouble::{self, Trouble},
};

const PART: Part = Part {
    manager: "krake-placement",
    fields: &[
        "observedGeneration",
        "reason",
        "failures",
        "inventory",
        "defaultNamespace",
        "services",
        "containerHealth",
        "workload",
    ],
    conditions: &[condition::READY, condition::APPLIED, condition::HEALTHY, condition::DELETING, condition::STALLED],
};

/// The target holds the manifest.
const APPLIED: &str = "Applied";
/// Somebody else keeps changing what was applied.
const CONTESTED: &str = "Contested";
/// Nothing was applied yet.
const PENDING: &str = "Pending";
/// The target does not answer; what was said before is the last that is known.
pub(crate) const CLUSTER_UNREACHABLE: &str = "ClusterUnreachable";
/// Deletion is under way.
const REMOVING: &str = "Removing";
/// The objects have been applied, but not in this generation.
const NOT_APPLIED: &str = "NotApplied";
/// Nothing could be read of the objects yet.
const UNREAD: &str = "Unread";
/// Applying has failed as often as the backoff allows; only a new generation is tried again.
const BACKOFF_LIMIT_EXCEEDED: &str = "BackoffLimitExceeded";

const CONTESTED_MESSAGE: &str =
    "the manifest was applied, but somebody else keeps changing it; it is corrected at growing intervals";

const CORRECTING_MESSAGE: &str = "the manifest was applied, and what has changed since is being corrected";

/// How many objects a message names.
const NAMED: usize = 5;

/// Records everything that the plan may put on the target, and where, before it does. Answers the Placement as it is then.
pub(super) async fn record(
    placement: &Placement,
    plan: &Plan,
    reach: &Reach,
    context: &Context,
) -> Result<Placement, Error> {
    let (Plan::Converge(converge), Reach::Reached(target)) = (plan, reach) else { return Ok(placement.clone()) };
    let mut status = placement.status.clone().unwrap_or_default();
    let inventory = converge.inventory();
    let namespace = default_namespace(placement, target.default_namespace());
    let is_recorded = status.default_namespace.as_deref() == Some(namespace)
        && inventory.iter().all(|entry| is_recorded(entry, &status.inventory));
    if is_recorded {
        return Ok(placement.clone());
    }
    status.inventory = inventory;
    status.default_namespace = Some(namespace.to_owned());
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
    let is_same = |known: &InventoryEntry| Identity::of_entry(known) == Identity::of_entry(entry);
    // Whose it was cannot be seen any more once it is applied, nor that it has ended once it is gone.
    recorded.iter().any(|known| is_same(known) && known.adopted == entry.adopted && known.ended == entry.ended)
}

/// Answers what the workloads are doing, as far as that is known.
pub(super) async fn report(
    placement: &Placement,
    done: &Done,
    setback: Option<Setback>,
    context: &Context,
) -> Result<Option<WorkloadState>, Error> {
    let Some(status) = status_after(placement, done, setback, Timestamp::now()) else { return Ok(None) };
    let written = PART.write(&context.api_of(placement), placement, &status).await.map_err(Error::Report)?;
    if let Some(written) = written {
        context.instruments.wrote_status(NAME);
        if let Some(announcement) = announcement(placement, &status) {
            context.announce(&written, announcement);
        }
    }
    Ok(status.workload)
}

/// The status that follows; nothing when there is no object left to have one.
fn status_after(
    placement: &Placement,
    done: &Done,
    setback: Option<Setback>,
    now: Timestamp,
) -> Option<PlacementStatus> {
    let before = placement.status.clone().unwrap_or_default();
    match done {
        Done::Released => None,
        Done::Waited { why, .. } => Some(after_waiting(placement, before, why, now)),
        Done::Removing { left, trouble } => Some(after_removing(placement, before, (left, trouble.as_ref()), now)),
        Done::Withheld(withheld) => Some(after_withholding(placement, before, withheld, now)),
        Done::Settled(settled) => Some(after_settling(placement, before, (settled, setback), now)),
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

/// Somebody else decided that nothing is removed now; everything is still there.
fn after_withholding(
    placement: &Placement,
    status: PlacementStatus,
    withheld: &Withheld,
    now: Timestamp,
) -> PlacementStatus {
    let deleting = Claim::yes(condition::DELETING, withheld.reason, withheld.sentence.clone());
    with(status, &[deleting], placement.metadata.generation, now)
}

fn after_settling(
    placement: &Placement,
    mut status: PlacementStatus,
    (settled, setback): (&Settled, Option<Setback>),
    now: Timestamp,
) -> PlacementStatus {
    let generation = placement.metadata.generation;
    let healthy = look(placement, &mut status, settled);
    // Everything was applied before: that there was no time for all corrections takes nothing back.
    let is_correcting = is_current(placement) && matches!(settled.trouble, Some(Trouble::Unfinished { .. }));
    let is_failing = settled.is_held || (settled.trouble.is_some() && !is_correcting);
    let mut claims = vec![ready(is_failing, healthy.as_ref())];
    claims.extend(healthy);
    if settled.is_held {
        claims.extend(still_failing(&status));
    } else {
        claims.push(applied(settled, is_correcting));
        status.conditions.retain(|existing| existing.type_ != condition::STALLED);
        status.reason = settled.trouble.as_ref().and_then(reason);
        status.failures = setback.filter(|_| !is_current(placement)).and_then(|setback| counted(placement, setback));
        if settled.trouble.is_none() {
            status.observed_generation = generation;
        }
    }
    if let Some((trouble, setback)) = settled.trouble.as_ref().zip(setback)
        && setback.next == Next::GiveUp
    {
        claims.push(stalled(trouble, setback.count));
    }
    with(status, &claims, generation, now)
}

/// Takes note of what was seen of the objects, and says how they are. When nothing was, what was said before stands.
fn look(placement: &Placement, status: &mut PlacementStatus, settled: &Settled) -> Option<Claim> {
    status.inventory.clone_from(&settled.inventory);
    let Some(live) = &settled.live else {
        let is_new = condition::find(&status.conditions, condition::HEALTHY).is_none();
        return is_new.then(|| Claim::unknown(condition::HEALTHY, UNREAD, "the objects could not be read yet"));
    };
    let found = health::aggregate(sights(live, &settled.inventory));
    let before = if is_current(placement) && !settled.has_applied { status.workload } else { None };
    let health = Health { workload: health::settle(before, found.workload), ..found };
    status.workload = Some(health.workload);
    status.container_health = health.pods;
    status.services = service::endpoints(live.values().flatten(), &settled.host);
    Some(healthy(&health))
}

/// What was seen of each object. One that ended well may be gone.
fn sights<'a>(
    live: &'a BTreeMap<Identity, Option<Value>>,
    inventory: &[InventoryEntry],
) -> impl Iterator<Item = (&'a Identity, Sight<'a>)> {
    let pods = |entry: &InventoryEntry| Some((Identity::of_entry(entry), entry.ended.as_ref()?.pods));
    let ended: BTreeMap<_, _> = inventory.iter().filter_map(pods).collect();
    live.iter().map(move |(identity, live)| {
        let gone = || ended.get(identity).map_or(Sight::Missing, |pods| Sight::Ended(*pods));
        (identity, live.as_ref().map_or_else(gone, Sight::Live))
    })
}

/// What `Applied` said before the target fell silent, now that it answers again but nothing is tried.
fn still_failing(status: &PlacementStatus) -> Option<Claim> {
    let applied = condition::find(&status.conditions, condition::APPLIED)?;
    let said = status.reason.as_ref().filter(|_| applied.reason == CLUSTER_UNREACHABLE)?;
    Some(Claim::no(condition::APPLIED, trouble::word(said.code), said.message.clone()))
}

/// How failures are recorded: only while a limit counts them, so that nothing ticks in a status for ever.
fn counted(placement: &Placement, setback: Setback) -> Option<Failures> {
    let limit = placement.spec.backoff.as_ref().map_or(-1, |backoff| backoff.limit);
    let generation = placement.metadata.generation.unwrap_or_default();
    (limit != -1).then_some(Failures { generation, count: setback.count.into() })
}

fn stalled(trouble: &Trouble, count: u32) -> Claim {
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let message = format!("given up until the application changes, after failing {times}: {}", trouble.sentence());
    Claim::yes(condition::STALLED, BACKOFF_LIMIT_EXCEEDED, message)
}

fn reason(trouble: &Trouble) -> Option<Reason> {
    Some(Reason::new(trouble.code()?, trouble.sentence()))
}

fn applied(settled: &Settled, is_correcting: bool) -> Claim {
    if is_correcting {
        return Claim::yes(condition::APPLIED, trouble::APPLYING, CORRECTING_MESSAGE);
    }
    match (&settled.trouble, &settled.withheld) {
        (None, Some(withheld)) => Claim::yes(condition::APPLIED, withheld.reason, withheld.sentence.clone()),
        (None, None) if settled.contested.is_some() => Claim::yes(condition::APPLIED, CONTESTED, CONTESTED_MESSAGE),
        (None, None) => Claim::yes(condition::APPLIED, APPLIED, held(&settled.unwatched)),
        (Some(trouble), _) if trouble.code().is_none() => {
            Claim::unknown(condition::APPLIED, trouble.reason(), trouble.sentence())
        }
        (Some(trouble), _) => Claim::no(condition::APPLIED, trouble.reason(), trouble.sentence()),
    }
}

fn held(unwatched: &BTreeSet<String>) -> String {
    let kinds: Vec<_> = unwatched.iter().take(NAMED).map(String::as_str).collect();
    let how = match kinds.as_slice() {
        [] => String::new(),
        kinds => format!(
            "; it is looked at every few seconds, because the kubeconfig does not allow to watch {} in all namespaces",
            kinds.join(", ")
        ),
    };
    format!("the target holds the manifest{how}")
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
fn ready(is_failing: bool, healthy: Option<&Claim>) -> Claim {
    match healthy {
        Some(healthy) if !is_failing => {
            Claim { type_: condition::READY, holds: Some(healthy.holds == Some(true)), ..healthy.clone() }
        }
        _ => Claim::no(condition::READY, NOT_APPLIED, "the manifest could not be applied"),
    }
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

/// What users are told: that applying began to fail, and that it was given up.
fn announcement(placement: &Placement, after: &PlacementStatus) -> Option<Announcement> {
    let had_given_up =
        placement.status.as_ref().is_some_and(|status| condition::is_true(&status.conditions, condition::STALLED));
    if let Some(stalled) = condition::find(&after.conditions, condition::STALLED).filter(|_| !had_given_up) {
        return Some(Announcement::warning("DeploymentGivenUp", "Applying", stalled.message.clone()));
    }
    let reason_of =
        |applied: Option<&Condition>| applied.map(|applied| (applied.status.clone(), applied.reason.clone()));
    let before = placement.status.as_ref().and_then(|status| condition::find(&status.conditions, condition::APPLIED));
    let applied = condition::find(&after.conditions, condition::APPLIED)?;
    if reason_of(before) == reason_of(Some(applied)) || applied.status != "False" {
        return None;
    }
    Some(Announcement::warning("ApplyFailed", "Applying", applied.message.clone()))
}

/// Says what stays on a cluster: on the Application, where people look, if it is there.
pub(super) fn announce_abandoned(placement: &Placement, left: &[InventoryEntry], why: Abandoned, context: &Context) {
    if left.is_empty() {
        return;
    }
    let cluster = &placement.spec.cluster.name;
    let names: Vec<_> = left.iter().map(|entry| Identity::of_entry(entry).to_string()).collect();
    tracing::warn!(target.name = %cluster, left = left.len(), ?why, "leaving objects behind");
    let announcement = abandonment(cluster, why, &names.join(", "));
    let namespace = placement.namespace().unwrap_or_default();
    match context.applications.find(&namespace, &placement.spec.application) {
        Some(application) => context.announce::<Application>(&application, announcement),
        None => context.announce(placement, announcement),
    }
}

fn abandonment(cluster: &str, why: Abandoned, names: &str) -> Announcement {
    match why {
        Abandoned::Unregistered => Announcement::warning(
            "ResourcesOrphaned",
            "Removing",
            format!("left on {cluster}, which is not registered any more: {names}"),
        ),
        Abandoned::Foreign => Announcement::warning(
            "ResourcesOrphaned",
            "Removing",
            format!("left on {cluster}, which is in another namespace and may not be used: {names}"),
        ),
        Abandoned::ClusterOrphans => Announcement::warning(
            "ResourcesOrphaned",
            "Removing",
            format!("left on {cluster}, which is being deleted and orphans what is on it: {names}"),
        ),
        Abandoned::Retained => Announcement::normal(
            "ResourcesRetained",
            "Removing",
            format!("left on {cluster}, because the deletion policy says so: {names}"),
        ),
    }
}

#[cfg(test)]
mod tests;
