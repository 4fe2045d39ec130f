//! Cluster: a Kubernetes cluster on which applications may run.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::application::Backoff;
pub use crate::reference::MetricReference;
use crate::{
    identity::Identity,
    reference::{ObjectReference, Owner, SecretKeyReference},
};

/// How Krake reaches a cluster and what it offers.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "kubernetes.krake.dev",
    version = "v1alpha1",
    kind = "Cluster",
    namespaced,
    status = "ClusterStatus",
    derive = "PartialEq",
    shortname = "kcl",
    category = "krake",
    doc = "A target cluster: a Kubernetes cluster on which the applications of its namespace may run.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodeCount"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.readyNodeCount"),
    printcolumn(
        name = "Metrics",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='MetricsAvailable')].status"
    ),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("has(self.kubeconfigSecretRef) || has(self.tosca)")
    .message("a cluster needs a kubeconfigSecretRef or a TOSCA template"))]
#[x_kube(validation = Rule::new("!has(oldSelf.identity) || (has(self.identity) && self.identity == oldSelf.identity)")
    .message("spec.identity is immutable"))]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Exact Krake names, set by the facade when the Kubernetes names had to be encoded. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Krake labels of the cluster: what label constraints of applications are matched against. They are wider than
    /// Kubernetes labels and authoritative for Krake; `metadata.labels` is left to you.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::krake_metadata::label_map")]
    pub labels: BTreeMap<String, String>,
    /// Whether the cluster takes over the labels of its cloud. Default `false`.
    #[serde(default)]
    pub inherit_labels: bool,
    /// Further objects this one depends on: when one of them is deleted, the cluster is deleted first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub owners: Vec<Owner>,
    /// The Secret, in this namespace, that holds the kubeconfig. It must have exactly one context, user and cluster,
    /// and all credentials inline: plugins and file names are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::reference::kubeconfig_reference")]
    pub kubeconfig_secret_ref: Option<SecretKeyReference>,
    /// A TOSCA template from which an infrastructure provider builds the cluster. A cloud is chosen for it; nothing is built
    /// yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::manifest::free_form")]
    pub tosca: Option<serde_json::Value>,
    /// Names of the custom resource definitions (`<plural>.<group>`) that the cluster offers to applications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 317)))]
    pub custom_resources: Vec<String>,
    /// Which cloud the cluster may be built on.
    #[serde(default)]
    pub constraints: ClusterPlacementConstraints,
    /// Metrics by which the cluster is rated: where several clusters fit, the one with the highest weighted mean of its
    /// normalised metrics is chosen, and clusters without metrics only if none with metrics fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub metrics: Vec<MetricReference>,
    /// Whether the cluster takes over the metrics of its cloud. Default `false`.
    #[serde(default)]
    pub inherit_metrics: bool,
    /// How often and how fast building the cluster is tried again.
    #[serde(default)]
    pub backoff: Backoff,
    /// Whether Krake created the cluster for an application. Default `false`.
    #[serde(default)]
    pub auto_generated: bool,
    /// What happens to what runs on the cluster when this object is deleted. Default `Delete`, as Krake does.
    #[serde(default)]
    pub deletion_policy: ClusterDeletionPolicy,
}

/// Which cloud a cluster may be built on.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPlacementConstraints {
    /// What the cloud must offer.
    #[serde(default)]
    pub cloud: CloudConstraints,
}

/// What a cloud must offer; all of it must hold.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CloudConstraints {
    /// Label constraints, as for applications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::kubernetes::application::label_constraints")]
    pub labels: Option<Vec<String>>,
    /// Metric constraints, as for applications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::kubernetes::application::metric_constraints")]
    pub metrics: Option<Vec<String>>,
}

/// What happens to what runs on a cluster when it is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterDeletionPolicy {
    /// The applications on it are deleted with it, and removed from it before.
    #[default]
    Delete,
    /// The applications on it are kept and get another place; what they have on the cluster is left there, untouched.
    /// The way out for a cluster that is gone for good: set this, and its deletion waits for nobody.
    Orphan,
}

/// What the cluster controller found.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Krake's one-word summary of the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ClusterState>,
    /// Why the cluster is not usable, in Krake's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<crate::reason::Reason>,
    /// `Ready`, `Reachable`, `Healthy`; `MetricsAvailable` if it has metrics, `Scheduled` if it has no kubeconfig, and
    /// `Deleting` while it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Version that the API server reports, e.g. `v1.37.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many nodes there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_count: Option<i64>,
    /// How many of them are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_node_count: Option<i64>,
    /// The nodes as last seen; at most 100, in name order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub nodes: Vec<Node>,
    /// The cloud that the scheduler chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_to: Option<ObjectReference>,
    /// When `scheduledTo` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<MicroTime>,
    /// The cloud on which the cluster was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_on: Option<ObjectReference>,
    /// When the cluster controller was last asked to look. Krake: `kube_controller_triggered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<MicroTime>,
    /// Identifier of the cluster at its infrastructure provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub cluster_id: Option<String>,
    /// Names of the custom resource definitions (`<plural>.<group>`) that the cluster was found to serve; at most 4096, and
    /// 128 KiB together. The condition `Reachable` says so if there are more. Applications find them here as well as in
    /// `spec.customResources`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096), inner(length(max = 317)))]
    pub served_custom_resources: Vec<String>,
    /// Progress of failed attempts to find a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<super::application::Scheduling>,
    /// Why metrics could not be read, by metric name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics_reasons: BTreeMap<String, crate::reason::Reason>,
}

/// A node of the cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Name of the node.
    pub name: String,
    /// What the node says about itself, without its timestamps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<NodeCondition>,
}

/// What a node says about itself.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NodeCondition {
    /// E.g. `Ready`, `MemoryPressure`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Machine-readable reason.
    #[serde(default)]
    pub reason: String,
    /// Sentence for people.
    #[serde(default)]
    pub message: String,
}

/// Krake's states of a cluster.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Krake's; `krake-operator-domain`'s lifecycle says when each holds")]
pub enum ClusterState {
    #[default]
    Pending,
    Online,
    Connecting,
    Offline,
    Unhealthy,
    #[serde(rename = "NOTREADY")]
    #[strum(serialize = "NOTREADY")]
    NotReady,
    FailingMetrics,
    Creating,
    Reconciling,
    Deleting,
    FailingReconciliation,
    Failed,
    Degraded,
}
