//! Accepts connections and serves them, with bounds on everything a stranger can hold on to.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::Instrument;

use crate::stall::StallGuard;

/// Each watch holds a connection; room for the 10,000 we are built for, and for everybody else.
const MAX_CONNECTIONS: usize = 12_000;
/// A request's head is small. Who needs longer is stuck, or means harm.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long is cut off: it is a watcher that does not read, or is gone without a word.
const STALL_DEADLINE: Duration = Duration::from_secs(30);
/// Pause after a failed accept: mostly we are out of file descriptors, and trying harder does not make more.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` until stopped, then lets requests under way end within `drain`.
pub(crate) async fn serve(listener: TcpListener, app: Router, stop: CancellationToken, drain: Duration) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (draining, tasks) = (GracefulShutdown::new(), TaskTracker::new());
    while let Some((socket, place)) = stop.run_until_cancelled(next(&listener, &places)).await {
        let connection = connection(socket, app.clone(), draining.watcher(), place);
        tasks.spawn(connection.instrument(tracing::debug_span!("connection")));
    }
    drop(listener);
    tasks.close();
    let drained = async {
        draining.shutdown().await;
        tasks.wait().await;
    };
    if tokio::time::timeout(drain, drained).await.is_err() {
        tracing::warn!(connections = tasks.len(), "some requests did not end in time");
    }
}

async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return (socket, place),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, app: Router, watcher: Watcher, place: Option<OwnedSemaphorePermit>) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "events may be delayed");
    }
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(250);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(app.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    let io = TokioIo::new(StallGuard::new(socket, STALL_DEADLINE));
    let served = watcher.watch(http.serve_connection(io, service).into_owned()).await;
    if let Err(error) = served {
        tracing::debug!(error = &*error, "connection ended");
    }
    drop(place);
}
