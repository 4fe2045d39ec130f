//! Whether collections still are as they were read, for the price of one small question.
//!
//! A census holds, for each collection, how many keys it has and the revision of its newest write. Both together tell
//! any two states apart: a write that lasts raises the newest revision, and where nothing was written, what was removed
//! is missing in the number. So what was read at one census is known to be complete at a later one that is equal.

use etcd_client::{GetOptions, GetResponse, ResponseHeader, SortOrder, SortTarget, Txn, TxnOp, TxnOpResponse};

use crate::{Collection, Error, Listing, Store};

/// The state of some collections at one revision, without their objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    revision: i64,
    counts: Vec<Count>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    keys: i64,
    newest: i64,
}

impl Census {
    /// What a single collection was like at a revision, according to what was read of it.
    pub(crate) fn of_one(revision: i64, keys: i64, newest: i64) -> Self {
        Self { revision, counts: vec![Count { keys, newest }] }
    }

    /// Whether the collections are the same at a census taken later.
    ///
    /// A revision that went back means another etcd, or an old copy of this one: nothing is known then.
    #[must_use]
    pub fn still_holds(&self, later: &Self) -> bool {
        self.revision <= later.revision && self.counts == later.counts
    }
}

impl Store {
    /// Counts collections, in the order given, as of now: never older than any write acknowledged before the call.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`].
    pub async fn census(&self, collections: &[Collection]) -> Result<Census, Error> {
        let counts: Vec<_> =
            collections.iter().map(|collection| TxnOp::get(collection.prefix(), Some(newest()))).collect();
        let answer = self.kv().txn(Txn::new().and_then(counts)).await?;
        let revision = answer.header().map_or(0, ResponseHeader::revision);
        let counts = answer.op_responses().into_iter().filter_map(|response| match response {
            TxnOpResponse::Get(get) => Some(count(&get)),
            TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => None,
        });
        Ok(Census { revision, counts: counts.collect() })
    }

    /// All objects of a collection as they were at a census.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Refused`]; [`Error::Compacted`] if history was cut since the census.
    pub async fn list_as_of(&self, collection: &Collection, census: &Census) -> Result<Listing, Error> {
        self.list_at(collection, census.revision).await
    }
}

/// The key that was written last; etcd counts them all whatever the limit.
fn newest() -> GetOptions {
    GetOptions::new().with_prefix().with_keys_only().with_sort(SortTarget::Mod, SortOrder::Descend).with_limit(1)
}

fn count(answer: &GetResponse) -> Count {
    let newest = answer.kvs().first().map_or(0, etcd_client::KeyValue::mod_revision);
    Count { keys: answer.count(), newest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(revision: i64, counts: &[(i64, i64)]) -> Census {
        Census { revision, counts: counts.iter().map(|&(keys, newest)| Count { keys, newest }).collect() }
    }

    #[test]
    fn writes_elsewhere_leave_a_census_true() {
        assert!(census(10, &[(2, 7), (0, 0)]).still_holds(&census(20, &[(2, 7), (0, 0)])));
    }

    #[test]
    fn a_write_or_a_removal_in_any_collection_ends_it() {
        let before = census(10, &[(2, 7), (1, 3)]);
        for after in [[(2, 12), (1, 3)], [(3, 12), (1, 3)], [(1, 7), (1, 3)], [(2, 7), (0, 0)]] {
            assert!(!before.still_holds(&census(12, &after)), "{after:?}");
        }
    }

    #[test]
    fn an_etcd_that_went_back_in_time_is_not_the_one_that_was_read() {
        assert!(!census(10, &[(2, 7)]).still_holds(&census(9, &[(2, 7)])));
    }
}
