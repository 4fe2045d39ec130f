//! What is there: the way to the target, what the target knows, and the live objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt, stream};
use krake_crds::{
    condition,
    kubernetes::{
        Application, Cluster, Placement,
        application::{DeletionPolicy, MigrationStrategy},
        cluster::ClusterDeletionPolicy,
        placement::InventoryEntry,
    },
};
use krake_operator_domain::manifest::{self, Identity, Scope};
use krake_operator_loops::{context::Context, labels, moved_away};
use krake_operator_targets::{self as targets, ClusterKey, Ownership, Reachability, TargetCluster};
use kube::{ResourceExt, discovery};
use serde_json::Value;

use super::{
    Error,
    decide::{self, Abandoned},
    trouble::Trouble,
};

/// Reads from one target in flight for one Placement.
const CONCURRENT_READS: usize = 8;

/// The way to the target.
pub(super) enum Reach {
    /// It answers.
    Reached(TargetCluster),
    /// It does not at the moment.
    Unreachable { why: String },
    /// Nobody knows yet: it was not asked in this term.
    Unknown,
    /// Others are busy with it.
    Busy,
    /// Its Cluster does not exist any more: nobody can ever reach it in this Placement's name.
    Gone,
    /// Its Cluster is none of its namespace's: nothing is done there in its name, whoever has asked for it.
    Foreign { why: String },
}

/// A Placement and what its target says about it.
pub(super) struct Observed {
    pub(super) placement: Arc<Placement>,
    pub(super) ownership: Ownership,
    pub(super) situation: Situation,
    /// Why it goes, if it does.
    pub(super) farewell: Option<Farewell>,
}

/// What decides about the objects of a Placement that is in deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Its Cluster is being deleted and says that everything on it stays.
    ClusterOrphans,
    /// Its Application does.
    Cause(Cause),
}

/// Why a Placement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its Application is elsewhere, or nowhere, and is moved in this way.
    Moved(MigrationStrategy),
    /// Its Application is being deleted, or is gone; or somebody deleted the Placement itself.
    Deleted(DeletionPolicy),
}

/// What the target says.
pub(super) enum Situation {
    /// Nothing.
    Unreachable { why: String, trouble: Option<Trouble> },
    /// Nothing, ever again, for this reason.
    Gone(Abandoned),
    /// It answered, but not usefully.
    Troubled(Trouble),
    /// It answers; nothing was asked, because what is recorded is enough.
    Reached,
    /// Everything.
    Known(Facts),
}

/// What the target says about the objects of a manifest.
pub(super) struct Facts {
    /// What the manifest means on this target.
    pub(super) outline: Result<manifest::Plan, manifest::Error>,
    /// The live ones among the objects of the manifest and of the inventory.
    pub(super) live: BTreeMap<Identity, Value>,
}

pub(super) async fn reach(placement: &Placement, context: &Context) -> Result<Reach, Error> {
    let home = placement.namespace().unwrap_or_default();
    let key = ClusterKey::of(&placement.spec.cluster, &home);
    if key.namespace != home {
        let why = format!("cluster {key} is in another namespace; only clusters of namespace {home} may be used");
        return Ok(Reach::Foreign { why });
    }
    if is_unknown(&key, context) {
        return Ok(Reach::Unknown);
    }
    let why = match context.targets.get(&key) {
        Ok(target) => return Ok(Reach::Reached(target)),
        Err(targets::Error::Busy { .. }) => return Ok(Reach::Busy),
        Err(error) => error.to_string(),
    };
    // That a cache does not have it means nothing; that it does have it saves the question.
    if context.clusters.find(&key.namespace, &key.name).is_some() {
        return Ok(Reach::Unreachable { why });
    }
    let cluster = context.api::<Cluster>(&key.namespace).get_opt(&key.name).await.map_err(Error::ReadCluster)?;
    Ok(if cluster.is_some() { Reach::Unreachable { why } } else { Reach::Gone })
}

