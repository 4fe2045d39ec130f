//! What to do about one thing that lives in etcd and in Kubernetes. Pure: no clock, no network, and of what both sides know
//! only digests.
//!
//! | base | stored | object | means | decision |
//! |---|---|---|---|---|
//! | – | ✓ | – | new from REST | publish |
//! | – | – | ✓ | new from Kubernetes | mirror |
//! | – | ✓ | ✓ | both appeared | merge: equal fields agree, else [`WINNER`] |
//! | ✓ | ✓ | – | the object was lost | publish again |
//! | ✓ | – | ✓ | the stored object was lost | mirror again |
//! | ✓ | ✓ | ✓ | both live on | merge: a field that moved on one side is copied; on both → [`WINNER`] |
//! | ✓ | – | – | both gone | forget |
//!
//! Absence is never deletion. Only these delete: `metadata.deleted` on the stored side, a deletion timestamp on the
//! object's side (also that of an object whose disappearance was watched), and the tombstone of a removal through REST.
//! A mark travels first, as a field would; the disappearance follows when nothing but our own finalizer holds the
//! object, stored side first, so that REST watchers see the end before the name is free again. What REST has marked waits
//! for the controllers, as in the original: it is published if it was not yet, and the garbage collector's finalizer goes
//! with it. A stored object that is marked and that nothing holds (a hook said that it is done) waits until a controller
//! holds it, or a client lets it go.

use std::collections::BTreeSet;

use krake_crds::finalizer;
use serde_json::{Map, Value};

use crate::base::{Agreed, Base, Digest, Field, Fields};

/// Which side wins when both changed a field to different values: the custom resource. Controllers have acted on it,
/// and whoever keeps it in Git would apply it again. The loser is told by an Event.
pub const WINNER: Side = Side::Object;

/// A side of the sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// etcd, what REST shows.
    Stored,
    /// The custom resource.
    Object,
}

/// The stored side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// `metadata.uid`.
    pub uid: String,
    /// Whether `metadata.deleted` is set.
    pub is_deleted: bool,
    /// Its finalizers.
    pub awaits: Awaits,
    /// Its fields.
    pub fields: Fields,
}

/// What a stored object waits for before it may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Awaits {
    /// Any finalizer at all.
    pub anything: bool,
    /// A finalizer that Kubernetes cannot hold; it keeps the stored object alive.
    pub rest_alone: bool,
    /// The garbage collector, which deletes first what depends on the object.
    pub cascade: bool,
}

/// Who holds an object back from disappearing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// This sync.
    pub by_mirror: bool,
    /// Controllers of Krake.
    pub by_krake: bool,
    /// Anybody else.
    pub by_others: bool,
}

/// What an object was prepared for. Kubernetes takes no new finalizers once deletion has begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// A deletion that waits for what depends on it: the garbage collector's finalizer is there.
    pub to_wait: bool,
    /// One that waits for nothing: no finalizer of Krake is there but that of its copies on clusters, which knows.
    pub to_go: bool,
}

/// The object's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Kubernetes' uid.
    pub uid: String,
    /// The uid under which REST knows the object.
    pub krake_uid: String,
    /// Whether it has a deletion timestamp.
    pub is_deleting: bool,
    /// Its finalizers.
    pub held: Held,
    /// What it may be deleted for.
    pub prepared: Prepared,
    /// Whether nobody has changed its `spec` since it was published.
    pub is_as_published: bool,
    /// Its fields.
    pub fields: Fields,
    /// Members of its `spec` that REST does not know.
    pub object_only: Map<String, Value>,
    /// Fields whose value was ours to keep and is gone: to be written again.
    pub lost: BTreeSet<Field>,
    /// Fields whose value cannot be seen now: to be left alone.
    pub unseen: BTreeSet<Field>,
}

/// The mark left by removals through REST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstone {
    /// The uids of the removed objects.
    pub uids: BTreeSet<String>,
    /// Those of them that were removed by force.
    pub forced: BTreeSet<String>,
    /// Whether a publish that began before the latest removal may still be on its way.
    pub is_fresh: bool,
}

