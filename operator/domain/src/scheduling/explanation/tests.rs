use proptest::prelude::*;

use super::*;
use crate::scheduling::tests::{NOW, at, bound, in_state, online, properties::situation, rated, request};
use krake_crds::kubernetes::cluster::ClusterState;

fn explained(request: &Request, candidates: &[Candidate], policy: &Policy) -> Explanation {
    explain(request, candidates, policy, at(NOW))
}

fn at_once() -> Policy {
    Policy { reschedule_after: std::time::Duration::ZERO, ..Policy::default() }
}

#[test]
fn every_candidate_has_its_verdict_and_what_it_lacks() {
    let mut green = rated(online("green", "DE"), &[("sun", 0.9, 2.0)]);
    green.rating.terms[0].at = Some(at(NOW - 7));
    green.rating.terms[0].source = Some("MetricsProvider prometheus".into());
    let candidates = [
        rated(online("grey", "DE"), &[("sun", 0.4, 2.0)]),
        green,
        online("south", "IT"),
        in_state("away", ClusterState::Offline, 5),
    ];
    let explanation = explained(&request(&["location is DE"]), &candidates, &Policy::default());
    assert_eq!(explanation.chosen.as_deref(), Some("green"));
    let names: Vec<_> = explanation.candidates.iter().map(|finding| finding.cluster.as_str()).collect();
    assert_eq!(names, ["green", "grey", "south", "away"]);
    let [green, grey, south, _] = &explanation.candidates[..] else { panic!("{explanation:?}") };
    let Assessed::Scored { terms, .. } = &green.verdict else { panic!("{green:?}") };
    assert_eq!((terms[0].age_seconds, terms[0].source.as_deref()), (Some(7.0), Some("MetricsProvider prometheus")));
    assert_eq!(green.would_move, None);
    let needed = Needed::Rise { above: 0.9, by: 0.5, is_reachable: true };
    assert_eq!(grey.would_move, Some(WouldMove { needed, held_by: None }));
    let needed = Needed::ObjectionGone("label".into());
    assert_eq!(south.would_move, Some(WouldMove { needed, held_by: None }));
}

#[test]
fn a_better_cluster_says_what_holds_the_application_elsewhere() {
    let candidates =
        [rated(online("here", "DE"), &[("sun", 0.1, 1.0)]), rated(online("there", "DE"), &[("sun", 0.9, 1.0)])];
    let explanation = explained(&bound(&[], "here", 1), &candidates, &Policy::default());
    assert_eq!(explanation.chosen.as_deref(), Some("here"));
    let there = explanation.candidates[0].would_move.clone().unwrap();
    assert!(matches!(there.needed, Needed::Rise { by: 0.0, is_reachable: true, .. }), "{there:?}");
    assert_eq!(there.held_by.as_deref(), Some("it fits and was chosen a moment ago"));
}

#[test]
fn clusters_have_their_krake_names() {
    let mut edge = online("x-edge-1-0123456789", "DE");
    edge.krake_name = Some("Edge_1".into());
    let explanation = explained(&request(&[]), &[edge], &Policy::default());
    assert_eq!(explanation.chosen.as_deref(), Some("Edge_1"));
    assert_eq!(explanation.candidates[0].cluster, "Edge_1");
}

#[test]
fn a_record_knows_that_all_clusters_were_away_and_that_the_leader_is_new() {
    let answers = Candidate { reachable_since: Some(at(NOW - 2)), ..online("back", "DE") };
    let candidates = [in_state("place", ClusterState::Offline, 9_999), answers];
    let policy = Policy { looking_since: Some(at(NOW - 7)), ..Policy::default() };
    let explanation = explained(&bound(&[], "place", 20_000), &candidates, &policy);
    assert_eq!((explanation.chosen.as_deref(), explanation.reconsider_after_seconds), (Some("place"), Some(58.0)));
    let record: Record = serde_json::from_str(&serde_json::to_string(&explanation.record).unwrap()).unwrap();
    assert_eq!(record.explain(), explanation);
}

proptest! {
    #[test]
    fn the_record_gives_the_same_explanation_again((request, candidates) in situation()) {
        let explanation = explained(&request, &candidates, &Policy::default());
        let text = serde_json::to_string(&explanation).unwrap();
        let read: Explanation = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &explanation);
        prop_assert_eq!(read.record.explain(), explanation);
    }

    #[test]
    fn a_score_that_rises_by_more_than_is_needed_moves_the_application((request, candidates) in situation()) {
        let explanation = explained(&request, &candidates, &at_once());
        for Finding { cluster, would_move, .. } in explanation.candidates {
            let Some(WouldMove { needed: Needed::Rise { above, is_reachable, .. }, held_by: None }) = would_move else {
                continue;
            };
            let raise = |candidate: &Candidate| {
                let is_raised = candidate.name() == cluster && is_reachable;
                let risen = || rated(candidate.clone(), &[("m", f64::midpoint(above, 1.0), 2.0)]);
                if is_raised { risen() } else { candidate.clone() }
            };
            let risen: Vec<_> = candidates.iter().map(raise).collect();
            let now = explained(&request, &risen, &at_once());
            prop_assert_eq!(now.chosen.as_deref() == Some(&cluster), is_reachable);
        }
    }
}
