//! What is remembered of Placements between two looks at them. It is lost with the process.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use krake_crds::kubernetes::Placement;

/// One `T` of each Placement, by uid: a namesake is not it.
#[derive(Debug)]
pub(super) struct ByUid<T>(Mutex<HashMap<String, T>>);

impl<T> Default for ByUid<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> ByUid<T> {
    /// All of it.
    pub(super) fn locked(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a Placement.
    pub(super) fn forget(&self, placement: &Placement) {
        self.locked().remove(&uid(placement));
    }
}

/// The uid of a Placement.
pub(super) fn uid(placement: &Placement) -> String {
    placement.metadata.uid.clone().unwrap_or_default()
}
