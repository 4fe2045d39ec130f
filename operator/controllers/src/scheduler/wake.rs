//! Which applications must be looked at when a cluster changes.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use krake_crds::kubernetes::Application;
use krake_operator_domain::scheduling::Candidate;
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use crate::{changes::Changes, context::Context};

/// The applications of a namespace, whenever one of its clusters appears, vanishes, or changes in what the scheduler
/// sees of it. Node counts and messages wake nobody.
pub(super) fn by_clusters(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Application>> + Send + use<> {
    let mut seen = Changes::default();
    let context = context.clone();
    context.clusters.touched().flat_map(move |cluster| {
        let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
        let candidate = context.clusters.find(&namespace, &name).map(|cluster| Candidate::of(&cluster));
        let changed = seen.notes((namespace.clone(), name), candidate);
        let woken = if changed { context.applications.in_namespace(&namespace) } else { Vec::new() };
        stream::iter(woken.into_iter().map(|application| ObjectRef::from_obj(&*application)))
    })
}
