//! What is registered and deployed, as data: which cluster is in which zone and rated by which metric.
//!
//! Every application may run in one zone only, and each cluster of a zone is rated by another metric. All metrics have
//! the same value at first, so that applications are spread over the clusters of their zone. When one metric rises, the
//! applications of the zones that have a cluster with it must move there, and no others.

use std::time::Duration;

use krake_testbed::{kubeconfig::Kubeconfig, objects};
use serde_json::{Map, Value, json};

/// How many clusters a zone has.
const CLUSTERS_PER_ZONE: usize = 10;

/// One of so many applications has a Deployment; the others have a `ConfigMap`.
const DEPLOYMENT_EVERY: usize = 10;

/// The value of every metric at first, and of the one that rises afterwards. Metrics go from 0 to 1.
pub(super) const AT_FIRST: f64 = 0.5;
const RISEN: f64 = 1.0;

/// The name of the provider of all metrics.
pub(super) const PROVIDER: &str = "bench";

/// How much of everything there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Target clusters.
    pub clusters: usize,
    /// Applications.
    pub applications: usize,
    /// Metrics by which clusters are rated, one each.
    pub metrics: usize,
    /// Namespaces over which clusters and applications are spread.
    pub namespaces: usize,
    /// How long the idle operator is watched.
    pub idle: Duration,
}

impl Scale {
    /// What Krake is designed for.
    pub const FULL: Self =
        Self { clusters: 1000, applications: 10_000, metrics: 100, namespaces: 1, idle: Duration::from_mins(1) };

    /// Enough to see that the benchmark works.
    pub const QUICK: Self =
        Self { clusters: 20, applications: 200, metrics: 10, namespaces: 1, idle: Duration::from_secs(10) };

    /// How long something may take that is done for every application and cluster: far longer than it should.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let objects = u32::try_from(self.applications + self.clusters).unwrap_or(u32::MAX);
        Duration::from_mins(1) + Duration::from_millis(200) * objects
    }

    /// The namespaces.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = String> {
        (0..self.namespaces).map(namespace)
    }

    /// How many zones a namespace has.
    fn zones(&self, namespace: usize) -> usize {
        let clusters = (self.clusters + self.namespaces - 1 - namespace) / self.namespaces;
        (clusters / CLUSTERS_PER_ZONE).max(1)
    }

    /// The zone in which a cluster is.
    pub(super) fn zone_of_cluster(&self, number: usize) -> usize {
        (number / self.namespaces) % self.zones(number % self.namespaces)
    }

    /// The zone in which an application must be.
    pub(super) fn zone_of_application(&self, number: usize) -> usize {
        (number / self.namespaces) % self.zones(number % self.namespaces)
    }

    /// The metric by which a cluster is rated.
    pub(super) fn metric_of_cluster(&self, number: usize) -> usize {
        number * self.metrics / self.clusters
    }

    /// The Secret with the kubeconfig of a cluster, and the Cluster.
    pub(super) fn cluster(&self, number: usize, kubeconfig: &Kubeconfig) -> Vec<Value> {
        objects::cluster(&cluster_name(number), kubeconfig)
            .in_namespace(&namespace(number % self.namespaces))
            .labelled("zone", &zone(self.zone_of_cluster(number)))
            .rated(&metric(self.metric_of_cluster(number)), 1.0)
            .documents()
    }

    /// An application.
    pub(super) fn application(&self, number: usize) -> Value {
        let name = application_name(number);
        objects::application(&name)
            .in_namespace(&namespace(number % self.namespaces))
            .where_label(&format!("zone is {}", zone(self.zone_of_application(number))))
            .running([workload(number)])
            .custom_resource()
    }

    /// The static provider and all metrics.
    pub(super) fn metrics(&self) -> Vec<Value> {
        let values: Map<String, Value> = (0..self.metrics).map(|number| (metric(number), AT_FIRST.into())).collect();
        let provider = json!({
            "apiVersion": "core.krake.dev/v1alpha1",
            "kind": "GlobalMetricsProvider",
            "metadata": { "name": PROVIDER },
            "spec": { "type": "static", "static": { "metrics": values } },
        });
        let global = |name: String| {
            json!({
                "apiVersion": "core.krake.dev/v1alpha1",
                "kind": "GlobalMetric",
                "metadata": { "name": name },
                "spec": { "min": 0.0, "max": 1.0, "provider": { "name": PROVIDER, "metric": name } },
            })
        };
        std::iter::once(provider).chain((0..self.metrics).map(|number| global(metric(number)))).collect()
    }

    /// The metric that rises.
    pub(super) fn rising(&self) -> Rising<'_> {
        Rising { scale: self, metric: self.metrics / 2 }
    }
}

