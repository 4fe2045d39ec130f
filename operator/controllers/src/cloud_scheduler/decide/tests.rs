//! Clusters before, between and after attempts to find a cloud for them.

use std::sync::Arc;

use krake_operator_domain::metric::Rating;
use serde_json::{Value, from_value, json};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn cluster(spec: &Value, status: &Value) -> Cluster {
    let mut spec = spec.clone();
    spec["tosca"] = json!({});
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "edge", "namespace": "web", "uid": "u", "generation": 2 },
        "spec": spec, "status": status,
    }))
    .unwrap()
}

fn cloud(name: &str) -> ObjectReference {
    ObjectReference {
        group: "infrastructure.krake.dev".into(),
        kind: "Cloud".into(),
        namespace: Some("web".into()),
        name: name.into(),
    }
}

fn candidate(name: &str) -> Candidate {
    Candidate { place: cloud(name), ..Candidate::default() }
}

fn outcome(cluster: Cluster, own: &[Candidate], now: Timestamp) -> Outcome {
    let need = Need::Open { own: own.into(), global: Vec::new() };
    decide(&Observed { cluster: Arc::new(cluster), need }, now)
}

/// The status of a cluster whose attempt has failed, with what was left of its retries.
fn failed(generation: i64, scheduling: &Value) -> Value {
    json!({
        "conditions": [{
            "type": "Scheduled", "status": "False", "reason": "NoSuitableCloud", "message": "",
            "observedGeneration": generation, "lastTransitionTime": at(0).to_string(),
        }],
        "scheduling": scheduling,
    })
}

fn retries(outcome: &Outcome) -> (i64, Option<i64>) {
    let Outcome::Unplaced { retries, .. } = outcome else { panic!("{outcome:?} is not unplaced") };
    let next = retries.next_attempt.as_ref();
    (retries.remaining_retries, next.map(|next| next.0.as_second() - at(0).as_second()))
}

#[test]
fn a_cloud_that_fits_is_chosen_and_the_others_are_counted() {
    let german = json!({ "constraints": { "cloud": { "labels": ["location is DE"] } } });
    let labels = [("location".to_owned(), "DE".to_owned())].into();
    let clouds = [candidate("k1"), Candidate { labels, ..candidate("k2") }];
    let bound = Bound { cloud: cloud("k2"), summary: Some("1 of 2 fits: 1 label".into()) };
    assert_eq!(outcome(cluster(&german, &json!({})), &clouds, at(0)), Outcome::Bound(bound));
}

#[test]
fn a_cloud_that_was_chosen_stays_whatever_else_there_is() {
    let observed = Observed { cluster: Arc::new(cluster(&json!({}), &json!({}))), need: Need::Met(cloud("k1")) };
    assert_eq!(decide(&observed, at(0)), Outcome::Bound(Bound { cloud: cloud("k1"), summary: None }));
}

#[test]
fn what_only_a_new_spec_can_mend_is_refused() {
    let invalid = json!({ "constraints": { "cloud": { "labels": ["location equals DE"] } } });
    let refused = outcome(cluster(&invalid, &json!({})), &[candidate("k1")], at(0));
    let Outcome::Refused { message } = refused else { panic!("{refused:?}") };
    assert!(message.contains("`location equals DE`"), "{message}");
}

#[test]
fn attempts_are_counted_when_they_are_due_and_a_new_spec_starts_over() {
    let spec = json!({ "backoff": { "limit": 1, "factor": 2, "delaySeconds": 5 } });
    assert_eq!(retries(&outcome(cluster(&spec, &json!({})), &[], at(0))), (0, Some(10)));
    let waiting = json!({ "remainingRetries": 0, "nextAttempt": at(10).to_string() });
    let look = |generation, now| retries(&outcome(cluster(&spec, &failed(generation, &waiting)), &[], at(now)));
    assert_eq!(look(2, 3), (0, Some(10)), "woken early");
    assert_eq!(look(2, 10), (0, None), "given up");
    assert_eq!(look(1, 10), (0, Some(20)), "about another spec");
}

#[test]
fn a_cluster_that_was_given_up_is_bound_when_a_cloud_fits() {
    let given_up = cluster(&json!({ "backoff": { "limit": 0 } }), &failed(2, &json!({ "remainingRetries": 0 })));
    assert!(matches!(outcome(given_up, &[candidate("k1")], at(99)), Outcome::Bound(_)));
}

#[test]
fn while_metrics_are_being_read_nobody_fails() {
    let pending = candidate("k1").rated(Rating { is_pending: true, ..Rating::default() });
    let impatient = cluster(&json!({ "backoff": { "limit": 0 } }), &json!({}));
    assert_eq!(outcome(impatient, &[pending], at(0)), Outcome::Waiting);
}
