use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response};
use kube::{Client, client::Body};
use serde_json::json;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connection::Address;

/// A target that answers each request with the next line of a script, and remembers what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn then(self, code: u16, body: Value) -> Self {
        self.answers.lock().unwrap().push_back((code, body));
        self
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        // The watches that a first use starts are not part of the conversation.
        if request.uri().query().is_some_and(|query| query.contains("labelSelector")) {
            return std::future::pending().await;
        }
        let (head, body) = request.into_parts();
        let mut asked = format!("{} {}", head.method, head.uri.path());
        if head.method == Method::DELETE {
            let body: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
            asked = format!("{asked} {}", body["propagationPolicy"]);
        }
        self.asked.lock().unwrap().push(asked.clone());
        let (code, body) = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| panic!("unasked: {asked}"));
        Ok(Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap())
    }

    fn target(&self) -> TargetCluster {
        let script = self.clone();
        let service = tower::service_fn(move |request| script.clone().answer(request));
        let address = Address {
            key: ClusterKey::new("web", "edge"),
            default_namespace: "shop".into(),
            server_host: "edge.example.org".into(),
            kubeconfig: [0; 32],
        };
        let client = Client::new(service, "shop");
        let connection = Connection::new(address, client, broadcast::channel(8).0, CancellationToken::new());
        connection.gate.probed(Ok("v1.37.2".into()));
        TargetCluster::over(connection).unwrap()
    }
}

fn resources(name: &str, kind: &str, is_namespaced: bool) -> Value {
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1",
        "resources": [{ "name": name, "singularName": "", "namespaced": is_namespaced, "kind": kind, "verbs": ["get"] }],
    })
}

fn failure(code: u16, reason: &str, details: &Value) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": format!("{reason} it is"), "details": details,
    });
    (code, body)
}

/// A cluster without the group `odd.example.org`: what it answers about a kind of that group.
fn without_the_group() -> Script {
    let (code, body) = failure(404, "NotFound", &json!({}));
    Script::default().then(code, body).then(200, json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [] }))
}

fn ownership() -> Ownership {
    Ownership { uid: "u1".into(), namespace: "web".into(), placement: "shop-edge".into(), application: "shop".into() }
}

fn config_map(uid: &str, label: Option<&str>) -> Value {
    let labels = label.map_or_else(|| json!({}), |label| json!({ "krake.dev/placement": label }));
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "settings", "namespace": "shop", "uid": uid, "resourceVersion": "7", "labels": labels },
    })
}

fn entry(uid: Option<&str>) -> InventoryEntry {
    InventoryEntry {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: "settings".into(),
        uid: uid.map(str::to_owned),
        ..InventoryEntry::default()
    }
}

#[tokio::test]
async fn the_scope_of_a_kind_is_asked_for_once() {
    let script = Script::default()
        .then(200, resources("configmaps", "ConfigMap", true))
        .then(200, resources("namespaces", "Namespace", false));
    let target = script.target();
    for _ in 0..2 {
        assert_eq!(target.find_scope("v1", "ConfigMap").await.unwrap(), Some(Scope::Namespaced));
        assert_eq!(target.find_scope("v1", "Namespace").await.unwrap(), Some(Scope::Cluster));
    }
    assert_eq!(script.asked(), ["GET /api/v1", "GET /api/v1"]);
}

#[tokio::test]
async fn an_unknown_kind_is_asked_for_once_and_has_no_objects() {
    let script = without_the_group();
    let target = script.target();
    assert_eq!(target.find_scope("odd.example.org/v1", "Thing").await.unwrap(), None);
    let lost = InventoryEntry { api_version: "odd.example.org/v1".into(), kind: "Thing".into(), ..entry(None) };
    assert_eq!(target.find(&lost).await.unwrap(), None);
    assert_eq!(target.delete(&lost, &ownership(), Dependents::Follow).await.unwrap(), Removal::Gone);
    assert!(matches!(target.apply(&lost, &json!({})).await, Err(Error::UnknownKind { .. })));
    assert_eq!(script.asked(), ["GET /apis/odd.example.org/v1", "GET /apis"]);
}

#[tokio::test]
async fn a_404_is_not_believed_when_the_group_is_listed_or_nothing_is() {
    let (code, body) = failure(404, "NotFound", &json!({}));
    let version = json!({ "groupVersion": "odd.example.org/v1", "version": "v1" });
    let listed = json!({ "name": "odd.example.org", "versions": [version] });
    let groups = json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [listed] });
    let lost = InventoryEntry { api_version: "odd.example.org/v1".into(), kind: "Thing".into(), ..entry(None) };
    let contradicting = Script::default().then(code, body.clone()).then(200, groups);
    assert!(contradicting.target().delete(&lost, &ownership(), Dependents::Follow).await.is_err());
    let headless = Script::default().then(code, body.clone()).then(code, body);
    assert!(headless.target().delete(&lost, &ownership(), Dependents::Follow).await.is_err());
}

