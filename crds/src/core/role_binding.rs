//! `RoleBinding`: which users of Krake's REST API have which roles. Read by the facade; no controller acts on it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::krake_metadata::KrakeMetadata;

/// Gives each of the users each of the roles.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "RoleBinding",
    derive = "PartialEq",
    shortname = "krolebinding",
    category = "krake",
    doc = "Gives users of Krake's REST API their roles. It means nothing to Kubernetes.",
    printcolumn(name = "Users", type_ = "string", json_path = ".spec.users"),
    printcolumn(name = "Roles", type_ = "string", json_path = ".spec.roles"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct RoleBindingSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// Names of users as the facade's authentication gives them, e.g. the common name of a client certificate. Compared
    /// exactly. `system:anonymous` is never permitted anything.
    #[schemars(length(max = 4096), inner(length(max = 1024)))]
    pub users: Vec<String>,
    /// Krake names of Roles. Names of which there is no Role permit nothing.
    #[schemars(length(max = 1024), inner(length(max = 255)))]
    pub roles: Vec<String>,
}
