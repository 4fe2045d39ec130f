//! Generators for the tests of all translations.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use krake_crds::{reason::Reason, reference::ObjectReference};
use krake_facade_wire::{Metadata, ReasonCode, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        name: "shop".into(),
        namespace: Some("team".into()),
        labels: [].into(),
        inherit_labels: false,
        finalizers: Vec::new(),
        uid: "uid".into(),
        created: Timestamp::EPOCH,
        modified: Timestamp::EPOCH,
        deleted: None,
        owners: Vec::new(),
    }
}

pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    "[ -~ä€]{1,12}"
}

/// An object as Kubernetes keeps it: whole numbers are integers.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000..1000_i32).prop_map(|n| Value::from(f64::from(n) + 0.125)),
        text().prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3).prop_map(|members| json!(members)),
        ]
    });
    tree.prop_map(|inner| json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": inner }))
}

pub(crate) fn any_labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("[a-z]{1,5}", "[a-z:0-9]{1,8}", 0..3)
}

pub(crate) fn any_time() -> impl Strategy<Value = MicroTime> {
    (0..4_000_000_000_000_000_i64).prop_map(|micros| MicroTime(jiff::Timestamp::from_microsecond(micros).unwrap()))
}

pub(crate) fn any_reference() -> impl Strategy<Value = ObjectReference> {
    ("[a-wyz][a-z0-9]{0,8}", "[a-wyz][a-z0-9]{0,8}").prop_map(|(namespace, name)| ObjectReference {
        group: "kubernetes.krake.dev".into(),
        kind: "Cluster".into(),
        namespace: Some(namespace),
        name,
    })
}

pub(crate) fn any_reason() -> impl Strategy<Value = Reason> {
    (proptest::sample::select(ReasonCode::ALL), text())
        .prop_map(|(code, message)| Reason::new(code.as_str().parse().unwrap(), message))
}
