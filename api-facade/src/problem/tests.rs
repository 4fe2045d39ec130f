use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::from_fn_with_state;
use http::HeaderMap;
use tower::ServiceExt;

use super::*;

/// The answer to a request that fails so.
async fn rendered(failure: Failure, accept: &str) -> (StatusCode, HeaderMap, String) {
    let documentation = Documentation { base_url: "http://docs".into() };
    let failed = failure.into_response();
    let slot = Arc::new(std::sync::Mutex::new(Some(failed)));
    let api = Router::new()
        .fallback(async move || slot.lock().unwrap().take().unwrap())
        .layer(from_fn_with_state(documentation, render));
    let request = Request::get("/").header(ACCEPT, accept).body(Body::empty()).unwrap();
    let (parts, body) = api.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn unreadable() -> StoreError {
    let source = krake_facade_wire::kubernetes::Cluster::decode_stored(b"secret").unwrap_err();
    StoreError::Unreadable { key: "/kubernetes/clusters/n/c".into(), source }
}

#[tokio::test]
async fn what_is_our_fault_says_nothing_more() {
    for failure in [Failure::Crashed, Failure::Store(unreadable()), Failure::Store(StoreError::Refused("x".into()))] {
        let (status, headers, body) = rendered(failure, "application/json").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body, "500 Internal Server Error\n\nServer got itself in trouble");
        assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(headers["connection"], "close");
    }
}

#[tokio::test]
async fn browsers_are_told_of_our_faults_in_html() {
    let (status, headers, body) = rendered(Failure::Crashed, "text/html,application/xhtml+xml;q=0.9").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert!(body.starts_with("<html>") && body.contains("Server got itself in trouble"), "{body}");
}

#[tokio::test]
async fn what_passes_is_to_be_tried_again() {
    for (failure, words) in [
        (Failure::Store(StoreError::Unavailable("x".into())), "Nothing was changed"),
        (Failure::Store(StoreError::Undecided("x".into())), "Whether the change was made is unknown"),
        (Failure::Store(StoreError::Compacted), "Try again"),
        (Failure::Busy, "Nothing was changed"),
        (Failure::TimedOut, "whether it was made is unknown"),
    ] {
        let (status, headers, body) = rendered(failure, "text/html").await;
        assert_eq!((status, &headers["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &SOON));
        assert!(body.starts_with(r#"{"type": "about:blank", "status": 503, "#) && body.contains(words), "{body}");
    }
}
