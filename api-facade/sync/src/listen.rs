//! What makes the loop of one kind look again: watches of both sides, and time.
//!
//! No event is acted on, so one that is lost, doubled or out of order costs nothing. The only thing taken from an event
//! is that an object disappeared while it was marked, which nothing else could tell.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use krake_facade_store::{Change, Collection, Key, Store, Watcher};
use krake_facade_wire::Kind;
use kube::{
    Api, Client,
    api::{DynamicObject, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use tokio::sync::{Notify, mpsc};

use crate::{
    directory::Directory,
    face::secret_reference,
    gate::Gate,
    locate::identity,
    name::{Coordinates, krake_names},
    objects::Objects,
    translate::Pairing,
};

/// How often everything is looked at although nothing happened. Events are lost by defects only, and found so.
const RESYNC: Duration = Duration::from_mins(10);
const LARGEST_JITTER_SECONDS: u64 = 60;
/// A wait before a list that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A reason to look at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Something may have changed.
    Look(Key),
    /// An object disappeared while it was marked for deletion.
    Departed {
        /// The key that it stood for.
        key: Key,
        /// Its uid.
        uid: String,
    },
}

/// Fails when nobody listens any more.
async fn send_all(
    wakes: &mpsc::Sender<Wake>,
    all: impl IntoIterator<Item = Wake>,
) -> Result<(), mpsc::error::SendError<Wake>> {
    for wake in all {
        wakes.send(wake).await?;
    }
    Ok(())
}

/// Wakes for the stored side: every change, and everything after a gap. `gaps` makes the object's side do the same: an
/// etcd that came back empty knows of nothing that could be looked at.
pub(crate) async fn stored<K: Kind>(store: Store, wakes: mpsc::Sender<Wake>, gaps: Arc<Notify>, gate: Gate) {
    let mut watcher = Watcher::new(store.clone(), Collection::of::<K>(None));
    let mut gate = Some(gate);
    loop {
        let keys = match watcher.next().await {
            Change::Put { record, .. } => HashSet::from([record.key]),
            Change::Delete { key, .. } => HashSet::from([key]),
            Change::Reset { .. } => {
                gaps.notify_one();
                everything::<K>(&store).await
            }
        };
        if send_all(&wakes, keys.into_iter().map(Wake::Look)).await.is_err() {
            return;
        }
        gate.take().into_iter().for_each(Gate::pass);
    }
}

/// Wakes for everything on both sides, now and then.
pub(crate) async fn time<K: Kind>(store: Store, wakes: mpsc::Sender<Wake>, gaps: Arc<Notify>) {
    loop {
        tokio::time::sleep(RESYNC + jitter()).await;
        gaps.notify_one();
        let keys = everything::<K>(&store).await;
        if send_all(&wakes, keys.into_iter().map(Wake::Look)).await.is_err() {
            return;
        }
    }
}

/// Keeps replicas and kinds from listing at the same moment; nothing depends on its quality.
fn jitter() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(u64::from(now.subsec_micros()) % LARGEST_JITTER_SECONDS)
}

