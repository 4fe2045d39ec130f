//! The loop before an API server that holds a cluster and two clouds.

use std::collections::BTreeSet;

use krake_operator_loops::testing::{Call, Server};
use serde_json::{Value, json};

use super::*;

fn cluster(spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "edge", "namespace": "web", "uid": "u", "generation": 1, "resourceVersion": "8" },
        "spec": spec, "status": status,
    })
}

fn cloud(kind: &str, name: &str, namespace: Option<&str>) -> Value {
    json!({
        "apiVersion": "infrastructure.krake.dev/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "type": "openstack" },
    })
}

fn place(kind: &str, name: &str, namespace: Option<&str>) -> Value {
    json!({ "group": "infrastructure.krake.dev", "kind": kind, "name": name, "namespace": namespace })
}

/// What an API server answers that holds this cluster, a global cloud, one of another namespace and, if `has_own`, one of the
/// cluster's. Asked by name, it knows `newest` as well. What is sent to it changes nothing.
fn holding(cluster: Value, has_own: bool) -> impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static {
    move |call| {
        if call.uri.contains("watch=true") {
            return None;
        }
        let list = |items: Vec<Value>| json!({ "metadata": { "resourceVersion": "9" }, "items": items });
        let missing = json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404 });
        Some(match call.path().rsplit('/').next().unwrap_or_default() {
            "status" => (200, cluster.clone()),
            "clusters" => (200, list(vec![cluster.clone()])),
            "clouds" if has_own => {
                (200, list(vec![cloud("Cloud", "own", Some("web")), cloud("Cloud", "far", Some("other"))]))
            }
            "clouds" => (200, list(vec![cloud("Cloud", "far", Some("other"))])),
            "globalclouds" => (200, list(vec![cloud("GlobalCloud", "all", None)])),
            "newest" => (200, cloud("Cloud", "newest", Some("web"))),
            "gone" => (404, missing),
            _ => (200, list(Vec::new())),
        })
    }
}

/// One look at the cluster; the status that was written, if any was.
async fn look(cluster: Value, has_own: bool) -> Option<Value> {
    let server = Server::deciding(holding(cluster.clone(), has_own));
    let (context, _pump) = server.context().await;
    let seen = serde_json::from_value(cluster).unwrap();
    reconcile(Arc::new(seen), context).await.unwrap();
    let calls = server.calls();
    let written = calls.iter().find(|call| call.method == "PATCH");
    written.map(|call| {
        assert!(call.uri.contains("fieldManager=krake-scheduler"), "{}", call.uri);
        call.body["status"].clone()
    })
}

fn to_be_built() -> Value {
    json!({ "tosca": {} })
}

#[tokio::test]
async fn a_cloud_of_the_namespace_comes_before_a_global_one_and_those_of_others_are_none() {
    let written = look(cluster(&to_be_built(), &json!({})), true).await.unwrap();
    assert_eq!(written["scheduledTo"], place("Cloud", "own", Some("web")));
    assert_eq!(written["conditions"][0]["message"], "bound to Cloud own: 1 of 1 fits");
    let written = look(cluster(&to_be_built(), &json!({})), false).await.unwrap();
    let everywhere = json!({ "group": "infrastructure.krake.dev", "kind": "GlobalCloud", "name": "all" });
    assert_eq!(written["scheduledTo"], everywhere);
    let fields: BTreeSet<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["conditions", "scheduledAt", "scheduledTo"]));
}

#[tokio::test]
async fn another_cloud_is_chosen_only_if_the_first_is_gone_and_nothing_was_built_there() {
    let bound = |name: &str| json!({ "scheduledTo": place("Cloud", name, Some("web")) });
    let after = async |status: Value| look(cluster(&to_be_built(), &status), true).await.unwrap();
    assert_eq!(after(bound("gone")).await["scheduledTo"]["name"], "own");
    assert_eq!(after(bound("newest")).await["scheduledTo"]["name"], "newest", "the cache is behind");
    let mut built = bound("gone");
    built["runningOn"] = built["scheduledTo"].clone();
    assert_eq!(after(built).await["scheduledTo"]["name"], "gone");
}

#[tokio::test]
async fn a_cluster_with_a_kubeconfig_is_left_alone() {
    let spec = json!({ "kubeconfigSecretRef": { "name": "edge", "key": "kubeconfig" } });
    assert_eq!(look(cluster(&spec, &json!({})), true).await, None);
}

#[tokio::test]
async fn a_cluster_in_deletion_is_left_alone() {
    let mut leaving = cluster(&to_be_built(), &json!({}));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
    assert_eq!(look(leaving, true).await, None);
}
