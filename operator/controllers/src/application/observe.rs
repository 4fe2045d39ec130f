//! What a decision about an application needs: its Placements, and whether its cluster may take one.

use std::sync::Arc;

use krake_crds::{
    finalizer,
    kubernetes::{Application, Cluster, Placement},
    reference::ObjectReference,
};
use kube::ResourceExt;

use super::copy;
use crate::{context::Context, finalizers};

/// An application, its copies, and the cluster that it was scheduled to.
pub(super) struct Observed {
    pub(super) application: Arc<Application>,
    /// Its own Placements, in the order of their names.
    pub(super) placements: Vec<Arc<Placement>>,
    /// Placements of a namesake that existed before it.
    pub(super) strangers: Vec<Arc<Placement>>,
    /// The cluster that it was scheduled to.
    pub(super) target: Target,
}

/// Whether a cluster may take a new Placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// There is no such cluster, or none was chosen.
    Absent,
    /// It is being deleted.
    Leaving,
    /// It could vanish without its Placements being removed first: the garbage collector has not seen it yet.
    Unprotected,
    /// It may.
    Open,
}

impl Target {
    pub(super) fn of(cluster: Option<&Cluster>) -> Self {
        match cluster {
            None => Self::Absent,
            Some(cluster) if cluster.metadata.deletion_timestamp.is_some() => Self::Leaving,
            Some(cluster) if !finalizers::holds(cluster, finalizer::CASCADE) => Self::Unprotected,
            Some(_) => Self::Open,
        }
    }
}

pub(super) fn observe(application: &Arc<Application>, context: &Context) -> Observed {
    let namespace = application.namespace().unwrap_or_default();
    let name = application.name_any();
    let mut placements = context.placements.store.state_filter(|placement| {
        placement.metadata.namespace.as_deref() == Some(&namespace) && placement.spec.application == name
    });
    placements.sort_by_key(|placement| placement.name_any());
    let (placements, strangers) =
        placements.into_iter().partition(|placement| copy::belongs_to(placement, application));
    let chosen = application.status.as_ref().and_then(|status| status.scheduled_to.as_ref());
    let cluster = chosen.and_then(|chosen| cluster(chosen, &namespace, context));
    Observed { application: application.clone(), placements, strangers, target: Target::of(cluster.as_deref()) }
}

fn cluster(chosen: &ObjectReference, namespace: &str, context: &Context) -> Option<Arc<Cluster>> {
    context.clusters.find(chosen.namespace.as_deref().unwrap_or(namespace), &chosen.name)
}
