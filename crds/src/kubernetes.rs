//! Group `kubernetes.krake.dev`: applications, the clusters they run on, and what joins the two.

pub mod application;
pub mod cluster;
pub mod placement;

pub use application::{Application, ApplicationSpec, ApplicationStatus};
pub use cluster::{Cluster, ClusterSpec, ClusterStatus};
pub use placement::{Placement, PlacementSpec, PlacementStatus};
