//! Objects in every stage of their life, and what their deletion needs next.

use krake_crds::finalizer;
use krake_operator_domain::ownership::Graph;
use serde_json::{Value, from_value, json};

use super::*;
use crate::kinds;

fn entry(kind: &str, name: &str, finalizers: &[&str], is_leaving: bool) -> Entry {
    let deletion_timestamp = is_leaving.then_some("2026-01-02T03:04:05Z");
    let outline = json!({
        "metadata": {
            "name": name, "namespace": "web", "finalizers": finalizers, "deletionTimestamp": deletion_timestamp,
        },
        "spec": {},
    });
    of_kind(kind, outline)
}

fn of_kind(kind: &str, outline: Value) -> Entry {
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
    let (cycle, placements) = (vec![], vec![]);
    Observed { object, dependents, graph, cycle, placements, incomplete: None, rivalry: None, overdue: None }
}

/// The first one, as seen when each of them depends on the one before it, and the first on the last.
fn in_cycle(members: &[&Entry]) -> Observed {
    let members: Vec<Entry> = members.iter().map(|member| (*member).clone()).collect();
    let mut seen = observed(members[0].clone(), members.iter().skip(1).take(1).cloned().collect());
    for (owner, dependent) in members.iter().zip(members.iter().cycle().skip(1)) {
        seen.graph.add(&dependent.place(), &[owner.place()]);
    }
    let places = seen.graph.cycle_of(&seen.object.place());
    assert_eq!(places.len(), members.len());
    seen.cycle = places.iter().map(|place| members.iter().find(|one| one.place() == *place).unwrap().clone()).collect();
    seen
}

/// Names of the dependents and the Placements that are to be deleted, and what is awaited.
fn cascade(observed: &Observed) -> (Vec<String>, Vec<String>, String) {
    let Plan::Cascade { dependents, placements, said } = decide(observed) else { panic!("no cascade") };
    let dependents = dependents.iter().map(|one| one.outline.name_any()).collect();
    (dependents, placements.iter().map(|one| one.name_any()).collect(), said.message)
}

fn reason(observed: &Observed) -> &'static str {
    let Plan::Cascade { said, .. } = decide(observed) else { panic!("no cascade") };
    said.reason
}

#[test]
fn a_new_cluster_is_guarded_and_then_left_alone() {
    assert!(matches!(decide(&observed(cluster(&[], false), vec![])), Plan::Guard));
    assert!(matches!(decide(&observed(cluster(&[finalizer::CASCADE], false), vec![])), Plan::Rest));
    assert!(matches!(decide(&observed(entry("Cloud", "eu", &[], false), vec![])), Plan::Rest));
}

#[test]
fn an_object_of_any_kind_is_guarded_once_something_depends_on_it() {
    let app = |finalizers: &[&str]| entry("Application", "shop", finalizers, false);
    let role = || entry("Role", "admin", &[], false);
    assert!(matches!(decide(&observed(app(&[]), vec![role()])), Plan::Guard));
    assert!(matches!(decide(&observed(app(&[finalizer::CASCADE]), vec![role()])), Plan::Rest));
    assert!(matches!(decide(&observed(app(&[finalizer::CASCADE]), vec![])), Plan::Rest), "it stays");
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
fn nothing_in_a_cycle_is_deleted_before_all_of_it_is() {
    let (edge, shop) = (cluster(&[finalizer::CASCADE], true), |is_leaving| application("shop", is_leaving));
    let seen = in_cycle(&[&cloud(), &edge, &shop(false)]);
    assert_eq!(reason(&seen), OWNERSHIP_CYCLE);
    let (dependents, placements, message) = cascade(&seen);
    assert_eq!((dependents, placements), (vec![], vec![]));
    let members = "Cloud web/eu, Application web/shop, Cluster web/edge";
    let ways = "remove an owner from one of them, or delete all of them";
    assert_eq!(message, format!("owners in a cycle: {members}; {ways}"));
    assert!(matches!(decide(&in_cycle(&[&cloud(), &edge, &shop(true)])), Plan::Release));
}

#[test]
fn what_depends_on_a_cycle_from_outside_is_deleted() {
    let mut seen = in_cycle(&[&cloud(), &application("shop", false)]);
    let role = entry("Role", "admin", &[], false);
    seen.graph.add(&role.place(), &[seen.object.place()]);
    seen.dependents.push(role);
    assert_eq!(cascade(&seen).0, ["admin"]);
    assert_eq!(reason(&seen), OWNERSHIP_CYCLE);
}

#[test]
fn an_object_that_owns_itself_goes() {
    let seen = in_cycle(&[&entry("Cloud", "eu", &[finalizer::CASCADE], true)]);
    assert!(matches!(decide(&seen), Plan::Release), "all of it is being deleted");
}

#[test]
fn a_deletion_that_waits_too_long_says_what_can_be_done() {
    let overdue = Some(Duration::from_mins(10));
    let waits = |object| Observed { overdue, ..observed(object, vec![application("shop", true)]) };
    let edge = cluster(&[finalizer::CASCADE], true);
    assert_eq!(reason(&waits(edge.clone())), DELETION_STUCK);
    let message = cascade(&waits(edge)).2;
    for part in ["1 application must go first: shop (for more than 10 min)", "deletionPolicy to Orphan", "forced=true"]
    {
        assert!(message.contains(part), "{message}");
    }
    assert!(cascade(&waits(cloud())).2.contains("remove this object from their owners"));
    assert!(matches!(decide(&Observed { overdue, ..observed(cloud(), vec![]) }), Plan::Release));
}

#[test]
fn what_is_forced_waits_for_nothing_and_takes_nothing_along() {
    let forced = |finalizers: &[&str], deletion_timestamp: Option<&str>| {
        let annotations = json!({ finalizer::FORCED: "true" });
        let metadata = json!({
            "name": "edge", "namespace": "web", "annotations": annotations,
            "finalizers": finalizers, "deletionTimestamp": deletion_timestamp,
        });
        let object = of_kind("Cluster", json!({ "metadata": metadata, "spec": {} }));
        Observed { placements: vec![placement("shop", false)], ..observed(object, vec![application("shop", false)]) }
    };
    let leaving = Some("2026-01-02T03:04:05Z");
    assert!(matches!(decide(&forced(&[finalizer::CASCADE], leaving)), Plan::Release));
    assert!(matches!(decide(&forced(&[finalizer::MIRROR], leaving)), Plan::Rest));
    assert!(matches!(decide(&forced(&[], None)), Plan::Rest), "it is about to be deleted");
}
