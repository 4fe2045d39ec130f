//! Reading and writing single objects and whole collections. Every write is conditional on what was read before.

use std::time::Duration;

use bytes::Bytes;
use etcd_client::{
    Client, Compare, CompareOp, ConnectOptions, GetOptions, KeyValue, KvClient, SortOrder, SortTarget, Txn, TxnOp,
    WatchClient,
};

use crate::{Collection, Error, Key, Tombstone};

/// A stored object is at most 1 MiB by its request, but status may hold three more copies of its manifest.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Pages keep a list of large objects well under `MAX_ANSWER_BYTES`.
const PAGE: i64 = 500;
/// Keep-alives more often than every 5 s are answered with a disconnect by etcd.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How to reach etcd, and what is written beside the objects.
#[derive(Clone, Debug)]
pub struct Config {
    /// URLs of the members of one etcd cluster, such as `http://127.0.0.1:2379`.
    pub endpoints: Vec<String>,
    /// Whether every removal leaves a tombstone. On when a sync reads them: it never takes absence for a deletion.
    pub tombstones: bool,
    /// How long one call may take. Watches are not cut by it.
    pub call_timeout: Duration,
}

/// One stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key of the object the value belongs to.
    pub key: Key,
    /// The bytes as they were written.
    pub value: Bytes,
    /// The revision of the last write of this value.
    pub revision: i64,
    /// The revision of the write that created the key.
    pub created_revision: i64,
}

impl Record {
    pub(crate) fn new(key: Key, kv: KeyValue) -> Self {
        let (revision, created_revision) = (kv.mod_revision(), kv.create_revision());
        let (_, value) = kv.into_key_value();
        Self { key, value: value.into(), revision, created_revision }
    }
}

/// A collection as of one revision, in the order of its keys' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The revision of the store at which all records were current.
    pub revision: i64,
    /// The records.
    pub records: Vec<Record>,
}

/// A handle on etcd. Clones are cheap and share their connections.
#[derive(Clone)]
pub struct Store {
    calls: Client,
    /// Watches have a connection of their own: etcd can starve them behind heavy reads on a shared one.
    watches: Client,
    tombstones: bool,
}

