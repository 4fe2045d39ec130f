//! What must change on the target so that the Placement holds. Pure.

mod history;

use std::{collections::BTreeMap, time::Duration};

use krake_crds::kubernetes::{
    Placement,
    application::{DeletionPolicy, MigrationStrategy},
    placement::{Failures, InventoryEntry},
};
use krake_operator_domain::{
    backoff::{self, Next},
    manifest::{self, Desired, Identity, ObserverSchema, Scope, complete, deletion_order, diff, keep_unobserved},
};
use krake_operator_loops::{labels, safety};
use krake_operator_targets::{Dependents, Ownership, Tie};
use serde_json::Value;

use super::{
    frozen,
    observe::{Cause, Facts, Farewell, Observed, Situation},
    trouble::Trouble,
};

/// What to do.
pub(super) enum Plan {
    /// Nothing, because the target does not answer.
    Wait { why: String, trouble: Option<Trouble> },
    /// Nothing, because what is asked for cannot be done. `live` is what was read; nothing if nothing could be.
    Refuse { trouble: Trouble, live: Option<BTreeMap<Identity, Value>> },
    /// Nothing, because it has failed, and the next attempt is not due. `live` as above.
    Hold { live: Option<BTreeMap<Identity, Value>> },
    /// Make the target hold the manifest and nothing else of the inventory.
    Converge(Converge),
    /// Remove everything that is recorded, in this order.
    Remove { entries: Vec<InventoryEntry>, ownership: Ownership, act: safety::Act, dependents: Dependents },
    /// Take our marks off everything that is recorded.
    Unmark { entries: Vec<InventoryEntry>, ownership: Ownership },
    /// Let go of everything without touching it.
    Abandon { left: Vec<InventoryEntry>, why: Abandoned },
}

/// Why objects are left on a target as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abandoned {
    /// Nobody can reach them any more: their Cluster is not registered.
    Unregistered,
    /// Their Cluster is being deleted, and says that they stay.
    ClusterOrphans,
    /// Their Application is deleted, and says that they stay.
    Retained,
}

/// What keeps the controller from doing at once what it wants to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Restraint {
    /// So long corrections of drift have to wait, because somebody keeps undoing them.
    pub(super) patience: Option<Duration>,
    /// So long the next attempt has to wait, because the last ones have failed.
    pub(super) setback: Option<Duration>,
}

/// How to make the target hold the manifest.
pub(super) struct Converge {
    /// How the objects of the manifest are recorded, with the uids that are known.
    pub(super) wanted: Vec<InventoryEntry>,
    /// To be applied, in this order.
    pub(super) apply: Vec<Change>,
    /// To be deleted afterwards, in this order.
    pub(super) prune: Vec<InventoryEntry>,
    /// Somebody keeps changing what was corrected; so long the next correction waits.
    pub(super) contested: Option<Duration>,
    /// The live ones among the objects of the manifest, before anything is done.
    pub(super) live: BTreeMap<Identity, Value>,
    pub(super) ownership: Ownership,
}

impl Converge {
    /// Everything that is or may be on the target from now on.
    pub(super) fn inventory(&self) -> Vec<InventoryEntry> {
        self.wanted.iter().chain(&self.prune).cloned().collect()
    }
}

/// An object to be applied.
pub(super) struct Change {
    pub(super) identity: Identity,
    pub(super) entry: InventoryEntry,
    /// The whole object, marked as ours.
    pub(super) body: Value,
    /// A merge patch that must follow, because applying does not take out of lists what others put in.
    pub(super) shortening: Option<Value>,
}

/// What the manifest means on a target with these kinds.
pub(super) fn outline(
    placement: &Placement,
    default_namespace: &str,
    scope: impl Fn(&str, &str) -> Option<Scope>,
) -> Result<manifest::Plan, manifest::Error> {
    manifest::plan(&placement.spec.manifest, recorded(placement), default_namespace, scope)
}

