//! What the subresources of applications are sent.

use crate::ResourceRef;
use crate::schema::{opaque_debug, optional, record, required};

record! {
    /// The scheduler's choice of a cluster.
    #[derive(Debug)]
    pub struct ClusterBinding in "kubernetes" as "ClusterBinding" {
        /// Where the application is to run.
        pub cluster: ResourceRef = required(),
    }
}

record! {
    /// The application says that it has done its work.
    pub struct ApplicationComplete in "kubernetes" as "Complete" {
        /// Proves that it is the application who says so.
        pub token: Option<String> = optional(),
    }
}

record! {
    /// The application says that it has shut down and may be moved or deleted.
    pub struct ApplicationShutdown in "kubernetes" as "Shutdown" {
        /// Proves that it is the application who says so.
        pub token: Option<String> = optional(),
    }
}

opaque_debug!(ApplicationComplete, ApplicationShutdown);
