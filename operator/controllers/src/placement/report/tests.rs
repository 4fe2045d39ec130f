use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use krake_crds::{kubernetes::PlacementSpec, reference::ObjectReference};
use krake_operator_domain::manifest;
use krake_operator_targets as targets;
use serde_json::{Value, json};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn placement(generation: i64, status: Option<PlacementStatus>) -> Placement {
    let spec = PlacementSpec {
        application: "shop".into(),
        cluster: ObjectReference::cluster("web", "edge"),
        application_generation: 1,
        manifest: Vec::new(),
        observer_schema: None,
    };
    let mut placement = Placement::new("shop-edge", spec);
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
    let live = BTreeMap::from([(Identity::of_entry(&entry("web")), Some(deployment(ready)))]);
    let inventory = vec![entry("web")];
    let host = "edge.example.org".into();
    Done::Settled(Settled { inventory, live, has_applied: false, contested: None, host, is_pruning: false, trouble })
}

fn after(placement: &Placement, done: &Done, second: i64) -> PlacementStatus {
    status_after(placement, done, at(second)).unwrap()
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
    assert!(status_after(&leaving, &Done::Released, at(3)).is_none());
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
