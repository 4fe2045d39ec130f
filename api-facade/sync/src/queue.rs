//! Which keys are to be looked at, and when. Pure: the caller brings the clock.
//!
//! A key is in here once however often it is woken, and is never looked at twice at the same time: one that is woken
//! while it is being looked at comes up again afterwards.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::Hash,
    time::{Duration, Instant},
};

use crate::error::{LONGEST_DELAY, SHORTEST_DELAY};

/// How often in a row a key may ask for another look at once. Ordinary life takes up to four; more is somebody writing
/// against us, or a defect, and must not become a storm.
const FREE_REPEATS: u32 = 8;

/// How a look at a key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing is left to do.
    Settled,
    /// There is more to do now.
    Again,
    /// It failed and may succeed later.
    Later,
}

/// The keys of one kind that wait.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    ready: VecDeque<K>,
    delayed: BTreeSet<(Instant, K)>,
    waiting: HashMap<K, Option<Instant>>,
    running: HashSet<K>,
    /// How many looks in a row have not settled a key.
    unsettled: HashMap<K, u32>,
}

impl<K: Clone + Eq + Ord + Hash> Queue<K> {
    pub(crate) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            delayed: BTreeSet::new(),
            waiting: HashMap::new(),
            running: HashSet::new(),
            unsettled: HashMap::new(),
        }
    }

    /// Asks for a look as soon as possible, also at a key that waits after a failure.
    pub(crate) fn wake(&mut self, key: K) {
        if let Some(due) = self.waiting.insert(key.clone(), None) {
            match due {
                Some(due) => drop(self.delayed.remove(&(due, key.clone()))),
                None => return,
            }
        }
        self.ready.push_back(key);
    }

    /// The next key to look at.
    pub(crate) fn take(&mut self, now: Instant) -> Option<K> {
        while let Some((due, key)) = self.delayed.first().cloned().filter(|(due, _)| *due <= now) {
            self.delayed.remove(&(due, key.clone()));
            self.waiting.insert(key.clone(), None);
            self.ready.push_back(key);
        }
        let index = self.ready.iter().position(|key| !self.running.contains(key))?;
        let key = self.ready.remove(index)?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    /// Records how a look ended.
    pub(crate) fn done(&mut self, key: K, outcome: Outcome, now: Instant) {
        self.running.remove(&key);
        if outcome == Outcome::Settled {
            self.unsettled.remove(&key);
            return;
        }
        let looks = self.unsettled.entry(key.clone()).or_insert(0);
        let wait = match outcome {
            Outcome::Settled => return,
            Outcome::Again if *looks < FREE_REPEATS => Duration::ZERO,
            Outcome::Again => delay(*looks - FREE_REPEATS),
            Outcome::Later => delay(*looks),
        };
        *looks = looks.saturating_add(1);
        if wait.is_zero() {
            self.wake(key);
        } else if !self.waiting.contains_key(&key) {
            self.waiting.insert(key.clone(), Some(now + wait));
            self.delayed.insert((now + wait, key));
        }
    }

    /// When the next delayed key is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.delayed.first().map(|(due, _)| *due)
    }
}

fn delay(looks: u32) -> Duration {
    SHORTEST_DELAY.saturating_mul(2_u32.saturating_pow(looks)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_once_however_often_it_is_woken() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.wake(1);
        queue.wake(1);
        queue.wake(2);
        assert_eq!((queue.take(now), queue.take(now), queue.take(now)), (Some(1), Some(2), None));
    }

    #[test]
    fn a_key_woken_while_it_is_looked_at_comes_up_again_afterwards() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.wake(1);
        assert_eq!(queue.take(now), Some(1));
        queue.wake(1);
        assert_eq!(queue.take(now), None);
        queue.done(1, Outcome::Settled, now);
        assert_eq!(queue.take(now), Some(1));
    }

    #[test]
    fn failures_wait_longer_each_time_and_a_wake_ends_the_wait() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        for failures in 0..3 {
            queue.wake(1);
            assert_eq!(queue.take(now), Some(1));
            queue.done(1, Outcome::Later, now);
            assert_eq!(queue.next_due(), Some(now + SHORTEST_DELAY * 2_u32.pow(failures)));
        }
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.take(now + LONGEST_DELAY), Some(1));
    }

    #[test]
    fn a_key_that_never_settles_slows_down() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.wake(1);
        for _ in 0..=FREE_REPEATS {
            assert_eq!(queue.take(now), Some(1));
            queue.done(1, Outcome::Again, now);
        }
        assert_eq!((queue.take(now), queue.next_due()), (None, Some(now + SHORTEST_DELAY)));
    }

    #[test]
    fn the_wait_has_a_bound() {
        assert_eq!(delay(u32::MAX), LONGEST_DELAY);
    }
}
