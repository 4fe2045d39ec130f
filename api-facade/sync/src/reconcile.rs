//! One look at one thing: read both sides and the base, decide, write each side at most once.
//!
//! Every write is conditional on what was read, and the base is written last, together with the stored side. Killed
//! between any two instructions, the next look finds a world that it knows from the table in `decide`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use krake_facade_store::{Commit, Key, Pair, Store, Write};
use krake_facade_wire::Timestamp;
use kube::api::DynamicObject;

use crate::{
    base::{Base, Field, Twin},
    decide::{self, Decision, Known, Merge, Step, Tombstone},
    directory::Directory,
    error::Error,
    face::{Face, object_only},
    instruments::Instruments,
    locate::locate,
    objects::{Objects, Written},
    patch,
    publish::Publisher,
    queue::Outcome,
    report::Reporter,
    secret::{Secrets, Seen},
    stored::{Moment, Stored, refusal_fields},
    translate::{Pairing, metadata},
};

/// A call to the API server that was given up, or whose caller was killed, is over by then.
const FRESH: Duration = Duration::from_mins(2);

/// What a loop works with.
pub(crate) struct Reconciler<P: Pairing> {
    pub(crate) objects: Objects,
    pub(crate) secrets: Secrets,
    pub(crate) store: Store,
    pub(crate) names: Arc<Directory>,
    pub(crate) instruments: Instruments,
    pub(crate) reporter: Reporter,
    pub(crate) pairing: std::marker::PhantomData<fn() -> P>,
}

/// The object's side as it was read.
pub(crate) struct Seeing {
    pub(crate) raw: DynamicObject,
    pub(crate) face: Face,
    pub(crate) facts: decide::Object,
}

/// Both sides as they were read.
pub(crate) struct Sides<P: Pairing> {
    pub(crate) key: Key,
    pub(crate) pair: Pair,
    pub(crate) base: Option<Base>,
    pub(crate) stored: Option<Stored<P>>,
    pub(crate) object: Option<Seeing>,
}

impl<P: Pairing> Reconciler<P> {
    /// Looks at one thing; `departed` is the uid of an object that was seen to disappear while marked.
    pub(crate) async fn reconcile(&self, key: &Key, departed: Option<String>) -> Result<Outcome, Error> {
        let (sides, tombstone) = self.observe(key).await?;
        let known = Known {
            base: sides.base.clone(),
            stored: sides.stored.as_ref().map(Stored::facts),
            object: sides.object.as_ref().map(|object| object.facts.clone()),
            tombstone,
            departed,
        };
        let decision = decide::decide(&known);
        self.note(&decision);
        self.act(&sides, decision).await
    }

    async fn observe(&self, key: &Key) -> Result<(Sides<P>, Option<Tombstone>), Error> {
        let pair = self.store.pair(key).await.map_err(Error::Store)?;
        let stored = pair.stored.as_ref().map(|record| Stored::<P>::read(record, &self.names)).transpose()?;
        let base = pair.base.as_ref().and_then(|record| read_base(&record.value));
        let tombstone = pair.tombstone.as_ref().map(|record| read_tombstone(&record.value));
        let object = match locate(&self.objects, key, base.as_ref()).await? {
            Some(raw) => Some(self.see(raw).await?),
            None => None,
        };
        Ok((Sides { key: key.clone(), pair, base, stored, object }, tombstone))
    }

