//! Writes many objects at once through the Kubernetes API, as an eager user would.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::Value;

/// Requests in flight.
pub(super) const AT_ONCE: usize = 32;

/// Creates all objects; which of them is first does not matter.
pub(super) async fn create_all(client: &Client, objects: impl IntoIterator<Item = Value>) -> Result<()> {
    stream::iter(objects)
        .map(|object| create(client, object))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| std::future::ready(Ok(())))
        .await
}

/// Creates one object.
pub(super) async fn create(client: &Client, object: Value) -> Result<()> {
    let object: DynamicObject = serde_json::from_value(object).context("understand an object to create")?;
    let types = object.types.clone().unwrap_or_default();
    let kind = GroupVersionKind::try_from(&types).context("understand a kind")?;
    let api = api(client, &kind, object.namespace().as_deref());
    let name = object.name_any();
    api.create(&PostParams::default(), &object).await.with_context(|| format!("create {} {name}", kind.kind))?;
    Ok(())
}

/// The objects of a kind, in a namespace or wherever they are.
pub(super) fn api(client: &Client, kind: &GroupVersionKind, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(kind);
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}
