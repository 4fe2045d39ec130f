//! The garbage collector before an API server that holds a few objects.

use std::collections::{BTreeMap, BTreeSet};

use krake_crds::{
    finalizer,
    identity::{self, Identity},
    kubernetes::Placement,
    reference::Owner,
};
use krake_operator_loops::testing::{Call, Server};
use kube::{ResourceExt, api::ApiResource};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// An object of this kind; the global ones and roles have no namespace.
fn object(kind: &str, name: &str, rest: &Value) -> Value {
    let kind = kinds::ALL.iter().find(|candidate| candidate.kind == kind).unwrap();
    let mut object = json!({
        "apiVersion": kind.api_version, "kind": kind.kind,
        "metadata": { "name": name, "uid": format!("uid-{name}"), "resourceVersion": "8" },
        "spec": least(&kind.kind), "status": rest["status"],
    });
    object["spec"].as_object_mut().unwrap().extend(rest["spec"].as_object().cloned().unwrap_or_default());
    if !is_global(&kind.kind) {
        object["metadata"]["namespace"] = json!("web");
    }
    object
}

fn is_global(kind: &str) -> bool {
    kind.starts_with("Global") || kind.starts_with("Role")
}

/// What the spec of a kind must have at least.
fn least(kind: &str) -> Value {
    match kind.strip_prefix("Global").unwrap_or(kind) {
        "Cloud" => json!({ "type": "openstack" }),
        "Metric" => json!({ "min": 0, "max": 1, "provider": { "name": "p", "metric": "m" } }),
        "MetricsProvider" => json!({ "type": "static" }),
        "Project" => json!({ "url": "", "template": "", "auth": { "type": "password" } }),
        _ => json!({}),
    }
}

fn leaving(mut object: Value, finalizers: &[&str]) -> Value {
    object["metadata"]["deletionTimestamp"] = json!("2020-01-02T03:04:05Z");
    object["metadata"]["finalizers"] = json!(finalizers);
    object
}

fn owner(kind: &str, name: &str) -> Owner {
    let namespace = Some("web".to_owned()).filter(|_| !is_global(kind));
    Owner { api: "infrastructure".into(), kind: kind.into(), namespace, name: name.into() }
}

fn owner_of(api: &str, kind: &str, name: &str) -> Owner {
    Owner { api: api.into(), ..owner(kind, name) }
}

fn owned_by(owner: &Owner) -> Value {
    json!({ "spec": { "owners": [owner] } })
}

fn bound_to(field: &str, group: &str, kind: &str, name: &str) -> Value {
    let namespace = Some("web").filter(|_| !is_global(kind));
    let place = json!({ "group": group, "kind": kind, "namespace": namespace, "name": name });
    json!({ "spec": {}, "status": { field: place } })
}

/// What an API server answers that holds these objects and knows every kind.
fn holding(objects: Vec<Value>) -> impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static {
    let placements = ApiResource::erase::<Placement>(&());
    let kinds: Vec<_> = kinds::ALL.iter().cloned().chain([placements]).collect();
    let groups: Vec<_> = kinds.iter().map(|kind| &kind.group).collect();
    let version = json!({ "groupVersion": "any/v1alpha1", "version": "v1alpha1" });
    let groups: Vec<_> = groups.iter().map(|name| json!({ "name": name, "versions": [version] })).collect();
    move |call| {
        let path = call.path();
        let path = path.strip_suffix("/status").unwrap_or(path);
        if call.uri.contains("watch=true") {
            return None;
        }
        if path == "/apis" {
            return Some((200, json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })));
        }
        let named = |one: &&Value| path.ends_with(&format!("/{}", one["metadata"]["name"].as_str().unwrap()));
        if let Some(found) = objects.iter().find(named) {
            return Some((200, found.clone()));
        }
        let kind = kinds.iter().find(|kind| path == format!("/apis/{}/{}", kind.api_version, kind.plural));
        let items: Vec<_> = objects.iter().filter(|one| kind.is_some_and(|kind| one["kind"] == kind.kind)).collect();
        let list = json!({ "metadata": { "resourceVersion": "9" }, "items": items });
        Some((200, if call.method == "GET" { list } else { call.body.clone() }))
    }
}