fn group_of_jobs(versions: &[&str]) -> Value {
    let listed = |version: &str| json!({ "groupVersion": format!("batch/{version}"), "version": version });
    let versions: Vec<_> = versions.iter().map(|version| listed(version)).collect();
    let group = json!({ "name": "batch", "versions": versions, "preferredVersion": listed("v1") });
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group] })
}

fn job_resources(version: &str, kind: &str) -> Value {
    let mut list = resources("cronjobs", kind, true);
    list["groupVersion"] = json!(format!("batch/{version}"));
    list
}

fn old_job() -> InventoryEntry {
    InventoryEntry { api_version: "batch/v1beta1".into(), kind: "CronJob".into(), ..entry(Some("x")) }
}

fn live_job() -> Value {
    let mut job = config_map("x", Some("u1"));
    (job["apiVersion"], job["kind"]) = (json!("batch/v1"), json!("CronJob"));
    job
}

#[tokio::test]
async fn an_object_whose_version_is_no_longer_served_is_deleted_in_the_preferred_one() {
    let (code, missing) = failure(404, "NotFound", &json!({}));
    let script = Script::default()
        .then(code, missing)
        .then(200, group_of_jobs(&["v2alpha1", "v1"]))
        .then(200, job_resources("v1", "CronJob"))
        .then(200, live_job())
        .then(200, json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "code": 200 }));
    let target = script.target();
    assert_eq!(target.delete(&old_job(), &ownership(), Dependents::Follow).await.unwrap(), Removal::Gone);
    let expected = [
        "GET /apis/batch/v1beta1",
        "GET /apis",
        "GET /apis/batch/v1",
        "GET /apis/batch/v1/namespaces/shop/cronjobs/settings",
        "DELETE /apis/batch/v1/namespaces/shop/cronjobs/settings \"Background\"",
    ];
    assert_eq!(script.asked(), expected);
    // A manifest in that version cannot be applied.
    assert!(matches!(target.apply(&old_job(), &json!({})).await, Err(Error::UnknownKind { .. })));
    assert_eq!(target.find_scope("batch/v1beta1", "CronJob").await.unwrap(), None);
    assert_eq!(script.asked().len(), expected.len());
}

#[tokio::test]
async fn an_object_whose_version_is_withdrawn_while_it_is_in_use_is_found_in_another_one() {
    let (code, mut plain) = failure(404, "", &json!({}));
    plain["reason"] = json!("not a word of Kubernetes");
    let script = Script::default()
        .then(200, job_resources("v1beta1", "CronJob"))
        .then(code, plain.clone())
        .then(code, plain)
        .then(200, group_of_jobs(&["v1"]))
        .then(200, job_resources("v1", "CronJob"))
        .then(200, live_job());
    assert_eq!(script.target().find(&old_job()).await.unwrap().unwrap()["apiVersion"], "batch/v1");
}

/// What an API server answers for a kind that has left a version which stays served.
fn without_a_route() -> (u16, Value) {
    failure(404, "NotFound", &json!({}))
}

#[tokio::test]
async fn an_object_whose_kind_has_left_a_version_that_stays_served_is_deleted_in_another_one() {
    let (code, missing) = without_a_route();
    let script = Script::default()
        .then(200, job_resources("v1beta1", "CronJob"))
        .then(code, missing)
        .then(200, job_resources("v1beta1", "Other"))
        .then(200, group_of_jobs(&["v1", "v1beta1"]))
        .then(200, job_resources("v1", "CronJob"))
        .then(200, live_job())
        .then(200, json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "code": 200 }));
    let deleted = script.target().delete(&old_job(), &ownership(), Dependents::Follow).await.unwrap();
    assert_eq!(deleted, Removal::Gone);
    let last = "DELETE /apis/batch/v1/namespaces/shop/cronjobs/settings \"Background\"";
    assert_eq!(script.asked().last().map(String::as_str), Some(last));
}

#[tokio::test]
async fn a_kind_that_leaves_its_version_during_a_removal_is_looked_for_again() {
    let (code, missing) = without_a_route();
    let script = || {
        let known = Script::default().then(200, resources("configmaps", "ConfigMap", true));
        known.then(200, config_map("x", Some("u1"))).then(code, missing.clone())
    };
    let entry = entry(Some("x"));
    let deleted = script().target().delete(&entry, &ownership(), Dependents::Follow).await.unwrap();
    let released = script().target().release(&entry, &ownership()).await.unwrap();
    assert_eq!((deleted, released), (Removal::Pending, Removal::Pending));
}

