//! What every controller shares during one term of leadership: clients, caches, settings. Holds no decision and no fact
//! that could not be read again from the management cluster.

use std::{fmt::Debug, future::ready, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use krake_crds::kubernetes::{Application, Cluster, Placement};
use krake_operator_targets::ClusterCache;
use kube::{Api, Client, Resource, ResourceExt, core::NamespaceResourceScope};
use kube_runtime::{
    Controller, WatchStreamExt,
    controller::Config,
    events::{Event, EventType, Recorder, Reporter},
    reflector::{self, ObjectRef, Store, store::Writer},
    watcher,
};
use serde::de::DeserializeOwned;
use tokio::sync::{broadcast, watch};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use crate::outcome::Instruments;

/// How many changes a controller may fall behind before it looks at every object once instead.
const BACKLOG: usize = 4096;

/// Objects reconciled at once by one controller.
const CONCURRENCY: u16 = 16;

/// The kinds that our controllers watch: namespaced, known at compile time, held in a shared cache.
pub trait Watched:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Watched for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// What the controllers may be told. Every duration is a judgement; the defaults are Krake's where Krake has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Period after which a bound application is scheduled anew, and the least time it stays on a cluster that still
    /// fits. Krake's default: 60 s.
    pub reschedule_after: Duration,
    /// Weight of staying where an application already is, against the sum of the metric weights. Krake's default: 0.1.
    pub stickiness: f64,
    /// How long a cluster may be unreachable before its applications look for another one. Five minutes, as Kubernetes
    /// gives an unreachable node.
    pub unreachable_toleration: Duration,
    /// Limit on one reconcile; a silent API server must not hold a slot for ever.
    pub reconcile_deadline: Duration,
    /// Period between two probes of a cluster.
    pub probe_interval: Duration,
    /// Period after which a Placement is compared with its target even when nothing was announced.
    pub drift_check_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reschedule_after: Duration::from_mins(1),
            stickiness: 0.1,
            unreachable_toleration: Duration::from_mins(5),
            reconcile_deadline: Duration::from_mins(1),
            probe_interval: Duration::from_secs(3),
            drift_check_interval: Duration::from_mins(1),
        }
    }
}

/// Everything a controller may use during one term of leadership.
pub struct Context {
    /// Client of the management cluster.
    pub client: Client,
    /// Writes Kubernetes Events; one for all, because it de-duplicates.
    pub recorder: Recorder,
    /// Every Application.
    pub applications: Shared<Application>,
    /// Every Cluster.
    pub clusters: Shared<Cluster>,
    /// Every Placement.
    pub placements: Shared<Placement>,
    /// Connections to the target clusters.
    pub targets: Arc<ClusterCache>,
    /// What the loops export about themselves.
    pub instruments: Instruments,
    /// What the controllers were told.
    pub settings: Settings,
    /// Cancelled when the term ends.
    pub stop: CancellationToken,
}

/// What the controllers are given from outside.
pub struct Given {
    /// Client of the management cluster.
    pub client: Client,
    /// Name of this process in Events.
    pub instance: String,
    /// What the loops export about themselves.
    pub instruments: Instruments,
    /// What the controllers were told.
    pub settings: Settings,
}

impl Context {
    /// The context of one term, which ends when `stop` is cancelled, and the pump that fills its caches. The pump must
    /// be polled.
    pub fn start(given: Given, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send) {
        let Given { client, instance, instruments, settings } = given;
        let (applications, first) = Shared::start(client.clone(), stop.clone());
        let (clusters, second) = Shared::start(client.clone(), stop.clone());
        let (placements, third) = Shared::start(client.clone(), stop.clone());
        let reporter = Reporter { controller: "krake.dev/operator".into(), instance: Some(instance) };
        let context = Self {
            recorder: Recorder::new(client.clone(), reporter),
            applications,
            clusters,
            placements,
            targets: Arc::new(ClusterCache::new(settings.probe_interval, stop.clone())),
            instruments,
            settings,
            stop,
            client,
        };
        let pump = async move {
            tokio::join!(Box::pin(first), Box::pin(second), Box::pin(third));
        };
        (context, pump)
    }

    /// The API of kind `K` in the object's namespace.
    pub fn api_of<K: Watched>(&self, object: &K) -> Api<K> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }

    /// The API of kind `K` in `namespace`.
    #[must_use]
    pub fn api<K: Watched>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Returns once every cache has been filled completely: before that, what is missing in them means nothing.
    /// Returns `false` if that will never happen, because the term is over.
    pub async fn synced(&self) -> bool {
        let ready = async {
            self.applications.filled().await && self.clusters.filled().await && self.placements.filled().await
        };
        self.stop.run_until_cancelled(ready).await.unwrap_or(false)
    }

    /// Whether every cache has been filled completely.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        *self.applications.filled.borrow() && *self.clusters.filled.borrow() && *self.placements.filled.borrow()
    }

    /// Tells the users of `object` that something happened to it. Best effort: an Event never fails a reconcile.
    pub async fn announce<K: Watched>(&self, object: &K, announcement: Announcement) {
        let event = Event {
            type_: announcement.severity,
            reason: announcement.reason.into(),
            note: Some(shortened(announcement.note)),
            action: announcement.action.into(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "event not recorded");
        }
    }
}

