//! How well a candidate fits.
//!
//! With metrics the score is the weighted mean of their normalised values, in which being there already counts as one
//! more metric of value 1. Without metrics only that remains.

use serde::{Deserialize, Serialize};

use super::Candidate;

/// How well a candidate fits; higher is better. What it is made of are the terms of the candidate's rating, and the
/// stickiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// The number that decides, between 0 and 1.
    pub total: f64,
    /// The weight with which being there already counts; 0 for every place but the current one.
    pub stickiness: f64,
}

impl Score {
    /// Scores a candidate by its metrics and the weight of being there already.
    ///
    /// `(Σ vᵢ·wᵢ + σ) / (Σ wᵢ + σ)`; without metrics `σ`, which is 0 for every place but the current one.
    #[must_use]
    pub fn of(candidate: &Candidate, stickiness: f64) -> Self {
        let (weighted, weights) = candidate.rating.sums();
        let total = if weights > 0.0 { (weighted + stickiness) / (weights + stickiness) } else { stickiness };
        Self { total, stickiness }
    }

    /// What the score is made of, e.g. `0.83 = (el 0.9 × 10 + green 0.1 × 1 + stickiness 1 × 0.1) / 11.1`.
    #[must_use]
    pub fn sentence(&self, candidate: &Candidate) -> String {
        let metrics = candidate.rating.terms.iter();
        let metrics = metrics.map(|term| format!("{} {:.4} × {}", term.name, term.value, term.weight));
        let sticky = (self.stickiness > 0.0).then(|| format!("stickiness 1 × {}", self.stickiness));
        let terms: Vec<_> = metrics.chain(sticky).collect();
        let weights = candidate.rating.sums().1 + self.stickiness;
        match (terms.is_empty(), candidate.rating.terms.is_empty()) {
            (true, _) => "0: it has no metrics".into(),
            (false, true) => format!("{:.4}: it has no metrics, but the application is there", self.total),
            (false, false) => format!("{:.4} = ({}) / {weights:.4}", self.total, terms.join(" + ")),
        }
    }
}
