//! Placements and what is on their targets, for the tests of this controller.

use krake_crds::{
    kubernetes::{Placement, PlacementSpec, PlacementStatus, application::DeletionPolicy, placement::InventoryEntry},
    reference::ObjectReference,
};
use serde_json::{Value, json};

/// An object of a manifest.
pub(super) fn object(kind: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "default" }, "data": { "a": "1" } })
}

/// A Placement in its second generation that was not applied yet.
pub(super) fn placement(manifest: &[Value]) -> Placement {
    let spec = PlacementSpec {
        application: "shop".into(),
        cluster: ObjectReference::cluster("web", "edge"),
        application_generation: 1,
        manifest: manifest.to_vec(),
        observer_schema: None,
        backoff: None,
        deletion_policy: DeletionPolicy::Delete,
    };
    let mut placement = Placement::new("shop-edge", spec);
    placement.metadata.namespace = Some("web".into());
    placement.metadata.uid = Some("u1".into());
    placement.metadata.generation = Some(2);
    placement
}

/// As it is after everything of its inventory was applied in this generation.
pub(super) fn applied(mut placement: Placement, recorded: &[Value]) -> Placement {
    let inventory = recorded.iter().map(entry).collect();
    placement.status = Some(PlacementStatus { observed_generation: Some(2), inventory, ..PlacementStatus::default() });
    placement
}

/// The same, marked for deletion.
pub(super) fn leaving(mut placement: Placement) -> Placement {
    placement.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    placement
}

/// How an object is recorded that is on the target.
pub(super) fn entry(object: &Value) -> InventoryEntry {
    let text = |pointer: &str| object.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    InventoryEntry {
        api_version: text("/apiVersion"),
        kind: text("/kind"),
        namespace: Some(text("/metadata/namespace")),
        name: text("/metadata/name"),
        uid: Some("live".into()),
        ..InventoryEntry::default()
    }
}
