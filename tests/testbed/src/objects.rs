//! Applications, clusters and what they hold, built by naming only what matters.
//!
//! Each builder speaks both languages: [`Application::rest`] gives the body for the REST API,
//! [`Application::custom_resource`] the object for kubectl.

mod resource;

use serde_json::{Map, Value, json};

use crate::kubeconfig::Kubeconfig;

pub use resource::{Resource, metric, provider, resource, static_provider};

const API_VERSION: &str = "kubernetes.krake.dev/v1alpha1";

/// The namespace of an object that does not say another one.
const DEFAULT_NAMESPACE: &str = "default";

/// An application that runs one Deployment with one replica, called like the application.
#[must_use]
pub fn application(name: &str) -> Application {
    Application {
        name: name.to_owned(),
        namespace: DEFAULT_NAMESPACE.to_owned(),
        labels: Map::new(),
        manifest: vec![deployment(name, 1)],
        label_constraints: None,
        metric_constraints: None,
        custom_resources: Vec::new(),
        migration: true,
        backoff_limit: -1,
        observer_schema: Vec::new(),
    }
}

/// A global metric between 0 and `max` that is called `metric` at the provider, for the REST API.
#[must_use]
pub fn global_metric(name: &str, max: f64, provider: &str, metric: &str) -> Value {
    json!({
        "api": "core",
        "kind": "GlobalMetric",
        "metadata": { "name": name },
        "spec": {
            "min": 0.0, "max": max, "allowed_values": [],
            "provider": { "name": provider, "metric": metric },
        },
    })
}

/// A global provider of metrics, for the REST API: `kind` is the member of the spec that holds `how`.
#[must_use]
pub fn global_metrics_provider(name: &str, kind: &str, how: &Value) -> Value {
    json!({
        "api": "core",
        "kind": "GlobalMetricsProvider",
        "metadata": { "name": name },
        "spec": { "type": kind, kind: how },
    })
}

/// A cluster without labels.
#[must_use]
pub fn cluster(name: &str, kubeconfig: &Kubeconfig) -> Cluster {
    Cluster {
        name: name.to_owned(),
        namespace: DEFAULT_NAMESPACE.to_owned(),
        labels: Map::new(),
        kubeconfig: kubeconfig.value().clone(),
        owners: Vec::new(),
        custom_resources: Vec::new(),
        metrics: Vec::new(),
    }
}

/// A Deployment of a web server.
#[must_use]
pub fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "web", "image": "nginx:1.27", "ports": [{ "containerPort": 80 }] }] },
            },
        },
    })
}

/// A Service of type `NodePort` for [`deployment`].
#[must_use]
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "type": "NodePort", "selector": { "app": name }, "ports": [{ "port": 80, "targetPort": 80 }] },
    })
}

/// A `ConfigMap` with one entry.
#[must_use]
pub fn config_map(name: &str, key: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { key: value } })
}

/// A Job that ends well after a moment.
#[must_use]
pub fn job(name: &str) -> Value {
    let container = json!({ "name": "work", "image": "busybox:1.37", "command": ["true"] });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [container] } } },
    })
}

/// Gives an object of a manifest a namespace on the target.
#[must_use]
pub fn placed_in(mut object: Value, namespace: &str) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".into(), namespace.into());
    }
    object
}

/// An application in the making; start with [`application`].
#[derive(Clone, Debug)]
pub struct Application {
    name: String,
    namespace: String,
    labels: Map<String, Value>,
    manifest: Vec<Value>,
    label_constraints: Option<Vec<String>>,
    metric_constraints: Option<Vec<String>>,
    custom_resources: Vec<String>,
    migration: bool,
    backoff_limit: i64,
    observer_schema: Vec<Value>,
}

impl Application {
    /// In this namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// With this label.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.into());
        self
    }

    /// With these objects instead of the one Deployment.
    #[must_use]
    pub fn running(mut self, manifest: impl IntoIterator<Item = Value>) -> Self {
        self.manifest = manifest.into_iter().collect();
        self
    }

    /// Only on clusters that satisfy this label constraint, e.g. `location is DE`.
    #[must_use]
    pub fn where_label(mut self, constraint: &str) -> Self {
        self.label_constraints.get_or_insert_default().push(constraint.to_owned());
        self
    }

    /// Only on clusters that satisfy this metric constraint, e.g. `load < 0.5`.
    #[must_use]
    pub fn where_metric(mut self, constraint: &str) -> Self {
        self.metric_constraints.get_or_insert_default().push(constraint.to_owned());
        self
    }

    /// Given up after this many further attempts.
    #[must_use]
    pub fn with_retries(mut self, limit: i64) -> Self {
        self.backoff_limit = limit;
        self
    }

    /// Only on clusters that offer this custom resource definition, e.g. `databases.example.com`.
    #[must_use]
    pub fn needing_custom_resource(mut self, definition: &str) -> Self {
        self.custom_resources.push(definition.to_owned());
        self
    }

    /// Never to be moved.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.migration = false;
        self
    }

    /// Of these partial objects, whose leaves are `null`, only those leaves are kept as they are.
    #[must_use]
    pub fn observing(mut self, schema: impl IntoIterator<Item = Value>) -> Self {
        self.observer_schema = schema.into_iter().collect();
        self
    }

    /// The path of its collection in the REST API.
    #[must_use]
    pub fn collection(&self) -> String {
        format!("/kubernetes/namespaces/{}/applications", self.namespace)
    }

    /// The path of the object in the REST API.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// The body of a POST.
    #[must_use]
    pub fn rest(&self) -> Value {
        json!({
            "api": "kubernetes",
            "kind": "Application",
            "metadata": { "name": self.name, "namespace": self.namespace, "labels": self.labels },
            "spec": {
                "manifest": self.manifest,
                "constraints": {
                    "cluster": {
                        "labels": self.label_constraints,
                        "metrics": self.metric_constraints,
                        "custom_resources": self.custom_resources,
                    },
                    "migration": self.migration,
                },
                "backoff_limit": self.backoff_limit,
                "observer_schema": self.observer_schema,
            },
        })
    }

    /// The object for kubectl.
    #[must_use]
    pub fn custom_resource(&self) -> Value {
        let mut cluster = json!({ "customResources": self.custom_resources });
        for (name, constraints) in [("labels", &self.label_constraints), ("metrics", &self.metric_constraints)] {
            if let (Some(constraints), Some(cluster)) = (constraints, cluster.as_object_mut()) {
                cluster.insert(name.into(), json!(constraints));
            }
        }
        let mut object = json!({
            "apiVersion": API_VERSION,
            "kind": "Application",
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": {
                "labels": self.labels,
                "manifest": self.manifest,
                "constraints": { "cluster": cluster, "migration": self.migration },
                "backoff": { "limit": self.backoff_limit },
            },
        });
        if !self.observer_schema.is_empty() {
            object["spec"]["observerSchema"] = json!(Value::from(self.observer_schema.clone()).to_string());
        }
        object
    }
}

