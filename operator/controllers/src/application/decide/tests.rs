//! Applications at every point of their way, and the steps that follow.

mod giving_up;
mod leftovers;

use std::{collections::BTreeSet, time::Duration};

use krake_crds::kubernetes::application::DeletionPolicy;
use proptest::prelude::*;

use super::*;
use crate::application::example::{
    Progress::{self, Applied, Degraded, New, Ready},
    application, copies, copy_on, deleted, leaving, left_behind, outdated, place, scheduled, unreachable,
};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn observed<const N: usize>(application: Application, placements: [Placement; N]) -> Observed {
    Observed {
        application: Arc::new(application),
        placements: copies(placements),
        strangers: Vec::new(),
        silent: BTreeSet::new(),
        unwell: BTreeSet::new(),
        target: Target::Open,
        progress_deadline: Duration::from_mins(10),
    }
}

/// The steps as words, the serving cluster, and what holds things up.
fn told(observed: &Observed) -> (Vec<String>, String, Option<HeldUp>) {
    let plan = decide(observed, now());
    let word = |step: &Step| match step {
        Step::Guard => "guard".to_owned(),
        Step::Place { spec, over: None } => format!("make {}", spec.cluster.name),
        Step::Place { spec, over: Some(_) } => format!("change {}", spec.cluster.name),
        Step::Remove { placement, .. } => format!("remove {}", placement.spec.cluster.name),
        Step::Release => "release".to_owned(),
    };
    let serving = plan.serving.map(|serving| serving.name).unwrap_or_default();
    (plan.steps.iter().map(word).collect(), serving, plan.held_up)
}

fn expect(observed: &Observed, steps: &[&str], serving: &str, held_up: Option<HeldUp>) {
    let steps: Vec<_> = steps.iter().map(|step| (*step).to_owned()).collect();
    assert_eq!(told(observed), (steps, serving.to_owned(), held_up));
}

#[test]
fn an_application_without_a_place_waits_for_the_scheduler() {
    expect(&observed(application(), []), &[], "", Some(HeldUp::NotScheduled));
}

#[test]
fn the_first_copy_is_made_behind_the_finalizer_and_serves_once_it_has_settled() {
    let mut unguarded = scheduled("a", "");
    unguarded.metadata.finalizers = None;
    expect(&observed(unguarded, []), &["guard", "make a"], "", None);
    expect(&observed(scheduled("a", ""), []), &["make a"], "", None);
    expect(&observed(scheduled("a", ""), [copy_on("a", New)]), &[], "", None);
    expect(&observed(scheduled("a", ""), [copy_on("a", Applied)]), &[], "", None);
    expect(&observed(scheduled("a", ""), [copy_on("a", Ready)]), &[], "a", None);
    expect(&observed(scheduled("a", ""), [copy_on("a", Degraded)]), &[], "a", None);
    expect(&observed(scheduled("a", "a"), [copy_on("a", Ready)]), &[], "a", None);
}

#[test]
fn nothing_is_deployed_that_the_scheduler_has_not_approved() {
    let unapproved = |to, serving| {
        let mut application = scheduled(to, serving);
        application.metadata.generation = Some(3);
        application
    };
    expect(&observed(unapproved("a", ""), []), &[], "", Some(HeldUp::NotApproved));
    expect(&observed(unapproved("a", "a"), [copy_on("a", Ready)]), &[], "a", Some(HeldUp::NotApproved));
}

#[test]
fn a_new_generation_changes_the_copy_in_place() {
    expect(&observed(scheduled("a", "a"), [outdated(copy_on("a", Ready))]), &["change a"], "a", None);
}

#[test]
fn a_cluster_must_be_able_to_take_a_new_copy() {
    for target in [Target::Absent, Target::Leaving, Target::Unprotected] {
        let closed = Observed { target, ..observed(scheduled("a", ""), []) };
        expect(&closed, &[], "", Some(HeldUp::Target(target)));
        let there_already = Observed { target, ..observed(scheduled("a", "a"), [outdated(copy_on("a", Ready))]) };
        expect(&there_already, &["change a"], "a", None);
    }
}

