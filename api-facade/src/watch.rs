//! A watch as newline-delimited JSON with heartbeats. Source: section 1.18 of the REST contract.
//!
//! Events come from the kind's hub, as lines that are ready to be sent. A stream ends when the server stops, or when the
//! client is too slow to get all events; it then lists again. That etcd was away for a while does not end it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};
use krake_facade_store::{Collection, Subscription};
use krake_facade_wire::watch::HEARTBEAT;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::instruments::{Ending, Watching};
use crate::problem::Failure;
use crate::resource::Resource;
use crate::served::Served;

const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Opens a stream of the events of a collection. The answer is given only when no later write can be missed.
///
/// # Errors
/// [`Failure::Store`] if etcd does not answer.
pub(crate) async fn open<K: Served>(
    resource: &Resource<K>,
    method: &Method,
    collection: Collection,
    heartbeat: Option<Duration>,
) -> Result<Response, Failure> {
    if method == Method::HEAD {
        return Ok(answer(Body::empty()));
    }
    let events = resource.hub.subscribe(collection).await?;
    let lines = Lines {
        events,
        heartbeat: heartbeat.map(beat),
        stop: resource.shared.stop.clone(),
        watching: resource.shared.instruments.watching(K::KIND),
    };
    Ok(answer(Body::from_stream(lines.stream())))
}

fn answer(body: Body) -> Response {
    ([(CONTENT_TYPE, LINES), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], body).into_response()
}

fn beat(period: Duration) -> Interval {
    let mut beat = interval_at(Instant::now() + period, period);
    // A client that could not be reached for a while needs one heartbeat, not all it has missed.
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    beat
}

struct Lines {
    events: Subscription,
    heartbeat: Option<Interval>,
    stop: CancellationToken,
    watching: Watching,
}

impl Lines {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures::stream::unfold(self, async |mut lines| lines.next().await.map(|line| (Ok(line), lines)))
    }

    async fn next(&mut self) -> Option<Bytes> {
        let Self { events, heartbeat, stop, watching } = self;
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                watching.ends(Ending::Stopped);
                None
            }
            // Before the events: it comes in time also when they never cease.
            () = tick(heartbeat.as_mut()) => Some(Bytes::from_static(HEARTBEAT)),
            event = events.next() => {
                let Some(event) = event else {
                    watching.ends(Ending::TooSlow);
                    return None;
                };
                watching.told(event.line.len());
                Some(event.line.clone())
            }
        }
    }
}

async fn tick(heartbeat: Option<&mut Interval>) {
    match heartbeat {
        Some(heartbeat) => drop(heartbeat.tick().await),
        None => std::future::pending().await,
    }
}
