//! Role: what some users of Krake's REST API may do. Read by the facade; no controller acts on it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::krake_metadata::KrakeMetadata;

/// What the role permits. There are no rules that forbid.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "Role",
    derive = "PartialEq",
    shortname = "krole",
    category = "krake",
    doc = "A role of Krake's REST API: what the users to whom RoleBindings give it may do there. It means nothing to Kubernetes.",
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct RoleSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// The rules, set by you; a request is permitted as soon as one rule permits it. An empty list permits nothing.
    #[schemars(length(max = 256))]
    pub rules: Vec<RoleRule>,
}

/// Permits requests whose API, resource, namespace and verb it names, all four.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RoleRule {
    /// API as in the REST path: `core`, `kubernetes`, `infrastructure` or `openstack`; `""` is any API.
    #[schemars(length(max = 253))]
    pub api: String,
    /// Resources in the plural, as in the REST path, e.g. `applications`; the subresource `status` of it is
    /// `applications/status` and needs an entry of its own. `""` is any resource, subresources included.
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub resources: Vec<String>,
    /// Krake namespaces; `""` is any namespace. A request without a namespace in its path, such as one that lists all
    /// namespaces, passes whatever stands here.
    #[schemars(length(max = 1024), inner(length(max = 255)))]
    pub namespaces: Vec<String>,
    /// What may be done. A watch is a `list`.
    #[schemars(length(max = 64))]
    pub verbs: Vec<RoleVerb>,
}

/// What a rule permits to do.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, PartialEq, Eq, Hash,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RoleVerb {
    /// POST.
    Create,
    /// GET of a collection, and its watch.
    List,
    /// Accepted for Krake's sake; nothing asks for it.
    ListAll,
    /// GET of one object.
    Get,
    /// PUT, of objects and of subresources.
    Update,
    /// DELETE.
    Delete,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_the_words_of_the_rest_api() {
        for word in ["create", "list", "list_all", "get", "update", "delete"] {
            let verb: RoleVerb = word.parse().unwrap();
            assert_eq!(verb.to_string(), word);
            assert_eq!(serde_json::to_value(verb).unwrap(), word);
        }
    }
}
