//! The application controller before an API server that holds an application, its Placements and some clusters.

use krake_crds::{finalizer, kubernetes::Placement, reference::ObjectReference};
use krake_operator_loops::{
    moved_away::MOVED_AWAY,
    testing::{Call, Server},
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    example::{Progress, copy_on, deleted, leaving, left_behind, scheduled},
    *,
};

/// The application as the API server has it.
fn known(mut application: Application) -> Application {
    application.metadata.resource_version = Some("8".into());
    application
}

fn forced(application: Application) -> Application {
    let mut application = deleted(application);
    application.annotations_mut().insert(finalizer::FORCED.into(), "true".into());
    application
}

fn cluster(namespace: &str, name: &str, finalizers: &[&str]) -> Value {
    json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": name, "namespace": namespace, "finalizers": finalizers }, "spec": {},
    })
}

/// Those of the application's namespace, and one that may take Placements, but is not.
fn clusters() -> [Value; 3] {
    let [a, b] = ["a", "b"].map(|name| cluster("web", name, &[]));
    [a, b, cluster("other", "prod", &[finalizer::CASCADE])]
}

/// What an API server answers that holds these, and the clusters. What is sent to it changes nothing.
fn holding(
    application: Value,
    placements: Vec<Value>,
) -> impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static {
    move |call| {
        if call.uri.contains("watch=true") {
            return None;
        }
        let list = |items: &[Value]| json!({ "metadata": { "resourceVersion": "9" }, "items": items });
        let found = match call.path().rsplit('/').next().unwrap_or_default() {
            "shop" | "status" => application.clone(),
            "applications" => list(std::slice::from_ref(&application)),
            "placements" => list(&placements),
            "clusters" => list(&clusters()),
            name => placements.iter().find(|one| one["metadata"]["name"] == name).cloned().unwrap_or_else(|| list(&[])),
        };
        Some((200, found))
    }
}

/// One look at the application; the writes it led to, and their bodies. `now` is what has become of the application
/// since it was seen.
async fn look(seen: Application, placements: Vec<Placement>, now: Option<Application>) -> Vec<(String, Value)> {
    let seen = known(seen);
    let placements: Vec<_> = placements.iter().map(|one| serde_json::to_value(one).unwrap()).collect();
    let current = serde_json::to_value(now.as_ref().unwrap_or(&seen)).unwrap();
    let server = Server::deciding(holding(current, placements));
    let (context, _pump) = server.context().await;
    let before = server.calls().len();
    // What it answers depends on a server that forgets; what it asked does not.
    let _ = reconcile(Arc::new(seen), context.clone()).await;
    tokio::time::timeout(Duration::from_secs(10), context.told()).await.expect("not told");
    let calls = server.calls().split_off(before);
    let writes = calls.into_iter().filter(|call| call.method != "GET");
    writes.map(|call| (format!("{} {}", call.method, last(call.path())), call.body)).collect()
}

/// The end of a path, by which the objects of these tests can be told apart.
fn last(path: &str) -> &str {
    path.rsplit_once("/web/").map_or(path, |(_, rest)| rest)
}

fn path(placement: &Placement) -> String {
    format!("placements/{}", placement.name_any())
}

/// The writes without Events.
fn words(writes: &[(String, Value)]) -> Vec<&str> {
    writes.iter().map(|(word, _)| word.as_str()).filter(|word| *word != EVENT).collect()
}

const EVENT: &str = "POST events";

#[tokio::test]
async fn a_forced_deletion_leaves_behind_what_is_marked() {
    let going = vec![leaving(copy_on("a", Progress::Ready))];
    let writes = look(forced(scheduled("a", "a")), going.clone(), None).await;
    assert_eq!(words(&writes), ["PATCH applications/shop"]);
    assert_eq!(writes[0].1["metadata"]["finalizers"], json!([]));
    let waiting = look(deleted(scheduled("a", "a")), going, None).await;
    assert_eq!(words(&waiting), ["PATCH applications/shop/status"]);
}

#[tokio::test]
async fn a_forced_deletion_leaves_nothing_behind_that_is_not_marked() {
    let staying = copy_on("a", Progress::Ready);
    let writes = look(forced(scheduled("a", "a")), vec![staying.clone()], None).await;
    // This server forgets the mark.
    assert_eq!(words(&writes), [format!("DELETE {}", path(&staying)).as_str(), "PATCH applications/shop/status"]);
}

