use krake_crds::kubernetes::{ClusterSpec, cluster::NodeCondition};
use serde_json::{from_value, json};

use super::*;

const READY: &str = condition::READY;
const REACHABLE: &str = condition::REACHABLE;
const HEALTHY: &str = condition::HEALTHY;

fn node(ready: &str) -> Node {
    let condition = NodeCondition { type_: "Ready".into(), status: ready.into(), ..NodeCondition::default() };
    Node { name: "a".into(), conditions: vec![condition] }
}

fn answers(nodes: Nodes) -> ClusterView {
    let reachability = Reachability::Reachable { version: "v1.37.2".into() };
    ClusterView { reachability, nodes, ..ClusterView::default() }
}

fn answers_again(nodes: Nodes) -> ClusterView {
    ClusterView { reachability: Reachability::Returning { version: "v1.37.2".into() }, ..answers(nodes) }
}

fn silent() -> ClusterView {
    ClusterView { reachability: Reachability::Unreachable { why: "refused".into() }, ..ClusterView::default() }
}

fn was(state: ClusterState) -> Before<'static> {
    Before { state: Some(state), ..Before::default() }
}

fn said(verdict: &Verdict) -> Vec<(&'static str, Option<bool>, &'static str)> {
    verdict.claims.iter().map(|claim| (claim.type_, claim.holds, claim.reason)).collect()
}

#[test]
fn a_cluster_that_answers_is_judged_by_its_nodes() {
    let well = connected(Before::default(), &answers(Nodes::Known(vec![node("True")])));
    assert_eq!((well.state, well.version.as_deref()), (ClusterState::Online, Some("v1.37.2")));
    assert_eq!(
        said(&well),
        [(REACHABLE, Some(true), ANSWERED), (HEALTHY, Some(true), NODES_READY), (READY, Some(true), USABLE)]
    );
    let unwell = connected(was(ClusterState::Online), &answers(Nodes::Known(vec![node("False")])));
    assert_eq!(unwell.state, ClusterState::NotReady);
    assert_eq!(
        said(&unwell),
        [
            (REACHABLE, Some(true), ANSWERED),
            (HEALTHY, Some(false), NODE_NOT_READY),
            (READY, Some(false), NODE_NOT_READY)
        ]
    );
    let hidden = connected(Before::default(), &answers(Nodes::Unreadable { why: "forbidden".into() }));
    assert_eq!(hidden.state, ClusterState::Online);
    assert!(said(&hidden).contains(&(READY, Some(true), USABLE)));
}

#[test]
fn what_is_not_known_yet_takes_nothing_back() {
    let not_probed = connected(was(ClusterState::Online), &ClusterView::default());
    assert_eq!((not_probed.state, said(&not_probed)), (ClusterState::Online, vec![]));
    assert_eq!(connected(Before::default(), &ClusterView::default()).state, ClusterState::Pending);
    let not_listed = connected(was(ClusterState::Online), &answers(Nodes::Unknown));
    assert_eq!((not_listed.state, not_listed.nodes.clone()), (ClusterState::Online, None));
    assert_eq!(said(&not_listed), [(REACHABLE, Some(true), ANSWERED)]);
}

#[test]
fn an_outage_is_offline_and_its_end_is_connecting_before_it_is_online() {
    let lost = connected(was(ClusterState::Online), &silent());
    assert_eq!((lost.state, lost.is_followed), (ClusterState::Offline, true));
    assert_eq!(lost.reason.as_ref().map(|reason| reason.code), Some(ReasonCode::ClusterNotReachable));
    assert!(said(&lost).contains(&(REACHABLE, Some(false), UNREACHABLE)));
    let back = connected(was(ClusterState::Offline), &answers(Nodes::Unknown));
    assert_eq!((back.state, back.reason.clone()), (ClusterState::Connecting, None));
    assert!(said(&back).contains(&(READY, Some(false), CONNECTING)));
    let again = connected(was(ClusterState::Connecting), &answers_again(Nodes::Known(vec![node("True")])));
    assert_eq!(again.state, ClusterState::Connecting);
    assert!(said(&again).contains(&(READY, Some(false), CONNECTING)));
    let listed = connected(was(ClusterState::Connecting), &answers(Nodes::Known(vec![node("True")])));
    assert_eq!(listed.state, ClusterState::Online);
}

