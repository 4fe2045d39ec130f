//! Stored side → object: creating it, and writing the fields that a merge sends there.

use std::collections::{BTreeMap, BTreeSet};

use krake_crds::finalizer;
use krake_facade_wire::Kind;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::{
    base::Field,
    decide::{Merge, Step},
    error::Error,
    face::{self, Face},
    name::{Coordinates, identity},
    objects::Written,
    patch,
    queue::Outcome,
    reconcile::{Reconciler, Seeing, Sides, new_base, now, settle},
    secret,
    stored::{Moment, Stored, refusal_fields},
    translate::{Pairing, metadata},
};

impl<P: Pairing> Reconciler<P> {
    /// Creates the object of a stored one. Its status follows when it is there.
    pub(crate) async fn publish(&self, sides: &Sides<P>, stored: &Stored<P>) -> Result<Outcome, Error> {
        let object = self.build(sides, stored)?;
        let raw = match self.objects.create(&object, sides.key.namespace()).await? {
            Written::Done(raw) => *raw,
            Written::Overtaken => return Ok(Outcome::Again),
            Written::Refused(sentence) => return self.refuse(sides, stored, &sentence).await,
        };
        if let (Some(part), Some(secret)) = (P::SECRET, stored.face.secret()) {
            secret::write(&self.client, &self.typed(&raw), part, &secret).await?;
        }
        let face = Face::of_object::<P>(&raw, stored.face.value(&Field::Secret)).map_err(Error::Object)?;
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
        let mut spec = stored.face.spec();
        if let Some(identity) = identity(&sides.key).filter(|_| at == by_rule) {
            spec.insert("identity".into(), serde_json::to_value(identity).map_err(Error::Json)?);
        }
        if let (Some(part), Some(_)) = (P::SECRET, stored.face.secret()) {
            let reference = serde_json::to_value(part.own_reference(&at.name)).map_err(Error::Json)?;
            spec.insert(part.reference_field.into(), reference);
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
        let reference = if fields.contains(&Field::Secret) { self.write_secret().await? } else { None };
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
            let operations = patch::status(raw, &self.stored.face, &status);
            let done = fields.union(&status).cloned().collect();
            (Some(self.reconciler.objects.patch_status(raw, operations).await?), done, true)
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

    fn face_of(&self, raw: Option<&DynamicObject>, fields: &BTreeSet<Field>) -> Result<Face, Error> {
        let source = if fields.contains(&Field::Secret) { &self.stored.face } else { &self.object.face };
        let secret = source.value(&Field::Secret);
        Face::of_object::<P>(raw.unwrap_or(&self.object.raw), secret).map_err(Error::Object)
    }

    /// Writes the secret to the object's own Secret; gives the reference to change, if it must.
    async fn write_secret(&self) -> Result<Option<(&'static str, Option<Value>)>, Error> {
        let Some(part) = P::SECRET else { return Ok(None) };
        let raw = self.reconciler.typed(&self.object.raw);
        let Some(secret) = self.stored.face.secret() else { return Ok(Some((part.reference_field, None))) };
        secret::write(&self.reconciler.client, &raw, part, &secret).await?;
        let own = part.own_reference(raw.metadata.name.as_deref().unwrap_or_default());
        if face::secret_reference::<P>(&raw).as_ref() == Some(&own) {
            return Ok(None);
        }
        Ok(Some((part.reference_field, Some(serde_json::to_value(own).map_err(Error::Json)?))))
    }
}
