use std::{slice::from_ref, sync::Arc};

use krake_crds::kubernetes::{PlacementSpec, PlacementStatus};
use krake_crds::reference::ObjectReference;
use krake_operator_targets as targets;
use serde_json::json;

use super::*;
use crate::placement::observe::ownership;

fn object(kind: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "default" }, "data": { "a": "1" } })
}

fn placement(manifest: &[Value]) -> Placement {
    let spec = PlacementSpec {
        application: "shop".into(),
        cluster: ObjectReference::cluster("web", "edge"),
        application_generation: 1,
        manifest: manifest.to_vec(),
        observer_schema: None,
    };
    let mut placement = Placement::new("shop-edge", spec);
    placement.metadata.namespace = Some("web".into());
    placement.metadata.uid = Some("u1".into());
    placement.metadata.generation = Some(2);
    placement
}

/// As it is after everything of its inventory was applied in this generation.
fn applied(mut placement: Placement, recorded: &[Value]) -> Placement {
    let inventory = recorded.iter().map(entry).collect();
    placement.status = Some(PlacementStatus { observed_generation: Some(2), inventory, ..PlacementStatus::default() });
    placement
}

fn entry(object: &Value) -> InventoryEntry {
    let text = |pointer: &str| object.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    InventoryEntry {
        api_version: text("/apiVersion"),
        kind: text("/kind"),
        namespace: Some(text("/metadata/namespace")),
        name: text("/metadata/name"),
        uid: Some("live".into()),
    }
}

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
    let observed = Observed { placement: Arc::new(placement.clone()), ownership: ownership(placement), situation };
    plan(observed, None)
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
        let observed = Observed { placement: Arc::new(placement.clone()), ownership: ownership(placement), situation };
        let Plan::Converge(converge) = plan(observed, wait) else { panic!("no plan to converge") };
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
fn in_deletion_everything_recorded_is_removed_in_reverse_and_abandoned_only_when_the_cluster_is_gone() {
    let objects = [object("ConfigMap", "a"), object("Pod", "b")];
    let mut leaving = applied(placement(&objects), &objects);
    leaving.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    let Plan::Remove { entries, .. } = planned(&leaving, Situation::Removable) else { panic!("not removed") };
    assert_eq!(entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>(), ["b", "a"]);
    let unreachable = || Situation::Unreachable { why: "down".into(), trouble: None };
    assert!(matches!(planned(&leaving, unreachable()), Plan::Wait { .. }));
    let Plan::Abandon { orphaned } = planned(&leaving, Situation::Gone) else { panic!("not abandoned") };
    assert_eq!(orphaned.len(), 2);
    let staying = applied(placement(&objects), &objects);
    assert!(matches!(planned(&staying, Situation::Gone), Plan::Wait { .. }));
    assert!(matches!(planned(&staying, unreachable()), Plan::Wait { .. }));
}
