//! Keeps corrections of drift from becoming a fight: when somebody else changes back what was corrected, each further
//! correction waits longer. Says nothing about the first correction, nor about changes of the manifest.

use std::time::{Duration, Instant};

use krake_crds::kubernetes::Placement;
use krake_operator_domain::backoff::DEPLOYMENT;

use super::by_uid::{ByUid, uid};

/// How much longer than its delay a correction must hold to be the end of the matter.
const CALM: Duration = Duration::from_mins(1);

/// The latest corrections, by uid of the Placement. Lost with the process, at the price of one early correction.
#[derive(Debug, Default)]
pub(super) struct Patience {
    corrections: ByUid<Corrected>,
}

#[derive(Clone, Copy, Debug)]
struct Corrected {
    times: u32,
    last: Instant,
}

impl Corrected {
    fn next(&self) -> Instant {
        self.last + DEPLOYMENT.after(self.times)
    }
}

impl Patience {
    /// How long the next correction has to wait; nothing if it need not.
    pub(super) fn left(&self, placement: &Placement, now: Instant) -> Option<Duration> {
        let (mut corrections, uid) = (self.corrections.locked(), uid(placement));
        let corrected = *corrections.get(&uid)?;
        if now > corrected.next() + CALM {
            corrections.remove(&uid);
        }
        Some(corrected.next().saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Takes note of a correction.
    pub(super) fn corrected(&self, placement: &Placement, now: Instant) {
        let mut corrections = self.corrections.locked();
        let corrected = corrections.entry(uid(placement)).or_insert(Corrected { times: 0, last: now });
        *corrected = Corrected { times: corrected.times.saturating_add(1), last: now };
    }

    /// Forgets a Placement that is gone.
    pub(super) fn forget(&self, placement: &Placement) {
        self.corrections.forget(placement);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::example;

    #[test]
    fn corrections_in_a_row_wait_longer_and_a_calm_minute_ends_it() {
        let (patience, placement, start) = (Patience::default(), example::placement(&[]), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let left = |seconds: u64| patience.left(&placement, at(seconds)).map(|left| left.as_secs());
        assert_eq!(left(0), None);
        patience.corrected(&placement, at(0));
        assert_eq!((left(0), left(1)), (Some(1), None));
        patience.corrected(&placement, at(1));
        patience.corrected(&placement, at(3));
        assert_eq!((left(3), left(6), left(7)), (Some(4), Some(1), None));
        assert_eq!(left(68), None);
        patience.corrected(&placement, at(68));
        assert_eq!((left(68), left(69)), (Some(1), None));
        patience.forget(&placement);
        assert_eq!(left(68), None);
    }
}
