//! Whether a cluster answers, judged from its probes with hysteresis. Pure, and without a clock: it counts probes.

/// One lost probe is a hiccup; two in a row are an outage.
const FAILURES_UNTIL_UNREACHABLE: u32 = 2;

/// Answers in a row, about a second apart, after which a cluster that was away is relied upon again.
const ANSWERS_UNTIL_REACHABLE: u32 = 3;

/// A cluster that drops out again and again must answer longer each time: twice as often as before, but not more often
/// than this.
const MOST_ANSWERS_UNTIL_REACHABLE: u32 = 48;

/// Answers in a row (some five minutes of them) after which earlier outages are forgiven.
const ANSWERS_UNTIL_STEADY: u32 = 60;

/// What the probes of a cluster say, taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// Not enough probes yet.
    #[default]
    Unknown,
    /// The last probe that counts was answered.
    Reachable {
        /// Version that the API server reports; empty if what it reports is none.
        version: String,
    },
    /// Answers again after an outage, but not for long enough yet that new work should be sent there.
    Returning {
        /// Version that the API server reports; empty if what it reports is none.
        version: String,
    },
    /// Several probes in a row were not answered.
    Unreachable {
        /// One sentence, stable while the outage lasts.
        why: String,
    },
}

impl Reachability {
    /// Whether the cluster answers, be it for how short a time.
    #[must_use]
    pub fn answers(&self) -> bool {
        matches!(self, Self::Reachable { .. } | Self::Returning { .. })
    }
}

/// Collects the probes of one cluster.
#[derive(Debug)]
pub(crate) struct Judge {
    verdict: Reachability,
    failures: u32,
    /// In a row, since the last outage ended.
    answers: u32,
    /// Of which so many are needed after the next or the current outage.
    required: u32,
}

impl Default for Judge {
    fn default() -> Self {
        let (answers, required) = (ANSWERS_UNTIL_STEADY, ANSWERS_UNTIL_REACHABLE);
        Self { verdict: Reachability::default(), failures: 0, answers, required }
    }
}

impl Judge {
    pub(crate) fn verdict(&self) -> &Reachability {
        &self.verdict
    }

    /// An answered probe. The first contact counts at once; the end of an outage must be confirmed.
    pub(crate) fn answered(&mut self, version: String) {
        self.failures = 0;
        self.answers = self.answers.saturating_add(1);
        let was_away = matches!(self.verdict, Reachability::Unreachable { .. } | Reachability::Returning { .. });
        self.verdict = if was_away && self.answers < self.required {
            Reachability::Returning { version }
        } else {
            Reachability::Reachable { version }
        };
    }

    /// A probe without answer. The reason is kept from the beginning of the outage, so that it does not flicker.
    pub(crate) fn failed(&mut self, why: &str) {
        self.failures = self.failures.saturating_add(1);
        if matches!(self.verdict, Reachability::Returning { .. }) {
            self.answers = 0;
        }
        let is_known = matches!(self.verdict, Reachability::Unreachable { .. });
        if self.failures >= FAILURES_UNTIL_UNREACHABLE && !is_known {
            let is_forgiven = self.answers >= ANSWERS_UNTIL_STEADY;
            let twice = self.required.saturating_mul(2).min(MOST_ANSWERS_UNTIL_REACHABLE);
            self.required = if is_forgiven { ANSWERS_UNTIL_REACHABLE } else { twice };
            self.answers = 0;
            self.verdict = Reachability::Unreachable { why: why.to_owned() };
        }
    }

    /// Whether the last probe failed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(judge: &mut Judge, probe: Result<&str, &str>) -> Reachability {
        match probe {
            Ok(version) => judge.answered(version.to_owned()),
            Err(why) => judge.failed(why),
        }
        judge.verdict().clone()
    }

    fn after(probes: &[Result<&str, &str>]) -> Reachability {
        let mut judge = Judge::default();
        probes.iter().map(|one| probe(&mut judge, *one)).last().unwrap_or_default()
    }

    fn reachable(version: &str) -> Reachability {
        Reachability::Reachable { version: version.into() }
    }

    fn returning(version: &str) -> Reachability {
        Reachability::Returning { version: version.into() }
    }

    fn unreachable(why: &str) -> Reachability {
        Reachability::Unreachable { why: why.into() }
    }

    #[test]
    fn two_failures_in_a_row_are_an_outage_and_three_answers_in_a_row_end_it() {
        let table: [(&[Result<&str, &str>], Reachability); 12] = [
            (&[], Reachability::Unknown),
            (&[Ok("v1")], reachable("v1")),
            (&[Err("a")], Reachability::Unknown),
            (&[Err("a"), Ok("v1")], reachable("v1")),
            (&[Err("a"), Err("b")], unreachable("b")),
            (&[Err("a"), Err("b"), Err("c")], unreachable("b")),
            (&[Ok("v1"), Err("a"), Ok("v1"), Err("a")], reachable("v1")),
            (&[Ok("v1"), Err("a"), Err("b")], unreachable("b")),
            (&[Err("a"), Err("b"), Ok("v2")], returning("v2")),
            (&[Err("a"), Err("b"), Ok("v2"), Ok("v2"), Ok("v2")], reachable("v2")),
            (&[Err("a"), Err("b"), Ok("v2"), Ok("v2"), Err("c"), Ok("v2"), Ok("v2")], returning("v2")),
            (&[Err("a"), Err("b"), Ok("v2"), Err("c"), Err("d")], unreachable("d")),
        ];
        for (probes, expected) in table {
            assert_eq!(after(probes), expected, "{probes:?}");
        }
    }

    /// How many answers it takes until the cluster is relied upon.
    fn answers_needed(judge: &mut Judge) -> usize {
        (1..1000).find(|_| probe(judge, Ok("v1")) == reachable("v1")).unwrap()
    }

    fn outage(judge: &mut Judge) {
        probe(judge, Err("a"));
        assert_eq!(probe(judge, Err("a")), unreachable("a"));
    }

    #[test]
    fn a_cluster_that_flaps_must_answer_longer_each_time_until_it_has_been_steady() {
        let mut judge = Judge::default();
        let mut needed = Vec::new();
        for _ in 0..6 {
            outage(&mut judge);
            needed.push(answers_needed(&mut judge));
        }
        assert_eq!(needed, [3, 6, 12, 24, 48, 48]);
        for _ in 0..ANSWERS_UNTIL_STEADY {
            probe(&mut judge, Ok("v1"));
        }
        outage(&mut judge);
        assert_eq!(answers_needed(&mut judge), 3);
    }
}
