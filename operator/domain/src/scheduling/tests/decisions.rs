//! What is decided, and why.

use super::*;

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
        custom_resources: offered.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(),
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
fn a_place_that_fits_is_kept_among_equals() {
    let clusters = [online("a", "DE"), online("b", "DE"), online("c", "DE")];
    for current in ["a", "b", "c"] {
        let old = bound(&[], current, 120);
        assert_eq!(outcome(&old, &clusters), (current.into(), Because::Best, None));
        let sticky = Verdict::Scored(Score { total: 0.1, stickiness: 0.1 });
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

#[test]
fn metric_constraints_compare_weight_times_value() {
    let hot = rated(online("c1", "DE"), &[("heat", 0.4, 3.0)]);
    let left = hot.rating.weighted("heat").unwrap();
    for (constraint, fits) in [
        ("heat > 1", true),
        ("heat gt 1.2", true),
        ("heat >= 1.2", true),
        ("heat < 2", true),
        ("heat != 1.2", true),
        ("heat = 1.2", false),
        ("heat = 2", false),
        ("other > 0", false),
        ("other != 0", false),
    ] {
        let request = Request { metrics: vec![constraint.parse().unwrap()], ..request(&[]) };
        assert_eq!(outcome(&request, std::slice::from_ref(&hot)).0 == "c1", fits, "{constraint} with {left}");
    }
    let request = Request { metrics: vec!["heat > 0".parse().unwrap()], ..request(&[]) };
    let plain = [online("c1", "DE")];
    let decision = run(&request, &plain);
    assert_eq!(decision.summary(), "0 of 1 fit: 1 metric");
    let Some(Verdict::Filtered(objection)) = decision.verdict_on(&reference("c1")) else { panic!("fits") };
    assert_eq!(
        objection.to_string(),
        "the constraint `heat greater than 0` does not hold: the cluster has no metric heat"
    );
}

#[test]
fn a_metric_constraint_that_ceases_to_hold_moves_nobody_before_the_dwell_time_is_over() {
    let clusters = [rated(online("c1", "DE"), &[("load", 0.6, 1.0)]), rated(online("c2", "DE"), &[("load", 0.4, 1.0)])];
    let idle = |seconds| Request { metrics: vec!["load < 0.5".parse().unwrap()], ..bound(&[], "c1", seconds) };
    assert_eq!(outcome(&idle(10), &clusters), ("c1".into(), Because::Dwelling, Some(50)));
    assert_eq!(outcome(&idle(60), &clusters), ("c2".into(), Because::Best, None));
}

#[test]
fn a_place_whose_metrics_cannot_be_read_is_kept_for_a_while() {
    let reason =
        krake_crds::reason::Reason::new(krake_crds::reason::ReasonCode::UnreachableMetricsProvider, "no answer");
    let blind = |seconds| {
        let rating = Rating { failures: [("heat".to_owned(), reason.clone())].into(), ..Rating::default() };
        in_state("c1", ClusterState::Online, seconds).rated(rating)
    };
    let old = Request { metrics: vec!["heat > 0".parse().unwrap()], ..bound(&[], "c1", 600) };
    let hot = rated(online("c2", "DE"), &[("heat", 0.4, 1.0)]);
    assert_eq!(outcome(&old, &[blind(100), hot.clone()]), ("c1".into(), Because::Tolerated, Some(200)));
    assert_eq!(outcome(&old, &[blind(300), hot.clone()]), ("c2".into(), Because::Best, None));
    assert_eq!(outcome(&old, &[blind(300)]), ("c1".into(), Because::NoAlternative, None));
    let candidates = [blind(1)];
    let decision = run(&old, &candidates);
    assert_eq!(decision.summary(), "0 of 1 fit: 1 failing metrics");
}

#[test]
fn nothing_is_decided_before_the_metrics_of_what_fits_are_read() {
    let unread = |name, location| online(name, location).rated(Rating { is_pending: true, ..Rating::default() });
    let clusters = [online("a", "DE"), unread("b", "DE")];
    assert_eq!(outcome(&request(&[]), &clusters), (NOWHERE.into(), Because::MetricsPending, None));
    assert_eq!(outcome(&bound(&[], "a", 600), &clusters), ("a".into(), Because::MetricsPending, None));
    assert_eq!(outcome(&bound(&[], "b", 600), &clusters), ("b".into(), Because::MetricsPending, None));
    let elsewhere = [online("a", "DE"), unread("b", "IT")];
    assert_eq!(outcome(&request(&["location is DE"]), &elsewhere), ("a".into(), Because::Best, None));
}

#[test]
fn an_application_says_itself_how_long_it_tolerates_an_unusable_place() {
    let clusters = [in_state("c1", ClusterState::Offline, 100), online("c2", "DE")];
    let with = |toleration| outcome(&Request { toleration, ..bound(&[], "c1", 600) }, &clusters);
    assert_eq!(with(Toleration::For(Duration::from_secs(90))), ("c2".into(), Because::Best, None));
    assert_eq!(with(Toleration::For(Duration::from_secs(130))), ("c1".into(), Because::Tolerated, Some(30)));
    assert_eq!(with(Toleration::Always), ("c1".into(), Because::Tolerated, None));
}

#[test]
fn a_move_that_was_given_up_leaves_the_application_where_it_runs() {
    let clusters = [rated(online("a", "DE"), &[("m", 0.1, 1.0)]), rated(online("b", "DE"), &[("m", 0.9, 1.0)])];
    let given_up = |seconds| Request {
        running_on: Some(reference("a")),
        avoided: Some((reference("b"), at(NOW + seconds))),
        ..bound(&[], "b", 600)
    };
    assert_eq!(outcome(&given_up(50), &clusters), ("a".into(), Because::Best, Some(50)));
    assert_eq!(outcome(&given_up(-1), &clusters), ("b".into(), Because::Best, None));
    let request = given_up(50);
    assert_eq!(run(&request, &clusters).summary(), "1 of 2 fits: 1 avoided");
    let nowhere = Request { labels: vec!["location is IT".parse().unwrap()], ..given_up(50) };
    assert_eq!(outcome(&nowhere, &clusters), ("a".into(), Because::NoAlternative, Some(50)));
}

#[test]
fn an_application_that_runs_nowhere_leaves_a_place_where_it_failed_only_for_another() {
    let clusters = [online("a", "DE"), online("b", "DE"), online("c", "DE")];
    let failed = |running: Option<&str>| Request {
        running_on: running.map(reference),
        avoided: Some((reference("b"), at(NOW + 50))),
        ..bound(&[], "b", 5)
    };
    assert_eq!(outcome(&failed(None), &clusters[1..]), ("c".into(), Because::Best, Some(50)));
    assert_eq!(outcome(&failed(Some("b")), &clusters[1..]), ("c".into(), Because::Best, Some(50)));
    assert_eq!(outcome(&failed(None), &clusters[1..2]), ("b".into(), Because::NoAlternative, Some(50)));
    let lost = |state| [in_state("a", state, 9_999), online("b", "DE"), online("c", "DE")];
    for state in [ClusterState::Offline, ClusterState::Connecting, ClusterState::NotReady, ClusterState::Unhealthy] {
        assert_eq!(outcome(&failed(Some("a")), &lost(state)).0, "c");
        assert_eq!(outcome(&failed(Some("a")), &lost(state)[..2]).0, "b");
    }
    // A few nodes are gone, of which the copy there knows nothing.
    let well = Request { is_well: true, ..failed(Some("a")) };
    assert_eq!(outcome(&well, &lost(ClusterState::NotReady)).0, "c");
    assert_eq!(outcome(&well, &lost(ClusterState::NotReady)[..2]).0, "a");
    assert_eq!(outcome(&failed(Some("a")), &clusters[1..2]).0, "b");
    assert_eq!(outcome(&failed(Some("a")), &clusters[..2]).0, "a");
    let pinned = Request { may_migrate: false, ..failed(None) };
    assert_eq!(outcome(&pinned, &clusters), ("b".into(), Because::Pinned, Some(50)));
}

#[test]
fn the_margin_is_that_between_the_chosen_and_the_next_best() {
    let clusters = [rated(online("a", "DE"), &[("m", 0.75, 1.0)]), rated(online("b", "DE"), &[("m", 0.5, 1.0)])];
    assert_eq!(run(&request(&[]), &clusters).margin(), Some(0.25));
    assert_eq!(run(&request(&[]), &clusters[..1]).margin(), None);
    let dwelling = bound(&[], "b", 1);
    assert!(run(&dwelling, &clusters).margin().unwrap() < 0.0);
    let names: Vec<_> = run(&dwelling, &clusters).ranking().iter().map(|(one, _)| one.place.name.clone()).collect();
    assert_eq!(names, ["a", "b"]);
}

/// `place` has been away for a long time, and each of these clusters has been answering for so many seconds.
fn after_an_outage(answering: &[(&str, i64)]) -> Vec<Candidate> {
    let answers =
        |&(name, seconds): &(&str, i64)| Candidate { reachable_since: Some(at(NOW - seconds)), ..online(name, "DE") };
    std::iter::once(in_state("place", ClusterState::Offline, 9_999)).chain(answering.iter().map(answers)).collect()
}

#[test]
fn the_first_cluster_to_answer_after_all_were_away_takes_nothing_from_the_others() {
    let old = bound(&[], "place", 20_000);
    assert_eq!(outcome(&old, &after_an_outage(&[])), ("place".into(), Because::NoAlternative, None));
    let back = after_an_outage(&[("x", 2)]);
    assert_eq!(outcome(&old, &back), ("place".into(), Because::Tolerated, Some(58)));
    let still_away = after_an_outage(&[("x", 60), ("z", 5)]);
    assert_eq!(outcome(&old, &still_away).1, Because::Best);
    // One that answered all along shows that it is not the operator that was cut off.
    assert_eq!(outcome(&old, &after_an_outage(&[("x", 2), ("z", 50_000)])).1, Because::Best);
    // An application that tolerates less waits less.
    let hasty = Request { toleration: Toleration::For(Duration::from_secs(2)), ..old };
    assert_eq!(outcome(&hasty, &back), ("x".into(), Because::Best, None));
}

#[test]
fn how_long_others_answer_is_nothing_to_a_place_that_answers_and_is_not_well() {
    let mut clusters = after_an_outage(&[("x", 2)]);
    clusters[0] = Candidate { reachable_since: Some(at(NOW - 400)), ..in_state("place", ClusterState::NotReady, 350) };
    assert_eq!(outcome(&bound(&[], "place", 600), &clusters), ("x".into(), Because::Best, None));
}

#[test]
fn a_new_leader_looks_itself_before_it_gives_up_a_place() {
    let clusters = after_an_outage(&[("x", 50_000)]);
    let after = |seconds, toleration| {
        let policy = Policy { looking_since: Some(at(NOW - seconds)), ..Policy::default() };
        let request = Request { toleration, ..bound(&[], "place", 20_000) };
        let decision = decide(&request, &clusters, &policy, at(NOW));
        (decision.because, decision.reconsider_after.map(|after| after.as_secs()))
    };
    assert_eq!(after(20, Toleration::Usual), (Because::Tolerated, Some(40)));
    assert_eq!(after(60, Toleration::Usual), (Because::Best, None));
    assert_eq!(after(20, Toleration::For(Duration::from_secs(21))), (Because::Tolerated, Some(1)));
    assert_eq!(after(20, Toleration::For(Duration::from_secs(20))), (Because::Best, None));
}
