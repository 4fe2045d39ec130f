//! What can be said about the router without a database: nothing here gets as far as etcd.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::{HeaderMap, Method, StatusCode};
use krake_facade_store::{Config, Hub, Store};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::authn;
use crate::authz::{self, Authorization, Authorizer};
use crate::resource::Shared;

const ITEM: &str = "/kubernetes/namespaces/n/applications/a";

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// Serves kinds from a database that is not there.
pub(super) struct Unconnected(Shared);

impl Resources for Unconnected {
    fn resource<K: Served>(&mut self) -> Resource<K> {
        Resource { shared: self.0.clone(), hub: Hub::new(self.0.store.clone()) }
    }
}

impl Unconnected {
    pub(super) async fn new(authorization: Authorization) -> Self {
        let config = Config {
            endpoints: vec!["http://127.0.0.1:1".into()],
            tombstones: false,
            call_timeout: std::time::Duration::from_millis(100),
        };
        let store = Store::connect(config).await.unwrap();
        Self(Shared {
            authorizer: Authorizer::new(authz::Settings { authorization, strict: false }, store.clone()),
            store,
            retry_transactions: 1,
            management: None,
            operator: None,
            instruments: Instruments::register(&mut Registry::default()),
            stop: CancellationToken::new(),
        })
    }

    pub(super) fn authorizer(&self) -> Authorizer {
        self.0.authorizer.clone()
    }
}

pub(super) async fn api(authorization: Authorization) -> Router {
    api_for(&authn::Settings { allow_anonymous: true, ..authn::tests::settings() }, authorization).await
}

async fn api_for(users: &authn::Settings, authorization: Authorization) -> Router {
    let mut resources = Unconnected::new(authorization).await;
    let surroundings = Surroundings {
        authentication: Authentication::new(users, None).unwrap(),
        allowed_origin: AllowedOrigin::new("http://example.com"),
        documentation: Documentation { base_url: "http://docs".into() },
        instruments: resources.0.instruments.clone(),
    };
    let authorizer = resources.authorizer();
    router(&mut resources, &authorizer, surroundings)
}

async fn ask(method: Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
    ask_of(api(Authorization::AlwaysAllow).await, method, path, (headers, body)).await
}

