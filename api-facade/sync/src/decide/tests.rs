use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::Twin;

fn digest(value: u8) -> Digest {
    Digest::of(&json!(value))
}

fn spec(name: &str) -> Field {
    Field::Spec(name.into())
}

fn fields(values: &[(&str, u8)]) -> Fields {
    values.iter().map(|(name, value)| (name.parse().unwrap(), digest(*value))).collect()
}

fn stored(values: &[(&str, u8)]) -> Stored {
    Stored { uid: "krake".into(), is_deleted: false, awaits: Awaits::default(), fields: fields(values) }
}

fn object(values: &[(&str, u8)]) -> Object {
    Object {
        uid: "kubernetes".into(),
        krake_uid: "krake".into(),
        is_deleting: false,
        held: Held { by_mirror: true, ..Held::default() },
        prepared: Prepared::default(),
        is_as_published: false,
        fields: fields(values),
        object_only: Map::new(),
        lost: BTreeSet::new(),
        unseen: BTreeSet::new(),
    }
}

fn base(values: &[(&str, u8)]) -> Base {
    let object = Some(Twin { namespace: Some("team".into()), name: "shop".into(), uid: "kubernetes".into() });
    let mut base = Base { object, uid: "krake".into(), refused: None, ..Base::default() };
    for (field, digest) in fields(values) {
        base.settle(&field, Some(&digest), Some(&digest));
    }
    base
}

fn known(base: Option<Base>, stored: Option<Stored>, object: Option<Object>) -> Known {
    Known { base, stored, object, ..Known::default() }
}

/// As a DELETE through REST leaves it.
fn deleted(stored: Stored) -> Stored {
    Stored { is_deleted: true, awaits: Awaits { anything: true, rest_alone: false, cascade: true }, ..stored }
}

fn guarded(object: Object) -> Object {
    Object { prepared: Prepared { to_wait: true, ..object.prepared }, ..object }
}

fn deleting(object: Object) -> Object {
    Object { is_deleting: true, ..object }
}

fn tombstone(uid: &str) -> Tombstone {
    Tombstone { uids: [uid.into()].into(), ..Tombstone::default() }
}

fn by_force(tombstone: Tombstone) -> Tombstone {
    Tombstone { forced: tombstone.uids.clone(), ..tombstone }
}

fn set(names: &[&str]) -> BTreeSet<Field> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn the_table() {
    let (s, o, b) =
        (|| Some(stored(&[("spec.a", 1)])), || Some(object(&[("spec.a", 1)])), || Some(base(&[("spec.a", 1)])));
    let unheld = || Some(Object { held: Held::default(), ..object(&[("spec.a", 1)]) });
    let rows = [
        ("nothing anywhere", known(None, None, None), Decision::Nothing),
        ("new from REST", known(None, s(), None), Decision::Publish { is_restored: false }),
        ("new from Kubernetes", known(None, None, unheld()), Decision::Mirror { is_restored: false }),
        ("the object was lost", known(b(), s(), None), Decision::Publish { is_restored: true }),
        ("the stored object was lost", known(b(), None, o()), Decision::Mirror { is_restored: true }),
        ("etcd was wiped", known(None, None, o()), Decision::Mirror { is_restored: true }),
        ("both gone", known(b(), None, None), Decision::Forget),
        ("quiet", known(b(), s(), o()), Decision::Nothing),
        ("marked in REST", known(b(), Some(deleted(stored(&[]))), o()), Decision::Guard),
        (
            "marked in REST, guarded",
            known(b(), Some(deleted(stored(&[]))), Some(guarded(object(&[])))),
            Decision::DeleteObject,
        ),
        (
            "marked in REST, never published",
            known(None, Some(deleted(stored(&[]))), None),
            Decision::Publish { is_restored: false },
        ),
        ("marked in REST, object gone", known(b(), Some(deleted(stored(&[]))), None), Decision::RemoveStored),
        (
            "marked in both, cleaned up",
            known(b(), Some(deleted(stored(&[]))), Some(deleting(object(&[])))),
            Decision::RemoveStored,
        ),
        ("stored removed, still held by us", known(None, None, Some(deleting(object(&[])))), Decision::Release),
        ("marked, stored lost", known(b(), None, Some(deleting(object(&[])))), Decision::Forget),
        ("never mirrored and leaving", known(None, None, Some(deleting(unheld().unwrap()))), Decision::Nothing),
    ];
    for (row, known, decision) in rows {
        assert_eq!(decide(&known), decision, "{row}");
    }
}

