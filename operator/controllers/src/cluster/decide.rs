//! Whether to connect, and how the cluster is. Pure.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{
        Cluster, ClusterStatus,
        cluster::{ClusterState, Node},
    },
    reason::{Reason, ReasonCode},
};
use krake_operator_domain::{
    health::node,
    lifecycle::{ClusterFacts, Probe, cluster_state},
};
use krake_operator_targets::{ClusterView, Kubeconfig, Nodes, Reachability, Refusal, Served};

use super::{
    act::Done,
    observe::{Access, Observed},
};

/// What to do with the connection.
pub(super) enum Plan<'a> {
    /// Have one with this kubeconfig.
    Connect(&'a Kubeconfig),
    /// Keep the one that there is.
    Keep,
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
    /// In name order, and no more than the status can hold.
    pub(super) served_custom_resources: Option<Vec<String>>,
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
/// Reason of a condition, and what it says: the last probe was answered, and the status cannot list all that is served.
const LISTED_IN_PART: (&str, &str) = (
    "CustomResourcesListedInPart",
    "the API server answers; it serves more custom resources than the status can list, and \
     applications that ask for others find them here only if spec.customResources names them",
);
/// Reason of a condition: nothing is wrong with any node.
const NODES_READY: &str = "NodesReady";
/// Reason of a condition: a node is not ready.
const NODE_NOT_READY: &str = "NodeNotReady";
/// Reason of a condition: a node is short of something.
const NODE_UNDER_PRESSURE: &str = "NodeUnderPressure";
/// Reason of a condition: the kubeconfig does not allow to look at nodes.
const NODES_NOT_READABLE: &str = "NodesNotReadable";
/// Reason of a condition: a metric cannot be read.
const METRICS_UNAVAILABLE: &str = "MetricsUnavailable";
/// Reason of a condition: applications may run here.
const USABLE: &str = "Usable";

/// How many custom resources the status lists.
const LISTED_CUSTOM_RESOURCES: usize = 4096;

/// How many bytes their names may have together: some three thousand usual ones, and a small part of what an object may
/// have.
const LISTED_BYTES: usize = 128 * 1024;

/// What the status said before, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
struct Before<'a> {
    state: Option<ClusterState>,
    /// The metrics controller's sentence about metrics that cannot be read.
    failing_metrics: Option<&'a str>,
    served: &'a [String],
    /// What the scheduler says if there is no cloud that the cluster can be built on.
    without_cloud: Option<&'a Condition>,
    /// Whether the scheduler will look for one again.
    is_searching: bool,
}

impl<'a> Before<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        let Some(status) = cluster.status.as_ref() else { return Self::default() };
        let metrics = condition::find(&status.conditions, condition::METRICS_AVAILABLE);
        Self {
            state: status.state,
            failing_metrics: metrics.filter(|found| found.status == "False").map(|found| found.message.as_str()),
            served: &status.served_custom_resources,
            without_cloud: without_cloud(cluster, status),
            is_searching: status.scheduling.as_ref().is_some_and(|scheduling| scheduling.next_attempt.is_some()),
        }
    }

    fn state_after(&self, probe: Probe<'_>) -> ClusterState {
        cluster_state(&ClusterFacts {
            previous: self.state,
            probe,
            is_failing_metrics: self.failing_metrics.is_some(),
            is_without_cloud: self.without_cloud.is_some() && !self.is_searching,
        })
    }
}

/// Only what is said about this version of the spec counts, and only while there is no kubeconfig.
fn without_cloud<'a>(cluster: &Cluster, status: &'a ClusterStatus) -> Option<&'a Condition> {
    let scheduled = condition::find(&status.conditions, condition::SCHEDULED)?;
    let is_current = scheduled.observed_generation == cluster.metadata.generation;
    let is_meant = scheduled.status == "False" && is_current && cluster.spec.kubeconfig_secret_ref.is_none();
    is_meant.then_some(scheduled)
}

pub(super) fn plan(observed: &Observed) -> Plan<'_> {
    match &observed.access {
        Access::Given(kubeconfig) => Plan::Connect(kubeconfig),
        // A namespace that goes takes the Secret along at once, and everything that must be cleaned up only later.
        Access::Missing(_) if observed.is_needed => Plan::Keep,
        Access::Refused(_) | Access::Missing(_) => Plan::Disconnect,
    }
}

pub(super) fn judge(observed: &Observed, done: &Done) -> Verdict {
    let before = Before::of(&observed.cluster);
    match (done, &observed.access) {
        (Done::Connected(view), _) => connected(before, view),
        (Done::NotConnectable, _) => refused(before, &Refusal::BadCredentials),
        (Done::Disconnected, Access::Refused(refusal)) => refused(before, refusal),
        (Done::Disconnected, Access::Missing(sentence)) => missing(before, sentence),
        (Done::Disconnected, Access::Given(_)) => missing(before, "the connection was closed"),
    }
}

