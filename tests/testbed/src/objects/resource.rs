//! An object of any kind, for those whose spec is short enough to be said in both languages.

use serde_json::{Value, json};

use super::{Object, Spec};

/// An object of any kind but Application and Cluster; `api` is e.g. `core`, `kind` e.g. `GlobalMetric`.
#[must_use]
pub fn resource(api: &str, kind: &str, name: &str) -> Resource {
    Object::new(api, kind, name, Said::default())
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
pub type Resource = Object<Said>;

/// A spec in both languages.
#[derive(Clone, Debug, Default)]
pub struct Said {
    rest: Value,
    custom_resource: Value,
    secret: Option<Value>,
}

impl Resource {
    /// With this spec in REST and in the custom resource; there, `{secret}` stands for the name of the Secret.
    #[must_use]
    pub fn saying(mut self, rest: &Value, custom_resource: &Value) -> Self {
        self.spec.rest = rest.clone();
        self.spec.custom_resource = custom_resource.clone();
        self
    }

    /// With a Secret for kubectl that holds this.
    #[must_use]
    pub fn hiding(mut self, secret: &Value) -> Self {
        self.spec.secret = Some(secret.clone());
        self
    }
}

impl Spec for Said {
    fn rest(&self) -> Value {
        self.rest.clone()
    }

    fn custom_resource(&self) -> Value {
        self.custom_resource.clone()
    }

    fn secret(&self) -> Option<Value> {
        self.secret.clone()
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
        let [secret, influx]: [Value; 2] = influx.documents().try_into().unwrap();
        assert_eq!(influx["spec"]["tokenSecretRef"]["name"], secret["metadata"]["name"]);
    }
}
