//! The secret part of an object: inline in REST, in a Secret in Kubernetes.
//!
//! What REST sets is written to a Secret of the object's own, which goes when the object goes. A Secret that a user
//! made is read and shown, never written: when REST changes its content, the object is pointed to its own Secret.
//! Secrets of kinds without namespaces are in the namespace that the facade runs in.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::Value;

use crate::{
    error::Error,
    objects::{MANAGER, within},
    translate::metadata,
};

mod part;

pub(crate) use part::Reference;
pub use part::{Form, SecretPart, Section};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const KRAKE: &str = "krake";

/// What is known about the secret part of an object.
pub(crate) enum Seen {
    /// The object refers to none.
    Nothing,
    /// This is it, as REST shows it.
    Value(Value),
    /// The Secret that was written for the object is gone.
    Lost,
    /// Somebody's Secret is not there, or holds something else.
    Unseen,
}

/// The Secrets of the management cluster.
#[derive(Clone)]
pub(crate) struct Secrets {
    client: Client,
    home: String,
}

impl Secrets {
    /// Secrets of objects without a namespace are in `home`.
    pub(crate) fn new(client: Client, home: String) -> Self {
        Self { client, home }
    }

    fn namespace<'a>(&'a self, object: &'a DynamicObject) -> &'a str {
        object.metadata.namespace.as_deref().unwrap_or(&self.home)
    }

    fn at(&self, object: &DynamicObject) -> Api<Secret> {
        Api::namespaced(self.client.clone(), self.namespace(object))
    }

    /// Reads the secret part of an object.
    pub(crate) async fn read(&self, object: &DynamicObject, part: SecretPart) -> Result<Seen, Error> {
        let Some(reference) = part.reference_of(object) else { return Ok(Seen::Nothing) };
        let secret = within("reading a Secret", self.at(object).get_opt(&reference.name)).await?;
        let data = secret.and_then(|secret| secret.data);
        match data.and_then(|data| part.read_data(data, &reference)) {
            Some(Ok(value)) => Ok(Seen::Value(value)),
            None if is_ours_to_keep(object, &reference, part) => Ok(Seen::Lost),
            Some(Err(_)) | None => Ok(Seen::Unseen),
        }
    }

    /// Writes the object's own Secret; gives the reference to it.
    pub(crate) async fn write(
        &self,
        object: &DynamicObject,
        part: SecretPart,
        secret: &Value,
    ) -> Result<Reference, Error> {
        let reference = part.own_reference(object.metadata.name.as_deref().unwrap_or_default());
        let api = self.at(object);
        let existing = within("reading a Secret", api.get_opt(&reference.name)).await?;
        let is_foreign = existing.is_some_and(|secret| !is_ours(&secret));
        let data = part.data_of(secret, &reference);
        let secret = build(object, self.namespace(object), &reference, (data, is_foreign));
        let parameters = PatchParams::apply(MANAGER).force();
        within("writing a Secret", api.patch(&reference.name, &parameters, &Patch::Apply(&secret))).await?;
        Ok(reference)
    }
}

/// Only what came in through REST was written by us in the first place.
fn is_ours_to_keep(object: &DynamicObject, reference: &Reference, part: SecretPart) -> bool {
    let born_in_rest = object.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(metadata::UID));
    let name = object.metadata.name.as_deref().unwrap_or_default();
    born_in_rest && *reference == part.own_reference(name)
}

fn is_ours(secret: &Secret) -> bool {
    secret.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == KRAKE)
}

/// A Secret that a user gave the very name we would have chosen keeps its labels and does not go with the object.
fn build(
    object: &DynamicObject,
    namespace: &str,
    reference: &Reference,
    (data, is_foreign): (BTreeMap<String, ByteString>, bool),
) -> Secret {
    let types = object.types.clone().unwrap_or_default();
    let owner = OwnerReference {
        api_version: types.api_version,
        kind: types.kind,
        name: object.metadata.name.clone().unwrap_or_default(),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    };
    let mut metadata = ObjectMeta {
        name: Some(reference.name.clone()),
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    };
    if !is_foreign {
        metadata.labels = Some(BTreeMap::from([(MANAGED_BY.to_owned(), KRAKE.to_owned())]));
        metadata.owner_references = Some(vec![owner]);
    }
    Secret { metadata, data: Some(data), ..Secret::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PART: SecretPart = SecretPart {
        section: Section::Spec,
        reference: &["kubeconfigSecretRef"],
        suffix: "-kubeconfig",
        form: Form::Document { key: "kubeconfig", wire: &["kubeconfig"] },
    };

    fn cluster(annotations: &Value) -> DynamicObject {
        let metadata = json!({ "name": "edge", "namespace": "team", "uid": "u", "annotations": annotations });
        serde_json::from_value(json!({ "apiVersion": "a/v1", "kind": "Cluster", "metadata": metadata })).unwrap()
    }

    #[test]
    fn only_what_came_through_rest_is_ours_to_restore() {
        let born_in_rest = cluster(&json!({ "krake.dev/uid": "k" }));
        assert!(is_ours_to_keep(&born_in_rest, &PART.own_reference("edge"), PART));
        assert!(!is_ours_to_keep(&cluster(&json!({})), &PART.own_reference("edge"), PART));
        let elsewhere = Reference { name: "mine".into(), key: Some("kubeconfig".into()) };
        assert!(!is_ours_to_keep(&born_in_rest, &elsewhere, PART));
    }

    #[test]
    fn our_secret_goes_with_its_object_and_a_users_does_not() {
        let owners = |is_foreign| {
            let own = PART.own_reference("edge");
            let secret = build(&cluster(&json!({})), "team", &own, (BTreeMap::new(), is_foreign));
            secret.metadata.owner_references.map_or(0, |owners| owners.len())
        };
        assert_eq!((owners(false), owners(true)), (1, 0));
    }
}
