//! Applications, clusters and what they hold, built by naming only what matters.
//!
//! Each builder speaks both languages: [`Object::rest`] gives the body for the REST API, [`Object::custom_resource`] the object
//! for kubectl.

mod application;
mod cluster;
mod manifest;
mod resource;

use serde_json::{Map, Value, json};

use crate::access::SYSTEM_NAMESPACE;

pub use application::{Application, application};
pub use cluster::{Cluster, cluster};
pub use manifest::{config_map, deployment, job, placed_in, service};
pub use resource::{Resource, metric, provider, resource, static_provider};

/// The namespace of an object that does not say another one.
const DEFAULT_NAMESPACE: &str = "default";

/// Stands in a custom resource for the name of its Secret.
const SECRET_NAME: &str = "{secret}";

/// An object in the making, whose spec is an `S`; start with [`application()`], [`cluster()`] or [`resource()`].
#[derive(Clone, Debug)]
pub struct Object<S> {
    api: String,
    kind: String,
    name: String,
    namespace: Option<String>,
    labels: Map<String, Value>,
    owners: Vec<Value>,
    spec: S,
}

/// What an object says beyond where it is, in the languages of both doors.
pub trait Spec {
    /// What the name of the Secret for kubectl ends with.
    const SECRET: &str = "secret";

    /// The spec in REST.
    fn rest(&self) -> Value;

    /// The spec of the custom resource; `{secret}` stands for the name of the Secret.
    fn custom_resource(&self) -> Value;

    /// What the Secret for kubectl holds, if there is one.
    fn secret(&self) -> Option<Value> {
        None
    }
}

impl<S> Object<S> {
    fn new(api: &str, kind: &str, name: &str, spec: S) -> Self {
        Self {
            api: api.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: None,
            labels: Map::new(),
            owners: Vec::new(),
            spec,
        }
    }

    /// In this namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// With this name instead.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// With this label.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.into());
        self
    }

    /// Depending on this object as well, see [`Self::reference`].
    #[must_use]
    pub fn owned_by(mut self, owner: &Value) -> Self {
        self.owners.push(owner.clone());
        self
    }

    /// How an object that depends on this one names it.
    #[must_use]
    pub fn reference(&self) -> Value {
        json!({ "api": self.api, "kind": self.kind(), "namespace": self.namespace, "name": self.name })
    }

    /// The path of its collection in the REST API.
    #[must_use]
    pub fn collection(&self) -> String {
        let place = self.namespace.as_ref().map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
        format!("/{}/{place}{}s", self.api, self.kind().to_lowercase())
    }

    /// The path of the object in the REST API.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// The kinds of providers, metrics and clouds have a global twin, which is what is meant without a namespace.
    fn kind(&self) -> String {
        let prefix = if self.namespace.is_none() && !self.kind.starts_with("Global") { "Global" } else { "" };
        format!("{prefix}{}", self.kind)
    }
}

impl<S: Spec> Object<S> {
    /// The body of a POST.
    #[must_use]
    pub fn rest(&self) -> Value {
        json!({
            "api": self.api,
            "kind": self.kind(),
            "metadata": {
                "name": self.name, "namespace": self.namespace, "labels": self.labels, "owners": self.owners,
            },
            "spec": self.spec.rest(),
        })
    }

    /// The object for kubectl.
    #[must_use]
    pub fn custom_resource(&self) -> Value {
        let text = self.spec.custom_resource().to_string().replace(SECRET_NAME, &self.secret_name());
        let mut spec: Value = text.parse().unwrap_or_default();
        if let Some(spec) = spec.as_object_mut() {
            spec.insert("labels".into(), json!(self.labels));
            spec.insert("owners".into(), json!(self.owners));
        }
        json!({
            "apiVersion": format!("{}.krake.dev/v1alpha1", self.api),
            "kind": self.kind(),
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": spec,
        })
    }

    /// What is applied with kubectl: the Secret that [`Self::custom_resource`] refers to, if it does, and that.
    #[must_use]
    pub fn documents(&self) -> Vec<Value> {
        let namespace = self.namespace.as_deref().unwrap_or(SYSTEM_NAMESPACE);
        let secret = self.spec.secret().map(|data| {
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": { "name": self.secret_name(), "namespace": namespace },
                "stringData": data,
            })
        });
        secret.into_iter().chain([self.custom_resource()]).collect()
    }

    fn secret_name(&self) -> String {
        format!("{}-{}", self.name, S::SECRET)
    }
}