/// The note of an Event holds at most 1024 bytes.
const LONGEST_NOTE: usize = 1024;

fn shortened(mut note: String) -> String {
    note.truncate(note.floor_char_boundary(LONGEST_NOTE));
    note
}

/// Something that happened, for users. The recorder drops a repetition of the same reason and action for some minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Normal, or a warning.
    pub severity: EventType,
    /// `PascalCase`, from a closed set.
    pub reason: &'static str,
    /// What we were doing, `PascalCase`.
    pub action: &'static str,
    /// Which thing and what value.
    pub note: String,
}

impl Announcement {
    /// Something that is as it should be.
    pub fn normal(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { severity: EventType::Normal, reason, action, note: note.into() }
    }

    /// Something a user may want to look at.
    pub fn warning(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { severity: EventType::Warning, reason, action, note: note.into() }
    }
}

/// One watch and one cache of a kind, for every controller that needs it.
pub struct Shared<K: Watched> {
    /// Every object of the kind, as last seen.
    pub store: Store<K>,
    touched: broadcast::Sender<Touched<K>>,
    // Not `Store::wait_until_ready`: in kube 5 only the last of several tasks that wait for it is woken.
    filled: watch::Receiver<bool>,
}

#[derive(Clone, Debug)]
enum Touched<K> {
    /// This object was changed or deleted.
    One(Arc<K>),
    /// Anything may have changed: the cache was filled anew.
    All,
}

impl<K: Watched> Shared<K> {
    /// The cache, and the pump that fills it until `stop` is cancelled. The pump must be polled.
    pub fn start(client: Client, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send) {
        let (store, writer) = reflector::store();
        let (touched, _) = broadcast::channel(BACKLOG);
        let (fills, filled) = watch::channel(false);
        let pump = pump(client, writer, Signals { touched: touched.clone(), fills }, stop);
        (Self { store, touched, filled }, pump)
    }

    /// Returns once the cache has been filled completely; `false` if it never will be.
    fn filled(&self) -> impl Future<Output = bool> + Send + use<K> {
        let mut filled = self.filled.clone();
        async move { filled.wait_for(|filled| *filled).await.is_ok() }
    }

    /// Every object once, then each one that is changed or deleted. One that fell behind, or whose watch had to start
    /// over, gets every object again instead of a hole.
    pub fn touched(&self) -> impl Stream<Item = Arc<K>> + Send + use<K> {
        let changes = BroadcastStream::new(self.touched.subscribe());
        let first = stream::once(self.filled()).filter_map(|filled| ready(filled.then_some(Touched::All)));
        let later = changes.map(|next| next.unwrap_or(Touched::All));
        let store = self.store.clone();
        first.chain(later).flat_map(move |next| {
            stream::iter(match next {
                Touched::One(object) => vec![object],
                Touched::All => store.state(),
            })
        })
    }

    /// A controller of this kind that is woken by every change of its objects.
    #[must_use]
    pub fn controller(&self) -> Controller<K> {
        // `reconcile_on` is behind an unstable feature of kube; this is the one place that relies on it for a kind's
        // own changes, in place of kube's shared streams, which hide deletions.
        Controller::for_stream(stream::pending(), self.store.clone())
            .with_config(Config::default().concurrency(CONCURRENCY))
            .reconcile_on(self.touched().map(|object| ObjectRef::from_obj(&*object)))
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

/// How a pump tells what it has done.
struct Signals<K> {
    touched: broadcast::Sender<Touched<K>>,
    fills: watch::Sender<bool>,
}

async fn pump<K: Watched>(client: Client, writer: Writer<K>, signals: Signals<K>, stop: CancellationToken) {
    let events = watcher(Api::<K>::all(client), watcher::Config::default().page_size(250))
        .default_backoff()
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer);
    let mut events = std::pin::pin!(events.take_until(stop.cancelled_owned()));
    while let Some(next) = events.next().await {
        let wake = match next {
            Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => Touched::One(Arc::new(object)),
            Ok(watcher::Event::InitDone) => {
                signals.fills.send_replace(true);
                Touched::All
            }
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => continue,
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), error = &error as &dyn std::error::Error, "watch interrupted");
                continue;
            }
        };
        // Nobody listening is fine: the cache itself is what matters.
        drop(signals.touched.send(wake));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api_server::Server;

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
}