    /// Reads the secret part of an object and puts it into comparable form.
    pub(crate) async fn see(&self, raw: DynamicObject) -> Result<Seeing, Error> {
        let seen = match P::SECRET {
            None => Seen::Nothing,
            Some(part) => self.secrets.read(&raw, part).await?,
        };
        let field = P::SECRET.map(|part| part.section.field());
        let secret = |is_it: bool| field.iter().filter(|_| is_it).cloned().collect::<BTreeSet<Field>>();
        let (lost, unseen) = (secret(matches!(seen, Seen::Lost)), secret(matches!(seen, Seen::Unseen)));
        let value = match seen {
            Seen::Value(value) => Some(value),
            Seen::Nothing | Seen::Lost | Seen::Unseen => None,
        };
        let face = Face::of_object::<P>(&raw, value).map_err(Error::Object)?;
        let metadata = &raw.metadata;
        let facts = decide::Object {
            uid: metadata.uid.clone().unwrap_or_default(),
            krake_uid: metadata::krake_uid(metadata),
            is_deleting: metadata.deletion_timestamp.is_some(),
            held: metadata::held(metadata.finalizers.as_deref().unwrap_or_default()),
            is_as_published: metadata::is_as_published(metadata),
            prepared: metadata::prepared(P::KIND, metadata),
            fields: face.fields(),
            object_only: object_only::<P>(&raw),
            lost,
            unseen,
        };
        Ok(Seeing { raw, face, facts })
    }

    async fn act(&self, sides: &Sides<P>, decision: Decision) -> Result<Outcome, Error> {
        match (decision, &sides.stored, &sides.object) {
            (Decision::Publish { .. }, Some(stored), _) => self.publish(sides, stored).await,
            (Decision::Mirror { .. }, _, Some(object)) => self.mirror(sides, object).await,
            (Decision::Merge(merge), Some(stored), Some(object)) => self.merge(sides, stored, object, &merge).await,
            (Decision::Guard, _, Some(object)) => {
                self.objects.patch(&object.raw, patch::guard(&object.raw)).await?;
                Ok(Outcome::Again)
            }
            (Decision::DeleteObject, _, Some(object)) => {
                self.objects.delete(&object.raw).await?;
                Ok(Outcome::Again)
            }
            (Decision::Release, _, Some(object)) => {
                self.objects.patch(&object.raw, patch::release(&object.raw)).await?;
                Ok(Outcome::Again)
            }
            (Decision::ReleaseAll, _, Some(object)) => {
                self.objects.patch(&object.raw, patch::release_all(&object.raw)).await?;
                Ok(Outcome::Again)
            }
            (Decision::LetGo, _, Some(object)) => {
                self.objects.patch(&object.raw, patch::let_go(P::KIND, &object.raw)).await?;
                Ok(Outcome::Again)
            }
            (Decision::RemoveStored, _, _) => {
                self.commit(sides, Write::Delete, Write::Delete, Write::Keep).await?;
                Ok(Outcome::Again)
            }
            (Decision::Forget, _, _) => {
                let live_on = sides.stored.is_some() && sides.object.is_some();
                let base = if live_on { Write::Keep } else { Write::Delete };
                self.commit(sides, Write::Keep, base, Write::Delete).await?;
                Ok(Outcome::Again)
            }
            // A decision about a side is made only if the side is there: but for the first, none of these can be.
            (Decision::Nothing | Decision::Publish { .. } | Decision::Mirror { .. } | Decision::Merge(_), _, _)
            | (
                Decision::Guard | Decision::DeleteObject | Decision::Release | Decision::ReleaseAll | Decision::LetGo,
                _,
                None,
            ) => Ok(Outcome::Settled),
        }
    }

    async fn mirror(&self, sides: &Sides<P>, object: &Seeing) -> Result<Outcome, Error> {
        let guard = patch::Change { add_finalizer: true, ..patch::Change::default() };
        let operations = patch::change(&object.raw, &object.face, &guard);
        let raw = if operations.is_empty() {
            object.raw.clone()
        } else {
            match self.objects.patch(&object.raw, operations).await? {
                Written::Done(raw) => *raw,
                Written::Overtaken => return Ok(Outcome::Again),
                Written::Refused(sentence) => return Ok(self.unguarded(&sentence)),
            }
        };
        let face = Face::of_object::<P>(&raw, object.face.secret().cloned()).map_err(Error::Object)?;
        let stored = Stored::<P>::of_object(&sides.key, &raw, &face, &self.names)?;
        let mut base = new_base(&raw, &stored);
        let fields: BTreeSet<Field> = face.fields().into_keys().collect();
        settle(&mut base, &stored.face, &face, fields.iter());
        self.write(sides, Some(&stored), &base).await?;
        Ok(Outcome::Settled)
    }

