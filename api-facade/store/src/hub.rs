//! One watch on etcd per kind and process, fanned out to any number of readers.
//!
//! ```text
//! etcd ─▶ Watcher ─▶ Hub::run ─▶ Fan ─▶ Subscription ─▶ HTTP watch
//!                      ▲  │
//!                      └──┴─ Memory: each object as it was told last
//! ```
//!
//! Each event is turned into its line once. Cut connections, restarts of etcd and compactions are invisible to readers:
//! what happened meanwhile is told when etcd is back, in the order of revisions, each write once. Only states that etcd
//! has forgotten before it could tell them are left out; the object's next state follows.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use krake_facade_wire::Kind;
use krake_facade_wire::watch::EventType;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fan::{BURST, Event, Fan, Subscription};
use crate::memory::{Difference, Known, Memory};
use crate::{Change, Collection, Error, Key, Listing, Record, Store, Watcher, codec};

/// How long a subscription waits for the first connection to etcd.
const START_DEADLINE: Duration = Duration::from_secs(5);
/// Objects that are read in one go, before others get the thread.
const PORTION: usize = 64;

/// The events of one kind. Clones share the upstream watch.
pub struct Hub<K> {
    shared: Arc<Shared>,
    kind: std::marker::PhantomData<fn() -> K>,
}

struct Shared {
    store: Store,
    memory: RwLock<Memory>,
    fan: Fan,
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
        let (memory, fan, started) = (RwLock::default(), Fan::default(), watch::Sender::new(false));
        Self { shared: Arc::new(Shared { store, memory, fan, started }), kind: std::marker::PhantomData }
    }

    /// Follows etcd until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        let mut watcher = Watcher::new(self.shared.store.clone(), Collection::of::<K>(None));
        let mut number = 0_usize;
        while let Some(change) = stop.run_until_cancelled(watcher.next()).await {
            match change {
                Change::Reset { listing, rewound } => self.catch_up(listing, rewound).await,
                Change::Put { record, created } => self.put(&record, created),
                Change::Delete { key, revision } => self.delete(key, revision),
            }
            number += 1;
            if number.is_multiple_of(BURST) {
                self.shared.fan.breathe().await;
            }
        }
    }

    fn put(&self, record: &Record, created: bool) {
        if !self.shared.recall().is_news(&record.key, record.revision) {
            return;
        }
        let kind = if created { EventType::Added } else { EventType::Modified };
        let object = codec::serve::<K>(record);
        let heard = object.as_ref().filter(|_| self.shared.is_heard());
        let event = heard.map(|object| Event::new(kind, record.key.clone(), record.revision, object));
        let object = event.as_ref().map(|event| event.object.clone()).or(object);
        // First, so that whoever hears of it finds it here.
        self.shared.learn().put(record.key.clone(), Known::of(record, object));
        self.shared.tell(event);
    }

    fn delete(&self, key: Key, revision: i64) {
        if !self.shared.recall().is_news(&key, revision) {
            return;
        }
        let removed = self.shared.learn().delete(&key, revision).filter(|_| self.shared.is_heard());
        self.shared.tell(removed.map(|object| Event::new(EventType::Deleted, key, revision, &object)));
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
            self.shared.fan.rewind();
        }
        for (number, difference) in differences.into_iter().enumerate().take_while(|_| self.shared.is_heard()) {
            let Difference { kind, key, revision, object } = difference;
            self.shared.fan.tell(Event::new(kind, key, revision, &object));
            if number % BURST == BURST - 1 {
                self.shared.fan.breathe().await;
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
        // In this order: what is committed after the revision was read must find the subscription in place.
        let mut subscription = self.shared.fan.subscribe(collection);
        subscription.begin_after(self.shared.store.newest_revision().await?);
        Ok(subscription)
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
        self.fan.is_heard()
    }

    fn tell(&self, event: Option<Event>) {
        if let Some(event) = event {
            self.fan.tell(event);
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
