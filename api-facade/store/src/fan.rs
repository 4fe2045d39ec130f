//! From one teller of events to any number of readers.
//!
//! ```text
//! tell ─▶ ring of weak references ─▶ Subscription (filter: revision, namespace)
//!    └──▶ backlog, which keeps the events alive, up to a number and a size
//! ```
//!
//! Nobody waits for a reader. One that falls behind by the whole ring, or by more bytes than the backlog keeps, sees its
//! subscription end: a watch may end, it may never lose an event.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use krake_facade_wire::watch::{EventType, write_line};
use tokio::sync::broadcast;

use crate::{Collection, Key};

/// Events a reader may fall behind.
const RING: usize = 4096;
/// Bytes of events a reader may fall behind, and so what slow readers of a kind can make us hold, all together.
const MAX_BACKLOG_BYTES: usize = 32 << 20;
/// Events that are told at once, before readers get time to take them.
pub(crate) const BURST: usize = RING / 4;
/// A look at whether readers are taking what they were told.
const BREATH: Duration = Duration::from_millis(5);

/// One event, ready to be sent.
#[derive(Debug)]
pub struct Event {
    /// The object it is about.
    pub key: Key,
    /// The revision of the write.
    pub revision: i64,
    /// The line of the watch stream, with its end.
    pub line: Bytes,
    /// The object within the line; both share their bytes.
    pub(crate) object: Bytes,
}

impl Event {
    /// An event, with the object as it is served.
    pub(crate) fn new(kind: EventType, key: Key, revision: i64, object: &[u8]) -> Self {
        let mut line = Vec::with_capacity(object.len() + 40);
        write_line(kind, object, &mut line);
        let line = Bytes::from(line);
        // The line ends with the object, a brace and a newline.
        let end = line.len().saturating_sub(2);
        let object = line.slice(end.saturating_sub(object.len())..end);
        Self { key, revision, line, object }
    }
}

#[derive(Clone)]
enum Signal {
    /// An event, for as long as it is in the [`Backlog`].
    Event(Weak<Event>),
    /// The revisions that follow are not to be compared with those before.
    Rewound,
}

/// The last events, as far back as readers may fall behind.
#[derive(Default)]
struct Backlog {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

impl Backlog {
    fn keep(&mut self, event: Arc<Event>) {
        self.bytes += event.line.len();
        self.events.push_back(event);
        while self.events.len() > RING || (self.bytes > MAX_BACKLOG_BYTES && self.events.len() > 1) {
            self.bytes -= self.events.pop_front().map_or(0, |event| event.line.len());
        }
    }
}

/// Tells events to whoever listens.
pub(crate) struct Fan {
    signals: broadcast::Sender<Signal>,
    backlog: Mutex<Backlog>,
}

impl Default for Fan {
    fn default() -> Self {
        Self { signals: broadcast::Sender::new(RING), backlog: Mutex::default() }
    }
}

impl Fan {
    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.signals.receiver_count() > 0
    }

    /// Tells an event.
    pub(crate) fn tell(&self, event: Event) {
        let event = Arc::new(event);
        let signal = Signal::Event(Arc::downgrade(&event));
        self.backlog().keep(event);
        self.send(signal);
    }

    /// Tells that the revisions of the following events are those of another history.
    pub(crate) fn rewind(&self) {
        self.send(Signal::Rewound);
    }

    /// Gives readers the time to take a burst, for as long as they do: one who takes nothing delays nobody.
    pub(crate) async fn breathe(&self) {
        if !self.is_heard() {
            *self.backlog() = Backlog::default();
        }
        let mut left = self.signals.len();
        while left > BURST {
            tokio::time::sleep(BREATH).await;
            let before = std::mem::replace(&mut left, self.signals.len());
            if left >= before {
                return;
            }
        }
    }

    /// Listens to what is told from now on, but for the revisions up to the one that is still to be
    /// [set](Subscription::begin_after).
    pub(crate) fn subscribe(&self, collection: Collection) -> Subscription {
        Subscription { receiver: self.signals.subscribe(), collection, after: i64::MIN }
    }

    fn send(&self, signal: Signal) {
        // The only error is that nobody listens.
        drop(self.signals.send(signal));
    }

