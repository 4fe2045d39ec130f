use krake_crds::kubernetes::cluster::ClusterState;
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_000_000;
const NOWHERE: &str = "nowhere";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn reference(name: &str) -> ObjectReference {
    ObjectReference::cluster("shop", name)
}

fn online(name: &str, location: &str) -> Candidate {
    Candidate {
        cluster: reference(name),
        labels: BTreeMap::from([("location".into(), location.into())]),
        state: ClusterState::Online,
        ..Candidate::default()
    }
}

fn in_state(name: &str, state: ClusterState, seconds: i64) -> Candidate {
    Candidate { state, unavailable_since: Some(at(NOW - seconds)), ..online(name, "DE") }
}

fn request(labels: &[&str]) -> Request {
    Request {
        uid: "5c6a".into(),
        labels: labels.iter().map(|text| text.parse().unwrap()).collect(),
        may_migrate: true,
        ..Request::default()
    }
}

fn bound(labels: &[&str], to: &str, seconds: i64) -> Request {
    Request { current: Some(reference(to)), scheduled_at: Some(at(NOW - seconds)), ..request(labels) }
}

fn run(request: &Request, candidates: &[Candidate]) -> Decision {
    decide(request, candidates, &Policy::default(), at(NOW))
}

fn outcome(request: &Request, candidates: &[Candidate]) -> (String, Because, Option<u64>) {
    let decision = run(request, candidates);
    let after = decision.reconsider_after.map(|after| after.as_secs());
    (decision.chosen.map_or(NOWHERE.into(), |cluster| cluster.name), decision.because, after)
}

#[test]
fn labels_decide_which_clusters_fit() {
    let unlabelled = Candidate { labels: BTreeMap::new(), ..online("c3", "") };
    let clusters = [online("c1", "DE"), online("c2", "IT"), unlabelled];
    assert_eq!(outcome(&request(&["location is DE"]), &clusters), ("c1".into(), Because::Best, None));
    assert_eq!(outcome(&request(&["location is not DE"]), &clusters), ("c2".into(), Because::Best, None));
    assert_eq!(outcome(&request(&["location is FR"]), &clusters), (NOWHERE.into(), Because::NothingFits, None));
}

#[test]
fn custom_resources_must_all_be_offered() {
    let offering = |name, offered: &[&str]| Candidate {
        custom_resources: offered.iter().map(|&name| name.into()).collect(),
        ..online(name, "DE")
    };
    let clusters = [offering("c1", &["a.b.c"]), offering("c2", &["a.b.c", "d.e"])];
    let request = Request { custom_resources: vec!["a.b.c".into(), "d.e".into()], ..request(&[]) };
    assert_eq!(outcome(&request, &clusters).0, "c2");
}

#[test]
fn only_online_clusters_are_eligible() {
    use ClusterState as S;
    for state in [S::Pending, S::Connecting, S::Offline, S::Unhealthy, S::NotReady, S::FailingMetrics, S::Failed] {
        assert_eq!(outcome(&request(&[]), &[in_state("c1", state, 5)]).0, NOWHERE, "{state}");
    }
    let deleting = Candidate { is_deleting: true, ..online("c1", "DE") };
    assert_eq!(outcome(&request(&[]), &[deleting]), (NOWHERE.into(), Because::NothingFits, None));
    assert_eq!(outcome(&request(&[]), &[]), (NOWHERE.into(), Because::NothingFits, None));
}

#[test]
fn metric_constraints_are_refused_with_a_reason() {
    let request = Request { metrics: vec!["load < 5".parse().unwrap()], ..request(&[]) };
    let decision = run(&request, &[online("c1", "DE")]);
    assert_eq!(decision.summary(), "0 of 1 fit: 1 metric");
    let Some(Verdict::Filtered { sentence, .. }) = decision.verdict_on(&reference("c1")) else { panic!("fits") };
    assert_eq!(sentence, "the constraint `load lesser than 5` cannot hold: metrics are not evaluated yet");
}

#[test]
fn a_place_that_fits_is_kept_among_equals() {
    let clusters = [online("a", "DE"), online("b", "DE"), online("c", "DE")];
    for current in ["a", "b", "c"] {
        let old = bound(&[], current, 120);
        assert_eq!(outcome(&old, &clusters), (current.into(), Because::Best, None));
        let sticky = Verdict::Scored(Score::of(vec![], Some(0.1)));
        assert_eq!(run(&old, &clusters).verdict_on(&reference(current)), Some(&sticky));
        let recent = bound(&[], current, 10);
        assert_eq!(outcome(&recent, &clusters), (current.into(), Because::Dwelling, Some(50)));
    }
}

