//! One watch and one cache per kind, for every controller that needs it.

use std::{fmt::Debug, future::ready, hash::Hash, sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream, stream::FuturesUnordered};
use kube::{Api, Client, Resource, ResourceExt, core::NamespaceResourceScope};
use kube_runtime::{
    Controller, WatchStreamExt,
    controller::Config,
    reflector::{ObjectRef, Store, store::Writer},
    watcher::{self, DefaultBackoff, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::{broadcast, watch};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use super::grouping::Grouping;

/// How many changes a controller may fall behind before it looks at every object once instead.
const BACKLOG: usize = 4096;

/// Objects reconciled at once by one controller: mostly they wait for the API server.
const CONCURRENCY: u16 = 64;

/// Longest pause before a watch starts over. As kube's own between two failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Any kind that a shared cache can hold, known at compile time or not.
pub trait Cached:
    Resource<DynamicType: Clone + Debug + Eq + Hash + Send + Sync + Unpin + 'static>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> Cached for K where
    K: Resource<DynamicType: Clone + Debug + Eq + Hash + Send + Sync + Unpin + 'static>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// The kinds that are known at compile time, in a namespace or not.
pub trait Known: Cached + Resource<DynamicType = ()> {}

impl<K> Known for K where K: Cached + Resource<DynamicType = ()> {}

/// The kinds that most controllers watch: namespaced, known at compile time, held in a shared cache.
pub trait Watched: Known + Resource<Scope = NamespaceResourceScope> {}

impl<K> Watched for K where K: Known + Resource<Scope = NamespaceResourceScope> {}

/// One watch and one cache of a kind, for every controller that needs it.
pub struct Shared<K: Cached> {
    /// Which kind.
    pub kind: K::DynamicType,
    /// Every object of the kind, as last seen.
    pub store: Store<K>,
    touched: broadcast::Sender<Touched<K>>,
    grouping: Option<Arc<Grouping<K>>>,
    // Not `Store::wait_until_ready`: in kube 5 only the last of several tasks that wait for it is woken.
    fill: watch::Receiver<Fill>,
}

/// What was touched.
#[derive(Clone, Debug)]
pub enum Touched<K> {
    /// This object was changed or deleted.
    One(Arc<K>),
    /// Anything may have changed: the cache was filled anew.
    All,
}

/// How far the absence of an object from a cache means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// Not at all: the cache was never filled completely.
    Partial,
    /// It was once; since then the watch has failed, and may have missed something. Only a new list heals that.
    Interrupted,
    /// As far as the watch is fast.
    Current,
}

impl<K: Cached> Shared<K> {
    /// The cache, and the pump that fills it from `events` until `stop` is cancelled. The pump must be polled. `events`
    /// is called again, after a pause, when a watch has failed: what it missed only a list can tell.
    pub fn start_from<S>(
        kind: K::DynamicType,
        events: impl FnMut() -> S + Send,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send)
    where
        S: Stream<Item = watcher::Result<watcher::Event<K>>> + Send,
    {
        Self::start_grouped(kind, None, events, stop)
    }

    fn start_grouped<S>(
        kind: K::DynamicType,
        grouping: Option<Arc<Grouping<K>>>,
        events: impl FnMut() -> S + Send,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send)
    where
        S: Stream<Item = watcher::Result<watcher::Event<K>>> + Send,
    {
        let writer = Writer::new(kind.clone());
        let store = writer.as_reader();
        let (touched, _) = broadcast::channel(BACKLOG);
        let (fills, fill) = watch::channel(Fill::Partial);
        let signals = Signals { touched: touched.clone(), fills };
        let shared = Self { kind: kind.clone(), store, touched, grouping: grouping.clone(), fill };
        let pump = Pump { kind, writer, signals, grouping };
        (shared, async move { stop.run_until_cancelled(pump.run(events)).await.unwrap_or_default() })
    }

    /// Returns once the cache has been filled completely; `false` if it never will be.
    pub fn filled(&self) -> impl Future<Output = bool> + Send + use<K> {
        let mut fill = self.fill.clone();
        async move { fill.wait_for(|fill| *fill != Fill::Partial).await.is_ok() }
    }

    /// Whether the cache is complete and its watch has not failed since it was last listed.
    #[must_use]
    pub fn is_current(&self) -> bool {
        *self.fill.borrow() == Fill::Current
    }

    /// Everything once, then what is touched. One that fell behind, or whose watch had to start over, gets everything
    /// again instead of a hole.
    pub fn changes(&self) -> impl Stream<Item = Touched<K>> + Send + use<K> {
        let changes = BroadcastStream::new(self.touched.subscribe());
        let first = stream::once(self.filled()).filter_map(|filled| ready(filled.then_some(Touched::All)));
        first.chain(changes.map(|next| next.unwrap_or(Touched::All)))
    }

    /// Every object once, then each one that is changed or deleted; every object again instead of a hole.
    pub fn touched(&self) -> impl Stream<Item = Arc<K>> + Send + use<K> {
        let store = self.store.clone();
        self.changes().flat_map(move |next| {
            stream::iter(match next {
                Touched::One(object) => vec![object],
                Touched::All => store.state(),
            })
        })
    }

    /// A controller of this kind that is woken by every change of its objects.
    #[must_use]
    pub fn controller(&self) -> Controller<K> {
        self.controller_after(Duration::ZERO)
    }

    /// As [`Self::controller`]; an object is looked at once it has not been touched for `pause`.
    pub fn controller_after(&self, pause: Duration) -> Controller<K> {
        let kind = self.kind.clone();
        // `reconcile_on` is behind an unstable feature of kube; this is the one place that relies on it for a kind's
        // own changes, in place of kube's shared streams, which hide deletions.
        Controller::for_stream_with(stream::pending(), self.store.clone(), kind.clone())
            .with_config(Config::default().concurrency(CONCURRENCY).debounce(pause))
            .reconcile_on(self.touched().map(move |object| ObjectRef::from_obj_with(&*object, kind.clone())))
    }
}

impl<K: Known> Shared<K> {
    /// The cache, and the pump that fills it until `stop` is cancelled. The pump must be polled.
    pub fn start(client: Client, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send) {
        Self::start_with(client, None, stop)
    }

    fn start_with(
        client: Client,
        grouping: Option<Arc<Grouping<K>>>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let events = move || {
            watcher(Api::<K>::all(client.clone()), watcher::Config::default().page_size(250))
                .default_backoff()
                .modify(|object| object.managed_fields_mut().clear())
        };
        Self::start_grouped((), grouping, events, stop)
    }

    /// The object of this name, if the kind has no namespaces, as last seen.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name))
    }
}

