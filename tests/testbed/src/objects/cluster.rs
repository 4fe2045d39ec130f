//! Clusters.

use serde_json::{Value, json};

use super::{DEFAULT_NAMESPACE, Object, SECRET_NAME, Spec};
use crate::kubeconfig::Kubeconfig;

/// A cluster without labels.
#[must_use]
pub fn cluster(name: &str, kubeconfig: &Kubeconfig) -> Cluster {
    let spec =
        ClusterSpec { kubeconfig: kubeconfig.value().clone(), custom_resources: Vec::new(), metrics: Vec::new() };
    Object::new("kubernetes", "Cluster", name, spec).in_namespace(DEFAULT_NAMESPACE)
}

/// A cluster in the making; start with [`cluster`].
pub type Cluster = Object<ClusterSpec>;

/// What a cluster says.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    kubeconfig: Value,
    custom_resources: Vec<String>,
    metrics: Vec<Value>,
}

impl Cluster {
    /// Offering this custom resource definition.
    #[must_use]
    pub fn offering(mut self, definition: &str) -> Self {
        self.spec.custom_resources.push(definition.to_owned());
        self
    }

    /// Rated by this global metric.
    #[must_use]
    pub fn rated(mut self, metric: &str, weight: f64) -> Self {
        self.spec.metrics.push(json!({ "name": metric, "weight": weight, "namespaced": false }));
        self
    }

    /// Rated by this metric of its namespace.
    #[must_use]
    pub fn rated_by_own(mut self, metric: &str, weight: f64) -> Self {
        self.spec.metrics.push(json!({ "name": metric, "weight": weight, "namespaced": true }));
        self
    }

    /// With another kubeconfig, e.g. a bad one.
    #[must_use]
    pub fn with_kubeconfig(mut self, kubeconfig: Value) -> Self {
        self.spec.kubeconfig = kubeconfig;
        self
    }
}

impl Spec for ClusterSpec {
    const SECRET: &str = "kubeconfig";

    fn rest(&self) -> Value {
        json!({
            "kubeconfig": self.kubeconfig,
            "constraints": { "cloud": {} },
            "custom_resources": self.custom_resources,
            "metrics": self.metrics,
        })
    }

    fn custom_resource(&self) -> Value {
        json!({
            "kubeconfigSecretRef": { "name": SECRET_NAME, "key": "kubeconfig" },
            "customResources": self.custom_resources,
            "metrics": self.metrics,
        })
    }

    fn secret(&self) -> Option<Value> {
        Some(json!({ "kubeconfig": self.kubeconfig.to_string() }))
    }
}
