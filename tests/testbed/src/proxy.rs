//! A TCP proxy that misbehaves on demand: between us and an API server, or between the facade and etcd.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

const BUFFER_BYTES: usize = 16 * 1024;

/// What is wrong with the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// New connections are closed at once.
    pub refuse: bool,
    /// Nothing passes, and nobody is told: a network that swallows packets. What arrived meanwhile passes later.
    pub stall: bool,
    /// Each piece is held back for so long, in each direction.
    pub latency: Duration,
    /// Counts the times at which all open connections were cut.
    cuts: u64,
}

/// A proxy to one server, or to several in turn. It lives in the runtime of the test that made it, and ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy on a free port.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(upstream: SocketAddr) -> Result<Self> {
        Self::in_turn(vec![upstream]).await
    }

    /// Starts a proxy on a free port; each new connection goes to the next of the servers.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn in_turn(upstreams: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen as a proxy")?;
        let address = listener.local_addr().context("find the proxy's own address")?;
        let (faults, seen) = watch::channel(Faults::default());
        let acceptor = tokio::spawn(accept(listener, upstreams, seen));
        Ok(Self { address, faults, acceptor })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what is wrong.
    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// Cuts all open connections.
    pub fn cut(&self) {
        self.set(|faults| faults.cuts += 1);
    }

    /// Makes everything right again, for new connections and for stalled ones.
    pub fn heal(&self) {
        self.set(|faults| *faults = Faults { cuts: faults.cuts, ..Faults::default() });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, upstreams: Vec<SocketAddr>, faults: watch::Receiver<Faults>) {
    // Dropped together with this task, and all connections with it.
    let mut connections = JoinSet::new();
    for upstream in upstreams.into_iter().cycle() {
        let Ok((client, _)) = listener.accept().await else { return };
        while connections.try_join_next().is_some() {}
        if !faults.borrow().refuse {
            connections.spawn(relay(client, upstream, faults.clone()));
        }
    }
}

async fn relay(client: TcpStream, upstream: SocketAddr, mut faults: watch::Receiver<Faults>) {
    let cuts = faults.borrow().cuts;
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, faults.clone()) => {}
        () = pump(from_server, to_client, faults.clone()) => {}
        _ = faults.wait_for(|faults| faults.cuts != cuts) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut faults: watch::Receiver<Faults>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        let latency = faults.borrow().latency;
        tokio::time::sleep(latency).await;
        if faults.wait_for(|faults| !faults.stall).await.is_err() {
            return;
        }
        let Some(piece) = buffer.get(..length) else { return };
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// A server that sends back what it gets, and a proxy to it.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(send_back(stream));
            }
        });
        Proxy::start(upstream).await.unwrap()
    }

    async fn send_back(mut stream: TcpStream) {
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    }

    async fn say(stream: &mut TcpStream) -> std::io::Result<usize> {
        stream.write_all(b"hello").await?;
        stream.read(&mut [0; 5]).await
    }

    #[tokio::test]
    async fn a_healthy_proxy_passes_everything() {
        let proxy = echo().await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(say(&mut stream).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn connections_go_to_the_servers_in_turn() {
        let servers =
            [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
        let proxy = Proxy::in_turn(servers.iter().map(|server| server.local_addr().unwrap()).collect()).await.unwrap();
        for turn in [0, 1, 0] {
            let _client = TcpStream::connect(proxy.address()).await.unwrap();
            timeout(SOON, servers[turn].accept()).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_stalled_connection_stays_open_and_continues_when_healed() {
        let proxy = echo().await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.set(|faults| faults.stall = true);
        assert!(timeout(Duration::from_millis(200), say(&mut stream)).await.is_err());
        proxy.heal();
        assert_eq!(timeout(SOON, stream.read(&mut [0; 5])).await.unwrap().unwrap(), 5);
    }

    #[tokio::test]
    async fn a_cut_ends_open_connections_and_lets_new_ones_through() {
        let proxy = echo().await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        say(&mut stream).await.unwrap();
        proxy.cut();
        assert!(matches!(timeout(SOON, stream.read(&mut [0; 5])).await.unwrap(), Ok(0) | Err(_)));
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(say(&mut stream).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_refusing_proxy_closes_new_connections() {
        let proxy = echo().await;
        proxy.set(|faults| faults.refuse = true);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(matches!(timeout(SOON, say(&mut stream)).await.unwrap(), Ok(0) | Err(_)));
    }
}
