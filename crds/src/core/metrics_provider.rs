//! `MetricsProvider` and `GlobalMetricsProvider`: where the values of metrics are read.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{krake_metadata::KrakeMetadata, reference::SecretKeyReference};

/// What kind of system the provider is, and how it is reached: the member that `type` names.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "MetricsProvider",
    namespaced,
    status = "MetricsProviderStatus",
    derive = "PartialEq",
    shortname = "kmp",
    category = "krake",
    doc = "A metrics provider: where the values of the Metrics of its namespace are read.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec['prometheus','influx','kafka'].url"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("has(self.prometheus) == (self.type == 'prometheus') \
        && has(self.influx) == (self.type == 'influx') \
        && has(self.kafka) == (self.type == 'kafka') \
        && has(self.static) == (self.type == 'static')")
    .message("give exactly the member that spec.type names: prometheus, influx, kafka or static"))]
#[serde(rename_all = "camelCase")]
pub struct MetricsProviderSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// What kind of system the provider is; the member of the same name says how it is reached.
    #[serde(rename = "type")]
    pub type_: MetricsProviderType,
    /// A Prometheus server; only with the type `prometheus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
    /// An `InfluxDB` 2 server; only with the type `influx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub influx: Option<Influx>,
    /// A `ksqlDB` server before a Kafka cluster; only with the type `kafka`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<Kafka>,
    /// Values that are given right here; only with the type `static`.
    #[serde(default, rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_: Option<Static>,
}

/// What kind of system a metrics provider is.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MetricsProviderType {
    /// A Prometheus server.
    Prometheus,
    /// An `InfluxDB` 2 server.
    Influx,
    /// A `ksqlDB` server before a Kafka cluster.
    Kafka,
    /// Values that are given in the object itself.
    #[default]
    Static,
}

/// How a Prometheus server is reached.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Prometheus {
    /// URL of the server, without `/api/v1/query`.
    #[schemars(length(max = 2048))]
    pub url: String,
}

/// How an `InfluxDB` 2 server is reached.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Influx {
    /// URL of the server.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Organisation that the bucket belongs to.
    #[schemars(length(max = 1024))]
    pub org: String,
    /// Bucket that holds the metrics.
    #[schemars(length(max = 1024))]
    pub bucket: String,
    /// The Secret that holds the API token, under the key `token` unless another is named. A provider without it
    /// cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::reference::token_reference")]
    pub token_secret_ref: Option<SecretKeyReference>,
}

/// How a `ksqlDB` server is reached, and where it has the metrics.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Kafka {
    /// URL of the server.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Table that holds the metrics, one a row.
    #[schemars(length(max = 1024))]
    pub table: String,
    /// Column with the names of the metrics.
    #[schemars(length(max = 1024))]
    pub comparison_column: String,
    /// Column with the values.
    #[schemars(length(max = 1024))]
    pub value_column: String,
}

/// Values that never change by themselves.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Static {
    /// The value of each metric, by the name that `spec.provider.metric` of a Metric gives it.
    #[schemars(extend("maxProperties" = 1024))]
    pub metrics: BTreeMap<String, f64>,
}

/// What the metrics controller found.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MetricsProviderStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether it can be asked and the last questions were answered. `Reachable`: whether it answers at all.
    /// Only providers that a metric in use names are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// What kind of system the provider is, and how it is reached: the member that `type` names.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "GlobalMetricsProvider",
    status = "MetricsProviderStatus",
    derive = "PartialEq",
    shortname = "kgmp",
    category = "krake",
    doc = "A global metrics provider: where the values of GlobalMetrics are read.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec['prometheus','influx','kafka'].url"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct GlobalMetricsProviderSpec(pub MetricsProviderSpec);