#[test]
fn a_place_that_no_longer_matches_is_left_at_once() {
    let moved = bound(&["location is DE"], "c1", 1);
    let clusters = [online("c1", "IT"), online("c2", "DE")];
    assert_eq!(outcome(&moved, &clusters), ("c2".into(), Because::Best, None));
    assert_eq!(outcome(&moved, &clusters[..1]), (NOWHERE.into(), Because::NothingFits, None));
}

#[test]
fn an_application_that_must_not_migrate_stays_wherever_it_is() {
    let pinned = |to| Request { may_migrate: false, ..bound(&["location is DE"], to, 600) };
    let clusters = [online("c1", "IT"), online("c2", "DE"), in_state("c3", ClusterState::Offline, 9_999)];
    assert_eq!(outcome(&pinned("c1"), &clusters), ("c1".into(), Because::Pinned, None));
    assert_eq!(outcome(&pinned("c3"), &clusters), ("c3".into(), Because::Pinned, None));
    assert_eq!(outcome(&pinned("gone"), &clusters), ("c2".into(), Because::Best, None));
    let deleting = Candidate { is_deleting: true, ..online("c1", "IT") };
    assert_eq!(outcome(&pinned("c1"), &[deleting, online("c2", "DE")]), ("c2".into(), Because::Best, None));
}

#[test]
fn an_unusable_place_is_kept_for_a_while() {
    use ClusterState as S;
    let old = bound(&["location is DE"], "c1", 600);
    for state in [S::Offline, S::NotReady, S::Unhealthy, S::Connecting] {
        let clusters = [in_state("c1", state, 100), online("c2", "DE")];
        assert_eq!(outcome(&old, &clusters), ("c1".into(), Because::Tolerated, Some(200)), "{state}");
        let clusters = [in_state("c1", state, 300), online("c2", "DE")];
        assert_eq!(outcome(&old, &clusters), ("c2".into(), Because::Best, None), "{state}");
        assert_eq!(outcome(&old, &clusters[..1]), ("c1".into(), Because::NoAlternative, None), "{state}");
    }
    let unknown = Candidate { unavailable_since: None, ..in_state("c1", S::Offline, 0) };
    assert_eq!(outcome(&old, &[unknown, online("c2", "DE")]), ("c1".into(), Because::Tolerated, Some(300)));
    let elsewhere = [Candidate { labels: BTreeMap::new(), ..in_state("c1", S::Offline, 1) }, online("c2", "DE")];
    assert_eq!(outcome(&old, &elsewhere), ("c2".into(), Because::Best, None));
}

#[test]
fn the_summary_counts_the_reasons() {
    let clusters = [online("a", "DE"), online("b", "IT"), in_state("c", ClusterState::Offline, 1)];
    assert_eq!(run(&request(&["location is DE"]), &clusters).summary(), "1 of 3 fits: 1 label, 1 offline");
    assert_eq!(run(&request(&[]), &clusters[..2]).summary(), "2 of 2 fit");
    assert_eq!(run(&request(&[]), &[]).summary(), "there is no cluster");
    let not_ready = in_state("c", ClusterState::NotReady, 1);
    assert_eq!(run(&request(&[]), &[not_ready]).summary(), "0 of 1 fit: 1 not ready");
}

#[test]
fn equal_clusters_share_the_applications() {
    let clusters: Vec<_> = (0..4).map(|index| online(&format!("cluster-{index}"), "DE")).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..1_000 {
        let request = Request { uid: format!("0b5d1e2c-{index:04}"), ..request(&[]) };
        *counts.entry(outcome(&request, &clusters).0).or_default() += 1;
    }
    assert!(counts.len() == 4 && counts.values().all(|count| (180..=320).contains(count)), "{counts:?}");
}

fn candidate(name: String) -> impl Strategy<Value = Candidate> {
    let state = prop_oneof![3 => Just(ClusterState::Online), 1 => Just(ClusterState::Offline)];
    (state, any::<bool>(), any::<bool>(), 0_i64..600).prop_map(move |(state, in_germany, is_deleting, seconds)| {
        let location = if in_germany { "DE" } else { "IT" };
        Candidate { state, is_deleting, labels: online("", location).labels, ..in_state(&name, state, seconds) }
    })
}

prop_compose! {
    fn situation()(
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
        if let Some(chosen) = decision.chosen.clone().filter(|chosen| request.current.as_ref() != Some(chosen)) {
            prop_assert!(matches!(decision.verdict_on(&chosen), Some(Verdict::Scored(_))));
        }
    }

    #[test]
    fn an_application_settles((request, candidates) in situation()) {
        let first = run(&request, &candidates);
        let settled = Request { current: first.chosen.clone(), ..request };
        prop_assert_eq!(run(&settled, &candidates).chosen, first.chosen);
    }
}