#[test]
fn a_deletion_in_kubernetes_first_marks_the_stored_object() {
    let known = known(Some(base(&[])), Some(stored(&[])), Some(deleting(object(&[]))));
    assert_eq!(
        decide(&known),
        Decision::Merge(Merge { steps: BTreeSet::from([Step::MarkDeleted]), ..Merge::default() })
    );
}

#[test]
fn a_marked_object_waits_for_the_controllers_that_hold_it() {
    let held = Object { held: Held { by_mirror: true, by_krake: true, by_others: false }, ..object(&[]) };
    assert_eq!(decide(&known(Some(base(&[])), Some(deleted(stored(&[]))), Some(deleting(held)))), Decision::Nothing);
}

#[test]
fn a_predecessor_that_was_seen_to_leave_does_not_take_its_successor_along() {
    let successor = Some(Stored { uid: "successor".into(), ..stored(&[]) });
    let gone = Known { departed: Some("kubernetes".into()), ..known(Some(base(&[])), successor, None) };
    assert_eq!(decide(&gone), Decision::Publish { is_restored: false });
}

#[test]
fn finalizers_that_came_before_our_note_of_a_publish_stay() {
    let held = Object { is_as_published: true, ..object(&[("finalizer:example.com/held", 1)]) };
    let Decision::Merge(merge) = decide(&known(None, Some(stored(&[])), Some(held))) else { panic!("no merge") };
    assert_eq!((merge.to_stored, merge.to_object), (set(&["finalizer:example.com/held"]), set(&[])));
}

#[test]
fn a_client_that_is_faster_than_our_note_of_a_publish_loses_nothing() {
    let newer = Some(stored(&[("spec.a", 2), ("label:b", 1)]));
    let published = |generation_is_first| Object {
        is_as_published: generation_is_first,
        ..object(&[("spec.a", 1), ("spec.c", 1), ("status.state", 1)])
    };
    let Decision::Merge(merge) = decide(&known(None, newer.clone(), Some(published(true)))) else { panic!("no merge") };
    assert_eq!(merge.to_object, set(&["spec.a", "spec.c", "label:b"]));
    assert_eq!((merge.to_stored, merge.conflicts), (set(&["status.state"]), set(&[])));
    let Decision::Merge(merge) = decide(&known(None, newer, Some(published(false)))) else { panic!("no merge") };
    assert_eq!(merge.conflicts, set(&["spec.a", "label:b"]));
}

#[test]
fn a_tombstone_waits_for_a_publish_that_may_still_arrive() {
    let removed = |is_fresh, stored| Known {
        tombstone: Some(Tombstone { is_fresh, ..tombstone("krake") }),
        ..known(None, stored, None)
    };
    assert_eq!(decide(&removed(true, None)), Decision::Nothing);
    assert_eq!(decide(&removed(false, None)), Decision::Forget);
    let late = Known { object: Some(object(&[])), ..removed(true, None) };
    assert_eq!(decide(&late), Decision::DeleteObject);
    let going = Known { object: Some(deleting(object(&[]))), ..removed(true, None) };
    assert_eq!(decide(&going), Decision::ReleaseAll);
}

#[test]
fn a_tombstone_leaves_the_successor_alone_and_still_takes_a_predecessor_that_arrives_late() {
    let successor = || Some(Stored { uid: "successor".into(), ..stored(&[("spec.a", 2)]) });
    let fresh = Some(Tombstone { is_fresh: true, ..tombstone("krake") });
    let unpublished = Known { tombstone: fresh.clone(), ..known(None, successor(), None) };
    assert_eq!(decide(&unpublished), Decision::Publish { is_restored: false });
    let late = Known { tombstone: fresh.clone(), ..known(None, successor(), Some(object(&[("spec.a", 1)]))) };
    assert_eq!(decide(&late), Decision::DeleteObject);
    let own = Object { krake_uid: "successor".into(), is_as_published: true, ..object(&[("spec.a", 1)]) };
    let published = Known { tombstone: fresh, ..known(None, successor(), Some(own)) };
    assert!(matches!(decide(&published), Decision::Merge(_)));
}

