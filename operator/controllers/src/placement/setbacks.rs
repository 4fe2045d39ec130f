//! Failures to deploy: how many there were in a row, and how long they keep the next attempt waiting. Whatever wakes the
//! controller meanwhile, its own writes among it, does not make the wait shorter.

use std::time::{Duration, Instant};

use krake_crds::kubernetes::Placement;
use krake_operator_domain::backoff::{self, DEPLOYMENT, Next};

use super::{
    by_uid::{ByUid, uid},
    decide::{failures, is_current},
};

/// How long a generation that was given up waits if status does not say so yet.
const GIVEN_UP: Duration = Duration::from_hours(1);

/// The latest failures, by uid of the Placement. Lost with the process, at the price of one early attempt; those that a
/// limit counts are in status too.
#[derive(Debug, Default)]
pub(super) struct Setbacks {
    failed: ByUid<Failed>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    generation: Option<i64>,
    count: u32,
    until: Instant,
}

/// One more failure to deploy, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setback {
    /// Failures in a row, this one included.
    pub(super) count: u32,
    pub(super) next: Next,
}

impl Setbacks {
    /// How long the next attempt has to wait; nothing if it need not. A new generation never has to.
    pub(super) fn left(&self, placement: &Placement, now: Instant) -> Option<Duration> {
        let failed = self.of(placement)?;
        Some(failed.until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Takes note of a failure. Only the first deployment of a generation can be given up: what was deployed once is kept
    /// as it should be for ever.
    pub(super) fn failed(&self, placement: &Placement, now: Instant) -> Setback {
        let known = self.of(placement).map_or(0, |failed| failed.count).max(failures(placement));
        let count = known.saturating_add(1);
        let next = if is_current(placement) {
            Next::Retry { remaining: -1, after: DEPLOYMENT.after(count) }
        } else {
            backoff::after_failed_deployment(&placement.spec.backoff.clone().unwrap_or_default(), count)
        };
        let wait = match next {
            Next::Retry { after, .. } => after,
            Next::GiveUp => GIVEN_UP,
        };
        let failed = Failed { generation: placement.metadata.generation, count, until: now + wait };
        self.failed.locked().insert(uid(placement), failed);
        Setback { count, next }
    }

    /// Forgets the failures of a Placement that is deployed or gone.
    pub(super) fn forget(&self, placement: &Placement) {
        self.failed.forget(placement);
    }

    fn of(&self, placement: &Placement) -> Option<Failed> {
        let failed = self.failed.locked().get(&uid(placement)).copied();
        failed.filter(|failed| failed.generation == placement.metadata.generation)
    }
}

#[cfg(test)]
mod tests {
    use krake_crds::kubernetes::{PlacementStatus, application::Backoff, placement::Failures};

    use super::*;
    use crate::placement::example;

    fn limited(limit: i64) -> Placement {
        let mut placement = example::placement(&[]);
        placement.spec.backoff = Some(Backoff { limit, ..Backoff::default() });
        placement
    }

    #[test]
    fn failures_in_a_row_wait_longer_whatever_wakes_us_and_a_new_generation_starts_over() {
        let (setbacks, start) = (Setbacks::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut placement = limited(-1);
        let left = |placement: &Placement, seconds| setbacks.left(placement, at(seconds)).map(|left| left.as_secs());
        assert_eq!(left(&placement, 0), None);
        setbacks.failed(&placement, at(0));
        assert_eq!((left(&placement, 0), left(&placement, 1)), (Some(1), None));
        setbacks.failed(&placement, at(1));
        assert_eq!((left(&placement, 2), left(&placement, 3)), (Some(1), None));
        placement.metadata.generation = Some(3);
        assert_eq!(left(&placement, 1), None);
        assert_eq!(setbacks.failed(&placement, at(1)).count, 1);
        setbacks.forget(&placement);
        assert_eq!(left(&placement, 1), None);
    }

    #[test]
    fn the_limit_counts_what_status_remembers_and_ends_with_the_first_success() {
        let mut placement = limited(2);
        placement.status = Some(PlacementStatus {
            failures: Some(Failures { generation: 2, count: 2 }),
            ..PlacementStatus::default()
        });
        let third = Setbacks::default().failed(&placement, Instant::now());
        assert_eq!(third, Setback { count: 3, next: Next::GiveUp });
        placement.status.get_or_insert_default().observed_generation = Some(2);
        assert!(matches!(Setbacks::default().failed(&placement, Instant::now()).next, Next::Retry { .. }));
    }
}
