//! What status says at every point of an application's way.

use krake_crds::kubernetes::application::{ApplicationState as State, Migration};

use super::*;
use crate::application::{
    decide::HeldUp,
    example::{Progress, application, copies, copy_on, deleted, leaving, outdated, place, scheduled},
    observe::Target,
};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn serving(cluster: &str) -> Plan {
    Plan { serving: (!cluster.is_empty()).then(|| place(cluster)), ..Plan::default() }
}

fn status<const N: usize>(application: &Application, placements: [Placement; N], plan: &Plan) -> ApplicationStatus {
    View::new(application, &copies(placements), plan).status(now())
}

/// The state, and the conditions that are true, in alphabetical order.
fn told(status: &ApplicationStatus) -> (State, String) {
    let mut holding: Vec<_> =
        status.conditions.iter().filter(|one| one.status == "True").map(|one| one.type_.as_str()).collect();
    holding.sort_unstable();
    (status.state.unwrap(), holding.join(" "))
}

fn expect(status: &ApplicationStatus, state: State, holding: &str) {
    assert_eq!(told(status), (state, holding.to_owned()));
}

#[test]
fn a_new_application_is_pending_with_all_conditions_present() {
    let status = status(&application(), [], &Plan { held_up: Some(HeldUp::NotScheduled), ..Plan::default() });
    expect(&status, State::Pending, "Reconciling");
    for type_ in [condition::APPLIED, condition::HEALTHY, condition::READY] {
        assert!(condition::find(&status.conditions, type_).is_some(), "{type_} is missing");
    }
    assert_eq!(status.observed_generation, Some(2));
}

#[test]
fn a_cluster_that_is_not_open_to_it_is_named_as_such() {
    let plan = Plan { held_up: Some(HeldUp::Target(Target::Foreign)), ..serving("") };
    let status = status(&scheduled("b", ""), [], &plan);
    for type_ in [condition::APPLIED, condition::READY] {
        let told = condition::find(&status.conditions, type_).unwrap();
        let sentence = "b is a cluster of another namespace, and those are not open to applications";
        assert_eq!((&*told.status, &*told.reason, &*told.message), ("False", "ClusterUnavailable", sentence));
    }
}

#[test]
fn the_way_to_running() {
    let first = scheduled("a", "");
    let creating = status(&first, [copy_on("a", Progress::New)], &serving(""));
    expect(&creating, State::Creating, "Reconciling Scheduled");
    let applied = status(&first, [copy_on("a", Progress::Applied)], &serving(""));
    expect(&applied, State::Creating, "Applied Scheduled");
    let running = status(&first, [copy_on("a", Progress::Ready)], &serving("a"));
    expect(&running, State::Running, "Applied Healthy Ready Scheduled");
    assert_eq!((running.running_on, running.container_health.running_pods), (Some(place("a")), 1));
}

#[test]
fn a_generation_that_is_not_applied_is_not_ready() {
    let updating = status(&scheduled("a", "a"), [outdated(copy_on("a", Progress::Ready))], &serving("a"));
    expect(&updating, State::Reconciling, "Healthy Reconciling Scheduled");
    let mut unseen = scheduled("a", "a");
    unseen.metadata.generation = Some(3);
    let plan = Plan { held_up: Some(HeldUp::NotApproved), ..serving("a") };
    let unseen = status(&unseen, [copy_on("a", Progress::Ready)], &plan);
    expect(&unseen, State::Reconciling, "Healthy Reconciling Scheduled");
}

#[test]
fn a_move_without_a_gap_stays_ready() {
    let placements = || [copy_on("a", Progress::Ready), copy_on("b", Progress::Applied)];
    let moving = status(&scheduled("b", "a"), placements(), &serving("a"));
    expect(&moving, State::Migrating, "Applied Healthy Ready Reconciling Scheduled");
    let reconciling = condition::find(&moving.conditions, condition::RECONCILING).unwrap();
    assert_eq!(reconciling.message, "moving from a to b; applied to b");
}

#[test]
fn a_move_that_is_given_up_does_not_count_against_the_application() {
    let record = Migration { avoided: place("b"), failures: 1, not_before: now().into() };
    let plan = Plan { held_up: Some(HeldUp::GivenUp), migration: Some(record.clone()), ..serving("a") };
    let placements = [copy_on("a", Progress::Ready), copy_on("b", Progress::Refused)];
    let staying = status(&scheduled("b", "a"), placements, &plan);
    expect(&staying, State::Running, "Applied Healthy Ready Scheduled");
    assert_eq!((staying.reason, staying.migration), (None, Some(record)));
    let applied = condition::find(&staying.conditions, condition::APPLIED).unwrap();
    assert_eq!(applied.message, "applied to a");
}

