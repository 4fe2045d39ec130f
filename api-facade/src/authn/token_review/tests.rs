use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// A management cluster that knows one token, and counts how often it is asked.
fn cluster(status: u16) -> (TokenReviews, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!(request.uri().path(), "/apis/authentication.k8s.io/v1/tokenreviews");
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut review: Value = serde_json::from_slice(&body).unwrap();
            review["status"] = if review["spec"]["token"] == "good" {
                json!({"authenticated": true, "user": {"username": "system:serviceaccount:ns:robot"}})
            } else if review["spec"]["token"] == "long" {
                json!({"authenticated": true, "user": {"username": "x".repeat(1025)}})
            } else {
                json!({"error": "invalid bearer token"})
            };
            let answer = Full::new(Bytes::from(review.to_string()));
            Ok::<_, Infallible>(Response::builder().status(status).body(answer).unwrap())
        }
    });
    (TokenReviews::new(Client::new(service, "default")), asked)
}

async fn identify(reviews: &TokenReviews, header: &'static [u8]) -> Result<Option<String>, Failure> {
    let user = reviews.identify(&HeaderValue::from_bytes(header).unwrap()).await?;
    Ok(user.map(|user| user.0.to_string()))
}

#[tokio::test]
async fn a_bearer_token_is_its_users_who_the_cluster_says() {
    let (reviews, _) = cluster(201);
    for header in [b"Bearer good".as_slice(), b"bearer  good"] {
        let user = identify(&reviews, header).await.unwrap();
        assert_eq!(user.as_deref(), Some("system:serviceaccount:ns:robot"));
    }
}

#[tokio::test]
async fn a_token_that_the_cluster_does_not_know_is_refused_each_time_anew() {
    let (reviews, asked) = cluster(201);
    for _ in 0..2 {
        assert!(matches!(identify(&reviews, b"Bearer bad").await, Err(Failure::Unauthenticated)));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert!(matches!(identify(&reviews, b"Bearer caf\xe9").await, Err(Failure::Unauthenticated)));
}

#[tokio::test]
async fn other_schemes_are_not_for_the_cluster() {
    let (reviews, asked) = cluster(201);
    for header in [b"Basic good".as_slice(), b"good", b"Bearer", b"Bearer ", b"Bearergood", b""] {
        assert!(matches!(identify(&reviews, header).await, Ok(None)), "{header:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_token_is_asked_about_again_after_ten_seconds() {
    let (reviews, asked) = cluster(201);
    for (passed, expected) in [(0, 1), (9, 1), (1, 2), (9, 2)] {
        tokio::time::advance(Duration::from_secs(passed)).await;
        identify(&reviews, b"Bearer good").await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test]
async fn a_cluster_that_does_not_review_is_not_the_callers_fault() {
    let (reviews, _) = cluster(403);
    let answer = identify(&reviews, b"Bearer good").await;
    assert!(matches!(answer, Err(Failure::IdentityService { cause: Unanswered::Review(_), .. })), "{answer:?}");
}

#[tokio::test]
async fn a_name_that_is_too_long_is_none() {
    let (reviews, _) = cluster(201);
    let answer = identify(&reviews, b"Bearer long").await;
    assert!(matches!(answer, Err(Failure::IdentityService { cause: Unanswered::LongName, .. })), "{answer:?}");
}

#[test]
fn no_more_tokens_are_remembered_than_there_is_room_for() {
    let reviews = tokio::runtime::Runtime::new().unwrap().block_on(async { cluster(201).0 });
    for number in 0..=MAX_REMEMBERED {
        reviews.remember(Sha256::digest(number.to_string()).into(), User("amy".into()));
    }
    assert_eq!(reviews.lock().len(), MAX_REMEMBERED);
}
