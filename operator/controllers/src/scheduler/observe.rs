//! What a scheduling decision needs: the application, and the clusters of its namespace.

use std::sync::Arc;

use krake_crds::kubernetes::Application;
use krake_operator_domain::scheduling::Candidate;
use krake_operator_loops::context::Context;
use kube::ResourceExt;

/// An application and the places that it might have.
pub(super) struct Observed {
    /// The application.
    pub(super) application: Arc<Application>,
    /// Every cluster of its namespace and no other.
    pub(super) candidates: Arc<[Candidate]>,
}

pub(super) fn observe(application: &Arc<Application>, context: &Context) -> Observed {
    let candidates = context.market.candidates(&application.namespace().unwrap_or_default(), context);
    Observed { application: application.clone(), candidates }
}
