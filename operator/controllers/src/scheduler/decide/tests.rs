//! Applications before, between and after attempts to schedule them.

use std::sync::Arc;

use serde_json::{Value, from_value, json};

use super::*;
use krake_crds::kubernetes::cluster::ClusterState;
use krake_operator_domain::{metric::Rating, scheduling::Candidate};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn application(spec: &Value, status: &Value) -> Application {
    let mut spec = spec.clone();
    spec["manifest"] = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" } }]);
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": "shop", "namespace": "web", "uid": "u", "generation": 2 },
        "spec": spec, "status": status,
    }))
    .unwrap()
}

fn outcome(application: Application, online: &[&str], now: Timestamp) -> Outcome {
    let candidate = |name: &&str| Candidate {
        place: ObjectReference::cluster("web", name),
        state: ClusterState::Online,
        ..Candidate::default()
    };
    let observed = Observed { application: Arc::new(application), candidates: online.iter().map(candidate).collect() };
    decide(&observed, &Policy::default(), now)
}

/// The status of an application whose attempt has failed, with what was left of its retries.
fn failed(generation: i64, scheduling: &Value) -> Value {
    json!({
        "conditions": [{
            "type": "Scheduled", "status": "False", "reason": "NoSuitableCluster", "message": "",
            "observedGeneration": generation, "lastTransitionTime": at(0).to_string(),
        }],
        "scheduling": scheduling,
    })
}

fn retries(outcome: &Outcome) -> (i64, Option<i64>) {
    let Outcome::Unplaced(unplaced) = outcome else { panic!("{outcome:?} is not unplaced") };
    let next = unplaced.retries.next_attempt.as_ref();
    (unplaced.retries.remaining_retries, next.map(|next| next.0.as_second() - at(0).as_second()))
}

#[test]
fn a_cluster_that_fits_is_chosen() {
    let Outcome::Placed(placed) = outcome(application(&json!({}), &json!({})), &["edge"], at(0)) else { panic!() };
    assert_eq!(placed.cluster, ObjectReference::cluster("web", "edge"));
}

#[test]
fn a_cluster_of_another_namespace_is_left_without_a_move() {
    let foreign = ObjectReference::cluster("other", "edge");
    let taken = application(&json!({}), &json!({ "scheduledTo": foreign, "scheduledGeneration": 2 }));
    let Outcome::Placed(placed) = outcome(taken.clone(), &["edge"], at(0)) else { panic!("not placed") };
    assert_eq!(placed.cluster, ObjectReference::cluster("web", "edge"));
    assert!(placed.news.is_some());
    assert_eq!(left_behind(&taken, &placed), None, "no safety policy has a say in it");
    assert!(matches!(outcome(taken, &[], at(0)), Outcome::Unplaced(_)));
}

#[test]
fn an_application_being_deleted_is_left_alone() {
    let mut leaving = application(&json!({}), &json!({}));
    leaving.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    assert_eq!(outcome(leaving, &["edge"], at(0)), Outcome::GoingAway);
}

#[test]
fn a_cluster_being_deleted_takes_its_applications_along() {
    let edge = ObjectReference::cluster("web", "edge");
    let status = json!({ "scheduledTo": edge });
    let edge = Candidate { place: edge, is_deleting: true, ..Candidate::default() };
    let core = ObjectReference::cluster("web", "core");
    let core = Candidate { place: core, state: ClusterState::Online, ..Candidate::default() };
    let application = Arc::new(application(&json!({}), &status));
    let observed = Observed { application, candidates: [edge, core].into() };
    assert_eq!(decide(&observed, &Policy::default(), at(0)), Outcome::GoingAway);
}

#[test]
fn what_only_a_new_spec_can_mend_is_refused() {
    let invalid =
        application(&json!({ "constraints": { "cluster": { "labels": ["location equals DE"] } } }), &json!({}));
    assert!(matches!(outcome(invalid, &["edge"], at(0)), Outcome::Refused { reason: INVALID_CONSTRAINT, .. }));
    let mut template = application(&json!({ "csarUrl": "http://example.org/a.csar" }), &json!({}));
    template.spec.manifest.clear();
    assert!(matches!(outcome(template, &["edge"], at(0)), Outcome::Refused { reason: NOT_SUPPORTED_YET, .. }));
}