    /// An object that takes no finalizer is not mirrored: its deletion could not be told from its loss.
    fn unguarded(&self, sentence: &str) -> Outcome {
        tracing::warn!(sentence, "an object takes no finalizer and is not mirrored");
        self.instruments.failed(P::KIND, "finalizer_refused");
        Outcome::Settled
    }

    async fn merge(
        &self,
        sides: &Sides<P>,
        stored: &Stored<P>,
        object: &Seeing,
        merge: &Merge,
    ) -> Result<Outcome, Error> {
        let published = match (Publisher { reconciler: self, stored, object }).publish(merge).await? {
            Ok(done) => done,
            Err(Written::Refused(sentence)) => return self.refuse(sides, stored, &sentence).await,
            Err(_) => return Ok(Outcome::Again),
        };
        let (raw, face) = (published.raw.as_ref().unwrap_or(&object.raw), &published.face);
        let is_accepted = sides.base.as_ref().is_some_and(|base| base.refused.is_some()) && published.has_wishes;
        // One side at a time: a note of what went to the object holds whatever becomes of the stored side meanwhile.
        let is_note = !published.fields.is_empty() && !is_accepted;
        let mut to_stored = if is_note { BTreeSet::new() } else { merge.to_stored.clone() };
        to_stored.extend(refusal_fields().into_iter().filter(|_| is_accepted));
        let marks = merge.steps.contains(&Step::MarkDeleted) && !is_note;
        let new = if to_stored.is_empty() && !marks {
            None
        } else {
            let deleted = raw.metadata.deletion_timestamp.as_ref().filter(|_| marks);
            let moment = Moment { now: now(), deleted: deleted.map(|time| Timestamp::now_utc(time.0)) };
            Some(stored.merge(face, &to_stored, &moment, &self.names)?)
        };
        let mut base = sides
            .base
            .clone()
            .filter(|_| !merge.steps.contains(&Step::BeginBase))
            .unwrap_or_else(|| new_base(raw, stored));
        base.refused = base.refused.filter(|_| !is_accepted);
        base.object_only = object_only::<P>(raw);
        let settled = to_stored.iter().chain(&merge.agreed).chain(&published.fields);
        settle(&mut base, new.as_ref().map_or(&stored.face, |new| &new.face), face, settled);
        self.write(sides, new.as_ref(), &base).await?;
        self.report_conflicts(raw, merge).await;
        let is_complete = published.is_complete && (!is_note || merge.to_stored.is_empty());
        Ok(if is_complete { Outcome::Settled } else { Outcome::Again })
    }

    async fn report_conflicts(&self, raw: &DynamicObject, merge: &Merge) {
        if merge.conflicts.is_empty() {
            return;
        }
        self.instruments.conflicted(P::KIND, merge.conflicts.len() as u64);
        for field in &merge.conflicts {
            let field = field.to_string();
            tracing::warn!(field, "both sides changed a field; the custom resource wins");
            self.reporter.conflict(raw, &field).await;
        }
    }

    /// Records that Kubernetes will not take what the stored side asks for, and tells the REST client.
    pub(crate) async fn refuse(&self, sides: &Sides<P>, stored: &Stored<P>, why: &str) -> Result<Outcome, Error> {
        tracing::warn!(why, "the management cluster refuses an object");
        self.instruments.failed(P::KIND, "refused");
        let new = if P::HAS_STATUS { Some(stored.refused(why, &self.names)?) } else { None };
        let empty = Base { uid: stored.wire.metadata().uid.clone(), ..Base::default() };
        let mut base = sides.base.clone().filter(|base| base.uid == empty.uid).unwrap_or(empty);
        base.refused = Some(decide::wish(&stored.face.fields()));
        let after = new.as_ref().map_or_else(|| stored.face.fields(), |new| new.face.fields());
        for field in refusal_fields() {
            let object = base.fields.get(&field).and_then(|agreed| agreed.object.clone());
            base.settle(&field, after.get(&field), object.as_ref());
        }
        self.write(sides, new.as_ref(), &base).await?;
        Ok(Outcome::Settled)
    }

