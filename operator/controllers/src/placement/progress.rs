//! What was applied in an attempt to deploy a generation, or to correct it, so that it goes on where it stopped.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use krake_crds::kubernetes::Placement;
use krake_operator_domain::manifest::Identity;

use super::{
    by_uid::{ByUid, uid},
    decide::Change,
};

/// The shortest attempt: somebody who keeps changing what was applied gets no more corrections than that while the rest
/// fails.
const ATTEMPT: Duration = Duration::from_mins(1);

/// By uid of the Placement. Lost with the process, at the price of applying again what is there.
#[derive(Debug, Default)]
pub(super) struct Progress {
    deployments: ByUid<Deployment>,
}

#[derive(Debug)]
struct Deployment {
    generation: Option<i64>,
    /// When the attempt began.
    since: Instant,
    /// What was applied in this generation, and whether that was in this attempt.
    applied: HashMap<Identity, bool>,
}

impl Progress {
    /// Whether an object need not be applied: it was in this attempt, and what has changed since waits until all others had
    /// their turn; or it was in an earlier one, and is what it should be.
    pub(super) fn holds(&self, placement: &Placement, change: &Change) -> bool {
        let deployments = self.deployments.locked();
        let known = deployments.get(&uid(placement)).filter(|known| known.generation == placement.metadata.generation);
        known.and_then(|known| known.applied.get(&change.identity)).is_some_and(|is_new| *is_new || !change.is_drifted)
    }

    /// Takes note of what was applied.
    pub(super) fn applied(&self, placement: &Placement, change: &Change, now: Instant) {
        let generation = placement.metadata.generation;
        let anew = || Deployment { generation, since: now, applied: HashMap::new() };
        let mut deployments = self.deployments.locked();
        let known = deployments.entry(uid(placement)).or_insert_with(anew);
        if known.generation != generation {
            *known = anew();
        }
        known.applied.insert(change.identity.clone(), true);
    }

    /// Takes note that an attempt has failed. In the next one what has drifted is corrected too.
    pub(super) fn failed(&self, placement: &Placement, now: Instant) {
        let mut deployments = self.deployments.locked();
        let Some(known) = deployments.get_mut(&uid(placement)) else { return };
        if now.saturating_duration_since(known.since) >= ATTEMPT {
            known.since = now;
            known.applied.values_mut().for_each(|is_new| *is_new = false);
        }
    }

    /// Forgets a Placement that is applied completely, or gone.
    pub(super) fn forget(&self, placement: &Placement) {
        self.deployments.forget(placement);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::example::{entry, object, placement};

    fn change(is_drifted: bool) -> Change {
        let body = object("ConfigMap", "a");
        let entry = entry(&body);
        Change { identity: Identity::of_entry(&entry), entry, body, is_drifted, shortening: None }
    }

    #[test]
    fn what_was_applied_is_done_for_its_generation_until_that_is_complete() {
        let (progress, mut placement) = (Progress::default(), placement(&[]));
        assert!(!progress.holds(&placement, &change(false)));
        progress.applied(&placement, &change(true), Instant::now());
        assert!(progress.holds(&placement, &change(false)));
        placement.metadata.generation = Some(3);
        assert!(!progress.holds(&placement, &change(false)));
        placement.metadata.generation = Some(2);
        progress.forget(&placement);
        assert!(!progress.holds(&placement, &change(false)));
    }

    #[test]
    fn what_drifts_while_others_fail_is_corrected_by_an_attempt_after_a_minute() {
        let (progress, placement, start) = (Progress::default(), placement(&[]), Instant::now());
        progress.applied(&placement, &change(true), start);
        progress.failed(&placement, start + Duration::from_secs(59));
        assert!(progress.holds(&placement, &change(true)));
        progress.failed(&placement, start + ATTEMPT);
        assert!(!progress.holds(&placement, &change(true)) && progress.holds(&placement, &change(false)));
        progress.applied(&placement, &change(true), start + ATTEMPT);
        progress.failed(&placement, start + ATTEMPT);
        assert!(progress.holds(&placement, &change(true)));
    }
}
