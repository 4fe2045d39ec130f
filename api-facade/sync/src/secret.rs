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
use krake_crds::identity::hexadecimal;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

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
/// Hexadecimal digits of a uid's hash in the name of a Secret.
const DIGEST_LENGTH: usize = 10;

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
        let reference = self.own_reference(object, part).await?;
        let api = self.at(object);
        let data = part.data_of(secret, &reference);
        let superfluous: Vec<&str> = part.keys().filter(|key| !data.contains_key(*key)).collect();
        let secret = build(object, self.namespace(object), &reference, data);
        let parameters = PatchParams::apply(MANAGER).force();
        let written =
            within("writing a Secret", api.patch(&reference.name, &parameters, &Patch::Apply(&secret))).await?;
        // What somebody else has set since is not taken away by an apply.
        let stays = |key: &&str| written.data.as_ref().is_some_and(|data| data.contains_key(*key));
        let gone: Map<String, Value> =
            superfluous.into_iter().filter(stays).map(|key| (key.to_owned(), Value::Null)).collect();
        if !gone.is_empty() {
            let (patch, parameters) = (json!({ "data": gone }), PatchParams::default());
            within("writing a Secret", api.patch(&reference.name, &parameters, &Patch::Merge(&patch))).await?;
        }
        Ok(reference)
    }

    /// The reference to the object's own Secret. Its name says whose it is, unless somebody else has a Secret of that name;
    /// then the object's uid is in it as well.
    pub(crate) async fn own_reference(&self, object: &DynamicObject, part: SecretPart) -> Result<Reference, Error> {
        let [plain, other] = own_references(object, part);
        let existing = within("reading a Secret", self.at(object).get_opt(&plain.name)).await?;
        Ok(if existing.is_none_or(|secret| is_ours(&secret, object)) { plain } else { other })
    }
}

/// The two references that the object's own Secret may have.
fn own_references(object: &DynamicObject, part: SecretPart) -> [Reference; 2] {
    let plain = part.own_reference(object.metadata.name.as_deref().unwrap_or_default());
    let digest = hexadecimal(&Sha256::digest(metadata::krake_uid(&object.metadata)), DIGEST_LENGTH);
    let other = Reference { name: format!("{}-{digest}", plain.name), ..plain.clone() };
    [plain, other]
}

/// Only what came in through REST was written by us in the first place.
fn is_ours_to_keep(object: &DynamicObject, reference: &Reference, part: SecretPart) -> bool {
    let born_in_rest = object.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(metadata::UID));
    born_in_rest && own_references(object, part).contains(reference)
}

/// Whether the Secret was written for this object, or for one of its name before it.
fn is_ours(secret: &Secret, object: &DynamicObject) -> bool {
    let by_krake =
        secret.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == KRAKE);
    let kind = object.types.as_ref().map(|types| types.kind.as_str());
    let owners = secret.metadata.owner_references.iter().flatten();
    by_krake
        && owners
            .into_iter()
            .any(|owner| Some(owner.kind.as_str()) == kind && Some(&owner.name) == object.metadata.name.as_ref())
}

/// The Secret goes with the object.
fn build(object: &DynamicObject, namespace: &str, reference: &Reference, data: BTreeMap<String, ByteString>) -> Secret {
    let types = object.types.clone().unwrap_or_default();
    let owner = OwnerReference {
        api_version: types.api_version,
        kind: types.kind,
        name: object.metadata.name.clone().unwrap_or_default(),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    };
    let metadata = ObjectMeta {
        name: Some(reference.name.clone()),
        namespace: Some(namespace.to_owned()),
        labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), KRAKE.to_owned())])),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    Secret { metadata, data: Some(data), ..Secret::default() }
}

#[cfg(test)]
mod tests {
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
    fn a_secret_is_ours_if_it_was_written_for_an_object_of_this_kind_and_name() {
        let edge = cluster(&json!({}));
        let ours = build(&edge, "team", &PART.own_reference("edge"), BTreeMap::new());
        assert!(is_ours(&ours, &edge));
        let mut namesake = edge.clone();
        namesake.types.as_mut().unwrap().kind = "GlobalCloud".into();
        assert!(!is_ours(&ours, &namesake));
        assert!(!is_ours(&Secret::default(), &edge));
    }
}
