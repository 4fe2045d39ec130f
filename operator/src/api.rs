//! The operator's own HTTP API: why is an application where it is, and what would happen if. It changes nothing.
//!
//! ```text
//! GET  /v1/namespaces/{namespace}/applications/{name}/placement     may: get applications/placement
//! POST /v1/namespaces/{namespace}/plan                              may: create plans
//! ```
//!
//! Callers show a bearer token of the management cluster, and may what its RBAC lets them do with these resources of
//! `kubernetes.krake.dev` (which exist for that alone). Namespaces have their Kubernetes names, everything in them its
//! Krake name or its Kubernetes name. Only the copy that leads has the caches to answer from; the Lease says where it is.

mod access;
mod failure;
mod placement;
mod plan;
mod snapshot;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::header::CONTENT_TYPE,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use krake_operator_loops::Context;
use kube::Client;
use serde::Serialize;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use self::failure::Failure;

/// The annotation of the Lease that says where the API of its holder is, e.g. `http://10.1.2.3:8082`.
pub(crate) const ANNOTATION: &str = "krake.dev/api";

/// Requests that are served at a time; each may hold a body and an answer.
const PLACES: usize = 16;

/// How long a request may take, the wait for a place included.
const DEADLINE: Duration = Duration::from_secs(8);

/// Plans that are made at a time: each keeps a core busy.
const PLANS: usize = 2;

/// Who leads: the context of the term, while there is one.
#[derive(Clone, Default)]
pub(crate) struct Leading(watch::Sender<Option<Arc<Context>>>);

/// Ends with the term.
pub(crate) struct Term(watch::Sender<Option<Arc<Context>>>);

impl Leading {
    /// Answers from this context until the term is dropped.
    pub(crate) fn begin(&self, context: Arc<Context>) -> Term {
        self.0.send_replace(Some(context));
        Term(self.0.clone())
    }

    fn context(&self) -> Result<Arc<Context>, Failure> {
        let context = self.0.borrow().clone().ok_or(Failure::NotLeading)?;
        if context.is_synced() { Ok(context) } else { Err(Failure::NotReady) }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

/// What the API is made of.
#[derive(Clone)]
pub(crate) struct Api {
    leading: Leading,
    client: Client,
    places: Arc<Semaphore>,
    plans: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(leading: Leading, client: Client) -> Self {
        let (places, plans) = (Arc::new(Semaphore::new(PLACES)), Arc::new(Semaphore::new(PLANS)));
        Self { leading, client, places, plans }
    }

    /// Every route.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/v1/namespaces/{namespace}/applications/{name}/placement", get(placement::get))
            .route("/v1/namespaces/{namespace}/plan", post(plan::post))
            .fallback(async || Failure::UnknownPath)
            .method_not_allowed_fallback(async || Failure::WrongMethod)
            .layer(from_fn_with_state(self.clone(), bound))
            .with_state(self)
    }
}

/// Where others reach the API, if they can: the address that was bound, or the given one if that is any.
pub(crate) fn advertised(bound: SocketAddr, given: Option<std::net::IpAddr>) -> Option<String> {
    let address = given.or_else(|| (!bound.ip().is_unspecified()).then(|| bound.ip()))?;
    Some(format!("http://{}", SocketAddr::new(address, bound.port())))
}

async fn bound(State(api): State<Api>, request: Request, next: Next) -> Response {
    let answer = async {
        match api.places.acquire().await {
            Ok(_place) => next.run(request).await,
            Err(_) => Failure::Late.into_response(),
        }
    };
    timeout(DEADLINE, answer).await.unwrap_or_else(|_| Failure::Late.into_response())
}

fn json(answer: &impl Serialize) -> Result<Response, Failure> {
    let body = serde_json::to_vec(answer).map_err(Failure::Unwritable)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

#[cfg(test)]
mod tests;