impl<K: Watched> Shared<K> {
    /// The objects of this group, as last seen; none if the cache was started without groups.
    #[must_use]
    pub fn in_group(&self, group: &str) -> Vec<Arc<K>> {
        let members = self.grouping.as_ref().map(|grouping| grouping.members(group)).unwrap_or_default();
        members.iter().filter_map(|(namespace, name)| self.find(namespace, name)).collect()
    }

    /// The object of this name, as last seen.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// The objects of this namespace, as last seen.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        self.store.state_filter(|object| object.meta().namespace.as_deref() == Some(namespace))
    }
}

/// Starts caches one after the other, and keeps what all of them have in common.
pub(super) struct Starting {
    client: Client,
    stop: CancellationToken,
    /// Fill the caches; must be polled.
    pub(super) pumps: FuturesUnordered<BoxFuture<'static, ()>>,
    /// How far each of them is.
    pub(super) fills: Vec<watch::Receiver<Fill>>,
}

impl Starting {
    pub(super) fn new(client: Client, stop: CancellationToken) -> Self {
        Self { client, stop, pumps: FuturesUnordered::new(), fills: Vec::new() }
    }

    pub(super) fn shared<K: Known>(&mut self) -> Shared<K> {
        self.start(None)
    }

    /// One whose objects are found by the group that they are in, as well; the group of an object must never change.
    pub(super) fn grouped<K: Known>(&mut self, group_of: fn(&K) -> String) -> Shared<K> {
        self.start(Some(Arc::new(Grouping::new(group_of))))
    }

