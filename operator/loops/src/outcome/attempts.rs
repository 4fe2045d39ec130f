//! Failures in a row, per object: kube has no backoff per object.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Delay after the first failure; short, because most failures are over with the next look.
const FIRST: Duration = Duration::from_millis(100);
/// Longest delay between two attempts.
const LONGEST: Duration = Duration::from_mins(1);
/// After so many doublings `FIRST` is beyond `LONGEST`.
const DOUBLINGS: u32 = 10;

/// Counts failures in a row per object, and says how long to wait.
#[derive(Debug)]
pub struct Attempts<Key> {
    failures: Mutex<HashMap<Key, u32>>,
}

impl<Key> Default for Attempts<Key> {
    fn default() -> Self {
        Self { failures: Mutex::default() }
    }
}

impl<Key: Eq + Hash> Attempts<Key> {
    /// Forgets the failures of an object that succeeded or is gone.
    pub fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// Counts one more failure; returns how many there were in a row, and the delay before the next attempt.
    pub fn failed(&self, key: Key) -> (u32, Duration) {
        let mut failures = self.lock();
        let count = failures.entry(key).and_modify(|count| *count = count.saturating_add(1)).or_insert(1);
        (*count, delay(*count))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, u32>> {
        // A panic while counting leaves the map as usable as before.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delay(failures: u32) -> Duration {
    (FIRST * 2_u32.pow(failures.saturating_sub(1).min(DOUBLINGS))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_minute() {
        let attempts = Attempts::default();
        let delays: Vec<_> = (0..12).map(|_| attempts.failed("shop").1.as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    }

    #[test]
    fn success_starts_over_and_objects_do_not_share_a_count() {
        let attempts = Attempts::default();
        attempts.failed("shop");
        attempts.failed("shop");
        assert_eq!(attempts.failed("blog").0, 1);
        attempts.forget(&"shop");
        assert_eq!(attempts.failed("shop"), (1, FIRST));
    }
}