#[test]
fn a_marked_object_that_nothing_holds_waits_for_a_controller() {
    let done = Stored { is_deleted: true, ..stored(&[]) };
    assert_eq!(decide(&known(Some(base(&[])), Some(done.clone()), Some(object(&[])))), Decision::Nothing);
    let held = Stored { awaits: Awaits { anything: true, ..Awaits::default() }, ..done };
    assert_eq!(decide(&known(Some(base(&[])), Some(held), Some(object(&[])))), Decision::DeleteObject);
}

#[test]
fn a_marked_object_that_kubernetes_refuses_is_not_published_again() {
    let marked = deleted(stored(&[("spec.a", 1)]));
    let refused = Base { object: None, refused: Some(wish(&marked.fields)), ..base(&[]) };
    assert_eq!(decide(&known(Some(refused), Some(marked), None)), Decision::RemoveStored);
}

#[test]
fn a_collector_that_is_faster_than_our_note_of_the_guard_is_obeyed() {
    const GUARD: &str = "finalizer:krake.dev/cascade-deletion";
    let taken_off = Stored {
        is_deleted: true,
        awaits: Awaits { anything: true, rest_alone: false, cascade: false },
        ..stored(&[("finalizer:krake.dev/kubernetes-resources-deletion", 1)])
    };
    let fields = [("finalizer:krake.dev/kubernetes-resources-deletion", 1), (GUARD, 1)];
    let held = Object { held: Held { by_mirror: true, by_krake: true, by_others: false }, ..deleting(object(&fields)) };
    let noted = base(&[("finalizer:krake.dev/kubernetes-resources-deletion", 1)]);
    let Decision::Merge(merge) = decide(&known(Some(noted), Some(taken_off), Some(held))) else { panic!("no merge") };
    assert_eq!((merge.to_object, merge.to_stored), (set(&[GUARD]), set(&[])));
}

#[test]
fn finalizers_that_only_rest_knows_keep_the_stored_object() {
    let kept = Stored { awaits: Awaits { anything: true, rest_alone: true, cascade: false }, ..stored(&[]) };
    let deleted = |kept| Stored { is_deleted: true, ..kept };
    assert_eq!(
        decide(&known(Some(base(&[])), Some(deleted(kept.clone())), Some(deleting(object(&[]))))),
        Decision::Nothing
    );
    assert_eq!(decide(&known(Some(base(&[])), Some(deleted(kept)), None)), Decision::Nothing);
}

#[test]
fn an_object_seen_to_leave_while_marked_takes_the_stored_one_along() {
    let gone = known(Some(base(&[])), Some(stored(&[])), None);
    let departed = |uid: &str| Known { departed: Some(uid.into()), ..gone.clone() };
    assert_eq!(decide(&departed("kubernetes")), Decision::RemoveStored);
    assert_eq!(decide(&departed("another")), Decision::Publish { is_restored: true });
}

#[test]
fn a_tombstone_deletes_what_it_names_and_nothing_else() {
    let removed = |uid: &str, object| Known { tombstone: Some(tombstone(uid)), ..known(None, None, object) };
    let held = || Object { held: Held { by_mirror: true, by_krake: true, by_others: false }, ..object(&[]) };
    let by_others = || Object { held: Held { by_mirror: false, by_krake: false, by_others: true }, ..object(&[]) };
    assert_eq!(decide(&removed("krake", Some(held()))), Decision::DeleteObject);
    assert_eq!(decide(&removed("krake", Some(deleting(held())))), Decision::ReleaseAll);
    assert_eq!(decide(&removed("krake", Some(deleting(by_others())))), Decision::Forget);
    assert_eq!(decide(&removed("krake", None)), Decision::Forget);
    assert_eq!(decide(&removed("somebody else", Some(held()))), Decision::Forget);
}