impl Store {
    /// Prepares the connections; nothing is sent yet, and an etcd that is down is noticed by the first call.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if an endpoint is not a URL.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(3))
            .with_timeout(config.call_timeout)
            .with_keep_alive(KEEP_ALIVE, Duration::from_secs(5))
            .with_keep_alive_while_idle(true)
            .with_tcp_keepalive(Duration::from_secs(30))
            .with_require_leader(true);
        let calls = Client::connect(&config.endpoints, Some(options.clone())).await?;
        let watches = Client::connect(&config.endpoints, Some(options)).await?;
        Ok(Self { calls, watches, tombstones: config.tombstones })
    }

    /// The value of a key; `None` if there is none. Never older than any write acknowledged before the call.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn get(&self, key: &Key) -> Result<Option<Record>, Error> {
        let mut answer = self.kv().get(key.as_str(), None).await?;
        Ok(answer.take_kvs().pop().map(|kv| Record::new(key.clone(), kv)))
    }

    /// All objects of a collection as of one revision.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`]; [`Error::Compacted`] if history was cut between two pages.
    pub async fn list(&self, collection: &Collection) -> Result<Listing, Error> {
        self.list_at(collection, 0).await
    }

    /// All objects of a collection as they were at `revision`; 0 means now.
    pub(crate) async fn list_at(&self, collection: &Collection, revision: i64) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut pages = Pages::new(collection.prefix().into(), GetOptions::new());
        pages.revision = revision;
        while let Some(kvs) = pages.next(self.kv()).await? {
            let records = kvs.into_iter().filter_map(|kv| collection.parse(kv.key()).map(|key| Record::new(key, kv)));
            listing.records.extend(records);
        }
        listing.revision = pages.revision;
        Ok(listing)
    }

    /// Writes a key that must not exist yet; gives its revision.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::TooLarge`], [`Error::Unavailable`], [`Error::Undecided`] or [`Error::Refused`].
    pub async fn create(&self, key: &Key, value: Vec<u8>) -> Result<i64, Error> {
        let guard = unchanged(key.as_str(), None);
        let write = TxnOp::put(key.as_str(), value, None);
        self.transact(vec![guard], vec![write]).await?.ok_or(Error::Exists)
    }

    /// Overwrites a key that still has the revision `expected`; gives its new revision.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it has another one, [`Error::TooLarge`], [`Error::Unavailable`], [`Error::Undecided`] or
    /// [`Error::Refused`].
    pub async fn replace(&self, key: &Key, value: Vec<u8>, expected: i64) -> Result<i64, Error> {
        let guard = unchanged(key.as_str(), Some(expected));
        let write = TxnOp::put(key.as_str(), value, None);
        self.transact(vec![guard], vec![write]).await?.ok_or(Error::Conflict)
    }

    /// Removes a key that still has the revision `expected`. If the store keeps tombstones, one that names `uid` is
    /// written in the same transaction.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the key has another revision, [`Error::Unavailable`], [`Error::Undecided`] or
    /// [`Error::Refused`].
    pub async fn remove(&self, key: &Key, expected: i64, uid: &str) -> Result<i64, Error> {
        self.remove_marked(key, expected, |before| Tombstone::add(before, uid, false)).await
    }

    /// As [`Self::remove`], for an object that something still holds; the tombstone says so.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub async fn remove_by_force(&self, key: &Key, expected: i64, uid: &str) -> Result<i64, Error> {
        self.remove_marked(key, expected, |before| Tombstone::add(before, uid, true)).await
    }

    async fn remove_marked(
        &self,
        key: &Key,
        expected: i64,
        mark: impl Fn(Option<&[u8]>) -> Tombstone + Send,
    ) -> Result<i64, Error> {
        let removal = || (unchanged(key.as_str(), Some(expected)), TxnOp::delete(key.as_str(), None));
        if !self.tombstones {
            let (guard, write) = removal();
            return self.transact(vec![guard], vec![write]).await?.ok_or(Error::Conflict);
        }
        // Twice at most: the sync takes a tombstone away now and then, and an object of this name is removed once.
        for _ in 0..2 {
            let before = self.kv().get(key.tombstone(), None).await?.take_kvs().pop();
            let (guard, write) = removal();
            let unread = unchanged(&key.tombstone(), before.as_ref().map(KeyValue::mod_revision));
            let tombstone = mark(before.as_ref().map(KeyValue::value)).encode();
            let bury = TxnOp::put(key.tombstone(), tombstone, None);
            if let Some(revision) = self.transact(vec![guard, unread], vec![write, bury]).await? {
                return Ok(revision);
            }
        }
        Err(Error::Conflict)
    }

    /// The revision of the newest write to anything in etcd, as of now. Also the cheapest proof that etcd answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn newest_revision(&self) -> Result<i64, Error> {
        let options = GetOptions::new().with_count_only();
        let answer = self.kv().get("/krake.dev/newest", Some(options)).await?;
        Ok(answer.header().map_or(0, etcd_client::ResponseHeader::revision))
    }

    /// Applies all writes if all guards hold; `None` if one did not.
    pub(crate) async fn transact(&self, guards: Vec<Compare>, writes: Vec<TxnOp>) -> Result<Option<i64>, Error> {
        let answer = self.kv().txn(Txn::new().when(guards).and_then(writes)).await.map_err(Error::of_write)?;
        let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        Ok(answer.succeeded().then_some(revision))
    }

    pub(crate) fn kv(&self) -> KvClient {
        self.calls.kv_client().max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn watches(&self) -> WatchClient {
        self.watches.watch_client().max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}

/// Holds while the key has the given revision, or none at all.
pub(crate) fn unchanged(key: &str, revision: Option<i64>) -> Compare {
    match revision {
        None => Compare::version(key, CompareOp::Equal, 0),
        Some(revision) => Compare::mod_revision(key, CompareOp::Equal, revision),
    }
}

/// Reads a prefix page by page; all pages show the revision of the first.
pub(crate) struct Pages {
    options: GetOptions,
    from: Option<Vec<u8>>,
    pub(crate) revision: i64,
}

impl Pages {
    pub(crate) fn new(prefix: String, options: GetOptions) -> Self {
        let from = prefix.into_bytes();
        let mut end = from.clone();
        // Prefixes end in '/', so there is a last byte and it is not the greatest one.
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        let options = options.with_range(end).with_limit(PAGE).with_sort(SortTarget::Key, SortOrder::Ascend);
        Self { options, from: Some(from), revision: 0 }
    }

    pub(crate) async fn next(&mut self, mut kv: KvClient) -> Result<Option<Vec<KeyValue>>, Error> {
        let Some(from) = self.from.take() else { return Ok(None) };
        let mut answer = kv.get(from, Some(self.options.clone().with_revision(self.revision))).await?;
        if self.revision == 0 {
            self.revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        }
        let more = answer.more();
        let kvs = answer.take_kvs();
        // The smallest key after the last one that was read.
        self.from = kvs.last().filter(|_| more).map(|last| [last.key(), &[0]].concat());
        Ok(Some(kvs))
    }
}