/// The collector's parts, running.
struct Running {
    server: Server,
    context: Arc<Context>,
    index: Arc<Index>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Running {
    /// Waits until all kinds are listed but the one that is not `expected` to be.
    async fn before(server: Server, unlisted: Option<&str>) -> Self {
        let (context, caches) = server.context().await;
        let (index, pump) = Index::start(&context);
        let tasks = [caches, AbortOnDropHandle::new(tokio::spawn(pump))];
        for cache in index.caches.iter().filter(|cache| Some(cache.kind.kind.as_str()) != unlisted) {
            let filled = tokio::time::timeout(Duration::from_secs(10), cache.filled()).await;
            assert!(filled.expect("not listed"), "{:?}", cache.kind);
        }
        Self { server, context, index: Arc::new(index), _tasks: tasks }
    }

    fn find(&self, kind: &str, name: &str) -> Entry {
        let cache = self.index.caches.iter().find(|cache| cache.kind.kind == kind).unwrap();
        let outline = cache.store.find(|outline| outline.name_any() == name).unwrap();
        Entry { kind: cache.kind.clone(), outline }
    }

    fn dependents(&self, kind: &str, name: &str) -> Vec<String> {
        let found = self.index.dependents_of(&self.find(kind, name), None);
        found.iter().map(ToString::to_string).collect()
    }

    /// One look at an object, and the calls it led to.
    async fn look(&self, kind: &str, name: &str) -> (Result<Action, Error>, Vec<Call>) {
        let before = self.server.calls().len();
        let looked = reconcile(self.find(kind, name), self.index.clone(), self.context.clone()).await;
        tokio::time::timeout(Duration::from_secs(10), self.context.told()).await.expect("not told");
        (looked, self.server.calls().split_off(before))
    }
}

/// The calls that change something but for what objects say about themselves.
fn deeds(calls: &[Call]) -> Vec<(&str, &str)> {
    let is_word = |path: &str| path.ends_with("/status") || path.ends_with("/events");
    methods(calls).into_iter().filter(|(method, path)| *method != "GET" && !is_word(path)).collect()
}

fn methods(calls: &[Call]) -> Vec<(&str, &str)> {
    calls.iter().map(|call| (call.method.as_str(), call.path())).collect()
}

#[test]
fn every_kind_but_the_internal_one_is_collected() {
    let kinds: Vec<_> = kinds::ALL.iter().map(|kind| kind.kind.clone()).collect();
    let defined = krake_crds::definitions().into_iter().map(|definition| definition.spec.names.kind);
    let apart = ["Placement", "SafetyPolicy"];
    assert_eq!(kinds, defined.filter(|kind| !apart.contains(&kind.as_str())).collect::<Vec<_>>());
    assert_eq!(kinds.len(), 14);
    let silent = kinds::ALL.iter().filter(|kind| !kinds::WITH_CONDITION.contains(kind));
    assert_eq!(silent.map(|kind| kind.kind.as_str()).collect::<Vec<_>>(), ["Application", "Role", "RoleBinding"]);
}

#[tokio::test]
async fn dependents_name_their_owner_as_krake_does_or_were_put_there() {
    let identity = Identity { name: "Krake:eu".into(), namespace: Some("web".into()) };
    let encoded = identity::encode(&identity.name);
    let renamed = Owner { name: identity.name.clone(), namespace: identity.namespace.clone(), ..owner("Cloud", "") };
    let infrastructure = "infrastructure.krake.dev";
    let server = Server::deciding(holding(vec![
        object("Cloud", "eu", &json!({ "spec": {} })),
        object("Cloud", &encoded, &json!({ "spec": { "identity": identity } })),
        object("GlobalCloud", "all", &json!({ "spec": {} })),
        object("Project", "tenant", &json!({ "spec": {} })),
        object("Role", "by-name", &owned_by(&owner("Cloud", "eu"))),
        object("Metric", "by-krake-name", &owned_by(&renamed)),
        object("Metric", "by-kubernetes-name", &owned_by(&owner("Cloud", &encoded))),
        object("Application", "shop", &owned_by(&owner("GlobalCloud", "all"))),
        object("Cluster", "scheduled", &bound_to("scheduledTo", infrastructure, "Cloud", "eu")),
        object("Cluster", "running", &bound_to("runningOn", infrastructure, "GlobalCloud", "all")),
        object("Application", "blog", &bound_to("runningOn", "kubernetes.krake.dev", "Cluster", "running")),
        object("MagnumCluster", "built", &bound_to("project", "openstack.krake.dev", "Project", "tenant")),
    ]));
    let running = Running::before(server, None).await;
    assert_eq!(running.dependents("Cloud", "eu"), ["Role by-name", "Cluster web/scheduled"]);
    assert_eq!(running.dependents("Cloud", &encoded), ["Metric web/by-krake-name"]);
    assert_eq!(running.dependents("GlobalCloud", "all"), ["Application web/shop", "Cluster web/running"]);
    assert_eq!(running.dependents("Cluster", "running"), ["Application web/blog"]);
    assert_eq!(running.dependents("Project", "tenant"), ["MagnumCluster web/built"]);
    for (kind, name, owners) in [
        ("Role", "by-name", vec!["Cloud web/eu"]),
        ("Metric", "by-kubernetes-name", vec![]),
        ("Cluster", "running", vec!["GlobalCloud all"]),
        ("Application", "blog", vec!["Cluster web/running"]),
    ] {
        let found = running.index.owners_of(&running.find(kind, name).outline, |_| true);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), owners, "{name}");
    }
}

