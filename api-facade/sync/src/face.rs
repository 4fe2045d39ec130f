//! One thing as either side shows it, in the words of the custom resource, so that both can be compared and a field of
//! one can take the place of the same field of the other.

use std::collections::{BTreeMap, BTreeSet};

use krake_crds::finalizer;
use krake_facade_wire::{Json, Metadata};
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use crate::{
    base::{Digest, Field, Fields},
    directory::Directory,
    secret::{SecretPart, Section},
    translate::{Pairing, metadata, reference},
};

/// The object's `spec` or `status` does not fit its kind: the definition in the cluster is of another version.
#[derive(Debug, thiserror::Error)]
#[error("the {part} does not fit the kind")]
pub struct Unreadable {
    part: &'static str,
    #[source]
    source: serde_json::Error,
}

/// What one side shows. It may hold secrets, hence no `Debug`.
#[derive(Clone, Default)]
pub struct Face {
    spec: Map<String, Value>,
    labels: BTreeMap<String, String>,
    owners: Vec<Value>,
    finalizers: BTreeSet<String>,
    secret: Option<(Field, Value)>,
    status: Map<String, Value>,
}

/// Members of `spec` that are decided about in their own way.
const APART: [&str; 3] = ["identity", "labels", "owners"];

impl Face {
    /// What the stored side shows.
    ///
    /// # Errors
    /// Never in practice: what the translation gives can be printed.
    pub fn of_stored<P: Pairing>(wire: &P, json: &Json, names: &Directory) -> Result<Self, Unreadable> {
        let (spec, status) = wire.to_object(names);
        let Metadata { labels, finalizers, owners, deleted, .. } = wire.metadata();
        let owners: Result<Vec<Value>, _> =
            owners.iter().map(|owner| serde_json::to_value(reference::owner_to_object(owner))).collect();
        let finalizers = finalizers.iter().filter_map(|name| metadata::finalizer_to_object(name)).collect();
        Ok(Self {
            spec: known_spec::<P>(members(&spec, "spec")?),
            labels: labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            owners: owners.map_err(|source| Unreadable { part: "spec", source })?,
            finalizers: visible(finalizers, deleted.is_some()),
            secret: P::SECRET.and_then(|part| Some((part.section.field(), part.in_wire(json)?))),
            status: known_status::<P>(members(&status, "status")?)?,
        })
    }

    /// What the object's side shows.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn of_object<P: Pairing>(object: &DynamicObject, secret: Option<Value>) -> Result<Self, Unreadable> {
        let part = |name: &str| object.data.get(name).cloned().unwrap_or_else(|| Value::Object(Map::new()));
        // Through the types and back: absent fields get their defaults, and numbers their form.
        let spec: P::Spec =
            serde_json::from_value(part("spec")).map_err(|source| Unreadable { part: "spec", source })?;
        let status: P::Status =
            serde_json::from_value(part("status")).map_err(|source| Unreadable { part: "status", source })?;
        let mut spec = members(&spec, "spec")?;
        let labels = spec.remove("labels").and_then(|labels| serde_json::from_value(labels).ok()).unwrap_or_default();
        let owners = spec.remove("owners").and_then(|owners| serde_json::from_value(owners).ok()).unwrap_or_default();
        let finalizers = object.metadata.finalizers.iter().flatten();
        let finalizers = finalizers.filter(|name| metadata::finalizer_to_wire(name).is_some()).cloned().collect();
        Ok(Self {
            spec: known_spec::<P>(spec),
            labels,
            owners,
            finalizers: visible(finalizers, object.metadata.deletion_timestamp.is_some()),
            secret: P::SECRET.and_then(|part| Some((part.section.field(), secret?))),
            status: known_status::<P>(members(&status, "status")?)?,
        })
    }

    #[cfg(test)]
    pub(crate) fn of_spec(spec: &Value) -> Self {
        Self { spec: spec.as_object().cloned().unwrap_or_default(), ..Self::default() }
    }

    /// The digests of all fields that have a value.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let Self { spec, labels, owners, finalizers, secret, status } = self;
        let mut fields = Fields::new();
        fields.extend(spec.iter().map(|(name, value)| (Field::Spec(name.clone()), Digest::of(value))));
        fields.extend(status.iter().map(|(name, value)| (Field::Status(name.clone()), Digest::of(value))));
        fields
            .extend(labels.iter().map(|(key, value)| (Field::Label(key.clone()), Digest::of(&value.as_str().into()))));
        fields.extend(finalizers.iter().map(|name| (Field::Finalizer(name.clone()), Digest::of(&Value::Bool(true)))));
        fields.extend(secret.iter().map(|(field, secret)| (field.clone(), Digest::of(secret))));
        if !owners.is_empty() {
            fields.insert(Field::Owners, Digest::of(&Value::Array(owners.clone())));
        }
        fields
    }

    /// The value of a field; none if it has its default.
    #[must_use]
    pub fn value(&self, field: &Field) -> Option<Value> {
        match field {
            Field::Spec(name) => self.spec.get(name).cloned(),
            Field::Label(key) => self.labels.get(key).map(|value| value.as_str().into()),
            Field::Owners => (!self.owners.is_empty()).then(|| Value::Array(self.owners.clone())),
            Field::Finalizer(name) => self.finalizers.contains(name).then_some(Value::Bool(true)),
            Field::Secret | Field::StatusSecret => self.secret().cloned(),
            Field::Status(name) => self.status.get(name).cloned(),
        }
    }

    /// Takes over one field of another face.
    pub fn take(&mut self, field: &Field, from: &Self) {
        match field {
            Field::Spec(name) => take_member(&mut self.spec, name, from.spec.get(name)),
            Field::Status(name) => take_member(&mut self.status, name, from.status.get(name)),
            Field::Label(key) => match from.labels.get(key) {
                Some(value) => drop(self.labels.insert(key.clone(), value.clone())),
                None => drop(self.labels.remove(key)),
            },
            Field::Owners => self.owners.clone_from(&from.owners),
            Field::Finalizer(name) if from.finalizers.contains(name) => drop(self.finalizers.insert(name.clone())),
            Field::Finalizer(name) => drop(self.finalizers.remove(name)),
            Field::Secret | Field::StatusSecret => self.secret.clone_from(&from.secret),
        }
    }

    /// The finalizers, by their Kubernetes names.
    #[must_use]
    pub fn finalizers(&self) -> &BTreeSet<String> {
        &self.finalizers
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// The owners, as the custom resource lists them.
    #[must_use]
    pub fn owners(&self) -> &[Value] {
        &self.owners
    }

    /// The secret, in the form in which it is compared.
    #[must_use]
    pub fn secret(&self) -> Option<&Value> {
        self.secret.as_ref().map(|(_, secret)| secret)
    }

    /// The custom resource's `spec` with everything that REST knows of it.
    #[must_use]
    pub fn spec(&self) -> Map<String, Value> {
        let mut spec = self.spec.clone();
        if !self.labels.is_empty() {
            let labels = self.labels.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
            spec.insert("labels".into(), Value::Object(labels.collect()));
        }
        if !self.owners.is_empty() {
            spec.insert("owners".into(), Value::Array(self.owners.clone()));
        }
        spec
    }

    /// What REST shows of this face, with the given metadata and without the secret.
    ///
    /// # Errors
    /// [`Unreadable`] if the face was put together from fields that do not fit.
    pub fn to_wire<P: Pairing>(&self, metadata: Metadata, names: &Directory) -> Result<P, Unreadable> {
        let spec = serde_json::from_value(Value::Object(self.spec.clone()));
        let status = serde_json::from_value(Value::Object(self.status.clone()));
        let spec: P::Spec = spec.map_err(|source| Unreadable { part: "spec", source })?;
        let status: P::Status = status.map_err(|source| Unreadable { part: "status", source })?;
        Ok(P::to_wire(spec, status, metadata, names))
    }
}

