//! Where an application goes: candidates are filtered, scored, and one is selected.
//!
//! ```text
//! Request + Candidates ─▶ filter ─▶ score ─▶ select ─▶ Decision (with a verdict for every candidate)
//! ```
//!
//! The caller gives the clusters of the application's namespace and no others: that is the wall between tenants. What is
//! found about a candidate borrows from it: text is made only for those who ask, because in a large fleet millions of
//! pairs are looked at each time a metric changes.

mod candidate;
pub mod cloud;
pub mod eligibility;
pub mod explanation;
pub mod filter;
pub mod inheritance;
pub mod plan;
pub mod request;
pub mod score;
mod select;

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use krake_crds::reference::ObjectReference;
use serde::{Deserialize, Serialize};

pub use candidate::Candidate;
pub use filter::{Filter, Objection};
pub use request::{InvalidConstraint, Request, Toleration};
pub use score::Score;
pub use select::decide;

/// The numbers that the operator's configuration sets, and since when the operator has been looking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// How long an application stays where it was put, as long as the place fits.
    pub reschedule_after: Duration,
    /// Weight of being there already against the weights of the metrics; dimensionless.
    pub stickiness: f64,
    /// How long a cluster may be unusable before its applications are moved, if they do not say it themselves.
    pub unreachable_toleration: Duration,
    /// Since when the operator has been looking at clusters itself; what it knows from before may be over. Absent if it
    /// has seen all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looking_since: Option<Timestamp>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            reschedule_after: Duration::from_mins(1),
            stickiness: 0.1,
            unreachable_toleration: Duration::from_mins(5),
            looking_since: None,
        }
    }
}

/// Where the application goes, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'a> {
    /// The place, or nothing when no cluster fits. An application that already runs keeps running even then.
    pub chosen: Option<&'a ObjectReference>,
    /// Why this place.
    pub because: Because,
    /// What was found about each candidate, in the order given.
    pub assessments: Vec<Assessment<'a>>,
    /// When the same facts may lead to another decision; absent if only new facts can.
    pub reconsider_after: Option<Duration>,
}

/// What was found about a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// What was found.
    pub verdict: Verdict<'a>,
}

/// Whether a candidate fits, and how well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict<'a> {
    /// It does not fit, for this reason first of all.
    Filtered(Objection<'a>),
    /// It fits this well.
    Scored(Score),
}

/// Why a place was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Nothing that fits is better.
    Best,
    /// It fits and was chosen only a moment ago.
    Dwelling,
    /// The application must not move.
    Pinned,
    /// It matches but is unusable, for too short a time to act on it.
    Tolerated,
    /// It matches but has been unusable for too long; nothing else fits.
    NoAlternative,
    /// No cluster fits.
    NothingFits,
    /// The metrics of a cluster that might fit have not been read yet: nothing is decided before.
    MetricsPending,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Best => "no cluster that fits is better",
            Self::Dwelling => "it fits and was chosen a moment ago",
            Self::Pinned => "the application must not migrate",
            Self::Tolerated => "it is not usable at the moment, which is tolerated for a while",
            Self::NoAlternative => "it is not usable, but no other cluster fits",
            Self::NothingFits => "no cluster fits",
            Self::MetricsPending => "the metrics of a cluster have not been read yet",
        })
    }
}

impl<'a> Decision<'a> {
    /// One line about all candidates, e.g. `1 of 3 fits: 1 label, 1 offline`.
    #[must_use]
    pub fn summary(&self) -> String {
        // There are few reasons and may be many candidates.
        let mut reasons: Vec<(Filter, usize)> = Vec::new();
        for assessment in &self.assessments {
            let Verdict::Filtered(objection) = &assessment.verdict else { continue };
            let filter = objection.filter();
            match reasons.iter_mut().find(|(known, _)| *known == filter) {
                Some((_, count)) => *count += 1,
                None => reasons.push((filter, 1)),
            }
        }
        let all = self.assessments.len();
        let fitting = all - reasons.iter().map(|(_, count)| count).sum::<usize>();
        let verb = if fitting == 1 { "fits" } else { "fit" };
        let reasons: BTreeMap<_, _> = reasons.into_iter().map(|(filter, count)| (filter.to_string(), count)).collect();
        let reasons: Vec<_> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        match (all, reasons.is_empty()) {
            (0, _) => "there is no cluster".into(),
            (_, true) => format!("{fitting} of {all} {verb}"),
            (_, false) => format!("{fitting} of {all} {verb}: {}", reasons.join(", ")),
        }
    }

    /// What was found about this cluster, if it was a candidate.
    #[must_use]
    pub fn verdict_on(&self, place: &ObjectReference) -> Option<&Verdict<'a>> {
        self.assessments.iter().find(|assessment| &assessment.candidate.place == place).map(|found| &found.verdict)
    }

    /// The candidates that fit, best first; equals in the order of their names.
    #[must_use]
    pub fn ranking(&self) -> Vec<(&'a Candidate, Score)> {
        let scored = self.assessments.iter().filter_map(|assessment| match assessment.verdict {
            Verdict::Scored(score) => Some((assessment.candidate, score)),
            Verdict::Filtered(_) => None,
        });
        let mut ranking: Vec<_> = scored.collect();
        ranking.sort_by(|(one, high), (other, low)| {
            low.total.total_cmp(&high.total).then_with(|| one.place.cmp(&other.place))
        });
        ranking
    }

    /// By how much the chosen place is better than the best of the others; negative if it is kept although another is
    /// better, absent if there is nothing to compare.
    #[must_use]
    pub fn margin(&self) -> Option<f64> {
        let chosen = self.chosen?;
        let ranking = self.ranking();
        let own = ranking.iter().find(|(candidate, _)| &candidate.place == chosen)?.1.total;
        let next = ranking.iter().find(|(candidate, _)| &candidate.place != chosen)?.1.total;
        Some(own - next)
    }
}

#[cfg(test)]
mod tests;
