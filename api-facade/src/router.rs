//! Every route of the API. Source: section 2 of the REST contract.

mod contents;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use http::header::AUTHORIZATION;
use krake_facade_wire::core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider, Role, RoleBinding};
use krake_facade_wire::infrastructure::{Cloud, GlobalCloud, GlobalInfrastructureProvider, InfrastructureProvider};
use krake_facade_wire::kubernetes::{Application, Cluster};
use krake_facade_wire::openstack::{MagnumCluster, Project};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;

use self::contents::{Contents, KindRoutes};
use crate::about;
use crate::access::{name_caller, record};
use crate::authn::{Authentication, authenticate};
use crate::authz::Authorizer;
use crate::cors::{AllowedOrigin, cors, preflight, refuse_unknown};
use crate::instruments::Instruments;
use crate::limits::{Limits, limit};
use crate::plan;
use crate::problem::{Documentation, Failure, crashed, render};
use crate::resource::Resource;
use crate::served::Served;
use crate::subresource::{complete, placement, retry, shutdown};

/// Makes what serves a kind.
pub(crate) trait Resources {
    /// What serves one kind; asked for once per kind.
    fn resource<K: Served>(&mut self) -> Resource<K>;
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
pub(crate) fn router(resources: &mut impl Resources, authorizer: &Authorizer, surroundings: Surroundings) -> Router {
    let Contents { router, routes: _ } = contents(resources, authorizer);
    surround(router.fallback(async || Failure::UnknownPath), surroundings)
}

/// The contents page of the API.
fn contents(resources: &mut impl Resources, authorizer: &Authorizer) -> Contents {
    Contents::new()
        .about("/", get(about::version), authorizer)
        .about("/me", get(about::me), authorizer)
        .about("/release", get(about::release), authorizer)
        .kind(resources, KindRoutes::<Role>::new())
        .kind(resources, KindRoutes::<RoleBinding>::new())
        .kind(resources, KindRoutes::<GlobalMetric>::new())
        .kind(resources, KindRoutes::<Metric>::new())
        .kind(resources, KindRoutes::<GlobalMetricsProvider>::new())
        .kind(resources, KindRoutes::<MetricsProvider>::new())
        .kind(resources, applications())
        .kind(resources, KindRoutes::<Cluster>::new().status().binding())
        .kind(resources, KindRoutes::<GlobalInfrastructureProvider>::new())
        .kind(resources, KindRoutes::<InfrastructureProvider>::new())
        .kind(resources, KindRoutes::<GlobalCloud>::new().status())
        .kind(resources, KindRoutes::<Cloud>::new().status())
        .kind(resources, KindRoutes::<Project>::new().status())
        .kind(resources, KindRoutes::<MagnumCluster>::new().status().binding())
}

fn applications() -> KindRoutes<Application> {
    let hooks = KindRoutes::new().status().binding().put("complete", put(complete::put));
    let contract = hooks.put("shutdown", put(shutdown::put)).put("retry", put(retry::put));
    contract.get("placement", get(placement::get)).ask("/plan", post(plan::post))
}

/// The layers, innermost first.
fn surround(routes: Router, surroundings: Surroundings) -> Router {
    let Surroundings { authentication, allowed_origin, documentation, instruments } = surroundings;
    routes
        .layer(from_fn(refuse_unknown))
        .layer(from_fn(name_caller))
        .layer(from_fn_with_state(allowed_origin.clone(), preflight))
        .layer(from_fn_with_state(authentication, authenticate))
        .layer(CatchPanicLayer::custom(crashed))
        .layer(from_fn_with_state(Limits::default(), limit))
        .layer(from_fn_with_state(allowed_origin, cors))
        .layer(from_fn_with_state(documentation, render))
        .layer(from_fn_with_state(instruments, record))
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
