//! Clusters in every stage of their life, and what their deletion needs next.

use krake_crds::kubernetes::Cluster;
use serde_json::{from_value, json};

use super::*;

fn cluster(finalizers: &[&str], deleting: bool) -> Arc<Cluster> {
    let deletion_timestamp = deleting.then_some("2026-01-02T03:04:05Z");
    let object = json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": {
            "name": "edge", "namespace": "web", "finalizers": finalizers, "deletionTimestamp": deletion_timestamp,
        },
        "spec": {},
    });
    Arc::new(from_value(object).unwrap())
}

fn application(name: &str, deleting: bool) -> Arc<Application> {
    let deletion_timestamp = deleting.then_some("2026-01-02T03:04:05Z");
    let object = json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": "web", "deletionTimestamp": deletion_timestamp },
        "spec": {},
    });
    Arc::new(from_value(object).unwrap())
}

fn placement(application: &str, deleting: bool) -> Arc<Placement> {
    let deletion_timestamp = deleting.then_some("2026-01-02T03:04:05Z");
    let place = json!({ "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "web", "name": "edge" });
    let object = json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Placement",
        "metadata": {
            "name": format!("{application}-1"), "namespace": "web", "deletionTimestamp": deletion_timestamp,
        },
        "spec": { "application": application, "cluster": place, "applicationGeneration": 1, "manifest": [] },
    });
    Arc::new(from_value(object).unwrap())
}

fn plan(cluster: Arc<Cluster>, applications: Vec<Arc<Application>>, placements: Vec<Arc<Placement>>) -> Plan {
    decide(&Observed { cluster, applications, placements })
}

#[test]
fn a_new_cluster_is_guarded_and_then_left_alone() {
    assert_eq!(plan(cluster(&[], false), vec![], vec![]), Plan::Guard);
    assert_eq!(plan(cluster(&[finalizer::CASCADE], false), vec![], vec![]), Plan::Rest);
}

#[test]
fn a_cluster_goes_only_when_nothing_depends_on_it() {
    let leaving = || cluster(&[finalizer::MIRROR, finalizer::CASCADE], true);
    assert_eq!(plan(leaving(), vec![], vec![]), Plan::Release);
    let (first, second) = (application("blog", false), application("shop", true));
    let Plan::Cascade { applications, placements, message } =
        plan(leaving(), vec![first.clone(), second], vec![placement("blog", false)])
    else {
        panic!("released too early")
    };
    assert_eq!(applications, [first], "those already on their way are only awaited");
    assert_eq!(placements, [], "an application removes its own copies");
    assert_eq!(message, "2 applications must go first: blog, shop");
}

#[test]
fn a_placement_that_no_application_answers_for_is_deleted() {
    let (left_over, leaving) = (placement("old", false), placement("older", true));
    let held = plan(cluster(&[finalizer::CASCADE], true), vec![], vec![left_over.clone(), leaving]);
    let Plan::Cascade { placements, message, .. } = held else { panic!("released too early") };
    assert_eq!(placements, [left_over]);
    assert_eq!(message, "2 placements must go first: old-1, older-1");
}

#[test]
fn a_cluster_without_our_finalizer_is_not_ours_to_hold() {
    assert_eq!(plan(cluster(&[finalizer::MIRROR], true), vec![], vec![]), Plan::Rest);
}
