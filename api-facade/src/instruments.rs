//! What the REST API tells about itself. All labels are from closed sets: methods, route templates, statuses, kinds.

use std::time::Duration;

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What a request is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Asked {
    method: &'static str,
    route: String,
}

impl Asked {
    /// A request by its method and the template of its route. Methods that no route has count as one, and so do paths.
    #[must_use]
    pub(crate) fn new(method: &Method, route: Option<&str>) -> Self {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|name| *name == method.as_str()).unwrap_or("other");
        Self { method, route: route.unwrap_or("unknown").to_owned() }
    }

    /// The method, or `other`.
    #[must_use]
    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    /// The template of the route, or `unknown`.
    #[must_use]
    pub(crate) fn route(&self) -> &str {
        &self.route
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Watched {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    kind: &'static str,
    reason: &'static str,
}

/// The instruments of the REST API.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    requests: Family<Answered, Counter>,
    duration: Family<Asked, Histogram>,
    received: Family<Asked, Histogram>,
    sent: Family<Asked, Histogram>,
    watches: Family<Watched, Gauge>,
    events: Family<Watched, Counter>,
    event_bytes: Family<Watched, Counter>,
    closes: Family<Closed, Counter>,
}

/// From a millisecond to half a minute, when every request has ended.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

/// From a quarter of a kilobyte to 16 MB.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(256.0, 4.0, 9))
}

impl Instruments {
    /// Registers all instruments.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(durations),
            received: Family::new_with_constructor(sizes),
            sent: Family::new_with_constructor(sizes),
            watches: Family::default(),
            events: Family::default(),
            event_bytes: Family::default(),
            closes: Family::default(),
        };
        registry.register("requests", "Requests answered", all.requests.clone());
        let help = "Time until the head of an answer is there";
        registry.register_with_unit("request_duration", help, Unit::Seconds, all.duration.clone());
        let help = "Sizes of request bodies as they were received";
        registry.register_with_unit("request_body", help, Unit::Bytes, all.received.clone());
        registry.register_with_unit(
            "response_body",
            "Sizes of answers, watches excepted",
            Unit::Bytes,
            all.sent.clone(),
        );
        registry.register("watches", "Watches that are open", all.watches.clone());
        registry.register("watch_events", "Events told to watches, each counted per watch", all.events.clone());
        registry.register_with_unit("watch_events", "Bytes of these events", Unit::Bytes, all.event_bytes.clone());
        registry.register("watch_closes", "Watches that have ended, by the reason", all.closes.clone());
        all
    }

    /// Counts an answer with this status, and how long its head took.
    pub(crate) fn answered(&self, asked: &Asked, status: u16, took: Duration) {
        let Asked { method, route } = asked.clone();
        self.requests.get_or_create(&Answered { method, route, status }).inc();
        self.duration.get_or_create(asked).observe(took.as_secs_f64());
    }

    /// Counts the body of a request.
    pub(crate) fn received(&self, asked: &Asked, bytes: u64) {
        self.received.get_or_create(asked).observe(approximate(bytes));
    }

    /// Counts the body of an answer.
    pub(crate) fn sent(&self, asked: &Asked, bytes: u64) {
        self.sent.get_or_create(asked).observe(approximate(bytes));
    }

    /// Counts a watch as open until the guard is dropped.
    pub(crate) fn watching(&self, kind: &'static str) -> Watching {
        let watched = Watched { kind };
        let open = self.watches.get_or_create_owned(&watched);
        open.inc();
        Watching {
            kind,
            open,
            events: self.events.get_or_create_owned(&watched),
            bytes: self.event_bytes.get_or_create_owned(&watched),
            closes: self.closes.clone(),
            ending: Ending::ClientGone,
        }
    }
}

/// Sizes are far below where doubles lose bytes.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
fn approximate(bytes: u64) -> f64 {
    bytes as f64
}

/// Why a watch has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client has closed it, or cannot be reached, or takes nothing.
    ClientGone,
    /// The client took events more slowly than they came, until too many were waiting.
    TooSlow,
    /// The server stops.
    Stopped,
}

impl Ending {
    fn reason(self) -> &'static str {
        match self {
            Self::ClientGone => "client_gone",
            Self::TooSlow => "too_slow",
            Self::Stopped => "stopped",
        }
    }
}

/// An open watch.
pub(crate) struct Watching {
    kind: &'static str,
    open: Gauge,
    events: Counter,
    bytes: Counter,
    closes: Family<Closed, Counter>,
    ending: Ending,
}

impl Watching {
    /// Counts an event with a line of this length.
    pub(crate) fn told(&self, bytes: usize) {
        self.events.inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// Notes why we end it. A watch that is just dropped was ended by the client.
    pub(crate) fn ends(&mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.open.dec();
        self.closes.get_or_create(&Closed { kind: self.kind, reason: self.ending.reason() }).inc();
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn shown(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    #[test]
    fn a_watch_is_open_until_it_is_dropped_and_closed_for_one_reason() {
        let mut registry = Registry::default();
        let instruments = Instruments::register(&mut registry);
        let mut slow = instruments.watching("Cluster");
        let gone = instruments.watching("Cluster");
        gone.told(12);
        assert!(shown(&registry).contains("watches{kind=\"Cluster\"} 2"));
        slow.ends(Ending::TooSlow);
        drop((slow, gone));
        let text = shown(&registry);
        for line in [
            "watches{kind=\"Cluster\"} 0",
            "watch_events_total{kind=\"Cluster\"} 1",
            "watch_events_bytes_total{kind=\"Cluster\"} 12",
            "watch_closes_total{kind=\"Cluster\",reason=\"too_slow\"} 1",
            "watch_closes_total{kind=\"Cluster\",reason=\"client_gone\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_strangers_make_up_adds_no_labels() {
        let made_up = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(Asked::new(&made_up, None), Asked { method: "other", route: "unknown".to_owned() });
    }
}
