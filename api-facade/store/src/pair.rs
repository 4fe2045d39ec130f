//! What the sync reads and writes: a stored object together with its base and its tombstone, always in one
//! transaction, so that the sync can be killed at any instruction.

use etcd_client::{GetOptions, Txn, TxnOp, TxnOpResponse};

use crate::store::{Pages, unchanged};
use crate::{Collection, Error, Key, Record, Store};

/// A stored object and what belongs to it, as of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The object.
    pub stored: Option<Record>,
    /// What both sides of the sync last agreed on.
    pub base: Option<Record>,
    /// The mark left by removals: a [`Tombstone`](crate::Tombstone).
    pub tombstone: Option<Record>,
    /// The revision of the store at which all three were current.
    pub revision: i64,
}

impl Pair {
    /// What must still hold when a decision made on this pair is written.
    #[must_use]
    pub fn expect(&self) -> Expect {
        let revision = |record: &Option<Record>| record.as_ref().map(|record| record.revision);
        Expect { stored: revision(&self.stored), base: revision(&self.base), tombstone: revision(&self.tombstone) }
    }
}

/// The revisions a commit depends on; `None` means the key must be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Revision of the object.
    pub stored: Option<i64>,
    /// Revision of the base.
    pub base: Option<i64>,
    /// Revision of the tombstone.
    pub tombstone: Option<i64>,
}

/// What to do with one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Write {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Write these bytes.
    Put(Vec<u8>),
    /// Remove it.
    Delete,
}

/// Changes to an object, its base and its tombstone that happen together or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The object's key.
    pub key: Key,
    /// What happens to the object.
    pub stored: Write,
    /// What happens to the base.
    pub base: Write,
    /// What happens to the tombstone.
    pub tombstone: Write,
    /// What must still be true for any of it to happen.
    pub expect: Expect,
}

impl Store {
    /// Reads an object, its base and its tombstone at one revision.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn pair(&self, key: &Key) -> Result<Pair, Error> {
        let keys = [key.as_str().to_owned(), key.base(), key.tombstone()];
        let answer = self.kv().txn(Txn::new().and_then(keys.map(|key| TxnOp::get(key, None)))).await?;
        let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        let mut records = answer.op_responses().into_iter().map(|response| match response {
            TxnOpResponse::Get(mut get) => get.take_kvs().pop().map(|kv| Record::new(key.clone(), kv)),
            TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => None,
        });
        let mut next = || records.next().flatten();
        Ok(Pair { stored: next(), base: next(), tombstone: next(), revision })
    }

    /// Applies a commit in one transaction; gives the revision of the store afterwards.
    ///
    /// A mere note of what both sides agreed on depends on the base alone: it is as true after somebody has written the
    /// object as before, and that write then shows as a change against it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if an expectation did not hold, [`Error::TooLarge`], [`Error::Unavailable`],
    /// [`Error::Undecided`] or [`Error::Refused`].
    pub async fn commit(&self, commit: Commit) -> Result<i64, Error> {
        let Commit { key, stored, base, tombstone, expect } = commit;
        let parts = [
            (key.as_str().to_owned(), stored, expect.stored),
            (key.base(), base, expect.base),
            (key.tombstone(), tombstone, expect.tombstone),
        ];
        let is_note = matches!(parts, [(_, Write::Keep, _), (_, Write::Put(_), _), (_, Write::Keep, _)]);
        let guarded = parts.iter().filter(|(_, write, _)| !is_note || *write != Write::Keep);
        let guards = guarded.map(|(key, _, revision)| unchanged(key, *revision)).collect();
        let writes = parts.into_iter().filter_map(|(key, write, _)| operation(key, write)).collect();
        self.transact(guards, writes).await?.ok_or(Error::Conflict)
    }

    /// The keys of the objects in a collection that have a base.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn bases(&self, collection: &Collection) -> Result<Vec<Key>, Error> {
        self.owned_keys(collection, collection.bases()).await
    }

    /// The keys of the objects in a collection that have a tombstone.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn tombstones(&self, collection: &Collection) -> Result<Vec<Key>, Error> {
        self.owned_keys(collection, collection.tombstones()).await
    }

    async fn owned_keys(&self, collection: &Collection, prefix: String) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::new();
        let mut pages = Pages::new(prefix, GetOptions::new().with_keys_only());
        while let Some(kvs) = pages.next(self.kv()).await? {
            keys.extend(kvs.iter().filter_map(|kv| collection.parse_owned(kv.key())));
        }
        Ok(keys)
    }
}

fn operation(key: String, write: Write) -> Option<TxnOp> {
    match write {
        Write::Keep => None,
        Write::Put(value) => Some(TxnOp::put(key, value, None)),
        Write::Delete => Some(TxnOp::delete(key, None)),
    }
}
