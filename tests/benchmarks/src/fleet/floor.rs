//! What bare requests to the management cluster take, with nobody who follows them: no operator can be quicker than that.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use krake_crds::kubernetes::{Application, Cluster, Placement};
use krake_testbed::{eventually, objects};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    layout::Scale,
    load::{self, AT_ONCE},
};

/// Where the objects are that nobody looks at.
const NAMESPACE: &str = "bench-floor";

/// Requests after which more would say the same.
const ENOUGH: usize = 1000;

/// Requests before those that count: connections are made, and the API server learns a kind that it is asked for.
const WARM_UP: usize = 2 * AT_ONCE;

/// Objects per page of a list, as many as the operator asks for.
const PAGE: u32 = 250;

const GONE_WITHIN: Duration = Duration::from_mins(1);

/// Seconds that one request of many takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor {
    /// Creating an Application.
    pub(super) create: f64,
    /// Changing the status of an Application.
    pub(super) patch: f64,
}

impl Floor {
    /// Measures it with Applications that are gone afterwards.
    pub(super) async fn measure(client: &Client, scale: &Scale) -> Result<Self> {
        let count = scale.applications.clamp(1, ENOUGH);
        load::create(client, namespace(NAMESPACE)).await?;
        load::create_all(client, (count..count + WARM_UP).map(application)).await?;
        let start = Instant::now();
        load::create_all(client, (0..count).map(application)).await?;
        let create = each(start, count);
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        let start = Instant::now();
        stream::iter(0..count)
            .map(|number| patch(&api, number))
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| std::future::ready(Ok(())))
            .await?;
        let patch = each(start, count);
        api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.context("delete applications")?;
        eventually("nothing is left of the bare requests", GONE_WITHIN, async || {
            let left = api.list_metadata(&ListParams::default().limit(1)).await?.items.len();
            ensure!(left == 0, "some applications are left");
            Ok(())
        })
        .await?;
        Ok(Self { create, patch })
    }
}

/// How long it takes to read every Application, Placement and Cluster once.
pub(super) async fn read_everything(client: &Client) -> Result<Duration> {
    let start = Instant::now();
    for resource in [
        ApiResource::erase::<Application>(&()),
        ApiResource::erase::<Placement>(&()),
        ApiResource::erase::<Cluster>(&()),
    ] {
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let list = api.list(&page).await.with_context(|| format!("list {}", resource.plural))?;
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page.continue_token = Some(token),
                None => break,
            }
        }
    }
    Ok(start.elapsed())
}

/// A namespace.
pub(super) fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn application(number: usize) -> Value {
    let name = name(number);
    let object = objects::config_map(&name, "greeting", "hello");
    objects::application(&name).in_namespace(NAMESPACE).running([object]).custom_resource()
}

async fn patch(api: &Api<Application>, number: usize) -> Result<()> {
    let status = json!({ "status": { "observedGeneration": 1 } });
    let patched = api.patch_status(&name(number), &PatchParams::default(), &Patch::Merge(status)).await;
    let patched = patched.context("change a status")?;
    ensure!(patched.meta().resource_version.is_some(), "{} has no version", patched.name_any());
    Ok(())
}

fn name(number: usize) -> String {
    format!("bare-{number:05}")
}

fn each(start: Instant, count: usize) -> f64 {
    start.elapsed().as_secs_f64() / crate::figure::number(count)
}
