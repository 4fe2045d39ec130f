//! Changes the target, and lets go of the Placement when nothing of it is left there.

use std::{collections::BTreeMap, time::Duration};

use krake_crds::{
    finalizer,
    kubernetes::{Placement, placement::InventoryEntry},
};
use krake_operator_domain::manifest::Identity;
use krake_operator_targets::{self as targets, Ownership, Removal, TargetCluster, Tie};
use serde_json::Value;

use super::{
    Error,
    decide::{Change, Converge, Plan, recorded},
    observe::Reach,
    report,
    trouble::Trouble,
};
use crate::{context::Context, finalizers};

/// What really happened.
pub(super) enum Done {
    /// Nothing: the target does not answer.
    Waited { why: String, trouble: Option<Trouble> },
    /// The target was changed as far as possible.
    Settled(Settled),
    /// Removal has begun; these are left.
    Removing { left: Vec<InventoryEntry>, trouble: Option<Trouble> },
    /// Nothing is left, and the finalizer is gone.
    Released,
}

/// How the target is after it was changed.
pub(super) struct Settled {
    /// What is or may be on the target.
    pub(super) inventory: Vec<InventoryEntry>,
    /// The live objects of the manifest, as last seen; `None` for one that is not there.
    pub(super) live: BTreeMap<Identity, Option<Value>>,
    /// Whether an object was applied just now, so that its workload starts (again).
    pub(super) has_applied: bool,
    /// Somebody keeps changing what was corrected; so long the next correction waits.
    pub(super) contested: Option<Duration>,
    /// The host under which node ports are reached.
    pub(super) host: String,
    /// Whether something that is no longer wanted is still there.
    pub(super) is_pruning: bool,
    /// What stopped us.
    pub(super) trouble: Option<Trouble>,
}

pub(super) async fn act(plan: Plan, placement: &Placement, reach: &Reach, context: &Context) -> Result<Done, Error> {
    match (plan, reach) {
        (Plan::Converge(converge), Reach::Reached(target)) => Ok(self::converge(converge, target).await),
        (Plan::Remove { entries, ownership }, Reach::Reached(target)) => {
            let (left, trouble) = remove(entries, &ownership, target).await;
            if left.is_empty() && trouble.is_none() {
                return release(placement, context).await;
            }
            Ok(as_waited(trouble, |trouble| Done::Removing { left, trouble }))
        }
        (Plan::Abandon { orphaned }, _) => {
            report::announce_orphans(placement, &orphaned, context).await;
            release(placement, context).await
        }
        (Plan::Refuse { trouble, live }, Reach::Reached(target)) => {
            let inventory = recorded(placement).to_vec();
            let live = seen(&inventory, live);
            let host = target.server_host().to_owned();
            let trouble = Some(trouble);
            Ok(Done::Settled(Settled {
                inventory,
                live,
                has_applied: false,
                contested: None,
                host,
                is_pruning: false,
                trouble,
            }))
        }
        (Plan::Wait { why, trouble }, _) => Ok(Done::Waited { why, trouble }),
        (Plan::Converge(_) | Plan::Remove { .. } | Plan::Refuse { .. }, _) => {
            Ok(Done::Waited { why: "the cluster is not reachable any more".to_owned(), trouble: None })
        }
    }
}

/// A target that falls silent in the middle says nothing about the objects: that is waiting, whatever we were doing.
fn as_waited(trouble: Option<Trouble>, otherwise: impl FnOnce(Option<Trouble>) -> Done) -> Done {
    match trouble {
        Some(trouble) if trouble.is_unreachable() => Done::Waited { why: trouble.sentence(), trouble: Some(trouble) },
        trouble => otherwise(trouble),
    }
}

async fn release(placement: &Placement, context: &Context) -> Result<Done, Error> {
    let api = context.api_of(placement);
    finalizers::remove(&api, placement, finalizer::PLACEMENT).await.map_err(Error::Release)?;
    tracing::info!("placement released");
    Ok(Done::Released)
}

async fn converge(plan: Converge, target: &TargetCluster) -> Done {
    let Converge { wanted, apply, prune, contested, mut live, ownership } = plan;
    let has_applied = !apply.is_empty();
    let applied = apply_all(apply, target, &mut live).await;
    let (stale, trouble, is_pruning) = match applied {
        Ok(()) => {
            let (left, trouble) = remove(prune, &ownership, target).await;
            let is_pruning = !left.is_empty();
            (left, trouble, is_pruning)
        }
        // What is no longer wanted stays until what replaces it is there.
        Err(trouble) => (prune, Some(trouble), false),
    };
    let live = seen(&wanted, live);
    let inventory = wanted.into_iter().map(|entry| with_uid(entry, &live, &ownership)).chain(stale).collect();
    let host = target.server_host().to_owned();
    as_waited(trouble, |trouble| {
        Done::Settled(Settled { inventory, live, has_applied, contested, host, is_pruning, trouble })
    })
}

/// Applies in order and stops at the first failure; `live` holds what is there then.
async fn apply_all(
    changes: Vec<Change>,
    target: &TargetCluster,
    live: &mut BTreeMap<Identity, Value>,
) -> Result<(), Trouble> {
    for Change { identity, entry, body, shortening } in changes {
        let mut applied = target.apply(&entry, &body).await.map_err(|error| match error {
            // There would be no plan if the manifest did not define it.
            targets::Error::UnknownKind { kind, .. } => Trouble::NotServedYet(kind),
            error => Trouble::Target(error),
        })?;
        if let Some(patch) = shortening {
            applied = target.amend(&entry, &patch).await.map_err(Trouble::Target)?;
        }
        tracing::info!(object = %identity, "object applied");
        live.insert(identity, applied);
    }
    Ok(())
}

/// Deletes in order; one that cannot be deleted does not keep the others, but a target that falls silent does. Answers
/// what is left, and the first failure.
async fn remove(
    entries: Vec<InventoryEntry>,
    ownership: &Ownership,
    target: &TargetCluster,
) -> (Vec<InventoryEntry>, Option<Trouble>) {
    let (mut left, mut trouble) = (Vec::new(), None::<Trouble>);
    for entry in entries {
        if trouble.as_ref().is_some_and(Trouble::is_unreachable) {
            left.push(entry);
            continue;
        }
        match target.delete(&entry, ownership).await {
            Ok(Removal::Gone) => tracing::info!(object = %Identity::of_entry(&entry), "object removed"),
            Ok(Removal::Pending) => left.push(entry),
            Err(error) => {
                let error = Trouble::Target(error);
                let is_worse = error.is_unreachable() || trouble.is_none();
                trouble = if is_worse { Some(error) } else { trouble };
                left.push(entry);
            }
        }
    }
    (left, trouble)
}

/// The live objects of these entries.
fn seen(entries: &[InventoryEntry], mut live: BTreeMap<Identity, Value>) -> BTreeMap<Identity, Option<Value>> {
    let identities = entries.iter().map(Identity::of_entry);
    identities.map(|identity| (identity.clone(), live.remove(&identity))).collect()
}

/// The entry with the uid of the live object, if that is ours by now.
fn with_uid(entry: InventoryEntry, live: &BTreeMap<Identity, Option<Value>>, ownership: &Ownership) -> InventoryEntry {
    let found = live.get(&Identity::of_entry(&entry)).and_then(Option::as_ref);
    let ours = found.filter(|live| ownership.tie(live) == Tie::Ours);
    let uid = ours.and_then(|live| live.pointer("/metadata/uid")).and_then(Value::as_str);
    match uid {
        Some(uid) => InventoryEntry { uid: Some(uid.to_owned()), ..entry },
        None => entry,
    }
}
