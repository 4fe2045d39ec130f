//! Stored side → object: creating it, and writing the fields that a merge sends there.

use std::collections::{BTreeMap, BTreeSet};

use krake_crds::finalizer;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::{
    base::{Base, Field},
    decide::{Merge, Step},
    error::Error,
    face::Face,
    name::{Coordinates, identity},
    objects::Written,
    patch::{self, Wish},
    queue::Outcome,
    reconcile::{Reconciler, Seeing, Sides, new_base, now, settle},
    secret::{SecretPart, Section},
    stored::{Moment, Stored, refusal_fields},
    translate::{Pairing, metadata},
};

impl<P: Pairing> Reconciler<P> {
    /// Creates the object of a stored one. Its status follows when it is there.
    pub(crate) async fn publish(&self, sides: &Sides<P>, stored: &Stored<P>) -> Result<Outcome, Error> {
        let mut object = self.build(sides, stored)?;
        let part = P::SECRET.filter(|part| part.section == Section::Spec);
        if let (Some(part), Some(_)) = (part, stored.face.secret()) {
            let reference = self.secrets.own_reference(&self.typed(&object), part).await?;
            let reference = serde_json::to_value(reference).map_err(Error::Json)?;
            if let Some(serde_json::Value::Object(spec)) = object.data.get_mut("spec") {
                patch::insert(spec, part.reference, reference);
            }
        }
        let raw = match self.objects.create(&object, sides.key.namespace()).await? {
            Written::Done(raw) => *raw,
            Written::Overtaken => return Ok(Outcome::Again),
            Written::Refused(sentence) => return self.refuse(sides, stored, &sentence).await,
        };
        if let (Some(part), Some(secret)) = (part, stored.face.secret()) {
            self.secrets.write(&self.typed(&raw), part, secret).await?;
        }
        let face = Face::of_object::<P>(&raw, part.and(stored.face.secret()).cloned()).map_err(Error::Object)?;
        let mut base = new_base(&raw, stored);
        let fields = stored.face.fields();
        settle(&mut base, &stored.face, &face, fields.keys().filter(|field| !field.is_status()));
        let new = if sides.base.as_ref().is_some_and(|base| base.refused.is_some()) {
            let moment = Moment { now: now(), deleted: None };
            Some(stored.merge(&face, &BTreeSet::from(refusal_fields()), &moment, &self.names)?)
        } else {
            None
        };
        self.write(sides, new.as_ref(), &base).await?;
        Ok(Outcome::Again)
    }

    fn build(&self, sides: &Sides<P>, stored: &Stored<P>) -> Result<DynamicObject, Error> {
        let by_rule = Coordinates::of(&sides.key);
        let twin = sides.base.as_ref().and_then(|base| base.object.as_ref());
        let at = twin.map_or_else(|| by_rule.clone(), crate::base::Twin::coordinates);
        let mut spec = spec_of(sides.base.as_ref(), stored);
        if let Some(identity) = identity(&sides.key).filter(|_| at == by_rule) {
            spec.insert("identity".into(), serde_json::to_value(identity).map_err(Error::Json)?);
        }
        let wire = stored.wire.metadata();
        let mut object = DynamicObject::new(&at.name, self.objects.resource()).data(json!({ "spec": spec }));
        object.metadata.namespace = at.namespace;
        object.metadata.finalizers =
            Some(stored.face.finalizers().iter().cloned().chain([finalizer::MIRROR.to_owned()]).collect());
        object.metadata.annotations = Some(BTreeMap::from([
            (metadata::UID.to_owned(), wire.uid.clone()),
            (metadata::CREATED.to_owned(), wire.created.to_string()),
        ]));
        Ok(object)
    }

    /// The object with its API version and kind, which answers may leave out.
    pub(crate) fn typed(&self, object: &DynamicObject) -> DynamicObject {
        let resource = self.objects.resource();
        let types = kube::core::TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
        DynamicObject { types: Some(types), ..object.clone() }
    }
}

