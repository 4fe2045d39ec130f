//! Objects for tests: only what matters is named.

use krake_facade_wire::kubernetes::{Application, Cluster};
use krake_facade_wire::{Kind, Timestamp, json};

/// An application of one manifest, as just created.
pub(crate) fn application(name: &str) -> Application {
    let manifest = r#"[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}]"#;
    let spec = format!(r#"{{"manifest": {manifest}, "constraints": {{"cluster": {{}}}}}}"#);
    new(name, &spec)
}

/// A cluster with a kubeconfig, as just created.
pub(crate) fn cluster(name: &str) -> Cluster {
    let kubeconfig = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:6443"}}],
        "users": [{"name": "x", "user": {"token": "t"}}]}"#;
    let spec = format!(r#"{{"kubeconfig": {kubeconfig}, "constraints": {{"cloud": {{}}}}}}"#);
    new(name, &spec)
}

/// A point in time.
pub(crate) fn at(second: i64) -> Timestamp {
    jiff::Timestamp::from_second(second).unwrap().into()
}

fn new<K: Kind>(name: &str, spec: &str) -> K {
    let document = format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {spec}}}"#);
    K::decode_new(&json::parse(document.as_bytes()).unwrap()).unwrap()
}
