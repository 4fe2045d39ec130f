//! Which applications must be looked at when something that the scheduler sees of the clusters changes: every application
//! of their namespace is decided anew at once, and those for which something follows are looked at. So the decision of all
//! is known before the first of them is written.

use std::{
    collections::BTreeSet,
    future::ready,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, Stream, StreamExt, stream};
use jiff::Timestamp;
use krake_crds::kubernetes::{Application, Cluster};
use krake_operator_loops::{
    context::{Cached, Context, Shared, Touched},
    readings::Snapshot,
    safety,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use tokio_stream::wrappers::WatchStream;

use super::{
    decide::{self, Outcome},
    observe::Observed,
    report,
};

/// Changes are collected for so long: in a large fleet they come in crowds.
const PAUSE: Duration = Duration::from_millis(10);

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// A cluster of this namespace.
    Of(String),
    /// Something that clusters of any namespace may depend on.
    Any,
    /// What the safety policies permit.
    Permits,
}

/// Applications of a namespace, whenever one of its clusters appears, vanishes, or changes in what the scheduler sees of
/// it: state, labels, metrics. Node counts and messages wake nobody, a metric only those whose clusters have it, and a
/// safety policy only those that it has kept from moving.
pub(super) fn by_candidates(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Application>> + Send + use<> {
    let context = context.clone();
    let batches = stream::unfold(changes(&context), |mut changes| async move {
        let first = changes.next().await?;
        tokio::time::sleep(PAUSE).await;
        let mut batch = vec![first];
        while let Some(Some(next)) = changes.next().now_or_never() {
            batch.push(next);
        }
        Some((batch, changes))
    });
    batches.flat_map(move |batch| woken(&batch, &context))
}

/// Those who were kept if they may move now, then namespace by namespace: a large one keeps the others waiting only for
/// its decisions.
fn woken(changes: &[Change], context: &Arc<Context>) -> stream::BoxStream<'static, ObjectRef<Application>> {
    let kept = if changes.contains(&Change::Permits) { withheld(context) } else { Vec::new() };
    let context = context.clone();
    let namespaces = stream::iter(changed(changes, &context));
    let decided = namespaces.then(move |namespace| decided_apart(namespace, context.clone()));
    let woken = stream::once(ready(kept)).chain(decided).flat_map(stream::iter);
    woken.map(|application| ObjectRef::from_obj(&*application)).boxed()
}

/// As [`decided`], beside the other tasks: a large namespace takes a good part of a second, during which the thread would
/// serve nobody else.
async fn decided_apart(namespace: String, context: Arc<Context>) -> Vec<Arc<Application>> {
    let decided = tokio::task::spawn_blocking(move || decided(&namespace, &context)).await;
    decided.unwrap_or_else(|error| match error.try_into_panic() {
        // As if it had happened here: without this stream nobody would be woken any more.
        Ok(panic) => std::panic::resume_unwind(panic),
        // The process ends.
        Err(_) => Vec::new(),
    })
}

fn changes(context: &Arc<Context>) -> stream::BoxStream<'static, Change> {
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
        safety::changes(context).map(|()| Change::Permits).boxed(),
    ])
    .boxed()
}

fn readings(snapshot: &Snapshot) -> stream::BoxStream<'static, Change> {
    WatchStream::from_changes(snapshot.changes()).map(|_| Change::Any).boxed()
}

fn any<K: Cached>(shared: &Shared<K>) -> stream::BoxStream<'static, Change> {
    shared.changes().map(|_| Change::Any).boxed()
}

/// The namespaces in which the scheduler sees something else than before.
fn changed(changes: &[Change], context: &Context) -> BTreeSet<String> {
    let namespaces: BTreeSet<String> = if changes.contains(&Change::Any) {
        context.market.namespaces().into_iter().collect()
    } else {
        changes
            .iter()
            .filter_map(|change| if let Change::Of(name) = change { Some(name.clone()) } else { None })
            .collect()
    };
    namespaces.into_iter().filter(|namespace| context.market.refresh(namespace, context)).collect()
}

/// Those applications of a namespace for which something follows from what is known now.
fn decided(namespace: &str, context: &Context) -> Vec<Arc<Application>> {
    let (started, now, policy) = (Instant::now(), Timestamp::now(), context.policy());
    let candidates = context.market.candidates(namespace, context);
    let (mut woken, mut moves) = (Vec::new(), 0);
    for application in context.applications.in_namespace(namespace) {
        let observed = Observed { application, candidates: candidates.clone() };
        let outcome = decide::decide(&observed, &policy, now);
        let is_new = matches!(&outcome, Outcome::Placed(placed) if placed.news.is_some());
        moves += u64::from(is_new && !report::is_withheld(&observed.application));
        if !report::is_settled(&observed.application, &outcome) {
            woken.push(observed.application);
        }
    }
    context.instruments.decided_anew(moves, started.elapsed());
    woken
}

/// The applications that a safety policy has kept where they are.
fn withheld(context: &Context) -> Vec<Arc<Application>> {
    context.applications.store.state_filter(report::is_withheld)
}

#[cfg(test)]
mod tests;
