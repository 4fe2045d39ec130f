//! What each outcome leaves in status, and what users are told of it.

use krake_crds::{
    kubernetes::application::{Decision, Scheduling},
    reference::ObjectReference,
};
use krake_operator_loops::safety::Withheld;
use serde_json::{Value, from_value, json};

use super::*;
use crate::scheduler::decide::{News, Unplaced};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn application(generation: i64, status: &Value) -> Application {
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": "shop", "namespace": "web", "generation": generation },
        "spec": {}, "status": status,
    }))
    .unwrap()
}

fn placed(cluster: &str, because: Because) -> Outcome {
    let cluster = ObjectReference::cluster("web", cluster);
    Outcome::Placed(Placed { cluster, because, reconsider_after: None, news: None })
}

/// A place that is another one than before.
fn moved(cluster: &str, second: i64) -> Outcome {
    let Outcome::Placed(placed) = placed(cluster, Because::Best) else { panic!("not placed") };
    Outcome::Placed(Placed { news: Some(news("1 of 2 fits: 1 label", second)), ..placed })
}

fn unplaced() -> Outcome {
    unplaced_at(0)
}

fn unplaced_at(second: i64) -> Outcome {
    Outcome::Unplaced(Unplaced { news: news("0 of 2 fit: 2 offline", second), retries: Scheduling::default() })
}

fn news(summary: &str, second: i64) -> News {
    let record = Decision {
        at: MicroTime(at(second)),
        because: "a reason".into(),
        candidates: 2,
        fitting: 1,
        margin: None,
        verdicts: Vec::new(),
    };
    News { summary: summary.into(), record }
}

/// The application as it is after the outcome, and what was told.
fn after(application: &Application, outcome: &Outcome, now: Timestamp) -> (Application, Option<Announcement>) {
    let claim = claim(application, outcome).unwrap();
    let status = status_after(application, outcome, &claim, now);
    let told = announcement(application, &status, &claim);
    (Application { status: Some(status), ..application.clone() }, told)
}

fn status(application: &Application) -> &ApplicationStatus {
    application.status.as_ref().unwrap()
}

#[test]
fn a_new_place_is_dated_approved_and_told() {
    let (bound, told) = after(&application(3, &json!({})), &moved("edge", 0), at(0));
    assert_eq!(status(&bound).scheduled_to, Some(ObjectReference::cluster("web", "edge")));
    assert_eq!(status(&bound).scheduled_at, Some(MicroTime(at(0))));
    assert_eq!((status(&bound).scheduled_generation, &status(&bound).triggered_at), (Some(3), &Some(MicroTime(at(0)))));
    assert!(condition::is_true(&status(&bound).conditions, condition::SCHEDULED));
    assert_eq!(told.unwrap(), Announcement::normal(BOUND, "Scheduling", "bound to edge: 1 of 2 fits: 1 label"));
    assert_eq!(status(&bound).decision.as_ref().map(|decision| decision.candidates), Some(2));
}

