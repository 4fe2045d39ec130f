//! Krake's reason codes: why an object is in the state it is in. Names as on Krake's wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why an object failed or degraded, in Krake's words. Conditions carry the same in Kubernetes' words.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Krake's reason code.
    pub code: ReasonCode,
    /// One plain sentence for people.
    #[schemars(length(max = 4096))]
    pub message: String,
}

/// Krake's reason codes, by the name they have on the wire.
#[derive(Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the documentation; Krake's table lists who raises each")]
pub enum ReasonCode {
    InternalError,
    InvalidResource,
    UnsupportedResource,
    InvalidCustomResource,
    InvalidToscaManifest,
    ClusterNotReachable,
    NoSuitableResource,
    KubernetesError,
    CreateFailed,
    ReconcileFailed,
    ReconfigureFailed,
    DeleteFailed,
    RetrieveFailed,
    NotFound,
    OpenstackError,
    InvalidClusterTemplate,
    InvalidMetric,
    UnreachableMetricsProvider,
    UnknownMetric,
    UnknownMetricsProvider,
}