    /// Every change is a single step, so the backlog is whole even after a panic elsewhere.
    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of one collection, from one revision on.
pub struct Subscription {
    receiver: broadcast::Receiver<Signal>,
    collection: Collection,
    after: i64,
}

impl Subscription {
    /// The revision after which events are told.
    #[must_use]
    pub fn after(&self) -> i64 {
        self.after
    }

    /// Leaves out what happened up to a revision.
    pub(crate) fn begin_after(&mut self, revision: i64) {
        self.after = revision;
    }

    /// The next event; `None` when events were lost because they were not taken fast enough.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            let Signal::Event(event) = self.receiver.recv().await.ok()? else {
                self.after = i64::MIN;
                continue;
            };
            let event = event.upgrade()?;
            if self.wants(&event) {
                return Some(event);
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        event.revision > self.after && self.collection.contains(&event.key)
    }
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::kubernetes::Cluster;

    use super::*;

    fn event(revision: i64, object: &[u8]) -> Event {
        Event::new(EventType::Modified, Key::of::<Cluster>(Some("n"), "c"), revision, object)
    }

    fn tell(fan: &Fan, times: usize, object: &[u8]) {
        for _ in 0..times {
            fan.tell(event(1, object));
        }
    }

    fn subscription(fan: &Fan, namespace: &str, after: i64) -> Subscription {
        let mut subscription = fan.subscribe(Collection::of::<Cluster>(Some(namespace)));
        subscription.begin_after(after);
        subscription
    }

    async fn read_all(mut reader: Subscription) {
        while reader.next().await.is_some() {}
    }

    #[test]
    fn the_object_within_a_line_is_shared() {
        let Event { line, object, .. } = event(1, b"{\"api\": \"core\"}");
        assert_eq!(object, b"{\"api\": \"core\"}".as_slice());
        assert!(line.as_ptr_range().contains(&object.as_ptr()));
    }

    #[tokio::test]
    async fn a_reader_gets_what_happens_in_its_namespace_after_its_revision() {
        let fan = Fan::default();
        let (mut ours, mut theirs) = (subscription(&fan, "n", 7), subscription(&fan, "m", 7));
        for revision in 6..10 {
            fan.tell(event(revision, b"{}"));
        }
        assert_eq!(ours.next().await.unwrap().revision, 8);
        assert_eq!(ours.next().await.unwrap().revision, 9);
        drop(fan);
        assert!(theirs.next().await.is_none());
    }

    #[tokio::test]
    async fn another_history_is_told_whatever_its_revisions() {
        let fan = Fan::default();
        let mut reader = subscription(&fan, "n", 100);
        fan.rewind();
        fan.tell(event(3, b"{}"));
        assert_eq!(reader.next().await.unwrap().revision, 3);
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_too_far_is_told_no_more() {
        let large = vec![b' '; MAX_BACKLOG_BYTES / 3];
        for (size, times) in [(&b"{}"[..], RING + 1), (&large, 4)] {
            let fan = Fan::default();
            let mut reader = subscription(&fan, "n", 0);
            tell(&fan, times, size);
            assert!(reader.next().await.is_none());
        }
    }

    #[test]
    fn events_are_kept_up_to_a_number_and_up_to_a_size() {
        let mut backlog = Backlog::default();
        let mut number_after = |size, times| {
            (0..times).for_each(|_| backlog.keep(Arc::new(event(1, &vec![b' '; size]))));
            backlog.events.len()
        };
        assert_eq!(number_after(1, RING + 5), RING);
        assert_eq!(number_after(MAX_BACKLOG_BYTES / 4 - 100, 6), 4);
        assert_eq!(number_after(MAX_BACKLOG_BYTES + 1, 2), 1);
        assert_eq!(number_after(1, RING), RING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_waits_for_readers_but_not_for_one_that_takes_nothing() {
        let fan = Arc::new(Fan::default());
        let reader = subscription(&fan, "n", 0);
        let reading = tokio::spawn(read_all(reader));
        tell(&fan, RING, b"{}");
        fan.breathe().await;
        assert!(fan.signals.len() <= BURST);
        reading.abort();

        let _idle = subscription(&fan, "n", 0);
        tell(&fan, RING, b"{}");
        let begun = tokio::time::Instant::now();
        fan.breathe().await;
        assert!(begun.elapsed() <= BREATH * 2);
    }
}
