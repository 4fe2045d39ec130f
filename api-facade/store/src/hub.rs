//! One watch on etcd per kind and process, fanned out to any number of readers.
//!
//! ```text
//! etcd ─▶ Watcher ─▶ Hub::run ─▶ bounded ring ─▶ Subscription (filter: revision, namespace) ─▶ HTTP watch
//!                      ▲  │
//!                      └──┴─ Memory: each object as it was last told
//! ```
//!
//! Each event is turned into its line once. Cut connections, restarts of etcd and compactions are invisible to readers:
//! what happened meanwhile is told when etcd is back, in the order of revisions, each write once. Only states that etcd
//! has forgotten before it could tell them are left out; the object's next state follows. A reader that falls behind by
//! the whole ring sees its subscription end: a watch may end, it may never lose an event.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use krake_facade_wire::Kind;
use krake_facade_wire::watch::{EventType, write_line};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::memory::{Difference, Known, Memory};
use crate::{Change, Collection, Error, Key, Listing, Record, Store, Watcher, codec};

/// Events a reader may fall behind. With objects of 5 kB that is 20 MB per kind at worst, shared by all readers.
const RING: usize = 4096;
/// Events that are told at once, before readers get time to take them.
const BURST: usize = RING / 4;
/// A look at whether readers are taking what they were told.
const BREATH: Duration = Duration::from_millis(5);
/// How long a subscription waits for the first connection to etcd.
const START_DEADLINE: Duration = Duration::from_secs(5);
/// Objects that are read in one go, before others get the thread.
const PORTION: usize = 64;

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
    /// etcd has gone back in time: the revisions that follow are not to be compared with those before.
    Rewound,
}

/// The events of one kind. Clones share the upstream watch.
pub struct Hub<K> {
    shared: Arc<Shared>,
    kind: std::marker::PhantomData<fn() -> K>,
}

struct Shared {
    store: Store,
    memory: RwLock<Memory>,
    signals: broadcast::Sender<Signal>,
    started: watch::Sender<bool>,
}

impl<K> Clone for Hub<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), kind: self.kind }
    }
}

impl<K: Kind> Hub<K> {
    /// A hub that is silent until it is [run](Self::run).
    #[must_use]
    pub fn new(store: Store) -> Self {
        let (signals, started) = (broadcast::Sender::new(RING), watch::Sender::new(false));
        let shared = Shared { store, memory: RwLock::default(), signals, started };
        Self { shared: Arc::new(shared), kind: std::marker::PhantomData }
    }