/// Everything that is known about one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What both sides last agreed on.
    pub base: Option<Base>,
    /// The stored side.
    pub stored: Option<Stored>,
    /// The object's side.
    pub object: Option<Object>,
    /// The mark of a removal.
    pub tombstone: Option<Tombstone>,
    /// The uid of an object that was seen to disappear while it was marked for deletion.
    pub departed: Option<String>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All is well, or nothing can be done before something changes.
    Nothing,
    /// Create the object from the stored one.
    Publish {
        /// Whether there was one before.
        is_restored: bool,
    },
    /// Put our finalizer on the object if it is not there, then create the stored one.
    Mirror {
        /// Whether there was one before.
        is_restored: bool,
    },
    /// Copy fields and record what is settled.
    Merge(Merge),
    /// Put the garbage collector's finalizer on the object, which is about to be deleted.
    Guard,
    /// Delete the object in Kubernetes; its finalizers decide when it is gone.
    DeleteObject,
    /// Remove the stored object and its base.
    RemoveStored,
    /// Take our finalizer off the object.
    Release,
    /// Take all finalizers of Krake off the object.
    ReleaseAll,
    /// Mark the object as forced, and take all finalizers of Krake off it but that of its copies on clusters.
    LetGo,
    /// Remove the tombstone, and the base unless both sides live.
    Forget,
}

/// Both sides live: which fields go where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// Fields to write to the object.
    pub to_object: BTreeSet<Field>,
    /// Fields to write to the stored side.
    pub to_stored: BTreeSet<Field>,
    /// Fields that need no write, only to be recorded in the base.
    pub agreed: BTreeSet<Field>,
    /// Fields that both sides changed to different values; the loser is overwritten.
    pub conflicts: BTreeSet<Field>,
    /// What else is to be done.
    pub steps: BTreeSet<Step>,
}

/// What a merge does beside copying fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Mark the stored object as deleted.
    MarkDeleted,
    /// Put our finalizer on the object.
    AddFinalizer,
    /// Make the object carry the stored object's uid.
    AdoptUid,
    /// Begin a new base: the two have not met before.
    BeginBase,
    /// Record in the base what REST does not know of the object.
    KeepObjectOnly,
}

impl Merge {
    fn is_empty(&self) -> bool {
        let Self { to_object, to_stored, agreed, conflicts: _, steps } = self;
        to_object.is_empty() && to_stored.is_empty() && agreed.is_empty() && steps.is_empty()
    }
}

/// Decides about one thing.
#[must_use]
pub fn decide(known: &Known) -> Decision {
    if let Some(decision) = known.tombstone.as_ref().and_then(|tombstone| bury(known, tombstone)) {
        return decision;
    }
    match (&known.stored, &known.object) {
        (None, None) if known.base.is_some() => Decision::Forget,
        (None, None) => Decision::Nothing,
        (Some(stored), None) => without_object(known, stored),
        (None, Some(object)) => without_stored(known.base.as_ref(), object),
        (Some(stored), Some(object)) => with_both(known.base.as_ref(), stored, object),
    }
}

/// REST removed the stored object, by force or by taking its last finalizer away: whatever stands for it in Kubernetes
/// goes too, and is held back no longer. After force, the application controller still marks what is on clusters, but
/// waits for nothing; without an operator such an application stays, and its successor waits for it. What runs on targets
/// is still cleaned up: Placements have a finalizer of their own. `None` if the tombstone is about neither of the two
/// that are there now.
fn bury(known: &Known, tombstone: &Tombstone) -> Option<Decision> {
    let meant = known.object.as_ref().filter(|object| {
        let agreed =
            known.base.as_ref().is_some_and(|base| is_twin(base, object) && tombstone.uids.contains(&base.uid));
        let is_alive = known.stored.as_ref().is_some_and(|stored| stored.uid == object.krake_uid);
        !is_alive && (agreed || tombstone.uids.contains(&object.krake_uid))
    });
    let Some(object) = meant else {
        // A custom resource that arrives late must find the tombstone, or it would bring a removed object back.
        let may_come = known.stored.is_none() && known.object.is_none();
        return match (tombstone.is_fresh, may_come) {
            (true, true) => Some(Decision::Nothing),
            (true, false) => None,
            (false, _) => Some(Decision::Forget),
        };
    };
    let forced = |uid: &String| tombstone.forced.contains(uid);
    let is_forced = forced(&object.krake_uid) || known.base.as_ref().is_some_and(|base| forced(&base.uid));
    Some(match (object.is_deleting, object.held.by_mirror || object.held.by_krake) {
        // Before it is deleted: the garbage collector must not see it leave, and take along what depends on it.
        _ if is_forced && !object.prepared.to_go => Decision::LetGo,
        (false, _) => Decision::DeleteObject,
        (true, true) if !is_forced => Decision::ReleaseAll,
        (true, _) if tombstone.is_fresh => Decision::Nothing,
        (true, _) => Decision::Forget,
    })
}

