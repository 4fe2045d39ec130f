//! Hollow target clusters: one HTTPS server that answers for all of them, each under `/clusters/<number>`.
//!
//! ```text
//! request ──▶ asked (what does the path mean?) ──▶ store (the objects of one cluster) ──▶ answer, or watch
//! ```
//!
//! A load target and nothing else. It answers exactly the calls that the operator's crate for targets makes, keeps objects
//! as they were given, and calls every Deployment ready at once. It checks nothing, defaults nothing and owns nothing, so
//! that it proves nothing about correctness: no test of behaviour may use it. Those run on real clusters.

mod answer;
mod asked;
mod store;
mod watch;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::Method,
    response::{IntoResponse, Response},
};
use krake_facade_transport::tls::{Settings, Tls};
use krake_testbed::{certificates::Authority, kubeconfig::Kubeconfig};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use answer::{Refusal, View};
use asked::Asked;
use store::Store;

/// As much as etcd stores for one object.
const LARGEST_BODY: usize = 1536 * 1024;

/// Who all clients say they are. Nobody looks.
const TOKEN: &str = "hollow";

/// The clusters; the server ends with this value.
pub struct Hollow {
    base: String,
    authority: String,
    clusters: Arc<Clusters>,
    _stop: DropGuard,
}

struct Clusters {
    stores: Vec<Arc<Store>>,
    reads: AtomicU64,
}

impl Hollow {
    /// Serves this many clusters on a free loopback port, over TLS, as real clusters are: what a connection costs the
    /// operator is part of what is measured. The server's certificate and key are written to `dir`.
    ///
    /// # Errors
    /// When the files cannot be written or there is no port.
    pub async fn start(count: usize, dir: &Path) -> Result<Self> {
        let authority = Authority::new("hollow clusters")?;
        let [certificate, key] = authority.server()?.write(dir, "hollow")?;
        let tls = Tls::load(Settings { certificate, key, client_ca: None }).await.context("load the certificate")?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen for the hollow clusters")?;
        let base = format!("https://{}", listener.local_addr()?);
        let stores = (0..count).map(|_| Arc::new(Store::with_node())).collect();
        let clusters = Arc::new(Clusters { stores, reads: AtomicU64::new(0) });
        let app = Router::new().fallback(serve).with_state(clusters.clone());
        let stop = CancellationToken::new();
        let serving = krake_facade_transport::serve(listener, app, Some(Arc::new(tls)), stop.clone(), Duration::ZERO);
        tokio::spawn(serving);
        Ok(Self { base, authority: authority.pem(), clusters, _stop: stop.drop_guard() })
    }

    /// The kubeconfig of the cluster with this number, counted from 0.
    #[must_use]
    pub fn kubeconfig(&self, number: usize) -> Kubeconfig {
        let server = format!("{}/clusters/{number}", self.base);
        Kubeconfig::with_token(&format!("hollow-{number}"), &server, &self.authority, TOKEN)
    }

    /// How many objects were read one by one, on all clusters together, since the start.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.clusters.reads.load(Ordering::Relaxed)
    }
}

async fn serve(State(clusters): State<Arc<Clusters>>, request: Request) -> Response {
    clusters.answer(request).await.unwrap_or_else(IntoResponse::into_response)
}

impl Clusters {
    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        let view = View::of(&head.headers);
        let (number, asked) = asked::read(&head.uri).ok_or_else(|| Refusal::no_path(head.uri.path()))?;
        let store = self.stores.get(number).ok_or_else(|| Refusal::no_path(head.uri.path()))?;
        match (head.method, asked) {
            (Method::GET, Asked::Document(document)) => Ok(answer::json(&document)),
            (Method::GET, Asked::Collection(collection)) if collection.watch => {
                let events = watch::stream(store.clone(), collection, view);
                Ok(answer::stream(Body::from_stream(events)))
            }
            (Method::GET, Asked::Collection(collection)) => {
                let (objects, revision) = store.list(&collection);
                Ok(answer::json(&view.list(collection.kind, &objects, revision)))
            }
            (Method::GET, Asked::Object(target)) => {
                self.reads.fetch_add(1, Ordering::Relaxed);
                let found = store.get(&target).ok_or_else(|| Refusal::no_object(&target))?;
                Ok(answer::json(&view.object(&found)))
            }
            (Method::PATCH, Asked::Object(target)) => {
                let is_apply = answer::is_apply(&head.headers);
                let given = json_body(body).await?;
                let stored = if is_apply { store.apply(&target, given) } else { store.amend(&target, &given)? };
                Ok(answer::json(&view.object(&stored)))
            }
            (Method::DELETE, Asked::Object(target)) => {
                store.delete(&target)?;
                Ok(answer::json(&answer::deleted(&target)))
            }
            _ => Err(Refusal::no_method()),
        }
    }
}

async fn json_body(body: Body) -> Result<Value, Refusal> {
    let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| Refusal::bad_body())?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::bad_body())
}

#[cfg(test)]
mod tests;
