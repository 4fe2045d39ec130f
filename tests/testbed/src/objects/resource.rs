//! An object of any kind, for those whose spec is short enough to be said in both languages.

use serde_json::{Map, Value, json};

use crate::access::SYSTEM_NAMESPACE;

/// Stands in a custom resource for the name of its Secret.
const SECRET_NAME: &str = "{secret}";

/// An object of any kind but Application and Cluster; `api` is e.g. `core`, `kind` e.g. `GlobalMetric`.
#[must_use]
pub fn resource(api: &str, kind: &str, name: &str) -> Resource {
    Resource {
        api: api.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: None,
        labels: Map::new(),
        owners: Vec::new(),
        rest_spec: Value::Null,
        kubectl_spec: Value::Null,
        secret: None,
    }
}

/// A static provider of these values; global unless it is put into a namespace.
#[must_use]
pub fn static_provider(name: &str, values: &Value) -> Resource {
    provider(name, "static", &json!({ "metrics": values }))
}

/// A provider of metrics whose member `kind` of the spec, the same in both languages, is `how`; global unless it is put into
/// a namespace.
#[must_use]
pub fn provider(name: &str, kind: &str, how: &Value) -> Resource {
    let spec = json!({ "type": kind, kind: how });
    resource("core", "MetricsProvider", name).saying(&spec, &spec)
}

/// A metric between 0 and `max` that is called `metric` at the provider; global unless it is put into a namespace.
#[must_use]
pub fn metric(name: &str, max: f64, provider: &str, metric: &str) -> Resource {
    let source = json!({ "name": provider, "metric": metric });
    resource("core", "Metric", name).saying(
        &json!({ "min": 0.0, "max": max, "allowed_values": [], "provider": source }),
        &json!({ "min": 0.0, "max": max, "allowedValues": [], "provider": source }),
    )
}

/// An object in the making; start with [`resource`], [`metric`], [`provider`] or [`static_provider`].
#[derive(Clone, Debug)]
pub struct Resource {
    api: String,
    kind: String,
    name: String,
    namespace: Option<String>,
    labels: Map<String, Value>,
    owners: Vec<Value>,
    rest_spec: Value,
    kubectl_spec: Value,
    secret: Option<Value>,
}

impl Resource {
    /// In this namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
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

    /// With this spec in REST and in the custom resource; there, `{secret}` stands for the name of the Secret.
    #[must_use]
    pub fn saying(mut self, rest: &Value, custom_resource: &Value) -> Self {
        self.rest_spec = rest.clone();
        self.kubectl_spec = custom_resource.clone();
        self
    }

    /// With a Secret for kubectl that holds this.
    #[must_use]
    pub fn hiding(mut self, secret: &Value) -> Self {
        self.secret = Some(secret.clone());
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

    /// The body of a POST.
    #[must_use]
    pub fn rest(&self) -> Value {
        json!({
            "api": self.api,
            "kind": self.kind(),
            "metadata": {
                "name": self.name, "namespace": self.namespace, "labels": self.labels, "owners": self.owners,
            },
            "spec": self.rest_spec,
        })
    }

    /// The Secret for kubectl, if there is one.
    #[must_use]
    pub fn secret(&self) -> Option<Value> {
        self.secret.as_ref().map(|data| {
            let namespace = self.namespace.as_deref().unwrap_or(SYSTEM_NAMESPACE);
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": { "name": self.secret_name(), "namespace": namespace },
                "stringData": data,
            })
        })
    }

    /// The object for kubectl.
    #[must_use]
    pub fn custom_resource(&self) -> Value {
        let text = self.kubectl_spec.to_string().replace(SECRET_NAME, &self.secret_name());
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

    /// The kinds of providers, metrics and clouds have a global twin, which is what is meant without a namespace.
    fn kind(&self) -> String {
        let prefix = if self.namespace.is_none() && !self.kind.starts_with("Global") { "Global" } else { "" };
        format!("{prefix}{}", self.kind)
    }

    fn secret_name(&self) -> String {
        format!("{}-secret", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_global_until_it_is_in_a_namespace() {
        let heat = metric("heat", 1.0, "gauges", "heat");
        assert_eq!(heat.path(), "/core/globalmetrics/heat");
        assert_eq!(heat.in_namespace("web").path(), "/core/namespaces/web/metrics/heat");
    }

    #[test]
    fn a_custom_resource_refers_to_its_own_secret() {
        let spec = json!({ "tokenSecretRef": { "name": "{secret}" } });
        let influx = resource("core", "MetricsProvider", "influx").saying(&json!({}), &spec);
        let influx = influx.hiding(&json!({ "token": "t" }));
        let secret = influx.secret().unwrap();
        assert_eq!(influx.custom_resource()["spec"]["tokenSecretRef"]["name"], secret["metadata"]["name"]);
    }
}
