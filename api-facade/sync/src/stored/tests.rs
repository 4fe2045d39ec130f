use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use krake_facade_wire::{
    Kind,
    kubernetes::{Application, Cluster},
};

const APPLICATION: &str = r#"{"api": "kubernetes", "kind": "Application", "metadata": {"name": "shop", "namespace": "team",
    "labels": {"z": "1", "a": "2"}, "finalizers": ["mine", "cascade_deletion", "cascade_deletion"], "uid": "uid",
    "created": "2026-01-02T03:04:05+02:00", "modified": "2026-01-02T03:04:05+02:00"},
    "spec": {"manifest": [{"kind": "A", "apiVersion": "v1", "metadata": {"name": "a"}, "big": 123456789012345678901234567890,
    "float": 2.0, "nothing": null}], "constraints": {"cluster": {"labels": ["a  is b"]}}, "backoff": 7},
    "status": {"state": "RUNNING", "services": {"web": {"odd": 1}}, "complete_token": "t", "last_applied_manifest": [{}]}}"#;

fn application() -> Stored<Application> {
    Stored::parse(APPLICATION.as_bytes(), &Directory::default()).unwrap()
}

fn moment() -> Moment {
    Moment { now: Timestamp::EPOCH, deleted: None }
}

fn fields(names: &[&str]) -> BTreeSet<Field> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn object_face(spec: &serde_json::Value, status: &serde_json::Value) -> Face {
    let object = json!({ "metadata": { "name": "shop" }, "spec": spec, "status": status });
    Face::of_object::<Application>(&serde_json::from_value(object).unwrap(), None).unwrap()
}

#[test]
fn what_the_object_did_not_change_stays_as_the_client_wrote_it() {
    let before = application();
    let face = object_face(&json!({ "manifest": [], "hooks": ["complete"] }), &json!({ "state": "DEGRADED" }));
    let after =
        before.merge(&face, &fields(&["spec.hooks", "status.state"]), &moment(), &Directory::default()).unwrap();
    assert_eq!(after.wire.spec.hooks, ["complete"]);
    assert_eq!(after.wire.status.state.as_str(), "DEGRADED");
    let text = String::from_utf8(after.bytes()).unwrap();
    for kept in
        ["123456789012345678901234567890", "\"float\": 2.0", "\"nothing\": null", "\"a  is b\"", "\"odd\": 1", "\"t\""]
    {
        assert!(text.contains(kept), "{kept} is not in {text}");
    }
    assert_eq!(after.wire.metadata().finalizers, before.wire.metadata().finalizers);
}

#[test]
fn a_change_of_status_does_not_move_the_time_of_the_last_change() {
    let face = object_face(&json!({ "hooks": ["complete"] }), &json!({ "state": "FAILED" }));
    let merge = |names: &[&str]| application().merge(&face, &fields(names), &moment(), &Directory::default()).unwrap();
    let modified = |stored: Stored<Application>| stored.wire.metadata().modified;
    assert_eq!(modified(merge(&["status.state"])), application().wire.metadata().modified);
    assert_eq!(modified(merge(&["spec.hooks"])), Timestamp::EPOCH);
}

#[test]
fn labels_are_merged_one_by_one() {
    let face = object_face(&json!({ "labels": { "a": "3", "b": "4" } }), &json!({}));
    let wanted = fields(&["label:a", "label:b"]);
    let after = application().merge(&face, &wanted, &moment(), &Directory::default()).unwrap();
    let labels: Vec<_> = after.wire.metadata().labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(labels, ["z=1", "a=3", "b=4"]);
}

#[test]
fn a_mark_is_set_once_and_keeps_its_time() {
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let marked = |stored: &Stored<Application>, deleted| {
        let moment = Moment { now: Timestamp::EPOCH, deleted };
        stored.merge(&Face::default(), &BTreeSet::new(), &moment, &Directory::default()).unwrap()
    };
    let once = marked(&application(), at("2026-02-03T04:05:06Z"));
    let twice = marked(&once, at("2027-02-03T04:05:06Z"));
    assert_eq!(twice.wire.metadata().deleted, at("2026-02-03T04:05:06Z"));
    assert_eq!(twice.wire.metadata().modified, application().wire.metadata().modified);
}

#[test]
fn a_finalizer_that_is_gone_in_kubernetes_goes_with_all_its_copies() {
    let face = object_face(&json!({}), &json!({}));
    let gone = fields(&["finalizer:krake.dev/cascade-deletion"]);
    let after = application().merge(&face, &gone, &moment(), &Directory::default()).unwrap();
    assert_eq!(after.wire.metadata().finalizers, ["mine"]);
    assert!(after.facts().awaits.rest_alone);
}

#[test]
fn a_refusal_is_told_in_the_words_of_krake() {
    let refused = application().refused("spec.manifest: too long", &Directory::default()).unwrap();
    let reason = refused.wire.status.reason.clone().unwrap();
    assert_eq!((refused.wire.status.state.as_str(), reason.code.as_str()), ("FAILED", "INVALID_RESOURCE"));
    assert_eq!(reason.message, "spec.manifest: too long");
    assert_eq!(decide::wish(&refused.face.fields()), decide::wish(&application().face.fields()));
}

#[test]
fn a_kubeconfig_is_shown_where_the_contract_has_it() {
    let object = json!({ "metadata": { "name": "edge", "namespace": "team", "uid": "u" }, "spec": {} });
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let face = Face::of_object::<Cluster>(&object, Some(json!({ "users": [] }))).unwrap();
    let key = Key::of::<krake_facade_wire::kubernetes::Cluster>(Some("team"), "edge");
    let names = Directory::default();
    let stored = Stored::<Cluster>::of_object(&key, &object, &face, &names).unwrap();
    assert_eq!(stored.wire.spec.kubeconfig.len(), 1);
    assert_eq!(stored.face.fields().get(&Field::Secret), face.fields().get(&Field::Secret));
    let other = Face::of_object::<Cluster>(&object, Some(json!({ "users": [1] }))).unwrap();
    let merged = stored.merge(&other, &fields(&["secret"]), &moment(), &names).unwrap();
    assert_eq!(merged.face.fields().get(&Field::Secret), other.fields().get(&Field::Secret));
}

proptest! {
    #[test]
    fn taking_over_every_field_makes_both_sides_the_same(
        hooks in proptest::collection::vec("[a-z]{1,5}", 0..3), state in "RUNNING|FAILED|PENDING", limit in -1..5_i64,
        labels in proptest::collection::btree_map("[a-z]{1,3}", "[a-z]{1,3}", 0..3),
    ) {
        let spec = json!({ "hooks": hooks, "labels": labels, "backoff": { "limit": limit } });
        let face = object_face(&spec, &json!({ "state": state }));
        let before = application();
        let all = before.face.fields().into_keys().chain(face.fields().into_keys()).collect();
        let after = before.merge(&face, &all, &moment(), &Directory::default()).unwrap();
        prop_assert_eq!(after.face.fields(), face.fields());
    }
}