pub(super) fn plan(observed: Observed, restraint: Restraint) -> Plan {
    let Observed { placement, ownership, situation, farewell } = observed;
    if let Some(farewell) = farewell {
        return part(&placement, ownership, situation, farewell);
    }
    let is_held = restraint.setback.is_some() || has_given_up(&placement);
    match situation {
        Situation::Gone => Plan::Wait { why: "its Cluster does not exist any more".to_owned(), trouble: None },
        Situation::Unreachable { why, trouble } => Plan::Wait { why, trouble },
        Situation::Troubled(_) if is_held => Plan::Hold { live: None },
        Situation::Known(facts) if is_held => Plan::Hold { live: Some(facts.live) },
        Situation::Troubled(trouble) => Plan::Refuse { trouble, live: None },
        Situation::Reached => Plan::Hold { live: None },
        Situation::Known(Facts { outline, live }) => {
            let steps =
                outline.map_err(Trouble::Manifest).and_then(|outline| steps(&placement, &ownership, outline, &live));
            match steps {
                Ok(steps) => Plan::Converge(converge(&placement, steps, (live, ownership), restraint.patience)),
                Err(trouble) => Plan::Refuse { trouble, live: Some(live) },
            }
        }
    }
}

/// What becomes of the objects of a Placement that is in deletion. A copy that is moved away is always removed; of an
/// application that is deleted its policy decides. What is left untouched needs no answer of the target.
fn part(placement: &Placement, ownership: Ownership, situation: Situation, farewell: Farewell) -> Plan {
    let left = recorded(placement).to_vec();
    if matches!(situation, Situation::Gone) {
        return Plan::Abandon { left, why: Abandoned::Unregistered };
    }
    let act = match farewell {
        Farewell::ClusterOrphans => return Plan::Abandon { left, why: Abandoned::ClusterOrphans },
        Farewell::Cause(Cause::Deleted(DeletionPolicy::Retain)) => {
            return Plan::Abandon { left, why: Abandoned::Retained };
        }
        Farewell::Cause(Cause::Deleted(DeletionPolicy::Orphan)) => None,
        Farewell::Cause(Cause::Deleted(DeletionPolicy::Delete)) => Some((safety::Act::Remove, Dependents::Follow)),
        Farewell::Cause(Cause::Moved(MigrationStrategy::MakeBeforeBreak)) => {
            Some((safety::Act::Clean, Dependents::Follow))
        }
        // The next copy is made when this one is released. Pods that still end would run beside it.
        Farewell::Cause(Cause::Moved(MigrationStrategy::Recreate)) => Some((safety::Act::Clean, Dependents::GoFirst)),
    };
    match (situation, act) {
        (Situation::Unreachable { why, trouble }, _) => Plan::Wait { why, trouble },
        (_, Some((act, dependents))) => Plan::Remove { entries: deletion_order(left), ownership, act, dependents },
        (_, None) => Plan::Unmark { entries: left, ownership },
    }
}

struct Steps {
    wanted: Vec<InventoryEntry>,
    apply: Vec<Change>,
    prune: Vec<InventoryEntry>,
}

/// Drift of a manifest that was applied before is corrected only as fast as patience allows.
fn converge(
    placement: &Placement,
    Steps { wanted, mut apply, prune }: Steps,
    (live, ownership): (BTreeMap<Identity, Value>, Ownership),
    patience: Option<Duration>,
) -> Converge {
    let contested = patience.filter(|_| is_current(placement) && !apply.is_empty());
    if contested.is_some() {
        apply.clear();
    }
    Converge { wanted, apply, prune, contested, live, ownership }
}

