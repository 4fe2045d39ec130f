//! A gate before an API server. Everything passes, but the reads of one collection, which fail when told to.
//!
//! ```text
//! operator ──TLS──▶ gate ──TLS──▶ kube-apiserver
//! ```

mod encrypted;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use axum::{
    BoxError, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, stream};
use http::{Method, StatusCode, header};
use reqwest::Certificate;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use url::Url;

use self::encrypted::Encrypted;
use crate::{certificates::Authority, kubeconfig::Kubeconfig};

/// As much as an API server takes of a request. The gate answers 413 to more.
const LARGEST_BODY: usize = 3 << 20;

/// How the reads of a collection fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// New lists and watches get 500, 503 and half an answer, in turn. Open watches are told 410: too old.
    Expired,
    /// As [`Self::Expired`], but open watches break off without a word.
    BrokenOff,
    /// As [`Self::Expired`], but lists get one object before the rest fails.
    AfterFirstPage,
}

/// The gate lives in the runtime of the test that made it; nobody enters any more once it is dropped.
#[derive(Debug)]
pub struct Gate {
    door: Arc<Door>,
    kubeconfig: Kubeconfig,
    entry: JoinHandle<()>,
}

#[derive(Debug)]
struct Door {
    client: reqwest::Client,
    server: Url,
    fault: watch::Sender<Option<Fault>>,
    refusals: AtomicUsize,
}

#[derive(Clone, Debug)]
struct Fault {
    /// The beginning of the paths of its API group, and the end of those of the collection.
    path: [String; 2],
    failure: Failure,
}

impl Gate {
    /// Starts a gate on a free port, before the server of this kubeconfig and for its user.
    ///
    /// # Errors
    /// When it cannot listen, or the kubeconfig holds no authority or token.
    pub async fn start(user: &Kubeconfig) -> Result<Self> {
        let (authority, listener) = (Authority::new("gate")?, TcpListener::bind("127.0.0.1:0").await?);
        let address = listener.local_addr().context("find the gate's own address")?;
        let token = user.value().pointer("/users/0/user/token").and_then(Value::as_str).context("find a token")?;
        let kubeconfig = Kubeconfig::with_token("gate", &format!("https://{address}"), &authority.pem(), token);
        let trusted = Certificate::from_pem(&authority_of(user)?).context("read the server's authority")?;
        let door = Arc::new(Door {
            client: crate::http::builder().tls_certs_only([trusted]).build().context("build an HTTP client")?,
            server: Url::parse(user.server()).context("read the server's address")?,
            fault: watch::Sender::default(),
            refusals: AtomicUsize::new(0),
        });
        let app = Router::new().fallback(enter).with_state(door.clone());
        let encrypted = Encrypted::new(listener, &authority)?;
        let entry = tokio::spawn(async move { axum::serve(encrypted, app).await.unwrap_or_default() });
        Ok(Self { door, kubeconfig, entry })
    }

    /// Leads the same user through the gate.
    #[must_use]
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// Makes the reads of this collection fail, and no others; `resource` is its full name, as kubectl knows it. Single
    /// objects can be read still. Counts refusals anew.
    pub fn fail(&self, resource: &str, failure: Failure) {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        self.door.refusals.store(0, Ordering::Relaxed);
        let path = [format!("/apis/{group}/"), format!("/{plural}")];
        self.door.fault.send_replace(Some(Fault { path, failure }));
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        self.door.fault.send_replace(None);
    }

    /// How many requests did not get an answer since the reads were made to fail.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.door.refusals.load(Ordering::Relaxed)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.entry.abort();
    }
}

fn authority_of(user: &Kubeconfig) -> Result<Vec<u8>> {
    let data = user.value().pointer("/clusters/0/cluster/certificate-authority-data").and_then(Value::as_str);
    STANDARD.decode(data.context("find the server's authority")?).context("read the server's authority")
}

async fn enter(State(door): State<Arc<Door>>, request: Request) -> Response {
    let answer = door.answer(request).await;
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response())
}

impl Door {
    async fn answer(self: Arc<Self>, request: Request) -> Result<Response> {
        let (mut head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
            return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        };
        let mut url = self.server.clone();
        url.set_path(head.uri.path());
        url.set_query(head.uri.query());
        let asks_for = |member: &str| url.query_pairs().any(|(name, _)| name == member);
        let (is_watch, is_later_page) = (asks_for("watch"), asks_for("continue"));
        let fault =
            self.fault.borrow().clone().filter(|fault| fault.concerns(url.path()) && head.method == Method::GET);
        match fault.map(|fault| fault.failure) {
            Some(Failure::AfterFirstPage) if !is_watch && !is_later_page => shorten(&mut url),
            Some(_) => return Ok(self.refuse()),
            None => {}
        }
        for ours in [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
            head.headers.remove(ours);
        }
        let path = url.path().to_owned();
        let passed = self.client.request(head.method, url).headers(head.headers).body(body).send().await?;
        let (mut head, body) = http::Response::from(passed).into_parts();
        for ours in [header::TRANSFER_ENCODING, header::CONNECTION] {
            head.headers.remove(ours);
        }
        let body = Body::new(body);
        Ok(Response::from_parts(head, if is_watch { self.until_failure(path, body) } else { body }))
    }

    fn refuse(&self) -> Response {
        let status = match self.refusals.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => StatusCode::INTERNAL_SERVER_ERROR,
            1 => StatusCode::SERVICE_UNAVAILABLE,
            _ => return half_an_answer(),
        };
        (status, axum::Json(answer(status, "InternalError"))).into_response()
    }

    /// What a watch tells until it fails, and how it fails.
    fn until_failure(self: Arc<Self>, path: String, events: Body) -> Body {
        Body::from_stream(stream::unfold(Some(events.into_data_stream()), move |open| {
            let (mut fault, path) = (self.fault.subscribe(), path.clone());
            async move {
                let mut events = open?;
                tokio::select! {
                    piece = events.next() => Some((piece?.map_err(BoxError::from), Some(events))),
                    failure = failure_of(&mut fault, &path) => Some((last_words(failure?), None)),
                }
            }
        }))
    }
}

impl Fault {
    fn concerns(&self, path: &str) -> bool {
        let [group, collection] = &self.path;
        path.starts_with(group) && path.ends_with(collection)
    }
}

async fn failure_of(fault: &mut watch::Receiver<Option<Fault>>, path: &str) -> Option<Failure> {
    let concerns = |fault: &Option<Fault>| fault.as_ref().is_some_and(|fault| fault.concerns(path));
    fault.wait_for(concerns).await.ok()?.as_ref().map(|fault| fault.failure)
}

fn half_an_answer() -> Response {
    let half = Bytes::from_static(br#"{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":"1"},"items":["#);
    let rest = async {
        // The half is sent meanwhile.
        tokio::task::yield_now().await;
        Err(broken_off())
    };
    Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(rest))).into_response()
}

fn last_words(failure: Failure) -> Result<Bytes, BoxError> {
    if failure == Failure::BrokenOff {
        return Err(broken_off());
    }
    let event = json!({ "type": "ERROR", "object": answer(StatusCode::GONE, "Expired") });
    Ok(format!("{event}\n").into())
}

fn broken_off() -> BoxError {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}

fn answer(status: StatusCode, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused at the gate", "reason": reason, "code": status.as_u16(),
    })
}

/// Asks for pages of one object.
fn shorten(url: &mut Url) {
    let others: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "limit").collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("limit", "1");
}

#[cfg(test)]
mod tests;
