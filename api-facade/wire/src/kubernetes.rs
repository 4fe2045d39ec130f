//! The API `kubernetes`: applications and the clusters they run on.

mod application;
mod application_bodies;
mod cluster;

pub use application::{
    Application, ApplicationConstraints, ApplicationSpec, ApplicationState, ApplicationStatus, ClusterConstraints,
    ContainerHealth,
};
pub use application_bodies::{ApplicationComplete, ApplicationShutdown, ClusterBinding};
pub use cluster::{
    CloudBinding, CloudConstraints, Cluster, ClusterNode, ClusterNodeCondition, ClusterNodeMetadata, ClusterNodeStatus,
    ClusterPlacementConstraints, ClusterSpec, ClusterState, ClusterStatus,
};
