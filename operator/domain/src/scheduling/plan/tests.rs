use std::sync::Arc;

use krake_crds::kubernetes::Cluster;
use krake_crds::reason::{Reason, ReasonCode};
use serde_json::{Value as Json, from_value, json};

use super::*;
use crate::metric::{MetricKey, Reading, Worth};

const NOW: i64 = 1_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn site(name: &str, location: &str, metric: &str) -> Site {
    let cluster: Cluster = from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "labels": { "location": location }, "metrics": [{ "name": metric, "weight": 1.0 }] },
        "status": { "state": "ONLINE" },
    }))
    .unwrap();
    Site { cluster: Arc::new(cluster), cloud: None }
}

/// An application that was given this place a second ago.
fn application(name: &str, constraint: Option<&str>, place: Option<&str>) -> Arc<Application> {
    let place = place.map(|name| {
        json!({
            "scheduledTo": { "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "shop", "name": name },
            "scheduledAt": Timestamp::from_second(NOW - 1).unwrap().to_string(),
        })
    });
    let object = json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": "shop", "uid": name },
        "spec": { "manifest": [{}], "constraints": { "cluster": { "labels": constraint.map(|one| [one]) } } },
        "status": place.unwrap_or(json!({})),
    });
    Arc::new(from_value(object).unwrap())
}

fn global(name: &str) -> MetricKey {
    MetricKey { namespace: None, name: name.into() }
}

/// `de` is rated 0.5 and `it` 0.4, of values between 0 and 10; `shop` is on `de`.
fn snapshot() -> Snapshot {
    let spec = |name: &str| {
        let spec = json!({ "min": 0, "max": 10, "provider": { "name": "p", "metric": name } });
        (global(name), from_value(spec).unwrap())
    };
    let reading = |name: &str, value| {
        (global(name), Reading { worth: Worth::One(value), at: now(), source: "GlobalMetricsProvider p".into() })
    };
    Snapshot {
        namespace: "shop".into(),
        applications: vec![application("shop", None, Some("de"))],
        sites: vec![site("de", "DE", "sun_de"), site("it", "IT", "sun_it")],
        readings: [reading("sun_de", 0.5), reading("sun_it", 0.4)].into(),
        metrics: [spec("sun_de"), spec("sun_it")].into(),
        policy: Policy::default(),
    }
}

fn question(edits: &Json) -> Question {
    from_value(json!({ "edits": edits })).unwrap()
}

fn planned(snapshot: &Snapshot, edits: &Json) -> Plan {
    plan(snapshot, &question(edits), now()).unwrap()
}

fn places(changes: &[Change]) -> Vec<(&str, Option<&str>, Option<&str>)> {
    changes.iter().map(|change| (&*change.application, change.from.as_deref(), change.to.as_deref())).collect()
}

#[test]
fn without_edits_nothing_happens_to_what_is_where_it_should_be() {
    let plan = planned(&snapshot(), &json!([]));
    assert_eq!(plan, Plan { looked_at: 1, unchanged: 1, ..Plan::default() });
}

#[test]
fn a_metric_moves_an_application_by_its_raw_or_its_normalised_value() {
    for value in [json!({ "raw": 9 }), json!({ "normalised": 0.9 })] {
        let plan = planned(&snapshot(), &json!([{ "type": "metric", "metric": "sun_it", "is": value }]));
        assert_eq!(places(&plan.moves), [("shop", Some("de"), Some("it"))]);
        let Change { margin, about_to, also_without_edits, .. } = &plan.moves[0];
        assert!(margin.is_some_and(|margin| margin > 0.3) && !also_without_edits);
        assert_eq!(about_to.as_deref(), Some("0.9000 = (sun_it 0.9000 × 1) / 1.0000"));
    }
}

#[test]
fn an_application_that_was_just_placed_moves_once_it_may_unless_the_question_is_about_now() {
    let edits = json!([{ "type": "metric", "metric": "sun_it", "is": { "raw": 9 } }]);
    let question = Question { immediately: true, ..question(&edits) };
    assert_eq!(plan(&snapshot(), &question, now()).unwrap().unchanged, 1);
}

#[test]
fn a_value_for_one_cluster_leaves_the_others_theirs() {
    let mut snapshot = snapshot();
    snapshot.sites = vec![site("de", "DE", "sun_de"), site("it", "IT", "sun_de")];
    let edit = json!([{ "type": "metric", "metric": "sun_de", "cluster": "it", "is": { "raw": 8 } }]);
    let plan = planned(&snapshot, &edit);
    assert_eq!(places(&plan.moves), [("shop", Some("de"), Some("it"))]);
    assert!(plan.moves[0].about_from.as_deref().unwrap().contains("sun_de 0.5000"));
}

#[test]
fn a_metric_that_cannot_be_read_may_have_a_value_in_a_plan() {
    let mut snapshot = snapshot();
    let broken = Reason::new(ReasonCode::UnreachableMetricsProvider, "no answer");
    snapshot.readings.get_mut(&global("sun_it")).unwrap().worth = Worth::Unknown(broken);
    assert_eq!(planned(&snapshot, &json!([])).unchanged, 1);
    let plan = planned(&snapshot, &json!([{ "type": "metric", "metric": "sun_it", "is": { "raw": 9 } }]));
    assert_eq!(plan.moves.len(), 1);
}

