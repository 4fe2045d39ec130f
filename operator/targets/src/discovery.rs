//! Which kinds a target knows, remembered per cluster.
//!
//! Known kinds are remembered until a call says otherwise; unknown ones for a short time, so that a manifest with a
//! misspelt kind costs a few requests per ten seconds and a freshly installed definition is seen soon.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::{
    Client,
    api::{ApiResource, GroupVersionKind},
    discovery::{Scope, pinned_kind},
};
use tokio::time::Instant;

/// How long a kind that was not found is taken as unknown without asking again.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// Versions of a group in which a kind is looked up. Real groups serve three at most.
const MOST_VERSIONS: usize = 8;

/// A kind as the target serves it.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) resource: ApiResource,
    pub(crate) scope: Scope,
}

/// The versions in which the target serves a group, the preferred one first; none when it does not list the group. Asked
/// before a 404 is believed: a proxy that has lost its API server answers 404 to everything, and an unknown kind is taken
/// as having no objects.
async fn served_versions(client: &Client, group: &str) -> kube::Result<Vec<String>> {
    if group.is_empty() {
        return Ok(client.list_core_api_versions().await?.versions);
    }
    let groups = client.list_api_groups().await?.groups;
    let Some(found) = groups.into_iter().find(|found| found.name == group) else { return Ok(Vec::new()) };
    let mut versions: Vec<_> = found.versions.into_iter().map(|served| served.version).collect();
    // A stable sort: the others stay in the order of the server, newest first.
    versions
        .sort_by_key(|version| Some(version) != found.preferred_version.as_ref().map(|preferred| &preferred.version));
    Ok(versions)
}

#[derive(Clone, Debug)]
enum Entry {
    Served(Served),
    Unknown {
        since: Instant,
        /// In which other versions its group is served, preferred ones first.
        elsewhere: Vec<String>,
    },
}

impl Entry {
    fn is_current(&self) -> bool {
        match self {
            Self::Served(_) => true,
            Self::Unknown { since, .. } => since.elapsed() < UNKNOWN_FOR,
        }
    }
}

fn unknown(kind: &GroupVersionKind, versions: Vec<String>) -> Entry {
    let elsewhere = versions.into_iter().filter(|version| *version != kind.version).take(MOST_VERSIONS).collect();
    Entry::Unknown { since: Instant::now(), elsewhere }
}

/// What is known about the kinds of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    entries: Mutex<HashMap<GroupVersionKind, Entry>>,
}

impl Kinds {
    /// Finds out how the target serves `kind`; `None` when it does not know it in this version.
    pub(crate) async fn find(&self, client: &Client, kind: &GroupVersionKind) -> kube::Result<Option<Served>> {
        match self.look(client, kind).await? {
            Entry::Served(served) => Ok(Some(served)),
            Entry::Unknown { .. } => Ok(None),
        }
    }

    /// Finds out how the target serves `kind`, in this version or in another one of its group: an object is the same in
    /// all of them, and outlives that in which it was applied. `None` when no version that is served has the kind.
    pub(crate) async fn find_in_any_version(
        &self,
        client: &Client,
        kind: &GroupVersionKind,
    ) -> kube::Result<Option<(GroupVersionKind, Served)>> {
        let versions = match self.look(client, kind).await? {
            Entry::Served(served) => return Ok(Some((kind.clone(), served))),
            Entry::Unknown { elsewhere, .. } => elsewhere,
        };
        for version in versions {
            let other = GroupVersionKind { version, ..kind.clone() };
            if let Some(served) = self.find(client, &other).await? {
                return Ok(Some((other, served)));
            }
        }
        Ok(None)
    }

    async fn look(&self, client: &Client, kind: &GroupVersionKind) -> kube::Result<Entry> {
        if let Some(known) = self.locked().get(kind).filter(|entry| entry.is_current()).cloned() {
            return Ok(known);
        }
        let entry = match pinned_kind(client, kind).await {
            Ok((resource, capabilities)) => Entry::Served(Served { resource, scope: capabilities.scope }),
            Err(kube::Error::Discovery(_)) => unknown(kind, served_versions(client, &kind.group).await?),
            // For a group that it does not have, an API server answers with plain text, which is not `is_not_found`.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let versions = served_versions(client, &kind.group).await?;
                if versions.contains(&kind.version) {
                    return Err(kube::Error::Api(status));
                }
                unknown(kind, versions)
            }
            Err(error) => return Err(error),
        };
        self.locked().insert(kind.clone(), entry.clone());
        Ok(entry)
    }

    /// Forgets a kind whose requests were answered as if it did not exist.
    pub(crate) fn forget(&self, kind: &GroupVersionKind) {
        self.locked().remove(kind);
    }

    /// Forgets every kind that was not found, because definitions have been added.
    pub(crate) fn forget_unknown(&self) {
        self.locked().retain(|_, entry| matches!(entry, Entry::Served(_)));
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<GroupVersionKind, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
