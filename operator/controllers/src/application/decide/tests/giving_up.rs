//! Moves that are given up, and what becomes of them.

use krake_crds::kubernetes::application::Migration;

use super::*;

/// An application that was sent from `a` to `b` that many seconds ago.
fn sent(seconds: u64) -> Application {
    let mut application = scheduled("b", "a");
    let status = application.status.as_mut().unwrap();
    status.scheduled_at = Some((now() - Duration::from_secs(seconds)).into());
    status.observed_generation = Some(2);
    application
}

/// The same, with this many moves to `name` that were given up, the last of them for so many more seconds.
fn with_record(mut application: Application, name: &str, failures: i64, left: u64) -> Application {
    let not_before = (now() + Duration::from_secs(left)).into();
    application.status.as_mut().unwrap().migration = Some(Migration { avoided: place(name), failures, not_before });
    application
}

/// The cluster that is avoided and how many moves to it failed.
fn avoided(observed: &Observed) -> Option<(String, i64)> {
    decide(observed, now()).migration.map(|record| (record.avoided.name, record.failures))
}

fn once(name: &str) -> (String, i64) {
    (name.to_owned(), 1)
}

#[test]
fn a_move_that_takes_too_long_is_given_up_and_nothing_is_removed_before_the_scheduler_agrees() {
    let placements = |progress| [copy_on("a", Ready), copy_on("b", progress)];
    for progress in [New, Applied, Degraded, Progress::Refused] {
        let late = observed(sent(600), placements(progress));
        expect(&late, &[], "a", Some(HeldUp::GivenUp));
        assert_eq!(avoided(&late), Some(once("b")), "{progress:?}");
    }
    for progress in [New, Applied, Degraded] {
        let in_time = observed(sent(599), placements(progress));
        expect(&in_time, &[], "a", None);
        assert_eq!(avoided(&in_time), None);
        assert_eq!(decide(&in_time, now()).deadline, Some(now() + Duration::from_secs(1)));
    }
    let agreed = observed(with_record(scheduled("a", "a"), "b", 1, 60), placements(Applied));
    expect(&agreed, &["remove b"], "a", None);
    assert_eq!(avoided(&agreed), Some(once("b")));
}

#[test]
fn a_refused_move_is_given_up_at_once_unless_something_else_is_about_to_be_tried() {
    let refused = observed(sent(1), [copy_on("a", Ready), copy_on("b", Progress::Refused)]);
    expect(&refused, &[], "a", Some(HeldUp::GivenUp));
    assert_eq!(avoided(&refused), Some(once("b")));
    let improved = observed(sent(1), [copy_on("a", Ready), outdated(copy_on("b", Progress::Refused))]);
    expect(&improved, &["change b"], "a", None);
}

#[test]
fn a_move_that_cannot_even_begin_is_given_up_too() {
    let closed = Observed { target: Target::Unprotected, ..observed(sent(600), [copy_on("a", Ready)]) };
    expect(&closed, &[], "a", Some(HeldUp::GivenUp));
    // Nothing is begun, and nothing makes room, once it is given up.
    let mut recreate = with_record(sent(700), "b", 1, 30);
    recreate.spec.migration_strategy = MigrationStrategy::Recreate;
    expect(&observed(recreate, [copy_on("a", Ready)]), &[], "a", Some(HeldUp::GivenUp));
}

#[test]
fn nothing_is_given_up_for_a_copy_that_is_not_well_on_a_cluster_that_answers() {
    let placements = |old| [old, copy_on("b", Applied)];
    for old in [copy_on("a", Degraded), unreachable(copy_on("a", Ready)), leaving(copy_on("a", Ready))] {
        let failing_over = observed(sent(100_000), placements(old));
        expect(&failing_over, &[], "a", None);
        assert_eq!(avoided(&failing_over), None);
    }
}

#[test]
fn a_copy_that_never_gets_well_is_given_up_if_the_nodes_of_the_old_cluster_are_not_well_either() {
    let fails_over = |seconds, old, new| {
        let failing_over = observed(sent(seconds), [old, copy_on("b", new)]);
        Observed { unwell: BTreeSet::from([place("a")]), ..failing_over }
    };
    for old in [Applied, Degraded, Progress::Refused].map(|progress| copy_on("a", progress)) {
        for (seconds, new, expected) in [
            (1, Progress::Refused, Some(once("b"))),
            (599, Applied, None),
            (600, Applied, Some(once("b"))),
            (600, Degraded, Some(once("b"))),
            (100_000, Ready, None),
        ] {
            let failing_over = fails_over(seconds, old.clone(), new);
            let (steps, _, held_up) = told(&failing_over);
            assert_eq!((steps, held_up), (Vec::new(), None), "it goes on until another cluster is found");
            assert_eq!(avoided(&failing_over), expected, "{new:?} after {seconds} s");
        }
    }
    // What serves well enough is a place to go back to.
    expect(&fails_over(600, copy_on("a", Ready), Applied), &[], "a", Some(HeldUp::GivenUp));
    // Of the new cluster's own nodes nothing follows.
    let failing_over = observed(sent(100_000), [copy_on("a", Degraded), copy_on("b", Applied)]);
    let failing_over = Observed { unwell: BTreeSet::from([place("b")]), ..failing_over };
    assert_eq!(avoided(&failing_over), None);
}

