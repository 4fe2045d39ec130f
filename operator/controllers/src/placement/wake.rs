//! What makes the loop look at a Placement again, other than the Placement itself.

use std::{future::ready, sync::Arc};

use futures::{Stream, StreamExt, stream};
use krake_crds::kubernetes::Placement;
use krake_operator_loops::{context::Context, safety};
use krake_operator_targets::{ClusterKey, Wake};
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use tokio_stream::wrappers::BroadcastStream;

use super::observe::orphans;

/// Placements of which something changed on the target, and all those on a target that answers again.
pub(super) fn by_targets(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Placement>> + Send + use<> {
    let woken = context.clone();
    BroadcastStream::new(context.targets.subscribe()).flat_map(move |wake| {
        stream::iter(match wake {
            Ok(Wake::Placement { namespace, name }) => vec![ObjectRef::new(&name).within(&namespace)],
            Ok(Wake::Everything(key)) => placed_on(&woken, |cluster| *cluster == key),
            Ok(Wake::Cluster(_)) => Vec::new(),
            // Fell behind: look at everything instead of missing something.
            Err(_) => placed_on(&woken, |_| true),
        })
    })
}

/// Placements whose Cluster is gone, or goes and leaves alone what is on it: one that is in deletion need not wait for it
/// any longer.
pub(super) fn by_lost_clusters(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Placement>> + Send + use<> {
    let (clusters, woken) = (context.clone(), context.clone());
    let lost = context.clusters.touched().filter_map(move |cluster| {
        let key = ClusterKey::new(cluster.namespace().unwrap_or_default(), cluster.name_any());
        let is_lost = clusters.clusters.find(&key.namespace, &key.name).is_none_or(|cluster| orphans(&cluster));
        ready(is_lost.then_some(key))
    });
    lost.flat_map(move |key| stream::iter(placed_on(&woken, |cluster| *cluster == key)))
}

/// Placements from which a safety policy has kept something, whenever one changes.
pub(super) fn by_policies(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Placement>> + Send + use<> {
    safety::withheld(
        context,
        |context| &context.placements,
        |one| one.status.as_ref().map(|status| &*status.conditions).unwrap_or_default(),
    )
}

fn placed_on(context: &Context, is_meant: impl Fn(&ClusterKey) -> bool) -> Vec<ObjectRef<Placement>> {
    let mut placements = context.placements.store.state();
    placements.retain(|placement| {
        is_meant(&ClusterKey::of(&placement.spec.cluster, &placement.namespace().unwrap_or_default()))
    });
    placements.iter().map(|placement| ObjectRef::from_obj(&**placement)).collect()
}
