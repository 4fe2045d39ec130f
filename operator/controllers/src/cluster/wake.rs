//! What makes the loop look at a Cluster again, other than the Cluster itself.

use std::{error::Error, future::ready, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use krake_crds::kubernetes::Cluster;
use krake_operator_loops::context::Context;
use krake_operator_targets::{ClusterKey, Wake};
use kube::{
    Api, ResourceExt,
    api::PartialObjectMeta,
    runtime::{WatchStreamExt, reflector::ObjectRef, watcher},
};
use tokio_stream::wrappers::BroadcastStream;

/// A connection that nobody needs costs a probe every few seconds; it may live a little longer.
const SWEEP_PERIOD: Duration = Duration::from_secs(10);

/// Clusters whose kubeconfig's Secret changed. Only metadata is watched: no Secret but the ones that are named is read.
pub(super) fn by_secrets(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Cluster>> + Send + use<> {
    let secrets: Api<PartialObjectMeta<Secret>> = Api::all(context.client.clone());
    let context = context.clone();
    let stop = context.stop.clone();
    watcher(secrets, watcher::Config::default().page_size(250))
        .default_backoff()
        .touched_objects()
        .take_until(stop.cancelled_owned())
        .filter_map(|event| {
            let warn = |error: &watcher::Error| {
                tracing::warn!(kind = "Secret", error = error as &dyn Error, "watch interrupted");
            };
            ready(event.inspect_err(warn).ok())
        })
        .flat_map(move |secret| {
            let mut clusters = context.clusters.in_namespace(&secret.namespace().unwrap_or_default());
            clusters.retain(|cluster| names(cluster, &secret.name_any()));
            stream::iter(clusters.into_iter().map(|cluster| ObjectRef::from_obj(&*cluster)))
        })
}

fn names(cluster: &Cluster, secret: &str) -> bool {
    cluster.spec.kubeconfig_secret_ref.as_ref().is_some_and(|reference| reference.name == secret)
}

/// Clusters of which the probes or the node watches found something new.
pub(super) fn by_targets(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Cluster>> + Send + use<> {
    let clusters = context.clusters.store.clone();
    BroadcastStream::new(context.targets.subscribe()).flat_map(move |wake| {
        stream::iter(match wake {
            Ok(Wake::Cluster(ClusterKey { namespace, name })) => vec![ObjectRef::new(&name).within(&namespace)],
            Ok(Wake::Placement { .. } | Wake::Everything(_)) => Vec::new(),
            // Fell behind: look at every cluster instead of missing one.
            Err(_) => clusters.state().iter().map(|cluster| ObjectRef::from_obj(&**cluster)).collect(),
        })
    })
}

/// Ends the connections to Clusters that are gone, for which there is nothing left to reconcile. Compares instead of
/// listening, because a watch that starts over does not say what has vanished meanwhile.
pub(super) async fn disconnect_the_gone(context: &Arc<Context>) {
    let mut turns = tokio::time::interval(SWEEP_PERIOD);
    while context.stop.run_until_cancelled(turns.tick()).await.is_some() {
        let gone = |key: &ClusterKey| context.is_synced() && context.clusters.find(&key.namespace, &key.name).is_none();
        for key in context.targets.connected().into_iter().filter(gone) {
            tracing::info!(target.name = %key, "disconnecting a cluster that is no longer registered");
            context.targets.disconnect(&key);
        }
    }
}
