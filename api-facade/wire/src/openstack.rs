//! The API `openstack`: projects, and the Magnum clusters in them.

mod magnum_cluster;
mod project;

pub use magnum_cluster::{
    MagnumCluster, MagnumClusterBinding, MagnumClusterConstraints, MagnumClusterSpec, MagnumClusterState,
    MagnumClusterStatus, ProjectConstraints,
};
pub use project::{
    ApplicationCredential, Project, ProjectAuth, ProjectPassword, ProjectReference, ProjectSpec, ProjectState,
    ProjectStatus, ProjectUser,
};
