//! Carries out what was decided about a cluster.

use std::sync::Arc;

use krake_crds::{
    finalizer,
    kubernetes::{Application, Cluster, Placement},
};
use kube::{ResourceExt, api::ListParams};

use super::{
    Error,
    decide::Plan,
    observe::{Observed, depends_on, reference_to},
};
use crate::{
    context::{Announcement, Context},
    finalizers, labels,
    safety::{self, Deletion},
};

pub(super) async fn act(observed: &Observed, plan: &Plan, context: &Context) -> Result<(), Error> {
    let cluster = &*observed.cluster;
    match plan {
        Plan::Rest => Ok(()),
        Plan::Guard => {
            let guarded = finalizers::ensure(&context.api_of(cluster), cluster, finalizer::CASCADE).await;
            guarded.map(drop).map_err(Error::Finalizer)
        }
        Plan::Cascade { applications, placements, message: _ } => {
            expect_leaving(cluster, context).await?;
            for application in applications {
                delete_application(application, cluster, context).await?;
            }
            for placement in placements {
                delete_placement(placement, cluster, context).await?;
            }
            Ok(())
        }
        Plan::Release => release(cluster, context).await,
    }
}

/// The cache may still show a cluster whose namesake of now is not being deleted at all.
async fn expect_leaving(cluster: &Cluster, context: &Context) -> Result<(), Error> {
    let now = context.api_of(cluster).get_metadata_opt(&cluster.name_any()).await;
    match now.map_err(|error| Error::Read("the cluster", error))? {
        Some(now) if now.uid() == cluster.uid() && now.metadata.deletion_timestamp.is_some() => Ok(()),
        _ => Err(Error::Changed("the cluster")),
    }
}

async fn delete_application(application: &Arc<Application>, cluster: &Cluster, context: &Context) -> Result<(), Error> {
    let deleted = safety::delete(context, &**application, |now| depends_on(now, cluster)).await;
    if deleted.map_err(Error::Delete)? == Deletion::Marked {
        let note = format!("deleted because its cluster {} is being deleted", cluster.name_any());
        tracing::info!(application = application.name_any(), "{note}");
        context.announce(&**application, Announcement::warning("ClusterDeleted", "CollectingGarbage", note)).await;
    }
    Ok(())
}

async fn delete_placement(placement: &Arc<Placement>, cluster: &Cluster, context: &Context) -> Result<(), Error> {
    let reference = reference_to(cluster);
    let deleted = safety::delete(context, &**placement, |now| now.spec.cluster == reference).await;
    deleted.map(drop).map_err(Error::Delete)
}

/// The cache may not know yet of a Placement that was made a moment ago: the API server is asked.
async fn release(cluster: &Cluster, context: &Context) -> Result<(), Error> {
    let selector = format!("{}={}", labels::CLUSTER, labels::cluster_digest(&reference_to(cluster)));
    let api = kube::Api::<Placement>::all(context.client.clone());
    let left = api.list_metadata(&ListParams::default().labels(&selector)).await;
    if !left.map_err(|error| Error::Read("the Placements", error))?.items.is_empty() {
        return Err(Error::Changed("the list of Placements"));
    }
    finalizers::remove(&context.api_of(cluster), cluster, finalizer::CASCADE).await.map_err(Error::Finalizer)
}
