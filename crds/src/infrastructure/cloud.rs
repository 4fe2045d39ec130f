//! Cloud and `GlobalCloud`: where clusters may be built.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    krake_metadata::KrakeMetadata,
    reason::Reason,
    reference::{MetricReference, SecretKeyReference},
};

/// What kind of cloud it is, and how it is reached: the member that `type` names.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "infrastructure.krake.dev",
    version = "v1alpha1",
    kind = "Cloud",
    namespaced,
    status = "CloudStatus",
    derive = "PartialEq",
    shortname = "kcloud",
    category = "krake",
    doc = "A cloud: where the clusters of its namespace may be built. Clusters are given a cloud; nothing is built yet.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.openstack.infrastructureProvider.name"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("has(self.openstack) == (self.type == 'openstack')")
    .message("give exactly the member that spec.type names: openstack"))]
#[serde(rename_all = "camelCase")]
pub struct CloudSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// What kind of cloud it is; the member of the same name says how it is reached.
    #[serde(rename = "type")]
    pub type_: CloudType,
    /// A project of an OpenStack cloud; only with the type `openstack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openstack: Option<OpenstackCloud>,
}

/// What kind of cloud it is.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CloudType {
    /// A project of an OpenStack cloud.
    #[default]
    Openstack,
}

/// How a project of an OpenStack cloud is reached and rated, and who builds clusters there.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct OpenstackCloud {
    /// URL of the identity service (Keystone).
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Who signs in, and how.
    pub auth: CloudAuth,
    /// The Secret that holds the user's password, under the key `password` unless another is named. A cloud without
    /// it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::reference::password_reference")]
    pub auth_secret_ref: Option<SecretKeyReference>,
    /// Metrics by which the cloud is rated; a `GlobalCloud` can only refer to global ones.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub metrics: Vec<MetricReference>,
    /// What builds clusters on the cloud.
    pub infrastructure_provider: InfrastructureProviderReference,
}

/// Who signs in at a cloud, and how: the member that `type` names.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(validation = Rule::new("has(self.password) == (self.type == 'password')")
    .message("give exactly the member that type names: password"))]
#[serde(rename_all = "camelCase")]
pub struct CloudAuth {
    /// How the user signs in; the member of the same name says who.
    #[serde(rename = "type")]
    pub type_: CloudAuthType,
    /// A user with a password; only with the type `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<CloudPassword>,
}

/// How a user signs in at a cloud.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CloudAuthType {
    /// With a password.
    #[default]
    Password,
}

/// A user that signs in with a password, and the project that is used.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CloudPassword {
    /// Version of the identity API. Default `3`.
    #[serde(default = "default_version")]
    #[schemars(length(max = 63))]
    pub version: String,
    /// Who signs in.
    pub user: CloudUser,
    /// The project that is used.
    pub project: CloudProject,
}

impl Default for CloudPassword {
    fn default() -> Self {
        Self { version: default_version(), user: CloudUser::default(), project: CloudProject::default() }
    }
}

fn default_version() -> String {
    "3".into()
}

/// A user of an OpenStack cloud, by name.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CloudUser {
    /// Name of the user.
    #[schemars(length(max = 1024))]
    pub username: String,
    /// Name of the domain that the user belongs to. Default `Default`.
    #[serde(default = "default_domain_name")]
    #[schemars(length(max = 1024))]
    pub domain_name: String,
    /// Anything you want to note about the user. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub comment: Option<String>,
}

impl Default for CloudUser {
    fn default() -> Self {
        Self { username: String::new(), domain_name: default_domain_name(), comment: None }
    }
}

fn default_domain_name() -> String {
    "Default".into()
}

/// A project of an OpenStack cloud, by name.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CloudProject {
    /// Name of the project.
    #[schemars(length(max = 1024))]
    pub name: String,
    /// Identifier of the domain that the project belongs to. Default `default`.
    #[serde(default = "default_domain_id")]
    #[schemars(length(max = 1024))]
    pub domain_id: String,
    /// Anything you want to note about the project. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub comment: Option<String>,
}

impl Default for CloudProject {
    fn default() -> Self {
        Self { name: String::new(), domain_id: default_domain_id(), comment: None }
    }
}

fn default_domain_id() -> String {
    "default".into()
}

/// Refers to an `InfrastructureProvider` or `GlobalInfrastructureProvider` by its Krake name.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureProviderReference {
    /// Krake name of the provider.
    #[schemars(length(max = 255))]
    pub name: String,
    /// Whether it is an `InfrastructureProvider` of this namespace (`true`) or a `GlobalInfrastructureProvider`
    /// (`false`, the default). A `GlobalCloud` can only refer to a global one.
    #[serde(default)]
    pub namespaced: bool,
}

/// What the metrics controller found; REST clients may write it, too.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CloudStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Krake's one-word summary of the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CloudState>,
    /// Why metrics could not be read, by metric name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub metrics_reasons: BTreeMap<String, Reason>,
    /// `Ready`, `MetricsAvailable`, and `Deleting` while it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Krake's states of a cloud.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum CloudState {
    /// Usable, as far as is known.
    #[default]
    Online,
    /// At least one of its metrics cannot be read.
    FailingMetrics,
}

/// What kind of cloud it is, and how it is reached: the member that `type` names.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "infrastructure.krake.dev",
    version = "v1alpha1",
    kind = "GlobalCloud",
    status = "CloudStatus",
    derive = "PartialEq",
    shortname = "kgcloud",
    category = "krake",
    validation = Rule::new("!has(self.spec.openstack) || !self.spec.openstack.infrastructureProvider.namespaced")
        .message("a global cloud cannot refer to an InfrastructureProvider of a namespace"),
    validation = Rule::new("!has(self.spec.openstack) || !has(self.spec.openstack.metrics) \
        || self.spec.openstack.metrics.all(metric, !metric.namespaced)")
        .message("a global cloud cannot refer to a Metric of a namespace"),
    doc = "A global cloud: where the clusters of every namespace may be built. Clusters are given a cloud; nothing is built yet.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.openstack.infrastructureProvider.name"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct GlobalCloudSpec(pub CloudSpec);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn version_and_domains_need_not_be_given() {
        let least = json!({ "user": { "username": "krake" }, "project": { "name": "demo" } });
        let read: CloudPassword = serde_json::from_value(least).unwrap();
        let complete = json!({
            "version": "3",
            "user": { "username": "krake", "domainName": "Default" },
            "project": { "name": "demo", "domainId": "default" },
        });
        assert_eq!(serde_json::to_value(read).unwrap(), complete);
    }
}
