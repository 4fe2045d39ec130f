//! Who is woken, before an API server that holds two clusters, applications and a safety policy.

use krake_operator_loops::testing::{Call, Server};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Value, json};

use super::*;

fn cluster(name: &str, location: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "web" },
        "spec": { "labels": { "location": location } },
        "status": { "state": "ONLINE" },
    })
}

/// An application that must be in Germany, was put on `de`, and was told this.
fn application(name: &str, reason: &str) -> Value {
    let place = json!({ "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "web", "name": "de" });
    let scheduled = json!({
        "type": "Scheduled", "status": "True", "reason": reason, "message": "bound to de", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    json!({
        "metadata": { "name": name, "namespace": "web", "uid": name, "generation": 1 },
        "spec": {
            "manifest": [{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } }],
            "constraints": { "cluster": { "labels": ["location is DE"] } },
        },
        "status": {
            "scheduledTo": place, "scheduledGeneration": 1, "scheduledAt": "2026-01-01T00:00:00.000000Z",
            "conditions": [scheduled],
        },
    })
}

fn holding(locations: [&'static str; 2]) -> impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static {
    move |call| {
        let list = |items: Vec<Value>| json!({ "metadata": { "resourceVersion": "9" }, "items": items });
        let [de, it] = locations;
        let resource = call.path().rsplit('/').next().unwrap_or_default();
        let policy = json!({ "metadata": { "name": "fleet", "generation": 1 }, "spec": {} });
        let items = match resource {
            "clusters" => vec![cluster("de", de), cluster("it", it)],
            "applications" => vec![application("shop", "Bound"), application("kept", "MigrationWithheld")],
            "safetypolicies" => vec![policy],
            _ => Vec::new(),
        };
        (!call.uri.contains("watch=true")).then(|| (200, list(items)))
    }
}

/// What follows when the clusters are where it says: who must be looked at, who was kept, how many new places there are.
async fn decided_with(locations: [&'static str; 2]) -> (Vec<String>, Vec<String>, String) {
    let server = Server::deciding(holding(locations));
    let mut registry = Registry::default();
    let (context, _pump) = server.context_with(&mut registry).await;
    let names = |mut applications: Vec<Arc<Application>>| {
        applications.sort_by_key(|application| application.name_any());
        applications.iter().map(|application| application.name_any()).collect()
    };
    let woken = names(decided("web", &context));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix("new_places_total ")).unwrap_or_default();
    (woken, names(withheld(&context)), count.to_owned())
}

#[tokio::test]
async fn an_application_is_looked_at_only_if_something_follows_for_it() {
    let kept = || vec!["kept".to_owned()];
    let (woken, withheld, moves) = decided_with(["DE", "IT"]).await;
    assert_eq!((woken, withheld, &*moves), (kept(), kept(), "0"), "what was withheld is to be told that it is bound");
    let (woken, withheld, moves) = decided_with(["FR", "DE"]).await;
    assert_eq!(
        (woken, withheld, &*moves),
        (vec!["kept".to_owned(), "shop".to_owned()], kept(), "1"),
        "one of two moves is withheld"
    );
}

#[tokio::test]
async fn what_a_policy_has_kept_is_looked_at_when_one_changes() {
    let server = Server::deciding(holding(["DE", "IT"]));
    let (context, _pump) = server.context().await;
    // The first change is that the policy is there.
    let mut woken = Box::pin(by_candidates(&context));
    let first = tokio::time::timeout(Duration::from_secs(10), woken.next()).await.unwrap();
    assert_eq!(first.map(|application| application.name), Some("kept".to_owned()));
}