#[tokio::test]
async fn a_kind_has_no_objects_only_when_no_served_version_has_it() {
    let script = Script::default()
        .then(200, job_resources("v1beta1", "Other"))
        .then(200, group_of_jobs(&["v1", "v1beta1"]))
        .then(200, job_resources("v1", "Other"))
        .then(200, group_of_jobs(&["v1", "v1beta1"]));
    assert_eq!(script.target().find(&old_job()).await.unwrap(), None);
    // What cannot be asked may have it.
    let (code, away) = failure(503, "ServiceUnavailable", &json!({}));
    let script = Script::default()
        .then(200, job_resources("v1beta1", "Other"))
        .then(200, group_of_jobs(&["v1", "v1beta1"]))
        .then(code, away);
    assert!(script.target().find(&old_job()).await.is_err());
}

#[tokio::test]
async fn a_kind_that_vanished_is_looked_up_again() {
    let (code, mut plain) = failure(404, "", &json!({}));
    plain["reason"] = json!("not a word of Kubernetes");
    let mut script = Script::default().then(200, resources("configmaps", "ConfigMap", true)).then(code, plain);
    script = script.then(200, resources("other", "Other", true)).then(200, json!({ "versions": ["v1"] }));
    assert_eq!(script.target().find(&entry(None)).await.unwrap(), None);
    assert_eq!(script.asked().len(), 4);
}

#[tokio::test]
async fn a_new_definition_makes_unknown_kinds_worth_asking_for_again() {
    let script = without_the_group()
        .then(200, resources("customresourcedefinitions", "CustomResourceDefinition", false))
        .then(
            201,
            json!({ "kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": {} }),
        )
        .then(200, resources("things", "Thing", true));
    let target = script.target();
    assert_eq!(target.find_scope("odd.example.org/v1", "Thing").await.unwrap(), None);
    let definition = InventoryEntry {
        api_version: "apiextensions.k8s.io/v1".into(),
        kind: "CustomResourceDefinition".into(),
        name: "things.odd.example.org".into(),
        ..InventoryEntry::default()
    };
    target.apply(&definition, &json!({})).await.unwrap();
    assert_eq!(target.find_scope("odd.example.org/v1", "Thing").await.unwrap(), Some(Scope::Namespaced));
}

#[tokio::test]
async fn applying_tells_refusals_missing_namespaces_and_missing_kinds_apart() {
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" } });
    let attempt = async |answer: (u16, Value)| {
        let script = Script::default().then(200, resources("configmaps", "ConfigMap", true)).then(answer.0, answer.1);
        let result = script.target().apply(&entry(None), &object).await;
        assert_eq!(script.asked()[1], "PATCH /api/v1/namespaces/shop/configmaps/settings");
        result
    };
    assert!(attempt((200, config_map("x", Some("u1")))).await.is_ok());
    for code in [400, 422] {
        let refused = attempt(failure(code, "Invalid", &json!({}))).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{code}");
    }
    let homeless =
        attempt(failure(404, "NotFound", &json!({ "name": "shop", "kind": "namespaces" }))).await.unwrap_err();
    assert!(matches!(homeless, Error::Call { .. }) && !homeless.is_unreachable(), "{homeless:?}");
    assert_eq!(homeless.sentence(), "applying ConfigMap shop/settings: NotFound it is");
    assert!(matches!(attempt(failure(404, "NotFound", &json!({}))).await, Err(Error::UnknownKind { .. })));
    assert!(matches!(attempt(failure(403, "Forbidden", &json!({}))).await, Err(Error::Call { .. })));
}

#[tokio::test]
async fn a_page_of_a_proxy_is_not_quoted() {
    let script = Script::default().then(200, resources("configmaps", "ConfigMap", true));
    let script = script.then(502, json!("<html>".repeat(10_000)));
    let error = script.target().find(&entry(None)).await.unwrap_err();
    let expected = "reading ConfigMap shop/settings: \
                    it answered 502 Bad Gateway, and not as a Kubernetes API server does";
    assert_eq!(error.sentence(), expected);
    assert!(!format!("{error:?}").contains("html"));
}

