use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Node},
};
use krake_testbed::{
    objects::{config_map, deployment},
    scratch::Scratch,
};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, WatchEvent, WatchParams},
    discovery::pinned_kind,
};
use serde_json::json;

use super::*;

/// Two clusters, with a client of each.
async fn clusters() -> (Hollow, [Client; 2], Scratch) {
    let scratch = Scratch::new().unwrap();
    let hollow = Hollow::start(2, scratch.path()).await.unwrap();
    let clients = [hollow.kubeconfig(0).client().await.unwrap(), hollow.kubeconfig(1).client().await.unwrap()];
    (hollow, clients, scratch)
}

fn apply() -> PatchParams {
    PatchParams::apply("krake").force()
}

fn labelled(name: &str) -> Value {
    let mut object = config_map(name, "key", "value");
    object["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "krake" });
    object
}

#[tokio::test]
async fn a_cluster_says_its_version_its_kinds_and_its_node() {
    let (_hollow, [client, _], _scratch) = clusters().await;
    assert!(client.apiserver_version().await.unwrap().git_version.ends_with("hollow"));
    let kind = kube::api::GroupVersionKind::gvk("apps", "v1", "Deployment");
    assert_eq!(pinned_kind(&client, &kind).await.unwrap().0.plural, "deployments");
    let absent = kube::api::GroupVersionKind::gvk("example.com", "v1", "Database");
    assert!(matches!(pinned_kind(&client, &absent).await, Err(kube::Error::Discovery(_))));
    let nodes = Api::<Node>::all(client).list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 1);
}

#[tokio::test]
async fn what_is_applied_is_kept_as_given_on_its_own_cluster_until_it_is_deleted() {
    let (hollow, [client, other], _scratch) = clusters().await;
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let first = maps.patch("a", &apply(), &Patch::Apply(labelled("a"))).await.unwrap();
    assert!(first.metadata.uid.is_some());
    let second = maps.patch("a", &apply(), &Patch::Apply(labelled("a"))).await.unwrap();
    assert_eq!(first, second, "applying the same again changed something");
    assert_eq!(maps.get("a").await.unwrap().data.unwrap()["key"], "value");
    assert_eq!(hollow.reads(), 1);
    let elsewhere: Api<ConfigMap> = Api::namespaced(other, "default");
    assert!(elsewhere.get_opt("a").await.unwrap().is_none());
    let removed = json!({ "data": { "key": null, "other": "value" } });
    let amended = maps.patch("a", &PatchParams::default(), &Patch::Merge(removed)).await.unwrap();
    assert_eq!(amended.data.unwrap().into_keys().collect::<Vec<_>>(), ["other"]);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_deployment_is_ready_at_once() {
    let (_hollow, [client, _], _scratch) = clusters().await;
    let deployments: Api<Deployment> = Api::namespaced(client, "default");
    let applied = deployments.patch("web", &apply(), &Patch::Apply(deployment("web", 3))).await.unwrap();
    let status = applied.status.unwrap();
    assert_eq!((status.ready_replicas, status.observed_generation), (Some(3), applied.metadata.generation));
}

#[tokio::test]
async fn a_watch_tells_what_happened_since_the_list_to_objects_with_the_label() {
    let (_hollow, [client, _], _scratch) = clusters().await;
    let maps: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::erase::<ConfigMap>(&()));
    let ours = "app.kubernetes.io/managed-by=krake";
    let list = maps.list_metadata(&ListParams::default().labels(ours)).await.unwrap();
    let from = list.metadata.resource_version.unwrap();
    let namespaced: Api<ConfigMap> = Api::namespaced(client, "default");
    namespaced.patch("b", &apply(), &Patch::Apply(config_map("b", "key", "value"))).await.unwrap();
    namespaced.patch("a", &apply(), &Patch::Apply(labelled("a"))).await.unwrap();
    let events = maps.watch_metadata(&WatchParams::default().labels(ours), &from).await.unwrap();
    let mut events = std::pin::pin!(events);
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Added(object) if object.metadata.name.as_deref() == Some("a")));
    namespaced.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(matches!(events.next().await.unwrap().unwrap(), WatchEvent::Deleted(_)));
}

#[tokio::test]
async fn a_watch_ends_in_time_and_one_that_is_too_far_behind_is_told_so() {
    let (_hollow, [client, _], _scratch) = clusters().await;
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let short = WatchParams::default().timeout(1);
    let quiet = maps.watch(&short, "1").await.unwrap();
    assert!(quiet.try_collect::<Vec<_>>().await.unwrap().is_empty());
    for round in 0..300 {
        let changed = config_map("a", "key", &round.to_string());
        maps.patch("a", &apply(), &Patch::Apply(changed)).await.unwrap();
    }
    let late = maps.watch(&short, "1").await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert!(matches!(late.as_slice(), [WatchEvent::Error(status)] if status.code == 410));
}
