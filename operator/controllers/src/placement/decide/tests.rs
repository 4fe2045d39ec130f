mod history;

use std::{slice::from_ref, sync::Arc};

use krake_crds::kubernetes::{Application, application::Backoff};
use krake_operator_loops::{labels, moved_away::MOVED_AWAY};
use krake_operator_targets as targets;
use serde_json::json;

use super::*;
use crate::placement::{
    example::{applied, entry, leaving, object, placement},
    observe::{cause_of, ownership},
};

fn live(objects: &[Value], owner: &Placement) -> BTreeMap<Identity, Value> {
    let marked = objects.iter().map(|object| {
        let mut object = object.clone();
        ownership(owner).mark(&mut object);
        (Identity::of_entry(&entry(&object)), object)
    });
    marked.collect()
}

fn known(placement: &Placement, live: BTreeMap<Identity, Value>) -> Plan {
    let scope = |_: &str, kind: &str| (kind != "Odd").then_some(Scope::Namespaced);
    let outline = outline(placement, "default", scope);
    planned(placement, Situation::Known(Facts { outline, live }))
}

fn planned(placement: &Placement, situation: Situation) -> Plan {
    restrained(placement, situation, Restraint::default())
}

fn restrained(placement: &Placement, situation: Situation, restraint: Restraint) -> Plan {
    plan(observed(placement, situation, None), restraint)
}

fn observed(placement: &Placement, situation: Situation, farewell: Option<Farewell>) -> Observed {
    Observed { placement: Arc::new(placement.clone()), ownership: ownership(placement), situation, farewell }
}