#[tokio::test]
async fn what_a_target_says_about_an_object_is_bounded() {
    let (code, mut body) = failure(422, "Invalid", &json!({}));
    body["message"] = json!("x".repeat(100_000));
    let script = Script::default().then(200, resources("configmaps", "ConfigMap", true)).then(code, body);
    let error = script.target().apply(&entry(None), &json!({})).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }) && error.sentence().len() < 2000);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_on_a_cluster_that_is_alive_is_an_error_of_that_call() {
    let target = Script::default().target();
    let entry = entry(None);
    let pending = || target.call(Access::Write, "applying", &entry, std::future::pending::<kube::Result<()>>());
    let silent = pending().await.unwrap_err();
    assert!(silent.is_unreachable());
    assert_eq!(silent.to_string(), "no answer within 35 s while applying ConfigMap shop/settings");
    let heard = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        target.connection.gate.heard();
        std::future::pending::<()>().await;
    };
    let hanging = tokio::select! {
        answer = pending() => answer.unwrap_err(),
        () = heard => unreachable!(),
    };
    assert!(!hanging.is_unreachable());
    assert!(hanging.to_string().ends_with("a webhook may be slow"), "{hanging}");
}

#[tokio::test]
async fn only_what_is_ours_is_deleted() {
    let gone = || json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "code": 200 });
    let table = [
        ("labelled as ours", config_map("x", Some("u1")), None, true),
        ("ours, made again", config_map("y", Some("u1")), Some("x"), true),
        ("label lost, same uid", config_map("x", None), Some("x"), true),
        ("a stranger's namesake", config_map("y", None), Some("x"), false),
        ("never recorded, unmarked", config_map("y", None), None, false),
        ("taken over by another placement", config_map("x", Some("u2")), Some("x"), false),
    ];
    for (case, live, uid, is_deleted) in table {
        let script =
            Script::default().then(200, resources("configmaps", "ConfigMap", true)).then(200, live).then(200, gone());
        assert_eq!(
            script.target().delete(&entry(uid), &ownership(), Dependents::Follow).await.unwrap(),
            Removal::Gone,
            "{case}"
        );
        let deletes = script.asked().iter().filter(|asked| asked.starts_with("DELETE")).count();
        assert_eq!(deletes, usize::from(is_deleted), "{case}");
    }
}

#[tokio::test]
async fn a_deletion_is_pending_until_the_object_is_gone() {
    let mut terminating = config_map("x", Some("u1"));
    terminating["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let known = || Script::default().then(200, resources("configmaps", "ConfigMap", true));
    let delete = async |script: Script| {
        script.target().delete(&entry(Some("x")), &ownership(), Dependents::Follow).await.unwrap()
    };
    assert_eq!(delete(known().then(200, terminating.clone())).await, Removal::Pending);
    let ours = || config_map("x", Some("u1"));
    assert_eq!(delete(known().then(200, ours()).then(200, terminating)).await, Removal::Pending);
    let (code, changed) = failure(409, "Conflict", &json!({}));
    assert_eq!(delete(known().then(200, ours()).then(code, changed)).await, Removal::Pending);
    let (code, missing) = failure(404, "NotFound", &json!({ "name": "settings", "kind": "configmaps" }));
    assert_eq!(delete(known().then(code, missing)).await, Removal::Gone);
}

#[tokio::test]
async fn what_depends_on_an_object_follows_it_or_goes_before_it() {
    for (dependents, policy) in [(Dependents::Follow, "Background"), (Dependents::GoFirst, "Foreground")] {
        let mut waiting = config_map("x", Some("u1"));
        waiting["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let script = Script::default().then(200, resources("configmaps", "ConfigMap", true));
        let script = script.then(200, config_map("x", Some("u1"))).then(200, waiting);
        script.target().delete(&entry(Some("x")), &ownership(), dependents).await.unwrap();
        assert_eq!(script.asked()[2], format!("DELETE /api/v1/namespaces/shop/configmaps/settings {policy:?}"));
    }
}

#[tokio::test]
async fn only_what_is_ours_is_released_and_a_change_meanwhile_is_looked_at_again() {
    let release = async |live: Value, answer: (u16, Value)| {
        let script = Script::default().then(200, resources("configmaps", "ConfigMap", true)).then(200, live);
        let script = script.then(answer.0, answer.1);
        let became = script.target().release(&entry(Some("x")), &ownership()).await.unwrap();
        (became, script.asked().len() - 2)
    };
    let released = || (200, config_map("x", None));
    assert_eq!(release(config_map("x", Some("u1")), released()).await, (Removal::Gone, 1));
    assert_eq!(release(config_map("x", Some("u2")), released()).await, (Removal::Gone, 0));
    assert_eq!(release(config_map("x", None), released()).await, (Removal::Gone, 0));
    let changed = failure(409, "Conflict", &json!({}));
    assert_eq!(release(config_map("x", Some("u1")), changed).await, (Removal::Pending, 1));
}