/// Whether the first probe of a cluster that answered in an earlier term is still to come.
fn is_unknown(key: &ClusterKey, context: &Context) -> bool {
    let cluster = context.clusters.find(&key.namespace, &key.name);
    let status = cluster.as_ref().and_then(|cluster| cluster.status.as_ref());
    let answered = status.is_some_and(|status| condition::is_true(&status.conditions, condition::REACHABLE));
    match context.targets.view(key) {
        Some(view) => answered && view.reachability == Reachability::Unknown,
        None => answered && context.targets.is_young(),
    }
}

pub(super) async fn observe(placement: &Arc<Placement>, reach: &Reach, context: &Context) -> Result<Observed, Error> {
    let farewell = farewell(placement, reach, context).await?;
    let situation = match reach {
        Reach::Unreachable { why } => Situation::Unreachable { why: why.clone(), trouble: None },
        Reach::Busy | Reach::Unknown => {
            Situation::Unreachable { why: "others are busy with the cluster".to_owned(), trouble: None }
        }
        Reach::Foreign { why } if farewell.is_none() => Situation::Unreachable { why: why.clone(), trouble: None },
        Reach::Foreign { .. } => Situation::Gone(Abandoned::Foreign),
        Reach::Gone => Situation::Gone(Abandoned::Unregistered),
        Reach::Reached(_) if farewell.is_some() => Situation::Reached,
        Reach::Reached(target) => match facts(placement, target).await {
            Ok(facts) => Situation::Known(facts),
            Err(error) if error.is_unreachable() => {
                Situation::Unreachable { why: error.sentence(), trouble: Some(Trouble::Target(error)) }
            }
            Err(error) => Situation::Troubled(Trouble::Target(error)),
        },
    };
    Ok(Observed { placement: placement.clone(), ownership: ownership(placement), situation, farewell })
}

async fn farewell(placement: &Placement, reach: &Reach, context: &Context) -> Result<Option<Farewell>, Error> {
    if placement.metadata.deletion_timestamp.is_none() {
        return Ok(None);
    }
    let key = ClusterKey::of(&placement.spec.cluster, &placement.namespace().unwrap_or_default());
    let cluster = context.clusters.find(&key.namespace, &key.name);
    // What is on a cluster that is gone stays there, whatever anybody says.
    if matches!(reach, Reach::Gone | Reach::Foreign { .. }) || cluster.is_some_and(|cluster| orphans(&cluster)) {
        return Ok(Some(Farewell::ClusterOrphans));
    }
    Ok(Some(Farewell::Cause(cause(placement, context).await?)))
}

/// Whether the Cluster is being deleted and leaves what is on it alone.
pub(super) fn orphans(cluster: &Cluster) -> bool {
    cluster.metadata.deletion_timestamp.is_some() && cluster.spec.deletion_policy == ClusterDeletionPolicy::Orphan
}

/// The API server is asked about an Application that seems to live, because it decides what is removed.
async fn cause(placement: &Placement, context: &Context) -> Result<Cause, Error> {
    let namespace = placement.namespace().unwrap_or_default();
    let cached = context.applications.find(&namespace, &placement.spec.application);
    if let Some(leaving) = cached.filter(|found| found.metadata.deletion_timestamp.is_some()) {
        return Ok(cause_of(placement, Some(&leaving)));
    }
    let now = context.api::<Application>(&namespace).get_opt(&placement.spec.application).await;
    Ok(cause_of(placement, now.map_err(Error::ReadApplication)?.as_ref()))
}

/// A copy is moved away if its Application's controller says so: with a whole namespace, Placements may be deleted before
/// their Applications, and people delete them too. A namesake of the Application is not it; when it is gone, what the
/// Placement was last told counts.
pub(super) fn cause_of(placement: &Placement, namesake: Option<&Application>) -> Cause {
    let application = namesake.filter(|found| labels::may_belong_to(placement, found));
    if moved_away::is_marked(placement) {
        return Cause::Moved(application.map(|found| found.spec.migration_strategy).unwrap_or_default());
    }
    Cause::Deleted(application.map_or(placement.spec.deletion_policy, |found| found.spec.deletion_policy))
}

pub(super) fn ownership(placement: &Placement) -> Ownership {
    Ownership {
        uid: placement.uid().unwrap_or_default(),
        namespace: placement.namespace().unwrap_or_default(),
        placement: placement.name_any(),
        application: placement.spec.application.clone(),
    }
}