#[tokio::test]
async fn a_dependent_is_guarded_and_deleted_and_its_owner_stays() {
    let server = Server::deciding(holding(vec![
        leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]),
        object("Role", "admin", &owned_by(&owner("Cloud", "eu"))),
    ]));
    let running = Running::before(server, None).await;
    let (looked, calls) = running.look("Cloud", "eu").await;
    assert_eq!(looked.unwrap(), Action::requeue(PENDING));
    let (cloud, role) = (
        "/apis/infrastructure.krake.dev/v1alpha1/namespaces/web/clouds/eu",
        "/apis/core.krake.dev/v1alpha1/roles/admin",
    );
    let said = format!("{cloud}/status");
    let events = |namespace| format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    let (here, elsewhere) = (events("web"), events("default"));
    let (told, calls): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.method == "POST");
    let done = [("PATCH", said.as_str()), ("GET", cloud), ("PATCH", role), ("GET", role), ("DELETE", role)];
    assert_eq!(methods(&calls), done);
    assert_eq!(calls[0].body["status"]["conditions"][0]["reason"], "DeletionStuck");
    assert_eq!(calls[2].body["metadata"], json!({ "resourceVersion": "8", "finalizers": [finalizer::CASCADE] }));
    assert_eq!(calls[4].body["preconditions"], json!({ "uid": "uid-admin", "resourceVersion": "8" }));
    let told: BTreeMap<_, _> = told.iter().map(|call| (call.path(), call.body["reason"].as_str().unwrap())).collect();
    assert_eq!(told, [(&*here, "DeletionStuck"), (&*elsewhere, "OwnerDeleted")].into());
}

#[tokio::test]
async fn what_was_said_already_is_not_said_again() {
    let mut cloud = leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]);
    cloud["status"] = json!({ "conditions": [{
        "type": "Deleting", "status": "True", "reason": "DeletionStuck", "lastTransitionTime": "2026-01-02T03:04:05Z",
        "message": "1 role must go first: admin (for more than 10 min): see what they wait for, or remove this object from \
                    their owners, or annotate this object with krake.dev/forced=true",
    }] });
    let role = leaving(object("Role", "admin", &owned_by(&owner("Cloud", "eu"))), &[finalizer::CASCADE]);
    let sub_role = object("RoleBinding", "sub", &json!({ "spec": { "owners": [owner_of("core", "Role", "admin")] } }));
    let running = Running::before(Server::deciding(holding(vec![cloud, role, sub_role])), None).await;
    let (looked, calls) = running.look("Cloud", "eu").await;
    assert_eq!(looked.unwrap(), Action::requeue(PENDING));
    assert!(calls.is_empty(), "{calls:#?}");

    let said = |calls: &[Call]| calls.iter().filter(|call| call.body["reason"] == "DeletionStuck").count();
    assert_eq!(said(&running.look("Role", "admin").await.1), 1, "it has no conditions");
    assert_eq!(said(&running.look("Role", "admin").await.1), 0);
}