    /// Follows etcd until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        let mut watcher = Watcher::new(self.shared.store.clone(), Collection::of::<K>(None));
        let mut told = 0;
        while let Some(change) = stop.run_until_cancelled(watcher.next()).await {
            match change {
                Change::Reset { listing, rewound } => self.catch_up(listing, rewound).await,
                Change::Put { record, created } => self.put(&record, created),
                Change::Delete { key, revision } => self.delete(&key, revision),
            }
            told += 1;
            if told % BURST == 0 {
                self.shared.breathe().await;
            }
        }
    }

    fn put(&self, record: &Record, created: bool) {
        if !self.shared.recall().is_news(&record.key, record.revision) {
            return;
        }
        let mut object = codec::serve::<K>(record);
        let mut event = None;
        if let Some(bytes) = object.as_mut().filter(|_| self.shared.is_heard()) {
            let kind = if created { EventType::Added } else { EventType::Modified };
            let line;
            (line, *bytes) = write(kind, bytes);
            event = Some(Event { key: record.key.clone(), revision: record.revision, line });
        }
        // First, so that whoever hears of it finds it here.
        self.shared.learn().put(record.key.clone(), Known::of(record, object));
        self.shared.tell(event);
    }

    fn delete(&self, key: &Key, revision: i64) {
        if !self.shared.recall().is_news(key, revision) {
            return;
        }
        let removed = self.shared.learn().delete(key, revision);
        let difference = |object| Difference { kind: EventType::Deleted, key: key.clone(), revision, object };
        self.shared.tell(removed.filter(|_| self.shared.is_heard()).map(|object| event(difference(object))));
    }

    async fn catch_up(&self, listing: Listing, rewound: bool) {
        let mut now = Vec::with_capacity(listing.records.len());
        for (number, record) in listing.records.into_iter().enumerate() {
            let object = if rewound { codec::serve::<K>(&record) } else { self.serve(&record) };
            let known = Known::of(&record, object);
            now.push((record.key, known));
            if number % PORTION == PORTION - 1 {
                tokio::task::yield_now().await;
            }
        }
        let differences = {
            let mut memory = self.shared.learn();
            if rewound { memory.rewind(now, listing.revision) } else { memory.catch_up(now, listing.revision) }
        };
        if rewound {
            self.shared.send(Signal::Rewound);
        }
        for (number, difference) in differences.into_iter().enumerate().take_while(|_| self.shared.is_heard()) {
            self.shared.tell(Some(event(difference)));
            if number % BURST == BURST - 1 {
                self.shared.breathe().await;
            }
        }
        self.shared.started.send_if_modified(|started| !std::mem::replace(started, true));
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

    /// The objects of a collection as they are served, in the order of their keys; never older than any write that was
    /// acknowledged before the call. They come from memory if a census shows that it is complete, which is several times
    /// cheaper than reading them from etcd, and else from there. (A single object costs etcd no more than a census.)
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list(&self, collection: &Collection) -> Result<Vec<Bytes>, Error> {
        let census = self.shared.store.census(std::slice::from_ref(collection)).await?;
        if let Some(objects) = self.shared.recall().list(collection, &census) {
            return Ok(objects);
        }
        let listing = self.shared.store.list(collection).await?;
        Ok(listing.records.iter().filter_map(|record| self.serve(record)).collect())
    }

    /// The bytes to serve for a stored object; `None`, with a warning, if the value is not one.
    fn serve(&self, record: &Record) -> Option<Bytes> {
        if let Some(known) = self.shared.recall().find(&record.key).filter(|known| known.revision == record.revision) {
            match &known.object {
                None => return None,
                Some(object) if *object == record.value => return Some(object.clone()),
                Some(_) => {}
            }
        }
        codec::serve::<K>(record)
    }
}

impl Shared {
    /// Whether anybody listens. Who comes later asks for later events only.
    fn is_heard(&self) -> bool {
        self.signals.receiver_count() > 0
    }

    fn tell(&self, event: Option<Event>) {
        if let Some(event) = event {
            self.send(Signal::Event(Arc::new(event)));
        }
    }

    fn send(&self, signal: Signal) {
        // The only error is that nobody listens.
        drop(self.signals.send(signal));
    }

    /// Gives readers the time to take a burst, for as long as they do: one who takes nothing delays nobody.
    async fn breathe(&self) {
        let mut left = self.signals.len();
        while left > BURST {
            tokio::time::sleep(BREATH).await;
            let before = std::mem::replace(&mut left, self.signals.len());
            if left >= before {
                return;
            }
        }
    }

    /// Every change is a single step, so the memory is whole even after a panic elsewhere.
    fn recall(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(Difference { kind, key, revision, object }: Difference) -> Event {
    Event { key, revision, line: write(kind, &object).0 }
}

/// The line of an event, and the object within it: so the memory and the events share their bytes.
fn write(kind: EventType, object: &[u8]) -> (Bytes, Bytes) {
    let mut line = Vec::with_capacity(object.len() + 40);
    write_line(kind, object, &mut line);
    let line = Bytes::from(line);
    // The line ends with the object, a brace and a newline.
    let end = line.len().saturating_sub(2);
    let shared = line.slice(end.saturating_sub(object.len())..end);
    (line, shared)
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

    /// The next event; `None` when events were lost because they were not taken fast enough.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            match self.receiver.recv().await {
                Ok(Signal::Event(event)) if self.wants(&event) => return Some(event),
                Ok(Signal::Event(_)) => {}
                Ok(Signal::Rewound) => self.after = i64::MIN,
                Err(_) => return None,
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        event.revision > self.after && self.collection.contains(&event.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_within_a_line_is_shared() {
        let (line, object) = write(EventType::Modified, b"{\"api\": \"core\"}");
        assert_eq!(object, b"{\"api\": \"core\"}".as_slice());
        assert!(line.as_ptr_range().contains(&object.as_ptr()));
    }
}
