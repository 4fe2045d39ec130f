//! Calls to one target cluster: find, apply and delete objects of any kind.

use std::sync::Arc;

use krake_crds::kubernetes::placement::InventoryEntry;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, Preconditions, TypeMeta},
    core::Status,
    discovery::Scope,
};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    answer::cause,
    bounded::TooLong,
    connection::Connection,
    discovery::Served,
    gate::{Access, CallError},
    ownership::{MANAGER, Ownership, Tie},
    wake::ClusterKey,
};

/// What we are doing before anything else, for errors.
const LOOKING_UP: &str = "looking up the kind of";

/// Why a call to a target cluster failed.
#[derive(thiserror::Error, Debug)]
pub enum Error {
    /// The cluster does not answer at the moment; nothing was sent.
    #[error("cluster {cluster} is not reachable: {why}")]
    NotConnected {
        /// `<namespace>/<name>` of the Cluster.
        cluster: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too many are busy with this cluster already; come back in a moment. Keeps a slow cluster from holding everybody.
    #[error("cluster {cluster} is busy")]
    Busy {
        /// `<namespace>/<name>` of the Cluster.
        cluster: String,
    },
    /// The cluster does not serve this kind.
    #[error("the cluster does not know the kind {kind} of {api_version}")]
    UnknownKind {
        /// As in the manifest.
        api_version: String,
        /// As in the manifest.
        kind: String,
    },
    /// The API server refuses the object as it is.
    #[error("{object} is not accepted: {message}")]
    Invalid {
        /// Kind and name.
        object: String,
        /// What the API server says.
        message: String,
    },
    /// The object belongs to another application.
    #[error("{object} belongs to {owner} already")]
    Conflict {
        /// Kind and name.
        object: String,
        /// `<namespace>/<name>` of the Application, or the uid of its Placement.
        owner: String,
    },
    /// The API server did not answer in time.
    #[error("no answer within {seconds} s while {verb} {object}{}",
        if *.is_alive { "; the API server answers otherwise: a webhook may be slow" } else { "" })]
    Deadline {
        /// How long we waited.
        seconds: u64,
        /// Whether it is this call that does not work: it writes, and the cluster was heard of meanwhile.
        is_alive: bool,
        /// What we were doing.
        verb: &'static str,
        /// Kind and name.
        object: String,
    },
    /// The API server answered something else, or broke off.
    #[error("{verb} {object}")]
    Call {
        /// What we were doing.
        verb: &'static str,
        /// Kind and name.
        object: String,
        /// What came back.
        source: kube::Error,
    },
}

impl Error {
    /// One sentence for users: what failed, and what the API server said.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Call { source, .. } => format!("{self}: {}", cause(source)),
            _ => self.to_string(),
        }
    }

    /// Whether the cluster is what is missing, as opposed to an answer that we do not like.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::NotConnected { .. } => true,
            Self::Deadline { is_alive, .. } => !is_alive,
            Self::Call { source, .. } => !matches!(source, kube::Error::Api(_)) && !TooLong::is_cause_of(source),
            Self::Busy { .. } | Self::UnknownKind { .. } | Self::Invalid { .. } | Self::Conflict { .. } => false,
        }
    }
}

/// What became of a deletion, or of a release, on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// There is no such object any more, or it is not, or no longer, that of this Placement and is left alone.
    Gone,
    /// It is marked for deletion but still there, or it changed while we looked: look again.
    Pending,
}

/// What becomes of what depends on an object that is deleted, such as the pods of a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependents {
    /// They follow in the background, when the object is gone.
    Follow,
    /// They go first. The object is there until they are gone.
    GoFirst,
}

/// Calls to one target cluster, for one piece of work: it takes one of the cluster's places until it is dropped.
pub struct TargetCluster {
    connection: Arc<Connection>,
    _place: OwnedSemaphorePermit,
}

