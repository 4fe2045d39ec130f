//! Where an application goes: candidates are filtered, scored, and one is selected.
//!
//! ```text
//! Request + Candidates ─▶ filter ─▶ score ─▶ select ─▶ Decision (with a verdict for every candidate)
//! ```
//!
//! The caller gives the clusters of the application's namespace and no others: that is the wall between tenants.

pub mod filter;
pub mod request;
pub mod score;
mod select;

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use krake_crds::{
    constraint::{LabelConstraint, MetricConstraint},
    kubernetes::cluster::ClusterState,
    reference::ObjectReference,
};

pub use filter::Filter;
pub use request::InvalidConstraint;
pub use score::{Score, Term};
pub use select::decide;

/// What an application asks of the scheduler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Uid of the application; spreads equal candidates.
    pub uid: String,
    /// Label constraints, all of which must hold.
    pub labels: Vec<LabelConstraint>,
    /// Metric constraints, all of which must hold.
    pub metrics: Vec<MetricConstraint>,
    /// Custom resource definitions that the cluster must offer.
    pub custom_resources: Vec<String>,
    /// Whether the application may leave a place it has.
    pub may_migrate: bool,
    /// The place it has.
    pub current: Option<ObjectReference>,
    /// Since when it has that place.
    pub scheduled_at: Option<Timestamp>,
}

/// A cluster that might take the application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// The cluster.
    pub cluster: ObjectReference,
    /// Its Krake labels.
    pub labels: BTreeMap<String, String>,
    /// The custom resource definitions it offers.
    pub custom_resources: Vec<String>,
    /// Its state.
    pub state: ClusterState,
    /// Whether it is being deleted.
    pub is_deleting: bool,
    /// Since when it is not usable, if it is not and that is known.
    pub unavailable_since: Option<Timestamp>,
}

/// The numbers that the operator's configuration sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long an application stays where it was put, as long as the place fits.
    pub reschedule_after: Duration,
    /// Weight of being there already against the weights of the metrics; dimensionless.
    pub stickiness: f64,
    /// How long a cluster may be unusable before its applications are moved.
    pub unreachable_toleration: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            reschedule_after: Duration::from_mins(1),
            stickiness: 0.1,
            unreachable_toleration: Duration::from_mins(5),
        }
    }
}

/// Where the application goes, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The place, or nothing when no cluster fits. An application that already runs keeps running even then.
    pub chosen: Option<ObjectReference>,
    /// Why this place.
    pub because: Because,
    /// What was found about each candidate, in the order given.
    pub assessments: Vec<Assessment>,
    /// When the same facts may lead to another decision; absent if only new facts can.
    pub reconsider_after: Option<Duration>,
}

/// What was found about a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The candidate.
    pub cluster: ObjectReference,
    /// What was found.
    pub verdict: Verdict,
}

/// Whether a candidate fits, and how well.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It does not fit.
    Filtered {
        /// The first filter that it did not pass.
        by: Filter,
        /// What is wrong, in one plain sentence without a full stop.
        sentence: String,
    },
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
        })
    }
}

impl Decision {
    /// One line about all candidates, e.g. `1 of 3 fits: 1 label, 1 offline`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for assessment in &self.assessments {
            if let Verdict::Filtered { by, .. } = &assessment.verdict {
                *reasons.entry(by.to_string()).or_default() += 1;
            }
        }
        let all = self.assessments.len();
        let fitting = all - reasons.values().sum::<usize>();
        let verb = if fitting == 1 { "fits" } else { "fit" };
        let reasons: Vec<_> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        match (all, reasons.is_empty()) {
            (0, _) => "there is no cluster".into(),
            (_, true) => format!("{fitting} of {all} {verb}"),
            (_, false) => format!("{fitting} of {all} {verb}: {}", reasons.join(", ")),
        }
    }

    /// What was found about this cluster, if it was a candidate.
    #[must_use]
    pub fn verdict_on(&self, cluster: &ObjectReference) -> Option<&Verdict> {
        self.assessments.iter().find(|assessment| &assessment.cluster == cluster).map(|assessment| &assessment.verdict)
    }
}

#[cfg(test)]
mod tests;
