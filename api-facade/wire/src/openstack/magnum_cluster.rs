//! Magnum clusters: clusters that an OpenStack itself creates.

use krake_constraint::LabelConstraint;

use crate::schema::{enumeration, optional, record, required};
use crate::{Metadata, MetricRef, Reason, ResourceRef, Verbatim};

record! {
    /// A Magnum cluster.
    #[derive(Debug)]
    pub struct MagnumCluster in "openstack" as "MagnumCluster" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// What is asked for.
        pub spec: MagnumClusterSpec = required(),
        /// What became of it.
        pub status: MagnumClusterStatus = required().subresource(MagnumClusterStatus::default),
    }
}

record! {
    /// What is asked for.
    #[derive(Debug)]
    pub struct MagnumClusterSpec {
        /// How many control plane nodes it has; if nothing, what the template says.
        pub master_count: Option<i64> = optional().immutable(),
        /// How many other nodes it has; if nothing, what the template says.
        pub node_count: Option<i64> = optional(),
        /// The metrics that are read from it.
        pub metrics: Vec<MetricRef> = optional(),
        /// Where it may be created.
        pub constraints: Option<MagnumClusterConstraints> = optional(),
    }
}

record! {
    /// Where a Magnum cluster may be created.
    #[derive(Debug)]
    pub struct MagnumClusterConstraints {
        /// What its project must be like.
        pub project: Option<ProjectConstraints> = optional(),
    }
}

record! {
    /// What a project must be like.
    #[derive(Debug)]
    pub struct ProjectConstraints {
        /// What its labels must say.
        pub labels: Option<Vec<Verbatim<LabelConstraint>>> = optional(),
    }
}

record! {
    /// What became of a Magnum cluster.
    #[derive(Debug, Default)]
    pub struct MagnumClusterStatus {
        /// Why it failed.
        pub reason: Option<Reason> = optional(),
        /// Where it stands.
        pub state: MagnumClusterState = optional(),
        /// The project that was chosen.
        pub project: Option<ResourceRef> = optional(),
        /// The ID of the template it is created from; only the binding changes it.
        pub template: Option<String> = optional().immutable(),
        /// What Magnum calls it.
        pub cluster_id: Option<String> = optional(),
        /// How many nodes it has, without those of the control plane.
        pub node_count: Option<i64> = optional(),
        /// The URL of its Kubernetes API.
        pub api_address: Option<String> = optional(),
        /// The addresses of its control plane nodes.
        pub master_addresses: Option<Vec<String>> = optional(),
        /// The addresses of its other nodes.
        pub node_addresses: Option<Vec<String>> = optional(),
        /// The cluster that stands for it among all clusters.
        pub cluster: Option<ResourceRef> = optional(),
    }
}

enumeration! {
    /// Where a Magnum cluster stands.
    #[derive(Default)]
    pub enum MagnumClusterState {
        /// Nothing has happened yet.
        #[default]
        Pending = "PENDING",
        /// It is being created.
        Creating = "CREATING",
        /// It runs.
        Running = "RUNNING",
        /// A change is being applied.
        Reconciling = "RECONCILING",
        /// It is being deleted.
        Deleting = "DELETING",
        /// It failed.
        Failed = "FAILED",
    }
}

record! {
    /// The scheduler's choice of a project.
    #[derive(Debug)]
    pub struct MagnumClusterBinding in "openstack" as "MagnumClusterBinding" {
        /// Where the cluster is to be created.
        pub project: ResourceRef = required(),
        /// The ID of the template to create it from.
        pub template: String = required(),
    }
}
