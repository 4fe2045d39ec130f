use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use krake_crds::kubernetes::{
    application::{Backoff, ContainerHealth},
    placement::Ended,
};
use krake_operator_domain::manifest;
use krake_operator_targets as targets;
use serde_json::{Value, json};

use super::*;
use crate::placement::example;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn placement(generation: i64, status: Option<PlacementStatus>) -> Placement {
    let mut placement = example::placement(&[]);
    placement.metadata.generation = Some(generation);
    placement.status = status;
    placement
}

fn entry(name: &str) -> InventoryEntry {
    InventoryEntry {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Some("default".into()),
        name: name.into(),
        uid: Some("live".into()),
        ..InventoryEntry::default()
    }
}

fn deployment(ready: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "default", "generation": 1 },
        "spec": { "replicas": 2 },
        "status": { "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": ready },
    })
}

fn settled(ready: u32, trouble: Option<Trouble>) -> Done {
    let live = Some(BTreeMap::from([(Identity::of_entry(&entry("web")), Some(deployment(ready)))]));
    let inventory = vec![entry("web")];
    Done::Settled(Settled { inventory, live, host: "edge.example.org".into(), trouble, ..Settled::default() })
}

fn after(placement: &Placement, done: &Done, second: i64) -> PlacementStatus {
    status_after(placement, done, None, at(second)).unwrap()
}

/// The statuses of `Ready`, `Applied` and `Healthy`.
fn said(status: &PlacementStatus) -> [&str; 3] {
    [condition::READY, condition::APPLIED, condition::HEALTHY]
        .map(|type_| condition::find(&status.conditions, type_).map_or("-", |found| &found.status))
}

#[test]
fn ready_means_applied_in_this_generation_and_running() {
    let unknown = || Trouble::Manifest(manifest::Error::UnknownKind { api_version: "v1".into(), kind: "Odd".into() });
    let running = after(&placement(1, None), &settled(2, None), 1);
    assert_eq!((said(&running), running.observed_generation), (["True", "True", "True"], Some(1)));
    assert_eq!((running.container_health.desired_pods, running.container_health.running_pods), (2, 2));
    let starting = after(&placement(1, None), &settled(1, None), 1);
    assert_eq!((said(&starting), starting.workload), (["False", "True", "Unknown"], Some(WorkloadState::Progressing)));
    let refused = after(&placement(2, Some(running)), &settled(2, Some(unknown())), 2);
    assert_eq!((said(&refused), refused.observed_generation), (["False", "False", "True"], Some(1)));
    assert_eq!(refused.reason.map(|reason| reason.code), Some(krake_crds::reason::ReasonCode::UnsupportedResource));
}

#[test]
fn a_workload_that_ran_and_is_not_ready_has_failed_and_one_that_was_changed_is_starting() {
    let running = after(&placement(1, None), &settled(2, None), 1);
    let failed = after(&placement(1, Some(running.clone())), &settled(1, None), 2);
    assert_eq!(failed.workload, Some(WorkloadState::Degraded));
    let changed = after(&placement(2, Some(running.clone())), &settled(1, None), 2);
    assert_eq!(changed.workload, Some(WorkloadState::Progressing));
    let Done::Settled(corrected) = settled(1, None) else { panic!("not settled") };
    let corrected = Done::Settled(Settled { has_applied: true, ..corrected });
    assert_eq!(after(&placement(1, Some(running)), &corrected, 2).workload, Some(WorkloadState::Progressing));
}

#[test]
fn the_same_finding_again_changes_nothing() {
    for trouble in [false, true] {
        let done =
            || settled(2, trouble.then(|| Trouble::Manifest(manifest::Error::Incomplete { index: 0, field: "kind" })));
        let first = after(&placement(1, None), &done(), 1);
        assert_eq!(after(&placement(1, Some(first.clone())), &done(), 9), first);
    }
}

#[test]
fn silence_takes_nothing_back() {
    let waiting = || Done::Waited { why: "the API server does not answer".into(), trouble: None };
    let running = after(&placement(1, None), &settled(2, None), 1);
    let waited = after(&placement(2, Some(running.clone())), &waiting(), 2);
    assert_eq!(said(&waited), ["True", "True", "True"]);
    let applied = condition::find(&waited.conditions, condition::APPLIED).unwrap();
    assert_eq!((applied.reason.as_str(), applied.observed_generation), ("ClusterUnreachable", Some(1)));
    assert_eq!((waited.inventory, waited.workload), (running.inventory, running.workload));
    assert_eq!(said(&after(&placement(1, None), &waiting(), 2)), ["Unknown", "Unknown", "Unknown"]);
}

