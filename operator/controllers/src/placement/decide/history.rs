//! What once was true of an object and cannot be seen any more: it is recorded in the inventory while it can.

use krake_crds::kubernetes::placement::{Ended, InventoryEntry, WorkloadState};
use krake_operator_domain::health;
use krake_operator_targets::{Ownership, Tie};
use serde_json::Value;

/// Whether the object was there, and nobody's, before we applied it. One that only lost our marks was ours; one that is made
/// anew is. That another Placement adopted it, or this one before it lost its status, only the object itself tells.
pub(super) fn is_adopted(entry: &InventoryEntry, found: Option<&Value>, ownership: &Ownership) -> bool {
    let Some(found) = found else { return false };
    let uid = found.pointer("/metadata/uid").and_then(Value::as_str);
    let is_unknown = uid.is_none() || uid != entry.uid.as_deref();
    entry.adopted || Ownership::is_adopted(found) || (is_unknown && ownership.tie(found) == Tie::Free)
}

/// That what the manifest asks for, of which `digest` answers a digest, has ended well. It has when an object did that had
/// nothing to correct. Kubernetes may remove it then, and to apply it again would repeat its work.
pub(super) fn ended(
    entry: &InventoryEntry,
    found: Option<&Value>,
    is_drifted: bool,
    digest: impl Fn() -> String,
) -> Option<Ended> {
    let before = || entry.ended.clone().filter(|ended| ended.manifest == digest());
    let Some(found) = found else { return before() };
    let health = health::assess(found).filter(|health| health.state == WorkloadState::Completed)?;
    if is_drifted {
        return before();
    }
    Some(Ended { manifest: digest(), pods: health.pods.completed_pods })
}
