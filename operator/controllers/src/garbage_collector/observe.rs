//! What depends on an object.

use std::sync::Arc;

use krake_crds::kubernetes::Placement;
use krake_operator_domain::ownership::Graph;
use kube::ResourceExt;

use super::index::{Entry, Index, Rivalry};
use crate::context::Context;

/// An object and what depends on it.
pub(super) struct Observed {
    /// The object.
    pub(super) object: Entry,
    /// What depends on it, by kind, namespace and name.
    pub(super) dependents: Vec<Entry>,
    /// Who depends on whom around the object.
    pub(super) graph: Graph,
    /// Placements on it, if it is a Cluster; by name.
    pub(super) placements: Vec<Arc<Placement>>,
    /// A kind of which some object may not be known.
    pub(super) incomplete: Option<String>,
    /// Somebody relies on names that another object claims too; those are no dependents.
    pub(super) rivalry: Option<Rivalry>,
}

pub(super) fn observe(object: Entry, index: &Index, context: &Context) -> Observed {
    // Before anything is looked up: what was not complete then may have been missed.
    let incomplete = index.incomplete();
    if !is_due(&object) {
        let (dependents, graph, placements) = (vec![], Graph::default(), vec![]);
        return Observed { object, dependents, graph, placements, incomplete, rivalry: None };
    }
    let rivalry = index.rivalry(&object);
    let dependents = index.dependents_of(&object, rivalry.as_ref());
    let graph = if dependents.is_empty() { Graph::default() } else { index.graph_around(&object, &dependents) };
    let place = object.place();
    let mut placements = context.placements.store.state_filter(|placement| placement.spec.cluster == place);
    placements.sort_by_key(|placement| (placement.namespace(), placement.name_any()));
    Observed { object, dependents, graph, placements, incomplete, rivalry }
}

/// Of the other kinds only those are collected that wait for it. A Cluster may have been deleted before it was guarded.
fn is_due(object: &Entry) -> bool {
    object.is_leaving() && (object.is_guarded() || object.is_cluster())
}
