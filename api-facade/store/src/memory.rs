//! What every object of a kind looked like when it was last told. Pure: no clock, no network.
//!
//! The memory is what makes a stream of events whole when etcd cannot: a removal is told with the object that was
//! removed, and after a gap the differences between what was told and what there is now are told, each once, in the
//! order of revisions. It holds the bytes that are served, shared with the events, and as many objects as etcd does.

use std::collections::BTreeMap;

use bytes::Bytes;
use krake_facade_wire::watch::EventType;

use crate::{Census, Collection, Key, Record};

/// An object as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The revision of its last write.
    pub(crate) revision: i64,
    /// The revision of the write that created its key.
    pub(crate) created_revision: i64,
    /// The bytes; `None` if the stored value is no object of the kind.
    pub(crate) object: Option<Bytes>,
}

impl Known {
    /// A stored object with the bytes that are served for it.
    pub(crate) fn of(record: &Record, object: Option<Bytes>) -> Self {
        Self { revision: record.revision, created_revision: record.created_revision, object }
    }
}

/// All objects of a kind.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    objects: BTreeMap<Key, Known>,
    /// The revision of the last change that was taken in.
    position: i64,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) kind: EventType,
    pub(crate) key: Key,
    /// When it happened. For a removal that nobody saw: the last revision at which it may have happened.
    pub(crate) revision: i64,
    pub(crate) object: Bytes,
}

impl Memory {
    /// What is known of a key.
    pub(crate) fn find(&self, key: &Key) -> Option<&Known> {
        self.objects.get(key)
    }

    /// The objects of a collection, in the order of their keys, if a census of it shows that none is missing and none is
    /// older than in etcd.
    pub(crate) fn list(&self, collection: &Collection, census: &Census) -> Option<Vec<Bytes>> {
        let from_start = self.objects.range(collection.start()..);
        let all = from_start.take_while(|(key, _)| collection.contains(key)).map(|(_, known)| known);
        let (keys, newest) = all.clone().fold((0, 0), |(keys, newest), known| (keys + 1, newest.max(known.revision)));
        let is_current = Census::of_one(self.position, keys, newest).still_holds(census);
        is_current.then(|| all.filter_map(|known| known.object.clone()).collect())
    }

    /// Whether a change of a key at this revision has not been taken in yet.
    pub(crate) fn is_news(&self, key: &Key, revision: i64) -> bool {
        let seen = self.objects.get(key).map_or(i64::MIN, |known| known.revision);
        revision >= self.position && revision > seen
    }

    /// Takes in a write.
    pub(crate) fn put(&mut self, key: Key, known: Known) {
        self.position = known.revision;
        self.objects.insert(key, known);
    }

    /// Takes in a removal; gives the object as it was last. `None` if it was not known, or no object of the kind.
    pub(crate) fn delete(&mut self, key: &Key, revision: i64) -> Option<Bytes> {
        self.position = revision;
        self.objects.remove(key)?.object
    }

    /// Takes in all that there was at `revision` after a gap; gives what the gap has hidden.
    pub(crate) fn catch_up(&mut self, now: Vec<(Key, Known)>, revision: i64) -> Vec<Difference> {
        self.replace(now, revision, |before, now| match before {
            None => vec![EventType::Added],
            Some(before) if before.created_revision != now.created_revision => {
                vec![EventType::Deleted, EventType::Added]
            }
            Some(before) if before.revision != now.revision => vec![EventType::Modified],
            Some(_) => vec![],
        })
    }

    /// Takes in all that there is in an etcd that has gone back to `revision`; gives what is different now. Revisions
    /// are those of another history, so only content counts.
    pub(crate) fn rewind(&mut self, now: Vec<(Key, Known)>, revision: i64) -> Vec<Difference> {
        self.replace(now, revision, |before, now| match before {
            None => vec![EventType::Added],
            Some(before) if before.object != now.object => vec![EventType::Modified],
            Some(_) => vec![],
        })
    }

    fn replace(
        &mut self,
        now: Vec<(Key, Known)>,
        revision: i64,
        compare: impl Fn(Option<&Known>, &Known) -> Vec<EventType>,
    ) -> Vec<Difference> {
        let mut before = std::mem::take(&mut self.objects);
        let mut differences = Vec::new();
        for (key, known) in &now {
            let old = before.remove(key);
            for kind in compare(old.as_ref(), known) {
                let (revision, object) = match kind {
                    EventType::Deleted => (known.created_revision - 1, old.as_ref().and_then(|old| old.object.clone())),
                    EventType::Added | EventType::Modified => (known.revision, known.object.clone()),
                };
                differences.extend(difference(kind, key, revision, object));
            }
        }
        for (key, old) in before {
            differences.extend(difference(EventType::Deleted, &key, revision, old.object));
        }
        // Stable, so that what is told of one key at one revision stays in its order.
        differences.sort_by_key(|difference| difference.revision);
        self.objects = now.into_iter().collect();
        self.position = revision;
        differences
    }
}

fn difference(kind: EventType, key: &Key, revision: i64, object: Option<Bytes>) -> Option<Difference> {
    Some(Difference { kind, key: key.clone(), revision, object: object? })
}

#[cfg(test)]
mod tests;
