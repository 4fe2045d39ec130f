//! One connection to one target cluster: a client, what is known about the cluster, and the tasks that keep it known.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api, Client, Resource,
    api::GroupVersionKind,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Semaphore, broadcast, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tower::{Layer, limit::ConcurrencyLimitLayer, service_fn};
use tracing::Instrument;

use crate::{
    definitions,
    discovery::{Kinds, Served},
    gate::Gate,
    kubeconfig::Hash,
    nodes::{self, Nodes},
    observation::{self, Refused},
    probe::{self, Rhythm},
    wake::{ClusterKey, Wake},
};

/// How many pieces of work may be busy with one cluster at once; while it hangs, each of them waits for its deadline. Low, so
/// that a few such clusters do not keep all workers from the others.
const PLACES: usize = 16;

/// Requests in flight to one cluster, probes apart. A watch counts only until its headers arrive.
const CONCURRENT_CALLS: usize = 32;

/// How long a watch that is not allowed is left alone: somebody may change the permissions.
const REFUSED_FOR: Duration = Duration::from_mins(10);

/// Objects per page of a list. A page must fit into the longest answer that is taken.
pub(crate) const PAGE: u32 = 100;

/// Where a connection leads, as far as the kubeconfig says.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) key: ClusterKey,
    pub(crate) default_namespace: String,
    pub(crate) server_host: String,
    pub(crate) kubeconfig: Hash,
}

pub(crate) struct Connection {
    pub(crate) address: Address,
    pub(crate) client: Client,
    /// The same without a limit: a probe must get through when calls that hang have used it up.
    pub(crate) prober: Client,
    pub(crate) kinds: Kinds,
    pub(crate) gate: Gate,
    pub(crate) nodes: watch::Sender<Nodes>,
    pub(crate) served: watch::Sender<definitions::Served>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) refused: Refused,
    watched: Mutex<HashSet<GroupVersionKind>>,
    wakes: broadcast::Sender<Wake>,
    stop: CancellationToken,
}

impl Connection {
    pub(crate) fn new(
        address: Address,
        prober: Client,
        wakes: broadcast::Sender<Wake>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            address,
            client: limited(&prober),
            prober,
            kinds: Kinds::default(),
            gate: Gate::default(),
            nodes: watch::Sender::default(),
            served: watch::Sender::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            refused: Refused::default(),
            watched: Mutex::default(),
            wakes,
            stop,
        })
    }

    /// Starts the tasks that probe the cluster and watch its nodes and definitions; they end with [`Connection::close`].
    pub(crate) fn start(self: &Arc<Self>, rhythm: Rhythm) {
        self.spawn("probe", probe::keep_probing(self.clone(), rhythm));
        self.spawn("nodes", nodes::keep_watching(self.clone()));
        self.spawn("definitions", definitions::keep_reading(self.clone()));
    }

    /// Ends every task of this connection. Handles that are still in use fail at their next call.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Makes whoever cares look again.
    pub(crate) fn wake(&self, wake: Wake) {
        // Nobody listening is fine: a wake-up is only ever a hint.
        drop(self.wakes.send(wake));
    }

    /// Watches what we applied of this kind from now on; does nothing when it is watched already.
    pub(crate) fn ensure_watched(self: &Arc<Self>, kind: &GroupVersionKind, served: &Served) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.insert(kind.clone()) {
            self.spawn("observation", observation::keep_watching(self.clone(), served.resource.clone()));
        }
    }

    /// Hands every event of a watch to `on_event`. The watch starts over whenever the gate has been opened anew, because
    /// a connection that survived an outage may be dead without knowing it. After `Break`, which says that the watch is
    /// not allowed, it does so in ten minutes at the latest.
    pub(crate) async fn follow<K>(
        &self,
        api: Api<K>,
        config: watcher::Config,
        mut on_event: impl FnMut(watcher::Result<watcher::Event<K>>) -> ControlFlow<()> + Send,
    ) where
        K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        let mut openings = self.gate.openings();
        // The sender lives as long as `self`: neither of the two waits can fail.
        while openings.wait_for(|count| *count > 0).await.is_ok() {
            openings.mark_unchanged();
            tokio::select! {
                changed = openings.changed() => if changed.is_err() { return },
                () = self.follow_until_refused(&api, &config, &mut on_event) => {}
            }
        }
    }

    async fn follow_until_refused<K>(
        &self,
        api: &Api<K>,
        config: &watcher::Config,
        on_event: &mut (impl FnMut(watcher::Result<watcher::Event<K>>) -> ControlFlow<()> + Send),
    ) where
        K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        let mut events = pin!(watcher(api.clone(), config.clone()).default_backoff());
        while let Some(event) = events.next().await {
            match &event {
                // Told before anything is asked.
                Ok(watcher::Event::Init) => {}
                Ok(_) => self.gate.heard(),
                Err(error) => self.gate.broke(error),
            }
            if on_event(event).is_break() {
                return sleep(REFUSED_FOR).await;
            }
        }
    }

    fn spawn(&self, task: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let span = tracing::info_span!(parent: None, "target", target.name = %self.address.key, task);
        tokio::spawn(stop.run_until_cancelled_owned(work).instrument(span));
    }
}

/// A client over `client` that lets only so many requests be in flight.
fn limited(client: &Client) -> Client {
    let inner = client.clone();
    let send = service_fn(move |request| {
        let inner = inner.clone();
        async move { inner.send(request).await }
    });
    Client::new(ConcurrencyLimitLayer::new(CONCURRENT_CALLS).layer(send), client.default_namespace())
}
