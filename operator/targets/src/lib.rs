//! The only crate that opens connections to target clusters.
//!
//! The cluster controller hands it kubeconfigs ([`ClusterCache::connect`]); it probes each cluster by itself, watches its
//! nodes, its custom resource definitions and what was applied there, and broadcasts a [`Wake`] whenever somebody should look again. The placement controller
//! takes a [`TargetCluster`] and reads, applies and deletes objects with it.
//!
//! A cluster that does not answer costs nobody else anything: every call has a deadline, every cluster its own queue,
//! and after failures calls fail at once ([`Error::NotConnected`]) until a probe is answered.
//!
//! Nothing here decides what should be on a cluster, and nothing here reads or writes the management cluster.

mod answer;
mod bounded;
mod cluster_cache;
mod connection;
mod definitions;
mod discovery;
mod gate;
mod kubeconfig;
mod nodes;
mod observation;
mod ownership;
mod probe;
mod reachability;
mod target_cluster;
mod wake;

pub use cluster_cache::{ClusterCache, ClusterView, ConnectError};
pub use definitions::Served;
pub use kubeconfig::{Kubeconfig, Refusal};
pub use nodes::Nodes;
pub use ownership::{APPLICATION_ANNOTATION, MANAGED_BY_LABEL, MANAGER, Ownership, PLACEMENT_KEY, Tie};
pub use reachability::Reachability;
pub use target_cluster::{Dependents, Error, Removal, TargetCluster};
pub use wake::{ClusterKey, Wake};
