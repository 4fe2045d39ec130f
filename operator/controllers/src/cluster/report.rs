//! The cluster controller's part of a Cluster's status, and its Events.

use jiff::Timestamp;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{
        Cluster, ClusterStatus,
        cluster::{ClusterState, Node},
    },
};
use krake_operator_domain::health::node;
use krake_operator_loops::{
    context::{Announcement, Context},
    status::Part,
};

use super::{Error, NAME, decide::Verdict, observe::Observed};

const PART: Part = Part {
    manager: "krake-cluster",
    fields: &[
        "observedGeneration",
        "state",
        "reason",
        "version",
        "nodeCount",
        "readyNodeCount",
        "nodes",
        "servedCustomResources",
    ],
    conditions: &[condition::READY, condition::REACHABLE, condition::HEALTHY],
};

/// How many nodes the status lists; it counts all of them.
const LISTED_NODES: usize = 100;

pub(super) async fn report(
    observed: &Observed,
    verdict: &Verdict,
    context: &Context,
    now: Timestamp,
) -> Result<(), Error> {
    let cluster = &*observed.cluster;
    let wanted = status_after(cluster, verdict, now);
    let written = PART.write(&context.api_of(cluster), cluster, &wanted).await.map_err(Error::Report)?;
    let Some(written) = written else { return Ok(()) };
    context.instruments.wrote_status(NAME);
    if let Some(announcement) = announcement(cluster, &wanted) {
        tracing::info!(state = %verdict.state, "{}", announcement.note);
        context.announce(&written, announcement);
    }
    Ok(())
}

fn status_after(cluster: &Cluster, verdict: &Verdict, now: Timestamp) -> ClusterStatus {
    let mut status = cluster.status.clone().unwrap_or_default();
    let generation = cluster.metadata.generation;
    let Verdict { state, claims, reason, version, nodes, served_custom_resources, is_followed } = verdict;
    status.state = Some(*state);
    status.reason.clone_from(reason);
    if *is_followed {
        status.observed_generation = generation;
    }
    if version.is_some() {
        status.version.clone_from(version);
    }
    if let Some(nodes) = nodes {
        count(&mut status, nodes);
    }
    if let Some(served) = served_custom_resources {
        status.served_custom_resources.clone_from(served);
    }
    for claim in claims {
        let next = claim.clone().over(&status.conditions, generation, now);
        status.conditions.retain(|existing| existing.type_ != claim.type_);
        status.conditions.push(next);
    }
    for type_ in PART.conditions {
        if condition::find(&status.conditions, type_).is_none() {
            let unknown = Claim::unknown(type_, "Connecting", "the cluster has not been looked at yet");
            status.conditions.push(unknown.over(&[], generation, now));
        }
    }
    status
}

fn count(status: &mut ClusterStatus, nodes: &[Node]) {
    status.node_count = i64::try_from(nodes.len()).ok();
    status.ready_node_count = i64::try_from(node::evaluate(nodes).ready).ok();
    status.nodes = nodes.iter().take(LISTED_NODES).cloned().collect();
}

/// What users are told when the state is another one.
fn announcement(cluster: &Cluster, after: &ClusterStatus) -> Option<Announcement> {
    let before = cluster.status.as_ref().and_then(|status| status.state);
    let state = after.state?;
    if before == Some(state) {
        return None;
    }
    let ready =
        condition::find(&after.conditions, condition::READY).map(|ready| ready.message.as_str()).unwrap_or_default();
    let note = format!("the cluster is {state}: {ready}");
    Some(match state {
        ClusterState::Online => Announcement::normal("Online", "Probing", note),
        ClusterState::Connecting => Announcement::normal("Connecting", "Probing", note),
        ClusterState::Offline => Announcement::warning("Offline", "Probing", note),
        ClusterState::NotReady => Announcement::warning("NotReady", "Probing", note),
        ClusterState::Unhealthy => Announcement::warning("Unhealthy", "Probing", note),
        ClusterState::FailingMetrics => Announcement::warning("FailingMetrics", "Probing", note),
        // The others belong to infrastructure providers, or say nothing yet.
        ClusterState::Pending
        | ClusterState::Creating
        | ClusterState::Reconciling
        | ClusterState::Deleting
        | ClusterState::FailingReconciliation
        | ClusterState::Failed
        | ClusterState::Degraded => return None,
    })
}
