//! Role.

use krake_crds::core::role as crd;
use krake_facade_wire::{Metadata, core as wire};

use super::{Pairing, metadata, status::NoStatus};
use crate::directory::Directory;

impl Pairing for wire::Role {
    type Resource = crd::Role;
    type Spec = crd::RoleSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, rules } = self;
        let rules = rules.iter().cloned().map(rule_to_object).collect();
        (crd::RoleSpec { krake: metadata::krake(metadata), rules }, NoStatus {})
    }

    fn to_wire(spec: Self::Spec, _: NoStatus, mut metadata: Metadata, _: &Directory) -> Self {
        let crd::RoleSpec { krake, rules } = spec;
        metadata.inherit_labels = krake.inherit_labels;
        Self { metadata, rules: rules.into_iter().map(rule_to_wire).collect() }
    }
}

fn rule_to_object(rule: wire::RoleRule) -> crd::RoleRule {
    let wire::RoleRule { api, resources, namespaces, verbs } = rule;
    // Both lists of verbs are Krake's, by the same names.
    let verbs = verbs.into_iter().filter_map(|verb| verb.as_str().parse().ok()).collect();
    crd::RoleRule { api, resources, namespaces, verbs }
}

fn rule_to_wire(rule: crd::RoleRule) -> wire::RoleRule {
    let crd::RoleRule { api, resources, namespaces, verbs } = rule;
    let verbs = verbs.into_iter().filter_map(|verb| wire::RoleVerb::find(&verb.to_string())).collect();
    wire::RoleRule { api, resources, namespaces, verbs }
}
