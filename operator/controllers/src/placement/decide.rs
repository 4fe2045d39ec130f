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
    manifest::{
        self, Desired, Identity, ObserverSchema, Scope, complete, deletion_order, diff, is_left_behind, keep_unobserved,
    },
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
    /// Nothing, because what is asked for cannot be done.
    Refuse { trouble: Trouble, untouched: Untouched },
    /// Nothing, because it has failed, and the next attempt is not due.
    Hold(Untouched),
    /// Make the target hold the manifest and nothing else of the inventory.
    Converge(Converge),
    /// Remove everything that is recorded, in this order.
    Remove { entries: Vec<InventoryEntry>, ownership: Ownership, act: safety::Act, dependents: Dependents },
    /// Take our marks off everything that is recorded.
    Unmark { entries: Vec<InventoryEntry>, ownership: Ownership },
    /// Let go of everything without touching it.
    Abandon { left: Vec<InventoryEntry>, why: Abandoned },
}

/// What nothing is done about.
pub(super) struct Untouched {
    /// What is recorded, with what was seen to have ended since.
    pub(super) inventory: Vec<InventoryEntry>,
    /// What was read; nothing if nothing could be.
    pub(super) live: Option<BTreeMap<Identity, Value>>,
}

/// Why objects are left on a target as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abandoned {
    /// Nobody can reach them any more: their Cluster is not registered.
    Unregistered,
    /// Their Cluster is in another namespace, whose clusters are not ours to use.
    Foreign,
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
    /// Whether what is there is not what it should be. Everything is applied once in a new generation, even if it is.
    pub(super) is_drifted: bool,
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
        Situation::Gone(_) => Plan::Wait { why: "its Cluster does not exist any more".to_owned(), trouble: None },
        Situation::Unreachable { why, trouble } => Plan::Wait { why, trouble },
        Situation::Troubled(_) if is_held => Plan::Hold(unread(&placement)),
        Situation::Known(facts) if is_held => Plan::Hold(untouched(&placement, &ownership, facts)),
        Situation::Troubled(trouble) => Plan::Refuse { trouble, untouched: unread(&placement) },
        Situation::Reached => Plan::Hold(unread(&placement)),
        Situation::Known(facts) => match steps(&placement, &ownership, &facts) {
            Ok(steps) => Plan::Converge(converge(&placement, steps, (facts.live, ownership), restraint.patience)),
            Err(trouble) => Plan::Refuse { trouble, untouched: untouched(&placement, &ownership, facts) },
        },
    }
}

fn unread(placement: &Placement) -> Untouched {
    Untouched { inventory: recorded(placement).to_vec(), live: None }
}

/// What ends while nothing is done has ended all the same, and may be gone at the next look. What the manifest asks for is
/// not known if it cannot be planned.
fn untouched(placement: &Placement, ownership: &Ownership, Facts { outline, live }: Facts) -> Untouched {
    let mut inventory = recorded(placement).to_vec();
    if let (Ok(outline), Ok(schema)) = (outline, schema(placement)) {
        for entry in &mut inventory {
            let identity = Identity::of_entry(entry);
            let said = outline.apply.iter().find(|said| said.identity == identity);
            let Some((said, found)) = said.zip(live.get(&identity)) else { continue };
            let is_drifted = change(said, entry, Some(found), (ownership, &schema)).is_drifted;
            let ended = history::ended(entry, Some(found), is_drifted, || digest(said));
            entry.ended = ended.or_else(|| entry.ended.take());
        }
    }
    Untouched { inventory, live: Some(live) }
}

/// What becomes of the objects of a Placement that is in deletion. A copy that is moved away is always removed; of an
/// application that is deleted its policy decides. What is left untouched needs no answer of the target.
fn part(placement: &Placement, ownership: Ownership, situation: Situation, farewell: Farewell) -> Plan {
    let left = recorded(placement).to_vec();
    if let Situation::Gone(why) = situation {
        return Plan::Abandon { left, why };
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

fn steps(placement: &Placement, ownership: &Ownership, Facts { outline, live }: &Facts) -> Result<Steps, Trouble> {
    let outline = outline.as_ref().map_err(|error| Trouble::Manifest(error.clone()))?;
    let schema = schema(placement)?;
    let mut wanted = outline.inventory(recorded(placement));
    wanted.truncate(outline.apply.len());
    frozen::record(&mut wanted, &outline.apply, live, &schema);
    let mut apply = Vec::new();
    for (said, entry) in outline.apply.iter().zip(&mut wanted) {
        let found = live.get(&said.identity);
        if let Some(found) = found {
            ownership.check(entry, found).map_err(Trouble::Target)?;
        }
        entry.adopted = history::is_adopted(entry, found, ownership);
        let change = change(said, entry, found, (ownership, &schema));
        entry.ended = history::ended(entry, found, change.is_drifted, || digest(said));
        let is_over = found.is_none() && entry.ended.is_some();
        if !is_over && (change.is_drifted || !is_current(placement)) {
            apply.push(change);
        }
    }
    let stale = outline.prune.iter().filter(|stale| !is_served_as_another(stale, &wanted, live));
    let prune = stale.cloned().collect();
    Ok(Steps { wanted, apply, prune })
}

fn digest(said: &Desired) -> String {
    labels::digest(&[&said.body.to_string()])
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

/// How what the manifest says, and what is recorded of it, becomes what is there.
fn change(
    said: &Desired,
    entry: &InventoryEntry,
    found: Option<&Value>,
    (ownership, schema): (&Ownership, &ObserverSchema),
) -> Change {
    let mut desired = frozen::read(entry).map_or_else(|| said.body.clone(), |kept| complete(&said.body, &kept));
    mark(&mut desired, entry, ownership);
    let (body, is_drifted, shortening) = match found {
        None => (desired, true, None),
        Some(found) => {
            let drift = diff::drift(&desired, found, schema);
            let mut body = keep_unobserved(&desired, found, schema);
            mark(&mut body, entry, ownership);
            let shortening = diff::shortening(&body, &drift);
            (body, !drift.is_empty() || !is_marked(found, entry, ownership), shortening)
        }
    };
    Change { identity: said.identity.clone(), entry: said.entry(None), body, is_drifted, shortening }
}

fn mark(body: &mut Value, entry: &InventoryEntry, ownership: &Ownership) {
    ownership.mark(body);
    if is_left_behind(entry) {
        Ownership::mark_adopted(body);
    }
}

/// Our marks are part of what is desired, so that an object that lost them, or never had them, is taken (back) into care.
fn is_marked(found: &Value, entry: &InventoryEntry, ownership: &Ownership) -> bool {
    ownership.tie(found) == Tie::Ours && (Ownership::is_adopted(found) || !is_left_behind(entry))
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
