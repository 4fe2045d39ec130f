//! `MagnumCluster`: a Kubernetes cluster that Magnum builds in an OpenStack project.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    krake_metadata::KrakeMetadata,
    reason::Reason,
    reference::{MetricReference, ObjectReference},
};

/// How large the cluster is, and where it may be built.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "openstack.krake.dev",
    version = "v1alpha1",
    kind = "MagnumCluster",
    namespaced,
    status = "MagnumClusterStatus",
    derive = "PartialEq",
    shortname = "kmag",
    category = "krake",
    doc = "A cluster that Magnum builds in one of the OpenStack projects of its namespace. Once it runs, it is offered to applications as a Cluster. Stored for Krake's REST API; nothing is built yet.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Project", type_ = "string", json_path = ".status.project.name"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodeCount"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".status.cluster.name", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("has(self.masterCount) == has(oldSelf.masterCount) \
        && (!has(self.masterCount) || self.masterCount == oldSelf.masterCount)")
    .message("spec.masterCount is immutable"))]
#[serde(rename_all = "camelCase")]
pub struct MagnumClusterSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// How many control plane nodes the cluster has. Immutable. Default: as the project's template says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_count: Option<i64>,
    /// How many worker nodes the cluster has. Default: as the project's template says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_count: Option<i64>,
    /// Metrics of the Cluster that is made of it.. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub metrics: Vec<MetricReference>,
    /// Where the cluster may be built. Default: in any project of its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<MagnumConstraints>,
}

/// Where a Magnum cluster may be built.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MagnumConstraints {
    /// What the project must offer. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectConstraints>,
}

/// What a project must offer; all of it must hold.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProjectConstraints {
    /// Label constraints, e.g. `location is DE`, `tier in (gold, silver)`. A project without the label never matches.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::kubernetes::application::label_constraints")]
    pub labels: Option<Vec<String>>,
}

/// What is known about the cluster. No controller writes it yet; REST clients may.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MagnumClusterStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Krake's one-word summary of the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MagnumClusterState>,
    /// Why the cluster is not usable, in Krake's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// `Ready`, `Scheduled`, `Provisioned`, and `Deleting`, `Reconciling`, `Stalled` while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The Project that the scheduler chose. Written by the scheduler, or by a REST binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ObjectReference>,
    /// Identifier of the cluster template, taken from the Project when it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub template: Option<String>,
    /// Identifier of the cluster at Magnum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub cluster_id: Option<String>,
    /// How many worker nodes Magnum reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_count: Option<i64>,
    /// URL of the cluster's API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub api_address: Option<String>,
    /// Addresses of the control plane nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), inner(length(max = 253)))]
    pub master_addresses: Option<Vec<String>>,
    /// Addresses of the worker nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), inner(length(max = 253)))]
    pub node_addresses: Option<Vec<String>>,
    /// The Cluster that was made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ObjectReference>,
}

/// Krake's states of a Magnum cluster.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum MagnumClusterState {
    /// Not begun.
    #[default]
    Pending,
    /// Magnum builds it.
    Creating,
    /// Built.
    Running,
    /// Magnum changes its size.
    Reconciling,
    /// Magnum removes it.
    Deleting,
    /// Something went wrong; the reason says what.
    Failed,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_stays_apart_from_what_is_empty() {
        for spec in [
            json!({ "inheritLabels": false }),
            json!({ "inheritLabels": false, "constraints": {} }),
            json!({ "inheritLabels": false, "constraints": { "project": {} } }),
            json!({ "inheritLabels": false, "constraints": { "project": { "labels": [] } } }),
        ] {
            let read: MagnumClusterSpec = serde_json::from_value(spec.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), spec);
        }
        let status = json!({ "state": "PENDING", "masterAddresses": [] });
        let read: MagnumClusterStatus = serde_json::from_value(status.clone()).unwrap();
        assert_eq!((read.node_addresses.clone(), serde_json::to_value(read).unwrap()), (None, status));
    }
}
