//! What must be there before what. Deletion runs the other way round.

use krake_crds::kubernetes::placement::InventoryEntry;

use super::{Desired, Identity};

/// Sorts objects so that each comes after what it needs; within a rank the manifest's order stays.
pub(super) fn sort_for_apply(objects: &mut [Desired]) {
    objects.sort_by_key(|desired| rank(&desired.identity));
}

/// The order in which recorded objects are deleted: the reverse of the order in which they were applied.
#[must_use]
pub fn deletion_order(entries: impl IntoIterator<Item = InventoryEntry>) -> Vec<InventoryEntry> {
    let mut ordered: Vec<_> = entries.into_iter().collect();
    ordered.sort_by_key(|entry| rank(&Identity::of_entry(entry)));
    ordered.reverse();
    ordered
}

fn rank(identity: &Identity) -> u8 {
    match (identity.group.as_str(), identity.kind.as_str()) {
        ("", "Namespace") => 0,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 1,
        ("scheduling.k8s.io" | "storage.k8s.io" | "node.k8s.io", _) => 2,
        ("", "ServiceAccount" | "ResourceQuota" | "LimitRange") | ("rbac.authorization.k8s.io", _) => 3,
        ("", "ConfigMap" | "Secret" | "PersistentVolume" | "PersistentVolumeClaim" | "Service") => 4,
        ("", "Pod" | "ReplicationController") | ("apps" | "batch", _) => 5,
        _ => 6,
    }
}
