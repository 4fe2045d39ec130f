//! Whether a change through REST would take a field away from somebody who keeps it in Kubernetes.
//!
//! The handler of PUT asks before it writes. Objects born through REST are nobody else's; on all others, a field of the
//! `spec` that has a field manager other than ours would be set back by it (Argo CD, Helm, `kubectl apply`), so the
//! client is told instead, unless it insists.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use krake_facade_store::Key;
use kube::Client;
use serde_json::Value;

use crate::{
    base::Field,
    directory::Directory,
    error::Error,
    locate::locate,
    objects::{MANAGER, Objects},
    secret::SecretPart,
    stored::Stored,
    translate::{Pairing, metadata::UID},
};

/// Somebody else manages a field that would change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is managed by {manager:?} in Kubernetes")]
pub struct Managed {
    /// The field of the custom resource, such as `spec.manifest`.
    pub field: String,
    /// Who manages it, by the name in `metadata.managedFields`.
    pub manager: String,
}

/// Whether changing a stored object from `before` to `after` would change a field that somebody else manages.
///
/// # Errors
/// The management cluster could not be asked. REST works without it: the caller had better let the change pass.
pub async fn refuse<P: Pairing>(client: &Client, key: &Key, before: &P, after: &P) -> Result<Option<Managed>, Error> {
    let changed = changed(before, after)?;
    if changed.is_empty() {
        return Ok(None);
    }
    let objects = Objects::new::<P::Resource>(client.clone());
    let Some(object) = locate(&objects, key, None).await? else { return Ok(None) };
    let born_in_rest = object.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(UID));
    let entries = object.metadata.managed_fields.as_deref().unwrap_or_default();
    Ok(if born_in_rest { None } else { managed(entries, &changed, P::SECRET) })
}

fn changed<P: Pairing>(before: &P, after: &P) -> Result<Vec<Field>, Error> {
    let names = Directory::default(); // only statuses hold references
    let (before, after) =
        (Stored::<P>::of(before, &names)?.face.fields(), Stored::<P>::of(after, &names)?.face.fields());
    let differs = |field: &&Field| field.is_wish() && before.get(field) != after.get(field);
    let mut changed: Vec<Field> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
    changed.sort();
    changed.dedup();
    Ok(changed)
}

/// The first changed field that somebody else manages. A field that is new has no manager yet.
fn managed(entries: &[ManagedFieldsEntry], changed: &[Field], secret: Option<SecretPart>) -> Option<Managed> {
    let others =
        entries.iter().filter(|entry| entry.subresource.is_none() && entry.manager.as_deref() != Some(MANAGER));
    let others: Vec<(&str, &Value)> = others
        .filter_map(|entry| {
            let spec = entry.fields_v1.as_ref()?.0.get("f:spec")?;
            Some((entry.manager.as_deref().unwrap_or("unknown"), spec))
        })
        .collect();
    changed.iter().find_map(|field| {
        let manager = others.iter().find(|(_, spec)| holds(spec, field, secret)).map(|(manager, _)| *manager)?;
        Some(Managed { field: field.to_string(), manager: manager.to_owned() })
    })
}

fn holds(spec: &Value, field: &Field, secret: Option<SecretPart>) -> bool {
    let member = |name: &str| spec.get(format!("f:{name}"));
    let found = match field {
        Field::Spec(name) => member(name),
        Field::Label(key) => member("labels").and_then(|labels| labels.get(format!("f:{key}"))),
        Field::Owners => member("owners"),
        Field::Secret => secret
            .and_then(|part| part.reference.iter().try_fold(spec, |members, name| members.get(format!("f:{name}")))),
        Field::Finalizer(_) | Field::Status(_) | Field::StatusSecret => None,
    };
    found.is_some()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
    use krake_facade_wire::kubernetes::Cluster;
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn entries() -> [ManagedFieldsEntry; 3] {
        let status = entry("operator", json!({ "f:spec": { "f:backoff": {} } }));
        [
            entry("krake-api", json!({ "f:spec": { "f:hooks": {} } })),
            entry("argocd-controller", json!({ "f:spec": { "f:manifest": {}, "f:labels": { "f:a/b": {} } } })),
            ManagedFieldsEntry { subresource: Some("status".into()), ..status },
        ]
    }

    fn asked(field: &str) -> Option<String> {
        managed(&entries(), &[field.parse().unwrap()], <Cluster as Pairing>::SECRET).map(|managed| managed.manager)
    }

    #[test]
    fn a_field_that_somebody_else_manages_is_named_with_its_manager() {
        assert_eq!(asked("spec.manifest").as_deref(), Some("argocd-controller"));
        assert_eq!(asked("label:a/b").as_deref(), Some("argocd-controller"));
    }

    #[test]
    fn our_own_fields_and_unmanaged_ones_are_free() {
        for free in ["spec.hooks", "label:c", "owners", "secret", "spec.backoff"] {
            assert_eq!(asked(free), None, "{free}");
        }
    }

    #[test]
    fn a_secret_belongs_to_whoever_refers_to_it() {
        let entries = [entry("helm", json!({ "f:spec": { "f:kubeconfigSecretRef": { "f:name": {} } } }))];
        let found = managed(&entries, &[Field::Secret], <Cluster as Pairing>::SECRET);
        assert_eq!(found.map(|managed| managed.manager).as_deref(), Some("helm"));
    }
}
