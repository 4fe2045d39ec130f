//! How well a candidate fits.
//!
//! With metrics the score is the weighted mean of their normalised values, in which being there already counts as one
//! more metric of value 1. Without metrics only that remains.

/// Name of the term for being there already.
pub const STICKINESS: &str = "stickiness";

/// One contribution to a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Name of the metric, or [`STICKINESS`].
    pub name: String,
    /// Normalised value, between 0 and 1.
    pub value: f64,
    /// How much the term counts against the others; dimensionless, above 0.
    pub weight: f64,
}

/// How well a candidate fits; higher is better.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// The number that decides, between 0 and 1.
    pub total: f64,
    /// What it is made of.
    pub terms: Vec<Term>,
}

impl Score {
    /// Scores a candidate by its metrics and, if it is the current place, by the weight that this has.
    ///
    /// `(Σ vᵢ·wᵢ + σ) / (Σ wᵢ + σ)`; without metrics `σ`, which is 0 for every place but the current one.
    #[must_use]
    pub fn of(metrics: Vec<Term>, stickiness: Option<f64>) -> Self {
        let sticky = stickiness.filter(|weight| *weight > 0.0);
        let weights: f64 = metrics.iter().map(|term| term.weight).sum();
        let weighted: f64 = metrics.iter().map(|term| term.value * term.weight).sum();
        let bonus = sticky.unwrap_or(0.0);
        let total = if weights > 0.0 { (weighted + bonus) / (weights + bonus) } else { bonus };
        let mut terms = metrics;
        terms.extend(sticky.map(|weight| Term { name: STICKINESS.into(), value: 1.0, weight }));
        Self { total, terms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(metrics: &[(f64, f64)], stickiness: Option<f64>) -> f64 {
        let terms = metrics.iter().map(|&(value, weight)| Term { name: "m".into(), value, weight }).collect();
        Score::of(terms, stickiness).total
    }

    #[test]
    fn scores_of_the_numeric_vectors() {
        for (name, metrics, stickiness, expected) in [
            ("S1 c1", vec![(0.9, 10.0), (0.1, 1.0)], None, 0.827_272_727_272_727_3),
            ("S1 c2", vec![(0.9, 1.0), (0.1, 10.0)], None, 0.172_727_272_727_272_73),
            ("S2 c1", vec![(0.9, 10.0), (0.1, 1.0)], Some(0.1), 0.828_828_828_828_828_8),
            ("S3 c1", vec![(0.1, 10.0), (0.9, 1.0)], Some(0.1), 0.180_180_180_180_180_2),
            ("S5 a", vec![(0.75, 1.0)], Some(0.1), 0.772_727_272_727_272_6),
            ("S6 c1", vec![(0.4, 0.45), (0.3, 2.0)], None, 0.318_367_346_938_775_5),
            ("S8 c2", vec![(0.4, 1.0)], Some(0.1), 0.454_545_454_545_454_53),
            ("S15 c1", vec![], Some(0.1), 0.1),
            ("S15 c2", vec![], None, 0.0),
            ("S23 σ=0", vec![(0.5, 1.0)], Some(0.0), 0.5),
            ("S23 σ=.5", vec![(0.5, 1.0)], Some(0.5), 0.666_666_666_666_666_6),
            ("S23 σ=2", vec![(0.5, 1.0)], Some(2.0), 0.833_333_333_333_333_4),
            ("S24 c1", vec![(0.01, 1.0), (0.1, 1.5)], None, 0.064),
            ("S25 c1", vec![(0.2, 1.0), (0.01, 1.5)], Some(0.1), 0.121_153_846_153_846_17),
            ("S26 c1", vec![(0.02, 1.0), (0.01, 1.5)], Some(0.1), 0.051_923_076_923_076_926),
        ] {
            let found = score(&metrics, stickiness);
            assert!((found - expected).abs() < 1e-9, "{name}: {found} is not {expected}");
        }
    }

    #[test]
    fn the_terms_say_what_a_score_is_made_of() {
        let score = Score::of(vec![], Some(0.1));
        assert_eq!(score.terms, [Term { name: STICKINESS.into(), value: 1.0, weight: 0.1 }]);
        assert_eq!(Score::of(vec![], None).terms, []);
    }
}