#[test]
fn without_a_usable_kubeconfig_a_new_cluster_is_pending_and_a_known_one_is_offline() {
    assert_eq!(missing(Before::default(), "there is no Secret").state, ClusterState::Pending);
    assert_eq!(missing(was(ClusterState::Online), "there is no Secret").state, ClusterState::Offline);
    let found = refused(Before::default(), &Refusal::NotText);
    assert_eq!((found.state, found.is_followed), (ClusterState::Offline, false));
    assert!(said(&found).contains(&(REACHABLE, Some(false), KUBECONFIG_INVALID)));
    assert!(said(&found).contains(&(READY, Some(false), KUBECONFIG_INVALID)));
}

/// A cluster that is to be built, and for which the scheduler has found no cloud.
fn without_a_cloud(reason: &str, scheduling: &serde_json::Value) -> Cluster {
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "edge", "namespace": "web", "generation": 2 },
        "spec": { "tosca": {} },
        "status": {
            "state": "PENDING", "scheduling": scheduling,
            "conditions": [{
                "type": "Scheduled", "status": "False", "reason": reason, "message": "0 of 1 fit: 1 label",
                "observedGeneration": 2, "lastTransitionTime": "2026-01-02T03:04:05Z",
            }],
        },
    }))
    .unwrap()
}

#[test]
fn a_cluster_without_a_cloud_fails_when_nobody_looks_for_one_any_more() {
    let judged = |cluster: &Cluster| {
        let Verdict { state, reason, .. } = missing(Before::of(cluster), "it is to be built");
        (state, reason.map(|reason| reason.code))
    };
    let waiting = json!({ "remainingRetries": 1, "nextAttempt": "2026-01-02T03:04:06.000000Z" });
    let (no_cloud, no_sense) = (Some(ReasonCode::NoSuitableResource), Some(ReasonCode::InvalidResource));
    assert_eq!(judged(&without_a_cloud("NoSuitableCloud", &waiting)), (ClusterState::Pending, no_cloud));
    let mut failed = without_a_cloud("NoSuitableCloud", &json!({ "remainingRetries": 0 }));
    assert_eq!(judged(&failed), (ClusterState::Failed, no_cloud));
    assert_eq!(
        judged(&without_a_cloud("InvalidConstraint", &serde_json::Value::Null)),
        (ClusterState::Failed, no_sense)
    );
    failed.status.as_mut().unwrap().state = Some(ClusterState::Failed);
    failed.metadata.generation = Some(3);
    assert_eq!(judged(&failed), (ClusterState::Pending, None), "that was said about another spec");
}

#[test]
fn a_kubeconfig_ends_the_wait_for_a_cloud() {
    let mut cluster = without_a_cloud("NoSuitableCloud", &json!({ "remainingRetries": 0 }));
    cluster.status.as_mut().unwrap().state = Some(ClusterState::Failed);
    cluster.spec.kubeconfig_secret_ref = Some(krake_crds::reference::SecretKeyReference::default());
    let found = connected(Before::of(&cluster), &answers(Nodes::Known(vec![node("True")])));
    assert_eq!((found.state, found.reason), (ClusterState::Online, None));
    assert_eq!(connected(Before::of(&cluster), &ClusterView::default()).state, ClusterState::Pending);
}

#[test]
fn a_cluster_whose_metrics_fail_says_so_and_is_not_ready_for_more() {
    let no = Claim::no(condition::METRICS_AVAILABLE, "UnknownMetric", "the metric load is not known");
    let mut status = ClusterStatus { state: Some(ClusterState::Online), ..ClusterStatus::default() };
    status.conditions.push(no.over(&[], Some(1), jiff::Timestamp::UNIX_EPOCH));
    let known = |status: &ClusterStatus| {
        let cluster = Cluster::new("edge", ClusterSpec::default());
        Cluster { status: Some(status.clone()), ..cluster }
    };
    let cluster = known(&status);
    let failing = connected(Before::of(&cluster), &answers(Nodes::Known(vec![node("True")])));
    assert_eq!((failing.state, failing.reason.clone()), (ClusterState::FailingMetrics, None));
    assert!(said(&failing).contains(&(READY, Some(false), METRICS_UNAVAILABLE)));
    assert!(failing.claims.iter().any(|claim| claim.type_ == READY && claim.message == "the metric load is not known"));
    // What is worse is told instead.
    let unwell = connected(Before::of(&cluster), &answers(Nodes::Known(vec![node("False")])));
    assert_eq!(unwell.state, ClusterState::NotReady);
    assert!(said(&unwell).contains(&(READY, Some(false), NODE_NOT_READY)));
    assert_eq!(connected(Before::of(&cluster), &silent()).state, ClusterState::Offline);
    status.conditions.clear();
    let cluster = known(&status);
    let well = connected(Before::of(&cluster), &answers(Nodes::Known(vec![node("True")])));
    assert!(said(&well).contains(&(READY, Some(true), USABLE)));
}

