//! What applications consist of: objects of a target.

use serde_json::{Value, json};

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
