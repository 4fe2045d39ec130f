//! The applications that are on their way at one moment: created, and without a place. A new one follows each decision.
//!
//! Not all are created at once, because the original's API loses events of a watch when several come together, whatever
//! the load: its etcd client takes one answer out of what it has read, and drops the rest. An application whose event its
//! scheduler never saw is not placed until it is touched. So the window opens slowly, and an application that the others
//! have overtaken is looked at, and touched if it still has no place. The rest of the window keeps the scheduler busy.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::problem::Problem;

/// With no decision for so long, everything that waits is looked at.
const SILENCE: Duration = Duration::from_secs(10);

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// How many applications wait at the same time, at most. So many decisions are made before those that count.
    pub(super) waiting: usize,
    /// How many decisions count.
    pub(super) decisions: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// How long the decisions that count took.
    pub(super) took: Duration,
    /// How many applications had to be touched.
    pub(super) touched: usize,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Create the application with this number.
    Create(usize),
    /// Look at the application with this number, and touch it if it has no place.
    Remind(usize),
}

/// An application as a request or an event shows it.
pub(super) struct Seen {
    pub(super) object: Value,
    /// Whether it was touched just now.
    pub(super) touched: bool,
}

/// Between the first request and the last decision.
pub(super) struct Window<'a> {
    problem: &'a Problem,
    load: Load,
    /// How many applications were created.
    created: usize,
    /// Those without a place, and how many decisions had been made when they were created or reminded of.
    waiting: BTreeMap<usize, usize>,
    decided: usize,
    touched: usize,
    /// When the decisions that count began.
    begun: Option<Instant>,
    ended: Option<Instant>,
    silent_since: Instant,
    /// What was last heard of one that waits.
    heard: Option<String>,
}

impl<'a> Window<'a> {
    pub(super) fn new(problem: &'a Problem, load: Load, now: Instant) -> Self {
        Self {
            problem,
            load,
            created: 0,
            waiting: BTreeMap::new(),
            decided: 0,
            touched: 0,
            begun: None,
            ended: None,
            silent_since: now,
            heard: None,
        }
    }

    /// What is to be done now. A step is given once.
    pub(super) fn steps(&mut self, now: Instant) -> Vec<Step> {
        let mut steps: Vec<Step> = self.overdue(now).into_iter().map(Step::Remind).collect();
        while self.ended.is_none() && self.waiting.len() < self.load.waiting.min(1 + self.decided) {
            self.waiting.insert(self.created, self.decided);
            steps.push(Step::Create(self.created));
            self.created += 1;
        }
        steps
    }

    /// The one that was overtaken by the most others, if any was by so many that it should have been its turn long ago; all
    /// when nothing happens.
    fn overdue(&mut self, now: Instant) -> Vec<usize> {
        let is_silent = now.saturating_duration_since(self.silent_since) > SILENCE;
        let overdue: Vec<usize> = if is_silent {
            self.silent_since = now;
            self.waiting.keys().copied().collect()
        } else {
            let longest = self.waiting.iter().min_by_key(|(_, since)| **since);
            let turn = |(_, since): &(&usize, &usize)| self.decided - **since >= 2 * self.load.waiting;
            longest.filter(turn).map(|(number, _)| *number).into_iter().collect()
        };
        for number in &overdue {
            self.waiting.insert(*number, self.decided);
        }
        overdue
    }

    /// Takes in what was seen of an application; one with a place waits no more.
    ///
    /// # Errors
    /// When the place is not one that the application may have.
    pub(super) fn note(&mut self, seen: &Seen, now: Instant) -> Result<()> {
        self.touched += usize::from(seen.touched);
        let text = |path| seen.object.pointer(path).and_then(Value::as_str);
        let number = text("/metadata/name").and_then(Problem::number_of_application);
        let Some(number) = number.filter(|number| self.waiting.contains_key(number)) else {
            return Ok(());
        };
        let name = Problem::name_of_application(number);
        let Some(place) = text("/status/scheduled_to/name") else {
            let reason = text("/status/reason/message").map(|reason| format!(", {reason}")).unwrap_or_default();
            self.heard = Some(format!("{name} is {}{reason}", text("/status/state").unwrap_or("without a state")));
            return Ok(());
        };
        ensure!(self.problem.fits(number, place), "{name} was put on {place}, which its constraint forbids");
        self.waiting.remove(&number);
        self.decided += 1;
        self.silent_since = now;
        if self.decided == self.load.waiting {
            self.begun = Some(now);
        }
        if self.decided == self.load.waiting + self.load.decisions {
            self.ended = Some(now);
        }
        Ok(())
    }

