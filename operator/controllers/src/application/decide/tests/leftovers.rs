//! Copies that outlived what they were made for: a cluster that answered, an application, a move.

use super::*;

#[test]
fn a_silent_copy_neither_takes_over_nor_replaces_nor_goes_for_being_idle() {
    let silent = |names: [&str; 1]| names.map(place).into_iter().collect::<BTreeSet<_>>();
    let both = || [copy_on("a", Ready), copy_on("b", Ready)];
    let taking_over = Observed { silent: silent(["b"]), ..observed(scheduled("b", "a"), both()) };
    expect(&taking_over, &[], "a", None);
    let replacing = Observed { silent: silent(["b"]), ..observed(scheduled("b", "b"), both()) };
    expect(&replacing, &[], "b", None);
    expect(&observed(scheduled("b", "b"), [copy_on("a", Ready), unreachable(copy_on("b", Ready))]), &[], "b", None);
    let idle = || [copy_on("a", Applied), copy_on("b", Degraded)];
    let going = Observed { silent: silent(["a"]), ..observed(scheduled("b", "b"), idle()) };
    expect(&going, &[], "b", None);
    expect(&observed(scheduled("b", "b"), idle()), &["remove a"], "b", None);
}

#[test]
fn a_lost_cluster_that_returns_keeps_its_copy_until_the_new_one_serves() {
    let returned = |to, new| observed(scheduled(to, "a"), [copy_on("a", Ready), copy_on("b", new)]);
    expect(&returned("b", Applied), &[], "a", None);
    expect(&returned("b", Ready), &[], "b", None);
    expect(&returned("a", Applied), &["remove b"], "a", None);
    // After the switch, too, it is used again if the new copy fails and the scheduler says so.
    let switched = |to, serving| observed(scheduled(to, serving), [copy_on("a", Ready), copy_on("b", Degraded)]);
    expect(&switched("b", "b"), &[], "b", None);
    expect(&switched("a", "b"), &[], "a", None);
    expect(&switched("a", "a"), &["remove b"], "a", None);
}

#[test]
fn when_the_copy_goes_that_is_said_to_serve_another_one_that_can_is_said_to() {
    // The choice came back to b in the moment in which the copy there was marked.
    let marked = [copy_on("a", Ready), leaving(copy_on("b", Ready))];
    expect(&observed(scheduled("b", "b"), marked), &[], "a", Some(HeldUp::EarlierCopy));
    expect(&observed(scheduled("b", "b"), [copy_on("a", Ready)]), &["make b"], "a", None);
    // It replaces others only when status says so.
    let three = || [copy_on("a", Ready), leaving(copy_on("b", Ready)), copy_on("c", Ready)];
    expect(&observed(scheduled("a", "b"), three()), &[], "a", None);
    expect(&observed(scheduled("a", "a"), three()), &["remove c"], "a", None);
}

#[test]
fn recreate_waits_for_a_cluster_that_does_not_answer() {
    let mut recreate = scheduled("b", "a");
    recreate.spec.migration_strategy = MigrationStrategy::Recreate;
    let silent = BTreeSet::from([place("a")]);
    let lost = |old| Observed { silent: silent.clone(), ..observed(recreate.clone(), [old]) };
    expect(&lost(unreachable(copy_on("a", Ready))), &["remove a"], "a", Some(HeldUp::OtherCopies));
    expect(&lost(leaving(unreachable(copy_on("a", Ready)))), &[], "a", Some(HeldUp::OtherCopies));
}

#[test]
fn what_a_lost_namesake_has_left_is_taken_over_as_it_is() {
    let foreign = || left_behind(outdated(copy_on("a", Ready)));
    let restored = observed(scheduled("a", "a"), [foreign()]);
    expect(&restored, &["change a"], "a", None);
    let plan = decide(&restored, now());
    let Step::Place { spec, over: Some(over) } = &plan.steps[0] else { panic!("{plan:?}") };
    assert_eq!((&**spec, &**over), (&foreign().spec, &foreign()));
    let mut unguarded = scheduled("b", "");
    unguarded.metadata.finalizers = None;
    expect(&observed(unguarded, [foreign()]), &["guard", "change a"], "", None);
    expect(&observed(application(), [foreign()]), &["change a"], "", Some(HeldUp::NotScheduled));
    expect(&observed(deleted(scheduled("a", "a")), [foreign()]), &["change a"], "a", None);
    let mut unguarded = deleted(scheduled("a", "a"));
    unguarded.metadata.finalizers = None;
    expect(&observed(unguarded, [foreign()]), &[], "a", None);
}

