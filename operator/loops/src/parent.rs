//! The cloud that a cluster was scheduled to.

use std::sync::Arc;

use krake_crds::{
    infrastructure::{Cloud, GlobalCloud},
    kubernetes::Cluster,
};
use krake_operator_domain::scheduling::inheritance::Parent;
use kube::Resource;

use crate::context::Context;

/// The cloud that a cluster was scheduled to.
pub enum ParentCloud {
    /// One of the cluster's namespace.
    Own(Arc<Cloud>),
    /// One for every namespace.
    Global(Arc<GlobalCloud>),
}

impl ParentCloud {
    /// That of this cluster, if it has one and it exists.
    pub fn of(cluster: &Cluster, context: &Context) -> Option<Self> {
        let place = cluster.status.as_ref()?.scheduled_to.as_ref()?;
        let is = |kind: &str| place.kind == kind;
        if is(&GlobalCloud::kind(&())) {
            return context.global_clouds.named(&place.name).map(Self::Global);
        }
        // A cloud of another namespace is none of its business, whoever wrote that down.
        let namespace = cluster.metadata.namespace.as_deref()?;
        if place.namespace.as_deref().is_some_and(|named| named != namespace) {
            return None;
        }
        is(&Cloud::kind(&())).then(|| context.clouds.find(namespace, &place.name)).flatten().map(Self::Own)
    }

    /// What is inherited from it.
    #[must_use]
    pub fn parent(&self) -> Parent<'_> {
        match self {
            Self::Own(cloud) => Parent { spec: &cloud.spec, is_global: false },
            Self::Global(cloud) => Parent { spec: &cloud.spec.0, is_global: true },
        }
    }
}
