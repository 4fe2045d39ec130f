//! The connections to all target clusters, one per Cluster and kubeconfig.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kube::{Client, client::ClientBuilder, config::KubeconfigError};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    bounded::Bounds,
    connection::{Address, Connection},
    definitions::Served,
    kubeconfig::Kubeconfig,
    nodes::Nodes,
    probe::Rhythm,
    reachability::Reachability,
    target_cluster::{Error, TargetCluster},
    wake::{ClusterKey, Wake},
};

/// Wake-ups a listener may fall behind; one that does looks at everything once instead.
const BACKLOG: usize = 4096;

/// Why no connection could be made. Nothing was sent to the cluster yet.
#[derive(thiserror::Error, Debug)]
pub enum ConnectError {
    /// The inline certificates or keys are not what they should be.
    #[error("reading the kubeconfig's credentials")]
    Credentials(#[source] KubeconfigError),
    /// The TLS client could not be set up from them.
    #[error("setting up the client")]
    Client(#[source] kube::Error),
}

/// What is known about a connected cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// Whether it answers.
    pub reachability: Reachability,
    /// Its nodes.
    pub nodes: Nodes,
    /// The custom resources that it serves.
    pub served: Served,
}

/// Connects, probes and disconnects target clusters, and hands out what may be called.
pub struct ClusterCache {
    connections: RwLock<HashMap<ClusterKey, Arc<Connection>>>,
    /// How many there are, for those who should not wait for the lock.
    count: Arc<AtomicUsize>,
    wakes: broadcast::Sender<Wake>,
    probe_interval: Duration,
    origin: Instant,
    stop: CancellationToken,
}

/// How long all clusters of a large fleet take to be connected.
const YOUTH: Duration = Duration::from_secs(30);

impl ClusterCache {
    /// An empty cache; all its connections end when `stop` is cancelled.
    #[must_use]
    pub fn new(probe_interval: Duration, stop: CancellationToken) -> Self {
        let (wakes, _) = broadcast::channel(BACKLOG);
        let (connections, count) = Default::default();
        Self { connections, count, wakes, probe_interval, origin: Instant::now(), stop }
    }

    /// Whether it was made so short a time ago that clusters may not be connected yet only because nobody came to it.
    #[must_use]
    pub fn is_young(&self) -> bool {
        self.origin.elapsed() < YOUTH
    }

    /// Wake-ups from now on, of all clusters.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Wake> {
        self.wakes.subscribe()
    }

    /// Connects the cluster with this kubeconfig; an existing connection with another one is replaced, one with the same
    /// is kept. Returns before the cluster has answered.
    ///
    /// # Errors
    /// The credentials in the kubeconfig cannot be used; the cluster is then not connected at all.
    pub async fn connect(&self, key: &ClusterKey, kubeconfig: &Kubeconfig) -> Result<(), ConnectError> {
        if self.connection(key).is_some_and(|existing| existing.address.kubeconfig == kubeconfig.hash()) {
            return Ok(());
        }
        self.disconnect(key);
        let address = Address {
            key: key.clone(),
            default_namespace: kubeconfig.default_namespace().to_owned(),
            server_host: kubeconfig.server_host().to_owned(),
            kubeconfig: kubeconfig.hash(),
        };
        let config = kubeconfig.clone().config().await.map_err(ConnectError::Credentials)?;
        let client = ClientBuilder::try_from(config).map_err(ConnectError::Client)?.with_layer(&Bounds).build();
        let connection = self.install(address, client);
        let (interval, clusters) = (self.probe_interval, self.count.clone());
        connection.start(Rhythm { origin: self.origin, interval, clusters });
        Ok(())
    }

    /// Ends the connection, if there is one.
    pub fn disconnect(&self, key: &ClusterKey) {
        let gone = self.change(|connections| connections.remove(key));
        if let Some(gone) = gone {
            gone.close();
        }
    }

    /// The clusters that are connected, in no particular order.
    #[must_use]
    pub fn connected(&self) -> Vec<ClusterKey> {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// What is known about a cluster; `None` when it is not connected.
    #[must_use]
    pub fn view(&self, key: &ClusterKey) -> Option<ClusterView> {
        let connection = self.connection(key)?;
        let (nodes, served) = (connection.nodes.borrow().clone(), connection.served.borrow().clone());
        Some(ClusterView { reachability: connection.gate.verdict(), nodes, served })
    }

    /// A handle for calls to the cluster.
    ///
    /// # Errors
    /// [`Error::NotConnected`] when there is no connection, or when the cluster does not answer at the moment; a
    /// [`Wake::Everything`] follows when it does.
    pub fn get(&self, key: &ClusterKey) -> Result<TargetCluster, Error> {
        let Some(connection) = self.connection(key) else {
            let why = "there is no connection to it".to_owned();
            return Err(Error::NotConnected { cluster: key.to_string(), why });
        };
        TargetCluster::over(connection)
    }

    fn connection(&self, key: &ClusterKey) -> Option<Arc<Connection>> {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<ClusterKey, Arc<Connection>>) -> T) -> T {
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut connections);
        self.count.store(connections.len(), Ordering::Relaxed);
        outcome
    }

    fn install(&self, address: Address, client: Client) -> Arc<Connection> {
        let key = address.key.clone();
        let connection = Connection::new(address, client, self.wakes.clone(), self.stop.child_token());
        let replaced = self.change(|connections| connections.insert(key, connection.clone()));
        if let Some(replaced) = replaced {
            replaced.close();
        }
        connection
    }
}

#[cfg(test)]
mod tests;