/// The namespace of objects that name none: the one they were first applied to, even if the kubeconfig names another one
/// by now. They would become others, and what is in the first ones would be lost. Until something is there, the kubeconfig
/// may still be corrected.
pub(super) fn default_namespace<'a>(placement: &'a Placement, of_kubeconfig: &'a str) -> &'a str {
    let Some(status) = &placement.status else { return of_kubeconfig };
    let is_used = |namespace: &&str| {
        let is_there = |entry: &InventoryEntry| entry.uid.is_some() && entry.namespace.as_deref() == Some(*namespace);
        status.observed_generation.is_some() || status.inventory.iter().any(is_there)
    };
    status.default_namespace.as_deref().filter(is_used).unwrap_or(of_kubeconfig)
}

async fn facts(placement: &Placement, target: &TargetCluster) -> Result<Facts, targets::Error> {
    let scopes = scopes(&placement.spec.manifest, target).await?;
    let outline =
        decide::outline(placement, default_namespace(placement, target.default_namespace()), |api_version, kind| {
            scopes.get(&(api_version.to_owned(), kind.to_owned())).copied()
        });
    let mut entries: BTreeMap<Identity, InventoryEntry> = BTreeMap::new();
    let recorded = placement.status.as_ref().map(|status| status.inventory.as_slice()).unwrap_or_default();
    entries.extend(recorded.iter().map(|entry| (Identity::of_entry(entry), entry.clone())));
    if let Ok(outline) = &outline {
        entries.extend(outline.apply.iter().map(|desired| (desired.identity.clone(), desired.entry(None))));
    }
    Ok(Facts { outline, live: read(entries, target).await? })
}

async fn scopes(
    manifest: &[Value],
    target: &TargetCluster,
) -> Result<BTreeMap<(String, String), Scope>, targets::Error> {
    let kinds: BTreeSet<_> = manifest
        .iter()
        .filter_map(|object| Some((object.get("apiVersion")?.as_str()?, object.get("kind")?.as_str()?)))
        .collect();
    let mut known = BTreeMap::new();
    for (api_version, kind) in kinds {
        let scope = match target.find_scope(api_version, kind).await? {
            Some(discovery::Scope::Namespaced) => Scope::Namespaced,
            Some(discovery::Scope::Cluster) => Scope::Cluster,
            None => continue,
        };
        known.insert((api_version.to_owned(), kind.to_owned()), scope);
    }
    Ok(known)
}

async fn read(
    entries: BTreeMap<Identity, InventoryEntry>,
    target: &TargetCluster,
) -> Result<BTreeMap<Identity, Value>, targets::Error> {
    stream::iter(entries)
        .map(|(identity, entry)| async move { Ok(target.find(&entry).await?.map(|live| (identity, live))) })
        .buffer_unordered(CONCURRENT_READS)
        .try_filter_map(|found| std::future::ready(Ok(found)))
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::placement::example;

    #[test]
    fn objects_without_a_namespace_stay_where_they_were_first_applied() {
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
        let mut placement = example::applied(example::placement(&[object]), &[example::object("ConfigMap", "a")]);
        let pruned = |placement: &Placement| {
            let namespace = default_namespace(placement, "rotated");
            let outline = decide::outline(placement, namespace, |_, _| Some(Scope::Namespaced)).unwrap();
            (outline.apply[0].identity.namespace.clone(), outline.prune.len())
        };
        assert_eq!(pruned(&placement), (Some("rotated".into()), 1));
        placement.status.get_or_insert_default().default_namespace = Some("default".into());
        assert_eq!(pruned(&placement), (Some("default".into()), 0));
    }

    #[test]
    fn a_namespace_in_which_nothing_is_yet_may_be_corrected() {
        let mut placement = example::applied(example::placement(&[]), &[example::object("ConfigMap", "a")]);
        let status = placement.status.get_or_insert_default();
        (status.observed_generation, status.default_namespace) = (None, Some("default".into()));
        assert_eq!(default_namespace(&placement, "corrected"), "default");
        placement.status.get_or_insert_default().inventory[0].uid = None;
        assert_eq!(default_namespace(&placement, "corrected"), "corrected");
    }
}
