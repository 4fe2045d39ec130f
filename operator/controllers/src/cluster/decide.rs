//! Whether to connect, and how the cluster is. Pure.

use krake_crds::{
    condition::{self, Claim},
    kubernetes::cluster::{ClusterState, Node},
    reason::{Reason, ReasonCode},
};
use krake_operator_domain::{
    health::node,
    lifecycle::{ClusterFacts, Probe, cluster_state},
};
use krake_operator_targets::{ClusterView, Kubeconfig, Nodes, Reachability, Refusal};

use super::{
    act::Done,
    observe::{Access, Observed},
};

/// What to do with the connection.
pub(super) enum Plan<'a> {
    /// Have one with this kubeconfig.
    Connect(&'a Kubeconfig),
    /// Have none.
    Disconnect,
}

/// How the cluster is. What is absent stays as it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: ClusterState,
    pub(super) claims: Vec<Claim>,
    pub(super) reason: Option<Reason>,
    pub(super) version: Option<String>,
    pub(super) nodes: Option<Vec<Node>>,
    /// Whether the spec could be followed.
    pub(super) is_followed: bool,
}

/// Reason of a condition: there is no kubeconfig.
const KUBECONFIG_MISSING: &str = "KubeconfigMissing";
/// Reason of a condition: the kubeconfig breaks a rule.
const KUBECONFIG_INVALID: &str = "KubeconfigInvalid";
/// Reason of a condition: the probes have not said anything yet.
const CONNECTING: &str = "Connecting";
/// Reason of a condition: the last probes were not answered.
const UNREACHABLE: &str = "Unreachable";
/// Reason of a condition: the last probe was answered.
const ANSWERED: &str = "ProbeAnswered";
/// Reason of a condition: nothing is wrong with any node.
const NODES_READY: &str = "NodesReady";
/// Reason of a condition: a node is not ready.
const NODE_NOT_READY: &str = "NodeNotReady";
/// Reason of a condition: a node is short of something.
const NODE_UNDER_PRESSURE: &str = "NodeUnderPressure";
/// Reason of a condition: the kubeconfig does not allow to look at nodes.
const NODES_NOT_READABLE: &str = "NodesNotReadable";
/// Reason of a condition: applications may run here.
const USABLE: &str = "Usable";

pub(super) fn plan(observed: &Observed) -> Plan<'_> {
    match &observed.access {
        Access::Given(kubeconfig) => Plan::Connect(kubeconfig),
        Access::Refused(_) | Access::Missing(_) => Plan::Disconnect,
    }
}

pub(super) fn judge(observed: &Observed, done: &Done) -> Verdict {
    let previous = observed.cluster.status.as_ref().and_then(|status| status.state);
    match (done, &observed.access) {
        (Done::Connected(view), _) => connected(previous, view),
        (Done::NotConnectable, _) => refused(previous, &Refusal::BadCredentials),
        (Done::Disconnected, Access::Refused(refusal)) => refused(previous, refusal),
        (Done::Disconnected, Access::Missing(sentence)) => missing(previous, sentence),
        (Done::Disconnected, Access::Given(_)) => missing(previous, "the connection was closed"),
    }
}

fn missing(previous: Option<ClusterState>, sentence: &str) -> Verdict {
    // One that never had a kubeconfig is awaited; one that lost it is lost.
    let probe = match previous {
        None | Some(ClusterState::Pending) => Probe::NotYet,
        Some(_) => Probe::Unreachable,
    };
    unusable(cluster_state(&ClusterFacts { previous, probe }), KUBECONFIG_MISSING, sentence, None)
}

fn refused(previous: Option<ClusterState>, refusal: &Refusal) -> Verdict {
    let state = cluster_state(&ClusterFacts { previous, probe: Probe::Unreachable });
    unusable(state, KUBECONFIG_INVALID, &refusal.to_string(), Some(ReasonCode::InvalidResource))
}

