//! Cloud and `GlobalCloud`. The password of the user is in a Secret in Kubernetes.

use krake_crds::infrastructure::cloud as crd;
use krake_facade_wire::{Metadata, infrastructure as wire};

use super::{
    Pairing, metadata,
    status::{metrics_to_object, metrics_to_wire, reasons_to_object, reasons_to_wire, word},
};
use crate::{
    directory::Directory,
    secret::{Form, SecretPart, Section},
};

const OBJECT_ONLY: &[&str] = &["observedGeneration", "conditions"];

const fn password(suffix: &'static str) -> SecretPart {
    SecretPart {
        section: Section::Spec,
        reference: &["openstack", "authSecretRef"],
        suffix,
        form: Form::Text { key: "password", wire: &[&["openstack", "auth", "password", "user", "password"]] },
    }
}

impl Pairing for wire::Cloud {
    type Resource = crd::Cloud;
    type Spec = crd::CloudSpec;
    type Status = crd::CloudStatus;

    const OBJECT_ONLY: &'static [&'static str] = OBJECT_ONLY;
    const SECRET: Option<SecretPart> = Some(password("-cloud-auth"));

    fn fresh_status() -> Self::Status {
        crd::CloudStatus { state: Some(crd::CloudState::default()), ..Default::default() }
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, Self::Status) {
        let Self { metadata, spec, status } = self;
        (spec_to_object(spec, metadata), status_to_object(status))
    }

    fn to_wire(spec: Self::Spec, status: Self::Status, mut metadata: Metadata, _: &Directory) -> Self {
        metadata.inherit_labels = spec.krake.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec), status: status_to_wire(status) }
    }
}

impl Pairing for wire::GlobalCloud {
    type Resource = crd::GlobalCloud;
    type Spec = crd::GlobalCloudSpec;
    type Status = crd::CloudStatus;

    const OBJECT_ONLY: &'static [&'static str] = OBJECT_ONLY;
    const SECRET: Option<SecretPart> = Some(password("-globalcloud-auth"));

    fn fresh_status() -> Self::Status {
        wire::Cloud::fresh_status()
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, Self::Status) {
        let Self { metadata, spec, status } = self;
        (crd::GlobalCloudSpec(spec_to_object(spec, metadata)), status_to_object(status))
    }

    fn to_wire(
        crd::GlobalCloudSpec(spec): Self::Spec,
        status: Self::Status,
        mut metadata: Metadata,
        _: &Directory,
    ) -> Self {
        metadata.inherit_labels = spec.krake.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec), status: status_to_wire(status) }
    }
}

fn spec_to_object(spec: &wire::CloudSpec, metadata: &Metadata) -> crd::CloudSpec {
    let wire::CloudSpec::Openstack(wire::OpenstackSpec { url, auth, metrics, infrastructure_provider }) = spec;
    let wire::InfrastructureProviderRef { name, namespaced } = infrastructure_provider.clone();
    crd::CloudSpec {
        krake: metadata::krake(metadata),
        type_: crd::CloudType::Openstack,
        openstack: Some(crd::OpenstackCloud {
            url: url.clone(),
            auth: auth_to_object(auth),
            auth_secret_ref: None,
            metrics: metrics_to_object(metrics),
            infrastructure_provider: crd::InfrastructureProviderReference { name, namespaced },
        }),
    }
}

/// The definition sees to it that the members which the types name are there.
fn spec_to_wire(spec: crd::CloudSpec) -> wire::CloudSpec {
    let crd::CloudSpec { krake: _, type_: crd::CloudType::Openstack, openstack } = spec;
    let openstack = openstack.unwrap_or_default();
    let crd::OpenstackCloud { url, auth, auth_secret_ref: _, metrics, infrastructure_provider } = openstack;
    let crd::InfrastructureProviderReference { name, namespaced } = infrastructure_provider;
    wire::CloudSpec::Openstack(wire::OpenstackSpec {
        url,
        auth: auth_to_wire(auth),
        metrics: metrics_to_wire(metrics),
        infrastructure_provider: wire::InfrastructureProviderRef { name, namespaced },
    })
}

fn auth_to_object(auth: &wire::OpenstackAuth) -> crd::CloudAuth {
    let wire::OpenstackAuth::Password(wire::OpenstackPassword { version, user, project }) = auth.clone();
    let wire::OpenstackUser { username, password: _, domain_name, comment } = user;
    let user = crd::CloudUser { username, domain_name, comment };
    let wire::OpenstackProject { name, domain_id, comment } = project;
    let project = crd::CloudProject { name, domain_id, comment };
    crd::CloudAuth {
        type_: crd::CloudAuthType::Password,
        password: Some(crd::CloudPassword { version, user, project }),
    }
}

fn auth_to_wire(auth: crd::CloudAuth) -> wire::OpenstackAuth {
    let crd::CloudAuth { type_: crd::CloudAuthType::Password, password } = auth;
    let crd::CloudPassword { version, user, project } = password.unwrap_or_default();
    let crd::CloudUser { username, domain_name, comment } = user;
    let user = wire::OpenstackUser { username, password: String::new(), domain_name, comment };
    let crd::CloudProject { name, domain_id, comment } = project;
    let project = wire::OpenstackProject { name, domain_id, comment };
    wire::OpenstackAuth::Password(wire::OpenstackPassword { version, user, project })
}

fn status_to_object(status: &wire::CloudStatus) -> crd::CloudStatus {
    let wire::CloudStatus { state, metrics_reasons } = status;
    crd::CloudStatus {
        observed_generation: None,
        state: Some(word(state.as_str())),
        metrics_reasons: reasons_to_object(metrics_reasons),
        conditions: Vec::new(),
    }
}

fn status_to_wire(status: crd::CloudStatus) -> wire::CloudStatus {
    let crd::CloudStatus { observed_generation: _, state, metrics_reasons, conditions: _ } = status;
    wire::CloudStatus {
        state: wire::CloudState::find(&state.unwrap_or_default().to_string()).unwrap_or_default(),
        metrics_reasons: reasons_to_wire(metrics_reasons),
    }
}
