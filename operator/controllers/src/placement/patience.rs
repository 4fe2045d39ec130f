//! Keeps corrections of drift from becoming a fight: when somebody else changes back what was corrected, each further
//! correction waits longer. Says nothing about the first correction, nor about changes of the manifest.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use krake_operator_domain::backoff::DEPLOYMENT;

/// How much longer than its delay a correction must hold to be the end of the matter.
const CALM: Duration = Duration::from_mins(1);

/// The latest corrections, by uid of the Placement. Lost with the process, at the price of one early correction.
#[derive(Debug, Default)]
pub(super) struct Patience {
    corrections: Mutex<HashMap<String, Corrected>>,
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
    pub(super) fn left(&self, uid: &str, now: Instant) -> Option<Duration> {
        let mut corrections = self.locked();
        let corrected = *corrections.get(uid)?;
        if now > corrected.next() + CALM {
            corrections.remove(uid);
        }
        Some(corrected.next().saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Takes note of a correction.
    pub(super) fn corrected(&self, uid: &str, now: Instant) {
        let mut corrections = self.locked();
        let corrected = corrections.entry(uid.to_owned()).or_insert(Corrected { times: 0, last: now });
        *corrected = Corrected { times: corrected.times.saturating_add(1), last: now };
    }

    /// Forgets a Placement that is gone.
    pub(super) fn forget(&self, uid: &str) {
        self.locked().remove(uid);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Corrected>> {
        self.corrections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_in_a_row_wait_longer_and_a_calm_minute_ends_it() {
        let (patience, start) = (Patience::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let left = |seconds: u64| patience.left("u1", at(seconds)).map(|left| left.as_secs());
        assert_eq!(left(0), None);
        patience.corrected("u1", at(0));
        assert_eq!((left(0), left(1)), (Some(1), None));
        patience.corrected("u1", at(1));
        patience.corrected("u1", at(3));
        assert_eq!((left(3), left(6), left(7)), (Some(4), Some(1), None));
        assert_eq!(left(68), None);
        patience.corrected("u1", at(68));
        assert_eq!((left(68), left(69)), (Some(1), None));
        patience.forget("u1");
        assert_eq!(left(68), None);
    }
}