#[test]
fn what_is_removed_by_force_is_let_go_by_all_but_its_copies_and_then_left_to_them() {
    let forced = |is_fresh, object| Known {
        tombstone: Some(Tombstone { is_fresh, ..by_force(tombstone("krake")) }),
        ..known(Some(base(&[])), None, Some(object))
    };
    let held = || Object { held: Held { by_mirror: true, by_krake: true, by_others: false }, ..object(&[]) };
    let by_copies = || Object {
        held: Held { by_mirror: false, by_krake: true, by_others: false },
        prepared: Prepared { to_go: true, ..Prepared::default() },
        ..deleting(object(&[]))
    };
    for (row, known, decision) in [
        ("alive", forced(true, held()), Decision::LetGo),
        ("alive and let go", forced(true, Object { is_deleting: false, ..by_copies() }), Decision::DeleteObject),
        ("leaving", forced(true, deleting(held())), Decision::LetGo),
        ("let go", forced(true, by_copies()), Decision::Nothing),
        ("let go long ago", forced(false, by_copies()), Decision::Forget),
        ("forgotten", known(None, None, Some(by_copies())), Decision::Nothing),
        ("no base any more", Known { base: None, ..forced(true, deleting(held())) }, Decision::LetGo),
    ] {
        assert_eq!(decide(&known), decision, "{row}");
    }
}

#[test]
fn the_successor_of_what_was_removed_by_force_waits_until_its_copies_are_marked() {
    let successor = || Some(Stored { uid: "successor".into(), ..stored(&[]) });
    let held = Held { by_mirror: false, by_krake: true, by_others: false };
    let prepared = Prepared { to_go: true, ..Prepared::default() };
    let predecessor = Object { held, prepared, ..deleting(object(&[])) };
    for tombstone in [Some(Tombstone { is_fresh: true, ..by_force(tombstone("krake")) }), None] {
        let before = Known { tombstone, ..known(Some(base(&[])), successor(), Some(predecessor.clone())) };
        assert_eq!(decide(&before), Decision::Nothing);
        let gone = Known { object: None, departed: Some("kubernetes".into()), ..before };
        assert_eq!(decide(&gone), Decision::Publish { is_restored: false });
    }
}

#[test]
fn a_name_taken_again_waits_until_its_predecessor_is_gone() {
    let newcomer = Stored { uid: "newcomer".into(), ..stored(&[]) };
    let held = Object { held: Held { by_mirror: false, by_krake: true, by_others: false }, ..object(&[]) };
    assert_eq!(decide(&known(None, Some(newcomer.clone()), Some(deleting(held)))), Decision::Nothing);
    assert_eq!(decide(&known(None, Some(newcomer), None)), Decision::Publish { is_restored: false });
}

#[test]
fn a_deletion_meant_for_a_predecessor_spares_the_namesake() {
    let namesake = Object { uid: "later".into(), krake_uid: "later".into(), ..object(&[]) };
    assert_eq!(decide(&known(Some(base(&[])), Some(deleted(stored(&[]))), Some(namesake))), Decision::RemoveStored);
}

#[test]
fn each_field_goes_where_it_did_not_change() {
    let before = [("spec.a", 0), ("spec.b", 0), ("spec.c", 0), ("spec.d", 0), ("label:e", 0)];
    let here = [("spec.a", 1), ("spec.b", 0), ("spec.c", 1), ("spec.d", 1)];
    let there = [("spec.a", 0), ("spec.b", 2), ("spec.c", 2), ("spec.d", 1), ("label:e", 0)];
    let decision = decide(&known(Some(base(&before)), Some(stored(&here)), Some(object(&there))));
    let expected = Merge {
        to_object: set(&["spec.a", "label:e"]),
        to_stored: set(&["spec.b", "spec.c"]),
        agreed: set(&["spec.d"]),
        conflicts: set(&["spec.c"]),
        ..Merge::default()
    };
    assert_eq!(decision, Decision::Merge(expected));
}

#[test]
fn what_kubernetes_refused_is_not_asked_again_until_it_changes() {
    let wished = stored(&[("spec.a", 1), ("status.state", 1)]);
    let refused = Base { object: None, refused: Some(wish(&wished.fields)), ..base(&[]) };
    assert_eq!(decide(&known(Some(refused.clone()), Some(wished), None)), Decision::Nothing);
    let changed = stored(&[("spec.a", 2)]);
    assert_eq!(decide(&known(Some(refused), Some(changed), None)), Decision::Publish { is_restored: false });
}