/// Every key with an object, a base or a tombstone. A list that fails is no empty list.
async fn everything<K: Kind>(store: &Store) -> HashSet<Key> {
    let collection = Collection::of::<K>(None);
    loop {
        match list(store, &collection).await {
            Ok(keys) => return keys,
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, kind = K::KIND, "listing"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn list(store: &Store, collection: &Collection) -> Result<HashSet<Key>, krake_facade_store::Error> {
    let mut keys: HashSet<Key> = store.list(collection).await?.records.into_iter().map(|record| record.key).collect();
    keys.extend(store.bases(collection).await?);
    keys.extend(store.tombstones(collection).await?);
    Ok(keys)
}

/// An event of one of the watches in Kubernetes, or a gap in what is known of etcd.
enum Seen {
    Object(watcher::Event<DynamicObject>),
    Secret(watcher::Event<PartialObjectMeta<Secret>>),
    Gap,
}

/// Wakes for the object's side and for the Secrets that objects refer to.
pub(crate) struct Objectwise<P: Pairing> {
    names: Arc<Directory>,
    wakes: mpsc::Sender<Wake>,
    gate: Option<Gate>,
    /// What is known about each object: the key it stands for, and the Secret it refers to.
    known: HashMap<Coordinates, Entry>,
    /// Objects of before a new list that it has not shown yet.
    missing: HashMap<Coordinates, Entry>,
    pairing: std::marker::PhantomData<fn() -> P>,
}

struct Entry {
    key: Key,
    secret: Option<String>,
}

impl<P: Pairing> Objectwise<P> {
    pub(crate) fn new(names: Arc<Directory>, wakes: mpsc::Sender<Wake>, gate: Gate) -> Self {
        let (known, missing) = (HashMap::new(), HashMap::new());
        Self { names, wakes, gate: Some(gate), known, missing, pairing: std::marker::PhantomData }
    }

    /// Listens for ever. Each of `gaps` is a reason to look at everything.
    pub(crate) async fn run(mut self, client: Client, objects: Objects, gaps: Arc<Notify>) {
        let resource = objects.resource().clone();
        let everywhere = watcher::watcher(objects.everywhere(), watcher::Config::default());
        let everywhere = everywhere.default_backoff().map(|event| event.map(Seen::Object)).boxed();
        let secrets = if P::SECRET.is_some() {
            let metadata: Api<PartialObjectMeta<Secret>> = Api::all(client);
            let events = watcher::watcher(metadata, watcher::Config::default()).default_backoff();
            events.map(|event| event.map(Seen::Secret)).boxed()
        } else {
            stream::pending().boxed()
        };
        let gaps = stream::unfold(gaps, async |gaps| {
            gaps.notified().await;
            Some((Ok(Seen::Gap), gaps))
        });
        let mut events = stream::select_all([everywhere, secrets, gaps.boxed()]);
        while let Some(event) = events.next().await {
            let woken = match event {
                Ok(Seen::Object(event)) => self.object(event),
                Ok(Seen::Secret(event)) => self.secret(event),
                Ok(Seen::Gap) => self.all(),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, kind = %resource.kind, "watching");
                    continue;
                }
            };
            if send_all(&self.wakes, woken).await.is_err() {
                return;
            }
        }
    }

    /// Everything that is known. What a list under way has yet to show is looked at then.
    fn all(&self) -> Vec<Wake> {
        self.known.values().map(|entry| Wake::Look(entry.key.clone())).collect()
    }

    fn object(&mut self, event: watcher::Event<DynamicObject>) -> Vec<Wake> {
        match event {
            watcher::Event::Init => {
                self.missing = std::mem::take(&mut self.known);
                Vec::new()
            }
            watcher::Event::InitDone => {
                self.gate.take().into_iter().for_each(Gate::pass);
                self.missing.drain().map(|(_, entry)| Wake::Look(entry.key)).collect()
            }
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                self.learn(&object).into_iter().map(Wake::Look).collect()
            }
            watcher::Event::Delete(object) => {
                let key = self.learn(&object);
                self.known.remove(&coordinates(&object));
                key.into_iter().map(|key| departure(key, &object)).collect()
            }
        }
    }

    /// Takes in an object; gives its key if it stands for one.
    fn learn(&mut self, object: &DynamicObject) -> Option<Key> {
        let at = coordinates(object);
        self.missing.remove(&at);
        let names = match krake_names(&at, identity(object).as_ref()) {
            Ok(names) => names,
            Err(mismatch) => {
                let error: &dyn std::error::Error = &mismatch;
                tracing::warn!(error, namespace = at.namespace, name = at.name, "leaving out an object");
                return None;
            }
        };
        self.names.learn(P::Wire::KIND, &at, &names);
        let key = Key::of::<P::Wire>(names.0.as_deref(), &names.1);
        let secret = secret_reference::<P>(object).map(|reference| reference.name);
        self.known.insert(at, Entry { key: key.clone(), secret });
        Some(key)
    }

    fn secret(&self, event: watcher::Event<PartialObjectMeta<Secret>>) -> Vec<Wake> {
        let secret = match event {
            watcher::Event::InitApply(secret) | watcher::Event::Apply(secret) | watcher::Event::Delete(secret) => {
                secret
            }
            watcher::Event::Init | watcher::Event::InitDone => return Vec::new(),
        };
        let refers = |(at, entry): &(&Coordinates, &Entry)| {
            at.namespace == secret.metadata.namespace && entry.secret == secret.metadata.name && entry.secret.is_some()
        };
        self.known.iter().filter(refers).map(|(_, entry)| Wake::Look(entry.key.clone())).collect()
    }
}

fn coordinates(object: &DynamicObject) -> Coordinates {
    let metadata = &object.metadata;
    Coordinates { namespace: metadata.namespace.clone(), name: metadata.name.clone().unwrap_or_default() }
}

/// A disappearance counts as a deletion only if the object carried the mark.
fn departure(key: Key, object: &DynamicObject) -> Wake {
    match (&object.metadata.deletion_timestamp, &object.metadata.uid) {
        (Some(_), Some(uid)) => Wake::Departed { key, uid: uid.clone() },
        _ => Wake::Look(key),
    }
}
