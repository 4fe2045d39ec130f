//! What an object's deletion needs next.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use krake_crds::kubernetes::Placement;
use kube::ResourceExt;

use super::{
    index::{Entry, Rivalry},
    observe::Observed,
    report::{AWAITING_DEPENDENTS, DELETION_STUCK, OWNERSHIP_CYCLE},
};

/// Names in a message; the rest is only counted.
const NAMED: usize = 3;

/// Members of a cycle in a message, and others that are told of it. Whoever wants to break it needs to know them.
pub(super) const NAMED_OF_CYCLE: usize = 8;

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// See to it that a deletion will wait for what depends on the object.
    Guard,
    /// Nothing.
    Rest,
    /// Delete these, and wait for them and those that are on their way already.
    Cascade {
        /// Objects that depend on the object.
        dependents: Vec<Entry>,
        /// Placements on the cluster.
        placements: Vec<Arc<Placement>>,
        /// What is awaited.
        said: Said,
    },
    /// Nothing is known to need the object any more, but that is not sure.
    Wait(Doubt),
    /// Nothing needs the object any more.
    Release,
}

/// What an object waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// `PascalCase`, from a closed set.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) message: String,
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
    if object.is_forced() {
        return if object.is_leaving() && object.is_guarded() { Plan::Release } else { Plan::Rest };
    }
    if !object.is_leaving() {
        let is_owner = object.is_cluster() || !observed.dependents.is_empty();
        return if is_owner && !object.is_guarded() { Plan::Guard } else { Plan::Rest };
    }
    let left = left(observed);
    if !left.is_empty() || !observed.placements.is_empty() || is_caught(observed) {
        return cascade(observed, &left);
    }
    match (&observed.incomplete, &observed.rivalry) {
        _ if !object.is_guarded() => Plan::Rest,
        (Some(kind), _) => Plan::Wait(Doubt::Incomplete(kind.clone())),
        (None, Some(rivalry)) => Plan::Wait(Doubt::Contested(rivalry.clone())),
        (None, None) => Plan::Release,
    }
}

/// What must be gone.
fn left(observed: &Observed) -> Vec<&Entry> {
    let awaited: BTreeSet<_> = observed.graph.awaited_by(&observed.object.place()).into_iter().collect();
    observed.dependents.iter().filter(|dependent| awaited.contains(&dependent.place())).collect()
}

/// In a cycle nobody can go first, and which of them shall go at all only people can say: it is hardly meant. Once all of
/// them are being deleted they do not wait for each other.
fn is_caught(observed: &Observed) -> bool {
    observed.cycle.iter().any(|member| !member.is_leaving())
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
        said: said(observed, left),
    }
}

fn said(observed: &Observed, left: &[&Entry]) -> Said {
    if is_caught(observed) {
        let members: Vec<_> = observed.cycle.iter().map(ToString::to_string).collect();
        let members = listed(&members, NAMED_OF_CYCLE);
        let message = format!("owners in a cycle: {members}; remove an owner from one of them, or delete all of them");
        return Said { reason: OWNERSHIP_CYCLE, message };
    }
    let awaited = awaited(left, &observed.placements);
    match observed.overdue {
        None => Said { reason: AWAITING_DEPENDENTS, message: awaited },
        Some(patience) => Said { reason: DELETION_STUCK, message: overdue(&observed.object, &awaited, patience) },
    }
}

/// With every way out that is supported.
fn overdue(object: &Entry, awaited: &str, patience: Duration) -> String {
    let minutes = patience.as_secs() / 60;
    let ways = if object.is_cluster() {
        "bring the cluster back, or set its spec.deletionPolicy to Orphan"
    } else {
        "see what they wait for, or remove this object from their owners"
    };
    let forced = krake_crds::finalizer::FORCED;
    format!("{awaited} (for more than {minutes} min): {ways}, or annotate this object with {forced}=true")
}

fn goes_with_its_application(placement: &Placement, observed: &Observed) -> bool {
    observed.dependents.iter().any(|dependent| {
        dependent.is_application()
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
    format!("{} {what}{plural} must go first: {}", names.len(), listed(names, NAMED))
}

fn listed(names: &[String], most: usize) -> String {
    let shown: Vec<_> = names.iter().take(most).map(String::as_str).collect();
    let rest = match names.len().saturating_sub(most) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &rest
}

#[cfg(test)]
mod tests;