#[test]
fn an_unseen_secret_is_left_alone_and_a_lost_one_written_again() {
    let before = Some(base(&[("secret", 1)]));
    let unseen = Object { unseen: set(&["secret"]), ..object(&[]) };
    assert_eq!(decide(&known(before.clone(), Some(stored(&[("secret", 1)])), Some(unseen))), Decision::Nothing);
    let unseen = Object { unseen: set(&["secret"]), ..object(&[]) };
    let decision = decide(&known(before.clone(), Some(stored(&[("secret", 2)])), Some(unseen)));
    assert_eq!(decision, Decision::Merge(Merge { to_object: set(&["secret"]), ..Merge::default() }));
    let lost = Object { lost: set(&["secret"]), ..object(&[]) };
    let decision = decide(&known(before, Some(stored(&[("secret", 1)])), Some(lost)));
    assert_eq!(decision, Decision::Merge(Merge { to_object: set(&["secret"]), ..Merge::default() }));
}

#[test]
fn a_mark_is_not_held_up_by_a_lost_secret() {
    let (before, here) = (Some(base(&[("secret", 1)])), Some(stored(&[("secret", 1)])));
    let lost = deleting(Object { lost: set(&["secret"]), ..object(&[]) });
    let decision = decide(&known(before, here, Some(lost)));
    assert_eq!(decision, Decision::Merge(Merge { steps: BTreeSet::from([Step::MarkDeleted]), ..Merge::default() }));
}

#[test]
fn what_rest_does_not_know_is_recorded_once() {
    let object = Object { object_only: member("Recreate"), ..object(&[]) };
    let world = known(Some(base(&[])), Some(stored(&[])), Some(object));
    let decision = decide(&world);
    let steps = BTreeSet::from([Step::KeepObjectOnly]);
    assert_eq!(decision, Decision::Merge(Merge { steps, ..Merge::default() }));
    let after = carry_out(&world, &decision);
    assert_eq!(after.base.as_ref().unwrap().object_only, member("Recreate"));
    assert_eq!(decide(&after), Decision::Nothing);
}

fn member(value: &str) -> Map<String, Value> {
    Map::from_iter([("migrationStrategy".to_owned(), value.into())])
}

#[test]
fn no_finalizer_is_added_to_an_object_that_is_leaving() {
    let held = Object { held: Held { by_mirror: true, by_krake: true, by_others: false }, ..object(&[]) };
    let marked = Some(deleted(stored(&[("finalizer:krake.dev/cascade-deletion", 1)])));
    let decision = decide(&known(Some(base(&[])), marked, Some(deleting(held))));
    let settled = set(&["finalizer:krake.dev/cascade-deletion"]);
    assert_eq!(decision, Decision::Merge(Merge { agreed: settled, ..Merge::default() }));
}

/// Carries out a decision on a world that stores what it is told, one write per side.
fn carry_out(known: &Known, decision: &Decision) -> Known {
    let mut next = known.clone();
    match decision {
        Decision::Nothing => {}
        Decision::Publish { .. } => {
            let source = known.stored.clone().unwrap();
            let wished = source.fields.into_iter().filter(|(field, _)| !field.is_status()).collect();
            let mut published =
                Object { uid: "published".into(), krake_uid: source.uid, fields: wished, ..object(&[]) };
            (published.prepared.to_wait, published.held.by_krake) = (source.awaits.cascade, source.awaits.cascade);
            next.object = Some(published);
            next.base = Some(agree(&next, |field| !field.is_status(), None));
        }
        Decision::Mirror { .. } => {
            let source = next.object.as_mut().unwrap();
            source.held.by_mirror = true;
            let fields = source.fields.clone();
            next.stored = Some(Stored { uid: source.krake_uid.clone(), fields, ..stored(&[]) });
            next.base = Some(agree(&next, |_| true, None));
        }
        Decision::Merge(merge) => apply(&mut next, merge),
        Decision::Guard => {
            let object = next.object.as_mut().unwrap();
            (object.prepared.to_wait, object.held.by_krake) = (true, true);
        }
        Decision::DeleteObject => next.object.as_mut().unwrap().is_deleting = true,
        Decision::RemoveStored => (next.stored, next.base) = (None, None),
        Decision::Release => next.object.as_mut().unwrap().held.by_mirror = false,
        Decision::ReleaseAll => {
            let held = &mut next.object.as_mut().unwrap().held;
            (held.by_mirror, held.by_krake) = (false, false);
        }
        Decision::LetGo => {
            let object = next.object.as_mut().unwrap();
            (object.held.by_mirror, object.prepared.to_go) = (false, true);
        }
        Decision::Forget => {
            next.tombstone = None;
            next.base = next.base.filter(|_| next.stored.is_some() && next.object.is_some());
        }
    }
    if next.object.as_ref().is_some_and(|object| object.is_deleting && object.held == Held::default()) {
        next.object = None;
    }
    next
}

