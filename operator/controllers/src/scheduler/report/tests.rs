//! What each outcome leaves in status, and what users are told of it.

use krake_crds::{kubernetes::application::Scheduling, reference::ObjectReference};
use serde_json::{Value, from_value, json};

use super::*;
use crate::scheduler::decide::Unplaced;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn application(generation: i64, status: &Value) -> Application {
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": "shop", "namespace": "web", "generation": generation },
        "spec": {}, "status": status,
    }))
    .unwrap()
}

fn placed(cluster: &str, because: Because) -> Outcome {
    let cluster = ObjectReference::cluster("web", cluster);
    Outcome::Placed(Placed { cluster, because, summary: "1 of 2 fits: 1 label".into(), reconsider_after: None })
}

fn unplaced() -> Outcome {
    Outcome::Unplaced(Unplaced { summary: "0 of 2 fit: 2 offline".into(), retries: Scheduling::default() })
}

/// The application as it is after the outcome, and what was told.
fn after(application: &Application, outcome: &Outcome, now: Timestamp) -> (Application, Option<Announcement>) {
    let claim = claim(application, outcome).unwrap();
    let status = status_after(application, outcome, &claim, now);
    let told = announcement(application, &status, &claim);
    (Application { status: Some(status), ..application.clone() }, told)
}

fn status(application: &Application) -> &ApplicationStatus {
    application.status.as_ref().unwrap()
}

#[test]
fn a_new_place_is_dated_approved_and_told() {
    let (bound, told) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    assert_eq!(status(&bound).scheduled_to, Some(ObjectReference::cluster("web", "edge")));
    assert_eq!(status(&bound).scheduled_at, Some(MicroTime(at(0))));
    assert_eq!((status(&bound).scheduled_generation, &status(&bound).triggered_at), (Some(3), &Some(MicroTime(at(0)))));
    assert!(condition::is_true(&status(&bound).conditions, condition::SCHEDULED));
    assert_eq!(told.map(|told| told.reason), Some(BOUND));
}

#[test]
fn the_same_decision_again_changes_nothing() {
    let (bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    let (again, told) = after(&bound, &placed("edge", Because::Dwelling), at(30));
    assert_eq!((again, told), (bound, None));
}

#[test]
fn a_new_generation_is_approved_without_moving_the_date_of_the_place() {
    let (mut bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    bound.metadata.generation = Some(4);
    let (approved, told) = after(&bound, &placed("edge", Because::Pinned), at(30));
    assert_eq!(status(&approved).scheduled_generation, Some(4));
    assert_eq!(status(&approved).triggered_at, Some(MicroTime(at(30))));
    assert_eq!((&status(&approved).scheduled_at, told), (&Some(MicroTime(at(0))), None));
}

#[test]
fn what_runs_keeps_its_place_when_nothing_fits() {
    let (bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    let (kept, told) = after(&bound, &unplaced(), at(30));
    assert_eq!(status(&kept).scheduled_to, status(&bound).scheduled_to);
    assert!(status(&kept).scheduling.is_some());
    assert!(condition::is_false(&status(&kept).conditions, condition::SCHEDULED));
    assert_eq!(told.map(|told| told.reason), Some(NO_SUITABLE_CLUSTER));
    let (found, _) = after(&kept, &placed("edge", Because::Best), at(60));
    assert_eq!(status(&found).scheduling, None);
}

#[test]
fn an_unusable_cluster_is_told_once() {
    let (bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    let (waiting, told) = after(&bound, &placed("edge", Because::Tolerated), at(30));
    assert_eq!(told.map(|told| told.reason), Some(TOLERATED));
    assert_eq!(after(&waiting, &placed("edge", Because::Tolerated), at(60)).1, None);
}

#[test]
fn a_place_that_somebody_else_chose_is_named() {
    let (mut bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    bound.status.as_mut().unwrap().scheduled_to = Some(ObjectReference::cluster("web", "core"));
    let (accepted, _) = after(&bound, &placed("core", Because::Dwelling), at(30));
    let scheduled = condition::find(&status(&accepted).conditions, condition::SCHEDULED).unwrap();
    assert_eq!(scheduled.message, "bound to core: 1 of 2 fits: 1 label");
    assert_eq!(status(&accepted).scheduled_at, status(&bound).scheduled_at);
}
