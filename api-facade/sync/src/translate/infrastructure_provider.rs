//! `InfrastructureProvider` and `GlobalInfrastructureProvider`. Credentials are in a Secret in Kubernetes.

use krake_crds::infrastructure::infrastructure_provider as crd;
use krake_facade_wire::{Metadata, infrastructure as wire};

use super::{Pairing, metadata, status::NoStatus};
use crate::{
    directory::Directory,
    secret::{Form, SecretPart, Section},
};

const fn credentials(suffix: &'static str) -> SecretPart {
    SecretPart {
        section: Section::Spec,
        reference: &["im", "credentialsSecretRef"],
        suffix,
        form: Form::Texts(&[
            ("username", &["im", "username"]),
            ("password", &["im", "password"]),
            ("token", &["im", "token"]),
        ]),
    }
}

impl Pairing for wire::InfrastructureProvider {
    type Resource = crd::InfrastructureProvider;
    type Spec = crd::InfrastructureProviderSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];
    const SECRET: Option<SecretPart> = Some(credentials("-provider-credentials"));

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, spec } = self;
        (spec_to_object(spec, metadata), NoStatus {})
    }

    fn to_wire(spec: Self::Spec, _: NoStatus, mut metadata: Metadata, _: &Directory) -> Self {
        metadata.inherit_labels = spec.krake.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec) }
    }
}

impl Pairing for wire::GlobalInfrastructureProvider {
    type Resource = crd::GlobalInfrastructureProvider;
    type Spec = crd::GlobalInfrastructureProviderSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];
    const SECRET: Option<SecretPart> = Some(credentials("-globalprovider-credentials"));

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, spec } = self;
        (crd::GlobalInfrastructureProviderSpec(spec_to_object(spec, metadata)), NoStatus {})
    }

    fn to_wire(
        crd::GlobalInfrastructureProviderSpec(spec): Self::Spec,
        _: NoStatus,
        mut metadata: Metadata,
        _: &Directory,
    ) -> Self {
        metadata.inherit_labels = spec.krake.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec) }
    }
}

fn spec_to_object(spec: &wire::InfrastructureProviderSpec, metadata: &Metadata) -> crd::InfrastructureProviderSpec {
    let wire::InfrastructureProviderSpec::Im(wire::ImSpec { url, username: _, password: _, token: _ }) = spec;
    crd::InfrastructureProviderSpec {
        krake: metadata::krake(metadata),
        type_: crd::InfrastructureProviderType::Im,
        im: Some(crd::Im { url: url.clone(), credentials_secret_ref: None }),
    }
}

/// The definition sees to it that the member which the type names is there.
fn spec_to_wire(spec: crd::InfrastructureProviderSpec) -> wire::InfrastructureProviderSpec {
    let crd::InfrastructureProviderSpec { krake: _, type_: crd::InfrastructureProviderType::Im, im } = spec;
    let crd::Im { url, credentials_secret_ref: _ } = im.unwrap_or_default();
    wire::InfrastructureProviderSpec::Im(wire::ImSpec { url, username: None, password: None, token: None })
}
