//! What was done when, by users and by faults; and what users have given up, so that nobody misses it.

use std::{
    collections::BTreeSet,
    fmt::{Display, Formatter},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::thing::Thing;

/// Everything that was done since the run began.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    lines: Mutex<Vec<Line>>,
    given_up: Mutex<BTreeSet<Thing>>,
    steps: watch::Sender<usize>,
}

#[derive(Debug)]
struct Line {
    at: Duration,
    who: String,
    what: String,
}

impl Default for History {
    fn default() -> Self {
        let (lines, given_up) = (Mutex::default(), Mutex::default());
        Self { begun: Instant::now(), lines, given_up, steps: watch::Sender::new(0) }
    }
}

impl History {
    /// Records that somebody did something.
    pub fn note(&self, who: &str, what: impl Into<String>) {
        let line = Line { at: self.begun.elapsed(), who: who.to_owned(), what: what.into() };
        lock(&self.lines).push(line);
    }

    /// Records that a user begins with a step, and tells those who wait for one.
    pub fn step(&self, who: &str, what: &str) {
        self.note(who, format!("── {what}"));
        self.steps.send_modify(|steps| *steps += 1);
    }

    /// Counts the steps begun so far.
    #[must_use]
    pub fn steps(&self) -> watch::Receiver<usize> {
        self.steps.subscribe()
    }

    /// Records that a user is about to delete something, or something that takes it along. Must be called before the
    /// deletion can begin.
    pub fn give_up(&self, thing: &Thing) {
        lock(&self.given_up).insert(thing.clone());
    }

    /// Whether a user has asked for the end of a thing.
    #[must_use]
    pub fn is_given_up(&self, thing: &Thing) -> bool {
        lock(&self.given_up).contains(thing)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Display for History {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        for Line { at, who, what } in lock(&self.lines).iter() {
            writeln!(formatter, "{:>9.3} {who:<10} {what}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_user_gave_up_may_go() {
        let history = History::default();
        let shop = Thing::application("web", "shop");
        assert!(!history.is_given_up(&shop));
        history.give_up(&shop);
        assert!(history.is_given_up(&shop));
        assert!(!history.is_given_up(&Thing::cluster("web", "shop")));
    }
}
