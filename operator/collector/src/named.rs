//! Which objects were ever named by another one as what it depends on. Most never are, and need no search for those that
//! depend on them.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::runtime::watcher::Event;

use super::{
    index::Entry,
    kinds::{Bindings, Outline},
};

/// Digests of all names. They are never taken out: eight bytes for each owner of a term.
#[derive(Debug, Default)]
pub(super) struct Named {
    digests: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Named {
    /// Takes note of what the object of an event depends on.
    pub(super) fn note(&self, event: &Event<Outline>) {
        let (Event::Apply(dependent) | Event::InitApply(dependent)) = event else { return };
        let owners = dependent.spec.owners.iter().map(|owner| self.hasher.hash_one(owner));
        let places = dependent.status.iter().flat_map(Bindings::places).map(|place| self.hasher.hash_one(place));
        self.digests().extend(owners.chain(places));
    }

    /// Whether anything may depend on the object: it does not if this says no, and perhaps not any more if it says yes.
    pub(super) fn may_own(&self, object: &Entry) -> bool {
        let (names, place) = (object.names(), object.place());
        let digests = self.digests();
        names.is_some_and(|names| digests.contains(&self.hasher.hash_one(names)))
            || digests.contains(&self.hasher.hash_one(place))
    }

    fn digests(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