pub(super) async fn ask_of(
    api: Router,
    method: Method,
    path: &str,
    (headers, body): (&[(&str, &str)], &'static str),
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = api.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

#[tokio::test]
async fn the_api_introduces_itself() {
    for (path, status, body) in [
        ("/", StatusCode::OK, r#"{"version": "1.0.1"}"#),
        ("/release", StatusCode::ACCEPTED, r#""You released the Krake.""#),
    ] {
        let answer = ask(Method::GET, path, &[], "").await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
        let head = ask(Method::HEAD, path, &[], "").await;
        assert_eq!((head.status, head.body.as_str()), (status, ""));
        assert_eq!(head.headers["content-length"], body.len().to_string());
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    for path in ["/x", "/kubernetes/applications/", "/kubernetes//applications", "/kubernetes/namespaces/n", "/ME"]
        .into_iter()
        .chain(["/core/namespaces//metrics", "/kubernetes/namespaces/n/applications//retry", "/core/roles/"])
    {
        let answer = ask(Method::GET, path, &[("origin", "http://example.com")], "").await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.body, r#"{"type": "about:blank", "status": 404, "detail": "404: Not Found"}"#);
        assert_eq!(answer.headers["content-type"], "application/problem+json; charset=utf-8");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    for (method, path, allowed) in [
        (Method::POST, "/", "GET,HEAD,OPTIONS"),
        (Method::POST, "/kubernetes/applications", "GET,HEAD,OPTIONS"),
        (Method::PUT, "/kubernetes/namespaces/n/clusters", "GET,HEAD,OPTIONS,POST"),
        (Method::PATCH, ITEM, "DELETE,GET,HEAD,OPTIONS,PUT"),
        (Method::GET, "/kubernetes/namespaces/n/applications/a/retry", "OPTIONS,PUT"),
    ] {
        let answer = ask(method, path, &[], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], allowed, "{path}");
        assert_eq!(answer.body, r#"{"type": "about:blank", "status": 405, "detail": "405: Method Not Allowed"}"#);
    }
}

#[tokio::test]
async fn permission_comes_before_query_and_body() {
    let api = api(Authorization::AlwaysDeny).await;
    for (method, path) in [
        (Method::PUT, ITEM),
        (Method::DELETE, ITEM),
        (Method::GET, "/kubernetes/clusters?heartbeat=x"),
        (Method::PUT, "/kubernetes/namespaces/n/clusters/c/status"),
    ] {
        let answer = ask_of(api.clone(), method, path, (&[], "no json")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(answer.body, r#"{"type": "about:blank", "status": 403, "detail": "403: Forbidden"}"#);
    }
    assert_eq!(ask_of(api, Method::GET, "/release", (&[], "")).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_body_comes_before_the_object() {
    assert_eq!(ask(Method::PUT, ITEM, &[], "no json").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = ask(Method::PUT, ITEM, &[], "[]").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains(r#""detail": "{'_schema': ['Invalid input type.']}""#), "{}", answer.body);
}

#[tokio::test]
async fn without_a_database_requests_are_to_be_tried_again() {
    let answer = ask(Method::GET, ITEM, &[("origin", "http://example.com")], "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let detail = "The database is not available. Nothing was changed; try again.";
    assert_eq!(answer.body, format!(r#"{{"type": "about:blank", "status": 503, "detail": "{detail}"}}"#));
    assert_eq!(answer.headers["content-type"], "application/problem+json; charset=utf-8");
    assert_eq!(answer.headers["retry-after"], "2");
    assert_eq!(answer.headers["access-control-allow-origin"], "http://example.com");
}

#[tokio::test]
async fn every_answer_names_its_request() {
    for path in ["/", "/x", ITEM] {
        let answer = ask(Method::GET, path, &[("x-request-id", "build-17")], "").await;
        assert_eq!(answer.headers["x-request-id"], "build-17", "{path}");
        assert_eq!(ask(Method::GET, path, &[], "").await.headers["x-request-id"].len(), 36, "{path}");
    }
}

#[tokio::test]
async fn the_head_of_a_watch_needs_no_stream() {
    let answer = ask(Method::HEAD, "/kubernetes/applications?watch", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
}

#[tokio::test]
async fn a_namespace_in_the_path_has_the_syntax_of_namespaces() {
    let body = r#"{"metadata": {"name": "a"}, "spec": {"csar": "http://x/y.zip", "manifest": [],
        "constraints": {"cluster": {}}}}"#;
    let answer = ask(Method::POST, "/kubernetes/namespaces/a%20b/applications", &[], body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Invalid character in resource namespace."), "{}", answer.body);
}

#[tokio::test]
async fn preflights_are_answered_on_known_paths() {
    let asking = [
        ("origin", "http://example.com"),
        ("access-control-request-method", "put"),
        ("access-control-request-headers", "x-b, X-A"),
    ];
    let answer = ask(Method::OPTIONS, ITEM, &asking, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    for (name, value) in [
        ("access-control-allow-origin", "http://example.com"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "X-A,X-B"),
        ("content-type", "application/octet-stream"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
    assert!(!answer.headers.contains_key("allow"));
    for path in ["/x", "/kubernetes/namespaces//applications/a"] {
        assert_eq!(ask(Method::OPTIONS, path, &asking, "").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn who_is_not_let_in_learns_it_before_anything_else() {
    let api = api_for(&authn::tests::settings(), Authorization::AlwaysAllow).await;
    let origin = ("origin", "http://example.com");
    for (method, path) in [(Method::GET, "/"), (Method::POST, "/"), (Method::PUT, ITEM), (Method::GET, "/x")] {
        let answer = ask_of(api.clone(), method, path, (&[origin], "no json")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.headers.contains_key("access-control-allow-origin"), path != "/x");
    }
    let preflight = [origin, ("access-control-request-method", "GET")];
    assert_eq!(ask_of(api.clone(), Method::OPTIONS, ITEM, (&preflight, "")).await.status, StatusCode::OK);
    assert_eq!(ask_of(api, Method::OPTIONS, "/x", (&preflight, "")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_preflight_needs_no_token_but_no_wrong_one_either() {
    let endpoint = "http://127.0.0.1:1".parse().unwrap();
    let users = authn::Settings { strategy: authn::Strategy::Keystone { endpoint }, ..authn::tests::settings() };
    krake_operator_process::management::install_crypto();
    let api = api_for(&users, Authorization::AlwaysAllow).await;
    let mut headers = vec![("origin", "http://example.com"), ("access-control-request-method", "GET")];
    assert_eq!(ask_of(api.clone(), Method::OPTIONS, ITEM, (&headers, "")).await.status, StatusCode::OK);
    headers.push(("authorization", "token"));
    assert_eq!(ask_of(api, Method::OPTIONS, ITEM, (&headers, "")).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_preflight_that_is_refused_says_why() {
    let origin = ("origin", "http://example.com");
    for (headers, cause) in [
        (vec![], "origin header is not specified in the request"),
        (vec![origin], "'Access-Control-Request-Method' header is not specified"),
        (vec![("origin", "http://x"), ("access-control-request-method", "GET")], "origin 'http://x' is not allowed"),
        (
            vec![origin, ("access-control-request-method", "patch")],
            "request method 'PATCH' is not allowed for 'http://example.com' origin",
        ),
    ] {
        let answer = ask(Method::OPTIONS, ITEM, &headers, "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.body.contains(&format!("CORS preflight request failed: {cause}")), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_served_without_being_let_in() {
    let answer = ask(Method::GET, "/", &[("origin", "http://other")], "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
