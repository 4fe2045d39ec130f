//! HTTPS over real sockets.

use std::net::SocketAddr;

use axum::body::Body;
use axum::routing::any;
use axum::{Extension, Router};
use http::{Request, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::authority::{Authority, Issued};
use super::*;
use crate::{Certified, serve};

/// Tells a client whose certificate it has.
async fn whoami(certified: Option<Extension<Certified>>) -> String {
    certified.map_or_else(|| "nobody".to_owned(), |Extension(Certified(name))| name.to_string())
}

/// A server that tells clients whose certificate they have, with its files.
struct Server {
    root: Authority,
    directory: TempDir,
    tls: Arc<Tls>,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Server {
    /// Accepts the certificates of `clients`, if there is such an authority.
    async fn start(clients: Option<&Authority>) -> Self {
        let (root, directory) = (Authority::root("servers"), TempDir::new().unwrap());
        let settings = files(&directory, &root.server(), clients.map(Authority::pem).as_deref());
        let tls = Arc::new(Tls::load(settings).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let app = Router::new().route("/", any(whoami));
        tokio::spawn(serve(listener, app, Some(tls.clone()), stop.clone(), Duration::ZERO));
        Self { root, directory, tls, address, stop }
    }

    /// A client that trusts the server, and shows a chain of certificates if asked.
    async fn connect(
        &self,
        chain: Option<(&Issued, &[&Authority])>,
        (protocol, version): (&str, &'static SupportedProtocolVersion),
    ) -> io::Result<Connection> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der()).unwrap();
        let config = ClientConfig::builder_with_provider(ring::default_provider().into());
        let config = config.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots);
        let mut config = match chain {
            None => config.with_no_client_auth(),
            Some((own, above)) => {
                let chain = [own.der()].into_iter().chain(above.iter().map(|authority| authority.der())).collect();
                // Without a look at the certificate: that is for the server.
                let identity = CertifiedKey::new(chain, any_supported_type(&own.key_der()).unwrap());
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        config.alpn_protocols = vec![protocol.into()];
        let socket = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
        let server = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Connection { http: Http::start(stream, is_http2).await?, server: server.to_vec() })
    }

    /// Who the server takes such a client for.
    async fn whoami(&self, chain: Option<(&Issued, &[&Authority])>) -> io::Result<String> {
        self.connect(chain, ("http/1.1", &TLS13)).await?.http.get().await.map(|(_, user)| user)
    }

    async fn is_refused(&self, certificate: &Issued, version: &'static SupportedProtocolVersion) -> bool {
        match self.connect(Some((certificate, &[])), ("http/1.1", version)).await {
            // In TLS 1.3 clients hear of it only after they have sent their request.
            Ok(mut connection) => connection.http.get().await.is_err(),
            Err(_) => true,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Writes the files that settings name.
fn files(directory: &TempDir, server: &Issued, client_ca: Option<&str>) -> Settings {
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("tls.crt"), server.pem()).unwrap();
    std::fs::write(path("tls.key"), server.key_pem()).unwrap();
    let client_ca = client_ca.map(|content| {
        std::fs::write(path("ca.crt"), content).unwrap();
        path("ca.crt")
    });
    Settings { certificate: path("tls.crt"), key: path("tls.key"), client_ca }
}

struct Connection {
    http: Http,
    server: Vec<u8>,
}

enum Http {
    One(hyper::client::conn::http1::SendRequest<Body>),
    Two(hyper::client::conn::http2::SendRequest<Body>),
}

impl Http {
    async fn start(stream: tokio_rustls::client::TlsStream<TcpStream>, is_http2: bool) -> io::Result<Self> {
        let stream = TokioIo::new(stream);
        if is_http2 {
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
            let (sender, connection) = handshake.map_err(io::Error::other)?;
            tokio::spawn(connection);
            return Ok(Self::Two(sender));
        }
        let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self::One(sender))
    }

    async fn get(&mut self) -> io::Result<(Version, String)> {
        let request = Request::get("https://localhost/").header("host", "localhost").body(Body::empty()).unwrap();
        let answer: Result<http::Response<Incoming>, _> = match self {
            Self::One(sender) => sender.send_request(request).await,
            Self::Two(sender) => sender.send_request(request).await,
        };
        let answer = answer.map_err(io::Error::other)?;
        let version = answer.version();
        let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        Ok((version, String::from_utf8(body.to_vec()).unwrap()))
    }
}

#[tokio::test]
async fn a_certificate_of_the_authority_names_the_user() {
    let clients = Authority::root("clients");
    let server = Server::start(Some(&clients)).await;
    let admin = clients.client(Some("system:admin"));
    for version in [&TLS12, &TLS13] {
        let mut connection = server.connect(Some((&admin, &[])), ("http/1.1", version)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(connection.http.get().await.unwrap().1, "system:admin");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_an_intermediate_authority_counts_if_the_chain_is_shown() {
    let clients = Authority::root("clients");
    let hooks = clients.below("hooks");
    let server = Server::start(Some(&clients)).await;
    let hook = hooks.client(Some("system:complete-hook"));
    assert_eq!(server.whoami(Some((&hook, &[&hooks]))).await.unwrap(), "system:complete-hook");
    server.whoami(Some((&hook, &[]))).await.unwrap_err();
}

#[tokio::test]
async fn a_hook_certificate_of_the_original_krake_counts() {
    let clients = Authority::root("clients");
    let hooks = clients.below("hooks");
    let server = Server::start(Some(&clients)).await;
    let hook = hooks.client_of_version_four("system:complete-hook");
    for version in [&TLS12, &TLS13] {
        let mut connection = server.connect(Some((&hook, &[&hooks])), ("http/1.1", version)).await.unwrap();
        assert_eq!(connection.http.get().await.unwrap().1, "system:complete-hook");
    }
    let forged = Authority::root("clients").client_of_version_four("system:complete-hook");
    server.whoami(Some((&forged, &[]))).await.unwrap_err();
}

#[tokio::test]
async fn clients_without_a_certificate_or_a_name_are_nobody() {
    let clients = Authority::root("clients");
    let server = Server::start(Some(&clients)).await;
    assert_eq!(server.whoami(None).await.unwrap(), "nobody");
    assert_eq!(server.whoami(Some((&clients.client(None), &[]))).await.unwrap(), "nobody");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_the_handshake() {
    let clients = Authority::root("clients");
    let server = Server::start(Some(&clients)).await;
    let forged = Authority::root("clients").client(Some("system:admin"));
    for certificate in [forged, clients.expired_client("system:admin")] {
        assert!(server.is_refused(&certificate, &TLS12).await);
        assert!(server.is_refused(&certificate, &TLS13).await);
    }
}

#[tokio::test]
async fn without_an_authority_clients_are_not_asked() {
    let server = Server::start(None).await;
    let admin = Authority::root("clients").client(Some("system:admin"));
    assert_eq!(server.whoami(Some((&admin, &[]))).await.unwrap(), "nobody");
}

#[tokio::test]
async fn clients_choose_between_http_1_and_2() {
    let server = Server::start(None).await;
    for (protocol, version) in [("h2", Version::HTTP_2), ("http/1.1", Version::HTTP_11)] {
        for tls in [&TLS12, &TLS13] {
            let mut connection = server.connect(None, (protocol, tls)).await.unwrap();
            assert_eq!(connection.http.get().await.unwrap(), (version, "nobody".into()));
        }
    }
}

async fn what_comes_back(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end as well.
    socket.read_to_end(&mut answer).await.ok();
    answer
}

#[tokio::test]
async fn plain_http_is_dropped() {
    let server = Server::start(None).await;
    let answer = what_comes_back(server.address, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.len() < 10, "{answer:?}");
    assert_eq!(server.whoami(None).await.unwrap(), "nobody");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_shake_hands_is_dropped() {
    let server = Server::start(None).await;
    let started = tokio::time::Instant::now();
    assert_eq!(what_comes_back(server.address, b"").await, b"");
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn changed_certificates_are_for_new_connections() {
    let old = Authority::root("old clients");
    let server = Server::start(Some(&old)).await;
    let user = old.client(Some("system:admin"));
    let mut before = server.connect(Some((&user, &[])), ("h2", &TLS13)).await.unwrap();

    let (new, certificate) = (Authority::root("new clients"), server.root.server());
    files(&server.directory, &certificate, Some(&new.pem()));
    let seen = server.tls.look(server.tls.loaded).await;
    assert_ne!(seen, server.tls.loaded);

    let mut after = server.connect(Some((&new.client(Some("amy")), &[])), ("h2", &TLS13)).await.unwrap();
    assert_eq!(after.http.get().await.unwrap().1, "amy");
    assert_eq!(after.server, certificate.der().to_vec());
    assert_ne!(before.server, after.server);
    assert_eq!(before.http.get().await.unwrap().1, "system:admin");
    server.whoami(Some((&user, &[]))).await.unwrap_err();
}

#[tokio::test]
async fn files_that_are_broken_change_nothing_until_they_are_good_again() {
    let server = Server::start(None).await;
    let settings = server.tls.settings.clone();
    let (good, other) = (std::fs::read(&settings.key).unwrap(), server.root.server());
    let mut seen = server.tls.loaded;
    for broken in [Some("nonsense".to_owned()), Some(other.key_pem()), None] {
        match broken {
            Some(content) => std::fs::write(&settings.key, content).unwrap(),
            None => std::fs::remove_file(&settings.key).unwrap(),
        }
        let now = server.tls.look(seen).await;
        assert_ne!(now, seen);
        assert_eq!(server.tls.look(now).await, now);
        assert_eq!(server.whoami(None).await.unwrap(), "nobody");
        seen = now;
    }
    std::fs::write(&settings.key, good).unwrap();
    assert_eq!(server.tls.look(seen).await, server.tls.loaded);
    assert_eq!(server.whoami(None).await.unwrap(), "nobody");
}

#[tokio::test(start_paused = true)]
async fn the_files_are_looked_at_again_and_again_until_the_end() {
    let server = Server::start(None).await;
    let stop = CancellationToken::new();
    let (tls, token) = (server.tls.clone(), stop.clone());
    let following = tokio::spawn(async move { tls.follow(LOOK_INTERVAL, token).await });
    let mut changed = server.tls.config.subscribe();
    for _ in 0..2 {
        files(&server.directory, &server.root.server(), None);
        changed.changed().await.unwrap();
    }
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn files_that_are_wrong_from_the_start_are_named() {
    let directory = TempDir::new().unwrap();
    let root = Authority::root("everybody");
    let (server, other) = (root.server(), root.server());
    let good = files(&directory, &server, Some(&root.pem()));
    let broken_pem = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned();
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let long = "x".repeat((1 << 20) + 1);
    for (name, content, expected) in [
        ("tls.crt", None, "reading"),
        ("tls.crt", Some(long), "reading"),
        ("tls.crt", Some(String::new()), "holds no certificate"),
        ("tls.crt", Some(broken_pem.clone()), "is not PEM"),
        ("tls.crt", Some(no_certificate.clone()), "cannot be used with"),
        ("tls.key", Some(server.pem().to_owned()), "holds no private key"),
        ("tls.key", Some(other.key_pem()), "cannot be used with"),
        ("ca.crt", Some("authorities".into()), "holds no certificate"),
        ("ca.crt", Some(broken_pem), "is not PEM"),
        ("ca.crt", Some(no_certificate), "cannot be the one of an authority"),
    ] {
        files(&directory, &server, Some(&root.pem()));
        let path = directory.path().join(name);
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = Tls::load(good.clone()).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
}
