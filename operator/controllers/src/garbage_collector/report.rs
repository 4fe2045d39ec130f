//! The garbage collector's part of a Cluster's status: what its deletion waits for. Other kinds have no such part.

use jiff::Timestamp;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{Cluster, ClusterStatus},
};
use kube::ResourceExt;

use super::{Error, NAME, decide::Plan, index::Entry};
use crate::{
    context::{Announcement, Context},
    status::Part,
};

const PART: Part = Part { manager: "krake-garbage-collector", fields: &[], conditions: &[condition::DELETING] };

/// Dependents are still there.
const AWAITING_DEPENDENTS: &str = "AwaitingDependents";

/// Dependents may still be there.
const DEPENDENTS_UNKNOWN: &str = "DependentsUnknown";

pub(super) async fn report(object: &Entry, plan: &Plan, context: &Context) -> Result<(), Error> {
    let (reason, message) = match plan {
        Plan::Cascade { message, .. } => (AWAITING_DEPENDENTS, message.clone()),
        Plan::Wait(doubt) => (DEPENDENTS_UNKNOWN, doubt.to_string()),
        Plan::Guard | Plan::Rest | Plan::Release => return Ok(()),
    };
    let Some(cluster) = cluster(object, context) else { return Ok(()) };
    let wanted = status_after(&cluster, reason, &message, Timestamp::now());
    let api = context.api_of(&*cluster);
    let Some(written) = PART.write(&api, &cluster, &wanted).await.map_err(Error::Report)? else { return Ok(()) };
    context.instruments.wrote_status(NAME);
    context.announce(&written, Announcement::normal(reason, "Deleting", message)).await;
    Ok(())
}

fn cluster(object: &Entry, context: &Context) -> Option<std::sync::Arc<Cluster>> {
    let namespace = object.outline.namespace().filter(|_| object.is_cluster())?;
    context
        .clusters
        .find(&namespace, &object.outline.name_any())
        .filter(|cluster| cluster.uid() == object.outline.uid())
}

fn status_after(cluster: &Cluster, reason: &'static str, message: &str, now: Timestamp) -> ClusterStatus {
    let before = cluster.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let claim = Claim::yes(condition::DELETING, reason, message);
    ClusterStatus { conditions: vec![claim.over(before, cluster.metadata.generation, now)], ..ClusterStatus::default() }
}