fn missing(before: Before<'_>, sentence: &str) -> Verdict {
    // One that never had a kubeconfig is awaited; one that lost it is lost.
    let probe = match before.state {
        None | Some(ClusterState::Pending | ClusterState::Failed) => Probe::NotYet,
        Some(_) => Probe::Unreachable,
    };
    let reason = before.without_cloud.map(|scheduled| {
        let is_invalid = scheduled.reason == "InvalidConstraint";
        let code = if is_invalid { ReasonCode::InvalidResource } else { ReasonCode::NoSuitableResource };
        Reason::new(code, scheduled.message.clone())
    });
    Verdict { reason, ..unusable(before.state_after(probe), KUBECONFIG_MISSING, sentence, None) }
}

fn refused(before: Before<'_>, refusal: &Refusal) -> Verdict {
    let state = before.state_after(Probe::Unreachable);
    unusable(state, KUBECONFIG_INVALID, &refusal.to_string(), Some(ReasonCode::InvalidResource))
}

fn unusable(state: ClusterState, reason: &'static str, sentence: &str, code: Option<ReasonCode>) -> Verdict {
    let claims = vec![
        Claim::no(condition::READY, reason, sentence),
        Claim::no(condition::REACHABLE, reason, sentence),
        Claim::unknown(condition::HEALTHY, reason, sentence),
    ];
    let reason = code.map(|code| Reason::new(code, sentence));
    Verdict { claims, reason, is_followed: false, ..unchanged(state) }
}

/// Nothing new, for a cluster whose spec is followed.
fn unchanged(state: ClusterState) -> Verdict {
    Verdict {
        state,
        claims: Vec::new(),
        reason: None,
        version: None,
        nodes: None,
        served_custom_resources: None,
        is_followed: true,
    }
}

fn connected(before: Before<'_>, view: &ClusterView) -> Verdict {
    match &view.reachability {
        Reachability::Unknown => unchanged(before.state_after(Probe::NotYet)),
        Reachability::Unreachable { why } => {
            let (state, code) = (before.state_after(Probe::Unreachable), ReasonCode::ClusterNotReachable);
            Verdict { is_followed: true, ..unusable(state, UNREACHABLE, why, Some(code)) }
        }
        Reachability::Reachable { version } | Reachability::Returning { version } => {
            let (served, are_all) = served(before.served, &view.served);
            let answers = if are_all { (ANSWERED, "the API server answers") } else { LISTED_IN_PART };
            Verdict {
                version: Some(version).filter(|version| !version.is_empty()).cloned(),
                served_custom_resources: Some(served),
                ..answering(before, view, answers)
            }
        }
    }
}

fn answering(before: Before<'_>, view: &ClusterView, answers: (&'static str, &str)) -> Verdict {
    let listed: &[Node] = match &view.nodes {
        Nodes::Known(listed) => listed,
        Nodes::Unknown | Nodes::Unreadable { .. } => &[],
    };
    let probe = match (&view.reachability, &view.nodes) {
        (Reachability::Returning { .. }, _) => Probe::Returning,
        // Its nodes follow in a moment; until then only a cluster that was offline has got any further.
        (_, Nodes::Unknown) if before.state != Some(ClusterState::Offline) => Probe::NotYet,
        _ => Probe::Answered(listed),
    };
    let state = before.state_after(probe);
    let mut claims = vec![Claim::yes(condition::REACHABLE, answers.0, answers.1)];
    match &view.nodes {
        Nodes::Unknown => {}
        Nodes::Unreadable { why } => claims.push(Claim::unknown(condition::HEALTHY, NODES_NOT_READABLE, why)),
        Nodes::Known(listed) => claims.push(healthy(listed)),
    }
    claims.extend(ready(state, before.failing_metrics, &claims));
    Verdict { claims, nodes: known(&view.nodes), ..unchanged(state) }
}

/// What to list, and whether that is all. What the status says stays as long as it may be true.
fn served(before: &[String], found: &Served) -> (Vec<String>, bool) {
    let kept = before.iter().filter(|name| found.may_serve(name));
    let names: BTreeSet<&String> = found.names.iter().chain(kept).collect();
    let mut bytes = 0;
    let has_room = |name: &&&String| {
        bytes += name.len();
        bytes <= LISTED_BYTES
    };
    let listed: Vec<_> =
        names.iter().take(LISTED_CUSTOM_RESOURCES).take_while(has_room).map(|&name| name.clone()).collect();
    let are_all = listed.len() == names.len();
    (listed, are_all)
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
///
/// A cluster whose metrics fail is not ready: what runs there stays, but nothing new is placed there, and whoever waits
/// for the cluster waits for just that.
fn ready(state: ClusterState, failing_metrics: Option<&str>, claims: &[Claim]) -> Option<Claim> {
    let unhealthy = claims.iter().find(|claim| claim.type_ == condition::HEALTHY && claim.holds == Some(false));
    let is_complete = claims.iter().any(|claim| claim.type_ == condition::HEALTHY);
    match (state, unhealthy, failing_metrics) {
        (ClusterState::Connecting, ..) => {
            let message = "the cluster answers again; it is used when it has done so for some seconds";
            Some(Claim::no(condition::READY, CONNECTING, message))
        }
        (_, Some(unhealthy), _) => Some(Claim { type_: condition::READY, ..unhealthy.clone() }),
        (ClusterState::FailingMetrics, None, Some(sentence)) => {
            Some(Claim::no(condition::READY, METRICS_UNAVAILABLE, sentence))
        }
        _ if is_complete => Some(Claim::yes(condition::READY, USABLE, "applications may run here")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
