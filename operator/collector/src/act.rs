//! Carries out what was decided about an object.

use std::sync::Arc;

use krake_crds::{finalizer, kubernetes::Placement};
use krake_operator_loops::{
    context::{Announcement, Context},
    finalizers, labels,
    safety::{self, Deletion},
};
use kube::{Resource, ResourceExt, api::ListParams};

use super::{
    Error,
    decide::{Doubt, Plan},
    index::{self, Entry, Index},
};

pub(super) async fn act(object: &Entry, plan: &Plan, index: &Index, context: &Context) -> Result<(), Error> {
    match plan {
        Plan::Rest => Ok(()),
        Plan::Guard => {
            let guarded = finalizers::ensure(&object.api(&context.client), &object.outline, finalizer::CASCADE).await;
            guarded.map(drop).map_err(Error::Finalizer)
        }
        Plan::Cascade { dependents, placements, said: _ } => {
            if dependents.is_empty() && placements.is_empty() {
                return Ok(());
            }
            expect_leaving(object, context).await?;
            // One that changes all the time must not keep the others.
            let mut all = Ok(());
            for dependent in dependents {
                all = all.and(delete_dependent(dependent, object, context).await);
            }
            for placement in placements {
                all = all.and(delete_placement(placement, object, context).await);
            }
            all
        }
        Plan::Wait(doubt) => {
            if let Doubt::Incomplete(kind) = doubt {
                index.tell(Some(kind));
            }
            Err(Error::Unsure(doubt.clone()))
        }
        Plan::Release => {
            if !object.is_forced() {
                index.tell(None);
            }
            release(object, context).await
        }
    }
}

/// The cache may still show an object whose namesake of now is not being deleted at all, or a cluster that lets its
/// applications go by now.
async fn expect_leaving(object: &Entry, context: &Context) -> Result<(), Error> {
    let now = object.api(&context.client).get_opt(&object.outline.name_any()).await;
    let outline = now.map_err(|error| Error::Read("the object", error))?.map(Arc::new);
    let now = outline.map(|outline| Entry { kind: object.kind.clone(), outline });
    let is_as_seen = |now: &Entry| {
        let policies = [now, object].map(|entry| entry.outline.spec.lets_applications_go);
        now.outline.uid() == object.outline.uid() && policies[0] == policies[1]
    };
    match now {
        Some(now) if is_as_seen(&now) && now.is_leaving() && !now.is_forced() => Ok(()),
        _ => Err(Error::Changed("the object")),
    }
}

/// Kubernetes takes no new finalizers once deletion has begun, so the dependent is guarded before: it may have
/// dependents of its own.
async fn delete_dependent(dependent: &Entry, owner: &Entry, context: &Context) -> Result<(), Error> {
    let api = dependent.api(&context.client);
    let seen = match finalizers::ensure(&api, &dependent.outline, finalizer::CASCADE).await {
        Ok(guarded) => guarded.map_or_else(|| dependent.outline.clone(), Arc::new),
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        Err(error) => return Err(Error::Finalizer(error)),
    };
    let (names, place) = (owner.names(), owner.place());
    let is_due = |now: &_| index::depends_on(now, names.as_ref(), &place);
    let deleted = safety::delete_through(context, &api, &*seen, is_due).await;
    if deleted.map_err(Error::Delete)? == Deletion::Marked {
        let note = format!("deleted because its owner {owner} is being deleted");
        tracing::info!(%dependent, "{note}");
        let announcement = Announcement::warning("OwnerDeleted", "CollectingGarbage", note);
        context.announce_about(dependent.outline.object_ref(&dependent.kind), announcement);
    }
    Ok(())
}

async fn delete_placement(placement: &Arc<Placement>, cluster: &Entry, context: &Context) -> Result<(), Error> {
    let place = cluster.place();
    // An application that lives is elsewhere by now, or it would go with its cluster.
    let application =
        context.applications.find(&placement.namespace().unwrap_or_default(), &placement.spec.application);
    let lives = application
        .is_some_and(|found| found.metadata.deletion_timestamp.is_none() && labels::may_belong_to(placement, &found));
    let deleted = safety::delete_copy(context, placement, lives, |now| now.spec.cluster == place).await;
    deleted.map(drop).map_err(Error::Delete)
}

async fn release(object: &Entry, context: &Context) -> Result<(), Error> {
    if object.is_cluster() && !object.is_forced() {
        expect_no_placements(object, context).await?;
    }
    let api = object.api(&context.client);
    finalizers::remove(&api, &object.outline, finalizer::CASCADE).await.map_err(Error::Finalizer)
}

/// The cache may not know yet of a Placement that was made a moment ago: the API server is asked.
async fn expect_no_placements(cluster: &Entry, context: &Context) -> Result<(), Error> {
    let selector = format!("{}={}", labels::CLUSTER, labels::cluster_digest(&cluster.place()));
    let api = kube::Api::<Placement>::all(context.client.clone());
    let left = api.list_metadata(&ListParams::default().labels(&selector)).await;
    if left.map_err(|error| Error::Read("the Placements", error))?.items.is_empty() {
        Ok(())
    } else {
        Err(Error::Changed("the list of Placements"))
    }
}
