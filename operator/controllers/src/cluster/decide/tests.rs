use krake_crds::kubernetes::cluster::NodeCondition;

use super::*;

const READY: &str = condition::READY;
const REACHABLE: &str = condition::REACHABLE;
const HEALTHY: &str = condition::HEALTHY;

fn node(ready: &str) -> Node {
    let condition = NodeCondition { type_: "Ready".into(), status: ready.into(), ..NodeCondition::default() };
    Node { name: "a".into(), conditions: vec![condition] }
}

fn answers(nodes: Nodes) -> ClusterView {
    ClusterView { reachability: Reachability::Reachable { version: "v1.37.2".into() }, nodes }
}

fn silent() -> ClusterView {
    ClusterView { reachability: Reachability::Unreachable { why: "refused".into() }, nodes: Nodes::Unknown }
}

fn said(verdict: &Verdict) -> Vec<(&'static str, Option<bool>, &'static str)> {
    verdict.claims.iter().map(|claim| (claim.type_, claim.holds, claim.reason)).collect()
}

#[test]
fn a_cluster_that_answers_is_judged_by_its_nodes() {
    let well = connected(None, &answers(Nodes::Known(vec![node("True")])));
    assert_eq!((well.state, well.version.as_deref()), (ClusterState::Online, Some("v1.37.2")));
    assert_eq!(
        said(&well),
        [(REACHABLE, Some(true), ANSWERED), (HEALTHY, Some(true), NODES_READY), (READY, Some(true), USABLE)]
    );
    let unwell = connected(Some(ClusterState::Online), &answers(Nodes::Known(vec![node("False")])));
    assert_eq!(unwell.state, ClusterState::NotReady);
    assert_eq!(
        said(&unwell),
        [
            (REACHABLE, Some(true), ANSWERED),
            (HEALTHY, Some(false), NODE_NOT_READY),
            (READY, Some(false), NODE_NOT_READY)
        ]
    );
    let hidden = connected(None, &answers(Nodes::Unreadable { why: "forbidden".into() }));
    assert_eq!(hidden.state, ClusterState::Online);
    assert!(said(&hidden).contains(&(READY, Some(true), USABLE)));
}

#[test]
fn what_is_not_known_yet_takes_nothing_back() {
    let not_probed = connected(Some(ClusterState::Online), &ClusterView::default());
    assert_eq!((not_probed.state, said(&not_probed)), (ClusterState::Online, vec![]));
    assert_eq!(connected(None, &ClusterView::default()).state, ClusterState::Pending);
    let not_listed = connected(Some(ClusterState::Online), &answers(Nodes::Unknown));
    assert_eq!((not_listed.state, not_listed.nodes.clone()), (ClusterState::Online, None));
    assert_eq!(said(&not_listed), [(REACHABLE, Some(true), ANSWERED)]);
}

#[test]
fn an_outage_is_offline_and_its_end_is_connecting_before_it_is_online() {
    let lost = connected(Some(ClusterState::Online), &silent());
    assert_eq!((lost.state, lost.is_followed), (ClusterState::Offline, true));
    assert_eq!(lost.reason.as_ref().map(|reason| reason.code), Some(ReasonCode::ClusterNotReachable));
    assert!(said(&lost).contains(&(REACHABLE, Some(false), UNREACHABLE)));
    let back = connected(Some(ClusterState::Offline), &answers(Nodes::Unknown));
    assert_eq!((back.state, back.reason.clone()), (ClusterState::Connecting, None));
    assert!(said(&back).contains(&(READY, Some(false), CONNECTING)));
    let listed = connected(Some(ClusterState::Connecting), &answers(Nodes::Known(vec![node("True")])));
    assert_eq!(listed.state, ClusterState::Online);
}

#[test]
fn without_a_usable_kubeconfig_a_new_cluster_is_pending_and_a_known_one_is_offline() {
    assert_eq!(missing(None, "there is no Secret").state, ClusterState::Pending);
    assert_eq!(missing(Some(ClusterState::Online), "there is no Secret").state, ClusterState::Offline);
    let found = refused(None, &Refusal::NotText);
    assert_eq!((found.state, found.is_followed), (ClusterState::Offline, false));
    assert!(said(&found).contains(&(REACHABLE, Some(false), KUBECONFIG_INVALID)));
    assert!(said(&found).contains(&(READY, Some(false), KUBECONFIG_INVALID)));
}
