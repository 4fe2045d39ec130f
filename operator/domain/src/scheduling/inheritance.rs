//! What a cluster takes over from its cloud.
//!
//! Krake does nothing of this for the labels and metrics that constraints name, although it means to
//! (`controllers.md` §3.9); here it works as meant.

use std::collections::BTreeMap;

use krake_crds::{
    constraint::{LabelConstraint, MetricConstraint},
    infrastructure::CloudSpec,
    kubernetes::ClusterSpec,
    reference::MetricReference,
};

/// The cloud that a cluster was scheduled to.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    /// What it is.
    pub spec: &'a CloudSpec,
    /// Whether it is a `GlobalCloud`, whose references to metrics never mean those of a namespace.
    pub is_global: bool,
}

impl Parent<'_> {
    /// The metrics that it refers to.
    #[must_use]
    pub fn metrics(&self) -> &[MetricReference] {
        self.spec.openstack.as_ref().map(|openstack| openstack.metrics.as_slice()).unwrap_or_default()
    }
}

/// The labels of a cluster: its own, and over them those of its cloud (as in Krake, the cloud wins) — all with
/// `inheritLabels`, else those that its constraints name.
#[must_use]
pub fn labels(cluster: &ClusterSpec, parent: Option<&Parent<'_>>) -> BTreeMap<String, String> {
    let mut labels = cluster.labels.clone();
    let Some(parent) = parent else { return labels };
    let named = keys::<LabelConstraint>(cluster.constraints.cloud.labels.as_deref(), LabelConstraint::key);
    let inherited = parent.spec.krake.labels.iter().filter(|(key, _)| cluster.inherit_labels || named.contains(key));
    labels.extend(inherited.map(|(key, value)| (key.clone(), value.clone())));
    labels
}

/// The metrics of a cluster: its own, and those of its cloud that it does not refer to itself — all with
/// `inheritMetrics`, else those that its constraints name.
#[must_use]
pub fn metrics(cluster: &ClusterSpec, parent: Option<&Parent<'_>>) -> Vec<MetricReference> {
    let mut metrics = cluster.metrics.clone();
    let Some(parent) = parent else { return metrics };
    let named = keys::<MetricConstraint>(cluster.constraints.cloud.metrics.as_deref(), MetricConstraint::key);
    let is_meant = |metric: &&MetricReference| {
        (cluster.inherit_metrics || named.contains(&metric.name))
            && !(parent.is_global && metric.namespaced)
            && !cluster.metrics.iter().any(|own| own.name == metric.name)
    };
    metrics.extend(parent.metrics().iter().filter(is_meant).cloned());
    metrics
}

/// What the constraints are about; those that cannot be read are about nothing.
fn keys<C: std::str::FromStr>(texts: Option<&[String]>, key: impl Fn(&C) -> &str) -> Vec<String> {
    let constraints = texts.unwrap_or_default().iter().filter_map(|text| text.parse::<C>().ok());
    constraints.map(|constraint| key(&constraint).to_owned()).collect()
}
