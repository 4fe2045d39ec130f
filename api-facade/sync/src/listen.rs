//! What makes the loop of one kind look again: watches of both sides, and time.
//!
//! No event is acted on, so one that is lost, doubled or out of order costs nothing. The only thing taken from an event
//! is that an object disappeared while it was marked, which nothing else could tell.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{Stream, StreamExt, stream};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use krake_facade_store::{Change, Collection, Key, Store, Watcher};
use krake_facade_wire::Kind;
use kube::{
    Api, Client,
    api::{DynamicObject, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use tokio::sync::{Notify, broadcast, mpsc};

use crate::{
    directory::Directory,
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

/// Tells of every change of a Secret, for all kinds.
pub(crate) async fn secrets(client: Client, changed: broadcast::Sender<Coordinates>) {
    let metadata: Api<PartialObjectMeta<Secret>> = Api::all(client);
    let mut events = watcher::watcher(metadata, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::InitApply(secret) | watcher::Event::Apply(secret) | watcher::Event::Delete(secret)) => {
                let ObjectMeta { namespace, name, .. } = secret.metadata;
                // The only error is that no kind listens.
                drop(changed.send(Coordinates { namespace, name: name.unwrap_or_default() }));
            }
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, kind = "Secret", "watching"),
        }
    }
}

/// What is heard of on the object's side: an event of its watch, a Secret that changed, or a gap in what is known.
enum Seen {
    Object(Box<watcher::Event<DynamicObject>>),
    Secret(Coordinates),
    Gap,
}

/// Wakes for the object's side and for the Secrets that objects refer to.
pub(crate) struct Objectwise<P: Pairing> {
    names: Arc<Directory>,
    /// Where the Secrets of objects without a namespace are.
    home: String,
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
    pub(crate) fn new(names: Arc<Directory>, home: String, wakes: mpsc::Sender<Wake>, gate: Gate) -> Self {
        let (known, missing) = (HashMap::new(), HashMap::new());
        Self { names, home, wakes, gate: Some(gate), known, missing, pairing: std::marker::PhantomData }
    }

    /// Listens for ever. Each of `gaps` is a reason to look at everything, each of `secrets` a Secret that changed.
    pub(crate) async fn run(mut self, objects: Objects, gaps: Arc<Notify>, secrets: broadcast::Receiver<Coordinates>) {
        let resource = objects.resource().clone();
        let everywhere = watcher::watcher(objects.everywhere(), watcher::Config::default());
        let everywhere = everywhere.default_backoff().map(|event| event.map(|event| Seen::Object(Box::new(event))));
        let gaps = stream::unfold(gaps, async |gaps| {
            gaps.notified().await;
            Some((Ok(Seen::Gap), gaps))
        });
        let secrets = if P::SECRET.is_some() { changes(secrets).boxed() } else { stream::pending().boxed() };
        let mut events = stream::select_all([everywhere.boxed(), secrets, gaps.boxed()]);
        while let Some(event) = events.next().await {
            let woken = match event {
                Ok(Seen::Object(event)) => self.object(*event),
                Ok(Seen::Secret(secret)) => self.secret(&secret),
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
        self.names.learn(P::KIND, &at, &names);
        let key = Key::of::<P>(names.0.as_deref(), &names.1);
        let secret = P::SECRET.and_then(|part| part.reference_of(object)).map(|reference| reference.name);
        self.known.insert(at, Entry { key: key.clone(), secret });
        Some(key)
    }

    fn secret(&self, secret: &Coordinates) -> Vec<Wake> {
        let refers = |(at, entry): &(&Coordinates, &Entry)| {
            let namespace = at.namespace.as_deref().unwrap_or(&self.home);
            secret.namespace.as_deref() == Some(namespace) && entry.secret.as_deref() == Some(&secret.name)
        };
        self.known.iter().filter(refers).map(|(_, entry)| Wake::Look(entry.key.clone())).collect()
    }
}

/// Secrets that changed; after more of them than are kept, everything may have.
fn changes(secrets: broadcast::Receiver<Coordinates>) -> impl Stream<Item = Result<Seen, watcher::Error>> {
    stream::unfold(secrets, async |mut secrets| match secrets.recv().await {
        Ok(secret) => Some((Ok(Seen::Secret(secret)), secrets)),
        Err(broadcast::error::RecvError::Lagged(_)) => Some((Ok(Seen::Gap), secrets)),
        Err(broadcast::error::RecvError::Closed) => None,
    })
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