#[tokio::test]
async fn an_owner_is_guarded_from_its_first_dependent_on_and_others_are_not() {
    let magnum = owner_of("openstack", "MagnumCluster", "built");
    let server = Server::deciding(holding(vec![
        object("Cloud", "eu", &json!({ "spec": {} })),
        object("Cloud", "us", &json!({ "spec": {} })),
        object("MagnumCluster", "built", &json!({ "spec": {} })),
        object(
            "Cluster",
            "edge",
            &json!({
                "spec": { "owners": [magnum] }, "status": bound_to("scheduledTo", "infrastructure.krake.dev", "Cloud", "eu")["status"],
            }),
        ),
    ]));
    let running = Running::before(server.clone(), None).await;
    let collecting = tokio::spawn(run(running.context.clone()));
    let is_write = |call: &&Call| call.method == "PATCH";
    let calls = server.until(|calls| calls.iter().filter(is_write).count() == 3).await;
    let mut guarded: Vec<_> = deeds(&calls).into_iter().map(|(_, path)| path.rsplit('/').next().unwrap()).collect();
    guarded.sort_unstable();
    assert_eq!(guarded, ["built", "edge", "eu"]);
    for call in calls.iter().filter(is_write) {
        assert_eq!(call.body["metadata"]["finalizers"], json!([finalizer::CASCADE]));
    }
    running.context.stop.cancel();
    collecting.await.unwrap();
    assert!(running.look("Cloud", "us").await.1.is_empty());
}

#[tokio::test]
async fn a_cycle_through_three_kinds_is_told_on_its_members_and_nothing_in_it_is_deleted() {
    let cloud = |rest: &Value| leaving(object("Cloud", "eu", rest), &[finalizer::CASCADE]);
    let cluster = object("Cluster", "edge", &bound_to("scheduledTo", "infrastructure.krake.dev", "Cloud", "eu"));
    let role = object("Role", "admin", &json!({ "spec": { "owners": [owner_of("kubernetes", "Cluster", "edge")] } }));
    let by_role = json!({ "spec": { "owners": [owner_of("core", "Role", "admin")] } });
    let objects = vec![cloud(&by_role), cluster.clone(), role.clone()];
    let running = Running::before(Server::deciding(holding(objects)), None).await;
    let (looked, calls) = running.look("Cloud", "eu").await;
    assert_eq!(looked.unwrap(), Action::requeue(PENDING));
    let condition = &calls[0].body["status"]["conditions"][0];
    assert_eq!(condition["reason"], "OwnershipCycle");
    for member in ["Cloud web/eu", "Cluster web/edge", "Role admin"] {
        assert!(condition["message"].as_str().unwrap().contains(member), "{condition}");
    }
    let told = calls.iter().filter(|call| call.body["reason"] == "OwnershipCycle");
    let told: Vec<_> = told.map(|call| call.body["regarding"]["name"].as_str().unwrap()).collect();
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), ["eu", "admin", "edge"].into());
    assert!(deeds(&calls).is_empty(), "{calls:#?}");

    // The owner is removed from one of them: the rest goes its way.
    let objects = vec![cloud(&json!({ "spec": {} })), cluster, role];
    let (_, calls) = Running::before(Server::deciding(holding(objects)), None).await.look("Cloud", "eu").await;
    let deleted: Vec<_> = deeds(&calls).into_iter().filter(|(method, _)| *method == "DELETE").collect();
    assert_eq!(deleted.len(), 1);
    assert!(deleted[0].1.ends_with("/clusters/edge"));
}

