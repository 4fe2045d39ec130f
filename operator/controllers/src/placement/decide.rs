//! What must change on the target so that the Placement holds. Pure.

use std::{collections::BTreeMap, time::Duration};

use krake_crds::kubernetes::{Placement, placement::InventoryEntry};
use krake_operator_domain::manifest::{
    self, Desired, Identity, ObserverSchema, Scope, deletion_order, diff, keep_unobserved,
};
use krake_operator_targets::{Ownership, Tie};
use serde_json::Value;

use super::{
    observe::{Facts, Observed, Situation},
    trouble::Trouble,
};

/// What to do.
pub(super) enum Plan {
    /// Nothing, because the target does not answer.
    Wait { why: String, trouble: Option<Trouble> },
    /// Nothing, because what is asked for cannot be done.
    Refuse { trouble: Trouble, live: BTreeMap<Identity, Value> },
    /// Make the target hold the manifest and nothing else of the inventory.
    Converge(Converge),
    /// Remove everything that is recorded, in this order.
    Remove { entries: Vec<InventoryEntry>, ownership: Ownership },
    /// Let go of what nobody can reach any more.
    Abandon { orphaned: Vec<InventoryEntry> },
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

/// `patience` is how long corrections of drift still have to wait, if they have to.
pub(super) fn plan(observed: Observed, patience: Option<Duration>) -> Plan {
    let Observed { placement, ownership, situation } = observed;
    let is_leaving = placement.metadata.deletion_timestamp.is_some();
    match situation {
        Situation::Gone if is_leaving => Plan::Abandon { orphaned: recorded(&placement).to_vec() },
        Situation::Gone => Plan::Wait { why: "its Cluster does not exist any more".to_owned(), trouble: None },
        Situation::Unreachable { why, trouble } => Plan::Wait { why, trouble },
        Situation::Troubled(trouble) => Plan::Refuse { trouble, live: BTreeMap::new() },
        Situation::Removable => {
            Plan::Remove { entries: deletion_order(recorded(&placement).iter().cloned()), ownership }
        }
        Situation::Known(Facts { outline, live }) => {
            let steps =
                outline.map_err(Trouble::Manifest).and_then(|outline| steps(&placement, &ownership, outline, &live));
            match steps {
                Ok(steps) => Plan::Converge(converge(&placement, steps, (live, ownership), patience)),
                Err(trouble) => Plan::Refuse { trouble, live },
            }
        }
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
    wanted.retain(|entry| !outline.prune.contains(entry));
    let mut apply = Vec::new();
    for desired in &outline.apply {
        let Some(found) = live.get(&desired.identity) else {
            apply.push(creation(desired, ownership));
            continue;
        };
        ownership.check(&desired.entry(None), found).map_err(Trouble::Target)?;
        let (change, is_drifted) = correction(desired, found, ownership, &schema);
        if is_drifted || !is_current(placement) {
            apply.push(change);
        }
    }
    Ok(Steps { wanted, apply, prune: outline.prune })
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
    let shortening = diff::shortening(&creation.body, &drift);
    (Change { body, shortening, ..creation }, is_drifted)
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
