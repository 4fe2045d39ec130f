//! What Krake keeps in the metadata of every object, and Kubernetes has no place for: it lives in `spec`.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{identity::Identity, reference::Owner};

/// Krake's part of the metadata, flattened into the specs of the kinds.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(validation = Rule::new("!has(oldSelf.identity) || (has(self.identity) && self.identity == oldSelf.identity)")
    .message("spec.identity is immutable"))]
#[serde(rename_all = "camelCase")]
pub struct KrakeMetadata {
    /// Exact Krake names, set by the facade when the Kubernetes names had to be encoded. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Krake labels, set by you; label constraints look at those of clusters, clouds and projects. They are wider than
    /// Kubernetes labels (prefixes need not be DNS names) and authoritative for Krake; `metadata.labels` is left to
    /// you. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::krake_metadata::label_map")]
    pub labels: BTreeMap<String, String>,
    /// Stored for Krake's REST API; it has a meaning for clusters only. Default `false`.
    #[serde(default)]
    pub inherit_labels: bool,
    /// Further objects this one depends on: when one of them is deleted, this one is deleted first. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub owners: Vec<Owner>,
}

impl KrakeMetadata {
    /// The Krake name of the object that has these Kubernetes names. An identity that claims the names of others counts as
    /// none.
    #[must_use]
    pub fn name<'a>(&'a self, namespace: Option<&str>, name: &'a str) -> &'a str {
        krake_name(self.identity.as_ref(), namespace, name)
    }
}

/// The Krake name of the object that has these Kubernetes names and claims this identity.
#[must_use]
pub fn krake_name<'a>(identity: Option<&'a Identity>, namespace: Option<&str>, name: &'a str) -> &'a str {
    identity.filter(|identity| identity.belongs_to(namespace, name)).map_or(name, |identity| &identity.name)
}

/// A map of labels. No value that Krake's REST API can show is longer.
pub(crate) fn label_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 256,
        "additionalProperties": { "type": "string", "maxLength": 63 },
    })
}
