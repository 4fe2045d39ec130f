use serde_json::json;

use super::*;
use crate::{eyes::Piece, thing::Thing};

fn shop() -> Thing {
    Thing::application("web", "shop")
}

fn edge() -> Thing {
    Thing::cluster("web", "edge")
}

fn piece(target: usize) -> Piece {
    let (kind, name) = ("Deployment".to_owned(), "shop".to_owned());
    Piece { target, application: shop(), kind, name, replicas: Some((2, 2)) }
}

/// One application that runs on one cluster, seen alike from all sides.
fn good() -> (World, Wish) {
    let manifest = json!([{ "kind": "Deployment", "spec": { "replicas": 2 } }]);
    let application = json!({
        "metadata": { "uid": "u", "annotations": {} },
        "spec": { "labels": { "tier": "gold" }, "manifest": manifest },
        "status": { "state": "RUNNING", "scheduledTo": { "name": "edge" }, "runningOn": { "name": "edge" } },
    });
    let stored_application = json!({
        "metadata": { "uid": "u", "labels": { "tier": "gold" }, "deleted": null },
        "spec": { "manifest": manifest, "constraints": { "cluster": { "labels": null } } },
        "status": { "state": "RUNNING", "scheduled_to": { "name": "edge" }, "running_on": { "name": "edge" } },
    });
    let cluster = json!({ "metadata": { "uid": "e" }, "spec": { "labels": {} }, "status": { "state": "ONLINE" } });
    let stored_cluster = json!({
        "metadata": { "uid": "e", "labels": {} },
        "spec": { "kubeconfig": { "users": [] } },
        "status": { "state": "ONLINE" },
    });
    let world = World {
        stored: BTreeMap::from([(shop(), stored_application), (edge(), stored_cluster)]),
        objects: BTreeMap::from([(shop(), application), (edge(), cluster)]),
        kubeconfigs: BTreeMap::from([(edge(), json!({ "users": [] }))]),
        placements: vec![json!({ "spec": { "application": "shop", "cluster": { "name": "edge" } } })],
        pieces: vec![piece(1)],
    };
    let labels = BTreeMap::from([("tier".to_owned(), "gold".to_owned())]);
    let wanted = WantedApplication { cluster: "edge".into(), target: 1, replicas: 2, labels };
    let wish = Wish {
        applications: BTreeMap::from([("shop".into(), wanted)]),
        clusters: BTreeMap::from([("edge".into(), WantedCluster { labels: BTreeMap::new() })]),
    };
    (world, wish)
}

/// The names of the guarantees that a change to the good world breaks.
fn broken(change: impl FnOnce(&mut World, &mut Wish)) -> Vec<&'static str> {
    let (mut world, mut wish) = good();
    change(&mut world, &mut wish);
    quiet(&world, &wish).into_iter().map(|breach| breach.guarantee).collect()
}

#[test]
fn a_good_world_breaks_nothing() {
    let (world, wish) = good();
    assert_eq!(quiet(&world, &wish), []);
    assert_eq!(quiet(&World::default(), &Wish::default()), []);
}

#[test]
fn sides_that_differ_have_not_converged() {
    for (pointer, value) in [
        ("/spec/manifest/0/spec/replicas", json!(3)),
        ("/metadata/labels/tier", json!("silver")),
        ("/metadata/deleted", json!("2030-01-01T00:00:00Z")),
        ("/metadata/uid", json!("another")),
        ("/status/running_on", json!(null)),
        ("/spec/constraints/cluster/labels", json!(["location is DE"])),
    ] {
        let change = |world: &mut World, _: &mut Wish| {
            *world.stored.get_mut(&shop()).unwrap().pointer_mut(pointer).unwrap() = value;
        };
        assert_eq!(broken(change), ["converged"], "{pointer}");
    }
    assert_eq!(broken(|world, _| drop(world.stored.remove(&shop()))), ["converged"]);
    assert_eq!(broken(|world, _| drop(world.kubeconfigs.remove(&edge()))), ["converged"]);
}

#[test]
fn an_application_on_two_targets_or_on_none_has_no_single_home() {
    assert_eq!(broken(|world, _| world.pieces.push(piece(2))), ["single_home"]);
    assert_eq!(broken(|world, _| world.placements.clear()), ["single_home"]);
    assert_eq!(broken(|world, _| world.pieces.clear()), ["single_home", "desired"]);
    let not_chosen = |world: &mut World, _: &mut Wish| {
        world.objects.get_mut(&shop()).unwrap()["status"]["scheduledTo"]["name"] = json!("core");
        world.stored.get_mut(&shop()).unwrap()["status"]["scheduled_to"]["name"] = json!("core");
    };
    assert_eq!(broken(not_chosen), ["single_home"]);
}

#[test]
fn what_is_left_of_a_deleted_application_is_an_orphan() {
    let delete = |world: &mut World, wish: &mut Wish| {
        world.stored.remove(&shop());
        world.objects.remove(&shop());
        wish.applications.clear();
    };
    let all = broken(delete);
    assert_eq!(all, ["no_orphans", "no_orphans"], "the deployment and the placement");
}

#[test]
fn what_users_did_not_ask_for_is_not_desired() {
    assert_eq!(broken(|_, wish| wish.applications.clear()), ["desired"]);
    assert_eq!(
        broken(|_, wish| drop(wish.clusters.insert("second".into(), wish.clusters["edge"].clone()))),
        ["desired", "desired"]
    );
    assert_eq!(broken(|world, _| world.pieces[0].replicas = Some((2, 1))), ["desired"]);
    assert_eq!(broken(|_, wish| wish.applications.get_mut("shop").unwrap().replicas = 3), ["desired"]);
}

#[test]
fn a_credential_in_a_text_is_a_leak() {
    let tokens = ["s3cret".to_owned()];
    assert_eq!(no_secret_leaked([("a log", "token s3cret here")], &tokens).len(), 1);
    assert_eq!(no_secret_leaked([("a log", "nothing here")], &tokens), []);
}