/// What is recorded, applied and pruned, by name.
fn steps_of(plan: Plan) -> (Vec<String>, Vec<String>, Vec<String>) {
    let Plan::Converge(converge) = plan else { panic!("no plan to converge") };
    let names = |entries: &[InventoryEntry]| entries.iter().map(|entry| entry.name.clone()).collect();
    let applied = converge.apply.iter().map(|change| change.entry.name.clone()).collect();
    (names(&converge.inventory()), applied, names(&converge.prune))
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_is_missing_drifted_or_unmarked_is_applied_and_the_rest_is_left_alone() {
    let [a, b] = [object("ConfigMap", "a"), object("ConfigMap", "b")];
    let both = [a.clone(), b.clone()];
    let placement = applied(placement(&both), &both);
    let as_it_should_be = live(&both, &placement);
    let steps = |live| steps_of(known(&placement, live)).1;
    assert_eq!(steps(as_it_should_be.clone()), named(&[]));
    assert_eq!(steps(live(from_ref(&b), &placement)), named(&["a"]));
    let mut drifted = a.clone();
    drifted["data"]["a"] = json!("2");
    assert_eq!(steps(live(&[drifted, b.clone()], &placement)), named(&["a"]));
    let mut extended = a.clone();
    extended["data"]["b"] = json!("theirs");
    assert_eq!(steps(live(&[extended, b.clone()], &placement)), named(&[]));
    let mut unmarked = as_it_should_be;
    unmarked.insert(Identity::of_entry(&entry(&a)), a);
    assert_eq!(steps(unmarked), named(&["a"]));
}

#[test]
fn corrections_are_patient_and_changes_of_the_manifest_are_not() {
    let a = object("ConfigMap", "a");
    let mut placement = applied(placement(from_ref(&a)), from_ref(&a));
    let wait = Some(Duration::from_secs(4));
    let impatient = |placement: &Placement| {
        let outline = outline(placement, "default", |_, _| Some(Scope::Namespaced));
        let situation = Situation::Known(Facts { outline, live: BTreeMap::new() });
        let restraint = Restraint { patience: wait, setback: None };
        let Plan::Converge(converge) = restrained(placement, situation, restraint) else {
            panic!("no plan to converge")
        };
        (converge.apply.len(), converge.contested)
    };
    assert_eq!(impatient(&placement), (0, wait));
    placement.metadata.generation = Some(3);
    assert_eq!(impatient(&placement), (1, None));
}

#[test]
fn a_new_generation_is_applied_whole_and_what_it_drops_is_pruned() {
    let [a, b, c] = [object("ConfigMap", "a"), object("ConfigMap", "b"), object("ConfigMap", "c")];
    let mut placement = applied(placement(&[a.clone(), c]), &[a.clone(), b.clone()]);
    placement.metadata.generation = Some(3);
    let plan = known(&placement, live(&[a, b], &placement));
    let Plan::Converge(converge) = &plan else { panic!("no plan to converge") };
    assert_eq!(converge.apply.iter().map(|change| change.is_drifted).collect::<Vec<_>>(), [false, true]);
    assert_eq!(steps_of(plan), (named(&["a", "c", "b"]), named(&["a", "c"]), named(&["b"])));
}

#[test]
fn everything_is_recorded_with_the_uids_that_are_known() {
    let [a, b] = [object("ConfigMap", "a"), object("ConfigMap", "b")];
    let mut placement = applied(placement(&[a.clone(), b]), &[a]);
    placement.metadata.generation = Some(3);
    let Plan::Converge(converge) = known(&placement, BTreeMap::new()) else { panic!("no plan to converge") };
    let uids: Vec<_> = converge.inventory().into_iter().map(|entry| (entry.name, entry.uid)).collect();
    assert_eq!(uids, [("a".into(), Some("live".into())), ("b".into(), None)]);
}

#[test]
fn what_belongs_to_another_application_is_refused_and_what_nobody_owns_is_taken() {
    let a = object("ConfigMap", "a");
    let mine = placement(from_ref(&a));
    let mut other = placement(&[]);
    other.metadata.uid = Some("u2".into());
    let sibling = live(from_ref(&a), &other);
    assert_eq!(steps_of(known(&mine, sibling)).1, named(&["a"]));
    other.spec.application = "blog".into();
    let foreign = known(&mine, live(from_ref(&a), &other));
    let Plan::Refuse { trouble: Trouble::Target(targets::Error::Conflict { owner, .. }), .. } = foreign else {
        panic!("not refused")
    };
    assert_eq!(owner, "web/blog");
    let free = BTreeMap::from([(Identity::of_entry(&entry(&a)), a)]);
    assert_eq!(steps_of(known(&mine, free)).1, named(&["a"]));
}

#[test]
fn a_manifest_or_schema_that_cannot_be_applied_is_refused_before_anything_is_done() {
    let refused = |placement: &Placement| match known(placement, BTreeMap::new()) {
        Plan::Refuse { trouble, .. } => trouble.reason(),
        _ => "not refused",
    };
    let a = object("ConfigMap", "a");
    assert_eq!(refused(&placement(&[a.clone(), object("Odd", "b")])), "UnsupportedResource");
    assert_eq!(refused(&placement(&[a.clone(), a.clone()])), "InvalidResource");
    let mut unreadable = placement(&[a]);
    unreadable.spec.observer_schema = Some("{".into());
    assert_eq!(refused(&unreadable), "InvalidResource");
}

#[test]
fn unobserved_fields_of_a_live_object_are_kept() {
    let a = object("ConfigMap", "a");
    let mut placement = applied(placement(from_ref(&a)), from_ref(&a));
    placement.spec.observer_schema =
        Some(json!([{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } }]).to_string());
    let mut theirs = a;
    theirs["data"]["a"] = json!("2");
    let as_it_is = live(&[theirs], &placement);
    assert_eq!(steps_of(known(&placement, as_it_is.clone())).1, named(&[]));
    placement.metadata.generation = Some(3);
    let Plan::Converge(converge) = known(&placement, as_it_is) else { panic!("no plan to converge") };
    assert_eq!(converge.apply[0].body["data"]["a"], "2");
    assert_eq!(converge.apply[0].body["metadata"]["labels"]["krake.dev/placement"], "u1");
}