#[test]
fn a_cluster_of_another_namespace_gets_nothing() {
    let foreign = |application, placements| Observed { target: Target::Foreign, ..observed(application, placements) };
    let held_up = Some(HeldUp::Target(Target::Foreign));
    let moved = |strategy| {
        let mut application = scheduled("b", "a");
        application.spec.migration_strategy = strategy;
        foreign(application, [copy_on("a", Ready), outdated(copy_on("b", New))])
    };
    for strategy in [MigrationStrategy::MakeBeforeBreak, MigrationStrategy::Recreate] {
        let Observed { application, .. } = moved(strategy);
        let alone = Observed { placements: copies([copy_on("a", Ready)]), application, ..moved(strategy) };
        expect(&alone, &[], "a", held_up);
    }
    // One that was made before is not even changed.
    expect(&moved(MigrationStrategy::MakeBeforeBreak), &[], "a", held_up);
    let mut unapproved = scheduled("b", "");
    unapproved.metadata.generation = Some(3);
    assert_eq!(told(&Observed { target: Target::Foreign, ..observed(unapproved, []) }).2, held_up);
}

#[test]
fn a_move_makes_before_it_breaks() {
    let served = |placements: [Placement; 2]| observed(scheduled("b", "a"), placements);
    expect(&observed(scheduled("b", "a"), [copy_on("a", Ready)]), &["make b"], "a", None);
    expect(&served([copy_on("a", Ready), copy_on("b", New)]), &[], "a", None);
    expect(&served([copy_on("a", Ready), copy_on("b", Applied)]), &[], "a", None);
    expect(&served([copy_on("a", Ready), copy_on("b", Degraded)]), &[], "a", None);
    expect(&served([copy_on("a", Ready), copy_on("b", Ready)]), &[], "b", None);
    let switched = observed(scheduled("b", "b"), [copy_on("a", Ready), copy_on("b", Ready)]);
    expect(&switched, &["remove a"], "b", None);
    let gone = observed(scheduled("b", "b"), [leaving(copy_on("a", Ready)), copy_on("b", Ready)]);
    expect(&gone, &[], "b", None);
}

#[test]
fn the_old_copy_keeps_the_old_manifest_until_the_switch() {
    let moving = observed(scheduled("b", "a"), [outdated(copy_on("a", Ready)), copy_on("b", Applied)]);
    expect(&moving, &[], "a", None);
}

#[test]
fn the_old_copy_stays_when_the_new_one_fails_after_the_switch() {
    let failing = observed(scheduled("b", "b"), [copy_on("a", Ready), copy_on("b", Degraded)]);
    expect(&failing, &[], "b", None);
}

#[test]
fn a_move_away_from_a_dead_cluster_is_not_held_up_by_it() {
    // Nothing is heard of `a`: its copy stays as it was, then stays on its way out.
    expect(&observed(scheduled("b", "a"), [copy_on("a", Degraded), copy_on("b", Ready)]), &[], "b", None);
    let left_behind = observed(scheduled("b", "b"), [leaving(copy_on("a", Degraded)), outdated(copy_on("b", Ready))]);
    expect(&left_behind, &["change b"], "b", None);
}

#[test]
fn a_return_waits_until_the_copy_that_leaves_is_gone() {
    let returning = observed(scheduled("a", "b"), [leaving(copy_on("a", Ready)), copy_on("b", Ready)]);
    expect(&returning, &[], "b", Some(HeldUp::EarlierCopy));
    expect(&observed(scheduled("a", "b"), [copy_on("b", Ready)]), &["make a"], "b", None);
}

#[test]
fn a_return_in_the_middle_of_a_move_gives_up_the_new_copy() {
    let returning = observed(scheduled("a", "a"), [copy_on("a", Ready), copy_on("b", Applied)]);
    expect(&returning, &["remove b"], "a", None);
}

#[test]
fn at_most_one_move_at_a_time() {
    let again = |placements: [Placement; 2]| observed(scheduled("c", "a"), placements);
    expect(&again([copy_on("a", Ready), copy_on("b", Applied)]), &["remove b", "make c"], "a", None);
    expect(&again([copy_on("a", Ready), leaving(copy_on("b", Applied))]), &["make c"], "a", None);
    // The old copy is not well either: the one on `b`, of which nothing runs, is no loss.
    expect(&again([copy_on("a", Degraded), copy_on("b", Applied)]), &["remove b", "make c"], "a", None);
    // It may be the only one that serves.
    expect(&again([copy_on("a", Degraded), copy_on("b", Ready)]), &["make c"], "a", None);
}