    fn start<K: Known>(&mut self, grouping: Option<Arc<Grouping<K>>>) -> Shared<K> {
        let (shared, pump) = Shared::start_with(self.client.clone(), grouping, self.stop.clone());
        self.pumps.push(pump.boxed());
        self.fills.push(shared.fill.clone());
        shared
    }
}

/// How a pump tells what it has done.
struct Signals<K> {
    touched: broadcast::Sender<Touched<K>>,
    fills: watch::Sender<Fill>,
}

impl<K> Signals<K> {
    fn brought(&self, news: Touched<K>) {
        // Nobody listening is fine: the cache itself is what matters.
        drop(self.touched.send(news));
    }

    fn listed(&self) {
        self.fills.send_if_modified(|fill| std::mem::replace(fill, Fill::Current) != Fill::Current);
        self.brought(Touched::All);
    }

    /// Whether it was current before.
    fn interrupted(&self) -> bool {
        self.fills.send_if_modified(|fill| {
            let was_current = *fill == Fill::Current;
            *fill = if was_current { Fill::Interrupted } else { *fill };
            was_current
        })
    }
}

/// Fills one cache.
struct Pump<K: Cached> {
    kind: K::DynamicType,
    writer: Writer<K>,
    signals: Signals<K>,
    grouping: Option<Arc<Grouping<K>>>,
}

