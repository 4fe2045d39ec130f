//! References between objects, by kind, namespace and name. They may dangle: nothing here promises existence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Refers to an object of the management cluster by its Kubernetes names.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// API group of the object, e.g. `kubernetes.krake.dev`.
    #[schemars(length(max = 253))]
    pub group: String,
    /// Kind of the object, e.g. `Cluster`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Namespace of the object; absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

impl ObjectReference {
    /// Refers to the Cluster `name` in `namespace`.
    #[must_use]
    pub fn cluster(namespace: &str, name: &str) -> Self {
        Self {
            group: "kubernetes.krake.dev".into(),
            kind: "Cluster".into(),
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }
}

/// Names an owner as Krake's REST API does (`ResourceRef`), with Krake's names.
///
/// An owner is something this object depends on: when the owner is deleted, this object is deleted first.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// API of the owner as in the REST path: `core`, `kubernetes`, `infrastructure` or `openstack`.
    #[schemars(length(max = 63))]
    pub api: String,
    /// Kind of the owner.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Namespace of the owner; absent for kinds without namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub namespace: Option<String>,
    /// Name of the owner.
    #[schemars(length(max = 255))]
    pub name: String,
}

/// Refers to one key of a Secret in the same namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// Name of the Secret, in the namespace of the referring object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the Secret's data; default `kubeconfig`.
    #[serde(default = "default_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn default_key() -> String {
    "kubeconfig".into()
}
