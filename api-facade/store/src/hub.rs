//! One watch on etcd per kind and process, fanned out to any number of readers.
//!
//! ```text
//! etcd ─▶ Watcher ─▶ Hub::run ─▶ bounded ring ─▶ Subscription (filter: revision, namespace) ─▶ HTTP watch
//! ```
//!
//! Each event is turned into its line once. A reader that falls behind by the whole ring, and every reader when etcd
//! has lost history, sees its subscription end: a watch may end, it may never lose an event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use krake_facade_wire::Kind;
use krake_facade_wire::watch::{EventType, write_line};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::codec::Serving;
use crate::{Change, Collection, Error, Key, Record, Store, Watcher};

/// Events a reader may fall behind. With objects of 5 kB that is 20 MB per kind at worst, shared by all readers.
const RING: usize = 4096;
/// How long a subscription waits for the first connection to etcd.
const START_DEADLINE: Duration = Duration::from_secs(5);

/// One event, ready to be sent.
#[derive(Debug)]
pub struct Event {
    /// The object it is about.
    pub key: Key,
    /// The revision of the write.
    pub revision: i64,
    /// The line of the watch stream, with its end.
    pub line: Bytes,
}

#[derive(Clone)]
enum Signal {
    Event(Arc<Event>),
    Gap,
}

/// The events of one kind. Clones share the upstream watch.
pub struct Hub<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    store: Store,
    signals: broadcast::Sender<Signal>,
    started: watch::Sender<bool>,
    serving: Serving<K>,
}

impl<K> Clone for Hub<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K: Kind> Hub<K> {
    /// A hub that is silent until it is [run](Self::run).
    #[must_use]
    pub fn new(store: Store) -> Self {
        let shared = Shared {
            store,
            signals: broadcast::Sender::new(RING),
            started: watch::Sender::new(false),
            serving: Serving::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Follows etcd until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        let mut watcher = Watcher::new(self.shared.store.clone(), Collection::of::<K>(None));
        while let Some(change) = stop.run_until_cancelled(watcher.next()).await {
            self.tell(&change);
        }
    }

    fn tell(&self, change: &Change) {
        let signal = match change {
            Change::Put { record, created } => {
                let kind = if *created { EventType::Added } else { EventType::Modified };
                self.event(kind, record)
            }
            Change::Delete { key, previous: Some(value), revision } => {
                let signal = self.event(EventType::Deleted, &removed(key, value, *revision));
                self.shared.serving.forget(key);
                signal
            }
            Change::Reset { .. } | Change::Delete { previous: None, .. } => Some(Signal::Gap),
        };
        if let Some(signal) = signal {
            // The only error is that nobody listens.
            drop(self.shared.signals.send(signal));
        }
        // After the gap of the first reset, so that the first readers do not see it.
        self.shared.started.send_if_modified(|started| !std::mem::replace(started, true));
    }

    fn event(&self, kind: EventType, record: &Record) -> Option<Signal> {
        let object = self.shared.serving.bytes(record)?;
        let mut line = Vec::with_capacity(object.len() + 40);
        write_line(kind, &object, &mut line);
        Some(Signal::Event(Arc::new(Event { key: record.key.clone(), revision: record.revision, line: line.into() })))
    }

    /// All events of a collection from now on: every write that is committed after this returns is told, and none that
    /// was committed before this was called.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if etcd does not answer.
    pub async fn subscribe(&self, collection: Collection) -> Result<Subscription, Error> {
        let mut started = self.shared.started.subscribe();
        let waiting = tokio::time::timeout(START_DEADLINE, started.wait_for(|started| *started));
        drop(waiting.await.map_err(|late| Error::Unavailable(late.into()))?);
        // In this order: what is committed after the revision was read must find the receiver in place.
        let receiver = self.shared.signals.subscribe();
        let after = self.shared.store.newest_revision().await?;
        Ok(Subscription { receiver, collection, after })
    }

    /// The bytes to serve for a stored object; `None`, with a warning, if the value is not one.
    #[must_use]
    pub fn serve(&self, record: &Record) -> Option<Bytes> {
        self.shared.serving.bytes(record)
    }
}

fn removed(key: &Key, value: &Bytes, revision: i64) -> Record {
    Record { key: key.clone(), value: value.clone(), revision, created_revision: 0 }
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

    /// The next event; `None` when events were lost (we were too slow, or etcd forgot them) or the hub has ended.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            match self.receiver.recv().await {
                Ok(Signal::Event(event)) if self.wants(&event) => return Some(event),
                Ok(Signal::Event(_)) => {}
                Ok(Signal::Gap) | Err(_) => return None,
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        event.revision > self.after && self.collection.contains(&event.key)
    }
}
