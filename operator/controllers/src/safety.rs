//! The one way in which controllers delete objects of the management cluster.
//!
//! Absence is never deletion: what a cache says, or fails to say, is not enough. The caches must be complete, the object
//! is read again from the API server, the reason is checked against what it is now, and the call carries its identity,
//! so that a namesake created meanwhile survives.

use kube::{
    ResourceExt,
    api::{DeleteParams, Preconditions},
};

use crate::{
    context::{Context, Watched},
    outcome::{CONFLICT, Failure, Retry, kube_category},
};

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is marked for deletion: now, or it was already.
    Marked,
    /// There is no such object any more.
    Gone,
    /// The object, as it is now, must not be deleted.
    Refused,
}

/// Why an object could not be deleted.
#[derive(thiserror::Error, Debug)]
pub enum Error {
    /// The caches are not complete.
    #[error("caches are not complete")]
    NotSynced,
    /// The object could not be read again.
    #[error("reading {0} before its deletion")]
    Read(String, #[source] kube::Error),
    /// The call failed; with a conflict the object has changed and is looked at again.
    #[error("deleting {0}")]
    Delete(String, #[source] kube::Error),
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::NotSynced => CONFLICT,
            Self::Read(_, error) | Self::Delete(_, error) => kube_category(error),
        }
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}

/// Marks the object for deletion that was seen as `seen`, provided that `still_due` holds for it as it is now.
///
/// # Errors
/// See [`Error`]; all of them may be tried again.
pub async fn delete<K, F>(context: &Context, seen: &K, still_due: F) -> Result<Deletion, Error>
where
    K: Watched,
    F: Fn(&K) -> bool + Send,
{
    let name = seen.name_any();
    let described = || format!("{} {name}", K::kind(&()));
    if !context.is_synced() {
        return Err(Error::NotSynced);
    }
    let api = context.api_of(seen);
    let Some(now) = api.get_opt(&name).await.map_err(|error| Error::Read(described(), error))? else {
        return Ok(Deletion::Gone);
    };
    if now.uid() != seen.uid() {
        return Ok(Deletion::Gone);
    }
    if now.meta().deletion_timestamp.is_some() {
        return Ok(Deletion::Marked);
    }
    if !still_due(&now) {
        return Ok(Deletion::Refused);
    }
    let exactly = Preconditions { uid: now.uid(), resource_version: now.resource_version() };
    match api.delete(&name, &DeleteParams::background().preconditions(exactly)).await {
        Ok(_) => Ok(Deletion::Marked),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Deletion::Gone),
        Err(error) => Err(Error::Delete(described(), error)),
    }
}
