//! Accepts connections and serves them, with bounds on everything a stranger can hold on to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::Instrument;

use crate::certificate::Certified;
use crate::stall::{self, StallGuard};
use crate::tls::Tls;

/// Each watch holds a connection; room for the 10,000 we are built for, and for everybody else.
const MAX_CONNECTIONS: usize = 12_000;
/// A handshake is two round trips. Who speaks plain HTTP to us never ends it.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// A request's head is small, and the first one follows at once. Who needs longer is stuck, or means harm.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// A request with more is answered with 431.
const MAX_HEADERS: usize = 100;
/// Room for a request's first line and headers: tokens of Keystone and Keycloak fill some kilobytes. Also what is read of
/// a body, or buffered of an answer, at a time. A request whose head is larger, by one more read at most, is answered with
/// 431.
const MAX_HEAD_BYTES: u16 = 48 << 10;
/// Requests that one connection of HTTP/2 may have under way: each may hold a whole answer, such as a list of all objects,
/// until the client takes it. Clients open further connections if they need more.
const MAX_STREAMS: u32 = 100;
/// A client that takes nothing for so long is cut off: it is a watcher that does not read, or is gone without a word.
const STALL_DEADLINE: Duration = Duration::from_secs(30);
/// Pause after a failed accept: mostly we are out of file descriptors, and trying harder does not make more.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` until stopped, then lets requests under way end within `drain`. With `tls`, by HTTPS and nothing else.
///
/// HTTP/1.1 and HTTP/2, which clients choose by ALPN, or over plain HTTP by just speaking it.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
    drain: Duration,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (draining, tasks) = (GracefulShutdown::new(), TaskTracker::new());
    while let Some((socket, peer, place)) = stop.run_until_cancelled(next(&listener, &places)).await {
        let connection = Connection { app: app.clone(), peer, watcher: draining.watcher(), _place: place };
        let served = connection.serve(socket, tls.clone(), stop.clone());
        tasks.spawn(served.instrument(tracing::debug_span!("connection")));
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

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return (socket, peer, place),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A client that is connected, and takes up a place as long as it is.
struct Connection {
    app: Router,
    peer: SocketAddr,
    watcher: Watcher,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    async fn serve(self, socket: TcpStream, tls: Option<Arc<Tls>>, stop: CancellationToken) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "events may be delayed");
        }
        if let Err(error) = stall::expect_answers(&socket, STALL_DEADLINE) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a client may go unnoticed");
        }
        let socket = StallGuard::new(socket, STALL_DEADLINE);
        match tls {
            None => self.serve_http(socket, None).await,
            Some(tls) => {
                let Some(stream) = stop.run_until_cancelled(handshake(&tls, socket)).await.flatten() else { return };
                let certificates = stream.get_ref().1.peer_certificates();
                let certified = certificates.and_then(<[_]>::first).and_then(Certified::by);
                self.serve_http(stream, certified).await;
            }
        }
    }

    async fn serve_http<S>(self, stream: S, certified: Option<Certified>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { app, peer, watcher, _place } = self;
        let asked = CancellationToken::new();
        let asking = asked.clone();
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            asking.cancel();
            let app = app.clone();
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(certified) = certified.clone() {
                request.extensions_mut().insert(certified);
            }
            async move {
                let answer = app.oneshot(request.map(Body::new)).await;
                Ok::<_, Infallible>(answer.unwrap_or_else(|never| match never {}))
            }
        });
        let connection = http().serve_connection(TokioIo::new(stream), service).into_owned();
        tokio::select! {
            ended = watcher.watch(connection) => if let Err(error) = ended {
                tracing::debug!(error = &*error, "connection ended");
            },
            () = silence(asked) => tracing::debug!("the client asked for nothing in time"),
        }
    }
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(tls: &Tls, socket: S) -> Option<TlsStream<S>> {
    match tokio::time::timeout(HANDSHAKE_DEADLINE, tls.accept(socket)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "the handshake failed"),
        Err(_) => tracing::debug!("the handshake did not end in time"),
    }
    None
}

/// Ends if the client has not asked for anything in time. Hyper waits for the first bytes without any limit.
async fn silence(asked: CancellationToken) {
    if tokio::time::timeout(HEADER_DEADLINE, asked.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES.into());
    http.http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES.into())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(MAX_STREAMS);
    http
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    /// How long a client is listened to that sends no more than this.
    async fn patience(sent: &[u8]) -> Duration {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve(listener, Router::new(), None, stop.clone(), Duration::ZERO));
        let started = Instant::now();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(sent).await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
        let waited = started.elapsed();
        stop.cancel();
        serving.await.unwrap();
        waited
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(4 * usize::from(MAX_HEAD_BYTES)));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(MAX_HEADERS + 1));
        for head in [long, many] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
            let serving = tokio::spawn(serve(listener, Router::new(), None, stop.clone(), Duration::ZERO));
            let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
            let mut answer = [0; 12];
            // The rest of what is refused may find nobody there any more.
            let (_, read) = tokio::join!(writer.write_all(head.as_bytes()), reader.read_exact(&mut answer));
            read.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 431");
            stop.cancel();
            serving.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_come_to_the_point_is_dropped() {
        for beginning in
            [b"".as_slice(), b"G", b"GET / HTTP/1.1\r\nhost:", b"PRI * HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        {
            let waited = patience(beginning).await;
            assert_eq!(waited.as_secs(), HEADER_DEADLINE.as_secs(), "{}", beginning.escape_ascii());
        }
    }
}
