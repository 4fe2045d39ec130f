//! The exact Krake name of an object whose Kubernetes name had to be encoded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an object the way Krake's REST API does. Immutable once set.
///
/// Absent on objects created through Kubernetes: their Kubernetes name and namespace are their Krake names too.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Name in Krake's REST API: 1 to 255 letters, digits, `_`, `-`, `.` and `:`, starting and ending with a letter, digit or `_`.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Namespace in Krake's REST API; absent for kinds without namespaces. Same syntax as the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub namespace: Option<String>,
}
