//! The admin server: `/healthz`, `/readyz` and `/metrics`, on its own address.
//!
//! Started by `assemble.rs` of both binaries before anything else, so that a process that waits can say what it
//! waits for. It serves no object and asks nobody anything.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::readiness::Readiness;

/// What the `OpenMetrics` text format is called.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long an answer may still take after the process was asked to end.
const DRAIN: Duration = Duration::from_secs(2);

/// Why the admin server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("binding the admin address {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The listening socket broke while serving.
    #[error("serving the admin address")]
    Serve(#[source] std::io::Error),
}

/// An admin server that is bound but not yet serving.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    shown: Shown,
}

#[derive(Clone, Debug)]
struct Shown {
    readiness: Readiness,
    registry: Arc<Registry>,
}

impl Admin {
    /// Binds the address; port 0 takes a free one. All instruments must be registered before.
    ///
    /// # Errors
    /// [`Error::Bind`] when the address cannot be had.
    pub async fn bind(address: SocketAddr, readiness: Readiness, registry: Arc<Registry>) -> Result<Self, Error> {
        let refused = |source| Error::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, shown: Shown { readiness, registry } })
    }

    /// The address that was bound, with its real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled, then ends within two seconds.
    ///
    /// # Errors
    /// [`Error::Serve`] when the listening socket breaks.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        tracing::info!(address = %self.address, "serving health, readiness and instruments");
        let serving = axum::serve(self.listener, router(self.shown));
        let serving = serving.with_graceful_shutdown(stop.clone().cancelled_owned());
        let drained = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            ended = serving => ended.map_err(Error::Serve),
            () = drained => Ok(()),
        }
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        // An answer at all proves that the event loop turns; nothing else may fail a liveness probe.
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(instruments))
        .with_state(shown)
}

async fn ready(State(shown): State<Shown>) -> (StatusCode, String) {
    match shown.readiness.pending() {
        pending if pending.is_empty() => (StatusCode::OK, "ok\n".to_owned()),
        pending => (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", pending.join(", "))),
    }
}

async fn instruments(State(shown): State<Shown>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &shown.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(std::fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use prometheus_client::metrics::counter::Counter;
    use tower::ServiceExt;

    use super::*;

    async fn answer(shown: Shown, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(shown).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 64 * 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn shown() -> Shown {
        Shown { readiness: Readiness::new(), registry: Arc::new(Registry::default()) }
    }

    #[tokio::test]
    async fn an_unready_process_says_what_it_waits_for() {
        let shown = shown();
        let caches = shown.readiness.hold("caches");
        let (status, body) = answer(shown.clone(), "/readyz").await;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "waiting for caches\n"));
        caches.release();
        assert_eq!(answer(shown, "/readyz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_unready_process_is_alive() {
        let shown = shown();
        let _caches = shown.readiness.hold("caches");
        assert_eq!(answer(shown, "/healthz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn registered_instruments_are_shown() {
        let mut registry = Registry::with_prefix("krake");
        let passes = Counter::<u64>::default();
        registry.register("passes", "Passes made", passes.clone());
        passes.inc_by(3);
        let shown = Shown { readiness: Readiness::new(), registry: Arc::new(registry) };
        let (status, body) = answer(shown, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("krake_passes_total 3"), "{body}");
    }

    #[tokio::test]
    async fn ends_when_stopped() {
        let shown = shown();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let admin = Admin::bind(free, shown.readiness, shown.registry).await.unwrap();
        assert_ne!(admin.address().port(), 0);
        let stop = CancellationToken::new();
        let running = tokio::spawn(admin.run(stop.clone()));
        stop.cancel();
        running.await.unwrap().unwrap();
    }
}
