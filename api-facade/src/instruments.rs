//! What the REST API tells about itself.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// From closed sets: methods that no route has count as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    status: u16,
}

/// The instruments of the REST API.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    requests: Family<Labels, Counter>,
    duration: Histogram,
    watches: Gauge,
}

impl Instruments {
    /// Registers all instruments.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        // From a millisecond to four seconds; beyond that a call to etcd has run out of time.
        let duration = Histogram::new(exponential_buckets(0.001, 2.0, 13));
        let all = Self { requests: Family::default(), duration, watches: Gauge::default() };
        registry.register("requests", "Requests answered, by method and status", all.requests.clone());
        let help = "Time until the head of an answer is sent";
        registry.register_with_unit("request_duration", help, Unit::Seconds, all.duration.clone());
        registry.register("watches", "Watch streams that are open", all.watches.clone());
        all
    }

    /// Counts a watch as open until the guard is dropped.
    pub(crate) fn watching(&self) -> Watching {
        self.watches.inc();
        Watching(self.watches.clone())
    }
}

/// An open watch.
pub(crate) struct Watching(Gauge);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts and times requests.
pub(crate) async fn measure(State(instruments): State<Instruments>, request: Request, next: Next) -> Response {
    let method = name(request.method());
    let started = Instant::now();
    let response = next.run(request).await;
    instruments.duration.observe(started.elapsed().as_secs_f64());
    instruments.requests.get_or_create(&Labels { method, status: response.status().as_u16() }).inc();
    response
}

fn name(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}
