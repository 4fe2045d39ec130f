//! Placement: one Application on one Cluster. Internal: written by the application controller, never by users, and not
//! part of Krake's REST API.
//!
//! It owns the inventory of what was applied to its target, and its finalizer guarantees that nothing is left behind.
//! A migration is a second Placement; a dead cluster merely leaves one that is cleaned when the cluster returns.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::application::{Backoff, ContainerHealth, DeletionPolicy};
use crate::reference::ObjectReference;

/// What shall be on the target.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "kubernetes.krake.dev",
    version = "v1alpha1",
    kind = "Placement",
    namespaced,
    status = "PlacementStatus",
    derive = "PartialEq",
    shortname = "kpl",
    category = "krake",
    doc = "Internal: one application on one cluster. Created by Krake; owns the inventory of what was applied there.",
    printcolumn(name = "Application", type_ = "string", json_path = ".spec.application"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.cluster.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("self.application == oldSelf.application && self.cluster == oldSelf.cluster")
    .message("a placement never changes its application or its cluster"))]
#[serde(rename_all = "camelCase")]
pub struct PlacementSpec {
    /// Name of the Application, in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub application: String,
    /// The Cluster.
    pub cluster: ObjectReference,
    /// Generation of the Application that the manifest was taken from.
    pub application_generation: i64,
    /// The objects that shall be on the target.
    #[serde(default)]
    #[schemars(schema_with = "crate::manifest::objects")]
    pub manifest: Vec<serde_json::Value>,
    /// The Application's observer schema, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub observer_schema: Option<String>,
    /// How often and how fast applying is tried again when it fails; the delay grows with every failure. Default: for
    /// ever, after 1 s at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// What happens to what was deployed when the Application or the Placement is deleted. Of a copy that is only moved away,
    /// which the annotation `krake.dev/moved-away` says, everything is always removed. Default `Delete`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What is on the target.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PlacementStatus {
    /// Generation of the spec that was last applied completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Applied`, `Healthy`; `Deleting` and `Stalled` while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Why applying failed, in Krake's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<crate::reason::Reason>,
    /// Failures to apply a generation for the first time, while `spec.backoff` limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
    /// Everything of this placement that is or may be on the target. Recorded before it is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub inventory: Vec<InventoryEntry>,
    /// Namespace on the target of the objects that name none: the kubeconfig's when the placement was first applied. It stays
    /// the same as long as the placement lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub default_namespace: Option<String>,
    /// Endpoints of the placement's Services: name to `host:port`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, String>,
    /// Pods of the placement, summed over its workloads.
    #[serde(default)]
    pub container_health: ContainerHealth,
    /// What the workloads are doing, taken together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadState>,
}

/// Failures to apply in a row.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// Generation of the spec that could not be applied. Any other one starts over.
    pub generation: i64,
    /// How many there were.
    pub count: i64,
}

/// An object on the target.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// `apiVersion` under which the object was applied.
    #[schemars(length(max = 317))]
    pub api_version: String,
    /// Kind of the object.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Namespace on the target; absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Name on the target.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Uid on the target; absent until the first successful apply. Deletion is bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub uid: Option<String>,
    /// What the target assigned to fields that the observer schema names and the manifest does not: a partial object, as
    /// JSON text. These fields are kept as they were first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub frozen: Option<String>,
    /// Whether the object was there, and nobody's, before it was applied. A Namespace or a `CustomResourceDefinition`
    /// that was is never deleted: what others keep in it would go with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// That the object ended well, as a Job or a Pod may. From then on it may be gone from the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// An object that ended well.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Digest of the object in the manifest that did. Any other one is applied again.
    #[schemars(length(max = 64))]
    pub manifest: String,
    /// How many pods ended well.
    #[serde(default)]
    pub pods: i64,
}

/// What the workloads of a placement are doing, taken together: the worst of them.
#[derive(Serialize, Deserialize, JsonSchema, strum::Display, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkloadState {
    /// All run, or there is nothing that could.
    #[default]
    Running,
    /// Everything that can end has ended well, and nothing else is there.
    Completed,
    /// Not yet ready, and nothing says that it will not be.
    Progressing,
    /// A container has ended and will be started again.
    Restarting,
    /// Something is broken.
    Degraded,
}
