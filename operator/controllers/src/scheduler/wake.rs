//! Which applications must be looked at when something that the scheduler sees of the clusters changes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt, stream};
use krake_crds::kubernetes::{Application, Cluster};
use krake_operator_loops::{
    context::{Cached, Context, Shared, Touched},
    readings::Snapshot,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use tokio_stream::wrappers::WatchStream;

/// Changes are collected for so long: in a large fleet they come in crowds.
const PAUSE: Duration = Duration::from_millis(10);

/// What has changed: this namespace, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Of(String),
    Any,
}

/// The applications of a namespace, whenever one of its clusters appears, vanishes, or changes in what the scheduler sees
/// of it: state, labels, metrics. Node counts and messages wake nobody, and a metric only those whose clusters have it.
pub(super) fn by_candidates(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Application>> + Send + use<> {
    let context = context.clone();
    let changes = changes(&context);
    stream::unfold((changes, context), |(mut changes, context)| async move {
        let first = changes.next().await?;
        tokio::time::sleep(PAUSE).await;
        let mut all = vec![first];
        while let Some(Some(next)) = changes.next().now_or_never() {
            all.push(next);
        }
        let woken = woken(&all, &context);
        Some((stream::iter(woken), (changes, context)))
    })
    .flatten()
}

fn changes(context: &Context) -> stream::BoxStream<'static, Change> {
    let clusters = context.clusters.changes().map(|touched| match touched {
        Touched::One(cluster) => Change::Of(Cluster::namespace(&cluster).unwrap_or_default()),
        Touched::All => Change::Any,
    });
    // A metric that was made or is gone is no reading yet.
    stream::select_all([
        clusters.boxed(),
        readings(&context.readings),
        any(&context.metrics),
        any(&context.global_metrics),
        any(&context.clouds),
        any(&context.global_clouds),
    ])
    .boxed()
}

fn readings(snapshot: &Snapshot) -> stream::BoxStream<'static, Change> {
    WatchStream::from_changes(snapshot.changes()).map(|_| Change::Any).boxed()
}

fn any<K: Cached>(shared: &Shared<K>) -> stream::BoxStream<'static, Change> {
    shared.changes().map(|_| Change::Any).boxed()
}

fn woken(changes: &[Change], context: &Context) -> Vec<ObjectRef<Application>> {
    let namespaces: BTreeSet<String> = if changes.contains(&Change::Any) {
        context.market.namespaces().into_iter().collect()
    } else {
        changes
            .iter()
            .filter_map(|change| if let Change::Of(name) = change { Some(name.clone()) } else { None })
            .collect()
    };
    let others: BTreeSet<String> =
        namespaces.into_iter().filter(|namespace| context.market.refresh(namespace, context)).collect();
    let applications = context.applications.store.state_filter(|application| {
        application.metadata.namespace.as_ref().is_some_and(|namespace| others.contains(namespace))
    });
    applications.into_iter().map(|application| ObjectRef::from_obj(&*application)).collect()
}
