//! Objects in every stage of their life, and what their deletion needs next.

use krake_crds::{finalizer, reference::ObjectReference};
use krake_operator_domain::ownership::Graph;
use serde_json::{from_value, json};

use super::*;
use crate::garbage_collector::kinds;

fn entry(kind: &str, name: &str, finalizers: &[&str], is_leaving: bool) -> Entry {
    let deletion_timestamp = is_leaving.then_some("2026-01-02T03:04:05Z");
    let outline = json!({
        "metadata": {
            "name": name, "namespace": "web", "finalizers": finalizers, "deletionTimestamp": deletion_timestamp,
        },
        "spec": {},
    });
    let kind = kinds::ALL.iter().find(|candidate| candidate.kind == kind).unwrap().clone();
    Entry { kind, outline: Arc::new(from_value(outline).unwrap()) }
}

fn cluster(finalizers: &[&str], is_leaving: bool) -> Entry {
    entry("Cluster", "edge", finalizers, is_leaving)
}

fn cloud() -> Entry {
    entry("Cloud", "eu", &[finalizer::CASCADE], true)
}

fn application(name: &str, is_leaving: bool) -> Entry {
    entry("Application", name, &[], is_leaving)
}

fn placement(application: &str, is_leaving: bool) -> Arc<Placement> {
    let deletion_timestamp = is_leaving.then_some("2026-01-02T03:04:05Z");
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

fn observed(object: Entry, dependents: Vec<Entry>) -> Observed {
    let mut graph = Graph::default();
    for dependent in &dependents {
        graph.add(&dependent.place(), &[object.place()]);
    }
    Observed { object, dependents, graph, placements: vec![], incomplete: None, rivalry: None }
}

/// Names of the dependents and the Placements that are to be deleted, and what is awaited.
fn cascade(observed: &Observed) -> (Vec<String>, Vec<String>, String) {
    let Plan::Cascade { dependents, placements, message } = decide(observed) else { panic!("no cascade") };
    let dependents = dependents.iter().map(|one| one.outline.name_any()).collect();
    (dependents, placements.iter().map(|one| one.name_any()).collect(), message)
}

#[test]
fn a_new_cluster_is_guarded_and_then_left_alone() {
    assert!(matches!(decide(&observed(cluster(&[], false), vec![])), Plan::Guard));
    assert!(matches!(decide(&observed(cluster(&[finalizer::CASCADE], false), vec![])), Plan::Rest));
    assert!(matches!(decide(&observed(entry("Cloud", "eu", &[], false), vec![])), Plan::Rest));
}

#[test]
fn an_object_goes_only_when_nothing_depends_on_it() {
    assert!(matches!(decide(&observed(cloud(), vec![])), Plan::Release));
    let edge = cluster(&[finalizer::CASCADE], true);
    assert_eq!(cascade(&observed(cloud(), vec![edge])).0, [""; 0], "those already on their way are only awaited");
    let rest = [entry("Role", "b", &[], false), entry("Metric", "c", &[], false), entry("Metric", "d", &[], false)];
    let mixed: Vec<_> = [application("a", false)].into_iter().chain(rest).collect();
    let (dependents, _, message) = cascade(&observed(cloud(), mixed));
    assert_eq!(dependents, ["a", "b", "c", "d"]);
    assert_eq!(message, "4 objects must go first: a, b, c and 1 more");
}

#[test]
fn a_cluster_goes_only_when_nothing_depends_on_it() {
    let leaving = || cluster(&[finalizer::MIRROR, finalizer::CASCADE], true);
    assert!(matches!(decide(&observed(leaving(), vec![])), Plan::Release));
    let applications = vec![application("blog", false), application("shop", true)];
    let placements = vec![placement("blog", false)];
    let (dependents, placements, message) = cascade(&Observed { placements, ..observed(leaving(), applications) });
    assert_eq!(dependents, ["blog"]);
    assert_eq!(placements, [""; 0], "an application removes its own copies");
    assert_eq!(message, "2 applications must go first: blog, shop");
}

#[test]
fn a_placement_that_no_application_answers_for_is_deleted() {
    let placements = vec![placement("old", false), placement("older", true)];
    let held = observed(cluster(&[finalizer::CASCADE], true), vec![]);
    let (_, placements, message) = cascade(&Observed { placements, ..held });
    assert_eq!(placements, ["old-1"]);
    assert_eq!(message, "2 placements must go first: old-1, older-1");
}

#[test]
fn no_placement_is_an_orphan_while_some_application_may_not_be_known() {
    let incomplete = Some("Application".to_owned());
    let held = observed(cluster(&[finalizer::CASCADE], true), vec![]);
    let (_, placements, _) = cascade(&Observed { placements: vec![placement("old", false)], incomplete, ..held });
    assert_eq!(placements, [""; 0]);
}

#[test]
fn an_object_without_our_finalizer_is_not_ours_to_hold() {
    assert!(matches!(decide(&observed(cluster(&[finalizer::MIRROR], true), vec![])), Plan::Rest));
}

#[test]
fn an_object_stays_while_some_dependent_may_not_be_known() {
    let incomplete = Some("Role".to_owned());
    let unsure = Observed { incomplete: incomplete.clone(), ..observed(cloud(), vec![]) };
    assert!(matches!(decide(&unsure), Plan::Wait(Doubt::Incomplete(kind)) if kind == "Role"));
    let known = Observed { incomplete, ..observed(cloud(), vec![application("shop", false)]) };
    assert_eq!(cascade(&known).0, ["shop"], "what is known is collected all the same");
}

#[test]
fn objects_of_a_cycle_are_deleted_together_and_do_not_wait_for_each_other() {
    let in_cycle = |is_leaving| {
        let mut seen = observed(cloud(), vec![application("shop", is_leaving), cloud()]);
        let places: Vec<ObjectReference> = seen.dependents.iter().map(Entry::place).collect();
        seen.graph.add(&seen.object.place(), &places);
        seen
    };
    assert_eq!(cascade(&in_cycle(false)).0, ["shop"]);
    assert!(matches!(decide(&in_cycle(true)), Plan::Release));
}
