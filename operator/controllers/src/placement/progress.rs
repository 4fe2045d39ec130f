//! What was applied of a generation that is not applied completely yet, so that a deployment goes on where it stopped.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use krake_crds::kubernetes::Placement;
use krake_operator_domain::manifest::Identity;
use krake_operator_loops::labels;

use super::decide::Change;

/// By uid of the Placement. Lost with the process, at the price of applying again what is there.
#[derive(Debug, Default)]
pub(super) struct Progress {
    deployments: Mutex<HashMap<String, Deployment>>,
}

#[derive(Debug, Default)]
struct Deployment {
    generation: Option<i64>,
    /// Digests of the bodies that were applied.
    applied: HashMap<Identity, String>,
}

impl Progress {
    /// Whether the very same was applied in this generation.
    pub(super) fn holds(&self, placement: &Placement, change: &Change) -> bool {
        let deployments = self.locked();
        let known = deployments.get(&uid(placement)).filter(|known| known.generation == placement.metadata.generation);
        known.and_then(|known| known.applied.get(&change.identity)).is_some_and(|known| *known == digest(change))
    }

    /// Takes note of what was applied.
    pub(super) fn applied(&self, placement: &Placement, change: &Change) {
        let mut deployments = self.locked();
        let known = deployments.entry(uid(placement)).or_default();
        if known.generation != placement.metadata.generation {
            *known = Deployment { generation: placement.metadata.generation, ..Deployment::default() };
        }
        known.applied.insert(change.identity.clone(), digest(change));
    }

    /// Forgets a Placement that is applied completely, or gone.
    pub(super) fn forget(&self, placement: &Placement) {
        self.locked().remove(&uid(placement));
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Deployment>> {
        self.deployments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn uid(placement: &Placement) -> String {
    placement.metadata.uid.clone().unwrap_or_default()
}

fn digest(change: &Change) -> String {
    labels::digest(&[&change.body.to_string()])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::placement::example::{entry, object, placement};

    #[test]
    fn only_the_very_same_object_of_the_same_generation_is_done() {
        let (progress, mut placement) = (Progress::default(), placement(&[]));
        let body = object("ConfigMap", "a");
        let entry = entry(&body);
        let mut change = Change { identity: Identity::of_entry(&entry), entry, body, shortening: None };
        assert!(!progress.holds(&placement, &change));
        progress.applied(&placement, &change);
        assert!(progress.holds(&placement, &change));
        change.body["data"]["a"] = json!("2");
        assert!(!progress.holds(&placement, &change));
        progress.applied(&placement, &change);
        placement.metadata.generation = Some(3);
        assert!(!progress.holds(&placement, &change));
        placement.metadata.generation = Some(2);
        progress.forget(&placement);
        assert!(!progress.holds(&placement, &change));
    }
}
