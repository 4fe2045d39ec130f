//! The scheduling problem that both sides get: what they create through REST, in a namespace of its own.
//!
//! It is the small fleet of [`layout`], but for its metrics, which belong to the namespace too: at
//! a Krake of somebody else nothing is touched that is not in it.

use krake_testbed::{kubeconfig::Kubeconfig, objects};
use serde_json::{Map, Value, json};

use crate::fleet::layout::{self, PROVIDER, Scale};

/// Everything that is made for the comparison is in this namespace, and nothing else.
pub(super) const NAMESPACE: &str = "krake-bench-comparison";

/// What is made, those first that may need the others.
pub(super) const COLLECTIONS: [&str; 4] = [APPLICATIONS, CLUSTERS, METRICS, PROVIDERS];

pub(super) const APPLICATIONS: &str = "/kubernetes/namespaces/krake-bench-comparison/applications";
pub(super) const CLUSTERS: &str = "/kubernetes/namespaces/krake-bench-comparison/clusters";
const METRICS: &str = "/core/namespaces/krake-bench-comparison/metrics";
const PROVIDERS: &str = "/core/namespaces/krake-bench-comparison/metricsproviders";

/// An object to create: the path of its collection, and the body.
pub(super) type Creation = (&'static str, Value);

/// Any number of applications over the clusters of the small fleet.
pub(super) struct Problem(Scale);

impl Default for Problem {
    fn default() -> Self {
        Self(Scale::QUICK)
    }
}

impl Problem {
    /// How many clusters there are.
    pub(super) fn clusters(&self) -> usize {
        self.0.clusters
    }

    /// The static provider, the metrics, and the clusters, with the kubeconfig that each gets.
    pub(super) fn ground(&self, kubeconfig: impl Fn(usize) -> Kubeconfig) -> Vec<Creation> {
        let names = || (0..self.0.metrics).map(layout::metric);
        let values: Map<String, Value> = names().map(|name| (name, layout::AT_FIRST.into())).collect();
        let provider = json!({
            "metadata": { "name": PROVIDER, "namespace": NAMESPACE },
            "spec": { "type": "static", "static": { "metrics": values } },
        });
        let metric = |name: String| {
            json!({
                "metadata": { "name": name, "namespace": NAMESPACE },
                "spec": {
                    "min": 0.0, "max": 1.0, "allowed_values": [],
                    "provider": { "name": PROVIDER, "metric": name },
                },
            })
        };
        let metrics = names().map(|name| (METRICS, metric(name)));
        let clusters = (0..self.0.clusters).map(|number| (CLUSTERS, self.cluster(number, &kubeconfig(number))));
        std::iter::once((PROVIDERS, provider)).chain(metrics).chain(clusters).collect()
    }

    fn cluster(&self, number: usize, kubeconfig: &Kubeconfig) -> Value {
        objects::cluster(&layout::cluster_name(number), kubeconfig)
            .in_namespace(NAMESPACE)
            .labelled("zone", &layout::zone(self.0.zone_of_cluster(number)))
            .rated_by_own(&layout::metric(self.0.metric_of_cluster(number)), 1.0)
            .rest()
    }

    /// An application. It stays where it is put, so that the original does not come back to it while it decides on others.
    pub(super) fn application(&self, number: usize) -> Creation {
        let application = objects::application(&layout::application_name(number))
            .in_namespace(NAMESPACE)
            .where_label(&format!("zone is {}", layout::zone(self.0.zone_of_application(number))))
            .running([layout::workload(number)])
            .staying();
        (APPLICATIONS, application.rest())
    }

    /// The name of an application.
    pub(super) fn name_of_application(number: usize) -> String {
        layout::application_name(number)
    }

    /// The number of the application with this name.
    pub(super) fn number_of_application(name: &str) -> Option<usize> {
        let number = name.strip_prefix("app-")?.parse().ok()?;
        (layout::application_name(number) == name).then_some(number)
    }

    /// Whether an application may be on the cluster of this name.
    pub(super) fn fits(&self, application: usize, cluster: &str) -> bool {
        let zone = self.0.zone_of_application(application);
        let mut of_zone = (0..self.0.clusters).filter(|number| self.0.zone_of_cluster(*number) == zone);
        of_zone.any(|number| layout::cluster_name(number) == cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(number: usize) -> Kubeconfig {
        Kubeconfig::with_token(&format!("c{number}"), "https://127.0.0.1", "PEM", "secret")
    }

    #[test]
    fn everything_is_in_the_namespace_and_in_a_collection_that_is_cleared() {
        let problem = Problem::default();
        let ground = problem.ground(kubeconfig);
        assert_eq!(ground.len(), 1 + 10 + 20);
        for (collection, body) in ground.into_iter().chain((0..3).map(|number| problem.application(number))) {
            assert!(COLLECTIONS.contains(&collection) && collection.contains(NAMESPACE), "{collection}");
            assert_eq!(body.pointer("/metadata/namespace"), Some(&NAMESPACE.into()));
        }
    }

    #[test]
    fn clusters_are_rated_by_the_metrics_of_the_namespace() {
        let ground = Problem::default().ground(kubeconfig);
        let (clusters, others): (Vec<_>, Vec<_>) = ground.iter().partition(|(collection, _)| *collection == CLUSTERS);
        let names: Vec<_> = others.iter().filter_map(|(_, body)| body.pointer("/metadata/name")).collect();
        assert_eq!(clusters.len(), 20);
        for (_, cluster) in clusters {
            let metric = &cluster["spec"]["metrics"][0];
            assert!(metric["namespaced"] == true && names.contains(&&metric["name"]), "{metric}");
        }
    }

    #[test]
    fn an_application_fits_half_of_the_clusters() {
        let problem = Problem::default();
        for application in 0..2 {
            let fitting = (0..20).filter(|number| problem.fits(application, &layout::cluster_name(*number)));
            assert_eq!(fitting.count(), 10);
        }
        assert!(!problem.fits(0, "elsewhere"));
    }
}