#[test]
fn the_same_decision_again_changes_nothing() {
    let (bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    let (again, told) = after(&bound, &placed("edge", Because::Dwelling), at(30));
    assert_eq!((again, told), (bound, None));
}

#[test]
fn what_was_written_is_settled_until_something_follows_from_it() {
    let (bound, _) = after(&application(3, &json!({})), &moved("edge", 0), at(0));
    let stays = placed("edge", Because::Best);
    assert!(is_settled(&bound, &stays));
    let Outcome::Placed(place) = stays.clone() else { panic!("not placed") };
    let soon = Outcome::Placed(Placed { reconsider_after: Some(std::time::Duration::from_secs(9)), ..place });
    for outcome in [moved("core", 1), soon, placed("edge", Because::NoAlternative), unplaced()] {
        assert!(!is_settled(&bound, &outcome), "{outcome:?}");
    }
    let changed = Application { metadata: application(4, &json!({})).metadata, ..bound };
    assert!(!is_settled(&changed, &stays), "its new spec is not approved");
}

#[test]
fn a_new_generation_is_approved_without_moving_the_date_of_the_place() {
    let (mut bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    bound.metadata.generation = Some(4);
    let (approved, told) = after(&bound, &placed("edge", Because::Pinned), at(30));
    assert_eq!(status(&approved).scheduled_generation, Some(4));
    assert_eq!(status(&approved).triggered_at, Some(MicroTime(at(30))));
    assert_eq!((&status(&approved).scheduled_at, told), (&Some(MicroTime(at(0))), None));
}

#[test]
fn a_cluster_of_another_namespace_is_never_kept() {
    let place = ObjectReference::cluster("other", "prod");
    let at_once = json!({ "scheduledTo": place, "scheduledAt": MicroTime(at(0)), "scheduledGeneration": 3 });
    let taken = application(3, &at_once);
    let refused = Outcome::Refused { reason: "InvalidConstraint", message: "m".into() };
    for outcome in [unplaced(), refused] {
        let (freed, _) = after(&taken, &outcome, at(30));
        assert_eq!((&status(&freed).scheduled_to, &status(&freed).scheduled_at), (&None, &None));
    }
    let (bound, told) = after(&taken, &moved("edge", 30), at(30));
    assert_eq!(status(&bound).scheduled_to, Some(ObjectReference::cluster("web", "edge")));
    assert_eq!((status(&bound).scheduled_generation, told.map(|told| told.reason)), (Some(3), Some(BOUND)));
    let note = "it cannot be bound to prod of other: clusters of other namespaces are not open to it";
    assert_eq!(turned_down(&taken), Some(Announcement::warning(FOREIGN_CLUSTER, "Scheduling", note)));
    assert_eq!(turned_down(&bound), None);
    assert_eq!(turned_down(&application(3, &json!({}))), None);
}

#[test]
fn what_runs_keeps_its_place_when_nothing_fits() {
    let (bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    let (kept, told) = after(&bound, &unplaced(), at(30));
    assert_eq!(status(&kept).scheduled_to, status(&bound).scheduled_to);
    assert!(status(&kept).scheduling.is_some());
    assert!(condition::is_false(&status(&kept).conditions, condition::SCHEDULED));
    assert_eq!(told.map(|told| told.reason), Some(NO_SUITABLE_CLUSTER));
    let (found, _) = after(&kept, &placed("edge", Because::Best), at(60));
    assert_eq!(status(&found).scheduling, None);
}

#[test]
fn an_unusable_cluster_is_told_once() {
    let (bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    let (waiting, told) = after(&bound, &placed("edge", Because::Tolerated), at(30));
    assert_eq!(told.map(|told| told.reason), Some(TOLERATED));
    assert_eq!(after(&waiting, &placed("edge", Because::Tolerated), at(60)).1, None);
}

#[test]
fn a_place_that_somebody_else_chose_is_named() {
    let (mut bound, _) = after(&application(3, &json!({})), &placed("edge", Because::Best), at(0));
    bound.status.as_mut().unwrap().scheduled_to = Some(ObjectReference::cluster("web", "core"));
    let (accepted, _) = after(&bound, &placed("core", Because::Dwelling), at(30));
    let scheduled = condition::find(&status(&accepted).conditions, condition::SCHEDULED).unwrap();
    assert_eq!(scheduled.message, "bound to core");
    assert_eq!(status(&accepted).scheduled_at, status(&bound).scheduled_at);
}

#[test]
fn a_decision_is_kept_as_it_was_while_it_stays_the_same() {
    let (bound, _) = after(&application(3, &json!({})), &moved("edge", 0), at(0));
    let (kept, _) = after(&bound, &placed("edge", Because::Best), at(30));
    assert_eq!(status(&kept).decision, status(&bound).decision);
    let (lost, _) = after(&kept, &unplaced_at(60), at(60));
    let (still_lost, _) = after(&lost, &unplaced_at(90), at(90));
    assert_eq!(status(&lost).decision.as_ref().unwrap().at, MicroTime(at(60)));
    assert_eq!(still_lost, lost);
}

#[test]
fn a_move_that_is_withheld_keeps_the_place_and_says_why() {
    let (bound, _) = after(&application(3, &json!({})), &moved("edge", 0), at(0));
    let why = Withheld { reason: "Stopped", sentence: "the policy says so".into(), retry_after: None };
    let place = |name| ObjectReference::cluster("web", name);
    let withheld = Outcome::Withheld { stays: place("edge"), wanted: place("core"), why };
    let (kept, told) = after(&bound, &withheld, at(30));
    assert_eq!(status(&kept).scheduled_to, Some(place("edge")));
    assert!(condition::is_true(&status(&kept).conditions, condition::SCHEDULED));
    let told = told.unwrap();
    assert_eq!((told.reason, &*told.note), (WITHHELD, "bound to edge and not moved to core: the policy says so"));
    assert_eq!(after(&kept, &withheld, at(60)).1, None);
}

#[test]
fn while_metrics_are_read_for_the_first_time_what_was_said_stands() {
    let (bound, _) = after(&application(3, &json!({})), &moved("edge", 0), at(0));
    let (tolerated, _) = after(&bound, &placed("edge", Because::Tolerated), at(30));
    assert_eq!(claim(&tolerated, &placed("edge", Because::MetricsPending)), None);
    let mut newer = tolerated;
    newer.metadata.generation = Some(4);
    let (approved, _) = after(&newer, &placed("edge", Because::MetricsPending), at(60));
    assert_eq!(status(&approved).scheduled_generation, Some(4));
}

#[test]
fn numbers_alone_are_no_news() {
    let with = |summary: &str, second| {
        Outcome::Unplaced(Unplaced { news: news(summary, second), retries: Scheduling::default() })
    };
    let (lost, _) = after(&application(3, &json!({})), &with("0 of 9 fit: 7 metric, 2 offline", 0), at(0));
    assert_eq!(after(&lost, &with("0 of 9 fit: 6 metric, 3 offline", 9), at(9)).0, lost);
    let (other, _) = after(&lost, &with("0 of 9 fit: 9 offline", 9), at(9));
    assert_eq!(known(&other).unwrap().message, "0 of 9 fit: 9 offline");
}