#[test]
fn served_custom_resources_are_sorted_and_taken_back_only_by_what_was_read() {
    let before = ["a.dead".to_owned(), "b.x".to_owned(), "c.x".to_owned()];
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let found = |names: &[&str], is_confirmed| Served { names: set(names), is_confirmed, ..Served::default() };
    let listed = |found: &Served| served(&before, found).0;
    assert_eq!(listed(&Served::default()), before);
    assert_eq!(listed(&found(&["c.x", "a.x"], false)), ["a.dead", "a.x", "b.x", "c.x"]);
    assert_eq!(listed(&found(&["c.x", "a.x"], true)), ["a.x", "c.x"]);
    let but_one_group = Served { unread: set(&["dead"]), ..found(&["c.x", "a.x"], true) };
    assert_eq!(listed(&but_one_group), ["a.dead", "a.x", "c.x"]);
    let silenced = connected(Before { served: &before, ..was(ClusterState::Online) }, &silent());
    assert_eq!(silenced.served_custom_resources, None, "an outage takes nothing back");
}

#[test]
fn a_cluster_of_many_custom_resources_lists_them_all_and_says_so_when_it_cannot() {
    let serving = |count: usize, length: usize| Served {
        names: (0..count).map(|number| format!("{number:05}{}.example.org", "x".repeat(length))).collect(),
        is_confirmed: true,
        ..Served::default()
    };
    let judged = |served| {
        let verdict = connected(Before::default(), &ClusterView { served, ..answers(Nodes::Known(vec![])) });
        let reachable = verdict.claims.iter().find(|claim| claim.type_ == REACHABLE).unwrap();
        let listed = verdict.served_custom_resources.clone().unwrap();
        (
            listed.len(),
            listed.iter().map(String::len).sum::<usize>(),
            (reachable.reason, &*reachable.message) == LISTED_IN_PART,
        )
    };
    assert_eq!(judged(serving(900, 30)), (900, 900 * 47, false));
    assert_eq!(judged(serving(5_000, 1)), (LISTED_CUSTOM_RESOURCES, LISTED_CUSTOM_RESOURCES * 18, true));
    let (count, bytes, is_told) = judged(serving(900, 200));
    assert!(count < 900 && bytes <= LISTED_BYTES && bytes + 217 > LISTED_BYTES && is_told, "{count} {bytes}");
}

#[test]
fn a_cluster_in_deletion_stays_connected_and_is_judged_as_before() {
    let kubeconfig = "
contexts: [{name: main, context: {cluster: edge, user: krake}}]
users: [{name: krake, user: {token: abc}}]
clusters: [{name: edge, cluster: {server: 'https://edge.example.org'}}]
";
    let mut cluster = Cluster::new("edge", ClusterSpec::default());
    cluster.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    let observed = Observed {
        cluster: std::sync::Arc::new(cluster),
        key: krake_operator_targets::ClusterKey::new("web", "edge"),
        access: Access::Given(Box::new(kubeconfig.parse().unwrap())),
        is_needed: true,
    };
    assert!(matches!(plan(&observed), Plan::Connect(_)));
    let view = answers(Nodes::Known(vec![node("True")]));
    assert_eq!(judge(&observed, &Done::Connected(view)).state, ClusterState::Online);
}

#[test]
fn a_needed_connection_outlives_its_secret() {
    let looked_at = |is_needed| Observed {
        cluster: std::sync::Arc::new(Cluster::new("edge", ClusterSpec::default())),
        key: krake_operator_targets::ClusterKey::new("web", "edge"),
        access: Access::Missing("there is no Secret".into()),
        is_needed,
    };
    assert!(matches!(plan(&looked_at(false)), Plan::Disconnect));
    let needed = looked_at(true);
    assert!(matches!(plan(&needed), Plan::Keep));
    let view = answers(Nodes::Known(vec![node("True")]));
    assert_eq!(judge(&needed, &Done::Connected(view)).state, ClusterState::Online);
    let without = judge(&needed, &Done::Disconnected);
    assert!(said(&without).contains(&(REACHABLE, Some(false), KUBECONFIG_MISSING)), "there was none to keep");
}
