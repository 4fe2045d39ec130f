//! When something that failed is tried again.

use std::time::Duration;

use jiff::Timestamp;
use krake_crds::kubernetes::application::{Backoff, Scheduling};

/// No delay is shorter, whatever a spec says: it would be a busy loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// No delay is longer: a mistake in a spec must not look like a loss.
const LONGEST: Duration = Duration::from_hours(24);

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Retry {
        /// Attempts left after that one; -1 is without limit.
        remaining: i64,
        /// How long to wait for it.
        after: Duration,
    },
    /// Nothing, until somebody changes something.
    GiveUp,
}

/// What follows a failed attempt to schedule, with `remaining` retries left, or all of them if none was used.
///
/// The delay is constant: `factor * delaySeconds`. A limit below -1 means no retries.
#[must_use]
pub fn after_failed_scheduling(backoff: &Backoff, remaining: Option<i64>) -> Next {
    let seconds = u64::try_from(backoff.factor.saturating_mul(backoff.delay_seconds)).unwrap_or(0);
    let after = Duration::from_secs(seconds).clamp(SHORTEST, LONGEST);
    if backoff.limit == -1 {
        return Next::Retry { remaining: -1, after };
    }
    // A limit that was lowered or introduced meanwhile holds at once.
    match remaining.filter(|left| *left >= 0).unwrap_or(backoff.limit).min(backoff.limit) {
        left if left > 0 => Next::Retry { remaining: left - 1, after },
        _ => Next::GiveUp,
    }
}

/// The attempts to schedule that are left after one has failed just now; `before` is what was left before it, absent for
/// the first failure of a spec. Attempts are counted when they are due: a look that came earlier, because something
/// changed, costs nothing.
#[must_use]
pub fn attempts_left(backoff: &Backoff, before: Option<&Scheduling>, now: Timestamp) -> Scheduling {
    if let Some(before) = before.filter(|before| !is_counted_now(before, backoff.limit, now)) {
        return before.clone();
    }
    match after_failed_scheduling(backoff, before.map(|before| before.remaining_retries)) {
        Next::Retry { remaining, after } => {
            Scheduling { remaining_retries: remaining, next_attempt: now.checked_add(after).ok().map(Into::into) }
        }
        Next::GiveUp => Scheduling { remaining_retries: 0, next_attempt: None },
    }
}

fn is_counted_now(before: &Scheduling, limit: i64, now: Timestamp) -> bool {
    match &before.next_attempt {
        // Without a limit nothing is used up, and a time in status that moves with every look would never be quiet.
        Some(_) if limit == -1 && before.remaining_retries == -1 => false,
        Some(next) => next.0 <= now,
        // All were used up; only a limit that was raised meanwhile gives new ones.
        None => limit == -1,
    }
}

/// How long it is until the next attempt is counted; nothing if none is.
#[must_use]
pub fn due_in(left: &Scheduling, now: Timestamp) -> Option<Duration> {
    let next = left.next_attempt.as_ref()?.0;
    // One that is without limit is not counted, and so is not due.
    (left.remaining_retries >= 0).then(|| Duration::try_from(next.duration_since(now)).unwrap_or_default())
}

/// What follows after so many failed attempts in a row to deploy a spec; 0 counts as 1.
///
/// The delay is `delaySeconds * factor^(failures - 1)`, at least a second and at most five minutes. Krake's default for the
/// factor, 1, would put no end to the load that a hopeless spec causes: no factor counts as less than 2. A limit below -1
/// means no retries.
#[must_use]
pub fn after_failed_deployment(backoff: &Backoff, failures: u32) -> Next {
    let past = failures.saturating_sub(1);
    let (base, factor) = (positive(backoff.delay_seconds), positive(backoff.factor).max(2));
    let after = Duration::from_secs(base.saturating_mul(factor.saturating_pow(past))).min(DEPLOYMENT.longest);
    if backoff.limit == -1 {
        return Next::Retry { remaining: -1, after };
    }
    match backoff.limit.saturating_sub(i64::from(past)) {
        left if left > 0 => Next::Retry { remaining: left - 1, after },
        _ => Next::GiveUp,
    }
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0).max(1)
}

