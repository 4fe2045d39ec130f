//! References between objects, by kind, namespace and name. They may dangle: nothing here promises existence.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

    /// Whether an object of `namespace` that refers to this means one of its own namespace, as it does if it names none.
    #[must_use]
    pub fn is_within(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|named| named == namespace)
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

/// Refers to a Metric or `GlobalMetric` and weighs it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MetricReference {
    /// Name of the metric.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// How much the metric counts against the others; dimensionless.
    pub weight: f64,
    /// Whether the metric is a Metric of this namespace (`true`) or a `GlobalMetric` (`false`, the default).
    #[serde(default)]
    pub namespaced: bool,
}

/// Refers to a Secret whose keys are fixed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret. It is in the namespace of the referring object, or, for a cluster-scoped one, in the
    /// namespace that operator and facade run in (default `krake-system`).
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Refers to one key of a Secret.
///
/// Where a use has a default key, its schema says so and the API server fills it in: whoever reads an object finds a key.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// Name of the Secret. It is in the namespace of the referring object, or, for a cluster-scoped one, in the
    /// namespace that operator and facade run in (default `krake-system`).
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the Secret's data.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// An optional reference to a kubeconfig.
pub(crate) fn kubeconfig_reference(generator: &mut SchemaGenerator) -> Schema {
    with_default_key(generator, "kubeconfig")
}

/// An optional reference to a password.
pub(crate) fn password_reference(generator: &mut SchemaGenerator) -> Schema {
    with_default_key(generator, "password")
}

/// An optional reference to a token.
pub(crate) fn token_reference(generator: &mut SchemaGenerator) -> Schema {
    with_default_key(generator, "token")
}

fn with_default_key(generator: &mut SchemaGenerator, key: &str) -> Schema {
    let mut schema = SecretKeyReference::json_schema(generator);
    if let Some(property) = schema.pointer_mut("/properties/key").and_then(Value::as_object_mut) {
        property.insert("default".into(), key.into());
        property.insert("description".into(), format!("Key in the Secret's data; default `{key}`.").into());
    }
    schema.insert("required".into(), json!(["name"]));
    schema.insert("nullable".into(), true.into());
    schema
}