/// The `spec` of the object of a stored one. A lost one had members that REST does not know; the base of a predecessor says
/// nothing about them.
fn spec_of<P: Pairing>(base: Option<&Base>, stored: &Stored<P>) -> Map<String, Value> {
    let mut spec = stored.face.spec();
    let own = base.filter(|base| base.uid == stored.wire.metadata().uid);
    spec.extend(own.into_iter().flat_map(|base| base.object_only.clone()));
    spec
}

/// Writes what a merge sends to the object.
pub(crate) struct Publisher<'a, P: Pairing> {
    pub(crate) reconciler: &'a Reconciler<P>,
    pub(crate) stored: &'a Stored<P>,
    pub(crate) object: &'a Seeing,
}

/// What was written.
pub(crate) struct Published {
    /// The object now, if it was written.
    pub(crate) raw: Option<DynamicObject>,
    /// What it shows now.
    pub(crate) face: Face,
    /// The fields that are done.
    pub(crate) fields: BTreeSet<Field>,
    /// Whether something that users ask for was among them.
    pub(crate) has_wishes: bool,
    /// Whether all fields are done.
    pub(crate) is_complete: bool,
}

impl<P: Pairing> Publisher<'_, P> {
    /// Spec and metadata first; the status, which is written apart, next time.
    pub(crate) async fn publish(&self, merge: &Merge) -> Result<Result<Published, Written>, Error> {
        let (status, fields): (BTreeSet<Field>, BTreeSet<Field>) =
            merge.to_object.iter().cloned().partition(Field::is_status);
        let reference = self.write_secret(Section::Spec, &fields).await?;
        // A Secret that is written is noted before anything else can come in between.
        if fields.contains(&Field::Secret) && matches!(reference.wish, Wish::Keep) {
            let face = self.face_of(None, &fields)?;
            let is_complete = merge.to_object.len() == 1;
            let fields = BTreeSet::from([Field::Secret]);
            return Ok(Ok(Published { raw: None, face, fields, has_wishes: true, is_complete }));
        }
        let change = patch::Change {
            fields: fields.clone(),
            add_finalizer: merge.steps.contains(&Step::AddFinalizer),
            adopt_uid: merge.steps.contains(&Step::AdoptUid).then(|| self.stored.wire.metadata().uid.as_str()),
            reference,
        };
        let raw = &self.object.raw;
        let operations = patch::change(raw, &self.stored.face, &change);
        let (written, fields, is_complete) = if !operations.is_empty() {
            (Some(self.reconciler.objects.patch(raw, operations).await?), fields, status.is_empty())
        } else if status.is_empty() {
            (None, fields, true)
        } else {
            (self.write_status(&status).await?, fields.union(&status).cloned().collect(), true)
        };
        let raw = match written {
            None => None,
            Some(Written::Done(raw)) => Some(*raw),
            Some(failed) => return Ok(Err(failed)),
        };
        let has_wishes = fields.iter().any(Field::is_wish);
        let face = self.face_of(raw.as_ref(), &fields)?;
        Ok(Ok(Published { raw, face, fields, has_wishes, is_complete }))
    }

    async fn write_status(&self, fields: &BTreeSet<Field>) -> Result<Option<Written>, Error> {
        let reference = self.write_secret(Section::Status, fields).await?;
        let mut operations = patch::status(&self.object.raw, &self.stored.face, fields, &reference);
        // The spec is in step by now, or this would be written later.
        let is_triggered = fields.contains(&Field::Status("triggeredAt".to_owned()));
        if is_triggered && self.stored.wire.is_approved() {
            operations.extend(patch::approval(&self.object.raw));
        }
        if operations.is_empty() {
            return Ok(None);
        }
        self.reconciler.objects.patch_status(&self.object.raw, operations).await.map(Some)
    }

    fn face_of(&self, raw: Option<&DynamicObject>, fields: &BTreeSet<Field>) -> Result<Face, Error> {
        let is_written = P::SECRET.is_some_and(|part| fields.contains(&part.section.field()));
        let source = if is_written { &self.stored.face } else { &self.object.face };
        Face::of_object::<P>(raw.unwrap_or(&self.object.raw), source.secret().cloned()).map_err(Error::Object)
    }

    /// Writes the secret of a section to the object's own Secret if it is among the fields; gives the reference to it.
    async fn write_secret(&self, section: Section, fields: &BTreeSet<Field>) -> Result<patch::Reference, Error> {
        let Some(part) = P::SECRET.filter(|part| part.section == section) else {
            return Ok(patch::Reference::default());
        };
        let wish = if fields.contains(&section.field()) { self.refer(part).await? } else { Wish::Keep };
        Ok(patch::Reference { path: part.reference, wish })
    }

    async fn refer(&self, part: SecretPart) -> Result<Wish, Error> {
        let Some(secret) = self.stored.face.secret() else { return Ok(Wish::Remove) };
        let raw = self.reconciler.typed(&self.object.raw);
        let own = self.reconciler.secrets.write(&raw, part, secret).await?;
        if part.reference_of(&raw).as_ref() == Some(&own) {
            return Ok(Wish::Keep);
        }
        serde_json::to_value(own).map(Wish::Set).map_err(Error::Json)
    }
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::kubernetes::{Application, Cluster};
    use kube::api::DynamicObject;
    use proptest::prelude::*;

    use super::*;
    use crate::{directory::Directory, face::object_only, reconcile::new_base};

    fn object(spec: &Value) -> DynamicObject {
        let metadata = json!({ "name": "shop", "namespace": "team", "uid": "u" });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    /// What is stored for an object, and the base of both.
    fn mirrored<P: Pairing>(object: &DynamicObject) -> (Stored<P>, Base) {
        let key = krake_facade_store::Key::of::<P>(Some("team"), "shop");
        let face = Face::of_object::<P>(object, None).unwrap();
        let stored = Stored::of_object(&key, object, &face, &Directory::default()).unwrap();
        let base = new_base(object, &stored);
        (stored, serde_json::from_slice(&base.encode().unwrap()).unwrap())
    }

    proptest! {
        #[test]
        fn a_restored_object_has_what_rest_does_not_know(
            strategy in "MakeBeforeBreak|Recreate", policy in "Delete|Orphan|Retain",
            deadline in proptest::option::of(0..9_i64), toleration in proptest::option::of(0..9_i64),
        ) {
            let lost = object(&json!({
                "manifest": [], "hooks": ["complete"], "migrationStrategy": strategy, "deletionPolicy": policy,
                "progressDeadlineSeconds": deadline, "unreachableTolerationSeconds": toleration,
            }));
            let (stored, base) = mirrored::<Application>(&lost);
            let restored = object(&spec_of(Some(&base), &stored).into());
            prop_assert_eq!(object_only::<Application>(&restored), object_only::<Application>(&lost));
            prop_assert_eq!(new_base(&restored, &stored), base);
            for (name, default) in [("migrationStrategy", "MakeBeforeBreak"), ("deletionPolicy", "Delete")] {
                let wanted = &lost.data["spec"][name];
                let found = restored.data["spec"].get(name);
                prop_assert_eq!(found, Some(wanted).filter(|wanted| **wanted != default));
            }
        }
    }

    #[test]
    fn a_restored_cluster_goes_as_it_was_to_go() {
        let (stored, base) = mirrored::<Cluster>(&object(&json!({ "deletionPolicy": "Orphan" })));
        assert_eq!(spec_of(Some(&base), &stored)["deletionPolicy"], "Orphan");
    }

    #[test]
    fn a_successor_inherits_nothing_from_the_base_of_its_predecessor() {
        let (stored, base) =
            mirrored::<Application>(&object(&json!({ "manifest": [], "migrationStrategy": "Recreate" })));
        let earlier = Base { uid: "earlier".into(), ..base };
        assert!(!spec_of(Some(&earlier), &stored).contains_key("migrationStrategy"));
        assert!(!spec_of(None, &stored).contains_key("migrationStrategy"));
    }
}
