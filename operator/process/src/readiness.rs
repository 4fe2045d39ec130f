//! What the process still waits for before it can serve, by name.
//!
//! Whoever must come up first (caches, a connection) holds a permit and drops it once it is up; it takes a new
//! one when it is down again. The admin server reports what is held. Nothing here waits or notifies.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The set of things the process waits for; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    held: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Readiness {
    /// A process that waits for nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the process unready until the permit is dropped. The same name may be held several times.
    #[must_use = "dropping the permit at once makes the process ready"]
    pub fn hold(&self, name: &'static str) -> Permit {
        *self.lock().entry(name).or_default() += 1;
        Permit { readiness: self.clone(), name }
    }

    /// True when every permit is released.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().is_empty()
    }

    /// The names still held, each once, in alphabetical order.
    #[must_use]
    pub fn pending(&self) -> Vec<&'static str> {
        self.lock().keys().copied().collect()
    }

    fn release(&self, name: &'static str) {
        let mut held = self.lock();
        match held.get_mut(name) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(name)),
        }
    }

    /// Every change is a single step, so the set is whole even after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the process unready until dropped.
#[derive(Debug)]
pub struct Permit {
    readiness: Readiness,
    name: &'static str,
}

impl Permit {
    /// Says that what was waited for is there; the same as dropping the permit.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.readiness.release(self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_permit_is_released() {
        let readiness = Readiness::new();
        let caches = readiness.hold("caches");
        let etcd = readiness.hold("etcd");
        assert_eq!(readiness.pending(), ["caches", "etcd"]);
        etcd.release();
        assert_eq!(readiness.pending(), ["caches"]);
        caches.release();
        assert!(readiness.is_ready());
    }

    #[test]
    fn a_name_held_twice_needs_two_releases() {
        let readiness = Readiness::new();
        let (first, second) = (readiness.hold("caches"), readiness.hold("caches"));
        first.release();
        assert!(!readiness.is_ready());
        second.release();
        assert!(readiness.is_ready());
    }

    #[test]
    fn what_went_away_makes_the_process_unready_again() {
        let readiness = Readiness::new();
        readiness.hold("etcd").release();
        assert!(readiness.is_ready());
        let _away = readiness.hold("etcd");
        assert!(!readiness.is_ready());
    }
}
