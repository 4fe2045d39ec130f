//! Applications.

use serde_json::{Value, json};

use super::{DEFAULT_NAMESPACE, Object, Spec, deployment};

/// An application that runs one Deployment with one replica, called like the application.
#[must_use]
pub fn application(name: &str) -> Application {
    let spec = ApplicationSpec {
        manifest: vec![deployment(name, 1)],
        label_constraints: None,
        metric_constraints: None,
        custom_resources: Vec::new(),
        migration: true,
        backoff_limit: -1,
        observer_schema: Vec::new(),
    };
    Object::new("kubernetes", "Application", name, spec).in_namespace(DEFAULT_NAMESPACE)
}

/// An application in the making; start with [`application`].
pub type Application = Object<ApplicationSpec>;

/// What an application says.
#[derive(Clone, Debug)]
pub struct ApplicationSpec {
    manifest: Vec<Value>,
    label_constraints: Option<Vec<String>>,
    metric_constraints: Option<Vec<String>>,
    custom_resources: Vec<String>,
    migration: bool,
    backoff_limit: i64,
    observer_schema: Vec<Value>,
}

impl Application {
    /// With these objects instead of the one Deployment.
    #[must_use]
    pub fn running(mut self, manifest: impl IntoIterator<Item = Value>) -> Self {
        self.spec.manifest = manifest.into_iter().collect();
        self
    }

    /// Only on clusters that satisfy this label constraint, e.g. `location is DE`.
    #[must_use]
    pub fn where_label(mut self, constraint: &str) -> Self {
        self.spec.label_constraints.get_or_insert_default().push(constraint.to_owned());
        self
    }

    /// Only on clusters that satisfy this metric constraint, e.g. `load < 0.5`.
    #[must_use]
    pub fn where_metric(mut self, constraint: &str) -> Self {
        self.spec.metric_constraints.get_or_insert_default().push(constraint.to_owned());
        self
    }

    /// Given up after this many further attempts.
    #[must_use]
    pub fn with_retries(mut self, limit: i64) -> Self {
        self.spec.backoff_limit = limit;
        self
    }

    /// Only on clusters that offer this custom resource definition, e.g. `databases.example.com`.
    #[must_use]
    pub fn needing_custom_resource(mut self, definition: &str) -> Self {
        self.spec.custom_resources.push(definition.to_owned());
        self
    }

    /// Never to be moved.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.spec.migration = false;
        self
    }

    /// Of these partial objects, whose leaves are `null`, only those leaves are kept as they are.
    #[must_use]
    pub fn observing(mut self, schema: impl IntoIterator<Item = Value>) -> Self {
        self.spec.observer_schema = schema.into_iter().collect();
        self
    }
}

impl Spec for ApplicationSpec {
    fn rest(&self) -> Value {
        json!({
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
        })
    }

    fn custom_resource(&self) -> Value {
        let mut cluster = json!({ "customResources": self.custom_resources });
        for (name, constraints) in [("labels", &self.label_constraints), ("metrics", &self.metric_constraints)] {
            if let (Some(constraints), Some(cluster)) = (constraints, cluster.as_object_mut()) {
                cluster.insert(name.into(), json!(constraints));
            }
        }
        let mut spec = json!({
            "manifest": self.manifest,
            "constraints": { "cluster": cluster, "migration": self.migration },
            "backoff": { "limit": self.backoff_limit },
        });
        if !self.observer_schema.is_empty() {
            spec["observerSchema"] = json!(Value::from(self.observer_schema.clone()).to_string());
        }
        spec
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
}
