//! What is known about metrics at a moment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use krake_crds::{reason::Reason, reference::MetricReference};
use serde::{Deserialize, Serialize};

/// A Metric, or a `GlobalMetric` if it has no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MetricKey {
    /// Kubernetes namespace of the Metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Krake name of the object: what references give.
    pub name: String,
}

impl MetricKey {
    /// The metric that an object of `namespace` means with `reference`.
    #[must_use]
    pub fn of(reference: &MetricReference, namespace: Option<&str>) -> Self {
        let namespace = namespace.filter(|_| reference.namespaced).map(str::to_owned);
        Self { namespace, name: reference.name.clone() }
    }
}

/// What is known about a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What it is worth.
    pub worth: Worth,
    /// When it was read.
    pub at: Timestamp,
    /// The provider, e.g. `MetricsProvider prometheus`.
    pub source: String,
}

/// What a metric is worth, normalised to between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Worth {
    /// The same for everybody.
    One(f64),
    /// This much for each of these clusters, by `namespace/name` or `name`; nothing for others.
    PerCluster(BTreeMap<String, Result<f64, Reason>>),
    /// It could not be read, or does not count.
    Unknown(Reason),
    /// It has not been read yet.
    Unread,
}

/// What is known about all metrics.
pub type Readings = BTreeMap<MetricKey, Reading>;