#[test]
fn what_must_never_run_twice_says_which_cluster_it_waits_for() {
    let mut silent = leaving(copy_on("a", Progress::Ready));
    let deleting = Claim::yes(condition::DELETING, "ClusterUnreachable", "waiting for the cluster: no answer");
    silent.status.as_mut().unwrap().conditions.push(deleting.over(&[], Some(7), now()));
    let plan = Plan { held_up: Some(HeldUp::OtherCopies), ..serving("a") };
    let waiting = status(&scheduled("b", "a"), [silent], &plan);
    let reconciling = condition::find(&waiting.conditions, condition::RECONCILING).unwrap();
    assert_eq!(
        reconciling.message,
        "moving from a to b; it must never run twice: waiting for its removal from a (waiting for the cluster: no answer)"
    );
}

#[test]
fn what_nobody_can_apply_is_failed_and_stalled() {
    let refused = status(&scheduled("a", ""), [copy_on("a", Progress::Refused)], &serving(""));
    expect(&refused, State::Failed, "Scheduled Stalled");
    assert_eq!(refused.reason.map(|reason| reason.code), Some(ReasonCode::InvalidResource));
}

#[test]
fn unhealthy_pods_degrade_without_stalling() {
    let degraded = status(&scheduled("a", "a"), [copy_on("a", Progress::Degraded)], &serving("a"));
    expect(&degraded, State::Degraded, "Applied Scheduled");
}

#[test]
fn without_a_place_a_running_application_is_degraded_and_then_failed() {
    let mut unplaced = scheduled("a", "a");
    let before = unplaced.status.as_mut().unwrap();
    before.conditions[0].status = "False".into();
    before.conditions[0].message = "0 of 1 fit".into();
    let given_up = status(&unplaced, [copy_on("a", Progress::Ready)], &serving("a"));
    expect(&given_up, State::Failed, "Applied Healthy Stalled");
    let reason = given_up.reason.unwrap();
    assert_eq!((reason.code, reason.message.as_str()), (ReasonCode::NoSuitableResource, "0 of 1 fit"));
    let next_attempt = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime(now()));
    unplaced.status.as_mut().unwrap().scheduling =
        Some(krake_crds::kubernetes::application::Scheduling { remaining_retries: 2, next_attempt });
    let retrying = status(&unplaced, [copy_on("a", Progress::Ready)], &serving("a"));
    expect(&retrying, State::Degraded, "Applied Healthy");
    assert_eq!(retrying.container_health.running_pods, 1);
}

#[test]
fn deletion_says_what_it_waits_for() {
    let going = status(&deleted(scheduled("a", "a")), [leaving(copy_on("a", Progress::Ready))], &serving("a"));
    expect(&going, State::Deleting, "Deleting Healthy Scheduled");
    let deleting = condition::find(&going.conditions, condition::DELETING).unwrap();
    assert_eq!(deleting.message, "waiting for its removal from a");
}

#[test]
fn a_removal_that_is_withheld_says_by_what() {
    let withheld = Withheld { reason: "Stopped", sentence: "the stop switch is on".into(), retry_after: None };
    let placements = copies([copy_on("a", Progress::Ready), copy_on("b", Progress::Ready)]);
    for (application, type_) in
        [(scheduled("b", "b"), condition::RECONCILING), (deleted(scheduled("b", "b")), condition::DELETING)]
    {
        let plan = serving("b");
        let status = View::new(&application, &placements, &plan).withheld_by(Some(&withheld)).status(now());
        let waiting = condition::find(&status.conditions, type_).unwrap();
        assert_eq!(waiting.reason, "Stopped");
        assert!(waiting.message.starts_with("waiting for its removal from a"), "{}", waiting.message);
        assert!(waiting.message.ends_with(": the stop switch is on"), "{}", waiting.message);
    }
}

#[test]
fn the_same_again_is_the_same() {
    let mut application = scheduled("a", "a");
    let first = status(&application, [copy_on("a", Progress::Ready)], &serving("a"));
    application.status = Some(first.clone());
    let later = Timestamp::from_second(1_900_000_000).unwrap();
    let again = View::new(&application, &copies([copy_on("a", Progress::Ready)]), &serving("a")).status(later);
    assert_eq!(serde_json::to_value(again).unwrap(), serde_json::to_value(first).unwrap());
}