#[tokio::test]
async fn a_cluster_that_lets_its_applications_go_takes_only_placements_and_others_along() {
    let place = json!({ "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "web", "name": "edge" });
    let named = json!({ "spec": { "owners": [owner_of("kubernetes", "Cluster", "edge")] } });
    let mut bound = bound_to("scheduledTo", "kubernetes.krake.dev", "Cluster", "edge");
    bound["spec"] = named["spec"].clone();
    let mut copy = object(
        "Application",
        "copy-of-shop",
        &json!({
            "spec": { "application": "shop", "cluster": place, "applicationGeneration": 1, "manifest": [] },
        }),
    );
    copy["kind"] = json!("Placement");
    let edge = |policy: &str| {
        leaving(object("Cluster", "edge", &json!({ "spec": { "deletionPolicy": policy } })), &[finalizer::CASCADE])
    };
    let others = [object("Application", "shop", &bound), object("Role", "admin", &named), copy];
    for (policy, gone) in [("Orphan", ["admin", "copy-of-shop"]), ("Delete", ["admin", "shop"])] {
        let objects = [edge(policy)].into_iter().chain(others.clone()).collect();
        let running = Running::before(Server::deciding(holding(objects)), None).await;
        let (looked, calls) = running.look("Cluster", "edge").await;
        assert_eq!(looked.unwrap(), Action::requeue(PENDING));
        let deleted = deeds(&calls).into_iter().filter(|(method, _)| *method == "DELETE");
        let mut deleted: Vec<_> = deleted.map(|(_, path)| path.rsplit('/').next().unwrap()).collect();
        deleted.sort_unstable();
        assert_eq!(deleted, gone, "{policy}");
    }
}

#[tokio::test]
async fn a_copy_whose_application_lives_elsewhere_is_moved_away_and_not_deleted_with_its_cluster() {
    let place = json!({ "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "web", "name": "edge" });
    let spec = json!({ "application": "shop", "cluster": place, "applicationGeneration": 1, "manifest": [] });
    let mut copy = object("Application", "copy-of-shop", &json!({ "spec": spec }));
    copy["kind"] = json!("Placement");
    let edge = leaving(object("Cluster", "edge", &json!({ "spec": {} })), &[finalizer::CASCADE]);
    let shop = object("Application", "shop", &bound_to("scheduledTo", "kubernetes.krake.dev", "Cluster", "other"));
    for (application, mark) in [(shop.clone(), Some(&json!("true"))), (leaving(shop, &["krake.dev/held"]), None)] {
        let objects = vec![edge.clone(), application, copy.clone()];
        let running = Running::before(Server::deciding(holding(objects)), None).await;
        let (_, calls) = running.look("Cluster", "edge").await;
        let about = calls.iter().filter(|call| call.path().ends_with("/copy-of-shop") && call.method != "GET");
        let about: Vec<_> = about.map(|call| (call.method.as_str(), &call.body)).collect();
        let marked = about[0].1.pointer("/metadata/annotations/krake.dev~1moved-away");
        assert_eq!((about.last().map(|(method, _)| *method), marked), (Some("DELETE"), mark), "{about:?}");
    }
}

#[tokio::test]
async fn applications_are_not_deleted_for_a_cluster_that_lets_them_go_by_now() {
    let edge = |policy: &str| {
        leaving(object("Cluster", "edge", &json!({ "spec": { "deletionPolicy": policy } })), &[finalizer::CASCADE])
    };
    let (now, otherwise) = (
        edge("Orphan"),
        holding(vec![
            edge("Delete"),
            object("Application", "shop", &bound_to("scheduledTo", "kubernetes.krake.dev", "Cluster", "edge")),
        ]),
    );
    let is_read = |call: &Call| call.method == "GET" && call.path().ends_with("/edge");
    let server = Server::deciding(move |call| if is_read(call) { Some((200, now.clone())) } else { otherwise(call) });
    let (looked, calls) = Running::before(server, None).await.look("Cluster", "edge").await;
    assert_eq!(looked.unwrap_err().category(), CONFLICT);
    assert!(deeds(&calls).is_empty(), "{calls:#?}");
}

#[tokio::test]
async fn a_dependent_that_others_marked_meanwhile_is_not_announced_and_then_only_awaited() {
    let role = || object("Role", "admin", &owned_by(&owner("Cloud", "eu")));
    let cloud = || leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]);
    let marked = || leaving(role(), &[finalizer::CASCADE]);
    let (now, otherwise) = (marked(), holding(vec![cloud(), role()]));
    let is_read = |call: &Call| call.method == "GET" && call.path().ends_with("/admin");
    let server = Server::deciding(move |call| if is_read(call) { Some((200, now.clone())) } else { otherwise(call) });
    let (looked, calls) = Running::before(server, None).await.look("Cloud", "eu").await;
    looked.unwrap();
    assert_eq!(deeds(&calls), [("PATCH", "/apis/core.krake.dev/v1alpha1/roles/admin")]);
    assert!(!calls.iter().any(|call| call.body["reason"] == "OwnerDeleted"), "{calls:#?}");

    let running = Running::before(Server::deciding(holding(vec![cloud(), marked()])), None).await;
    let (looked, calls) = running.look("Cloud", "eu").await;
    assert_eq!(looked.unwrap(), Action::requeue(PENDING));
    assert!(deeds(&calls).is_empty(), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_while_a_cache_may_have_missed_something() {
    let otherwise = holding(vec![
        leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]),
        object("Role", "admin", &owned_by(&owner("Cloud", "eu"))),
    ]);
    let lists = std::sync::atomic::AtomicU32::new(0);
    let fails = move |call: &Call| {
        call.path().ends_with("/placements") && lists.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0
    };
    let failure = json!({ "kind": "Status", "code": 500 });
    let server = Server::deciding(move |call| if fails(call) { Some((500, failure.clone())) } else { otherwise(call) });
    let running = Running::before(server.clone(), None).await;
    // A list, the watch that fails, and the list that is to heal it.
    server.until(|calls| calls.iter().filter(|call| call.path().ends_with("/placements")).count() == 3).await;
    let (looked, calls) = running.look("Cloud", "eu").await;
    assert!(matches!(looked, Err(Error::Delete(safety::Error::NotCurrent))));
    assert!(!calls.iter().any(|call| call.method == "DELETE"), "{calls:#?}");
}

#[tokio::test]
async fn a_dependent_that_was_changed_meanwhile_does_not_keep_the_others() {
    let otherwise = holding(vec![
        leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]),
        object("Role", "first", &owned_by(&owner("Cloud", "eu"))),
        object("Role", "second", &owned_by(&owner("Cloud", "eu"))),
    ]);
    let changed = |call: &Call| call.method == "PATCH" && call.path().ends_with("/first");
    let conflict = json!({ "kind": "Status", "reason": "Conflict", "code": 409 });
    let server =
        Server::deciding(move |call| if changed(call) { Some((409, conflict.clone())) } else { otherwise(call) });
    let (looked, calls) = Running::before(server, None).await.look("Cloud", "eu").await;
    assert_eq!(looked.unwrap_err().category(), CONFLICT);
    let deleted: Vec<_> = calls.iter().filter(|call| call.method == "DELETE").map(Call::path).collect();
    assert_eq!(deleted, ["/apis/core.krake.dev/v1alpha1/roles/second"]);
}

