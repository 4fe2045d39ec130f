//! What the choice of a cloud needs: the cluster, whether it still needs a cloud, and those that there are.

use std::{fmt::Debug, sync::Arc};

use krake_crds::{
    infrastructure::{Cloud, GlobalCloud},
    kubernetes::Cluster,
    reference::ObjectReference,
};
use krake_operator_domain::scheduling::{Candidate, inheritance::Parent};
use krake_operator_loops::{context::Context, parent::ParentCloud, readings::readings};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::Error;

/// A cluster, and whether it needs a cloud.
pub(super) struct Observed {
    pub(super) cluster: Arc<Cluster>,
    pub(super) need: Need,
}

/// Whether a cluster needs a cloud.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Need {
    /// It is going away: nobody looks for a cloud any more.
    GoingAway,
    /// It never did, or somebody has given it a kubeconfig.
    None,
    /// It has this one for good.
    Met(ObjectReference),
    /// One of its namespace or, if none of these fits, one for every namespace.
    Open { own: Vec<Candidate>, global: Vec<Candidate> },
}

pub(super) async fn observe(cluster: &Arc<Cluster>, context: &Context) -> Result<Observed, Error> {
    let place = cluster.status.as_ref().and_then(|status| status.scheduled_to.as_ref());
    let need = match place {
        _ if cluster.metadata.deletion_timestamp.is_some() => Need::GoingAway,
        Some(place) if !is_open(cluster) || exists(place, cluster, context).await? => Need::Met(place.clone()),
        None if !is_open(cluster) => Need::None,
        Some(_) | None => clouds(&cluster.namespace().unwrap_or_default(), context),
    };
    Ok(Observed { cluster: cluster.clone(), need })
}

/// Whether the cluster may be built on any cloud: it stays, and there is nothing of it anywhere.
pub(super) fn is_open(cluster: &Cluster) -> bool {
    let is_built =
        cluster.status.as_ref().is_some_and(|status| status.running_on.is_some() || status.cluster_id.is_some());
    let has_kubeconfig = cluster.spec.kubeconfig_secret_ref.is_some();
    !is_built && !has_kubeconfig && cluster.metadata.deletion_timestamp.is_none()
}

/// Whether the cloud that was chosen is there. Our cache may be behind somebody who has bound the cluster to a new cloud.
async fn exists(place: &ObjectReference, cluster: &Cluster, context: &Context) -> Result<bool, Error> {
    if ParentCloud::of(cluster, context).is_some() {
        return Ok(true);
    }
    let client = || context.client.clone();
    let namespace = || place.namespace.clone().or_else(|| cluster.namespace()).unwrap_or_default();
    match place.kind.as_str() {
        "Cloud" => is_found(Api::<Cloud>::namespaced(client(), &namespace()), &place.name).await,
        "GlobalCloud" => is_found(Api::<GlobalCloud>::all(client()), &place.name).await,
        _ => Ok(false),
    }
}

async fn is_found<K: Clone + Debug + DeserializeOwned>(api: Api<K>, name: &str) -> Result<bool, Error> {
    Ok(api.get_metadata_opt(name).await.map_err(Error::FindCloud)?.is_some())
}

fn clouds(namespace: &str, context: &Context) -> Need {
    let readings = readings(context);
    let own = context.clouds.in_namespace(namespace).into_iter().map(|cloud| {
        let parent = Parent { spec: &cloud.spec, is_global: false };
        Candidate::of_cloud(reference(&*cloud), &parent, is_deleting(&*cloud), &readings)
    });
    let global = context.global_clouds.store.state().into_iter().map(|cloud| {
        let parent = Parent { spec: &cloud.spec.0, is_global: true };
        Candidate::of_cloud(reference(&*cloud), &parent, is_deleting(&*cloud), &readings)
    });
    Need::Open { own: own.collect(), global: global.collect() }
}

fn is_deleting(cloud: &impl Resource) -> bool {
    cloud.meta().deletion_timestamp.is_some()
}

fn reference<K: Resource<DynamicType = ()>>(cloud: &K) -> ObjectReference {
    ObjectReference {
        group: K::group(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        namespace: cloud.namespace(),
        name: cloud.name_any(),
    }
}
