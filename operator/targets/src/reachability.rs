//! Whether a cluster answers, judged from its probes with hysteresis. Pure.

/// One lost probe is a hiccup; two in a row (about ten seconds with their deadlines) are an outage.
const FAILURES_UNTIL_UNREACHABLE: u32 = 2;

/// What the probes of a cluster say, taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// Not enough probes yet.
    #[default]
    Unknown,
    /// The last probe that counts was answered.
    Reachable {
        /// Version that the API server reports.
        version: String,
    },
    /// Several probes in a row were not answered.
    Unreachable {
        /// One sentence, stable while the outage lasts.
        why: String,
    },
}

impl Reachability {
    /// Whether the cluster answers.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        matches!(self, Self::Reachable { .. })
    }
}

/// Collects the probes of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    verdict: Reachability,
    failures: u32,
}

impl Judge {
    pub(crate) fn verdict(&self) -> &Reachability {
        &self.verdict
    }

    /// An answered probe: the cluster is back at once.
    pub(crate) fn answered(&mut self, version: String) {
        self.failures = 0;
        self.verdict = Reachability::Reachable { version };
    }

    /// A probe without answer. The reason is kept from the beginning of the outage, so that it does not flicker.
    pub(crate) fn failed(&mut self, why: &str) {
        self.failures = self.failures.saturating_add(1);
        let is_known = matches!(self.verdict, Reachability::Unreachable { .. });
        if self.failures >= FAILURES_UNTIL_UNREACHABLE && !is_known {
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

    fn after(probes: &[Result<&str, &str>]) -> Reachability {
        let mut judge = Judge::default();
        for probe in probes {
            match probe {
                Ok(version) => judge.answered((*version).to_owned()),
                Err(why) => judge.failed(why),
            }
        }
        judge.verdict().clone()
    }

    #[test]
    fn two_failures_in_a_row_are_an_outage_and_one_answer_ends_it() {
        let reachable = |version: &str| Reachability::Reachable { version: version.into() };
        let unreachable = |why: &str| Reachability::Unreachable { why: why.into() };
        let table: [(&[Result<&str, &str>], Reachability); 7] = [
            (&[], Reachability::Unknown),
            (&[Err("a")], Reachability::Unknown),
            (&[Err("a"), Err("b")], unreachable("b")),
            (&[Err("a"), Err("b"), Err("c")], unreachable("b")),
            (&[Ok("v1"), Err("a"), Ok("v1"), Err("a")], reachable("v1")),
            (&[Ok("v1"), Err("a"), Err("b")], unreachable("b")),
            (&[Err("a"), Err("b"), Ok("v2")], reachable("v2")),
        ];
        for (probes, expected) in table {
            assert_eq!(after(probes), expected, "{probes:?}");
        }
    }
}
