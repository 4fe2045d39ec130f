//! Group `openstack.krake.dev`: OpenStack projects, and the clusters that Magnum builds in them.

pub mod magnum_cluster;
pub mod project;

pub use magnum_cluster::{MagnumCluster, MagnumClusterSpec, MagnumClusterState, MagnumClusterStatus};
pub use project::{Project, ProjectSpec, ProjectState, ProjectStatus};
