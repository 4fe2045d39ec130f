//! What a decision about an application needs: its Placements, whether their clusters answer, and whether the one that
//! was chosen may take a Placement.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use krake_crds::{
    condition, finalizer,
    kubernetes::{Application, Cluster, Placement},
    reference::ObjectReference,
};
use krake_operator_loops::{context::Context, finalizers};
use kube::ResourceExt;

use super::copy;

/// An application, its copies, and the cluster that it was scheduled to.
pub(super) struct Observed {
    pub(super) application: Arc<Application>,
    /// Its Placements, in the order of their names: its own, and those that a namesake before it has left behind when it
    /// was lost.
    pub(super) placements: Vec<Arc<Placement>>,
    /// Placements of a namesake that are on their way out.
    pub(super) strangers: Vec<Arc<Placement>>,
    /// Clusters that do not answer, or do not exist, of those that have one of its Placements.
    pub(super) silent: BTreeSet<ObjectReference>,
    /// Clusters whose nodes are not well, of those that have one of its Placements.
    pub(super) unwell: BTreeSet<ObjectReference>,
    /// The cluster that it was scheduled to.
    pub(super) target: Target,
    /// How long the new copy of a move may take to become ready.
    pub(super) progress_deadline: Duration,
}

/// Whether a cluster may take a new Placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// There is no such cluster, or none was chosen.
    Absent,
    /// It is one of another namespace.
    Foreign,
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
    let mut placements = context.placements_of(&namespace, &name);
    placements.sort_by_key(|placement| placement.name_any());
    // There is only one application of this name: whoever made the others is gone.
    let (placements, strangers): (Vec<_>, Vec<_>) = placements
        .into_iter()
        .partition(|placement| copy::belongs_to(placement, application) || !copy::is_leaving(placement));
    let places = |is_meant: fn(Option<&Cluster>) -> bool| {
        let places = placements.iter().map(|placement| &placement.spec.cluster);
        places.filter(|place| is_meant(cluster(place, &namespace, context).as_deref())).cloned().collect()
    };
    let asked = application.spec.progress_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Observed {
        application: application.clone(),
        silent: places(is_silent),
        unwell: places(is_unwell),
        placements,
        strangers,
        target: target(application, context),
        progress_deadline: asked.map_or(context.settings.progress_deadline, Duration::from_secs),
    }
}

fn target(application: &Application, context: &Context) -> Target {
    let namespace = application.namespace().unwrap_or_default();
    match application.status.as_ref().and_then(|status| status.scheduled_to.as_ref()) {
        Some(chosen) if !chosen.is_within(&namespace) => Target::Foreign,
        chosen => Target::of(chosen.and_then(|chosen| cluster(chosen, &namespace, context)).as_deref()),
    }
}

/// The cluster that is meant. One of another namespace is none of its business, whoever wrote that down.
fn cluster(place: &ObjectReference, namespace: &str, context: &Context) -> Option<Arc<Cluster>> {
    place.is_within(namespace).then(|| context.clusters.find(namespace, &place.name)).flatten()
}

fn is_silent(cluster: Option<&Cluster>) -> bool {
    cluster.is_none_or(|cluster| is_false(cluster, condition::REACHABLE))
}

fn is_unwell(cluster: Option<&Cluster>) -> bool {
    cluster.is_some_and(|cluster| is_false(cluster, condition::HEALTHY))
}

fn is_false(cluster: &Cluster, type_: &str) -> bool {
    cluster.status.as_ref().is_some_and(|status| condition::is_false(&status.conditions, type_))
}
