//! Adding and removing one of our finalizers, without touching anybody else's.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{context::Cached, superseded};

/// Whether `object` has the finalizer.
pub fn holds<K: Cached>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|held| held == finalizer)
}

/// Adds the finalizer; answers the object as written, or `None` if it was there already.
///
/// # Errors
/// A conflict if the object has changed since it was read, and whatever else the API server answers.
pub async fn ensure<K: Cached>(api: &Api<K>, object: &K, finalizer: &str) -> Result<Option<K>, kube::Error> {
    if holds(object, finalizer) {
        return Ok(None);
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(finalizer.to_owned());
    write(api, object, &finalizers).await.map(Some)
}

/// Removes the finalizer; does nothing if it is gone, or the object with it.
///
/// # Errors
/// A conflict if the object has changed since it was read, and whatever else the API server answers.
pub async fn remove<K: Cached>(api: &Api<K>, object: &K, finalizer: &str) -> Result<(), kube::Error> {
    if !holds(object, finalizer) {
        return Ok(());
    }
    let rest: Vec<_> = object.finalizers().iter().filter(|held| *held != finalizer).cloned().collect();
    match write(api, object, &rest).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The resource version inside makes the whole list ours to write: whoever changed it meanwhile causes a conflict.
async fn write<K: Cached>(api: &Api<K>, object: &K, finalizers: &[String]) -> Result<K, kube::Error> {
    let patch = json!({ "metadata": { "resourceVersion": object.resource_version(), "finalizers": finalizers } });
    let written = api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await?;
    superseded::note(object, &written);
    Ok(written)
}