impl<K: Cached> Pump<K> {
    async fn run<S>(mut self, mut events: impl FnMut() -> S + Send)
    where
        S: Stream<Item = watcher::Result<watcher::Event<K>>> + Send,
    {
        // Of all watches together: each new one would begin with the shortest pause.
        let mut pauses = DefaultBackoff::default();
        loop {
            self.follow(events()).await;
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    /// Until the watch has missed something.
    async fn follow(&mut self, events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send) {
        let mut events = std::pin::pin!(events);
        while let Some(next) = events.next().await {
            match next {
                Ok(event) => self.take(event),
                Err(error) if self.has_missed_something(&error) => return,
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, event: watcher::Event<K>) {
        self.writer.apply_watcher_event(&event);
        self.group(&event);
        match event {
            watcher::Event::Apply(object) | watcher::Event::Delete(object) => {
                self.signals.brought(Touched::One(Arc::new(object)));
            }
            watcher::Event::InitDone => self.signals.listed(),
            watcher::Event::Init | watcher::Event::InitApply(_) => {}
        }
    }

    fn group(&self, event: &watcher::Event<K>) {
        let Some(grouping) = &self.grouping else { return };
        match event {
            watcher::Event::Apply(object) => grouping.add(object),
            watcher::Event::Delete(object) => grouping.remove(object),
            watcher::Event::InitDone => {
                let all = self.writer.as_reader().state();
                grouping.reset(all.iter().map(|object| &**object));
            }
            watcher::Event::Init | watcher::Event::InitApply(_) => {}
        }
    }

    /// A failure before the list is complete is no reason to begin another list: the watch itself goes on with it.
    fn has_missed_something(&self, error: &watcher::Error) -> bool {
        tracing::warn!(kind = %K::kind(&self.kind), error = error as &dyn std::error::Error, "watch interrupted");
        self.signals.interrupted()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use krake_crds::kubernetes::Cluster;
    use serde_json::json;

    use super::*;
    use crate::testing::Server;

    #[tokio::test]
    async fn everybody_who_waits_for_a_cache_is_woken() {
        let list = json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "ClusterList",
            "metadata": { "resourceVersion": "1" },
            "items": [{ "metadata": { "name": "edge", "namespace": "web" }, "spec": {} }],
        });
        let stop = CancellationToken::new();
        let (clusters, pump) = Shared::<Cluster>::start(Server::answering([list]).client(), stop.clone());
        // Tasks of their own: waiters within one task would wake each other.
        let waiters = [tokio::spawn(clusters.filled()), tokio::spawn(clusters.filled())];
        let mut touched = Box::pin(clusters.touched());
        let first = tokio::spawn(async move { touched.next().await.map(|cluster| cluster.name_any()) });
        let pump = tokio::spawn(pump);
        for waiter in waiters {
            let woken = tokio::time::timeout(Duration::from_secs(10), waiter).await.expect("a waiter was not woken");
            assert!(woken.unwrap());
        }
        let first = tokio::time::timeout(Duration::from_secs(10), first).await.expect("the stream was not woken");
        assert_eq!(first.unwrap().as_deref(), Some("edge"));
        stop.cancel();
        pump.await.unwrap();
    }

    fn failure() -> watcher::Result<watcher::Event<Cluster>> {
        Err(watcher::Error::NoResourceVersion)
    }

    fn listed() -> [watcher::Result<watcher::Event<Cluster>>; 2] {
        [Ok(watcher::Event::Init), Ok(watcher::Event::InitDone)]
    }

    #[tokio::test(start_paused = true)]
    async fn a_cache_whose_watch_failed_is_current_again_once_it_was_listed_anew() {
        let mut is_first = true;
        let events = move || {
            let failed = std::mem::take(&mut is_first).then(failure);
            stream::iter(listed().into_iter().chain(failed)).chain(stream::pending())
        };
        let stop = CancellationToken::new();
        let (clusters, pump) = Shared::<Cluster>::start_from((), events, stop.clone());
        let pump = tokio::spawn(pump);
        let mut fill = clusters.fill.clone();
        let mut until = async |expected| {
            let reached = tokio::time::timeout(Duration::from_secs(10), fill.wait_for(|fill| *fill == expected)).await;
            reached.expect("not reached").unwrap();
        };
        until(Fill::Interrupted).await;
        assert!(!clusters.is_current());
        until(Fill::Current).await;
        assert!(clusters.is_current());
        stop.cancel();
        pump.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_while_it_is_listed_leaves_the_list_to_the_watch_and_news_do_not_hide_the_hole() {
        let edge: Cluster =
            serde_json::from_value(json!({ "metadata": { "name": "edge", "namespace": "web" }, "spec": {} })).unwrap();
        let broken = [listed().into_iter().chain([failure()]).collect::<Vec<_>>()];
        let mut watches = broken.into_iter().chain([vec![failure(), Ok(watcher::Event::Apply(edge))]]);
        let events = move || stream::iter(watches.next().expect("one watch too many")).chain(stream::pending());
        let stop = CancellationToken::new();
        let (clusters, pump) = Shared::<Cluster>::start_from((), events, stop.clone());
        let mut touched = Box::pin(clusters.touched());
        let pump = tokio::spawn(pump);
        let name = touched.next().await.map(|cluster| cluster.name_any());
        assert_eq!(name.as_deref(), Some("edge"));
        assert!(!clusters.is_current());
        stop.cancel();
        pump.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_fails_after_every_list_is_started_less_and_less_often() {
        let (started, starts) = watch::channel(0);
        let events = move || {
            started.send_modify(|count| *count += 1);
            stream::iter(listed().into_iter().chain([failure()])).chain(stream::pending())
        };
        let stop = CancellationToken::new();
        let (_clusters, pump) = Shared::<Cluster>::start_from((), events, stop.clone());
        let pump = tokio::spawn(pump);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!((4..12).contains(&*starts.borrow()), "{}", *starts.borrow());
        stop.cancel();
        pump.await.unwrap();
    }
}
