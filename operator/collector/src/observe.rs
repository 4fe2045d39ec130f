//! What depends on an object.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use krake_crds::kubernetes::Placement;
use krake_operator_domain::ownership::Graph;
use krake_operator_loops::context::Context;
use kube::ResourceExt;

use super::index::{Entry, Index, Rivalry};

/// An object and what depends on it.
pub(super) struct Observed {
    /// The object.
    pub(super) object: Entry,
    /// What depends on it, by kind, namespace and name.
    pub(super) dependents: Vec<Entry>,
    /// Who depends on whom around the object.
    pub(super) graph: Graph,
    /// Those that depend on each other, with the object; empty unless it is in a cycle.
    pub(super) cycle: Vec<Entry>,
    /// Placements on it, if it is a Cluster; by name.
    pub(super) placements: Vec<Arc<Placement>>,
    /// A kind of which some object may not be known.
    pub(super) incomplete: Option<String>,
    /// Somebody relies on names that another object claims too; those are no dependents.
    pub(super) rivalry: Option<Rivalry>,
    /// It has waited longer than anybody should expect: so long at least.
    pub(super) overdue: Option<Duration>,
}

pub(super) fn observe(object: Entry, index: &Index, context: &Context) -> Observed {
    // Before anything is looked up: what was not complete then may have been missed.
    let incomplete = index.incomplete();
    let mut observed = Observed {
        object,
        dependents: vec![],
        graph: Graph::default(),
        cycle: vec![],
        placements: vec![],
        incomplete,
        rivalry: None,
        overdue: None,
    };
    let object = &observed.object;
    if object.is_leaving() {
        observed.rivalry = index.rivalry(object);
        observed.dependents = index.dependents_of(object, observed.rivalry.as_ref());
        if !observed.dependents.is_empty() {
            observed.graph = index.graph_around(object, &observed.dependents);
            observed.cycle = index.members(&observed.graph.cycle_of(&object.place()));
        }
        observed.placements = placements_on(object, context);
        observed.overdue = overdue(object, context.settings.deletion_patience, Timestamp::now());
    } else if !object.is_guarded() && index.may_own(object) {
        observed.dependents = index.dependents_of(object, None);
    }
    observed
}

fn placements_on(object: &Entry, context: &Context) -> Vec<Arc<Placement>> {
    let place = object.place();
    let mut placements = context.placements.store.state_filter(|placement| placement.spec.cluster == place);
    placements.sort_by_key(|placement| (placement.namespace(), placement.name_any()));
    placements
}

fn overdue(object: &Entry, patience: Duration, now: Timestamp) -> Option<Duration> {
    let since = object.outline.metadata.deletion_timestamp.as_ref()?.0;
    (now.duration_since(since).unsigned_abs() > patience && now > since).then_some(patience)
}
