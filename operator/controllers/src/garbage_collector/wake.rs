//! Which clusters must be looked at when something that may depend on them changes.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use krake_crds::kubernetes::Cluster;
use kube::runtime::reflector::ObjectRef;

use crate::context::Context;

/// The clusters that are being deleted, whenever an Application or a Placement changes or vanishes. There are few of
/// them, and none most of the time.
pub(super) fn by_dependents(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Cluster>> + Send + use<> {
    let applications = context.applications.touched().map(drop);
    let placements = context.placements.touched().map(drop);
    let context = context.clone();
    stream::select(applications, placements).flat_map(move |()| {
        let leaving = context.clusters.store.state_filter(|cluster| cluster.metadata.deletion_timestamp.is_some());
        stream::iter(leaving.into_iter().map(|cluster| ObjectRef::from_obj(&*cluster)))
    })
}
