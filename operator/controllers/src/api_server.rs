//! An API server for tests of single calls: gives prepared answers in order, remembers what it was asked,
//! and falls silent when it has nothing left to say.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use kube::{Client, client::Body};
use serde_json::Value;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// HTTP method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) uri: String,
    /// What kind of body.
    pub(crate) content_type: String,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

/// Prepared answers and the calls so far.
#[derive(Clone, Default)]
pub(crate) struct Server {
    answers: Arc<Mutex<VecDeque<Value>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Server {
    /// A server that answers with these objects, in this order.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Value>) -> Self {
        let server = Self::default();
        server.answers.lock().unwrap().extend(answers);
        server
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    /// What was asked so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let content_type = request.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        let sent = request.into_body().collect_bytes().await.unwrap();
        let body = serde_json::from_slice(&sent).unwrap_or_default();
        let call = Call { method, uri, content_type: content_type.unwrap_or_default(), body };
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front();
        let Some(answer) = answer else { return std::future::pending().await };
        Response::new(Body::from(serde_json::to_vec(&answer).unwrap()))
    }
}
