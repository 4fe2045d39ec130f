//! What holds for every decision.

use proptest::prelude::*;

use super::*;

fn candidate(name: String) -> impl Strategy<Value = Candidate> {
    let state = prop_oneof![3 => Just(ClusterState::Online), 1 => Just(ClusterState::Offline)];
    // Few values, so that there are equals.
    let metric = proptest::option::of((0_u8..4).prop_map(|value| f64::from(value) / 4.0));
    let situation = (state, any::<bool>(), any::<bool>(), 0_i64..600, metric);
    situation.prop_map(move |(state, in_germany, is_deleting, seconds, metric)| {
        let labels = online("", if in_germany { "DE" } else { "IT" }).labels;
        let reachable_since = (state == ClusterState::Online).then(|| at(NOW - seconds));
        let candidate = Candidate { labels, state, is_deleting, reachable_since, ..in_state(&name, state, seconds) };
        let metrics: Vec<_> = metric.into_iter().map(|value| ("m", value, 2.0)).collect();
        rated(candidate, &metrics)
    })
}

prop_compose! {
    pub(in crate::scheduling) fn situation()(
        candidates in (0_usize..6).prop_flat_map(|count| {
            (0..count).map(|index| candidate(format!("c{index}"))).collect::<Vec<_>>()
        }),
        uid in "[0-9a-f]{4}",
        current in proptest::option::of(0_usize..6),
        seconds in 0_i64..120,
        constrained: bool,
        may_migrate: bool,
    ) -> (Request, Vec<Candidate>) {
        let labels: &[&str] = if constrained { &["location is DE"] } else { &[] };
        let current = current.map(|index| reference(&format!("c{index}")));
        (Request { uid, may_migrate, current, ..bound(labels, "", seconds) }, candidates)
    }
}

proptest! {
    #[test]
    fn the_order_of_the_candidates_does_not_matter(
        (request, candidates, shuffled) in situation().prop_flat_map(|(request, candidates)| {
            (Just(request), Just(candidates.clone()), Just(candidates).prop_shuffle())
        }),
    ) {
        let (one, other) = (run(&request, &candidates), run(&request, &shuffled));
        prop_assert_eq!(one.summary(), other.summary());
        prop_assert_eq!(
            (one.chosen, one.because, one.reconsider_after),
            (other.chosen, other.because, other.reconsider_after)
        );
    }

    #[test]
    fn a_new_place_always_fits((request, candidates) in situation()) {
        let decision = run(&request, &candidates);
        if let Some(chosen) = decision.chosen.filter(|chosen| request.current.as_ref() != Some(*chosen)) {
            prop_assert!(matches!(decision.verdict_on(chosen), Some(Verdict::Scored(_))));
        }
    }

    #[test]
    fn an_application_settles((request, candidates) in situation()) {
        let first = run(&request, &candidates);
        let settled = Request { current: first.chosen.cloned(), ..request.clone() };
        prop_assert_eq!(run(&settled, &candidates).chosen, first.chosen);
    }

    #[test]
    fn a_record_of_the_facts_gives_the_same_decision_again((request, candidates) in situation()) {
        let record = serde_json::to_string(&(&request, &candidates, Policy::default())).unwrap();
        let (again, seen, policy): (Request, Vec<Candidate>, Policy) = serde_json::from_str(&record).unwrap();
        let (one, other) = (run(&request, &candidates), decide(&again, &seen, &policy, at(NOW)));
        prop_assert_eq!((one.chosen, one.because, one.summary()), (other.chosen, other.because, other.summary()));
    }
}