#[tokio::test]
async fn only_our_finalizer_is_taken_off_an_object_on_which_nothing_depends() {
    let finalizers = ["a.b/c", finalizer::CASCADE, finalizer::MIRROR];
    let cloud = leaving(object("GlobalCloud", "all", &json!({ "spec": {} })), &finalizers);
    let server = Server::deciding(holding(vec![cloud, object("Cloud", "eu", &json!({ "spec": {} }))]));
    let running = Running::before(server.clone(), None).await;
    let collecting = tokio::spawn(run(running.context.clone()));
    let calls = server.until(|calls| calls.iter().any(|call| call.method == "PATCH")).await;
    let written: Vec<_> = calls.iter().filter(|call| call.method != "GET").collect();
    assert_eq!(written.len(), 1, "{written:#?}");
    assert_eq!(written[0].path(), "/apis/infrastructure.krake.dev/v1alpha1/globalclouds/all");
    let rest = json!({ "resourceVersion": "8", "finalizers": ["a.b/c", finalizer::MIRROR] });
    assert_eq!(written[0].body["metadata"], rest);
    running.context.stop.cancel();
    collecting.await.unwrap();
}

#[tokio::test]
async fn nothing_is_released_while_a_kind_cannot_be_listed() {
    let cloud = leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]);
    let otherwise = holding(vec![cloud]);
    let forbidden =
        |call: &Call| call.path().ends_with("/roles").then(|| (403, json!({ "kind": "Status", "code": 403 })));
    let server = Server::deciding(move |call| forbidden(call).or_else(|| otherwise(call)));
    let running = Running::before(server, Some("Role")).await;
    let (looked, calls) = running.look("Cloud", "eu").await;
    assert!(matches!(looked, Err(Error::Unsure(decide::Doubt::Incomplete(kind))) if kind == "Role"));
    assert!(deeds(&calls).is_empty(), "{calls:#?}");
}

