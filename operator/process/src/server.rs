//! A small HTTP server for programs that know what they ask: one request a connection, and bounds on all that a stranger
//! can hold on to. It speaks plain HTTP.
//!
//! How much a request may cost is up to the routes; here is only how long a connection may live, and how many there are.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderValue, header::CONNECTION},
    middleware::map_response,
    response::Response,
    serve::Listener,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

/// Connections at a time. Who comes later waits to be accepted.
const MAX_CONNECTIONS: usize = 64;

/// How long a connection lives, with its one request and the answer.
const LIFETIME: Duration = Duration::from_secs(30);

/// How long an answer may still take after the process was asked to end.
const DRAIN: Duration = Duration::from_secs(2);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("binding the address {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system answered.
        source: io::Error,
    },
    /// The listening socket broke while serving.
    #[error("serving the address")]
    Serve(#[source] io::Error),
}

/// A server that is bound but not yet serving.
#[derive(Debug)]
pub struct Server {
    listener: Bounded,
    address: SocketAddr,
}

impl Server {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Bind`] when the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let refused = |source| Error::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let bounds = Bounds { connections: MAX_CONNECTIONS, lifetime: LIFETIME };
        Ok(Self { listener: Bounded::new(listener, bounds), address })
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
    pub async fn run(self, router: Router, stop: CancellationToken) -> Result<(), Error> {
        let serving = axum::serve(self.listener, router.layer(map_response(last)));
        let serving = serving.with_graceful_shutdown(stop.clone().cancelled_owned());
        let drained = async {
            stop.cancelled().await;
            sleep(DRAIN).await;
        };
        tokio::select! {
            ended = serving => ended.map_err(Error::Serve),
            () = drained => Ok(()),
        }
    }
}

/// No further request comes on this connection, so none is cut off by its end.
async fn last(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    connections: usize,
    lifetime: Duration,
}

/// Accepts no more connections than may be open.
#[derive(Debug)]
struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    lifetime: Duration,
}

impl Bounded {
    fn new(listener: TcpListener, bounds: Bounds) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(bounds.connections)), lifetime: bounds.lifetime }
    }
}

impl Listener for Bounded {
    type Io = Mortal;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Mortal, SocketAddr) {
        // The semaphore is never closed, so there is always a permit.
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        (Mortal { stream, end: Box::pin(sleep(self.lifetime)), _place: place }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends in time, whatever its client does.
struct Mortal {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Mortal {
    fn lives(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        match self.end.as_mut().poll(context) {
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl AsyncRead for Mortal {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.lives(context)?.poll_read(context, into)
    }
}

impl AsyncWrite for Mortal {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.lives(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lives(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lives(context)?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn server(bounds: Bounds) -> SocketAddr {
        let Server { listener, address } = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let server = Server { listener: Bounded::new(listener.listener, bounds), address };
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(server.run(router, CancellationToken::new()));
        address
    }

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_is_for_one_request() {
        let address = server(Bounds { connections: 1, lifetime: LIFETIME }).await;
        for _ in 0..2 {
            let answer = ask(address).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("here"), "{answer}");
            assert!(answer.contains("connection: close"), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_makes_room_for_others() {
        let address = server(Bounds { connections: 1, lifetime: Duration::from_millis(100) }).await;
        let _silent = TcpStream::connect(address).await.unwrap();
        assert!(ask(address).await.ends_with("here"));
    }

    #[tokio::test]
    async fn ends_when_stopped() {
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(server.run(Router::new(), stop.clone()));
        stop.cancel();
        running.await.unwrap().unwrap();
    }
}