/// What follows from the rise of one metric.
pub(super) struct Rising<'a> {
    scale: &'a Scale,
    metric: usize,
}

impl Rising<'_> {
    /// A merge patch of the provider.
    pub(super) fn patch(&self) -> Value {
        json!({ "spec": { "static": { "metrics": { metric(self.metric): RISEN } } } })
    }

    /// Where an application must be afterwards: on one of these clusters; anywhere if there are none.
    pub(super) fn places_of(&self, application: usize) -> Vec<String> {
        let Self { scale, metric } = *self;
        let (namespace, zone) = (application % scale.namespaces, scale.zone_of_application(application));
        let is_better = |number: &usize| {
            number % scale.namespaces == namespace
                && scale.zone_of_cluster(*number) == zone
                && scale.metric_of_cluster(*number) == metric
        };
        (0..scale.clusters).filter(is_better).map(cluster_name).collect()
    }
}

fn namespace(number: usize) -> String {
    format!("bench-{number}")
}

/// The name of a cluster.
pub(super) fn cluster_name(number: usize) -> String {
    format!("hollow-{number:04}")
}

/// The name of an application.
pub(super) fn application_name(number: usize) -> String {
    format!("app-{number:05}")
}

/// The name of a zone: a value of the label `zone`.
pub(super) fn zone(number: usize) -> String {
    format!("z{number}")
}

/// The name of a metric, in Krake and at its provider.
pub(super) fn metric(number: usize) -> String {
    format!("metric-{number:03}")
}

/// What an application consists of.
pub(super) fn workload(number: usize) -> Value {
    let name = application_name(number);
    if number.is_multiple_of(DEPLOYMENT_EVERY) {
        objects::deployment(&name, 1)
    } else {
        objects::config_map(&name, "greeting", "hello")
    }
}

/// The key of an application: its namespace and name.
pub(super) fn application_key(scale: &Scale, number: usize) -> (String, String) {
    (namespace(number % scale.namespaces), application_name(number))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn clusters_of(scale: &Scale, application: usize) -> impl Iterator<Item = usize> {
        let (namespace, zone) = (application % scale.namespaces, scale.zone_of_application(application));
        (0..scale.clusters).filter(move |n| n % scale.namespaces == namespace && scale.zone_of_cluster(*n) == zone)
    }

    #[test]
    fn every_application_has_clusters_each_rated_by_another_metric() {
        let spread = Scale { namespaces: 5, ..Scale::FULL };
        for scale in [Scale::FULL, Scale::QUICK, spread] {
            for application in (0..scale.applications).step_by(7) {
                let clusters: Vec<usize> = clusters_of(&scale, application).collect();
                let metrics: BTreeSet<_> = clusters.iter().map(|n| scale.metric_of_cluster(*n)).collect();
                assert_eq!((clusters.len(), metrics.len()), (10, 10), "{scale:?}");
            }
        }
    }

    #[test]
    fn a_risen_metric_concerns_a_tenth_of_the_full_fleet() {
        let rising = Scale::FULL.rising();
        let concerned = (0..10_000).filter(|number| !rising.places_of(*number).is_empty()).count();
        assert_eq!(concerned, 1000);
    }

    #[test]
    fn any_scale_has_a_zone_for_every_application() {
        let odd = Scale { clusters: 3, applications: 8, metrics: 1, namespaces: 2, idle: Duration::ZERO };
        assert!((0..8).all(|number| clusters_of(&odd, number).next().is_some()));
    }
}
