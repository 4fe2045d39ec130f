//! Who asked for what, and what came of it: one line in the log per request, and the numbers of the instruments.
//!
//! The lines have the target `krake_api_facade::access` and the level debug, so a healthy idle system is silent; they are
//! shown with `RUST_LOG=info,krake_api_facade::access=debug`. They hold the path without its query, never a header or a
//! body. A watch is logged when it ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use tracing::Instrument;
use tracing::field::Empty;

use crate::authn::User;
use crate::instruments::{Asked, Instruments};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ones are not ids but an attempt to fill our logs.
const LONGEST_ID: usize = 128;

/// Who was found to be the caller, for those outside of what finds it out.
#[derive(Clone, Debug, Default)]
struct Caller(Arc<OnceLock<User>>);

/// Tells [`record`] who the caller is. Stands inside of the authentication.
pub(crate) async fn name_caller(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(Caller(caller)), Some(user)) = (extensions.get(), extensions.get::<User>()) {
        // Set once per request, so it cannot be set already.
        drop(caller.set(user.clone()));
    }
    next.run(request).await
}

/// Names, times, counts and logs every request. Stands outside of everything else.
pub(crate) async fn record(State(instruments): State<Instruments>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let id = identify(request.headers());
    let method = request.method().clone();
    let span = tracing::debug_span!("request", %method, route, request_id = id.to_str().ok(), user = Empty);
    let mut entry = Entry {
        asked: Asked::new(&method, route.as_deref()),
        path: request.uri().path().to_owned(),
        remote: request.extensions().get().map(|ConnectInfo(address)| *address),
        request_id: id.clone(),
        caller: Caller::default(),
        status: 0,
        received: Arc::default(),
        sent: 0,
        begun: Instant::now(),
        instruments,
    };
    request.extensions_mut().insert(entry.caller.clone());
    if !request.body().is_end_stream() {
        let received = entry.received.clone();
        request = request.map(|body| {
            counted(body, move |bytes| {
                received.fetch_add(bytes, Ordering::Relaxed);
            })
        });
    }
    let mut response = next.run(request).instrument(span).await;
    entry.answered(&response);
    response.headers_mut().insert(REQUEST_ID, id);
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    // The entry is written when the stream ends and is dropped.
    response.map(|body| counted(body, move |bytes| entry.add(bytes)))
}

/// The client's name for its request if it is a sane one, else one of ours.
fn identify(headers: &HeaderMap) -> HeaderValue {
    let is_sane =
        |id: &&HeaderValue| (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    headers.get(&REQUEST_ID).filter(is_sane).cloned().unwrap_or_else(|| {
        // Hexadecimal digits and dashes, so it is a value.
        HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("unnamed"))
    })
}

/// The same body, each piece of which is counted as it passes.
fn counted(body: Body, mut count: impl FnMut(u64) + Send + 'static) -> Body {
    Body::new(body.map_frame(move |frame| {
        count(frame.data_ref().map_or(0, Bytes::len) as u64);
        frame
    }))
}

/// A line of the log; written when it is dropped.
struct Entry {
    asked: Asked,
    path: String,
    remote: Option<SocketAddr>,
    request_id: HeaderValue,
    caller: Caller,
    status: u16,
    received: Arc<AtomicU64>,
    sent: u64,
    begun: Instant,
    instruments: Instruments,
}

impl Entry {
    fn add(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    fn answered(&mut self, response: &Response) {
        self.status = response.status().as_u16();
        self.instruments.answered(&self.asked, self.status, self.begun.elapsed());
        let received = self.received.load(Ordering::Relaxed);
        if received > 0 {
            self.instruments.received(&self.asked, received);
        }
        if let Some(bytes) = response.body().size_hint().exact() {
            self.sent = bytes;
            self.instruments.sent(&self.asked, bytes);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // A request whose client went away before there was an answer has no status.
        tracing::debug!(
            parent: None,
            method = self.asked.method(),
            route = self.asked.route(),
            path = self.path,
            status = self.status,
            duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            user = self.caller.0.get().map(|user| &*user.0),
            request_id = self.request_id.to_str().ok(),
            received_bytes = self.received.load(Ordering::Relaxed),
            bytes = self.sent,
            remote = self.remote.map(tracing::field::display),
            "request"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(value: &str) -> String {
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(value).unwrap())]);
        identify(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_sane_name_of_a_request_is_kept() {
        assert_eq!(id_of("build-17/step:3"), "build-17/step:3");
        assert_eq!(id_of(&"x".repeat(LONGEST_ID)), "x".repeat(LONGEST_ID));
    }

    #[test]
    fn other_requests_are_given_a_name_of_their_own() {
        for unfit in ["", "two words", "tab\tbed", &"x".repeat(LONGEST_ID + 1)] {
            assert_eq!(id_of(unfit).len(), 36, "{unfit}");
        }
        assert_ne!(identify(&HeaderMap::new()), identify(&HeaderMap::new()));
    }
}
