use std::convert::Infallible;

use axum::Router;
use axum::routing::{get, post};
use http::HeaderMap;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

fn lease(holder: &str, address: Option<&str>) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": LEASE, "annotations": address.map(|address| json!({ (ANNOTATION): address })) },
        "spec": { "holderIdentity": holder },
    })
}

/// The operator as a management cluster with this Lease names it.
fn operator(lease: Option<Value>, token: Token) -> Operator {
    krake_operator_process::management::install_crypto();
    let missing = json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404 });
    let (status, body) = lease.map_or((404, missing), |lease| (200, lease));
    let service = tower::service_fn(move |_: http::Request<Body>| {
        let body = Body::from(body.to_string().into_bytes());
        let response = http::Response::builder().status(status).body(body).unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    Operator::new(Client::new(service, "default"), "krake-system", token).unwrap()
}

/// An API that repeats who asks and what, and where it is.
async fn api() -> String {
    let show = |headers: HeaderMap, body: String| async move {
        let token = headers["authorization"].to_str().unwrap().to_owned();
        json!({ "token": token, "body": body }).to_string()
    };
    let refuse = async || (StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": "no cluster x" }).to_string());
    let router = Router::new()
        .route("/v1/namespaces/{namespace}/applications/{name}/placement", get(show))
        .route("/v1/namespaces/good/plan", post(show))
        .route("/v1/namespaces/bad/plan", post(refuse))
        .route("/v1/namespaces/busy/plan", post(async || StatusCode::SERVICE_UNAVAILABLE));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn given() -> Token {
    Token::Given("secret".into())
}

#[tokio::test]
async fn the_leader_is_asked_with_the_own_token() {
    let operator = operator(Some(lease("one", Some(&api().await))), given());
    let answer = operator.placement("team", "My/App").await.unwrap();
    assert_eq!(answer, json!({ "token": "Bearer secret", "body": "" }).to_string());
    let answer = operator.plan("good", b"{}".to_vec()).await.unwrap();
    assert_eq!(answer, json!({ "token": "Bearer secret", "body": "{}" }).to_string());
}

#[tokio::test]
async fn what_is_wrong_with_the_question_is_passed_on_and_nothing_else() {
    let operator = operator(Some(lease("one", Some(&api().await))), given());
    let refused = operator.plan("bad", Vec::new()).await.unwrap_err();
    assert!(matches!(refused, Failure::Refused { status: 422, detail } if detail == "no cluster x"));
    let refused = operator.plan("busy", Vec::new()).await.unwrap_err();
    assert!(matches!(refused, Failure::Operator(Unavailable::Refused(StatusCode::SERVICE_UNAVAILABLE))));
}

#[tokio::test]
async fn without_a_leader_nobody_is_asked() {
    let nobody = [
        None,
        Some(lease("", Some("http://127.0.0.1:9"))),
        Some(lease("one", None)),
        Some(lease("one", Some("file:///etc/passwd"))),
    ];
    for lease in nobody {
        let failure = operator(lease.clone(), given()).placement("team", "a").await.unwrap_err();
        assert!(matches!(failure, Failure::Operator(Unavailable::NoLeader)), "{lease:?}");
    }
    let failure = operator(Some(lease("one", Some("http://127.0.0.1:9"))), given()).placement("team", "a").await;
    assert!(matches!(failure, Err(Failure::Operator(Unavailable::Ask(_)))));
    let failure = operator(Some(lease("one", Some("http://127.0.0.1:9"))), Token::None).placement("team", "a").await;
    assert!(matches!(failure, Err(Failure::Operator(Unavailable::NoToken))));
}