#[test]
fn a_copy_that_belongs_to_the_application_in_kubernetes_sense_is_freed() {
    let mut owned = copy_on("a", Ready);
    owned.metadata.owner_references = Some(vec![
        serde_json::from_value(serde_json::json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": "shop-uid",
        }))
        .unwrap(),
    ]);
    expect(&observed(scheduled("a", "a"), [owned]), &["change a"], "a", None);
    let freed = desired::object(&application(), &copy_on("a", Ready).spec, Some(&copy_on("a", Ready)));
    assert_eq!(freed.pointer("/metadata/ownerReferences"), None);
    assert_eq!(freed.pointer("/metadata/uid"), Some(&serde_json::json!("a-uid")));
}

#[test]
fn a_namesakes_copy_on_its_way_out_is_waited_for_and_never_touched() {
    let strange = |cluster| {
        let strangers = copies([leaving(left_behind(copy_on(cluster, Ready)))]);
        Observed { strangers, ..observed(scheduled("a", ""), []) }
    };
    expect(&strange("a"), &[], "", Some(HeldUp::EarlierCopy));
    expect(&strange("b"), &["make a"], "", None);
    let mut recreate = strange("b");
    let mut application = scheduled("a", "");
    application.spec.migration_strategy = MigrationStrategy::Recreate;
    recreate.application = Arc::new(application);
    expect(&recreate, &[], "", Some(HeldUp::OtherCopies));
}

#[test]
fn a_deleted_application_goes_after_its_last_copy() {
    let both = observed(deleted(scheduled("b", "a")), [copy_on("a", Ready), leaving(copy_on("b", New))]);
    expect(&both, &["remove a"], "a", None);
    expect(&observed(deleted(scheduled("b", "a")), [leaving(copy_on("a", Ready))]), &[], "a", None);
    expect(&observed(deleted(scheduled("b", "a")), []), &["release"], "", None);
    let mut released = deleted(scheduled("a", ""));
    released.metadata.finalizers = Some(vec![finalizer::MIRROR.into()]);
    expect(&observed(released, []), &[], "", None);
}

#[test]
fn a_forced_deletion_waits_for_nothing_but_the_marks() {
    let forced = |value: &str| {
        let mut application = deleted(scheduled("b", "a"));
        application.annotations_mut().insert(finalizer::FORCED.into(), value.into());
        application
    };
    let copies = || [copy_on("a", Ready), leaving(copy_on("b", New))];
    expect(&observed(forced("true"), copies()), &["remove a", "release"], "a", None);
    expect(&observed(forced("true"), [leaving(copy_on("a", Ready))]), &["release"], "a", None);
    expect(&observed(forced("false"), copies()), &["remove a"], "a", None);
    let mut living = forced("true");
    living.metadata.deletion_timestamp = None;
    expect(&observed(living, [copy_on("a", Ready)]), &["make b"], "a", None);
}

#[test]
fn a_finalizer_that_was_taken_off_is_put_back_before_anything_else() {
    let bare = |mut application: Application| {
        application.metadata.finalizers = None;
        application
    };
    expect(&observed(bare(scheduled("a", "a")), [copy_on("a", Ready)]), &["guard"], "a", None);
    let moved = [copy_on("a", Ready), copy_on("b", Ready)];
    expect(&observed(bare(scheduled("b", "b")), moved), &["guard", "remove a"], "b", None);
    expect(&observed(bare(application()), [copy_on("a", Ready)]), &["guard"], "a", Some(HeldUp::NotScheduled));
    expect(&observed(bare(application()), []), &[], "", Some(HeldUp::NotScheduled));
    expect(&observed(bare(deleted(scheduled("a", "a"))), [copy_on("a", Ready)]), &["remove a"], "a", None);
}

#[test]
fn a_copy_that_was_marked_as_moved_away_and_is_wanted_again_loses_the_mark() {
    let mut wanted = copy_on("a", Ready);
    wanted.annotations_mut().insert(moved_away::MOVED_AWAY.into(), "true".into());
    expect(&observed(scheduled("a", "a"), [wanted]), &["change a"], "a", None);
}

#[test]
fn copies_learn_the_policy_before_they_are_marked() {
    let mut orphaning = deleted(scheduled("a", "a"));
    orphaning.spec.deletion_policy = DeletionPolicy::Orphan;
    let told = observed(orphaning.clone(), [copy_on("a", Ready)]);
    expect(&told, &["change a", "remove a"], "a", None);
    let plan = decide(&told, now());
    let Step::Place { spec, .. } = &plan.steps[0] else { panic!("{plan:?}") };
    assert_eq!(spec.deletion_policy, DeletionPolicy::Orphan);
    let mut knowing = copy_on("a", Ready);
    knowing.spec.deletion_policy = DeletionPolicy::Orphan;
    expect(&observed(orphaning, [knowing]), &["remove a"], "a", None);
}
