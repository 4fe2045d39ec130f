//! Project: an OpenStack project in which Magnum may build clusters.

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

/// How the project is reached and rated, and what clusters in it are like.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "openstack.krake.dev",
    version = "v1alpha1",
    kind = "Project",
    namespaced,
    status = "ProjectStatus",
    derive = "PartialEq",
    shortname = "kproj",
    category = "krake",
    doc = "An OpenStack project: where Magnum may build the MagnumClusters of its namespace. Stored for Krake's REST API; nothing is built yet.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(name = "Template", type_ = "string", json_path = ".spec.template", priority = "1"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// URL of the identity service (Keystone), version 3.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Who signs in, and how.
    pub auth: ProjectAuth,
    /// The Secret that holds the user's password, or the secret of the application credential; `key` must be given. A
    /// project without it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_secret_ref: Option<SecretKeyReference>,
    /// Identifier of the Magnum cluster template from which clusters are built.
    #[schemars(length(max = 1024))]
    pub template: String,
    /// Metrics by which the project is rated. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub metrics: Vec<MetricReference>,
}

/// Who signs in at a project, and how: the member that `type` names.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(validation = Rule::new("has(self.password) == (self.type == 'password') \
        && has(self.applicationCredential) == (self.type == 'application_credential')")
    .message("give exactly the member that type names: password, or applicationCredential for application_credential"))]
#[serde(rename_all = "camelCase")]
pub struct ProjectAuth {
    /// How one signs in: `password` goes with the member `password`, `application_credential` with
    /// `applicationCredential`.
    #[serde(rename = "type")]
    pub type_: ProjectAuthType,
    /// A user with a password; only with the type `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<ProjectPassword>,
    /// An application credential; only with the type `application_credential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_credential: Option<ApplicationCredential>,
}

/// How one signs in at a project.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ProjectAuthType {
    /// As a user with a password.
    #[default]
    Password,
    /// With an application credential.
    ApplicationCredential,
}

/// A user that signs in with a password, and the project that is used.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProjectPassword {
    /// Who signs in.
    pub user: Identified,
    /// The project that is used.
    pub project: Identified,
}

/// A user or a project, by its identifier.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Identified {
    /// Identifier at OpenStack.
    #[schemars(length(max = 1024))]
    pub id: String,
    /// Anything you want to note about it. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub comment: Option<String>,
}

/// An application credential of OpenStack. It belongs to one user and one project.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationCredential {
    /// Identifier of the credential; its secret is in the Secret that `authSecretRef` names.
    #[schemars(length(max = 1024))]
    pub id: String,
}

/// What the metrics controller found; REST clients may write it, too.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Krake's one-word summary of the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ProjectState>,
    /// Why metrics could not be read, by metric name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub metrics_reasons: BTreeMap<String, Reason>,
    /// `Ready`, `MetricsAvailable`, and `Deleting` while it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Krake's states of a project.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ProjectState {
    /// Usable, as far as is known.
    #[default]
    Online,
    /// At least one of its metrics cannot be read.
    FailingMetrics,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_states_are_the_words_of_the_rest_api() {
        for (type_, word) in [
            (ProjectAuthType::Password, "password"),
            (ProjectAuthType::ApplicationCredential, "application_credential"),
        ] {
            assert_eq!((type_.to_string(), serde_json::to_value(type_).unwrap()), (word.to_owned(), word.into()));
        }
        for (state, word) in [(ProjectState::Online, "ONLINE"), (ProjectState::FailingMetrics, "FAILING_METRICS")] {
            assert_eq!((state.to_string(), serde_json::to_value(state).unwrap()), (word.to_owned(), word.into()));
        }
    }
}
