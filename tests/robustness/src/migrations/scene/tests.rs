use std::slice::from_ref;

use serde_json::json;

use super::*;

fn application(to: &str, on: &str, strategy: &str) -> Change {
    let object = json!({
        "metadata": { "name": "shop" },
        "spec": { "migrationStrategy": strategy },
        "status": { "state": "RUNNING", "scheduledTo": { "name": to }, "runningOn": { "name": on } },
    });
    change(Source::Applications, object)
}

fn deployment(target: usize, ready: i64) -> Change {
    let object = json!({
        "metadata": { "name": "shop", "uid": target, "annotations": { "krake.dev/application": "web/shop" } },
        "status": { "readyReplicas": ready },
    });
    change(Source::Target(target, DEPLOYMENT), object)
}

fn pod(target: usize) -> Change {
    let conditions = json!([{ "type": "Ready", "status": "True" }]);
    let object = json!({
        "metadata": { "name": "shop-1", "labels": { "app": "shop" } }, "status": { "conditions": conditions },
    });
    change(Source::Target(target, POD), object)
}

fn placement(cluster: &str, leaving: Option<&str>) -> Change {
    let object = json!({
        "metadata": { "name": cluster, "deletionTimestamp": leaving },
        "spec": { "application": "shop", "cluster": { "name": cluster } },
    });
    change(Source::Placements, object)
}

fn change(source: Source, object: Value) -> Change {
    Change { source, object, is_gone: false, at: Instant::now() }
}

fn gone(change: Change) -> Change {
    Change { is_gone: true, ..change }
}

/// What the last of these changes is suspected of.
fn suspicions(changes: &[Change]) -> Vec<Suspicion> {
    let mut scene = Scene::new("web", &[("de", 1), ("it", 2)]);
    let mut all: Vec<_> = changes.iter().map(|change| scene.take(change, |_| false).suspicions).collect();
    all.pop().unwrap_or_default()
}

fn shop() -> Thing {
    Thing::application("web", "shop")
}

fn removed(target: usize) -> Suspicion {
    Suspicion::Removed { application: shop(), target, what: "Deployment shop".into() }
}

#[test]
fn a_copy_may_go_when_another_one_serves() {
    let moves = application("it", "it", "MakeBeforeBreak");
    let (one, other) = (deployment(1, 1), deployment(2, 1));
    assert_eq!(suspicions(&[moves.clone(), one.clone(), other, gone(one.clone())]), []);
    let (unready, unserved) = (deployment(2, 0), Suspicion::Unserved(shop()));
    assert_eq!(suspicions(&[moves.clone(), one.clone(), unready, gone(one.clone())]), [removed(1), unserved.clone()]);
    assert_eq!(suspicions(&[moves, one, deployment(1, 0)]), [unserved]);
}

#[test]
fn what_must_not_run_twice_may_go_when_it_was_scheduled_elsewhere_and_not_before() {
    let (stays, marked) = (placement("de", None), placement("de", Some("2030-01-01T00:00:00Z")));
    let [wanted, moves] = ["de", "it"].map(|to| application(to, "de", "Recreate"));
    let unwanted = Suspicion::Marked { application: shop(), target: 1 };
    assert_eq!(suspicions(&[moves.clone(), stays.clone(), marked.clone()]), []);
    assert_eq!(suspicions(&[wanted.clone(), stays.clone(), marked.clone()]), from_ref(&unwanted));
    // What was decided a moment before the choice was taken back may be done, and what is marked goes.
    assert_eq!(suspicions(&[moves.clone(), stays.clone(), wanted.clone(), marked.clone()]), []);
    let later = Change { at: Instant::now() + DECIDED_WITHIN, ..marked.clone() };
    assert_eq!(suspicions(&[moves, stays.clone(), wanted.clone(), later]), [unwanted]);
    let one = deployment(1, 1);
    assert_eq!(suspicions(&[wanted.clone(), marked, one.clone(), gone(one.clone())]), []);
    assert_eq!(suspicions(&[wanted, stays, one.clone(), gone(one)]), [removed(1)]);
}

#[test]
fn what_must_not_run_twice_does_as_long_as_a_pod_of_it_is_left() {
    let moves = application("it", "de", "Recreate");
    let (one, other) = (pod(1), deployment(2, 1));
    let twice = Suspicion::Twice(shop());
    assert_eq!(suspicions(&[moves.clone(), deployment(1, 1), other.clone()]), from_ref(&twice));
    assert_eq!(suspicions(&[moves.clone(), one.clone(), other.clone()]), from_ref(&twice));
    assert_eq!(suspicions(&[moves, one.clone(), gone(one), other]), []);
}

#[test]
fn what_users_have_deleted_may_go() {
    let mut scene = Scene::new("web", &[("de", 1), ("it", 2)]);
    scene.take(&deployment(1, 1), |_| false);
    assert_eq!(scene.take(&gone(deployment(1, 1)), |_| true).suspicions, []);
}

#[test]
fn a_departure_is_told_and_an_arrival_is_counted() {
    let mut scene = Scene::new("web", &[("de", 1), ("it", 2)]);
    let mut sets_out = |to, on| scene.take(&application(to, on, "MakeBeforeBreak"), |_| false).sets_out;
    assert_eq!([sets_out("de", "de"), sets_out("it", "de"), sets_out("it", "it")], [false, true, false]);
    assert_eq!(scene.tally().moves, 1);
}

#[test]
fn what_is_beside_its_home_is_left() {
    let mut scene = Scene::new("web", &[("de", 1), ("it", 2)]);
    for change in [deployment(1, 1), pod(2)] {
        scene.take(&change, |_| false);
    }
    assert_eq!(scene.left_beside(Some(1)), ["Pod shop-1 of applications web/shop on 2"]);
    assert_eq!(scene.left_beside(None).len(), 2);
}
