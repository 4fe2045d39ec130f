//! When a move is given up, and for how long its cluster is left alone then. Pure.
//!
//! Only the last cluster is left alone. So that several bad ones are not tried in turn for ever at the same pace, failures
//! in a row count together, and after each the next cluster has longer to think better of it.

use std::time::Duration;

use jiff::Timestamp;
use krake_crds::{kubernetes::application::Migration, reference::ObjectReference};

/// How long a cluster is left alone for each move to it that was given up in a row. As Krake does after a migration of
/// volumes that failed.
const PAUSE: Duration = Duration::from_mins(1);

/// It is never left alone for longer.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// A move whose new copy cannot serve yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    /// Where to.
    pub(super) to: &'a ObjectReference,
    /// Since when, in the version that is being deployed.
    pub(super) since: Option<Timestamp>,
    /// How long the new copy may take to become ready.
    pub(super) deadline: Duration,
    /// Whether the new copy will never be there.
    pub(super) is_refused: bool,
    /// What is recorded about earlier moves.
    pub(super) recorded: Option<&'a Migration>,
}

/// What becomes of a move.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Course {
    /// It goes on, and is given up at that time.
    GoesOn(Option<Timestamp>),
    /// It is given up.
    GivenUp(Migration),
}

impl Attempt<'_> {
    pub(super) fn course(&self, now: Timestamp) -> Course {
        let again = self.recorded.filter(|recorded| &recorded.avoided == self.to);
        if let Some(recorded) = again.filter(|recorded| now < recorded.not_before.0) {
            return Course::GivenUp(recorded.clone());
        }
        // One that still goes there after the pause gets the whole time again.
        let since = again.map(|recorded| recorded.not_before.0).max(self.since);
        let end = since.and_then(|since| since.checked_add(self.patience()).ok());
        if end.map_or(!self.is_refused, |end| now < end) {
            return Course::GoesOn(end);
        }
        let failures = self.recorded.map_or(0, |recorded| recorded.failures).saturating_add(1);
        let not_before = now.checked_add(pause(failures)).unwrap_or(now).into();
        Course::GivenUp(Migration { avoided: self.to.clone(), failures, not_before })
    }

    /// How long the new copy has. One that was refused has only the pause that follows a failure elsewhere.
    fn patience(&self) -> Duration {
        let elsewhere = self.recorded.filter(|recorded| &recorded.avoided != self.to);
        let pause = elsewhere.map_or(Duration::ZERO, |recorded| pause(recorded.failures));
        if self.is_refused { pause } else { pause.max(self.deadline) }
    }
}

/// How long a cluster is left alone after so many moves to it that were given up in a row.
pub(super) fn pause(failures: i64) -> Duration {
    let failures = u32::try_from(failures.max(1)).unwrap_or(u32::MAX);
    PAUSE.saturating_mul(failures).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_mins(10);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn record(name: &str, failures: i64, not_before: i64) -> Migration {
        Migration { avoided: ObjectReference::cluster("web", name), failures, not_before: at(not_before).into() }
    }

    /// What becomes at `now` of a move to `b` that began at second 1000.
    fn course(is_refused: bool, recorded: Option<&Migration>, now: i64) -> Course {
        let to = &ObjectReference::cluster("web", "b");
        Attempt { to, since: Some(at(1000)), deadline: DEADLINE, is_refused, recorded }.course(at(now))
    }

    #[test]
    fn a_move_is_given_up_at_its_deadline_or_when_it_is_refused() {
        assert_eq!(course(false, None, 1599), Course::GoesOn(Some(at(1600))));
        assert_eq!(course(false, None, 1600), Course::GivenUp(record("b", 1, 1660)));
        assert_eq!(course(true, None, 1001), Course::GivenUp(record("b", 1, 1061)));
    }

    #[test]
    fn one_that_is_given_up_is_not_counted_twice() {
        let recorded = record("b", 1, 1660);
        assert_eq!(course(false, Some(&recorded), 1659), Course::GivenUp(recorded.clone()));
        assert_eq!(course(true, Some(&recorded), 1659), Course::GivenUp(recorded));
    }

    #[test]
    fn after_the_pause_there_is_the_whole_time_again_and_the_next_pause_is_longer() {
        let recorded = record("b", 2, 1700);
        assert_eq!(course(false, Some(&recorded), 1700), Course::GoesOn(Some(at(2300))));
        assert_eq!(course(false, Some(&recorded), 2300), Course::GivenUp(record("b", 3, 2480)));
    }

    #[test]
    fn failures_elsewhere_count_and_slow_down_the_next() {
        let elsewhere = record("c", 1, 1_000_000);
        assert_eq!(course(false, Some(&elsewhere), 1600), Course::GivenUp(record("b", 2, 1720)));
        assert_eq!(course(true, Some(&elsewhere), 1059), Course::GoesOn(Some(at(1060))));
        assert_eq!(course(true, Some(&elsewhere), 1060), Course::GivenUp(record("b", 2, 1180)));
        let often = record("c", 20, 0);
        assert_eq!(course(false, Some(&often), 2199), Course::GoesOn(Some(at(2200))));
        assert_eq!(course(false, Some(&often), 2200), Course::GivenUp(record("b", 21, 3460)));
    }

    #[test]
    fn a_move_of_which_nobody_knows_the_beginning_has_no_end() {
        let to = &ObjectReference::cluster("web", "b");
        let unknown = Attempt { to, since: None, deadline: DEADLINE, is_refused: false, recorded: None }.course(at(9));
        assert_eq!(unknown, Course::GoesOn(None));
    }

    #[test]
    fn pauses_grow_evenly_up_to_an_hour() {
        let minutes: Vec<_> = [1, 2, 3, 60, 61, i64::MAX].map(|failures| pause(failures).as_secs() / 60).into();
        assert_eq!(minutes, [1, 2, 3, 60, 60, 60]);
        assert_eq!(pause(i64::MIN), PAUSE);
    }
}
