//! Which clusters must be looked at when something changes about the clouds.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use krake_crds::kubernetes::Cluster;
use krake_operator_loops::{
    context::{Cached, Context, Shared, Touched},
    parent::ParentCloud,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use tokio_stream::wrappers::WatchStream;

use super::observe::is_open;

/// The namespace of which something has changed; none is every namespace.
type Change = Option<String>;

/// The clusters that have no cloud, whenever a cloud appears, vanishes or changes, and whenever a metric does.
pub(super) fn by_clouds(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Cluster>> + Send + use<> {
    let context = context.clone();
    changes(&context).flat_map(move |change| {
        let clusters = context.clusters.store.state_filter(|cluster| is_woken(cluster, &change, &context));
        stream::iter(clusters.into_iter().map(|cluster| ObjectRef::from_obj(&*cluster)))
    })
}

fn is_woken(cluster: &Cluster, change: &Change, context: &Context) -> bool {
    let is_meant = change.is_none() || *change == cluster.metadata.namespace;
    is_meant && is_open(cluster) && ParentCloud::of(cluster, context).is_none()
}

fn changes(context: &Context) -> impl Stream<Item = Change> + Send + use<> {
    let clouds = context.clouds.changes().map(|touched| match touched {
        Touched::One(cloud) => cloud.namespace(),
        Touched::All => None,
    });
    // A metric that was made or is gone is no reading yet.
    stream::select_all([
        clouds.boxed(),
        any(&context.global_clouds),
        any(&context.metrics),
        any(&context.global_metrics),
        WatchStream::from_changes(context.readings.changes()).map(|_| None).boxed(),
    ])
}

fn any<K: Cached>(shared: &Shared<K>) -> stream::BoxStream<'static, Change> {
    shared.changes().map(|_| None).boxed()
}