/// The members of an object's `spec` that REST does not know, unless they are at their default: what a stored object
/// could not bring back.
#[must_use]
pub fn object_only<P: Pairing>(object: &DynamicObject) -> Map<String, Value> {
    let Some(spec) = object.data.get("spec").and_then(Value::as_object) else { return Map::new() };
    let fresh = serde_json::from_value::<P::Spec>(Value::Object(Map::new())).ok();
    let fresh = fresh.and_then(|fresh| members(&fresh, "spec").ok()).unwrap_or_default();
    let is_kept = |name: &str, value: &Value| {
        P::OBJECT_ONLY.contains(&name) && !value.is_null() && fresh.get(name) != Some(value)
    };
    let kept = spec.iter().filter(|(name, value)| is_kept(name, value));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn members<T: serde::Serialize>(part: &T, name: &'static str) -> Result<Map<String, Value>, Unreadable> {
    match serde_json::to_value(part) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(source) => Err(Unreadable { part: name, source }),
    }
}

fn known_spec<P: Pairing>(mut spec: Map<String, Value>) -> Map<String, Value> {
    drop_reference(&mut spec, P::SECRET, Section::Spec);
    spec.retain(|name, value| {
        !APART.contains(&name.as_str()) && !P::OBJECT_ONLY.contains(&name.as_str()) && !value.is_null()
    });
    spec
}

/// A status in which nothing has happened yet is no news to either side.
fn known_status<P: Pairing>(mut status: Map<String, Value>) -> Result<Map<String, Value>, Unreadable> {
    let fresh = members(&P::fresh_status(), "status")?;
    drop_reference(&mut status, P::SECRET, Section::Status);
    status.retain(|name, value| {
        !P::OBJECT_ONLY.contains(&name.as_str()) && !value.is_null() && fresh.get(name) != Some(value)
    });
    Ok(status)
}

/// What a reference points to is compared, not the reference.
fn drop_reference(members: &mut Map<String, Value>, part: Option<SecretPart>, section: Section) {
    let path = part.filter(|part| part.section == section).map_or(&[][..], |part| part.reference);
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = members;
    for name in parents {
        let Some(Value::Object(next)) = place.get_mut(*name) else { return };
        place = next;
    }
    place.remove(*last);
}

/// The cascade is the garbage collector's affair; as in the original, it only shows once deletion has begun.
fn visible(mut finalizers: BTreeSet<String>, is_deleting: bool) -> BTreeSet<String> {
    if !is_deleting {
        finalizers.remove(finalizer::CASCADE);
    }
    finalizers
}

fn take_member(members: &mut Map<String, Value>, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value.clone())),
        None => drop(members.remove(name)),
    }
}
