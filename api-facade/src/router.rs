//! Every route of the API. Source: section 2 of the REST contract.

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, put};
use krake_facade_wire::kubernetes::{Application, Cluster};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::about;
use crate::authn::{Authentication, authenticate};
use crate::cors::{AllowedOrigin, cors};
use crate::instruments::{Instruments, measure};
use crate::problem::{Documentation, Failure, crashed, render};
use crate::resource::{Resource, create, delete, list, read, update};
use crate::served::Served;
use crate::subresource::binding::Bindable;
use crate::subresource::{binding, complete, retry, shutdown, status};

/// All kinds that are served.
pub(crate) struct Kinds {
    /// `/kubernetes/…/applications`
    pub(crate) applications: Resource<Application>,
    /// `/kubernetes/…/clusters`
    pub(crate) clusters: Resource<Cluster>,
}

/// What surrounds every route.
pub(crate) struct Surroundings {
    /// How users are told apart.
    pub(crate) authentication: Authentication,
    /// Which web pages may call.
    pub(crate) allowed_origin: AllowedOrigin,
    /// Where problems are explained.
    pub(crate) documentation: Documentation,
    /// Who counts.
    pub(crate) instruments: Instruments,
}

/// The API.
pub(crate) fn router(kinds: Kinds, surroundings: Surroundings) -> Router {
    let routes = Router::new().merge(about()).merge(applications(kinds.applications)).merge(clusters(kinds.clusters));
    surround(routes.fallback(async || Failure::UnknownPath), surroundings)
}

fn about() -> Router {
    Router::new()
        .route("/", readable(get(about::version)))
        .route("/me", readable(get(about::me)))
        .route("/release", readable(get(about::release)))
}

fn applications(kind: Resource<Application>) -> Router {
    Router::new()
        .route("/kubernetes/applications", everywhere())
        .route("/kubernetes/namespaces/{namespace}/applications", collection())
        .route("/kubernetes/namespaces/{namespace}/applications/{name}", item())
        .route("/kubernetes/namespaces/{namespace}/applications/{name}/status", status_of())
        .route("/kubernetes/namespaces/{namespace}/applications/{name}/binding", binding_of())
        .route("/kubernetes/namespaces/{namespace}/applications/{name}/complete", writable(put(complete::put)))
        .route("/kubernetes/namespaces/{namespace}/applications/{name}/shutdown", writable(put(shutdown::put)))
        .route("/kubernetes/namespaces/{namespace}/applications/{name}/retry", writable(put(retry::put)))
        .with_state(kind)
}

fn clusters(kind: Resource<Cluster>) -> Router {
    Router::new()
        .route("/kubernetes/clusters", everywhere())
        .route("/kubernetes/namespaces/{namespace}/clusters", collection())
        .route("/kubernetes/namespaces/{namespace}/clusters/{name}", item())
        .route("/kubernetes/namespaces/{namespace}/clusters/{name}/status", status_of())
        .route("/kubernetes/namespaces/{namespace}/clusters/{name}/binding", binding_of())
        .with_state(kind)
}

/// The objects of all namespaces.
fn everywhere<K: Served>() -> MethodRouter<Resource<K>> {
    readable(get(list::<K>))
}

fn collection<K: Served>() -> MethodRouter<Resource<K>> {
    get(list::<K>).post(create::<K>).fallback(async || Failure::WrongMethod("GET,HEAD,OPTIONS,POST"))
}

fn item<K: Served>() -> MethodRouter<Resource<K>> {
    let methods = get(read::<K>).put(update::<K>).delete(delete::<K>);
    methods.fallback(async || Failure::WrongMethod("DELETE,GET,HEAD,OPTIONS,PUT"))
}

fn status_of<K: Served>() -> MethodRouter<Resource<K>> {
    writable(put(status::put::<K>))
}

fn binding_of<K: Bindable>() -> MethodRouter<Resource<K>> {
    writable(put(binding::put::<K>))
}

fn readable<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>) -> MethodRouter<S> {
    methods.fallback(async || Failure::WrongMethod("GET,HEAD,OPTIONS"))
}

fn writable<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>) -> MethodRouter<S> {
    methods.fallback(async || Failure::WrongMethod("OPTIONS,PUT"))
}

/// The layers, innermost first.
fn surround(routes: Router, surroundings: Surroundings) -> Router {
    let Surroundings { authentication, allowed_origin, documentation, instruments } = surroundings;
    routes
        .layer(from_fn_with_state(authentication, authenticate))
        .layer(CatchPanicLayer::custom(crashed))
        .layer(from_fn_with_state(allowed_origin, cors))
        .layer(from_fn_with_state(documentation, render))
        .layer(from_fn_with_state(instruments, measure))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_failure(()))
}

/// Without query and body: both may hold secrets.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str);
    tracing::debug_span!("request", method = %request.method(), route, user = tracing::field::Empty)
}

#[cfg(test)]
mod tests;
