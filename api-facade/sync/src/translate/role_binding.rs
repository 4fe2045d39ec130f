//! `RoleBinding`.

use krake_crds::core::role_binding as crd;
use krake_facade_wire::{Metadata, core as wire};

use super::{Pairing, metadata, status::NoStatus};
use crate::directory::Directory;

impl Pairing for wire::RoleBinding {
    type Resource = crd::RoleBinding;
    type Spec = crd::RoleBindingSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, users, roles } = self;
        let krake = metadata::krake(metadata);
        (crd::RoleBindingSpec { krake, users: users.clone(), roles: roles.clone() }, NoStatus {})
    }

    fn to_wire(spec: Self::Spec, _: NoStatus, mut metadata: Metadata, _: &Directory) -> Self {
        let crd::RoleBindingSpec { krake, users, roles } = spec;
        metadata.inherit_labels = krake.inherit_labels;
        Self { metadata, users, roles }
    }
}