    /// The outcome, when nothing waits any more: whoever clears up after this shall not take away what somebody is about
    /// to decide on. The original's scheduler ends when that happens to it three times in a row.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let took = self.ended?.saturating_duration_since(self.begun?);
        self.waiting.is_empty().then_some(Outcome { took, touched: self.touched })
    }

    /// How far it is, and what was heard of those that wait.
    pub(super) fn so_far(&self) -> String {
        let wanted = self.load.waiting + self.load.decisions;
        let heard = self.heard.as_ref().map(|heard| format!("; last heard: {heard}")).unwrap_or_default();
        format!("{} of {wanted} decisions{heard}", self.decided)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(number: usize, status: &Value) -> Seen {
        let name = Problem::name_of_application(number);
        Seen { object: json!({ "metadata": { "name": name }, "status": status }), touched: false }
    }

    /// On a cluster that fits: applications and clusters are in turn in two zones.
    fn placed(number: usize) -> Seen {
        let name = if number.is_multiple_of(2) { "hollow-0002" } else { "hollow-0003" };
        seen(number, &json!({ "scheduled_to": { "name": name } }))
    }

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn the_window_opens_slowly_and_time_counts_from_when_it_is_open() {
        let (problem, start) = (Problem::default(), Instant::now());
        let mut window = Window::new(&problem, Load { waiting: 2, decisions: 2 }, start);
        assert_eq!(window.steps(start), [Step::Create(0)]);
        window.note(&placed(0), start + second(1)).unwrap();
        assert_eq!(window.steps(start), [Step::Create(1), Step::Create(2)]);
        for number in [1, 2, 2, 3, 4] {
            assert_eq!(window.outcome(), None);
            window.note(&placed(number), start + second(1 + number as u64)).unwrap();
            window.steps(start);
        }
        assert_eq!((window.created, window.outcome()), (5, Some(Outcome { took: second(2), touched: 0 })));
    }

    #[test]
    fn an_application_that_all_others_overtook_is_reminded_of_once() {
        let (problem, start) = (Problem::default(), Instant::now());
        let mut window = Window::new(&problem, Load { waiting: 2, decisions: 100 }, start);
        window.steps(start);
        window.note(&placed(0), start).unwrap();
        window.steps(start);
        let mut reminders = Vec::new();
        for number in 2..8 {
            window.note(&placed(number), start).unwrap();
            reminders.extend(window.steps(start).into_iter().filter(|step| matches!(step, Step::Remind(_))));
        }
        assert_eq!(reminders, [Step::Remind(1)]);
        window.note(&Seen { touched: true, ..placed(1) }, start).unwrap();
        assert_eq!((window.touched, window.decided), (1, 8));
    }

    #[test]
    fn all_that_wait_are_looked_at_when_nothing_happens() {
        let (problem, start) = (Problem::default(), Instant::now());
        let mut window = Window::new(&problem, Load { waiting: 3, decisions: 1 }, start);
        assert_eq!(window.steps(start + second(11)), [Step::Create(0)]);
        assert_eq!(window.steps(start + second(12)), []);
        assert_eq!(window.steps(start + second(22)), [Step::Remind(0)]);
    }

    #[test]
    fn a_place_against_the_constraint_is_no_decision() {
        let (problem, start) = (Problem::default(), Instant::now());
        let mut window = Window::new(&problem, Load { waiting: 1, decisions: 1 }, start);
        window.steps(start);
        assert!(window.note(&seen(0, &json!({ "scheduled_to": { "name": "hollow-0001" } })), start).is_err());
    }

    #[test]
    fn why_one_waits_is_told() {
        let (problem, start) = (Problem::default(), Instant::now());
        let mut window = Window::new(&problem, Load { waiting: 1, decisions: 1 }, start);
        window.steps(start);
        window.note(&seen(0, &json!({ "state": "DEGRADED", "reason": { "message": "no cluster" } })), start).unwrap();
        assert_eq!(window.so_far(), "0 of 2 decisions; last heard: app-00000 is DEGRADED, no cluster");
    }
}
