//! What each kind says in either language.

use serde_json::{Value, json};

/// What must not be in any custom resource.
pub(super) const SECRET: &str = "s3cret-0f-the-st0ry";

/// Stands for the name of the Secret that a user of kubectl makes: the object's own name.
const OWN_NAME: &str = "{name}";

/// One kind.
pub(super) struct Case {
    pub(super) api: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    pub(super) is_namespaced: bool,
    /// What REST is sent besides metadata.
    pub(super) rest: Value,
    /// The `spec` of the custom resource that says the same.
    pub(super) object: Value,
    /// What the user's Secret holds.
    pub(super) secret: Option<Value>,
    /// Where the custom resource refers to the Secret.
    pub(super) reference: Option<&'static str>,
    /// What `kubectl get` shows.
    pub(super) columns: &'static [&'static str],
}

impl Case {
    fn new(api: &'static str, plural: &'static str, kind: &'static str) -> Self {
        let (rest, object) = (Value::Null, Value::Null);
        let is_namespaced = !plural.starts_with("global") && !plural.starts_with("role");
        Self { api, plural, kind, is_namespaced, rest, object, secret: None, reference: None, columns: &["AGE"] }
    }

    fn saying(self, rest: Value, object: Value) -> Self {
        Self { rest, object, ..self }
    }

    fn hiding(self, secret: Value, reference: &'static str) -> Self {
        Self { secret: Some(secret), reference: Some(reference), ..self }
    }

    fn showing(self, columns: &'static [&'static str]) -> Self {
        Self { columns, ..self }
    }

    /// The `spec` of the object of this name.
    pub(super) fn spec(&self, name: &str) -> Value {
        let text = self.object.to_string().replace(OWN_NAME, name);
        text.parse().unwrap_or_default()
    }

    /// The `spec` without the reference to the user's Secret: an object made through REST has a Secret of its own.
    pub(super) fn object_without_reference(&self) -> Value {
        let mut object = self.object.clone();
        let path = self.reference.and_then(|path| path.strip_prefix("/spec")).unwrap_or_default();
        if let Some((parents, last)) = path.rsplit_once('/')
            && let Some(Value::Object(members)) = object.pointer_mut(parents)
        {
            members.remove(last);
        }
        object
    }
}

/// All kinds but Application and Cluster, whose stories are told at length elsewhere.
pub(super) fn cases() -> Vec<Case> {
    [roles(), metrics(), providers(), infrastructure(), openstack()].into_iter().flatten().collect()
}

fn roles() -> Vec<Case> {
    let rules = json!([{ "api": "", "resources": ["", "metrics"], "namespaces": [""], "verbs": ["get", "list_all"] }]);
    let names = json!({ "users": ["alice", "Bob@example.com"], "roles": ["role:reader"] });
    vec![
        Case::new("core", "roles", "Role").saying(json!({ "rules": rules }), json!({ "rules": rules })),
        Case::new("core", "rolebindings", "RoleBinding").saying(names.clone(), names),
    ]
}

fn metrics() -> Vec<Case> {
    let provider = json!({ "name": "electricity", "metric": "cost" });
    let rest = json!({ "spec": { "allowed_values": [3, 1], "min": 0.5, "max": 5.0, "provider": provider } });
    let object = json!({ "allowedValues": [3, 1], "min": 0.5, "max": 5, "provider": provider });
    [("metrics", "Metric"), ("globalmetrics", "GlobalMetric")]
        .map(|(plural, kind)| {
            let case = Case::new("core", plural, kind).showing(&["MIN", "MAX", "electricity", "AGE"]);
            case.saying(rest.clone(), object.clone())
        })
        .into()
}