#[test]
fn an_observed_field_that_the_manifest_leaves_out_is_kept_as_it_was_first_seen() {
    let a = object("ConfigMap", "a");
    let mut placement = applied(placement(from_ref(&a)), from_ref(&a));
    let schema =
        json!([{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "b": null } }]);
    placement.spec.observer_schema = Some(schema.to_string());
    let with_b = |value: &str| {
        let mut object = a.clone();
        object["data"]["b"] = json!(value);
        object
    };
    let Plan::Converge(first) = known(&placement, live(&[with_b("1")], &placement)) else { panic!("no plan") };
    assert_eq!((first.apply.len(), first.wanted[0].frozen.as_deref()), (0, Some(r#"{"data":{"b":"1"}}"#)));
    placement.status.get_or_insert_default().inventory = first.inventory();
    let Plan::Converge(then) = known(&placement, live(&[with_b("2")], &placement)) else { panic!("no plan") };
    assert_eq!((&then.apply[0].body["data"]["b"], &then.wanted[0].frozen), (&json!("1"), &first.wanted[0].frozen));
    let Plan::Converge(again) = known(&placement, BTreeMap::new()) else { panic!("no plan") };
    assert_eq!(again.apply[0].body["data"], json!({ "a": "1", "b": "1" }));
}

#[test]
fn what_two_groups_serve_is_not_pruned_when_the_manifest_changes_from_one_to_the_other() {
    let ingress = |group: &str| {
        let mut ingress = object("Ingress", "a");
        ingress["apiVersion"] = json!(format!("{group}/v1"));
        ingress
    };
    let mut placement = applied(placement(&[ingress("networking.k8s.io")]), &[ingress("extensions")]);
    placement.metadata.generation = Some(3);
    let there = |uid: &str| {
        let mut found = live(&[ingress("networking.k8s.io")], &placement);
        for object in found.values_mut() {
            object["metadata"]["uid"] = json!(uid);
        }
        steps_of(known(&placement, found)).2.len()
    };
    assert_eq!((there("live"), there("another")), (0, 1));
}

#[test]
fn a_failed_deployment_waits_for_its_time_and_is_given_up_at_its_limit() {
    let a = object("ConfigMap", "a");
    let mut placement = placement(from_ref(&a));
    placement.spec.backoff = Some(Backoff { limit: 1, ..Backoff::default() });
    let seen = |placement: &Placement| {
        let outline = outline(placement, "default", |_, _| Some(Scope::Namespaced));
        Situation::Known(Facts { outline, live: BTreeMap::new() })
    };
    let is_held = |placement: &Placement, setback| {
        let restraint = Restraint { patience: None, setback };
        matches!(restrained(placement, seen(placement), restraint), Plan::Hold(Untouched { live: Some(_), .. }))
    };
    assert!(is_held(&placement, Some(Duration::from_secs(1))) && !is_held(&placement, None));
    let mut failed =
        |count| placement.status.get_or_insert_default().failures = Some(Failures { generation: 2, count });
    failed(1);
    assert!(!is_held(&placement, None));
    let mut failed =
        |count| placement.status.get_or_insert_default().failures = Some(Failures { generation: 2, count });
    failed(2);
    assert!(is_held(&placement, None));
    placement.metadata.generation = Some(3);
    assert!(!is_held(&placement, None));
}

/// What becomes of two objects, in one word and the order in which they are let go.
fn parted(placement: &Placement, situation: Situation, farewell: Farewell) -> (&'static str, Vec<String>) {
    let (word, entries) = match plan(observed(placement, situation, Some(farewell)), Restraint::default()) {
        Plan::Remove { entries, act: safety::Act::Remove, dependents: Dependents::Follow, .. } => ("remove", entries),
        Plan::Remove { entries, act: safety::Act::Clean, dependents: Dependents::Follow, .. } => ("clean", entries),
        Plan::Remove { entries, act: safety::Act::Clean, dependents: Dependents::GoFirst, .. } => ("clear", entries),
        Plan::Unmark { entries, .. } => ("unmark", entries),
        Plan::Abandon { left, why: Abandoned::Unregistered } => ("unregistered", left),
        Plan::Abandon { left, why: Abandoned::Foreign } => ("foreign", left),
        Plan::Abandon { left, why: Abandoned::ClusterOrphans } => ("cluster orphans", left),
        Plan::Abandon { left, why: Abandoned::Retained } => ("retain", left),
        Plan::Wait { .. } => ("wait", Vec::new()),
        _ => ("something else", Vec::new()),
    };
    (word, entries.into_iter().map(|entry| entry.name).collect())
}

#[test]
fn in_deletion_the_policies_decide_what_becomes_of_what_is_recorded() {
    use DeletionPolicy::{Delete, Orphan, Retain};
    let objects = [object("ConfigMap", "a"), object("Pod", "b")];
    let leaving = leaving(applied(placement(&objects), &objects));
    let deleted = |policy| Farewell::Cause(Cause::Deleted(policy));
    let moved = |strategy| Farewell::Cause(Cause::Moved(strategy));
    let unreachable = || Situation::Unreachable { why: "down".into(), trouble: None };
    for (farewell, reached, silent) in [
        (moved(MigrationStrategy::MakeBeforeBreak), "clean", "wait"),
        (moved(MigrationStrategy::Recreate), "clear", "wait"),
        (deleted(Delete), "remove", "wait"),
        (deleted(Orphan), "unmark", "wait"),
        (deleted(Retain), "retain", "retain"),
        (Farewell::ClusterOrphans, "cluster orphans", "cluster orphans"),
    ] {
        let (word, order) = parted(&leaving, Situation::Reached, farewell);
        let expected = if matches!(word, "remove" | "clean" | "clear") { ["b", "a"] } else { ["a", "b"] };
        assert_eq!((word, order), (reached, named(&expected)), "{farewell:?}");
        assert_eq!(parted(&leaving, unreachable(), farewell).0, silent, "{farewell:?}");
        for (why, word) in [(Abandoned::Unregistered, "unregistered"), (Abandoned::Foreign, "foreign")] {
            assert_eq!(parted(&leaving, Situation::Gone(why), farewell).0, word, "{farewell:?}");
        }
    }
    let staying = applied(placement(&objects), &objects);
    assert!(matches!(planned(&staying, Situation::Gone(Abandoned::Unregistered)), Plan::Wait { .. }));
    assert!(matches!(planned(&staying, unreachable()), Plan::Wait { .. }));
}

#[test]
fn the_application_itself_says_what_its_deletion_means_and_a_namesake_does_not() {
    let mut placement = placement(&[]);
    placement.spec.deletion_policy = DeletionPolicy::Retain;
    let label = (labels::APPLICATION_UID.to_owned(), "a1".to_owned());
    placement.metadata.labels = Some([label].into());
    let application = |uid: &str, deleted: Option<&str>| -> Application {
        let metadata = json!({ "name": "shop", "namespace": "web", "uid": uid, "deletionTimestamp": deleted });
        serde_json::from_value(json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application", "metadata": metadata,
            "spec": { "deletionPolicy": "Orphan", "migrationStrategy": "Recreate" },
        }))
        .unwrap()
    };
    let then = Some("2026-01-02T03:04:05Z");
    for (namesake, expected) in [
        // With its namespace, a Placement may be deleted before its Application.
        (Some(application("a1", None)), Cause::Deleted(DeletionPolicy::Orphan)),
        (Some(application("a1", then)), Cause::Deleted(DeletionPolicy::Orphan)),
        (Some(application("a2", None)), Cause::Deleted(DeletionPolicy::Retain)),
        (Some(application("a2", then)), Cause::Deleted(DeletionPolicy::Retain)),
        (None, Cause::Deleted(DeletionPolicy::Retain)),
    ] {
        assert_eq!(cause_of(&placement, namesake.as_ref()), expected);
    }
}