/// What is avoided when `b` is the only hope: nothing serves, or what did is lost.
fn avoided_alone(application: &Application, progress: Progress) -> [Option<(String, i64)>; 2] {
    let mut first = application.clone();
    first.status.as_mut().unwrap().running_on = None;
    let first = observed(first, [copy_on("b", progress)]);
    let silent = BTreeSet::from([place("a")]);
    let lost = observed(application.clone(), [unreachable(copy_on("a", Ready)), copy_on("b", progress)]);
    let lost = Observed { silent, ..lost };
    [(first, ""), (lost, "a")].map(|(observed, serving)| {
        let (steps, serves, held_up) = told(&observed);
        assert_eq!((steps, held_up), (Vec::new(), None), "it goes on until another cluster is found");
        if progress != Degraded {
            assert_eq!(serves, serving);
        }
        avoided(&observed)
    })
}

#[test]
fn while_nothing_serves_a_copy_that_fails_asks_for_another_cluster_and_goes_on() {
    let both = || [Some(once("b")), Some(once("b"))];
    assert_eq!(avoided_alone(&sent(1), Progress::Refused), both());
    assert_eq!(avoided_alone(&sent(600), Applied), both());
    assert_eq!(avoided_alone(&sent(599), Applied), [None, None]);
    // A first copy that has come to rest, however badly, serves.
    assert_eq!(avoided_alone(&sent(600), Degraded), [None, Some(once("b"))]);
    // It is counted once in each pause, and looked at again after it.
    let counted = with_record(sent(700), "b", 1, 30);
    assert_eq!(avoided_alone(&counted, Progress::Refused), both());
    let mut first = counted;
    first.status.as_mut().unwrap().running_on = None;
    let plan = decide(&observed(first, [copy_on("b", Progress::Refused)]), now());
    assert_eq!(plan.deadline, Some(now() + Duration::from_secs(30)));
    let after = with_record(sent(700), "b", 1, 0);
    assert_eq!(avoided_alone(&after, Progress::Refused), [Some(("b".to_owned(), 2)), Some(("b".to_owned(), 2))]);
    // A cluster that fails after another one has longer to think better of it.
    let elsewhere = |seconds| with_record(sent(seconds), "c", 1, 0);
    assert_eq!(avoided_alone(&elsewhere(59), Progress::Refused)[0], Some(once("c")));
    assert_eq!(avoided_alone(&elsewhere(60), Progress::Refused)[0], Some(("b".to_owned(), 2)));
}

#[test]
fn a_version_that_is_pushed_during_a_move_has_the_whole_time() {
    let mut corrected = sent(100_000);
    corrected.status.as_mut().unwrap().triggered_at = Some((now() - Duration::from_secs(599)).into());
    let moving = observed(corrected, [copy_on("a", Ready), copy_on("b", Applied)]);
    expect(&moving, &[], "a", None);
    assert_eq!(decide(&moving, now()).deadline, Some(now() + Duration::from_secs(1)));
}

#[test]
fn a_move_is_counted_once_and_the_next_one_has_the_whole_time_again() {
    let placements = || [copy_on("a", Ready), copy_on("b", Applied)];
    assert_eq!(avoided(&observed(with_record(sent(700), "b", 1, 1), placements())), Some(once("b")));
    let again = observed(with_record(sent(700), "b", 1, 0), placements());
    expect(&again, &[], "a", None);
    assert_eq!(decide(&again, now()).deadline, Some(now() + Duration::from_mins(10)));
    let elsewhere = observed(with_record(sent(600), "c", 4, 600), placements());
    assert_eq!(avoided(&elsewhere), Some(("b".to_owned(), 5)));
}

#[test]
fn the_record_goes_with_the_version_and_with_success() {
    let placements = |progress| [copy_on("a", Ready), copy_on("b", progress)];
    let late_success = observed(with_record(sent(610), "b", 1, 50), placements(Ready));
    expect(&late_success, &[], "b", None);
    assert_eq!(avoided(&late_success), None);
    let mut changed = with_record(sent(5), "b", 3, 50);
    changed.status.as_mut().unwrap().observed_generation = Some(1);
    assert_eq!(avoided(&observed(changed, placements(Applied))), None);
    let unrelated = observed(with_record(sent(5), "c", 3, 50), placements(Applied));
    assert_eq!(avoided(&unrelated), Some(("c".to_owned(), 3)));
}

#[test]
fn an_application_may_have_a_deadline_of_its_own() {
    let placements = || [copy_on("a", Ready), copy_on("b", Applied)];
    let quick = Observed { progress_deadline: Duration::from_secs(30), ..observed(sent(30), placements()) };
    assert_eq!(avoided(&quick), Some(once("b")));
}
