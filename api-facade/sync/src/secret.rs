//! The secret part of an object: inline in REST, in a Secret in Kubernetes.
//!
//! What REST sets is written to a Secret of the object's own, which goes when the object goes. A Secret that a user
//! made is read and shown, never written: when REST changes its content, the object is pointed to its own Secret.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use krake_crds::reference::SecretKeyReference;
use krake_facade_wire::{Json, json};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::Error,
    objects::{MANAGER, within},
    translate::{SecretPart, metadata},
};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const KRAKE: &str = "krake";
/// Larger Secrets do not exist in Kubernetes.
const LONGEST_TEXT: usize = 1 << 20;

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

/// Reads the secret part of an object.
pub(crate) async fn read(
    client: &Client,
    object: &DynamicObject,
    reference: Option<&SecretKeyReference>,
    part: SecretPart,
) -> Result<Seen, Error> {
    let (Some(reference), Some(namespace)) = (reference, &object.metadata.namespace) else {
        return Ok(Seen::Nothing);
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = within("reading a Secret", api.get_opt(&reference.name)).await?;
    let text = secret.and_then(|secret| secret.data).and_then(|mut data| data.remove(&reference.key));
    match text {
        Some(ByteString(text)) => Ok(parse(&text).map_or(Seen::Unseen, Seen::Value)),
        None if is_ours_to_keep(object, reference, part) => Ok(Seen::Lost),
        None => Ok(Seen::Unseen),
    }
}

/// Only what came in through REST was written by us in the first place.
fn is_ours_to_keep(object: &DynamicObject, reference: &SecretKeyReference, part: SecretPart) -> bool {
    let born_in_rest = object.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(metadata::UID));
    let name = object.metadata.name.as_deref().unwrap_or_default();
    born_in_rest && *reference == part.own_reference(name)
}

/// Writes the object's own Secret.
pub(crate) async fn write(
    client: &Client,
    object: &DynamicObject,
    part: SecretPart,
    secret: &Json,
) -> Result<(), Error> {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let reference = part.own_reference(name);
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let existing = within("reading a Secret", api.get_opt(&reference.name)).await?;
    let is_foreign = existing.is_some_and(|secret| !is_ours(&secret));
    let mut text = Vec::new();
    json::write(secret, &mut text); // JSON is YAML, and the only YAML that every program reads alike
    let secret = build(object, &reference, text, is_foreign);
    let parameters = PatchParams::apply(MANAGER).force();
    within("writing a Secret", api.patch(&reference.name, &parameters, &Patch::Apply(&secret))).await.map(|_| ())
}

fn is_ours(secret: &Secret) -> bool {
    secret.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == KRAKE)
}

/// A Secret that a user gave the very name we would have chosen keeps its labels and does not go with the object.
fn build(object: &DynamicObject, reference: &SecretKeyReference, text: Vec<u8>, is_foreign: bool) -> Secret {
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
        namespace: object.metadata.namespace.clone(),
        ..ObjectMeta::default()
    };
    if !is_foreign {
        metadata.labels = Some(BTreeMap::from([(MANAGED_BY.to_owned(), KRAKE.to_owned())]));
        metadata.owner_references = Some(vec![owner]);
    }
    let data = BTreeMap::from([(reference.key.clone(), ByteString(text))]);
    Secret { metadata, data: Some(data), ..Secret::default() }
}

/// Users write YAML. Only an object can be shown.
fn parse(text: &[u8]) -> Option<Value> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        return value.is_object().then_some(value);
    }
    let text = str::from_utf8(text).ok()?;
    let mut value = serde_yaml::Value::deserialize(serde_yaml::Deserializer::from_str(text)).ok()?;
    value.apply_merge().ok()?;
    serde_json::to_value(value).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PART: SecretPart = SecretPart {
        wire_field: "kubeconfig",
        reference_field: "kubeconfigSecretRef",
        key: "kubeconfig",
        suffix: "-kubeconfig",
    };

    fn cluster(annotations: &Value) -> DynamicObject {
        let metadata = json!({ "name": "edge", "namespace": "team", "uid": "u", "annotations": annotations });
        serde_json::from_value(json!({ "apiVersion": "a/v1", "kind": "Cluster", "metadata": metadata })).unwrap()
    }

    #[test]
    fn a_kubeconfig_is_read_whether_yaml_or_json() {
        let expected = json!({ "users": [{ "name": "a" }] });
        assert_eq!(parse(b"users:\n- name: a\n"), Some(expected.clone()));
        assert_eq!(parse(br#"{"users": [{"name": "a"}]}"#), Some(expected));
        for neither in [b"- a".as_slice(), b"{", b"", b"\xff", b"a: 1\na: 2"] {
            assert_eq!(parse(neither), None);
        }
    }

    #[test]
    fn only_what_came_through_rest_is_ours_to_restore() {
        let born_in_rest = cluster(&json!({ "krake.dev/uid": "k" }));
        assert!(is_ours_to_keep(&born_in_rest, &PART.own_reference("edge"), PART));
        assert!(!is_ours_to_keep(&cluster(&json!({})), &PART.own_reference("edge"), PART));
        let elsewhere = SecretKeyReference { name: "mine".into(), key: "kubeconfig".into() };
        assert!(!is_ours_to_keep(&born_in_rest, &elsewhere, PART));
    }

    #[test]
    fn our_secret_goes_with_its_object_and_a_users_does_not() {
        let owners = |is_foreign| {
            let secret = build(&cluster(&json!({})), &PART.own_reference("edge"), Vec::new(), is_foreign);
            secret.metadata.owner_references.map_or(0, |owners| owners.len())
        };
        assert_eq!((owners(false), owners(true)), (1, 0));
    }
}
