//! Which kinds a target knows, remembered per cluster.
//!
//! Known kinds are remembered until a call says otherwise; unknown ones for a short time, so that a manifest with a
//! misspelt kind costs one request per ten seconds and a freshly installed definition is seen soon.

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

/// A kind as the target serves it.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) resource: ApiResource,
    pub(crate) scope: Scope,
}

/// Whether the target lists the group at all. Asked before a 404 is believed: a proxy that has lost its API server
/// answers 404 to everything, and an unknown kind is taken as having no objects.
async fn serves_group(client: &Client, kind: &GroupVersionKind) -> kube::Result<bool> {
    if kind.group.is_empty() {
        return Ok(client.list_core_api_versions().await?.versions.contains(&kind.version));
    }
    let groups = client.list_api_groups().await?.groups;
    let versions = groups.into_iter().filter(|group| group.name == kind.group).flat_map(|group| group.versions);
    Ok(versions.into_iter().any(|served| served.version == kind.version))
}

#[derive(Clone, Debug)]
enum Entry {
    Served(Served),
    UnknownSince(Instant),
}

impl Entry {
    fn is_current(&self) -> bool {
        match self {
            Self::Served(_) => true,
            Self::UnknownSince(at) => at.elapsed() < UNKNOWN_FOR,
        }
    }

    fn served(self) -> Option<Served> {
        match self {
            Self::Served(served) => Some(served),
            Self::UnknownSince(_) => None,
        }
    }
}

/// What is known about the kinds of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    entries: Mutex<HashMap<GroupVersionKind, Entry>>,
}

impl Kinds {
    /// Finds out how the target serves `kind`; `None` when it does not know it.
    pub(crate) async fn find(&self, client: &Client, kind: &GroupVersionKind) -> kube::Result<Option<Served>> {
        if let Some(known) = self.locked().get(kind).filter(|entry| entry.is_current()).cloned() {
            return Ok(known.served());
        }
        let entry = match pinned_kind(client, kind).await {
            Ok((resource, capabilities)) => Entry::Served(Served { resource, scope: capabilities.scope }),
            Err(kube::Error::Discovery(_)) => Entry::UnknownSince(Instant::now()),
            // For a group that it does not have, an API server answers with plain text, which is not `is_not_found`.
            Err(kube::Error::Api(status)) if status.code == 404 && !serves_group(client, kind).await? => {
                Entry::UnknownSince(Instant::now())
            }
            Err(error) => return Err(error),
        };
        self.locked().insert(kind.clone(), entry.clone());
        Ok(entry.served())
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