impl TargetCluster {
    pub(crate) fn over(connection: Arc<Connection>) -> Result<Self, Error> {
        let cluster = connection.address.key.to_string();
        if let Err(closed) = connection.gate.check() {
            return Err(Error::NotConnected { cluster, why: closed.to_string() });
        }
        match connection.places.clone().try_acquire_owned() {
            Ok(place) => Ok(Self { connection, _place: place }),
            Err(_) => Err(Error::Busy { cluster }),
        }
    }

    /// The Cluster this leads to.
    #[must_use]
    pub fn key(&self) -> &ClusterKey {
        &self.connection.address.key
    }

    /// The host of the API server, for the endpoints of node ports.
    #[must_use]
    pub fn server_host(&self) -> &str {
        &self.connection.address.server_host
    }

    /// The namespace for objects that name none.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.connection.address.default_namespace
    }

    /// Whether nobody tells of changes of objects of this kind, because the kubeconfig does not allow to watch it in all
    /// namespaces. Known only some time after its first use; a [`Wake::Everything`](crate::Wake::Everything) follows.
    #[must_use]
    pub fn is_unwatched(&self, entry: &InventoryEntry) -> bool {
        let group = entry.api_version.split_once('/').map_or("", |(group, _)| group);
        self.connection.refused.holds(group, &entry.kind)
    }

    /// Whether objects of this kind live in namespaces; `None` when the cluster does not know the kind.
    ///
    /// # Errors
    /// The cluster did not answer, or not usefully.
    pub async fn find_scope(&self, api_version: &str, kind: &str) -> Result<Option<Scope>, Error> {
        let entry = InventoryEntry { api_version: api_version.into(), kind: kind.into(), ..InventoryEntry::default() };
        match self.resolve(&entry).await {
            Ok((_, served)) => Ok(Some(served.scope)),
            Err(Error::UnknownKind { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The live object, if there is one, in the version of `entry` or, if the cluster does not serve that any more, in
    /// another one of its group. From now on, changes of its kind wake the Placements they belong to.
    ///
    /// # Errors
    /// The cluster did not answer, or not usefully. A kind that the cluster does not know in any version has no objects.
    pub async fn find(&self, entry: &InventoryEntry) -> Result<Option<Value>, Error> {
        let Some((kind, served)) = self.resolve_in_any_version(entry).await? else { return Ok(None) };
        match self.read(entry, &kind, &served).await {
            Err(Error::Call { source: kube::Error::Api(status), verb, object }) if is_kind_missing(&status) => {
                self.connection.kinds.forget(&kind);
                match self.resolve_in_any_version(entry).await? {
                    None => Ok(None),
                    Some((again, _)) if again == kind => {
                        Err(Error::Call { source: kube::Error::Api(status), verb, object })
                    }
                    Some((other, served)) => self.read(entry, &other, &served).await,
                }
            }
            other => other,
        }
    }

    async fn read(
        &self,
        entry: &InventoryEntry,
        kind: &GroupVersionKind,
        served: &Served,
    ) -> Result<Option<Value>, Error> {
        self.connection.ensure_watched(kind, served);
        match self.call(Access::Read, "reading", entry, self.api(served, entry).get(&entry.name)).await {
            Ok(object) => self.to_value(entry, &object).map(Some),
            Err(Error::Call { source: kube::Error::Api(status), .. }) if is_object_missing(&status) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the object what `object` says, by server-side apply, and answers it as it is then. The caller has marked it
    /// ([`Ownership::mark`]) and made sure that it may ([`Ownership::check`]).
    ///
    /// # Errors
    /// [`Error::UnknownKind`], [`Error::Invalid`], or the cluster did not answer, or not usefully.
    pub async fn apply(&self, entry: &InventoryEntry, object: &Value) -> Result<Value, Error> {
        let (kind, served) = self.resolve(entry).await?;
        self.connection.ensure_watched(&kind, &served);
        let how = PatchParams::apply(MANAGER).force().validation_strict();
        let api = self.api(&served, entry);
        match self.call(Access::Write, "applying", entry, api.patch(&entry.name, &how, &Patch::Apply(object))).await {
            Ok(applied) => {
                if entry.kind == "CustomResourceDefinition" {
                    self.connection.kinds.forget_unknown();
                }
                self.to_value(entry, &applied)
            }
            Err(Error::Call { source: kube::Error::Api(status), .. }) if is_kind_missing(&status) => {
                self.connection.kinds.forget(&kind);
                Err(unknown_kind(entry))
            }
            Err(error) => Err(error),
        }
    }

    /// Changes a live object by a JSON merge patch and answers it as it is then. For what applying cannot do: taking out
    /// of a list what others put in.
    ///
    /// # Errors
    /// [`Error::UnknownKind`], [`Error::Invalid`], or the cluster did not answer, or not usefully.
    pub async fn amend(&self, entry: &InventoryEntry, patch: &Value) -> Result<Value, Error> {
        let Some((_, served)) = self.resolve_in_any_version(entry).await? else { return Err(unknown_kind(entry)) };
        let api = self.api(&served, entry);
        let how = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        let amended =
            self.call(Access::Write, "amending", entry, api.patch(&entry.name, &how, &Patch::Merge(patch))).await?;
        self.to_value(entry, &amended)
    }

    /// Deletes the object if it is still the one that was applied for `ownership`, and what depends on it.
    ///
    /// # Errors
    /// The cluster did not answer, or not usefully.
    pub async fn delete(
        &self,
        entry: &InventoryEntry,
        ownership: &Ownership,
        dependents: Dependents,
    ) -> Result<Removal, Error> {
        let Some(live) = self.find(entry).await? else { return Ok(Removal::Gone) };
        match ownership.tie(&live) {
            Tie::Ours => {}
            Tie::Free if entry.uid.is_some() && metadata(&live, "uid") == entry.uid.as_deref() => {}
            Tie::Free | Tie::Sibling | Tie::Foreign { .. } => return Ok(Removal::Gone),
        }
        if metadata(&live, "deletionTimestamp").is_some() {
            return Ok(Removal::Pending);
        }
        let Some((_, served)) = self.resolve_in_any_version(entry).await? else { return Ok(Removal::Pending) };
        let exactly = Preconditions {
            uid: metadata(&live, "uid").map(str::to_owned),
            resource_version: metadata(&live, "resourceVersion").map(str::to_owned),
        };
        let how = match dependents {
            Dependents::Follow => DeleteParams::background(),
            Dependents::GoFirst => DeleteParams::foreground(),
        };
        let how = how.preconditions(exactly);
        let api = self.api(&served, entry);
        match self.call(Access::Write, "deleting", entry, api.delete(&entry.name, &how)).await {
            // Left is the object itself, still waiting for its finalizers or its grace period.
            Ok(answer) if answer.is_left() => Ok(Removal::Pending),
            Ok(_) => Ok(Removal::Gone),
            Err(error) => after_failure(error),
        }
    }

    /// Takes our marks off the object if it is still the one that was applied for `ownership`, and leaves the rest of it as
    /// it is ([`Ownership::unmarking`]).
    ///
    /// # Errors
    /// The cluster did not answer, or not usefully.
    pub async fn release(&self, entry: &InventoryEntry, ownership: &Ownership) -> Result<Removal, Error> {
        let Some(live) = self.find(entry).await? else { return Ok(Removal::Gone) };
        if ownership.tie(&live) != Tie::Ours {
            return Ok(Removal::Gone);
        }
        match self.amend(entry, &Ownership::unmarking(&live)).await {
            Ok(_) => Ok(Removal::Gone),
            Err(error) => after_failure(error),
        }
    }

    async fn resolve(&self, entry: &InventoryEntry) -> Result<(GroupVersionKind, Served), Error> {
        let kind = kind_of(entry).ok_or_else(|| unknown_kind(entry))?;
        let found =
            self.call(Access::Read, LOOKING_UP, entry, self.connection.kinds.find(&self.connection.client, &kind));
        let served = found.await?.ok_or_else(|| unknown_kind(entry))?;
        Ok((kind, served))
    }

    async fn resolve_in_any_version(
        &self,
        entry: &InventoryEntry,
    ) -> Result<Option<(GroupVersionKind, Served)>, Error> {
        let Some(kind) = kind_of(entry) else { return Ok(None) };
        let Connection { kinds, client, .. } = &*self.connection;
        self.call(Access::Read, LOOKING_UP, entry, kinds.find_in_any_version(client, &kind)).await
    }

    fn api(&self, served: &Served, entry: &InventoryEntry) -> Api<DynamicObject> {
        let api = Api::dynamic(self.connection.client.clone(), &served.resource, &served.scope);
        match &entry.namespace {
            Some(namespace) => api.constrain(namespace),
            None => api,
        }
    }

    async fn call<T>(
        &self,
        access: Access,
        verb: &'static str,
        entry: &InventoryEntry,
        call: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, Error> {
        if self.connection.is_closed() {
            let why = "its kubeconfig was changed or taken away".to_owned();
            return Err(Error::NotConnected { cluster: self.key().to_string(), why });
        }
        self.connection.gate.pass(access, call).await.map_err(|error| self.failed(error, verb, || describe(entry)))
    }

    fn failed(&self, error: CallError, verb: &'static str, object: impl FnOnce() -> String) -> Error {
        match error {
            CallError::Closed(why) => Error::NotConnected { cluster: self.key().to_string(), why },
            CallError::Deadline { after, is_alive } => {
                Error::Deadline { seconds: after.as_secs(), is_alive, verb, object: object() }
            }
            CallError::Kube(kube::Error::Api(status)) if is_refusal(&status) => {
                Error::Invalid { object: object(), message: status.message.clone() }
            }
            CallError::Kube(source) => Error::Call { verb, object: object(), source },
        }
    }

    fn to_value(&self, entry: &InventoryEntry, object: &DynamicObject) -> Result<Value, Error> {
        let failed =
            |error| self.failed(CallError::Kube(kube::Error::SerdeError(error)), "reading", || describe(entry));
        serde_json::to_value(object).map_err(failed)
    }
}

fn kind_of(entry: &InventoryEntry) -> Option<GroupVersionKind> {
    let types = TypeMeta { api_version: entry.api_version.clone(), kind: entry.kind.clone() };
    GroupVersionKind::try_from(&types).ok()
}

fn unknown_kind(entry: &InventoryEntry) -> Error {
    Error::UnknownKind { api_version: entry.api_version.clone(), kind: entry.kind.clone() }
}

/// Whether a 404 is about the kind, and not about an object or a namespace, which it would name. The reason does not tell:
/// for a kind that has left a version which stays served, an API server answers `NotFound`, with empty details.
fn is_kind_missing(status: &Status) -> bool {
    status.code == 404 && status.details.as_ref().is_none_or(|details| details.kind.is_empty())
}

fn is_object_missing(status: &Status) -> bool {
    status.is_not_found() && !is_kind_missing(status)
}

/// What a removal that was refused has come to. If it is the kind that is missing, the next look finds the object in
/// another version.
fn after_failure(error: Error) -> Result<Removal, Error> {
    match error {
        Error::Call { source: kube::Error::Api(status), .. } if is_object_missing(&status) => Ok(Removal::Gone),
        Error::Call { source: kube::Error::Api(status), .. } if status.is_conflict() || is_kind_missing(&status) => {
            Ok(Removal::Pending)
        }
        error => Err(error),
    }
}

/// Whether the API server would answer the same to the same object for ever. Fields that a kind does not have make
/// server-side apply answer 500, as if it were the server's fault.
fn is_refusal(status: &Status) -> bool {
    matches!(status.code, 400 | 405 | 415 | 422)
        || (status.code == 500 && status.message.contains("failed to create typed patch object"))
}

fn metadata<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get(key)?.as_str()
}

pub(crate) fn describe(entry: &InventoryEntry) -> String {
    match &entry.namespace {
        Some(namespace) => format!("{} {namespace}/{}", entry.kind, entry.name),
        None => format!("{} {}", entry.kind, entry.name),
    }
}

#[cfg(test)]
mod tests;