#[test]
fn attempts_are_counted_when_they_are_due_and_not_before() {
    let spec = json!({ "backoff": { "limit": 2, "factor": 2, "delaySeconds": 5 } });
    let first = outcome(application(&spec, &json!({})), &[], at(0));
    assert_eq!(retries(&first), (1, Some(10)));
    let waiting = failed(2, &json!({ "remainingRetries": 1, "nextAttempt": format!("{}", at(10)) }));
    assert_eq!(retries(&outcome(application(&spec, &waiting), &[], at(3))), (1, Some(10)), "woken early");
    assert_eq!(retries(&outcome(application(&spec, &waiting), &[], at(10))), (0, Some(20)));
    let last = failed(2, &json!({ "remainingRetries": 0, "nextAttempt": format!("{}", at(20)) }));
    assert_eq!(retries(&outcome(application(&spec, &last), &[], at(20))), (0, None), "given up");
    let given_up = failed(2, &json!({ "remainingRetries": 0 }));
    assert_eq!(retries(&outcome(application(&spec, &given_up), &[], at(99))), (0, None));
}

#[test]
fn an_application_that_was_given_up_is_placed_when_a_cluster_fits() {
    let spec = json!({ "backoff": { "limit": 0 } });
    let given_up = failed(2, &json!({ "remainingRetries": 0 }));
    assert!(matches!(outcome(application(&spec, &given_up), &["edge"], at(99)), Outcome::Placed(_)));
}

#[test]
fn without_a_limit_nothing_is_counted_and_status_stays_quiet() {
    let first = outcome(application(&json!({}), &json!({})), &[], at(0));
    assert_eq!(retries(&first), (-1, Some(1)));
    let waiting = failed(2, &json!({ "remainingRetries": -1, "nextAttempt": format!("{}", at(1)) }));
    let later = outcome(application(&json!({}), &waiting), &[], at(500));
    assert_eq!(retries(&later), (-1, Some(1)));
    let Outcome::Unplaced(unplaced) = later else { panic!() };
    assert_eq!(unplaced.due_in(at(500)), None);
}

#[test]
fn a_new_spec_starts_over() {
    let spec = json!({ "backoff": { "limit": 1 } });
    let given_up = failed(1, &json!({ "remainingRetries": 0 }));
    assert_eq!(retries(&outcome(application(&spec, &given_up), &[], at(50))), (0, Some(51)));
}

#[test]
fn work_that_is_done_is_not_done_again_elsewhere() {
    let status = json!({
        "state": "COMPLETED", "observedGeneration": 2,
        "scheduledTo": { "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "web", "name": "old" },
    });
    let candidate = |(name, state): (&str, ClusterState)| {
        let place = ObjectReference::cluster("web", name);
        Candidate { place, state, unavailable_since: Some(at(0)), ..Candidate::default() }
    };
    let candidates = [("edge", ClusterState::Online), ("old", ClusterState::Unhealthy)].map(candidate).into();
    let observed = Observed { application: Arc::new(application(&json!({}), &status)), candidates };
    let Outcome::Placed(placed) = decide(&observed, &Policy::default(), at(100_000)) else { panic!() };
    assert_eq!((placed.cluster.name.as_str(), placed.because), ("old", Because::Pinned));
}

#[test]
fn while_metrics_are_being_read_nobody_fails() {
    let place = ObjectReference::cluster("web", "edge");
    let rating = Rating { is_pending: true, ..Rating::default() };
    let edge = Candidate { place, state: ClusterState::Online, ..Candidate::default() }.rated(rating);
    let application = Arc::new(application(&json!({ "backoff": { "limit": 0 } }), &json!({})));
    let observed = Observed { application, candidates: [edge].into() };
    assert_eq!(decide(&observed, &Policy::default(), at(0)), Outcome::Waiting);
}

#[test]
fn only_to_leave_a_place_for_a_new_one_is_a_move() {
    let placed = |name: &str| Placed {
        cluster: ObjectReference::cluster("web", name),
        because: Because::Best,
        reconsider_after: None,
        news: None,
    };
    let with = |scheduled: Option<&str>, running: Option<&str>| {
        let place = |name: Option<&str>| name.map(|name| ObjectReference::cluster("web", name));
        application(&json!({}), &json!({ "scheduledTo": place(scheduled), "runningOn": place(running) }))
    };
    let left =
        |application: &Application, to: &str| left_behind(application, &placed(to)).map(|left| left.name.clone());
    assert_eq!(left(&with(None, None), "b"), None, "a first place");
    assert_eq!(left(&with(Some("b"), Some("a")), "b"), None, "the same place");
    assert_eq!(left(&with(Some("a"), Some("a")), "b").as_deref(), Some("a"));
    assert_eq!(left(&with(Some("b"), Some("a")), "a"), None, "back to where it still runs");
}