#[tokio::test]
async fn a_cluster_says_that_it_waits_for_a_kind_to_be_known() {
    let otherwise = holding(vec![leaving(object("Cluster", "edge", &json!({ "spec": {} })), &[finalizer::CASCADE])]);
    let forbidden =
        |call: &Call| call.path().ends_with("/roles").then(|| (403, json!({ "kind": "Status", "code": 403 })));
    let server = Server::deciding(move |call| forbidden(call).or_else(|| otherwise(call)));
    let running = Running::before(server, Some("Role")).await;
    let (_, calls) = running.look("Cluster", "edge").await;
    let written = calls.iter().find(|call| call.method == "PATCH").unwrap();
    assert!(written.path().ends_with("/clusters/edge/status"), "{written:#?}");
    let condition = &written.body["status"]["conditions"][0];
    assert_eq!(condition["reason"], "DependentsUnknown");
    assert_eq!(condition["message"], "not every object of kind Role is known");
}

#[tokio::test]
async fn an_object_that_claims_names_of_another_owns_nothing() {
    let claim = Identity { name: "eu".into(), namespace: Some("web".into()) };
    let server = Server::deciding(holding(vec![
        object("Cloud", "eu", &json!({ "spec": {} })),
        leaving(object("Cloud", "copy", &json!({ "spec": { "identity": claim } })), &[finalizer::CASCADE]),
        object("Role", "of-eu", &owned_by(&owner("Cloud", "eu"))),
        object("Role", "of-copy", &owned_by(&owner("Cloud", "copy"))),
    ]));
    let running = Running::before(server, None).await;
    let found = running.index.owners_of(&running.find("Role", "of-eu").outline, |_| true);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Cloud web/eu"]);
    let (looked, calls) = running.look("Cloud", "copy").await;
    looked.unwrap();
    assert_eq!(calls.iter().filter(|call| call.method == "DELETE").count(), 0, "{calls:#?}");
}

#[tokio::test]
async fn nobody_is_deleted_for_names_that_two_objects_claim() {
    let claim = Identity { name: "x-eu".into(), namespace: Some("web".into()) };
    let encoded = identity::encode(&claim.name);
    let server = Server::deciding(holding(vec![
        leaving(object("Cloud", "x-eu", &json!({ "spec": {} })), &[finalizer::CASCADE]),
        object("Cloud", &encoded, &json!({ "spec": { "identity": claim } })),
        object("Role", "admin", &owned_by(&owner("Cloud", "x-eu"))),
    ]));
    let running = Running::before(server, None).await;
    let (looked, calls) = running.look("Cloud", "x-eu").await;
    assert!(
        matches!(looked, Err(Error::Unsure(decide::Doubt::Contested(rivalry))) if rivalry.dependent == "Role admin")
    );
    assert!(deeds(&calls).is_empty(), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_the_testing_does_not_know_has_no_objects() {
    let cloud = || leaving(object("Cloud", "eu", &json!({ "spec": {} })), &[finalizer::CASCADE]);
    let missing = |call: &Call| call.path().ends_with("/roles").then(|| (404, json!("404 page not found")));
    let others = json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "core.krake.dev/v1alpha1",
        "resources": [{ "name": "metrics", "singularName": "", "namespaced": true, "kind": "Metric", "verbs": [] }] });
    let otherwise = holding(vec![cloud()]);
    let says_so = move |call: &Call| {
        let discovery = (call.path() == "/apis/core.krake.dev/v1alpha1").then(|| (200, others.clone()));
        discovery.or_else(|| missing(call)).or_else(|| otherwise(call))
    };
    let running = Running::before(Server::deciding(says_so), None).await;
    assert!(running.look("Cloud", "eu").await.0.is_ok(), "an older install works on");

    let otherwise = holding(vec![cloud()]);
    let is_lost = move |call: &Call| {
        let discovery = (call.path() == "/apis").then(|| (404, json!("default backend")));
        discovery.or_else(|| missing(call)).or_else(|| otherwise(call))
    };
    let server = Server::deciding(is_lost);
    let running = Running::before(server.clone(), Some("Role")).await;
    // A list is asked for again once the answer to the one before has been dealt with.
    server.until(|calls| calls.iter().filter(|call| call.path().ends_with("/roles")).count() == 2).await;
    assert_eq!(running.index.incomplete().as_deref(), Some("Role"), "a 404 alone says nothing");
}