fn without_object(known: &Known, stored: &Stored) -> Decision {
    // The base of a predecessor says nothing about this one.
    let base = known.base.as_ref().filter(|base| base.uid == stored.uid);
    let twin = base.and_then(|base| base.object.as_ref());
    let left_marked = twin.is_some_and(|twin| known.departed.as_ref() == Some(&twin.uid));
    if stored.is_deleted && stored.awaits.rest_alone {
        return Decision::Nothing;
    }
    let is_refused = base.is_some_and(|base| is_refused(base, stored));
    if left_marked || stored.is_deleted && (twin.is_some() || is_refused) {
        return Decision::RemoveStored;
    }
    if is_refused {
        return Decision::Nothing;
    }
    Decision::Publish { is_restored: twin.is_some() }
}

fn without_stored(base: Option<&Base>, object: &Object) -> Decision {
    match (object.is_deleting, base) {
        (true, Some(_)) => Decision::Forget,
        (true, None) if object.held.by_mirror => Decision::Release,
        (true, None) => Decision::Nothing,
        (false, base) => Decision::Mirror {
            // Only what was mirrored once carries our finalizer or has a base.
            is_restored: object.held.by_mirror || base.is_some_and(|base| is_twin(base, object)),
        },
    }
}

fn with_both(base: Option<&Base>, stored: &Stored, object: &Object) -> Decision {
    let base = base.filter(|base| base.uid == stored.uid && is_twin(base, object));
    if base.is_none() && object.krake_uid != stored.uid {
        // Namesakes that never met. What is marked belongs to a life that is over.
        match (stored.is_deleted, object.is_deleting) {
            (true, _) => return Decision::RemoveStored,
            (false, true) if object.held.by_mirror => return Decision::Release,
            (false, true) => return Decision::Nothing,
            (false, false) => {}
        }
    }
    let only_we_hold_it = object.held == Held { by_mirror: true, by_krake: false, by_others: false };
    match (stored.is_deleted, object.is_deleting) {
        (true, false) if stored.awaits.cascade && !object.prepared.to_wait => Decision::Guard,
        (true, false) if stored.awaits.anything => Decision::DeleteObject,
        (true, true) if only_we_hold_it && !stored.awaits.rest_alone => Decision::RemoveStored,
        _ => {
            let merge = merge(base, stored, object);
            if merge.is_empty() { Decision::Nothing } else { Decision::Merge(merge) }
        }
    }
}

fn is_twin(base: &Base, object: &Object) -> bool {
    base.object.as_ref().is_some_and(|twin| twin.uid == object.uid)
}

fn is_refused(base: &Base, stored: &Stored) -> bool {
    base.refused.as_ref().is_some_and(|refused| *refused == wish(&stored.fields))
}

/// One digest of all that a publish would ask for.
#[must_use]
pub fn wish(stored: &Fields) -> Digest {
    Digest::of_all(stored.iter().filter(|(field, _)| !field.is_status()))
}

fn merge(base: Option<&Base>, stored: &Stored, object: &Object) -> Merge {
    let steps = [
        (Step::MarkDeleted, object.is_deleting && !stored.is_deleted),
        (Step::AddFinalizer, !object.is_deleting && !object.held.by_mirror),
        (Step::AdoptUid, object.krake_uid != stored.uid),
        (Step::BeginBase, base.is_none()),
        (Step::KeepObjectOnly, base.is_some_and(|base| base.object_only != object.object_only)),
    ];
    let steps = steps.into_iter().filter_map(|(step, is_due)| is_due.then_some(step)).collect();
    let mut merge = Merge { steps, ..Merge::default() };
    let is_refused = base.is_some_and(|base| is_refused(base, stored));
    let is_deleting = stored.is_deleted || object.is_deleting;
    let settled = base.into_iter().flat_map(|base| base.fields.keys());
    let fields: BTreeSet<&Field> = stored.fields.keys().chain(object.fields.keys()).chain(settled).collect();
    for field in fields {
        let sight = Sight {
            field,
            base,
            is_as_published: object.is_as_published && object.krake_uid == stored.uid,
            was_deleted: stored.is_deleted,
            stored: stored.fields.get(field),
            object: object.fields.get(field),
        };
        let verdict = if object.unseen.contains(field) {
            sight.verdict_unseen()
        } else if object.lost.contains(field) {
            // A mark travels first: a namespace that goes takes the Secret along at once, and no new one.
            let may_return = sight.stored.is_some() && !merge.steps.contains(&Step::MarkDeleted);
            if may_return { Verdict::ToObject } else { Verdict::Leave }
        } else {
            sight.verdict()
        };
        let verdict = match verdict {
            // Kubernetes takes no new finalizers once deletion has begun.
            Verdict::ToObject if is_deleting && matches!(field, Field::Finalizer(_)) && sight.object.is_none() => {
                Verdict::Agree
            }
            Verdict::ToObject if is_refused && !field.is_status() => Verdict::Leave,
            other => other,
        };
        merge.record(field, verdict);
    }
    merge
}

