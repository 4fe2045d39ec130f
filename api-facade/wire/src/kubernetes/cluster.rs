//! Clusters: where applications run.

use indexmap::IndexMap;
use krake_constraint::{LabelConstraint, MetricConstraint};

use crate::json::Object;
use crate::schema::{enumeration, opaque_debug, optional, or, record, required};
use crate::{Invalid, Metadata, MetricRef, Reason, ResourceRef, Timestamp, Verbatim, kubeconfig, tosca};

record! {
    /// A cluster.
    #[derive(Debug)]
    pub struct Cluster in "kubernetes" as "Cluster" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// What is asked for.
        pub spec: ClusterSpec = required(),
        /// What became of it.
        pub status: ClusterStatus = required().subresource(ClusterStatus::default),
    }
}

record! {
    /// What is asked for.
    pub struct ClusterSpec {
        /// How to reach the cluster; empty if Krake is to create it.
        pub kubeconfig: Object = optional().check(kubeconfig::check),
        /// The template to create it from.
        pub tosca: Object = optional().check(tosca::check_cluster_template),
        /// Which custom resources it supports.
        pub custom_resources: Vec<String> = optional(),
        /// Where it may be created.
        pub constraints: ClusterPlacementConstraints = required(),
        /// The metrics that are read from it.
        pub metrics: Vec<MetricRef> = optional(),
        /// Whether the metrics of its cloud count as its own.
        pub inherit_metrics: bool = optional(),
        /// By what the delay grows from one failed attempt to the next.
        pub backoff: i64 = or(|| 1),
        /// The first delay after a failed attempt, in seconds.
        pub backoff_delay: i64 = or(|| 1),
        /// How many attempts there are; without limit if negative.
        pub backoff_limit: i64 = or(|| -1),
        /// Whether it was created because an application needed it.
        pub auto_generated: bool = optional(),
    }
    rule check_spec;
}

record! {
    /// Where a cluster may be created.
    #[derive(Debug, Default)]
    pub struct ClusterPlacementConstraints {
        /// What its cloud must be like.
        pub cloud: CloudConstraints = required(),
    }
}

record! {
    /// What a cloud must be like.
    #[derive(Debug, Default)]
    pub struct CloudConstraints {
        /// What its labels must say.
        pub labels: Option<Vec<Verbatim<LabelConstraint>>> = optional(),
        /// What its metrics must say.
        pub metrics: Option<Vec<Verbatim<MetricConstraint>>> = optional(),
    }
}

record! {
    /// What became of a cluster.
    #[derive(Default)]
    pub struct ClusterStatus {
        /// Why it failed.
        pub reason: Option<Reason> = optional(),
        /// When the scheduler last handed it over.
        pub kube_controller_triggered: Option<Timestamp> = optional(),
        /// Where it stands.
        pub state: ClusterState = optional(),
        /// Why metrics cannot be read, by metric.
        pub metrics_reasons: IndexMap<String, Reason> = optional(),
        /// The template that was last asked for.
        pub last_applied_tosca: Object = optional(),
        /// Its nodes.
        pub nodes: Vec<ClusterNode> = optional(),
        /// What its infrastructure provider calls it.
        pub cluster_id: Option<String> = optional(),
        /// When a cloud was last chosen.
        pub scheduled: Option<Timestamp> = optional(),
        /// The cloud that was chosen.
        pub scheduled_to: Option<ResourceRef> = optional(),
        /// The cloud it runs in.
        pub running_on: Option<ResourceRef> = optional(),
        /// How many attempts are left.
        pub retries: i64 = optional(),
    }
}

record! {
    /// A node of a cluster.
    #[derive(Debug)]
    pub struct ClusterNode {
        /// The API that this would belong to if it were an object.
        pub api: String = or(|| "kubernetes".to_owned()),
        /// The kind that this would have if it were an object.
        pub kind: String = or(|| "ClusterNode".to_owned()),
        /// What it is called.
        pub metadata: ClusterNodeMetadata = required(),
        /// How it is.
        pub status: Option<ClusterNodeStatus> = optional(),
    }
}

record! {
    /// What a node is called.
    #[derive(Debug)]
    pub struct ClusterNodeMetadata {
        /// Its name.
        pub name: String = required(),
    }
}

record! {
    /// How a node is.
    #[derive(Debug)]
    pub struct ClusterNodeStatus {
        /// What it says about itself.
        pub conditions: Vec<ClusterNodeCondition> = required(),
    }
}

record! {
    /// One thing that a node says about itself.
    #[derive(Debug)]
    pub struct ClusterNodeCondition {
        /// For people.
        pub message: String = required(),
        /// For programs.
        pub reason: String = required(),
        /// `True`, `False` or `Unknown`.
        pub status: String = required(),
        /// What it is about, such as `Ready`.
        pub type_ as "type": String = required(),
    }
}

enumeration! {
    /// Where a cluster stands.
    #[derive(Default)]
    pub enum ClusterState {
        /// Nothing has happened yet.
        #[default]
        Pending = "PENDING",
        /// It answers, and its nodes are well.
        Online = "ONLINE",
        /// It is being connected to.
        Connecting = "CONNECTING",
        /// It does not answer.
        Offline = "OFFLINE",
        /// Some node is under pressure.
        Unhealthy = "UNHEALTHY",
        /// No node is ready.
        NotReady = "NOTREADY",
        /// Some metric cannot be read.
        FailingMetrics = "FAILING_METRICS",
        /// It is being created.
        Creating = "CREATING",
        /// A change is being applied.
        Reconciling = "RECONCILING",
        /// It is being deleted.
        Deleting = "DELETING",
        /// A change could not be applied.
        FailingReconciliation = "FAILING_RECONCILIATION",
        /// It failed.
        Failed = "FAILED",
        /// It works, but not as it should.
        Degraded = "DEGRADED",
    }
}

record! {
    /// The scheduler's choice of a cloud.
    #[derive(Debug)]
    pub struct CloudBinding in "infrastructure" as "CloudBinding" {
        /// Where the cluster is to be created.
        pub cloud: ResourceRef = required(),
    }
}

opaque_debug!(ClusterSpec, ClusterStatus);

fn check_spec(spec: &ClusterSpec) -> Result<(), Invalid> {
    if spec.kubeconfig.is_empty() && spec.tosca.is_empty() {
        return Err(Invalid::schema("The cluster should be defined by a kubeconfig file or a TOSCA template."));
    }
    Ok(())
}
