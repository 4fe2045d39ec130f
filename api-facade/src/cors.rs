//! Which web pages may call us from a browser. Source: section 6.5 of the REST contract.
//!
//! Every known path answers preflight requests here, whoever the user is; unknown paths know no CORS.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::problem::Failure;

const METHODS: [&str; 5] = ["DELETE", "GET", "OPTIONS", "POST", "PUT"];

/// The pages that are let in: those of one origin, or of any with `*`.
#[derive(Clone, Debug)]
pub(crate) struct AllowedOrigin(Arc<str>);

impl AllowedOrigin {
    /// The origin, such as `http://example.com`, or `*`.
    #[must_use]
    pub(crate) fn new(origin: &str) -> Self {
        Self(origin.into())
    }

    fn admits(&self, origin: &HeaderValue) -> bool {
        &*self.0 == "*" || self.0.as_bytes() == origin.as_bytes()
    }
}

/// Tells the browser which answers the page may see.
pub(crate) async fn cors(State(allowed): State<AllowedOrigin>, request: Request, next: Next) -> Response {
    let is_concerned = is_known(&request) && request.method() != Method::OPTIONS;
    let origin = request.headers().get(ORIGIN).filter(|origin| is_concerned && allowed.admits(origin)).cloned();
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        admit(response.headers_mut(), origin);
    }
    response
}

/// Answers preflight requests.
pub(crate) async fn preflight(State(allowed): State<AllowedOrigin>, request: Request, next: Next) -> Response {
    if is_known(&request) && request.method() == Method::OPTIONS {
        return answer(&allowed, request.headers()).unwrap_or_else(IntoResponse::into_response);
    }
    next.run(request).await
}

/// Refuses paths in which a name or namespace is empty: axum takes them for those of a route.
pub(crate) async fn refuse_unknown(request: Request, next: Next) -> Response {
    if is_known(&request) { next.run(request).await } else { Failure::UnknownPath.into_response() }
}

fn is_known(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some() && !request.uri().path().contains("//")
}

fn admit(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
}

fn answer(allowed: &AllowedOrigin, headers: &HeaderMap) -> Result<Response, Failure> {
    let origin = headers.get(ORIGIN).ok_or_else(|| refused("origin header is not specified in the request"))?;
    let Some(method) = text(headers, &ACCESS_CONTROL_REQUEST_METHOD) else {
        return Err(refused("'Access-Control-Request-Method' header is not specified"));
    };
    let method = method.to_ascii_uppercase();
    let shown = origin.to_str().unwrap_or_default();
    if !allowed.admits(origin) {
        return Err(refused(&format!("origin '{shown}' is not allowed")));
    }
    if !METHODS.contains(&method.as_str()) {
        return Err(refused(&format!("request method '{method}' is not allowed for '{shown}' origin")));
    }
    let mut response = Response::default();
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    admit(answer, origin.clone());
    insert(answer, ACCESS_CONTROL_ALLOW_METHODS, &method);
    if let Some(names) = text(headers, &ACCESS_CONTROL_REQUEST_HEADERS) {
        insert(answer, ACCESS_CONTROL_ALLOW_HEADERS, &upper_cased_and_sorted(&names));
    }
    Ok(response)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Made of the values of request headers, so it is one; if not, the browser refuses, which is the safe side.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn upper_cased_and_sorted(names: &str) -> String {
    let mut names: Vec<_> = names.split(',').map(|name| name.trim().to_ascii_uppercase()).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names.join(",")
}

fn refused(cause: &str) -> Failure {
    Failure::Preflight(format!("CORS preflight request failed: {cause}"))
}
