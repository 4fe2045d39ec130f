//! `InfrastructureProvider` and `GlobalInfrastructureProvider`: what builds clusters on clouds.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{krake_metadata::KrakeMetadata, reference::SecretReference};

/// What kind of system the provider is, and how it is reached: the member that `type` names.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "infrastructure.krake.dev",
    version = "v1alpha1",
    kind = "InfrastructureProvider",
    namespaced,
    status = "InfrastructureProviderStatus",
    derive = "PartialEq",
    shortname = "kip",
    category = "krake",
    doc = "An infrastructure provider: what builds clusters on the clouds of its namespace. Stored for Krake's REST API; nothing is built yet.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.im.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("has(self.im) == (self.type == 'im')")
    .message("give exactly the member that spec.type names: im"))]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureProviderSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// What kind of system the provider is; the member of the same name says how it is reached.
    #[serde(rename = "type")]
    pub type_: InfrastructureProviderType,
    /// An Infrastructure Manager; only with the type `im`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub im: Option<Im>,
}

/// What kind of system an infrastructure provider is.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum InfrastructureProviderType {
    /// An Infrastructure Manager.
    #[default]
    Im,
}

/// How an Infrastructure Manager is reached.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Im {
    /// URL of its REST API.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// The Secret with the credentials: the keys `username` and `password`, or the key `token`, which goes first when
    /// there are all three. A provider without it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretReference>,
}

/// What is known about the provider. No controller writes it yet.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureProviderStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reachable`, and `Stalled` while it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// What kind of system the provider is, and how it is reached: the member that `type` names.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "infrastructure.krake.dev",
    version = "v1alpha1",
    kind = "GlobalInfrastructureProvider",
    status = "InfrastructureProviderStatus",
    derive = "PartialEq",
    shortname = "kgip",
    category = "krake",
    doc = "A global infrastructure provider: what builds clusters on the clouds of every namespace. Stored for Krake's REST API; nothing is built yet.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.im.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct GlobalInfrastructureProviderSpec(pub InfrastructureProviderSpec);