fn providers() -> Vec<Case> {
    let rest = json!({ "type": "influx", "influx": { "url": "http://influx:8086", "token": SECRET, "org": "o", "bucket": "b" } });
    let reference = json!({ "name": OWN_NAME, "key": "token" });
    let influx = json!({ "url": "http://influx:8086", "org": "o", "bucket": "b", "tokenSecretRef": reference });
    let mut cases: Vec<Case> =
        [("metricsproviders", "MetricsProvider"), ("globalmetricsproviders", "GlobalMetricsProvider")]
            .map(|(plural, kind)| {
                let case = Case::new("core", plural, kind).showing(&["TYPE", "influx", "http://influx:8086", "AGE"]);
                case.saying(json!({ "spec": rest }), json!({ "type": "influx", "influx": influx }))
                    .hiding(json!({ "token": SECRET }), "/spec/influx/tokenSecretRef")
            })
            .into();
    for (kind, wire, object) in [
        ("prometheus", json!({ "url": "http://p:9090" }), json!({ "url": "http://p:9090" })),
        (
            "kafka",
            json!({ "comparison_column": "c", "value_column": "v", "table": "t", "url": "http://k" }),
            json!({ "comparisonColumn": "c", "valueColumn": "v", "table": "t", "url": "http://k" }),
        ),
        ("static", json!({ "metrics": { "Cost_1": 0.25 } }), json!({ "metrics": { "Cost_1": 0.25 } })),
    ] {
        let case = Case::new("core", "metricsproviders", "MetricsProvider");
        cases.push(case.saying(json!({ "spec": { "type": kind, kind: wire } }), json!({ "type": kind, kind: object })));
    }
    cases
}

fn infrastructure() -> Vec<Case> {
    let im = json!({ "url": "http://im:8800", "username": "admin", "password": SECRET, "token": null });
    let provider = json!({ "url": "http://im:8800", "credentialsSecretRef": { "name": OWN_NAME } });
    let password = |secret: Value| {
        json!({ "version": "3",
            "user": { "username": "u", "password": secret, "domain_name": "Default", "comment": null },
            "project": { "name": "p", "domain_id": "default", "comment": null } })
    };
    let metrics = json!([{ "name": "heat", "weight": 1.5, "namespaced": false }]);
    let rest = json!({ "url": "http://keystone:5000/v3", "auth": { "type": "password", "password": password(SECRET.into()) },
        "metrics": metrics, "infrastructure_provider": { "name": "im", "namespaced": false } });
    let object = json!({ "url": "http://keystone:5000/v3", "metrics": metrics,
        "auth": { "type": "password", "password": { "user": { "username": "u" }, "project": { "name": "p" } } },
        "authSecretRef": { "name": OWN_NAME, "key": "password" },
        "infrastructureProvider": { "name": "im", "namespaced": false } });
    let providers = [
        ("infrastructureproviders", "InfrastructureProvider"),
        ("globalinfrastructureproviders", "GlobalInfrastructureProvider"),
    ]
    .map(|(plural, kind)| {
        let case = Case::new("infrastructure", plural, kind).showing(&["TYPE", "im", "http://im:8800", "AGE"]);
        case.saying(json!({ "spec": { "type": "im", "im": im } }), json!({ "type": "im", "im": provider }))
            .hiding(json!({ "username": "admin", "password": SECRET }), "/spec/im/credentialsSecretRef")
    });
    let clouds = [("clouds", "Cloud"), ("globalclouds", "GlobalCloud")].map(|(plural, kind)| {
        let case = Case::new("infrastructure", plural, kind).showing(&["TYPE", "openstack", "STATE", "AGE"]);
        let spec = json!({ "type": "openstack", "openstack": object });
        case.saying(json!({ "spec": { "type": "openstack", "openstack": rest } }), spec)
            .hiding(json!({ "password": SECRET }), "/spec/openstack/authSecretRef")
    });
    providers.into_iter().chain(clouds).collect()
}

fn openstack() -> Vec<Case> {
    let credential = |secret: Value| json!({ "id": "i", "secret": secret });
    let auth = json!({ "type": "application_credential", "application_credential": credential(SECRET.into()) });
    let project = json!({ "url": "http://keystone", "template": "t", "auth": auth, "metrics": [] });
    let object = json!({ "url": "http://keystone", "template": "t",
        "auth": { "type": "application_credential", "applicationCredential": { "id": "i" } },
        "authSecretRef": { "name": OWN_NAME, "key": "secret" } });
    let constraints = json!({ "project": { "labels": ["location is DE"] } });
    let magnum = json!({ "master_count": 1, "node_count": 2, "metrics": [], "constraints": constraints });
    let cluster = json!({ "masterCount": 1, "nodeCount": 2, "constraints": constraints });
    vec![
        Case::new("openstack", "projects", "Project")
            .saying(json!({ "spec": project }), object)
            .hiding(json!({ "secret": SECRET }), "/spec/authSecretRef")
            .showing(&["STATE", "AGE"]),
        Case::new("openstack", "magnumclusters", "MagnumCluster")
            .saying(json!({ "spec": magnum }), cluster)
            .showing(&["STATE", "AGE"]),
    ]
}