/// A cluster in the making; start with [`cluster`].
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    namespace: String,
    labels: Map<String, Value>,
    kubeconfig: Value,
    owners: Vec<Value>,
    custom_resources: Vec<String>,
    metrics: Vec<Value>,
}

impl Cluster {
    /// In this namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// With this label.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.into());
        self
    }

    /// With this name instead.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Offering this custom resource definition.
    #[must_use]
    pub fn offering(mut self, definition: &str) -> Self {
        self.custom_resources.push(definition.to_owned());
        self
    }

    /// Rated by this global metric.
    #[must_use]
    pub fn rated(mut self, metric: &str, weight: f64) -> Self {
        self.metrics.push(json!({ "name": metric, "weight": weight, "namespaced": false }));
        self
    }

    /// Rated by this metric of its namespace.
    #[must_use]
    pub fn rated_by_own(mut self, metric: &str, weight: f64) -> Self {
        self.metrics.push(json!({ "name": metric, "weight": weight, "namespaced": true }));
        self
    }

    /// Depending on this object, see [`Resource::reference`].
    #[must_use]
    pub fn owned_by(mut self, owner: &Value) -> Self {
        self.owners.push(owner.clone());
        self
    }

    /// With another kubeconfig, e.g. a bad one.
    #[must_use]
    pub fn with_kubeconfig(mut self, kubeconfig: Value) -> Self {
        self.kubeconfig = kubeconfig;
        self
    }

    /// The path of its collection in the REST API.
    #[must_use]
    pub fn collection(&self) -> String {
        format!("/kubernetes/namespaces/{}/clusters", self.namespace)
    }

    /// The path of the object in the REST API.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// The body of a POST.
    #[must_use]
    pub fn rest(&self) -> Value {
        json!({
            "api": "kubernetes",
            "kind": "Cluster",
            "metadata": {
                "name": self.name, "namespace": self.namespace, "labels": self.labels, "owners": self.owners,
            },
            "spec": {
                "kubeconfig": self.kubeconfig,
                "constraints": { "cloud": {} },
                "custom_resources": self.custom_resources,
                "metrics": self.metrics,
            },
        })
    }

    /// The Secret with the kubeconfig, for kubectl.
    #[must_use]
    pub fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": self.secret_name(), "namespace": self.namespace },
            "stringData": { "kubeconfig": self.kubeconfig.to_string() },
        })
    }

    /// The object for kubectl, which refers to [`Self::secret`].
    #[must_use]
    pub fn custom_resource(&self) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": "Cluster",
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": {
                "labels": self.labels,
                "owners": self.owners,
                "kubeconfigSecretRef": { "name": self.secret_name(), "key": "kubeconfig" },
                "customResources": self.custom_resources,
                "metrics": self.metrics,
            },
        })
    }

    fn secret_name(&self) -> String {
        format!("{}-kubeconfig", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_doors_get_the_same_application() {
        let shop = application("shop").in_namespace("web").where_label("location is DE");
        let (rest, resource) = (shop.rest(), shop.custom_resource());
        for path in ["/metadata/name", "/metadata/namespace", "/spec/manifest", "/spec/constraints/cluster/labels"] {
            assert_eq!(rest.pointer(path), resource.pointer(path), "{path}");
        }
    }

    #[test]
    fn an_unconstrained_application_has_null_in_rest_and_nothing_in_kubernetes() {
        let shop = application("shop");
        assert_eq!(shop.rest().pointer("/spec/constraints/cluster/labels"), Some(&Value::Null));
        assert_eq!(shop.custom_resource().pointer("/spec/constraints/cluster/labels"), None);
    }

    #[test]
    fn a_cluster_refers_to_its_own_secret() {
        let edge = cluster("edge", &Kubeconfig::with_token("edge", "https://127.0.0.1", "PEM", "secret"));
        let resource = edge.custom_resource();
        assert_eq!(resource.pointer("/spec/kubeconfigSecretRef/name"), edge.secret().pointer("/metadata/name"));
    }
}
