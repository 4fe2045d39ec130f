//! What an object's deletion needs next.

use std::{collections::BTreeSet, sync::Arc};

use krake_crds::kubernetes::Placement;
use kube::ResourceExt;

use super::{
    index::{Entry, Rivalry},
    observe::Observed,
};

/// Names in a message; the rest is only counted.
const NAMED: usize = 3;

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// Take care of a cluster that was not seen before.
    Guard,
    /// Nothing.
    Rest,
    /// Delete these, and wait for them and those that are on their way already.
    Cascade {
        /// Objects that depend on the object.
        dependents: Vec<Entry>,
        /// Placements on the cluster.
        placements: Vec<Arc<Placement>>,
        /// What is awaited, for people.
        message: String,
    },
    /// Nothing is known to need the object any more, but that is not sure.
    Wait(Doubt),
    /// Nothing needs the object any more.
    Release,
}

/// Why it is not sure that nothing needs an object.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Its watch has not begun or has failed.
    #[error("not every object of kind {0} is known")]
    Incomplete(String),
    /// Which one is meant only people can say.
    #[error("{} claims the same Krake name, and {} depends on one of them", .0.other, .0.dependent)]
    Contested(Rivalry),
}

pub(super) fn decide(observed: &Observed) -> Plan {
    let object = &observed.object;
    if !object.is_leaving() {
        return if object.is_cluster() && !object.is_guarded() { Plan::Guard } else { Plan::Rest };
    }
    let left = left(observed);
    if !left.is_empty() || !observed.placements.is_empty() {
        return cascade(observed, &left);
    }
    match (&observed.incomplete, &observed.rivalry) {
        _ if !object.is_guarded() => Plan::Rest,
        (Some(kind), _) => Plan::Wait(Doubt::Incomplete(kind.clone())),
        (None, Some(rivalry)) => Plan::Wait(Doubt::Contested(rivalry.clone())),
        (None, None) => Plan::Release,
    }
}

/// What must be marked or gone. Objects of a cycle are marked, but do not wait for each other.
fn left(observed: &Observed) -> Vec<&Entry> {
    let awaited: BTreeSet<_> = observed.graph.awaited_by(&observed.object.place()).into_iter().collect();
    let dependents = observed.dependents.iter();
    dependents.filter(|dependent| !dependent.is_leaving() || awaited.contains(&dependent.place())).collect()
}

fn cascade(observed: &Observed, left: &[&Entry]) -> Plan {
    // The copies of an application that goes are the application controller's to remove, in its order.
    // Which those are cannot be told while an application may not be known.
    let placements = observed.placements.iter().filter(|placement| {
        observed.incomplete.is_none()
            && placement.metadata.deletion_timestamp.is_none()
            && !goes_with_its_application(placement, observed)
    });
    let unmarked = left.iter().filter(|dependent| !dependent.is_leaving());
    Plan::Cascade {
        dependents: unmarked.map(|dependent| (*dependent).clone()).collect(),
        placements: placements.cloned().collect(),
        message: awaited(left, &observed.placements),
    }
}

fn goes_with_its_application(placement: &Placement, observed: &Observed) -> bool {
    observed.dependents.iter().any(|dependent| {
        dependent.kind.kind == "Application"
            && dependent.outline.metadata.namespace == placement.metadata.namespace
            && dependent.outline.name_any() == placement.spec.application
    })
}

fn awaited(left: &[&Entry], placements: &[Arc<Placement>]) -> String {
    let Some(first) = left.first() else {
        return counted("placement", &placements.iter().map(|placement| placement.name_any()).collect::<Vec<_>>());
    };
    let is_one_kind = left.iter().all(|one| one.kind == first.kind);
    let what = if is_one_kind { first.kind.kind.to_lowercase() } else { "object".to_owned() };
    counted(&what, &left.iter().map(|one| one.outline.name_any()).collect::<Vec<_>>())
}

fn counted(what: &str, names: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let shown: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    let rest = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {what}{plural} must go first: {}{rest}", names.len(), shown.join(", "))
}

#[cfg(test)]
mod tests;
