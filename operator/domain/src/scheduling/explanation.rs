//! A decision in full: what was found about every candidate, what would have to change for the application to move, and
//! the facts from which the same answer can be computed again.
//!
//! In JSON its names are written as in Krake's REST API, because that is where it is shown. Clusters have their Krake
//! names; those in the record are the ones that the decision saw.

use jiff::Timestamp;
use krake_crds::reference::ObjectReference;
use serde::{Deserialize, Serialize};

use super::{Because, Candidate, Decision, Policy, Request, Score, Verdict, decide};

/// A decision, explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The cluster, if one was chosen.
    pub chosen: Option<String>,
    /// Why, in one plain sentence.
    pub because: String,
    /// One line about all candidates, e.g. `1 of 3 fits: 1 label, 1 offline`.
    pub summary: String,
    /// By how much the chosen cluster is better than the best of the others; see [`Decision::margin`].
    pub margin: Option<f64>,
    /// Seconds after which the same facts may lead to another decision; absent if only new facts can.
    pub reconsider_after_seconds: Option<f64>,
    /// What was found about each cluster: those that fit, best first, then the others.
    pub candidates: Vec<Finding>,
    /// What the decision was made of.
    pub record: Record,
}

/// The facts of a decision: all that it depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What the application asks for, and where it is.
    pub request: Request,
    /// The clusters of its namespace.
    pub candidates: Vec<Candidate>,
    /// What the operator was told.
    pub policy: Policy,
    /// When.
    pub now: Timestamp,
}

impl Record {
    /// The explanation that this is the record of.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        explain(&self.request, &self.candidates, &self.policy, self.now)
    }
}

/// What was found about a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its Krake name.
    pub cluster: String,
    /// Whether it fits, and how well.
    pub verdict: Assessed,
    /// What would have to change for the application to move there; absent for the cluster that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_move: Option<WouldMove>,
}

/// Whether a cluster fits, and how well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assessed {
    /// It does not fit.
    Filtered {
        /// The first reason of all, as one word.
        by: String,
        /// The same in one plain sentence.
        sentence: String,
    },
    /// It fits.
    Scored {
        /// How well, between 0 and 1.
        score: f64,
        /// What the score is made of, e.g. `0.9000 = (green 0.9000 × 2) / 2.0000`.
        sentence: String,
        /// One term per metric.
        terms: Vec<Part>,
        /// Weight of being there already, which counts as one more metric of value 1.
        stickiness: f64,
    },
}

/// A metric as a part of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its normalised value, between 0 and 1.
    pub value: f64,
    /// How much it counts against the others.
    pub weight: f64,
    /// When the value was read.
    pub at: Option<Timestamp>,
    /// How many seconds before the decision that was.
    pub age_seconds: Option<f64>,
    /// Where it was read.
    pub source: Option<String>,
}

/// What would have to change for the application to move to a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WouldMove {
    /// What about the cluster.
    pub needed: Needed,
    /// What else holds the application where it is, whatever the scores, in one plain sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

/// What would have to change about a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// What objects to it must be gone; others may object then.
    ObjectionGone(String),
    /// Its score must get above that of every other.
    Rise {
        /// The highest score of the others.
        above: f64,
        /// By more than how much its own must rise for that; 0 if it is the best already.
        by: f64,
        /// Whether it can: no cluster but the current one has a score above 1, and none without metrics one above 0.
        is_reachable: bool,
    },
}

/// Decides as [`decide`] does, and explains it all.
#[must_use]
pub fn explain(request: &Request, candidates: &[Candidate], policy: &Policy, now: Timestamp) -> Explanation {
    let decision = decide(request, candidates, policy, now);
    let ranking = decision.ranking();
    let fitting = ranking.iter().map(|(candidate, score)| fits(&decision, candidate, *score, (&ranking, now)));
    let others = decision.assessments.iter().filter_map(|assessment| match assessment.verdict {
        Verdict::Filtered(objection) => {
            let (by, sentence) = (objection.filter().to_string(), objection.to_string());
            let needed = Needed::ObjectionGone(by.clone());
            Some(finding(&decision, assessment.candidate, Assessed::Filtered { by, sentence }, needed))
        }
        Verdict::Scored(_) => None,
    });
    Explanation {
        chosen: name_of(decision.chosen, candidates),
        because: decision.because.to_string(),
        summary: decision.summary(),
        margin: decision.margin(),
        reconsider_after_seconds: decision.reconsider_after.map(|after| after.as_secs_f64()),
        candidates: fitting.chain(others).collect(),
        record: Record { request: request.clone(), candidates: candidates.to_vec(), policy: policy.clone(), now },
    }
}

/// The Krake name of a place, if it is a candidate; else the name that it has.
pub(super) fn name_of<'a>(
    place: Option<&ObjectReference>,
    candidates: impl IntoIterator<Item = &'a Candidate>,
) -> Option<String> {
    let place = place?;
    let candidate = candidates.into_iter().find(|candidate| &candidate.place == place);
    Some(candidate.map_or(&*place.name, Candidate::name).to_owned())
}

type Ranking<'a> = (&'a [(&'a Candidate, Score)], Timestamp);

fn fits(decision: &Decision<'_>, candidate: &Candidate, score: Score, (ranking, now): Ranking<'_>) -> Finding {
    let above = ranking.iter().find(|(other, _)| other.place != candidate.place).map_or(0.0, |(_, best)| best.total);
    let by = (above - score.total).max(0.0);
    let is_reachable = score.total > above || (candidate.rating.is_complete() && above < 1.0);
    let verdict = Assessed::Scored {
        score: score.total,
        sentence: score.sentence(candidate),
        terms: parts(candidate, now),
        stickiness: score.stickiness,
    };
    finding(decision, candidate, verdict, Needed::Rise { above, by, is_reachable })
}

fn finding(decision: &Decision<'_>, candidate: &Candidate, verdict: Assessed, needed: Needed) -> Finding {
    let is_other = decision.chosen != Some(&candidate.place);
    let would_move = is_other.then(|| WouldMove { needed, held_by: held_by(decision.because) });
    Finding { cluster: candidate.name().to_owned(), verdict, would_move }
}

/// What holds an application where it is, whatever the scores.
fn held_by(because: Because) -> Option<String> {
    match because {
        Because::Dwelling | Because::Pinned | Because::Tolerated | Because::MetricsPending => Some(because.to_string()),
        Because::Best | Because::NoAlternative | Because::NothingFits => None,
    }
}

fn parts(candidate: &Candidate, now: Timestamp) -> Vec<Part> {
    let part = |term: &crate::metric::Term| Part {
        name: term.name.clone(),
        value: term.value,
        weight: term.weight,
        at: term.at,
        age_seconds: term.at.map(|at| now.duration_since(at).as_secs_f64()),
        source: term.source.clone(),
    };
    candidate.rating.terms.iter().map(part).collect()
}

#[cfg(test)]
mod tests;
