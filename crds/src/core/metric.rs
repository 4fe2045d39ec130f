//! Metric and `GlobalMetric`: a number by which clusters and clouds are rated.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::krake_metadata::KrakeMetadata;

/// Which values the metric may have, and where its value comes from.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "Metric",
    namespaced,
    status = "MetricStatus",
    derive = "PartialEq",
    shortname = "kmet",
    category = "krake",
    doc = "A metric: a number, read from a MetricsProvider of its namespace, by which the clusters, clouds and projects of that namespace are rated.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider.name"),
    printcolumn(name = "Min", type_ = "number", json_path = ".spec.min"),
    printcolumn(name = "Max", type_ = "number", json_path = ".spec.max"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = "1"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct MetricSpec {
    /// What Krake keeps in its metadata.
    #[serde(flatten)]
    pub krake: KrakeMetadata,
    /// Smallest value, in the metric's own unit. It must be below `max` for the metric to be usable; that is not
    /// checked when you write it, because Krake's REST API accepts any two numbers: the condition `Ready` says so.
    pub min: f64,
    /// Largest value, in the metric's own unit; see `min`.
    pub max: f64,
    /// The only values that count, between `min` and `max`. Default: every value between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub allowed_values: Vec<i64>,
    /// Where the value is read.
    pub provider: MetricSource,
}

/// Where the value of a metric is read.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MetricSource {
    /// Krake name of the provider: for a Metric, a `MetricsProvider` of the same namespace; for a `GlobalMetric`, a
    /// `GlobalMetricsProvider`.
    #[schemars(length(max = 255))]
    pub name: String,
    /// Name that the metric has at the provider.
    #[schemars(length(max = 1024))]
    pub metric: String,
}

/// What the metrics controller found. Values are not kept here, because they change all the time.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MetricStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether the metric has a value that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Which values the metric may have, and where its value comes from.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "core.krake.dev",
    version = "v1alpha1",
    kind = "GlobalMetric",
    status = "MetricStatus",
    derive = "PartialEq",
    shortname = "kgmet",
    category = "krake",
    doc = "A global metric: a number, read from a GlobalMetricsProvider, by which clusters, clouds and projects of every namespace are rated.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider.name"),
    printcolumn(name = "Min", type_ = "number", json_path = ".spec.min"),
    printcolumn(name = "Max", type_ = "number", json_path = ".spec.max"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = "1"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct GlobalMetricSpec(pub MetricSpec);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_global_metric_reads_and_writes_as_a_metric_does() {
        let text = json!({
            "identity": { "name": "Heat:1" },
            "labels": { "unit": "kelvin" },
            "inheritLabels": false,
            "min": 0.0,
            "max": 1.5,
            "allowedValues": [1, 0, 1],
            "provider": { "name": "prometheus", "metric": "heat" },
        });
        let global: GlobalMetricSpec = serde_json::from_value(text.clone()).unwrap();
        let metric: MetricSpec = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(global.0, metric);
        assert_eq!(global.0.krake.labels["unit"], "kelvin");
        assert_eq!(
            [serde_json::to_value(global).unwrap(), serde_json::to_value(metric).unwrap()],
            [text.clone(), text]
        );
    }
}