#[test]
fn labels_that_go_and_come_move_applications() {
    let mut snapshot = snapshot();
    snapshot.applications = vec![application("bound", Some("location is DE"), Some("de"))];
    let edits = json!([
        { "type": "labels", "cluster": "de", "remove": ["location"] },
        { "type": "labels", "cluster": "it", "set": { "location": "DE" } },
    ]);
    let plan = planned(&snapshot, &edits);
    assert_eq!(places(&plan.moves), [("bound", Some("de"), Some("it"))]);
    let objection = "the constraint `location is DE` does not hold: the cluster has no label location";
    assert_eq!(plan.moves[0].about_from.as_deref(), Some(objection));
}

#[test]
fn a_cluster_that_is_gone_leaves_those_without_a_place_that_fit_nowhere_else() {
    let mut snapshot = snapshot();
    snapshot.applications.push(application("bound", Some("location is DE"), Some("de")));
    let plan = planned(&snapshot, &json!([{ "type": "cluster_gone", "cluster": "de" }]));
    assert_eq!(places(&plan.moves), [("shop", Some("de"), Some("it"))]);
    assert_eq!(places(&plan.unplaced), [("bound", Some("de"), None)]);
    assert_eq!(plan.unplaced[0].summary, "0 of 1 fit: 1 label");
}

#[test]
fn a_further_cluster_takes_what_had_no_place() {
    let mut snapshot = snapshot();
    snapshot.applications = vec![application("bound", Some("location is FR"), None)];
    assert!(planned(&snapshot, &json!([])).unplaced[0].also_without_edits);
    let plan = planned(&snapshot, &json!([{ "type": "cluster", "cluster": "fr", "labels": { "location": "FR" } }]));
    assert_eq!(places(&plan.placed), [("bound", None, Some("fr"))]);
}

#[test]
fn applications_come_change_and_go() {
    let spec = |label: &str| json!({ "manifest": [{}], "constraints": { "cluster": { "labels": [label] } } });
    let edits = json!([
        { "type": "application", "application": "new", "spec": spec("location is IT") },
        { "type": "application", "application": "shop", "spec": spec("location is IT") },
        { "type": "application", "application": "lost", "spec": spec("location is FR") },
        { "type": "application", "application": "odd", "spec": spec("location equals FR") },
    ]);
    let plan = planned(&snapshot(), &edits);
    assert_eq!(places(&plan.placed), [("new", None, Some("it"))]);
    assert_eq!(places(&plan.moves), [("shop", Some("de"), Some("it"))]);
    assert_eq!(places(&plan.unplaced), [("lost", None, None), ("odd", None, None)]);
    assert!(plan.unplaced[1].because.starts_with("the constraint `location equals FR` cannot be read"));
    assert_eq!(planned(&snapshot(), &json!([{ "type": "application_gone", "application": "shop" }])).looked_at, 0);
}

#[test]
fn what_moves_anyway_is_told_from_what_the_edits_move() {
    let mut snapshot = snapshot();
    snapshot.applications.push(application("late", Some("location is IT"), Some("de")));
    let plan = planned(&snapshot, &json!([{ "type": "metric", "metric": "sun_it", "is": { "raw": 9 } }]));
    let told: Vec<_> = plan.moves.iter().map(|change| (&*change.application, change.also_without_edits)).collect();
    assert_eq!(told, [("shop", false), ("late", true)]);
}

#[test]
fn what_goes_away_is_only_counted() {
    let mut snapshot = snapshot();
    let leaving = Arc::make_mut(&mut snapshot.applications[0]);
    leaving.metadata.deletion_timestamp = from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(planned(&snapshot, &json!([])), Plan { leaving: 1, ..Plan::default() });
}

#[test]
fn an_edit_that_cannot_be_made_says_what_would_be_right() {
    for (edit, error) in [
        (json!({ "type": "cluster_gone", "cluster": "fr" }), "there is no cluster fr; there are: de, it"),
        (json!({ "type": "application_gone", "application": "x" }), "there is no application x; there are: shop"),
        (
            json!({ "type": "metric", "metric": "rain", "is": { "raw": 1 } }),
            "there is no GlobalMetric rain; there are: sun_de, sun_it",
        ),
        (
            json!({ "type": "metric", "metric": "sun_de", "namespaced": true, "is": { "raw": 1 } }),
            "there is no Metric sun_de; there is none",
        ),
        (
            json!({ "type": "metric", "metric": "sun_de", "is": { "raw": 11 } }),
            "the metric sun_de cannot have this value: its value is not between 0 and 10",
        ),
        (
            json!({ "type": "metric", "metric": "sun_de", "is": { "normalised": 1.5 } }),
            "the metric sun_de cannot have this value: its value is not between 0 and 1",
        ),
        (json!({ "type": "labels", "cluster": "de", "set": { "a b": "c" } }), "`a b` is not a label key"),
        (json!({ "type": "labels", "cluster": "de", "set": { "a": "" } }), "`` is not a label value"),
        (
            json!({ "type": "cluster", "cluster": "de" }),
            "there is a cluster de already; change its labels, or give another name",
        ),
    ] {
        let refusal = plan(&snapshot(), &question(&json!([edit])), now()).unwrap_err();
        assert_eq!(refusal.to_string(), error);
    }
    let many = vec![json!({ "type": "cluster_gone", "cluster": "de" }); 101];
    assert_eq!(plan(&snapshot(), &question(&json!(many)), now()).unwrap_err(), InvalidEdit::TooMany(101));
}

#[test]
fn long_lists_are_cut_and_counted() {
    let mut snapshot = snapshot();
    let place = |index| application(&format!("a{index}"), Some("location is FR"), None);
    snapshot.applications = (0..MOST_LISTED + 5).map(place).collect();
    let plan = planned(&snapshot, &json!([]));
    assert_eq!((plan.looked_at, plan.unplaced.len(), plan.left_out), (MOST_LISTED + 5, MOST_LISTED, 5));
}