fn apply(world: &mut Known, merge: &Merge) {
    let (Some(stored), Some(object)) = (&mut world.stored, &mut world.object) else { panic!("both are there") };
    let copy = |from: &Fields, to: &mut Fields, fields: &BTreeSet<Field>| {
        for field in fields {
            match from.get(field) {
                Some(digest) => drop(to.insert(field.clone(), digest.clone())),
                None => drop(to.remove(field)),
            }
        }
    };
    copy(&stored.fields, &mut object.fields, &merge.to_object);
    copy(&object.fields, &mut stored.fields, &merge.to_stored);
    stored.is_deleted |= merge.steps.contains(&Step::MarkDeleted);
    object.held.by_mirror |= merge.steps.contains(&Step::AddFinalizer);
    if merge.steps.contains(&Step::AdoptUid) {
        object.krake_uid.clone_from(&stored.uid);
    }
    let settled = |field: &Field| [&merge.to_object, &merge.to_stored, &merge.agreed].iter().any(|s| s.contains(field));
    let before = world.base.take().filter(|_| !merge.steps.contains(&Step::BeginBase));
    world.base = Some(agree(world, settled, before));
}

fn agree(world: &Known, settled: impl Fn(&Field) -> bool, before: Option<Base>) -> Base {
    let (stored, object) = (world.stored.as_ref().unwrap(), world.object.as_ref().unwrap());
    let mut base = before.unwrap_or_default();
    base.object = Some(Twin { namespace: None, name: "shop".into(), uid: object.uid.clone() });
    base.uid.clone_from(&stored.uid);
    base.object_only.clone_from(&object.object_only);
    let all: BTreeSet<Field> =
        stored.fields.keys().chain(object.fields.keys()).chain(base.fields.keys()).cloned().collect();
    for field in all.iter().filter(|field| settled(field)) {
        base.settle(field, stored.fields.get(field), object.fields.get(field));
    }
    base
}

/// Decides and carries out until nothing is left to do; controllers let go of what is marked.
fn settle(mut world: Known) -> Known {
    for _ in 0..12 {
        let decision = decide(&world);
        if decision != Decision::Nothing {
            world = carry_out(&world, &decision);
        } else if let Some(object) =
            world.object.as_mut().filter(|o| o.is_deleting && (o.held.by_krake || o.held.by_others))
        {
            (object.held.by_krake, object.held.by_others) = (false, false);
            world = carry_out(&world, &Decision::Nothing);
        } else {
            return world;
        }
    }
    panic!("it never comes to rest: {world:?}");
}

fn any_fields() -> impl Strategy<Value = Fields> {
    let name = prop_oneof![
        Just("spec.a"),
        Just("label:b"),
        Just("owners"),
        Just("secret"),
        Just("status.state"),
        Just("status.x")
    ];
    proptest::collection::btree_map(name.prop_map(|name| name.parse().unwrap()), (0..3_u8).prop_map(digest), 0..6)
}

fn any_base() -> impl Strategy<Value = Option<Base>> {
    let uid = || prop_oneof![4 => Just("kubernetes"), 1 => Just("earlier")];
    let krake = || prop_oneof![4 => Just("krake"), 1 => Just("earlier")];
    proptest::option::of((any_fields(), any_fields(), uid(), krake()).prop_map(|(one, other, uid, krake)| {
        let mut base = Base { uid: krake.into(), ..base(&[]) };
        base.object.as_mut().unwrap().uid = uid.into();
        for field in one.keys().chain(other.keys()) {
            base.settle(field, one.get(field), other.get(field));
        }
        base
    }))
}

