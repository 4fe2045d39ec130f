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

/// Whether `entry` has to stay while `pending` is still being deleted. A custom resource may need its controller, and
/// whatever that needs, to come to its end; both are supposed to be among `all` when its definition is.
#[must_use]
pub fn is_needed_by(entry: &InventoryEntry, pending: &InventoryEntry, all: &[InventoryEntry]) -> bool {
    let group = format!(".{}", Identity::of_entry(pending).group);
    let defines = |entry: &InventoryEntry| {
        rank(&Identity::of_entry(entry)) == Rank::Definitions && entry.name.ends_with(&group) && group.len() > 1
    };
    rank(&Identity::of_entry(entry)) < Rank::Others && all.iter().any(defines)
}

/// Whether the recorded object stays where it is when the rest is removed, and is only no longer ours: one in which others
/// keep objects of theirs, and that was there before us. Deleting a Namespace or a definition deletes everything in it.
#[must_use]
pub fn is_left_behind(entry: &InventoryEntry) -> bool {
    entry.adopted && rank(&Identity::of_entry(entry)) <= Rank::Definitions
}

/// How late an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Namespaces,
    Definitions,
    /// What the whole cluster offers to objects: classes of storage, of priority, of runtimes.
    Classes,
    /// What limits and identifies workloads. Roles come before the bindings that refer to them.
    Accounts,
    Roles,
    Bindings,
    Configuration,
    Storage,
    /// Workloads get the addresses of Services when they start, and must not start without their network policies.
    Network,
    Workloads,
    /// Everything that refers to workloads, and custom resources, whose controllers may be among the workloads.
    Others,
    /// What the API server calls for requests of others: it would refuse them until the workload behind it runs.
    Interceptors,
}

fn rank(identity: &Identity) -> Rank {
    match (identity.group.as_str(), identity.kind.as_str()) {
        ("", "Namespace") => Rank::Namespaces,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Rank::Definitions,
        ("scheduling.k8s.io" | "storage.k8s.io" | "node.k8s.io", _) => Rank::Classes,
        ("", "ServiceAccount" | "ResourceQuota" | "LimitRange") => Rank::Accounts,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => Rank::Roles,
        ("rbac.authorization.k8s.io", _) => Rank::Bindings,
        ("", "ConfigMap" | "Secret") => Rank::Configuration,
        ("", "PersistentVolume" | "PersistentVolumeClaim") => Rank::Storage,
        ("", "Service") | ("networking.k8s.io", "NetworkPolicy") => Rank::Network,
        ("", "Pod" | "ReplicationController") | ("apps" | "batch", _) => Rank::Workloads,
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => Rank::Interceptors,
        _ => Rank::Others,
    }
}
