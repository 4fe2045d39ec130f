//! What each outcome leaves in status, and what users are told of it.

use krake_crds::kubernetes::application::Scheduling;
use serde_json::{from_value, json};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn cluster() -> Cluster {
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "edge", "namespace": "web", "generation": 2 },
        "spec": { "tosca": {} },
    }))
    .unwrap()
}

fn cloud(name: &str) -> ObjectReference {
    ObjectReference { kind: "Cloud".into(), name: name.into(), ..ObjectReference::default() }
}

fn bound(name: &str, summary: Option<&str>) -> Outcome {
    Outcome::Bound(Bound { cloud: cloud(name), summary: summary.map(str::to_owned) })
}

fn unplaced() -> Outcome {
    let next_attempt = Some(MicroTime(at(1)));
    Outcome::Unplaced {
        summary: "there is no cloud".into(),
        retries: Scheduling { remaining_retries: -1, next_attempt },
    }
}

/// The cluster as it is after the outcome, and what was told.
fn after(cluster: &Cluster, outcome: &Outcome, now: Timestamp) -> (Cluster, Option<Announcement>) {
    let status = status_after(cluster, outcome, now).unwrap();
    let told = announcement(cluster, &status);
    (Cluster { status: Some(status), ..cluster.clone() }, told)
}

fn status(cluster: &Cluster) -> &ClusterStatus {
    cluster.status.as_ref().unwrap()
}

fn said(cluster: &Cluster) -> (&str, &str, &str) {
    let scheduled = condition::find(&status(cluster).conditions, condition::SCHEDULED).unwrap();
    (&scheduled.status, &scheduled.reason, &scheduled.message)
}

#[test]
fn a_place_is_dated_and_told_and_said_again_without_a_change() {
    let (placed, told) = after(&cluster(), &bound("k1", Some("1 of 1 fits")), at(0));
    assert_eq!(status(&placed).scheduled_to, Some(cloud("k1")));
    assert_eq!(status(&placed).scheduled_at, Some(MicroTime(at(0))));
    assert_eq!(said(&placed), ("True", BOUND, "bound to Cloud k1: 1 of 1 fits"));
    assert_eq!(told, Some(Announcement::normal(BOUND, "Scheduling", "bound to Cloud k1: 1 of 1 fits")));
    assert_eq!(after(&placed, &bound("k1", None), at(30)), (placed, None));
}

#[test]
fn a_place_that_somebody_else_chose_is_named_with_its_own_date() {
    let (mut placed, _) = after(&cluster(), &bound("k1", Some("1 of 1 fits")), at(0));
    placed.status.as_mut().unwrap().scheduled_to = Some(cloud("k"));
    let (accepted, told) = after(&placed, &bound("k", None), at(30));
    assert_eq!((said(&accepted), told), (("True", BOUND, "bound to Cloud k"), None));
    assert_eq!(status(&accepted).scheduled_at, Some(MicroTime(at(0))));
}

#[test]
fn a_cluster_whose_cloud_is_gone_has_no_place_and_is_told_so_once() {
    let (placed, _) = after(&cluster(), &bound("k1", Some("1 of 1 fits")), at(0));
    let (lost, told) = after(&placed, &unplaced(), at(30));
    assert_eq!((&status(&lost).scheduled_to, &status(&lost).scheduled_at), (&None, &None));
    assert_eq!(said(&lost), ("False", NO_SUITABLE_CLOUD, "there is no cloud"));
    assert_eq!(told.map(|told| told.reason), Some(NO_SUITABLE_CLOUD));
    assert_eq!(after(&lost, &unplaced(), at(60)), (lost.clone(), None));
    let (found, _) = after(&lost, &bound("k2", Some("1 of 1 fits")), at(90));
    assert_eq!((&status(&found).scheduling, &status(&found).scheduled_at), (&None, &Some(MicroTime(at(90)))));
}

#[test]
fn a_constraint_that_cannot_be_read_is_not_tried_again() {
    let (waiting, _) = after(&cluster(), &unplaced(), at(0));
    let (refused, told) = after(&waiting, &Outcome::Refused { message: "it cannot be read".into() }, at(30));
    assert_eq!((said(&refused).1, &status(&refused).scheduling), (INVALID_CONSTRAINT, &None));
    assert_eq!(told, Some(Announcement::warning(INVALID_CONSTRAINT, "Scheduling", "it cannot be read")));
}

#[test]
fn a_cluster_that_was_given_a_kubeconfig_is_no_longer_said_to_lack_a_cloud() {
    let (waiting, _) = after(&cluster(), &unplaced(), at(0));
    let (given, told) = after(&waiting, &Outcome::NotNeeded, at(30));
    assert_eq!((status(&given), told), (&ClusterStatus::default(), None));
}

#[test]
fn what_is_not_known_or_going_away_changes_nothing() {
    assert_eq!(status_after(&cluster(), &Outcome::Waiting, at(0)), None);
    assert_eq!(status_after(&cluster(), &Outcome::GoingAway, at(0)), None);
}