fn any_world() -> impl Strategy<Value = Known> {
    let stored = (any_fields(), any::<bool>()).prop_map(|(fields, is_deleted)| {
        let alive = Stored { fields, ..stored(&[]) };
        if is_deleted { deleted(alive) } else { alive }
    });
    let held = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(by_mirror, by_krake, by_others)| Held {
        by_mirror,
        by_krake,
        by_others,
    });
    let krake_uid = prop_oneof![3 => Just("krake"), 1 => Just("kubernetes")];
    let object_only = prop_oneof![Just(Map::new()), "Recreate|Other".prop_map(|value| member(&value))];
    let object = (any_fields(), any::<bool>(), held, krake_uid, object_only)
        .prop_filter("nothing keeps a marked object that nobody holds", |(_, is_deleting, held, ..)| {
            !is_deleting || *held != Held::default()
        })
        .prop_map(|(fields, is_deleting, held, krake_uid, object_only)| Object {
            fields,
            object_only,
            is_deleting,
            held,
            krake_uid: krake_uid.into(),
            ..object(&[])
        });
    let tombstone = (prop_oneof![Just("krake"), Just("earlier")], any::<bool>())
        .prop_map(|(uid, forced)| if forced { by_force(tombstone(uid)) } else { tombstone(uid) });
    let (stored, object) = (proptest::option::of(stored), proptest::option::of(object));
    (any_base(), stored, object, proptest::option::weighted(0.2, tombstone))
        .prop_map(|(base, stored, object, tombstone)| Known { base, stored, object, tombstone, departed: None })
}

proptest! {
    #[test]
    fn every_world_comes_to_rest_with_both_sides_the_same(world in any_world()) {
        let end = settle(world);
        prop_assert_eq!(decide(&end), Decision::Nothing);
        prop_assert_eq!(end.stored.is_some(), end.object.is_some());
        if let (Some(stored), Some(object)) = (&end.stored, &end.object) {
            prop_assert!(!stored.is_deleted && !object.is_deleting);
            prop_assert_eq!(&stored.uid, &object.krake_uid);
        } else {
            prop_assert_eq!(end.base, None);
        }
    }

    #[test]
    fn what_only_one_side_changed_reaches_the_other(before in any_fields(), here in any_fields(), there in any_fields()) {
        let values: Vec<_> = before.keys().chain(here.keys()).chain(there.keys()).cloned().collect();
        let mut agreed = base(&[]);
        for (field, digest) in &before {
            agreed.settle(field, Some(digest), Some(digest));
        }
        let world = known(
            Some(agreed),
            Some(Stored { fields: here.clone(), ..stored(&[]) }),
            Some(Object { fields: there.clone(), ..object(&[]) }),
        );
        let end = settle(world);
        let (stored, object) = (end.stored.unwrap().fields, end.object.unwrap().fields);
        prop_assert_eq!(&stored, &object);
        for field in &values {
            let (was, one, other) = (before.get(field), here.get(field), there.get(field));
            let expected = if other == was { one } else { other };
            prop_assert_eq!(stored.get(field), expected, "{}", field);
        }
    }

    #[test]
    fn nothing_without_a_mark_is_deleted(world in any_world()) {
        let marked = world.tombstone.is_some()
            || world.stored.as_ref().is_some_and(|stored| stored.is_deleted)
            || world.object.as_ref().is_some_and(|object| object.is_deleting);
        prop_assume!(!marked && (world.stored.is_some() || world.object.is_some()));
        let end = settle(world);
        prop_assert!(end.stored.is_some() && end.object.is_some());
    }

    #[test]
    fn being_killed_before_the_base_is_written_changes_nothing(world in any_world()) {
        let decision = decide(&world);
        let whole = carry_out(&world, &decision);
        let torn = Known { object: whole.object.clone(), ..world.clone() };
        let (whole, torn) = (settle(whole), settle(torn));
        prop_assert_eq!(whole.stored.map(|s| s.fields), torn.stored.map(|s| s.fields));
        prop_assert_eq!(whole.object.map(|o| o.fields), torn.object.map(|o| o.fields));
    }
}

#[test]
fn a_field_name_says_which_field_it_is() {
    assert_eq!("spec.a".parse(), Ok(spec("a")));
}