#[tokio::test]
async fn a_restored_application_takes_over_what_runs() {
    let running = left_behind(copy_on("a", Progress::Ready));
    let writes = look(scheduled("a", "a"), vec![running.clone()], None).await;
    assert_eq!(words(&writes)[0], format!("PATCH {}", path(&running)));
    let sent = &writes[0].1;
    assert_eq!(sent["metadata"]["labels"][krake_operator_loops::labels::APPLICATION_UID], "shop-uid");
    assert_eq!((&sent["metadata"]["uid"], &sent["metadata"]["resourceVersion"]), (&json!("a-uid"), &json!("1")));
    assert_eq!(sent["spec"], serde_json::to_value(&running.spec).unwrap());
    let mut other = known(scheduled("a", "a"));
    other.metadata.resource_version = Some("9".into());
    let late = look(scheduled("a", "a"), vec![running], Some(other)).await;
    assert!(!words(&late).iter().any(|word| word.contains("placements")), "{late:?}");
}

#[tokio::test]
async fn nothing_is_placed_on_a_cluster_of_another_namespace() {
    let mut taken = scheduled("prod", "");
    taken.status.as_mut().unwrap().scheduled_to = Some(ObjectReference::cluster("other", "prod"));
    let writes = look(taken, vec![], None).await;
    assert_eq!(words(&writes), ["PATCH applications/shop/status"]);
    let conditions = writes[0].1["status"]["conditions"].as_array().unwrap();
    let applied = conditions.iter().find(|one| one["type"] == "Applied").unwrap();
    let sentence = "prod is a cluster of another namespace, and those are not open to applications";
    assert_eq!((&applied["status"], &applied["message"]), (&json!("False"), &json!(sentence)));
}

#[tokio::test]
async fn a_move_that_is_given_up_is_recorded_and_told() {
    let mut late = scheduled("b", "a");
    late.status.as_mut().unwrap().scheduled_at = Some(Timestamp::UNIX_EPOCH.into());
    let placements = vec![copy_on("a", Progress::Ready), copy_on("b", Progress::Refused)];
    let writes = look(late, placements, None).await;
    assert_eq!(words(&writes), ["PATCH applications/shop/status"]);
    let status = &writes[0].1["status"];
    assert_eq!((&status["migration"]["avoided"]["name"], &status["migration"]["failures"]), (&json!("b"), &json!(1)));
    assert_eq!((&status["state"], &status["runningOn"]["name"]), (&json!("RUNNING"), &json!("a")));
    let event = writes.iter().find(|(word, event)| word == EVENT && event["reason"] == "MigrationFailed");
    let note = "the move from a to b is given up: Applied is False; b is left alone for 60 s";
    assert_eq!(event.map(|(_, event)| (&event["type"], &event["note"])), Some((&json!("Warning"), &json!(note))));
}

#[tokio::test]
async fn a_first_copy_that_is_refused_stays_failed_while_another_cluster_is_sought() {
    let mut first = scheduled("b", "");
    first.status.as_mut().unwrap().scheduled_at = Some(Timestamp::UNIX_EPOCH.into());
    let writes = look(first, vec![copy_on("b", Progress::Refused)], None).await;
    assert_eq!(words(&writes), ["PATCH applications/shop/status"]);
    let status = &writes[0].1["status"];
    assert_eq!((&status["migration"]["avoided"]["name"], &status["migration"]["failures"]), (&json!("b"), &json!(1)));
    assert_eq!((&status["state"], &status["reason"]["code"]), (&json!("FAILED"), &json!("INVALID_RESOURCE")));
    let event = writes.iter().find(|(word, event)| word == EVENT && event["reason"] == "PlacementFailed");
    let note = "b does not bring it up: Applied is False; another cluster is preferred for 60 s";
    assert_eq!(event.map(|(_, event)| (&event["type"], &event["note"])), Some((&json!("Warning"), &json!(note))));
}

#[tokio::test]
async fn a_copy_that_is_moved_away_says_so_before_it_is_deleted() {
    let [old, new] = ["a", "b"].map(|cluster| copy_on(cluster, Progress::Ready));
    let (mark, deletion) = (format!("PATCH {}", path(&old)), format!("DELETE {}", path(&old)));
    let moved = || scheduled("b", "b");
    let writes = look(moved(), vec![old.clone(), new.clone()], None).await;
    assert_eq!(words(&writes)[..2], [&mark, &deletion]);
    let sent = &writes[0].1["metadata"];
    assert_eq!((&sent["annotations"][MOVED_AWAY], &sent["uid"]), (&json!("true"), &json!("a-uid")));
    let mut marked = old;
    marked.annotations_mut().insert(MOVED_AWAY.into(), "true".into());
    assert_eq!(words(&look(moved(), vec![marked.clone(), new], None).await)[0], deletion);
    // It was not deleted then; now it goes with its application, whose policy counts.
    let writes = look(deleted(moved()), vec![marked], None).await;
    assert_eq!(words(&writes)[..2], [&mark, &deletion]);
    assert_eq!(writes[0].1["metadata"]["annotations"], json!({ MOVED_AWAY: null }));
}