    /// Writes the stored side, if it changes, and the base in one transaction.
    pub(crate) async fn write(&self, sides: &Sides<P>, stored: Option<&Stored<P>>, base: &Base) -> Result<(), Error> {
        let stored = stored.map_or(Write::Keep, |stored| Write::Put(stored.bytes()));
        let base = base.encode().map_err(Error::Json)?;
        self.commit(sides, stored, Write::Put(base), Write::Keep).await
    }

    async fn commit(&self, sides: &Sides<P>, stored: Write, base: Write, tombstone: Write) -> Result<(), Error> {
        let commit = Commit { key: sides.key.clone(), stored, base, tombstone, expect: sides.pair.expect() };
        self.store.commit(commit).await.map_err(Error::Store).map(|_| ())
    }

    fn note(&self, decision: &Decision) {
        let what = match decision {
            Decision::Nothing => return,
            Decision::Publish { is_restored: false } => "publish",
            Decision::Mirror { is_restored: false } => "mirror",
            Decision::Publish { is_restored: true } => self.note_restored("object"),
            Decision::Mirror { is_restored: true } => self.note_restored("stored"),
            Decision::Merge(_) => "merge",
            Decision::Guard => "guard",
            Decision::DeleteObject => "delete_object",
            Decision::RemoveStored => "remove_stored",
            Decision::Release | Decision::ReleaseAll | Decision::LetGo => "release",
            Decision::Forget => "forget",
        };
        self.instruments.decided(P::KIND, what);
        // Merges are daily business, everything else is the life and death of objects.
        if matches!(decision, Decision::Merge(_)) {
            tracing::debug!(decision = what, "bringing both sides together");
        } else {
            tracing::info!(decision = what, "bringing both sides together");
        }
    }

    fn note_restored(&self, side: &'static str) -> &'static str {
        tracing::warn!(side, "restoring what was lost on one side");
        self.instruments.restored(P::KIND, side);
        "restore"
    }
}

/// The base of two sides that have just met; nothing is settled yet.
pub(crate) fn new_base<P: Pairing>(raw: &DynamicObject, stored: &Stored<P>) -> Base {
    let twin = Twin {
        namespace: raw.metadata.namespace.clone(),
        name: raw.metadata.name.clone().unwrap_or_default(),
        uid: raw.metadata.uid.clone().unwrap_or_default(),
    };
    Base {
        object: Some(twin),
        uid: stored.wire.metadata().uid.clone(),
        object_only: object_only::<P>(raw),
        ..Base::default()
    }
}

/// Records what fields are now on both sides.
pub(crate) fn settle<'a>(base: &mut Base, stored: &Face, object: &Face, fields: impl Iterator<Item = &'a Field>) {
    let (stored, object) = (stored.fields(), object.fields());
    for field in fields {
        base.settle(field, stored.get(field), object.get(field));
    }
}

/// A base that cannot be read is as good as none: both sides are compared anew.
fn read_base(bytes: &[u8]) -> Option<Base> {
    serde_json::from_slice(bytes)
        .inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "dropping an unreadable base");
        })
        .ok()
}

fn read_tombstone(bytes: &[u8]) -> Tombstone {
    let tombstone = krake_facade_store::Tombstone::decode(bytes);
    let is_fresh = tombstone.is_within(FRESH);
    let forced = tombstone.removed.iter().filter(|removed| removed.forced).map(|removed| removed.uid.clone()).collect();
    Tombstone { uids: tombstone.removed.into_iter().map(|removed| removed.uid).collect(), forced, is_fresh }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::now_utc(jiff::Timestamp::now())
}