#[test]
fn a_choice_that_is_taken_back_and_made_again_waits_for_what_it_left() {
    let placements = || [copy_on("a", Ready), leaving(copy_on("b", Applied))];
    expect(&observed(scheduled("a", "a"), placements()), &[], "a", None);
    expect(&observed(scheduled("b", "a"), placements()), &[], "a", Some(HeldUp::EarlierCopy));
}

#[test]
fn a_choice_that_is_taken_back_before_anything_served_leaves_nothing() {
    let first = observed(scheduled("b", ""), [copy_on("a", New)]);
    expect(&first, &["remove a", "make b"], "", None);
}

#[test]
fn what_can_serve_is_kept_and_named_although_status_names_nothing() {
    let lost = observed(scheduled("b", ""), [copy_on("a", Ready), copy_on("b", Applied)]);
    expect(&lost, &[], "a", None);
}

#[test]
fn recreate_removes_before_it_makes() {
    let recreate = |serving: &str| {
        let mut application = scheduled("b", serving);
        application.spec.migration_strategy = MigrationStrategy::Recreate;
        application
    };
    let other_copies = Some(HeldUp::OtherCopies);
    expect(&observed(recreate("a"), [copy_on("a", Ready)]), &["remove a"], "a", other_copies);
    expect(&observed(recreate("a"), [leaving(copy_on("a", Ready))]), &[], "a", other_copies);
    expect(&observed(recreate("a"), []), &["make b"], "", None);
    expect(&observed(recreate(""), [copy_on("b", Ready)]), &[], "b", None);
}

#[test]
fn recreate_removes_nothing_before_the_new_copy_can_be_made() {
    let mut recreate = scheduled("b", "a");
    recreate.spec.migration_strategy = MigrationStrategy::Recreate;
    let closed = Observed { target: Target::Unprotected, ..observed(recreate, [copy_on("a", Ready)]) };
    expect(&closed, &[], "a", Some(HeldUp::Target(Target::Unprotected)));
}

fn progress() -> impl Strategy<Value = Progress> {
    prop_oneof![Just(New), Just(Applied), Just(Ready), Just(Degraded), Just(Progress::Refused)]
}

/// Copies on some of three clusters, each in any condition.
fn any_copies() -> impl Strategy<Value = Vec<Placement>> {
    let one = |name: &'static str| {
        (any::<bool>(), progress(), any::<bool>(), any::<bool>()).prop_map(move |(exists, progress, leaves, is_old)| {
            let made = copy_on(name, progress);
            let made = if leaves { leaving(made) } else { made };
            exists.then_some(if is_old { outdated(made) } else { made })
        })
    };
    (one("a"), one("b"), one("c")).prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn without_a_gap_means_that_another_copy_serves_already(
        placements in any_copies(),
        to in "[abc]",
        serving in "[abc]?",
        (silent, unwell) in ("a?b?c?", "a?b?c?"),
    ) {
        let mut observed = observed(scheduled(&to, &serving), []);
        observed.placements = placements.into_iter().map(Arc::new).collect();
        let places = |names: &str| names.chars().map(|name| place(&name.to_string())).collect();
        (observed.silent, observed.unwell) = (places(&silent), places(&unwell));
        let plan = decide(&observed, now());
        for step in &plan.steps {
            let Step::Remove { placement, proviso } = step else { continue };
            prop_assert_ne!(&placement.spec.cluster, &place(&to), "the copy that is wanted was removed");
            match proviso {
                Proviso::None => prop_assert!(false, "a copy was removed for nothing"),
                Proviso::Idle => {
                    prop_assert!(!copy::is_ready(placement) && !observed.silent.contains(&placement.spec.cluster));
                    prop_assert_ne!(&placement.spec.cluster, &place(&serving));
                }
                Proviso::Replaced(replacement) => {
                    prop_assert_ne!(&replacement.spec.cluster, &placement.spec.cluster);
                    prop_assert_eq!(&replacement.spec.cluster, &place(&serving));
                    prop_assert!(copy::is_ready(replacement));
                    prop_assert!(!observed.silent.contains(&replacement.spec.cluster));
                }
            }
        }
        let removed = |one: &Placement| {
            plan.steps.iter().any(|step| matches!(step, Step::Remove { placement, .. } if **placement == *one))
        };
        let ready = || observed.placements.iter().filter(|one| copy::is_ready(one));
        prop_assert!(ready().count() == 0 || ready().any(|one| !removed(one)), "nothing that is ready is left");
    }
}
