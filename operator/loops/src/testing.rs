//! An API server for tests of single calls: gives prepared answers, remembers what it was asked, and falls silent when
//! it has nothing to say.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "only tests use it"
)]

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use kube::{Client, client::Body};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    context::{Context, Given, Settings},
    outcome::Instruments,
};

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// What kind of body.
    pub content_type: String,
    /// The body; null if there is none.
    pub body: Value,
}

impl Call {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }
}

/// An HTTP status and a body; `None` is silence.
type Answer = Option<(u16, Value)>;

/// How calls are answered, and the calls so far.
#[derive(Clone)]
pub struct Server {
    answer: Arc<dyn Fn(&Call) -> Answer + Send + Sync>,
    calls: Arc<watch::Sender<Vec<Call>>>,
}

impl Server {
    /// A server that answers with these objects, in this order.
    pub fn answering(answers: impl IntoIterator<Item = Value>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect::<VecDeque<_>>());
        Self::deciding(move |_| answers.lock().unwrap().pop_front().map(|answer| (200, answer)))
    }

    /// A server that answers each call by itself.
    pub fn deciding(answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), calls: Arc::default() }
    }

    /// A client of this server.
    pub fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    /// What the loops of a leader share before this server, with full caches, and what keeps these up to date until it is
    /// dropped.
    pub async fn context(&self) -> (Arc<Context>, AbortOnDropHandle<()>) {
        self.context_with(&mut Registry::default()).await
    }

    /// As [`Self::context`]; the instruments are in this registry.
    pub async fn context_with(&self, registry: &mut Registry) -> (Arc<Context>, AbortOnDropHandle<()>) {
        let given = Given {
            client: self.client(),
            instance: "test".into(),
            instruments: Instruments::register(registry),
            settings: Settings::default(),
        };
        let (context, caches) = Context::start(given, CancellationToken::new());
        let pump = AbortOnDropHandle::new(tokio::spawn(caches));
        let synced = tokio::time::timeout(Duration::from_secs(10), context.synced()).await;
        assert!(synced.unwrap_or_else(|_| panic!("the caches are not filled: {:#?}", self.calls())));
        (Arc::new(context), pump)
    }

    /// What was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// What was asked until enough was.
    pub async fn until(&self, is_enough: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let mut calls = self.calls.subscribe();
        let awaited = calls.wait_for(|calls| is_enough(calls));
        let awaited = tokio::time::timeout(Duration::from_secs(10), awaited).await;
        awaited.unwrap_or_else(|_| panic!("not enough: {:#?}", self.calls())).unwrap().clone()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let content_type = request.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        let sent = request.into_body().collect_bytes().await.unwrap();
        let body = serde_json::from_slice(&sent).unwrap_or_default();
        let call = Call { method, uri, content_type: content_type.unwrap_or_default(), body };
        let answer = (self.answer)(&call);
        self.calls.send_modify(|calls| calls.push(call));
        let Some((status, answer)) = answer else { return std::future::pending().await };
        Response::builder().status(status).body(Body::from(serde_json::to_vec(&answer).unwrap())).unwrap()
    }
}