#[test]
fn a_deletion_says_what_it_waits_for() {
    let running = after(&placement(1, None), &settled(2, None), 1);
    let mut leaving = placement(1, Some(running));
    leaving.metadata.deletion_timestamp = Some(Time(at(2)));
    let deleting = |done: &Done| {
        let status = after(&leaving, done, 3);
        let deleting = condition::find(&status.conditions, condition::DELETING).unwrap();
        (deleting.reason.clone(), deleting.message.clone())
    };
    let left: Vec<_> = (1..=7).map(|number| entry(&format!("web-{number}"))).collect();
    let (reason, message) = deleting(&Done::Removing { left, trouble: None });
    assert_eq!(reason, "Removing");
    assert!(message.ends_with("Deployment default/web-5 and 2 more are gone"), "{message}");
    assert_eq!(deleting(&Done::Waited { why: "it is down".into(), trouble: None }).0, "ClusterUnreachable");
    assert!(status_after(&leaving, &Done::Released, None, at(3)).is_none());
}

#[test]
fn a_removal_that_is_withheld_says_by_whom() {
    let running = after(&placement(1, None), &settled(2, None), 1);
    let leaving = example::leaving(placement(1, Some(running.clone())));
    let withheld = || Withheld { reason: "Stopped", sentence: "a human stopped everything".into(), retry_after: None };
    let status = after(&leaving, &Done::Withheld(withheld()), 2);
    let deleting = condition::find(&status.conditions, condition::DELETING).unwrap();
    assert_eq!((deleting.reason.as_str(), deleting.message.as_str()), ("Stopped", "a human stopped everything"));
    assert_eq!(status.inventory, running.inventory);
    let Done::Settled(pruning) = settled(2, None) else { panic!("not settled") };
    let pruning = Done::Settled(Settled { withheld: Some(withheld()), ..pruning });
    let status = after(&placement(1, None), &pruning, 2);
    let applied = condition::find(&status.conditions, condition::APPLIED).unwrap();
    assert_eq!((applied.status.as_str(), applied.reason.as_str()), ("True", "Stopped"));
}

/// The order of conditions means nothing.
fn sorted(mut status: PlacementStatus) -> PlacementStatus {
    status.conditions.sort_by(|one, other| one.type_.cmp(&other.type_));
    status
}

fn conflict() -> &'static str {
    "Service default/web belongs to web/blog already"
}

fn failing(next: Next) -> (Done, Setback) {
    let conflict = targets::Error::Conflict { object: "Service default/web".into(), owner: "web/blog".into() };
    (settled(2, Some(Trouble::Target(conflict))), Setback { count: 3, next })
}

#[test]
fn a_deployment_that_is_given_up_is_stalled_until_a_new_generation_is_tried() {
    let mut limited = placement(1, None);
    limited.spec.backoff = Some(Backoff { limit: 2, ..Backoff::default() });
    let (done, setback) = failing(Next::GiveUp);
    let given_up = status_after(&limited, &done, Some(setback), at(1)).unwrap();
    let stalled = condition::find(&given_up.conditions, condition::STALLED).unwrap();
    assert_eq!((stalled.reason.as_str(), stalled.observed_generation), ("BackoffLimitExceeded", Some(1)));
    assert_eq!(given_up.failures, Some(Failures { generation: 1, count: 3 }));
    limited.status = Some(given_up.clone());
    let Done::Settled(held) = settled(2, None) else { panic!("not settled") };
    let held = Done::Settled(Settled { is_held: true, ..held });
    assert_eq!(sorted(after(&limited, &held, 9)), sorted(given_up.clone()));
    assert!(announcement(&placement(1, None), &given_up).is_some_and(|told| told.reason == "DeploymentGivenUp"));
    assert!(announcement(&limited, &given_up).is_none());
    let silence = Done::Waited { why: "it is down".into(), trouble: None };
    let mut silent = limited.clone();
    silent.status = Some(after(&limited, &silence, 10));
    let back = after(&silent, &held, 11);
    let applied = condition::find(&back.conditions, condition::APPLIED).unwrap();
    assert_eq!((applied.reason.as_str(), applied.message.as_str()), ("InvalidResource", conflict()));
    limited.metadata.generation = Some(2);
    let recovered = after(&limited, &settled(2, None), 10);
    assert_eq!((condition::find(&recovered.conditions, condition::STALLED), recovered.failures), (None, None));
}