impl Merge {
    fn record(&mut self, field: &Field, verdict: Verdict) {
        let list = match verdict {
            Verdict::Leave => return,
            Verdict::Agree => &mut self.agreed,
            Verdict::ToObject => &mut self.to_object,
            Verdict::ToStored => &mut self.to_stored,
            Verdict::Conflict => {
                self.conflicts.insert(field.clone());
                match WINNER {
                    Side::Object => &mut self.to_stored,
                    Side::Stored => &mut self.to_object,
                }
            }
        };
        list.insert(field.clone());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Leave,
    Agree,
    ToObject,
    ToStored,
    Conflict,
}

/// One field as seen from all sides.
struct Sight<'a> {
    field: &'a Field,
    base: Option<&'a Base>,
    /// Then what the object shows is what was stored before.
    is_as_published: bool,
    /// Whether it was deleted through REST, or its deletion is known there.
    was_deleted: bool,
    stored: Option<&'a Digest>,
    object: Option<&'a Digest>,
}

impl Sight<'_> {
    fn verdict(&self) -> Verdict {
        if self.is_let_go() {
            return Verdict::ToObject;
        }
        let Some(base) = self.base else { return self.without_base() };
        let nothing = Agreed::default();
        let agreed = base.fields.get(self.field).unwrap_or(&nothing);
        match (self.stored != agreed.stored.as_ref(), self.object != agreed.object.as_ref()) {
            (false, false) => Verdict::Leave,
            _ if self.stored == self.object => Verdict::Agree,
            (true, false) => Verdict::ToObject,
            (false, true) => Verdict::ToStored,
            // The status is the controllers' to write: they would only write it again.
            (true, true) if self.field.is_status() => Verdict::ToStored,
            (true, true) => Verdict::Conflict,
        }
    }

    /// Every deletion through REST begins with the garbage collector's finalizer. Where it is missing afterwards, a garbage
    /// collector that speaks REST has taken it off, maybe before we noted that we had put it on the object.
    fn is_let_go(&self) -> bool {
        let is_guard = matches!(self.field, Field::Finalizer(name) if name == finalizer::CASCADE);
        is_guard && self.was_deleted && self.stored.is_none() && self.object.is_some()
    }

    /// What cannot be seen is left alone, unless the stored side has news: that replaces it.
    fn verdict_unseen(&self) -> Verdict {
        let agreed = self.base.map(|base| base.fields.get(self.field).and_then(|agreed| agreed.stored.as_ref()));
        let has_news = self.stored.is_some() && agreed.is_some_and(|agreed| agreed != self.stored);
        if has_news { Verdict::ToObject } else { Verdict::Leave }
    }

    fn without_base(&self) -> Verdict {
        match (self.stored, self.object) {
            (stored, object) if stored == object => Verdict::Agree,
            // A status that only one side has is news from that side.
            (Some(_), None) if self.field.is_status() => Verdict::ToObject,
            _ if self.field.is_status() => Verdict::ToStored,
            // A client of REST was faster than our note of what we had published. Kubernetes does not count changes of
            // finalizers, so that those may be news.
            _ if self.is_as_published && self.field.is_wish() => Verdict::ToObject,
            (Some(_), None) if self.is_as_published => Verdict::ToObject,
            (None, _) => Verdict::ToStored,
            _ => Verdict::Conflict,
        }
    }
}

#[cfg(test)]
mod tests;
