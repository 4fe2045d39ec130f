use axum::{extract::OriginalUri, http::HeaderMap};
use futures::TryStreamExt;
use reqwest::Response as Answer;

use super::*;

/// A gate before a server that answers with what it was asked, and whose watches tell it without an end.
async fn gate() -> (Gate, reqwest::Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(echo)).await });
    let user = Kubeconfig::with_token("user", &server, &Authority::new("server").unwrap().pem(), "secret");
    let gate = Gate::start(&user).await.unwrap();
    let trusted = Certificate::from_pem(&authority_of(gate.kubeconfig()).unwrap()).unwrap();
    (gate, crate::http::builder().tls_certs_only([trusted]).build().unwrap())
}

async fn echo(OriginalUri(uri): OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let told = format!("{uri} {} {}", headers["authorization"].to_str().unwrap(), String::from_utf8_lossy(&body));
    if uri.query().is_some_and(|query| query.contains("watch=true")) {
        return Body::from_stream(stream::iter([Ok::<_, BoxError>(told)]).chain(stream::pending())).into_response();
    }
    told.into_response()
}

async fn ask((gate, client): &(Gate, reqwest::Client), method: Method, path: &str) -> Answer {
    let url = format!("{}{path}", gate.kubeconfig().server());
    client.request(method, url).bearer_auth("secret").body("body").send().await.unwrap()
}

const CLUSTERS: &str = "/apis/example.com/v1/clusters";

#[tokio::test]
async fn only_reads_of_the_named_collection_fail_each_in_another_way() {
    let gate = gate().await;
    gate.0.fail("clusters.example.com", Failure::Expired);
    for path in [CLUSTERS, "/apis/example.com/v1/namespaces/web/clusters?watch=true"] {
        for status in [500, 503] {
            assert_eq!(ask(&gate, Method::GET, path).await.status(), status);
        }
        let half = ask(&gate, Method::GET, path).await;
        assert!(half.status().is_success());
        assert!(half.bytes().await.is_err());
    }
    assert_eq!(gate.0.refusals(), 6);
    let others = [(Method::POST, CLUSTERS), (Method::GET, "/apis/example.com/v1/clusters/edge")];
    for (method, path) in others.into_iter().chain([(Method::GET, "/apis/example.org/v1/clusters")]) {
        let answer = ask(&gate, method, path).await.text().await.unwrap();
        assert_eq!(answer, format!("{path} Bearer secret body"));
    }
    gate.0.mend();
    assert!(ask(&gate, Method::GET, CLUSTERS).await.bytes().await.is_ok());
}

#[tokio::test]
async fn a_list_can_fail_after_one_object() {
    let gate = gate().await;
    gate.0.fail("clusters.example.com", Failure::AfterFirstPage);
    let first = ask(&gate, Method::GET, &format!("{CLUSTERS}?limit=250&x=y")).await.text().await.unwrap();
    assert_eq!(first, format!("{CLUSTERS}?x=y&limit=1 Bearer secret body"));
    assert_eq!(ask(&gate, Method::GET, &format!("{CLUSTERS}?limit=250&continue=z")).await.status(), 500);
}

#[tokio::test]
async fn an_open_watch_ends_as_it_is_told_to() {
    for (failure, is_told) in [(Failure::Expired, true), (Failure::BrokenOff, false)] {
        let gate = gate().await;
        let mut watch = ask(&gate, Method::GET, &format!("{CLUSTERS}?watch=true")).await.bytes_stream();
        watch.try_next().await.unwrap().unwrap();
        gate.0.fail("clusters.example.com", failure);
        let last = watch.try_next().await;
        assert_eq!(last.is_ok_and(|last| String::from_utf8_lossy(&last.unwrap()).contains("410")), is_told);
    }
}
