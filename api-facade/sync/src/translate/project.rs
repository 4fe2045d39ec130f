//! Project. The password, or the secret of the application credential, is in a Secret in Kubernetes.

use krake_crds::openstack::project as crd;
use krake_facade_wire::{Metadata, openstack as wire};

use super::{
    Pairing, metadata,
    status::{metrics_to_object, metrics_to_wire, reasons_to_object, reasons_to_wire, word},
};
use crate::{
    directory::Directory,
    secret::{Form, SecretPart, Section},
};

impl Pairing for wire::Project {
    type Resource = crd::Project;
    type Spec = crd::ProjectSpec;
    type Status = crd::ProjectStatus;

    const OBJECT_ONLY: &'static [&'static str] = &["observedGeneration", "conditions"];
    const SECRET: Option<SecretPart> = Some(SecretPart {
        section: Section::Spec,
        reference: &["authSecretRef"],
        suffix: "-project-auth",
        form: Form::Text {
            key: "password",
            wire: &[&["auth", "password", "user", "password"], &["auth", "application_credential", "secret"]],
        },
    });

    fn fresh_status() -> Self::Status {
        crd::ProjectStatus { state: Some(crd::ProjectState::default()), ..Default::default() }
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, Self::Status) {
        let Self { metadata, spec, status } = self;
        let wire::ProjectSpec { url, auth, template, metrics } = spec;
        let spec = crd::ProjectSpec {
            krake: metadata::krake(metadata),
            url: url.clone(),
            auth: auth_to_object(auth),
            auth_secret_ref: None,
            template: template.clone(),
            metrics: metrics_to_object(metrics),
        };
        (spec, status_to_object(status))
    }

    fn to_wire(spec: Self::Spec, status: Self::Status, mut metadata: Metadata, _: &Directory) -> Self {
        let crd::ProjectSpec { krake, url, auth, auth_secret_ref: _, template, metrics } = spec;
        metadata.inherit_labels = krake.inherit_labels;
        let metrics = metrics_to_wire(metrics);
        let spec = wire::ProjectSpec { url, auth: auth_to_wire(auth), template, metrics };
        Self { metadata, spec, status: status_to_wire(status) }
    }
}

fn auth_to_object(auth: &wire::ProjectAuth) -> crd::ProjectAuth {
    match auth.clone() {
        wire::ProjectAuth::Password(wire::ProjectPassword { user, project }) => {
            let wire::ProjectUser { id, password: _, comment } = user;
            let user = crd::Identified { id, comment };
            let wire::ProjectReference { id, comment } = project;
            crd::ProjectAuth {
                type_: crd::ProjectAuthType::Password,
                password: Some(crd::ProjectPassword { user, project: crd::Identified { id, comment } }),
                application_credential: None,
            }
        }
        wire::ProjectAuth::ApplicationCredential(wire::ApplicationCredential { id, secret: _ }) => crd::ProjectAuth {
            type_: crd::ProjectAuthType::ApplicationCredential,
            password: None,
            application_credential: Some(crd::ApplicationCredential { id }),
        },
    }
}

/// The definition sees to it that the member which the type names is there.
fn auth_to_wire(auth: crd::ProjectAuth) -> wire::ProjectAuth {
    let crd::ProjectAuth { type_, password, application_credential } = auth;
    match type_ {
        crd::ProjectAuthType::Password => {
            let crd::ProjectPassword { user, project } = password.unwrap_or_default();
            let crd::Identified { id, comment } = user;
            let user = wire::ProjectUser { id, password: String::new(), comment };
            let crd::Identified { id, comment } = project;
            let project = wire::ProjectReference { id, comment };
            wire::ProjectAuth::Password(wire::ProjectPassword { user, project })
        }
        crd::ProjectAuthType::ApplicationCredential => {
            let crd::ApplicationCredential { id } = application_credential.unwrap_or_default();
            wire::ProjectAuth::ApplicationCredential(wire::ApplicationCredential { id, secret: String::new() })
        }
    }
}

fn status_to_object(status: &wire::ProjectStatus) -> crd::ProjectStatus {
    let wire::ProjectStatus { state, metrics_reasons } = status;
    crd::ProjectStatus {
        observed_generation: None,
        state: Some(word(state.as_str())),
        metrics_reasons: reasons_to_object(metrics_reasons),
        conditions: Vec::new(),
    }
}

fn status_to_wire(status: crd::ProjectStatus) -> wire::ProjectStatus {
    let crd::ProjectStatus { observed_generation: _, state, metrics_reasons, conditions: _ } = status;
    wire::ProjectStatus {
        state: wire::ProjectState::find(&state.unwrap_or_default().to_string()).unwrap_or_default(),
        metrics_reasons: reasons_to_wire(metrics_reasons),
    }
}
