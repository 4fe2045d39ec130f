//! Bounds on how many requests are under way at a time, and for how long.
//!
//! ```text
//! request ─▶ room (bounded; full: 503) ─▶ place (bounded; too long a wait: 503) ─▶ handler (bounded time: 503) ─▶ answer
//! ```
//!
//! A watch needs a place only until its head is answered, so any number of them may be open. A request that merely waits
//! for something to happen (`?blocking=`) ends its turn first, and bounds its time itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::problem::Failure;

/// Requests that are served at a time: with bodies of the largest size and all that is read from them, some hundred
/// megabytes; and more than etcd has use for.
const PLACES: usize = 256;
/// Requests that are served or wait for a place; as many as there may be connections.
const ROOM: usize = 12_000;
/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a request may take, the wait for its body and for a place included. A call to etcd ends far sooner.
const DEADLINE: Duration = Duration::from_secs(30);

/// The bounds. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    room: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(ROOM, PLACES)
    }
}

/// Held while a request is served.
struct Place {
    _room: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Limits {
    fn new(room: usize, places: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(room)), places: Arc::new(Semaphore::new(places)) }
    }

    /// Places are given in the order in which they were asked for.
    async fn place(&self) -> Option<Place> {
        let room = self.room.clone().try_acquire_owned().ok()?;
        let place = timeout(PATIENCE, self.places.clone().acquire_owned()).await.ok()?.ok()?;
        Some(Place { _room: room, _place: place })
    }
}

/// The turn of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(CancellationToken);

impl Turn {
    /// Says that the work is done and that the request only waits from now on, for a time that it bounds itself.
    pub(crate) fn end(&self) {
        self.0.cancel();
    }
}

impl<S: Sync> FromRequestParts<S> for Turn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// Refuses requests that there is no place for, and gives up those that take too long.
pub(crate) async fn limit(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    let end = Instant::now() + DEADLINE;
    let Some(place) = limits.place().await else { return Failure::Busy.into_response() };
    let turn = Turn::default();
    request.extensions_mut().insert(turn.clone());
    let mut answer = std::pin::pin!(next.run(request));
    tokio::select! {
        biased;
        response = &mut answer => return response,
        () = turn.0.cancelled() => {}
        () = sleep_until(end) => return Failure::TimedOut.into_response(),
    }
    drop(place);
    answer.await
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use futures::future::join_all;
    use http::StatusCode;
    use tokio::time::sleep;
    use tower::ServiceExt;

    use super::*;

    const WORK: Duration = Duration::from_secs(3);

    fn api(limits: Limits) -> Router {
        let waits = async |turn: Turn| {
            turn.end();
            sleep(DEADLINE * 2).await;
        };
        Router::new()
            .route("/works", get(async || sleep(WORK).await))
            .route("/waits", get(waits))
            .route("/hangs", get(async || sleep(DEADLINE * 2).await))
            .layer(from_fn_with_state(limits, limit))
    }

    async fn ask(api: Router, path: &str) -> StatusCode {
        api.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().status()
    }

    async fn ask_all(api: &Router, path: &str, number: usize) -> usize {
        let answers = join_all((0..number).map(|_| ask(api.clone(), path))).await;
        answers.into_iter().filter(StatusCode::is_success).count()
    }

    // An unrendered failure has the status 500; its words are tested where they are made.

    #[tokio::test(start_paused = true)]
    async fn requests_wait_for_a_place_and_are_refused_after_a_while() {
        assert_eq!(ask_all(&api(Limits::new(100, 2)), "/works", 6).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_room_is_closed_at_once() {
        assert_eq!(ask_all(&api(Limits::new(3, 2)), "/works", 6).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_hangs_is_given_up() {
        let begun = Instant::now();
        assert_eq!(ask(api(Limits::default()), "/hangs").await, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(begun.elapsed(), DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_place_counts() {
        let api = api(Limits::new(2, 1));
        let begun = Instant::now();
        let (_, hangs) = tokio::join!(ask(api.clone(), "/works"), ask(api, "/hangs"));
        assert_eq!((hangs, begun.elapsed()), (StatusCode::INTERNAL_SERVER_ERROR, DEADLINE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_only_waits_takes_no_place_and_may_take_longer() {
        assert_eq!(ask_all(&api(Limits::new(2, 1)), "/waits", 1).await, 1);
        let api = api(Limits::new(1, 1));
        let waiting = tokio::spawn(ask(api.clone(), "/waits"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(ask(api, "/works").await, StatusCode::OK);
        assert_eq!(waiting.await.unwrap(), StatusCode::OK);
    }
}
