//! The placement controller before an API server that holds one Placement, and no target.

use std::slice::from_ref;

use krake_crds::reference::ObjectReference;
use krake_operator_loops::testing::Server;
use serde_json::{Value, json};

use super::*;

/// One look at the Placement; the writes to it that followed.
async fn look(mut placement: Placement) -> Vec<Value> {
    placement.metadata.finalizers = Some(vec![finalizer::PLACEMENT.into()]);
    let known = serde_json::to_value(&placement).unwrap();
    let server = Server::deciding(move |call| {
        if call.uri.contains("watch=true") {
            return None;
        }
        let list = || json!({ "metadata": { "resourceVersion": "9" }, "items": [] });
        Some((200, if call.path().contains("/shop-edge") { known.clone() } else { list() }))
    });
    let (context, _pump) = server.context().await;
    let _ = reconcile(Arc::new(placement), context, Arc::default()).await;
    let calls = server.calls().into_iter();
    calls.filter(|call| call.method == "PATCH" && call.path().contains("/shop-edge")).map(|call| call.body).collect()
}

fn foreign() -> Placement {
    let object = example::object("ConfigMap", "a");
    let mut placement = example::applied(example::placement(from_ref(&object)), &[object]);
    placement.spec.cluster = ObjectReference::cluster("prod", "edge");
    placement
}

#[tokio::test]
async fn a_cluster_of_another_namespace_is_not_used() {
    let writes = look(foreign()).await;
    let applied = |condition: &&Value| condition["type"] == "Applied";
    let conditions = writes[0]["status"]["conditions"].as_array().unwrap();
    let said = conditions.iter().find(applied).unwrap()["message"].as_str().unwrap();
    assert!(said.contains("cluster prod/edge is in another namespace"), "{said}");
}

#[tokio::test]
async fn the_deletion_of_a_placement_on_a_cluster_of_another_namespace_does_not_wait() {
    let writes = look(example::leaving(foreign())).await;
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0]["metadata"]["finalizers"], json!([]));
}

#[test]
fn corrections_go_on_where_they_stopped_and_begin_anew_when_all_had_their_turn() {
    let (memory, object) = (Memory::default(), example::object("ConfigMap", "a"));
    let placement = example::applied(example::placement(from_ref(&object)), from_ref(&object));
    let entry = example::entry(&object);
    let identity = krake_operator_domain::manifest::Identity::of_entry(&entry);
    let change = decide::Change { identity, entry, body: object, is_drifted: true, shortening: None };
    memory.progress.applied(&placement, &change, Instant::now());
    let trouble = Some(Trouble::Unfinished { done: 1, all: 2 });
    let correcting = Done::Settled(Settled { trouble, ..Settled::default() });
    assert!(note(&placement, &correcting, &memory).is_none() && memory.progress.holds(&placement, &change));
    assert!(note(&placement, &Done::Settled(Settled::default()), &memory).is_none());
    assert!(!memory.progress.holds(&placement, &change));
}

#[test]
fn what_nobody_tells_of_is_looked_at_by_itself_and_more_often_while_it_starts() {
    let long = Duration::from_hours(1);
    let settled = |unwatched: &[&str]| {
        let unwatched = unwatched.iter().map(ToString::to_string).collect();
        Done::Settled(Settled { unwatched, ..Settled::default() })
    };
    for (unwatched, workload, expected) in [
        (&[][..], WorkloadState::Progressing, long),
        (&["Deployment"], WorkloadState::Progressing, Duration::from_secs(5)),
        (&["Deployment"], WorkloadState::Running, Duration::from_secs(15)),
        (&["Deployment"], WorkloadState::Degraded, Duration::from_secs(15)),
    ] {
        assert_eq!(period(&settled(unwatched), Some(workload), long), expected);
    }
}
