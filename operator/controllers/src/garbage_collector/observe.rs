//! What depends on a cluster.

use std::sync::Arc;

use krake_crds::{
    kubernetes::{Application, Cluster, Placement},
    reference::ObjectReference,
};
use krake_operator_domain::ownership;
use kube::ResourceExt;

use crate::context::Context;

/// A cluster and what depends on it.
pub(super) struct Observed {
    pub(super) cluster: Arc<Cluster>,
    /// Applications that were scheduled to it, run on it, or name it as an owner; by name.
    pub(super) applications: Vec<Arc<Application>>,
    /// Placements on it; by name.
    pub(super) placements: Vec<Arc<Placement>>,
}

pub(super) fn observe(cluster: &Arc<Cluster>, context: &Context) -> Observed {
    if cluster.metadata.deletion_timestamp.is_none() {
        return Observed { cluster: cluster.clone(), applications: Vec::new(), placements: Vec::new() };
    }
    let mut applications = context.applications.store.state_filter(|application| depends_on(application, cluster));
    applications.sort_by_key(|application| (application.namespace(), application.name_any()));
    let reference = reference_to(cluster);
    let mut placements = context.placements.store.state_filter(|placement| placement.spec.cluster == reference);
    placements.sort_by_key(|placement| (placement.namespace(), placement.name_any()));
    Observed { cluster: cluster.clone(), applications, placements }
}

/// The cluster, as others refer to it.
pub(super) fn reference_to(cluster: &Cluster) -> ObjectReference {
    ObjectReference::cluster(&cluster.namespace().unwrap_or_default(), &cluster.name_any())
}

/// Whether the application must go before the cluster.
pub(super) fn depends_on(application: &Application, cluster: &Cluster) -> bool {
    ownership::dependents(cluster, [application]).next().is_some()
}
