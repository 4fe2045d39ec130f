//! What status keeps of a decision: enough to understand it later, and bounded.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use krake_crds::kubernetes::application::{Decision as Record, Verdict as Line};
use krake_operator_domain::scheduling::{Assessment, Decision, Verdict};

/// How many candidates are kept.
const KEPT: usize = 8;

/// How many bytes a sentence may have.
const LONGEST: usize = 1024;

/// The record of a decision: the best of the candidates that fit, then some of the others.
pub(super) fn of(decision: &Decision<'_>, now: Timestamp) -> Record {
    let ranking = decision.ranking();
    let fitting = ranking.iter().map(|(candidate, score)| Line {
        cluster: candidate.place.name.clone(),
        score: Some(score.total),
        sentence: bounded(score.sentence(candidate)),
    });
    let others = decision.assessments.iter().filter_map(|Assessment { candidate, verdict }| match verdict {
        Verdict::Filtered(objection) => {
            Some(Line { cluster: candidate.place.name.clone(), score: None, sentence: bounded(objection.to_string()) })
        }
        Verdict::Scored(_) => None,
    });
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Record {
        at: MicroTime(now),
        because: decision.because.to_string(),
        candidates: count(decision.assessments.len()),
        fitting: count(ranking.len()),
        margin: decision.margin(),
        verdicts: fitting.chain(others).take(KEPT).collect(),
    }
}

fn bounded(mut sentence: String) -> String {
    sentence.truncate(sentence.floor_char_boundary(LONGEST));
    sentence
}

#[cfg(test)]
mod tests {
    use krake_crds::{kubernetes::cluster::ClusterState, reference::ObjectReference};
    use krake_operator_domain::{
        metric::{Rating, Term},
        scheduling::{Candidate, Policy, Request, decide},
    };

    use super::*;

    #[test]
    fn the_best_come_first_and_the_rest_is_counted() {
        let candidate = |index: u32| {
            let place = ObjectReference::cluster("web", &format!("c{index:02}"));
            let term =
                Term { name: "green".into(), value: f64::from(index) / 20.0, weight: 2.0, at: None, source: None };
            let state = if index.is_multiple_of(2) { ClusterState::Online } else { ClusterState::Offline };
            Candidate { place, state, ..Candidate::default() }.rated(Rating { terms: vec![term], ..Rating::default() })
        };
        let candidates: Vec<_> = (0..20).map(candidate).collect();
        let request = Request { may_migrate: true, ..Request::default() };
        let now = Timestamp::UNIX_EPOCH;
        let record = of(&decide(&request, &candidates, &Policy::default(), now), now);
        assert_eq!((record.candidates, record.fitting, record.verdicts.len()), (20, 10, KEPT));
        let names: Vec<_> = record.verdicts.iter().take(2).map(|line| line.cluster.as_str()).collect();
        assert_eq!(names, ["c18", "c16"]);
        assert_eq!(record.verdicts[0].sentence, "0.9000 = (green 0.9000 × 2) / 2.0000");
        assert!((record.margin.unwrap() - 0.1).abs() < 1e-9);
    }
}