/// Delays that double with each failure in a row, up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubling {
    /// Delay after the first failure.
    pub base: Duration,
    /// No delay is longer.
    pub longest: Duration,
}

/// For attempts to remove, or to correct drift, that failed.
pub const DEPLOYMENT: Doubling = Doubling { base: Duration::from_secs(1), longest: Duration::from_mins(5) };

impl Doubling {
    /// The delay after this many failures in a row.
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.base.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence(limit: i64, factor: i64, delay_seconds: i64) -> Vec<Option<(i64, u64)>> {
        let backoff = Backoff { factor, delay_seconds, limit };
        let mut remaining = None;
        let mut steps = Vec::new();
        for _ in 0..4 {
            match after_failed_scheduling(&backoff, remaining) {
                Next::Retry { remaining: left, after } => {
                    remaining = Some(left);
                    steps.push(Some((left, after.as_secs())));
                }
                Next::GiveUp => {
                    steps.push(None);
                    break;
                }
            }
        }
        steps
    }

    #[test]
    fn scheduling_is_retried_as_often_as_the_limit_says() {
        assert_eq!(sequence(-1, 1, 1), [Some((-1, 1)); 4]);
        assert_eq!(sequence(0, 7, 7), [None]);
        assert_eq!(sequence(1, 1, 1), [Some((0, 1)), None]);
        assert_eq!(sequence(3, 2, 5), [Some((2, 10)), Some((1, 10)), Some((0, 10)), None]);
        assert_eq!(sequence(-2, 1, 1), [None]);
    }

    #[test]
    fn a_changed_limit_holds_at_once() {
        let lowered = Backoff { factor: 1, delay_seconds: 1, limit: 0 };
        assert_eq!(after_failed_scheduling(&lowered, Some(5)), Next::GiveUp);
        let lifted = Backoff { limit: -1, ..lowered.clone() };
        assert!(matches!(after_failed_scheduling(&lifted, Some(0)), Next::Retry { remaining: -1, .. }));
        let introduced = Backoff { limit: 2, ..lowered };
        assert!(matches!(after_failed_scheduling(&introduced, Some(-1)), Next::Retry { remaining: 1, .. }));
    }

    #[test]
    fn deployment_is_retried_ever_more_slowly_and_as_often_as_the_limit_says() {
        let after = |limit, factor, delay_seconds| {
            let backoff = Backoff { factor, delay_seconds, limit };
            let seconds = move |failures| match after_failed_deployment(&backoff, failures) {
                Next::Retry { remaining, after } => Some((remaining, after.as_secs())),
                Next::GiveUp => None,
            };
            (1..5).map(seconds).collect::<Vec<_>>()
        };
        assert_eq!(after(-1, 1, 1), [Some((-1, 1)), Some((-1, 2)), Some((-1, 4)), Some((-1, 8))]);
        assert_eq!(after(2, 3, 5), [Some((1, 5)), Some((0, 15)), None, None]);
        assert_eq!(after(0, 2, 1), [None; 4]);
        assert_eq!(after(-2, 2, 1), [None; 4]);
        assert_eq!(after(-1, i64::MAX, 7), [Some((-1, 7)), Some((-1, 300)), Some((-1, 300)), Some((-1, 300))]);
        assert_eq!(after(-1, -5, -5), after(-1, 1, 1));
    }

    #[test]
    fn other_delays_double_up_to_five_minutes() {
        let seconds: Vec<_> = (0..12).map(|failures| DEPLOYMENT.after(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(DEPLOYMENT.after(u32::MAX).as_secs(), 300);
    }

    proptest! {
        #[test]
        fn no_spec_makes_a_busy_loop_or_waits_for_ever(factor: i64, delay_seconds: i64, remaining: Option<i64>) {
            let backoff = Backoff { factor, delay_seconds, limit: -1 };
            let Next::Retry { after, .. } = after_failed_scheduling(&backoff, remaining) else { panic!("gave up") };
            prop_assert!((SHORTEST..=LONGEST).contains(&after));
        }
    }
}
