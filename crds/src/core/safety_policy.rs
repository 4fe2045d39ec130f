//! `SafetyPolicy`: how much the operator may move and remove, and the switch that stops it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits for the operator. Where several policies limit the same, each of them holds; without any, nothing is limited.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "SafetyPolicy",
    plural = "safetypolicies",
    status = "SafetyPolicyStatus",
    derive = "PartialEq",
    shortname = "ksafe",
    category = "krake",
    doc = "A safety policy: limits how many applications the operator may move and remove, and stops it altogether. Not part of Krake's REST API.",
    printcolumn(name = "Stop", type_ = "boolean", json_path = ".spec.stop"),
    printcolumn(name = "Tripped", type_ = "string", json_path = ".status.conditions[?(@.type=='Tripped')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct SafetyPolicySpec {
    /// The stop switch: while `true`, nothing is moved and nothing is removed, from any cluster or from the management
    /// cluster. New applications are deployed, and drift is corrected. Default `false`.
    #[serde(default)]
    pub stop: bool,
    /// Kubernetes namespaces of the management cluster that the policy is about. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 63)))]
    pub namespaces: Vec<String>,
    /// Count this up to say that a tripped budget was seen and may be used again. Default 0.
    #[serde(default)]
    pub acknowledged: i64,
    /// What may happen in these namespaces taken together. Default: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Budgets>,
    /// What may happen in each of them. Default: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_namespace: Option<Budgets>,
}

/// How many applications may be touched in a span of time.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Budgets {
    /// Moves of applications to another cluster, each of which counts. A move beyond the budget waits until there is room again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrations: Option<Budget>,
    /// Applications whose objects are removed from a cluster because the application was deleted. One beyond the budget
    /// trips it: nothing is removed any more until a human changes the `spec` of the policy in any way, such as raising
    /// the limit or counting up `acknowledged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions: Option<Budget>,
}

/// At most so many in so many seconds.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// How many; 0 is none at all.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub limit: u32,
    /// In how many seconds, counted back from now. Default 3600.
    #[serde(default = "default_window")]
    #[schemars(range(min = 1, max = 604_800))]
    pub window_seconds: u32,
}

fn default_window() -> u32 {
    3600
}

/// What the operator says about the policy.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SafetyPolicyStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: the policy is followed. `Tripped`: a budget for deletions is used up, and the message says which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
