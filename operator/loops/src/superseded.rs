//! Versions of objects that we have replaced ourselves, and that a cache may still show.
//!
//! A write wakes its own loop and others, often before the cache has what was written. Whatever is decided from what the
//! cache shows then ends in a conflict; so nobody looks at a version that one of our loops has replaced. The event of the
//! write is on its way, and wakes everybody again.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use kube::ResourceExt;

use crate::context::Cached;

/// How many versions are remembered: those of a few seconds of hard work. One that was forgotten costs a conflict.
const REMEMBERED: usize = 16_384;

tokio::task_local! {
    /// Where the writes of this reconcile are noted.
    static NOTES: Arc<Superseded>;
}

/// The versions that were replaced lately.
#[derive(Debug, Default)]
pub(crate) struct Superseded {
    hasher: RandomState,
    versions: Mutex<Versions>,
}

/// One state of one object.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Version {
    uid: Option<String>,
    version: String,
}

impl Version {
    fn of<K: Cached>(object: &K) -> Option<Self> {
        Some(Self { uid: object.uid(), version: object.resource_version()? })
    }
}

/// Digests of versions.
#[derive(Debug, Default)]
struct Versions {
    known: HashSet<u64>,
    /// The oldest first.
    order: VecDeque<u64>,
}

impl Superseded {
    /// Whether one of our loops has replaced this version of the object.
    pub(crate) fn holds<K: Cached>(&self, object: &K) -> bool {
        let Some(version) = Version::of(object) else { return false };
        let digest = self.hasher.hash_one(version);
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).known.contains(&digest)
    }

    /// Runs a reconcile whose writes are noted.
    pub(crate) fn noting<F: Future>(self: Arc<Self>, reconcile: F) -> impl Future<Output = F::Output> {
        NOTES.scope(self, reconcile)
    }

    fn add(&self, version: &Version) {
        let digest = self.hasher.hash_one(version);
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.known.insert(digest) {
            versions.order.push_back(digest);
        }
        if versions.order.len() > REMEMBERED
            && let Some(oldest) = versions.order.pop_front()
        {
            versions.known.remove(&oldest);
        }
    }
}

/// Notes that `written` has replaced what was `seen`, if that made a difference. Outside of a reconcile nobody cares.
pub(crate) fn note<K: Cached>(seen: &K, written: &K) {
    let after = Version::of(written);
    if let Some(before) = Version::of(seen).filter(|before| Some(before) != after.as_ref()) {
        NOTES.try_with(|notes| notes.add(&before)).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use krake_crds::kubernetes::Cluster;
    use serde_json::json;

    use super::*;

    fn cluster(version: &str) -> Cluster {
        serde_json::from_value(json!({ "metadata": { "name": "edge", "resourceVersion": version }, "spec": {} }))
            .unwrap()
    }

    #[tokio::test]
    async fn a_version_that_a_reconcile_has_replaced_is_old() {
        let superseded = Arc::new(Superseded::default());
        superseded.clone().noting(async { note(&cluster("8"), &cluster("9")) }).await;
        assert!(superseded.holds(&cluster("8")));
        assert!(!superseded.holds(&cluster("9")), "it is the newest that we know");
    }

    #[tokio::test]
    async fn a_write_that_changed_nothing_makes_nothing_old() {
        let superseded = Arc::new(Superseded::default());
        superseded.clone().noting(async { note(&cluster("8"), &cluster("8")) }).await;
        assert!(!superseded.holds(&cluster("8")));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let superseded = Superseded::default();
        for version in 0..=REMEMBERED {
            superseded.add(&Version { uid: None, version: version.to_string() });
        }
        assert!(!superseded.holds(&cluster("0")) && superseded.holds(&cluster("1")));
    }
}
