//! The stored side of one thing: reading it, and building what it is to become. Pure.
//!
//! etcd keeps the client's exact JSON. When a field comes from the object, the custom resource is translated twice, as
//! it was according to etcd and as it is now, and only the members that differ between the two are replaced.

use std::collections::BTreeSet;

use krake_crds::{finalizer, reference::Owner};
use krake_facade_store::{Key, Record};
use krake_facade_wire::{Json, Metadata, Timestamp, json, kinds::StoredError};
use kube::api::DynamicObject;

use crate::{
    base::Field,
    decide::{self, Awaits},
    directory::Directory,
    error::Error,
    face::Face,
    translate::{Pairing, metadata, reference},
};

/// Members of every object that are no content.
const ENVELOPE: [&str; 3] = ["api", "kind", "metadata"];

/// The stored side of one thing.
pub(crate) struct Stored<P: Pairing> {
    pub(crate) wire: P,
    json: Json,
    pub(crate) face: Face,
}

/// What a merge changes beside the fields themselves.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// `metadata.modified` if what users ask for changes.
    pub(crate) now: Timestamp,
    /// `metadata.deleted`, if the object carries a mark that the stored side does not.
    pub(crate) deleted: Option<Timestamp>,
}

impl<P: Pairing> Stored<P> {
    /// Reads a record.
    pub(crate) fn read(record: &Record, names: &Directory) -> Result<Self, Error> {
        Self::parse(&record.value, names)
    }

    fn parse(bytes: &[u8], names: &Directory) -> Result<Self, Error> {
        let wire = P::decode_stored(bytes).map_err(Error::Stored)?;
        let json = json::parse(bytes).map_err(|error| Error::Stored(StoredError::Syntax(error)))?;
        let face = Face::of_stored::<P>(&wire, &json, names).map_err(Error::Object)?;
        Ok(Self { wire, json, face })
    }

    /// Takes a wire object for what is stored.
    pub(crate) fn of(wire: &P, names: &Directory) -> Result<Self, Error> {
        Self::parse(&wire.to_bytes(), names)
    }

    /// The bytes for etcd.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.wire.to_bytes()
    }

    /// What the decision needs to know.
    pub(crate) fn facts(&self) -> decide::Stored {
        let Metadata { uid, deleted, finalizers, .. } = self.wire.metadata();
        decide::Stored {
            uid: uid.clone(),
            is_deleted: deleted.is_some(),
            awaits: Awaits {
                anything: !finalizers.is_empty(),
                rest_alone: finalizers.iter().any(|name| metadata::finalizer_to_object(name).is_none()),
                cascade: self.face.finalizers().contains(finalizer::CASCADE),
            },
            fields: self.face.fields(),
        }
    }

    /// The stored side of an object that has none.
    pub(crate) fn of_object(key: &Key, object: &DynamicObject, face: &Face, names: &Directory) -> Result<Self, Error> {
        let created = metadata::created(&object.metadata);
        let mut finalizers = Vec::new();
        for name in face.finalizers() {
            set_finalizer(&mut finalizers, name, true);
        }
        let metadata = Metadata {
            name: key.name().to_owned(),
            namespace: key.namespace().map(str::to_owned),
            labels: face.labels().iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            inherit_labels: false,
            finalizers,
            uid: metadata::krake_uid(&object.metadata),
            created,
            modified: created,
            deleted: None,
            owners: owners(face),
        };
        let wire = face.to_wire::<P>(metadata, names).map_err(Error::Object)?;
        let mut json = Self::of(&wire, names)?.json;
        Self::set_secret(&mut json, face);
        Self::of_json(&json, names)
    }

    /// The stored side with some fields as the object shows them.
    pub(crate) fn merge(
        &self,
        object: &Face,
        fields: &BTreeSet<Field>,
        moment: &Moment,
        names: &Directory,
    ) -> Result<Self, Error> {
        let mut face = self.face.clone();
        for field in fields {
            face.take(field, object);
        }
        let translate = |face: &Face| -> Result<P, Error> {
            face.to_wire::<P>(self.wire.metadata().clone(), names).map_err(Error::Object)
        };
        let (before, after) = (translate(&self.face)?, translate(&face)?);
        let mut json = self.json.clone();
        let (before_json, after_json) = (Self::of(&before, names)?.json, Self::of(&after, names)?.json);
        replace_changed(&mut json, &before_json, &after_json);
        // A text has gone with the member around it; a document has not, and keeps the client's exact form.
        if P::SECRET.is_some_and(|part| part.is_text() || fields.contains(&part.section.field())) {
            Self::set_secret(&mut json, &face);
        }
        let mut merged = Self::of_json(&json, names)?.wire;
        let metadata = merged.metadata_mut();
        if before.metadata().inherit_labels != after.metadata().inherit_labels {
            metadata.inherit_labels = after.metadata().inherit_labels;
        }
        merge_metadata(metadata, &face, fields, moment);
        Self::of(&merged, names)
    }

    /// The stored side after Kubernetes has refused it.
    pub(crate) fn refused(&self, sentence: &str, names: &Directory) -> Result<Self, Error> {
        let mut json = self.json.clone();
        let reason = [("code".to_owned(), "INVALID_RESOURCE".into()), ("message".to_owned(), sentence.into())];
        if let Json::Object(members) = &mut json
            && let Some(Json::Object(status)) = members.get_mut("status")
        {
            status.insert("state".to_owned(), "FAILED".into());
            status.insert("reason".to_owned(), Json::Object(reason.into_iter().collect()));
        }
        Self::of_json(&json, names)
    }

    fn of_json(json: &Json, names: &Directory) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        json::write(json, &mut bytes);
        Self::parse(&bytes, names)
    }

    fn set_secret(json: &mut Json, face: &Face) {
        if let Some(part) = P::SECRET {
            part.put_in_wire(json, face.secret());
        }
    }
}