fn unusable(state: ClusterState, reason: &'static str, sentence: &str, code: Option<ReasonCode>) -> Verdict {
    Verdict {
        state,
        claims: vec![
            Claim::no(condition::READY, reason, sentence),
            Claim::no(condition::REACHABLE, reason, sentence),
            Claim::unknown(condition::HEALTHY, reason, sentence),
        ],
        reason: code.map(|code| Reason { code, message: sentence.to_owned() }),
        version: None,
        nodes: None,
        is_followed: false,
    }
}

fn connected(previous: Option<ClusterState>, view: &ClusterView) -> Verdict {
    match &view.reachability {
        Reachability::Unknown => Verdict {
            state: cluster_state(&ClusterFacts { previous, probe: Probe::NotYet }),
            claims: Vec::new(),
            reason: None,
            version: None,
            nodes: None,
            is_followed: true,
        },
        Reachability::Unreachable { why } => Verdict {
            is_followed: true,
            ..unusable(
                cluster_state(&ClusterFacts { previous, probe: Probe::Unreachable }),
                UNREACHABLE,
                why,
                Some(ReasonCode::ClusterNotReachable),
            )
        },
        Reachability::Reachable { version } => {
            Verdict { version: Some(version.clone()), ..answering(previous, &view.nodes) }
        }
    }
}

fn answering(previous: Option<ClusterState>, nodes: &Nodes) -> Verdict {
    let listed: &[Node] = match nodes {
        Nodes::Known(listed) => listed,
        Nodes::Unknown | Nodes::Unreadable { .. } => &[],
    };
    let probe = match nodes {
        // Its nodes follow in a moment; until then only a cluster that was offline has got any further.
        Nodes::Unknown if previous != Some(ClusterState::Offline) => Probe::NotYet,
        _ => Probe::Answered(listed),
    };
    let state = cluster_state(&ClusterFacts { previous, probe });
    let mut claims = vec![Claim::yes(condition::REACHABLE, ANSWERED, "the API server answers")];
    match nodes {
        Nodes::Unknown => {}
        Nodes::Unreadable { why } => claims.push(Claim::unknown(condition::HEALTHY, NODES_NOT_READABLE, why)),
        Nodes::Known(listed) => claims.push(healthy(listed)),
    }
    claims.extend(ready(state, &claims));
    Verdict { state, claims, reason: None, version: None, nodes: known(nodes), is_followed: true }
}

fn known(nodes: &Nodes) -> Option<Vec<Node>> {
    match nodes {
        Nodes::Known(listed) => Some(listed.clone()),
        Nodes::Unknown | Nodes::Unreadable { .. } => None,
    }
}

fn healthy(nodes: &[Node]) -> Claim {
    let found = node::evaluate(nodes);
    match found.state {
        ClusterState::Unhealthy => Claim::no(condition::HEALTHY, NODE_UNDER_PRESSURE, found.sentence),
        ClusterState::NotReady => Claim::no(condition::HEALTHY, NODE_NOT_READY, found.sentence),
        _ => Claim::yes(condition::HEALTHY, NODES_READY, found.sentence),
    }
}

/// The summary; nothing while what was said before is as good as what is known.
fn ready(state: ClusterState, claims: &[Claim]) -> Option<Claim> {
    let unhealthy = claims.iter().find(|claim| claim.type_ == condition::HEALTHY && claim.holds == Some(false));
    let is_complete = claims.iter().any(|claim| claim.type_ == condition::HEALTHY);
    match (state, unhealthy) {
        (ClusterState::Connecting, _) => {
            Some(Claim::no(condition::READY, CONNECTING, "the cluster answers again; its nodes are being looked at"))
        }
        (_, Some(unhealthy)) => Some(Claim { type_: condition::READY, ..unhealthy.clone() }),
        _ if is_complete => Some(Claim::yes(condition::READY, USABLE, "applications may run here")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