#[test]
fn only_a_copy_that_says_so_is_moved_away_and_it_stays_so_when_its_application_is_deleted() {
    let application = |at: Option<&str>| -> Application {
        serde_json::from_value(json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
            "metadata": { "name": "shop", "namespace": "web", "uid": "a1", "deletionTimestamp": at },
            "spec": { "deletionPolicy": "Retain", "migrationStrategy": "Recreate" },
        }))
        .unwrap()
    };
    let namesakes = [Some(application(None)), Some(application(Some("2026-01-02T03:04:05Z"))), None];
    let mut copy = leaving(placement(&[]));
    copy.spec.deletion_policy = DeletionPolicy::Retain;
    let causes = |copy: &Placement| namesakes.each_ref().map(|namesake| cause_of(copy, namesake.as_ref()));
    assert_eq!(causes(&copy), [Cause::Deleted(DeletionPolicy::Retain); 3]);
    copy.metadata.annotations = Some([(MOVED_AWAY.to_owned(), "true".to_owned())].into());
    let [lives, leaves, gone] = causes(&copy);
    assert_eq!([lives, leaves], [Cause::Moved(MigrationStrategy::Recreate); 2]);
    assert_eq!(gone, Cause::Moved(MigrationStrategy::MakeBeforeBreak));
}
