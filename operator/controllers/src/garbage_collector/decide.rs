//! What a cluster's deletion needs next.

use std::sync::Arc;

use krake_crds::{
    finalizer,
    kubernetes::{Application, Placement},
};
use kube::ResourceExt;

use super::observe::Observed;
use crate::finalizers;

/// Names in a message; the rest is only counted.
const NAMED: usize = 3;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// Take care of a cluster that was not seen before.
    Guard,
    /// Nothing.
    Rest,
    /// Delete these, and wait for them and those that are on their way already.
    Cascade {
        applications: Vec<Arc<Application>>,
        placements: Vec<Arc<Placement>>,
        /// What is awaited, for people.
        message: String,
    },
    /// Nothing needs the cluster any more.
    Release,
}

pub(super) fn decide(observed: &Observed) -> Plan {
    let guarded = finalizers::holds(&*observed.cluster, finalizer::CASCADE);
    if observed.cluster.metadata.deletion_timestamp.is_none() {
        return if guarded { Plan::Rest } else { Plan::Guard };
    }
    if observed.applications.is_empty() && observed.placements.is_empty() {
        return if guarded { Plan::Release } else { Plan::Rest };
    }
    let applications = observed.applications.iter().filter(|one| one.metadata.deletion_timestamp.is_none());
    // The copies of an application that goes are the application controller's to remove, in its order.
    let placements = observed.placements.iter().filter(|placement| {
        placement.metadata.deletion_timestamp.is_none() && !goes_with_its_application(placement, observed)
    });
    Plan::Cascade {
        applications: applications.cloned().collect(),
        placements: placements.cloned().collect(),
        message: awaited(observed),
    }
}

fn goes_with_its_application(placement: &Placement, observed: &Observed) -> bool {
    observed.applications.iter().any(|application| {
        application.metadata.namespace == placement.metadata.namespace
            && application.name_any() == placement.spec.application
    })
}

fn awaited(observed: &Observed) -> String {
    let applications = observed.applications.iter().map(|one| one.name_any()).collect::<Vec<_>>();
    if !applications.is_empty() {
        return counted("application", &applications);
    }
    let placements: Vec<_> = observed.placements.iter().map(|one| one.name_any()).collect();
    counted("placement", &placements)
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
