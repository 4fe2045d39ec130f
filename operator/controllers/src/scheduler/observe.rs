//! What a scheduling decision needs: the application, and the clusters of its namespace.

use std::sync::Arc;

use krake_crds::kubernetes::Application;
use krake_operator_domain::scheduling::Candidate;
use kube::ResourceExt;

use crate::context::Context;

/// An application and the places that it might have.
pub(super) struct Observed {
    /// The application.
    pub(super) application: Arc<Application>,
    /// Every cluster of its namespace and no other: that is the wall between tenants.
    pub(super) candidates: Vec<Candidate>,
}

pub(super) fn observe(application: &Arc<Application>, context: &Context) -> Observed {
    let namespace = application.namespace().unwrap_or_default();
    let mut clusters = context.clusters.in_namespace(&namespace);
    clusters.sort_by_key(|cluster| cluster.name_any());
    let candidates = clusters.iter().map(|cluster| Candidate::of(cluster)).collect();
    Observed { application: application.clone(), candidates }
}
