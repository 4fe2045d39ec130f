use axum::body::{Body, to_bytes};
use axum::http::{Method, StatusCode};
use krake_crds::identity::encode;
use krake_operator_loops::testing::Server;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const PLACEMENT: &str = "/v1/namespaces/shop/applications/Shop_1/placement";
const PLAN: &str = "/v1/namespaces/shop/plan";

fn list(kind: &str, items: &Value) -> Value {
    let meta = json!({ "resourceVersion": "1" });
    json!({ "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": kind, "metadata": meta, "items": items })
}

fn cluster(name: &str, location: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop", "resourceVersion": "1", "uid": name },
        "spec": { "labels": { "location": location } }, "status": { "state": "ONLINE" },
    })
}

fn application() -> Value {
    let place = json!({ "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "shop", "name": "de" });
    json!({
        "metadata": { "name": encode("Shop_1"), "namespace": "shop", "resourceVersion": "1", "uid": "1" },
        "spec": {
            "identity": { "name": "Shop_1" }, "manifest": [{}],
            "constraints": { "cluster": { "labels": ["location is DE"] } },
        },
        "status": { "scheduledTo": place },
    })
}

/// A management cluster with one application and two clusters, on which the token `alice` opens everything and `bob`
/// nothing.
fn management() -> Server {
    Server::deciding(|call| {
        let user = call.body["spec"]["token"].as_str().or(call.body["spec"]["user"].as_str()).unwrap_or_default();
        let path = call.path();
        let answer = match path.rsplit('/').next().unwrap_or_default() {
            "tokenreviews" => {
                let is_known = ["alice", "bob"].contains(&user);
                json!({ "spec": {}, "status": { "authenticated": is_known, "user": { "username": user } } })
            }
            "subjectaccessreviews" => json!({ "spec": {}, "status": { "allowed": user == "alice" } }),
            _ if call.uri.contains("watch=") => return None,
            "applications" => list("ApplicationList", &json!([application()])),
            "clusters" => list("ClusterList", &json!([cluster("de", "DE"), cluster("it", "IT")])),
            _ => list("List", &json!([])),
        };
        Some((200, answer))
    })
}

fn standby() -> Router {
    Api::new(Leading::default(), management().client()).router()
}

async fn leader() -> (Router, Term, impl Drop) {
    let server = management();
    let (context, caches) = server.context().await;
    let leading = Leading::default();
    let term = leading.begin(context);
    (Api::new(leading, server.client()).router(), term, caches)
}

async fn ask(router: &Router, method: Method, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn callers_need_a_token_and_a_right_before_anything_else() {
    for (method, path) in [(Method::GET, PLACEMENT), (Method::POST, PLAN)] {
        for (token, expected) in [(None, 401), (Some("eve"), 401), (Some("bob"), 403)] {
            let (status, problem) = ask(&standby(), method.clone(), path, token, "no json").await;
            assert_eq!(status, expected, "{path} {token:?}: {problem}");
        }
    }
    let (_, problem) = ask(&standby(), Method::GET, PLACEMENT, Some("bob"), "").await;
    let detail = "the user may not get applications/placement of kubernetes.krake.dev in the namespace";
    assert_eq!(problem["detail"], detail);
}

#[tokio::test]
async fn a_copy_that_does_not_lead_sends_callers_elsewhere() {
    assert_eq!(ask(&standby(), Method::GET, PLACEMENT, Some("alice"), "").await.0, 503);
    assert_eq!(ask(&standby(), Method::POST, PLAN, Some("alice"), "{}").await.0, 503);
    let (leader, term, _caches) = leader().await;
    assert_eq!(ask(&leader, Method::GET, PLACEMENT, Some("alice"), "").await.0, 200);
    drop(term);
    assert_eq!(ask(&leader, Method::GET, PLACEMENT, Some("alice"), "").await.0, 503);
}

#[tokio::test]
async fn a_placement_names_each_cluster_and_holds_its_record() {
    let (leader, _term, _caches) = leader().await;
    let (_, placement) = ask(&leader, Method::GET, PLACEMENT, Some("alice"), "").await;
    assert_eq!(
        (&placement["application"], &placement["scheduled_to"], &placement["chosen"]),
        (&json!("Shop_1"), &json!("de"), &json!("de"))
    );
    assert_eq!(placement["candidates"][1]["verdict"]["filtered"]["by"], "label");
    assert_eq!(placement["record"]["candidates"].as_array().unwrap().len(), 2);
    let by_kubernetes_name = PLACEMENT.replace("Shop_1", &encode("Shop_1"));
    assert_eq!(ask(&leader, Method::GET, &by_kubernetes_name, Some("alice"), "").await.0, 200);
    let (status, problem) = ask(&leader, Method::GET, &PLACEMENT.replace("Shop", "x"), Some("alice"), "").await;
    assert_eq!((status, &problem["detail"]), (404, &json!("there is no application x_1 in the namespace")));
}

#[tokio::test]
async fn a_plan_says_what_an_edit_does_and_a_bad_one_what_is_wrong() {
    let (leader, _term, _caches) = leader().await;
    let edits = json!({ "edits": [
        { "type": "labels", "cluster": "de", "set": { "location": "FR" } },
        { "type": "labels", "cluster": "it", "set": { "location": "DE" } },
    ]});
    let (status, plan) = ask(&leader, Method::POST, PLAN, Some("alice"), &edits.to_string()).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!((&plan["moves"][0]["from"], &plan["moves"][0]["to"]), (&json!("de"), &json!("it")));
    for (body, detail) in [
        ("no json", "the body is no plan"),
        (r#"{"edit": []}"#, "the body is no plan: unknown field `edit`"),
        (r#"{"edits": [{"type": "cluster_gone", "cluster": "x"}]}"#, "there is no cluster x; there are: de, it"),
    ] {
        let (status, problem) = ask(&leader, Method::POST, PLAN, Some("alice"), body).await;
        assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
        assert_eq!(status, 422);
    }
    let large = " ".repeat((1 << 20) + 1);
    assert_eq!(ask(&leader, Method::POST, PLAN, Some("alice"), &large).await.0, 413);
    let status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    assert_eq!(ask(&leader, Method::GET, PLAN, Some("alice"), "").await.0, status);
}

#[test]
fn what_others_are_told_is_an_address_they_can_use() {
    let bound = |text: &str| text.parse().unwrap();
    assert_eq!(advertised(bound("127.0.0.1:7"), None).as_deref(), Some("http://127.0.0.1:7"));
    assert_eq!(advertised(bound("0.0.0.0:7"), None), None);
    assert_eq!(advertised(bound("0.0.0.0:7"), Some("10.1.2.3".parse().unwrap())).as_deref(), Some("http://10.1.2.3:7"));
    assert_eq!(advertised(bound("[::]:7"), Some("fd00::1".parse().unwrap())).as_deref(), Some("http://[fd00::1]:7"));
}