#[test]
fn failures_without_a_limit_leave_no_trace_that_ticks() {
    let unlimited = placement(1, None);
    let (done, first) = failing(Next::Retry { remaining: -1, after: std::time::Duration::from_secs(4) });
    let failed = status_after(&unlimited, &done, Some(first), at(1)).unwrap();
    assert_eq!(failed.failures, None);
    let again = Setback { count: 4, ..first };
    assert_eq!(status_after(&placement(1, Some(failed.clone())), &done, Some(again), at(9)), Some(failed));
}

#[test]
fn objects_that_cannot_be_read_take_nothing_back() {
    let running = after(&placement(1, None), &settled(2, None), 1);
    let (done, setback) = failing(Next::Retry { remaining: -1, after: std::time::Duration::from_secs(1) });
    let Done::Settled(unread) = done else { panic!("not settled") };
    let unread = Done::Settled(Settled { live: None, ..unread });
    let status = status_after(&placement(1, Some(running.clone())), &unread, Some(setback), at(2)).unwrap();
    assert_eq!(said(&status), ["False", "False", "True"]);
    assert_eq!((status.workload, status.container_health), (running.workload, running.container_health));
    assert_eq!(said(&after(&placement(1, None), &unread, 2)), ["False", "False", "Unknown"]);
}

#[test]
fn users_are_told_once_when_applying_begins_to_fail() {
    let conflict =
        || Trouble::Target(targets::Error::Conflict { object: "Service default/web".into(), owner: "web/blog".into() });
    let before = placement(1, None);
    let failed = after(&before, &settled(2, Some(conflict())), 1);
    assert!(announcement(&before, &failed).is_some());
    let again = placement(1, Some(failed.clone()));
    assert!(announcement(&again, &after(&again, &settled(2, Some(conflict())), 2)).is_none());
    assert!(announcement(&again, &after(&again, &settled(2, None), 2)).is_none());
}

#[test]
fn what_ended_well_and_was_removed_is_not_missing() {
    let ended = Some(Ended { manifest: "d".into(), pods: 3 });
    let inventory = vec![InventoryEntry { ended, ..entry("web") }];
    let live = Some(BTreeMap::from([(Identity::of_entry(&inventory[0]), None)]));
    let done = Done::Settled(Settled { inventory, live, ..Settled::default() });
    let status = after(&placement(1, None), &done, 1);
    assert_eq!((said(&status), status.workload), (["True"; 3], Some(WorkloadState::Completed)));
    let pods = ContainerHealth { desired_pods: 3, completed_pods: 3, ..ContainerHealth::default() };
    assert_eq!(status.container_health, pods);
}

#[test]
fn corrections_that_take_more_than_one_round_do_not_make_it_unready() {
    let done = settled(2, Some(Trouble::Unfinished { done: 30, all: 40 }));
    let applied = after(&placement(1, None), &settled(2, None), 1);
    let status = after(&placement(1, Some(applied)), &done, 2);
    assert_eq!(said(&status), ["True"; 3]);
    assert_eq!(condition::find(&status.conditions, condition::APPLIED).unwrap().reason, "Applying");
    assert_eq!(said(&after(&placement(1, None), &done, 2)), ["False", "Unknown", "True"]);
}

#[test]
fn that_an_object_was_adopted_or_has_ended_is_recorded_before_anything_is_applied() {
    let adopted = InventoryEntry { adopted: true, ..entry("web") };
    assert!(!is_recorded(&adopted, &[entry("web")]) && is_recorded(&adopted, std::slice::from_ref(&adopted)));
    let ended = InventoryEntry { ended: Some(Ended::default()), ..entry("web") };
    assert!(!is_recorded(&ended, &[entry("web")]) && is_recorded(&ended, std::slice::from_ref(&ended)));
}
