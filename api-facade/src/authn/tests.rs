//! Who callers are taken for, with identity services that answer by a script.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use http::{HeaderMap, StatusCode};
use hyper::ext::ReasonPhrase;
use krake_operator_process::management::install_crypto;
use tower::ServiceExt;

use super::*;
use crate::problem::{Documentation, render};

/// A server that tells its callers who they are.
pub(crate) fn mirror(settings: &Settings, management: Option<kube::Client>) -> Router {
    install_crypto();
    let authentication = Authentication::new(settings, management).unwrap();
    Router::new()
        .route("/", any(async |user: User| user.0.to_string()))
        .layer(from_fn_with_state(authentication, authenticate))
        .layer(from_fn_with_state(Documentation { base_url: "http://docs".into() }, render))
}

/// Nothing is switched on.
pub(crate) fn settings() -> Settings {
    Settings { strategy: Strategy::None, token_review: false, client_certificates: false, allow_anonymous: false }
}

fn with(strategy: Strategy) -> Settings {
    Settings { strategy, allow_anonymous: true, ..settings() }
}

fn asking(token: Option<&[u8]>) -> Request {
    let mut request = Request::new(Body::empty());
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, http::HeaderValue::from_bytes(token).unwrap());
    }
    request
}

async fn answer(mirror: &Router, request: Request) -> (u16, String) {
    let response = mirror.clone().oneshot(request).await.unwrap();
    let (status, body) = (response.status().as_u16(), to_bytes(response.into_body(), 1 << 20).await.unwrap());
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn whoami(mirror: &Router, token: &str) -> (u16, String) {
    answer(mirror, asking(Some(token.as_bytes()))).await
}

/// Starts a server on a free port; gives its URL.
async fn serve(app: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// What a service says to a token that is named after it.
fn scripted(token: &str, named: impl Fn(&str) -> String) -> Response {
    match token {
        "unknown" => StatusCode::UNAUTHORIZED.into_response(),
        "in its own words" => {
            let mut response = StatusCode::UNAUTHORIZED.into_response();
            response.extensions_mut().insert(ReasonPhrase::from_static(b"UNAUTHORIZED"));
            response
        }
        "gone" => StatusCode::NOT_FOUND.into_response(),
        "broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "moved" => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        "created" => (StatusCode::CREATED, named("amy")).into_response(),
        "nameless" => "{}".into_response(),
        "empty" => named("").into_response(),
        "long" => named(&"x".repeat(1025)).into_response(),
        "no json" => "<html>".into_response(),
        "endless" => vec![b' '; 2 << 20].into_response(),
        token => named(token.strip_prefix("token-").unwrap()).into_response(),
    }
}

async fn keystone() -> Router {
    let tokens = async |headers: HeaderMap| {
        assert_eq!(headers["x-auth-token"], headers["x-subject-token"]);
        let token = String::from_utf8_lossy(headers["x-auth-token"].as_bytes()).into_owned();
        scripted(&token, |name| format!(r#"{{"token": {{"user": {{"name": "{name}", "id": "1"}}}}}}"#))
    };
    let app = Router::new().route("/v3/auth/tokens", get(tokens)).route("/elsewhere", get(async || "{}"));
    let endpoint = serve(app).await.join("/v3/").unwrap();
    mirror(&with(Strategy::Keystone { endpoint }), None)
}

async fn keycloak() -> Router {
    let userinfo = async |headers: HeaderMap, body: Bytes| {
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        let form: Vec<_> = url::form_urlencoded::parse(&body).collect();
        let [(field, token)] = form.as_slice() else { panic!("{form:?}") };
        assert_eq!(field, "access_token");
        scripted(token, |name| format!(r#"{{"sub": "1", "preferred_username": "{name}"}}"#))
    };
    let app = Router::new().route("/auth/realms/my%20realm/protocol/openid-connect/userinfo", post(userinfo));
    let (endpoint, realm) = (serve(app).await, "my realm".to_owned());
    mirror(&with(Strategy::Keycloak { endpoint, realm }), None)
}

fn refused(service: &str, status: &str) -> (u16, String) {
    let title = format!("INVALID_{}_TOKEN", service.to_uppercase());
    let slug = title.to_lowercase().replace('_', "-");
    let problem = format!(
        r#"{{"type": "http://docs#{slug}", "title": "{title}", "status": 401, "detail": "Invalid {service} token (HTTP {status})"}}"#
    );
    (401, problem)
}

fn untitled(status: u16, detail: &str) -> (u16, String) {
    (status, format!(r#"{{"type": "about:blank", "status": {status}, "detail": "{detail}"}}"#))
}

#[tokio::test]
async fn a_token_is_its_users_who_the_service_says() {
    for (service, mirror) in [("Keystone", keystone().await), ("Keycloak", keycloak().await)] {
        assert_eq!(whoami(&mirror, "token-amy").await, (200, "amy".into()), "{service}");
        assert_eq!(whoami(&mirror, "token-a+b&c=d %").await, (200, "a+b&c=d %".into()), "{service}");
        assert_eq!(answer(&mirror, asking(None)).await, (200, "system:anonymous".into()));
        assert_eq!(whoami(&mirror, "").await, (200, "system:anonymous".into()));
    }
}

#[tokio::test]
async fn a_token_that_is_not_known_is_refused_in_the_words_of_the_service() {
    for (service, mirror) in [("Keystone", keystone().await), ("Keycloak", keycloak().await)] {
        for (token, status) in [
            ("unknown", "401 Unauthorized"),
            ("in its own words", "401 UNAUTHORIZED"),
            ("gone", "404 Not Found"),
            ("broken", "500 Internal Server Error"),
            ("moved", "302 Found"),
            ("created", "201 Created"),
        ] {
            assert_eq!(whoami(&mirror, token).await, refused(service, status));
        }
        let mut preflight = asking(Some(b"unknown"));
        *preflight.method_mut() = Method::OPTIONS;
        assert_eq!(answer(&mirror, preflight).await.0, 401);
    }
}

#[tokio::test]
async fn a_service_that_says_nothing_sensible_is_not_the_callers_fault() {
    for (service, mirror) in [("Keystone", keystone().await), ("Keycloak", keycloak().await)] {
        for token in ["nameless", "empty", "long", "no json", "endless"] {
            let unavailable =
                untitled(503, &format!("{service} cannot say who the caller is. Nothing was changed; try again."));
            assert_eq!(whoami(&mirror, token).await, unavailable, "{token}");
        }
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_said_to_be() {
    let endpoint: Url = "http://127.0.0.1:1".parse().unwrap();
    let mirror = mirror(&with(Strategy::Keystone { endpoint }), None);
    assert_eq!(
        whoami(&mirror, "token-amy").await,
        untitled(503, "Keystone cannot say who the caller is. Nothing was changed; try again.")
    );
    assert_eq!(answer(&mirror, asking(None)).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_waited_for_no_longer_than_ten_seconds() {
    let app = Router::new().fallback(async || std::future::pending::<()>().await);
    let mirror = mirror(&with(Strategy::Keystone { endpoint: serve(app).await }), None);
    let started = tokio::time::Instant::now();
    assert_eq!(whoami(&mirror, "token-amy").await.0, 503);
    assert!(started.elapsed() <= std::time::Duration::from_secs(11), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_token_of_any_bytes_reaches_the_service() {
    let anything = async |headers: HeaderMap| {
        assert_eq!(headers["x-auth-token"].as_bytes(), b"caf\xe9");
        StatusCode::UNAUTHORIZED
    };
    let endpoint = serve(Router::new().fallback(anything)).await;
    let keystone = mirror(&with(Strategy::Keystone { endpoint }), None);
    assert_eq!(answer(&keystone, asking(Some(b"caf\xe9"))).await, refused("Keystone", "401 Unauthorized"));

    let anything = async |body: String| {
        assert_eq!(body, "access_token=caf%E9");
        StatusCode::UNAUTHORIZED
    };
    let (endpoint, realm) = (serve(Router::new().fallback(anything)).await, "krake".to_owned());
    let keycloak = mirror(&with(Strategy::Keycloak { endpoint, realm }), None);
    assert_eq!(answer(&keycloak, asking(Some(b"caf\xe9"))).await, refused("Keycloak", "401 Unauthorized"));
}

#[tokio::test]
async fn with_a_fixed_name_nobody_is_asked_anything() {
    let fixed = Strategy::Fixed { name: "system".into() };
    let mirror = mirror(&Settings { strategy: fixed, ..settings() }, None);
    assert_eq!(whoami(&mirror, "whatever").await, (200, "system".into()));
    assert_eq!(answer(&mirror, asking(None)).await, (200, "system".into()));
}

#[tokio::test]
async fn without_any_way_in_only_preflights_pass() {
    let mirror = mirror(&settings(), None);
    let nobody = untitled(401, "401: No user has been authenticated.");
    assert_eq!(answer(&mirror, asking(None)).await, nobody);
    assert_eq!(whoami(&mirror, "Bearer x").await, nobody);
    let mut unknown = asking(None);
    *unknown.uri_mut() = "/no/such/route".parse().unwrap();
    assert_eq!(answer(&mirror, unknown).await, nobody);
    let mut preflight = asking(None);
    *preflight.method_mut() = Method::OPTIONS;
    assert_eq!(answer(&mirror, preflight).await, (200, "system:anonymous".into()));
}

#[tokio::test]
async fn a_certificate_counts_only_where_it_is_asked_for() {
    let certified = || {
        let mut request = asking(None);
        request.extensions_mut().insert(Certified("system:gc".into()));
        request
    };
    let trusting = mirror(&Settings { client_certificates: true, allow_anonymous: true, ..settings() }, None);
    assert_eq!(answer(&trusting, certified()).await, (200, "system:gc".into()));
    assert_eq!(answer(&trusting, asking(None)).await, (200, "system:anonymous".into()));
    let other = mirror(&Settings { allow_anonymous: true, ..settings() }, None);
    assert_eq!(answer(&other, certified()).await, (200, "system:anonymous".into()));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    install_crypto();
    let refused = |settings: &Settings| Authentication::new(settings, None).err();
    let endpoint: Url = "localhost:5000/v3".parse().unwrap();
    let error = refused(&with(Strategy::Keystone { endpoint }));
    assert!(matches!(error, Some(Error::Endpoint { scheme }) if scheme == "localhost"));
    let error = refused(&Settings { token_review: true, ..settings() });
    assert!(matches!(error, Some(Error::NoManagementCluster)));
}