/// What a refused publish wrote into the status, and what is taken back when the next one is accepted.
pub(crate) fn refusal_fields() -> [Field; 2] {
    [Field::Status("state".into()), Field::Status("reason".into())]
}

/// Replaces the members of `spec` and `status`, and what other kinds have in their place.
fn replace_changed(json: &mut Json, before: &Json, after: &Json) {
    let (Json::Object(members), Json::Object(after)) = (json, after) else { return };
    for (name, after) in after.iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str())) {
        match (members.get_mut(name), before.get(name), after) {
            (Some(Json::Object(section)), Some(before), Json::Object(after)) => {
                let changed = after.iter().filter(|(name, value)| before.get(name) != Some(value));
                section.extend(changed.map(|(name, value)| (name.clone(), value.clone())));
            }
            (_, before, after) if before != Some(after) => drop(members.insert(name.clone(), after.clone())),
            _ => {}
        }
    }
}

fn merge_metadata(metadata: &mut Metadata, face: &Face, fields: &BTreeSet<Field>, moment: &Moment) {
    for field in fields {
        match field {
            Field::Label(key) => match face.labels().get(key) {
                Some(value) => drop(metadata.labels.insert(key.clone(), value.clone())),
                None => drop(metadata.labels.shift_remove(key)),
            },
            Field::Owners => metadata.owners = owners(face),
            Field::Finalizer(name) => set_finalizer(&mut metadata.finalizers, name, face.finalizers().contains(name)),
            Field::Spec(_) | Field::Secret | Field::Status(_) | Field::StatusSecret => {}
        }
    }
    if fields.iter().any(Field::is_wish) {
        metadata.modified = moment.now;
    }
    if let Some(deleted) = moment.deleted {
        metadata.deleted.get_or_insert(deleted);
    }
}

fn set_finalizer(list: &mut Vec<String>, name: &str, is_held: bool) {
    let Some(wire) = metadata::finalizer_to_wire(name) else { return };
    match (is_held, list.contains(&wire)) {
        (true, false) => metadata::add_finalizer(list, wire),
        (false, true) => list.retain(|other| *other != wire),
        (true, true) | (false, false) => {}
    }
}

fn owners(face: &Face) -> Vec<krake_facade_wire::ResourceRef> {
    let owners = face.owners().iter().filter_map(|owner| serde_json::from_value::<Owner>(owner.clone()).ok());
    owners.map(reference::owner_to_wire).collect()
}

#[cfg(test)]
mod tests;
