//! References: Krake's names and APIs ⇄ Kubernetes' names and groups.

use krake_crds::reference::{ObjectReference, Owner};
use krake_facade_wire::ResourceRef;

use crate::{directory::Directory, name::Coordinates};

const DOMAIN: &str = ".krake.dev";

/// The API of Krake that a group stands for: `kubernetes.krake.dev` is `kubernetes`.
#[must_use]
pub fn api_of(group: &str) -> &str {
    group.strip_suffix(DOMAIN).unwrap_or(group)
}

/// The group that stands for an API of Krake.
#[must_use]
pub fn group_of(api: &str) -> String {
    format!("{api}{DOMAIN}")
}

pub(crate) fn to_object(reference: &ResourceRef, names: &Directory) -> ObjectReference {
    let ResourceRef { api, namespace, kind, name } = reference;
    let Coordinates { namespace, name } = names.to_kubernetes(kind, namespace.as_deref(), name);
    ObjectReference { group: group_of(api), kind: kind.clone(), namespace, name }
}

pub(crate) fn to_wire(reference: ObjectReference, names: &Directory) -> ResourceRef {
    let ObjectReference { group, kind, namespace, name } = reference;
    let (namespace, name) = names.to_krake(&kind, Coordinates { namespace, name });
    ResourceRef { api: api_of(&group).to_owned(), namespace, kind, name }
}

pub(crate) fn owner_to_object(owner: &ResourceRef) -> Owner {
    let ResourceRef { api, namespace, kind, name } = owner.clone();
    Owner { api, kind, namespace, name }
}

pub(crate) fn owner_to_wire(owner: Owner) -> ResourceRef {
    let Owner { api, kind, namespace, name } = owner;
    ResourceRef { api, namespace, kind, name }
}