fn steps(
    placement: &Placement,
    ownership: &Ownership,
    outline: manifest::Plan,
    live: &BTreeMap<Identity, Value>,
) -> Result<Steps, Trouble> {
    let schema = schema(placement)?;
    let mut wanted = outline.inventory(recorded(placement));
    wanted.truncate(outline.apply.len());
    frozen::record(&mut wanted, &outline.apply, live, &schema);
    let mut apply = Vec::new();
    for (said, entry) in outline.apply.iter().zip(&mut wanted) {
        let found = live.get(&said.identity);
        let body = frozen::read(entry).map_or_else(|| said.body.clone(), |kept| complete(&said.body, &kept));
        let desired = Desired { body, ..said.clone() };
        let (change, is_drifted) = match found {
            None => (creation(&desired, ownership), true),
            Some(found) => {
                ownership.check(&desired.entry(None), found).map_err(Trouble::Target)?;
                correction(&desired, found, ownership, &schema)
            }
        };
        entry.adopted = history::is_adopted(entry, found, ownership);
        entry.ended = history::ended(entry, found, is_drifted, || labels::digest(&[&said.body.to_string()]));
        let is_over = found.is_none() && entry.ended.is_some();
        if !is_over && (is_drifted || !is_current(placement)) {
            apply.push(change);
        }
    }
    let prune = outline.prune.into_iter().filter(|stale| !is_served_as_another(stale, &wanted, live)).collect();
    Ok(Steps { wanted, apply, prune })
}

/// Whether an object that seems stale is one that is wanted: some are served by two groups, and the manifest may have
/// changed from one to the other.
fn is_served_as_another(stale: &InventoryEntry, wanted: &[InventoryEntry], live: &BTreeMap<Identity, Value>) -> bool {
    let Some(uid) = stale.uid.as_deref() else { return false };
    let found = wanted.iter().filter_map(|entry| live.get(&Identity::of_entry(entry)));
    found.filter_map(|live| live.pointer("/metadata/uid")).any(|live| live == uid)
}

fn schema(placement: &Placement) -> Result<ObserverSchema, Trouble> {
    let Some(text) = &placement.spec.observer_schema else { return Ok(ObserverSchema::default()) };
    let schema = ObserverSchema::parse(text).map_err(Trouble::Schema)?;
    schema.check(&placement.spec.manifest).map_err(Trouble::Schema)?;
    Ok(schema)
}

fn creation(desired: &Desired, ownership: &Ownership) -> Change {
    let mut body = desired.body.clone();
    ownership.mark(&mut body);
    Change { identity: desired.identity.clone(), entry: desired.entry(None), body, shortening: None }
}

/// How `found` becomes what is desired, and whether it is not that already. Our marks are part of what is desired, so
/// that an object that lost them, or never had them, is taken (back) into care.
fn correction(desired: &Desired, found: &Value, ownership: &Ownership, schema: &ObserverSchema) -> (Change, bool) {
    let creation = creation(desired, ownership);
    let drift = diff::drift(&creation.body, found, schema);
    let mut body = keep_unobserved(&creation.body, found, schema);
    ownership.mark(&mut body);
    let is_drifted = !drift.is_empty() || ownership.tie(found) != Tie::Ours;
    let shortening = diff::shortening(&body, &drift);
    (Change { body, shortening, ..creation }, is_drifted)
}

/// How often in a row it is recorded that this generation could not be applied.
pub(super) fn failures(placement: &Placement) -> u32 {
    let recorded = placement.status.as_ref().and_then(|status| status.failures);
    let count = recorded.filter(|failures| Some(failures.generation) == placement.metadata.generation);
    count.map_or(0, |Failures { count, .. }| u32::try_from(count).unwrap_or(0))
}

/// Whether this generation has failed as often as it may.
fn has_given_up(placement: &Placement) -> bool {
    let count = failures(placement);
    let backoff = || placement.spec.backoff.clone().unwrap_or_default();
    count > 0 && !is_current(placement) && backoff::after_failed_deployment(&backoff(), count) == Next::GiveUp
}

/// Whether this generation of the Placement was applied completely before.
pub(super) fn is_current(placement: &Placement) -> bool {
    let observed = placement.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed == placement.metadata.generation
}

pub(super) fn recorded(placement: &Placement) -> &[InventoryEntry] {
    placement.status.as_ref().map(|status| status.inventory.as_slice()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
