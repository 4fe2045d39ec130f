//! A line to a target that can be cut, and what was written meanwhile.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use krake_acceptance::Stage;
use krake_testbed::{
    kubeconfig::Kubeconfig,
    objects::{Application, Cluster},
    proxy::Proxy,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

/// Nobody but Krake uses it: what runs on the target does not notice that it is cut.
#[derive(Debug)]
pub(crate) struct Line {
    proxy: Proxy,
    kubeconfig: Kubeconfig,
}

impl Line {
    /// A line to the target with this number.
    pub(crate) async fn to(stage: &Stage<'_>, target: usize) -> Result<Self> {
        let direct = stage.testbed.target(target)?.kubeconfig();
        let address = direct.server().trim_start_matches("https://").parse().context("read the server's address")?;
        let proxy = Proxy::start(address).await?;
        let kubeconfig = direct.with_server(&format!("https://{}", proxy.address()));
        Ok(Self { proxy, kubeconfig })
    }

    /// The cluster at the other end, as a user registers it.
    pub(crate) fn register(&self, cluster: Cluster) -> Cluster {
        cluster.with_kubeconfig(self.kubeconfig.value().clone())
    }

    /// Ends all connections and lets no new one through.
    pub(crate) fn cut(&self) {
        self.proxy.set(|faults| faults.refuse = true);
        self.proxy.cut();
    }

    /// Makes it whole again.
    pub(crate) fn mend(&self) {
        self.proxy.heal();
    }
}

/// Applies an application with kubectl, with further members of its spec, which REST does not know.
pub(crate) async fn apply(stage: &Stage<'_>, application: &Application, more: &Value) -> Result<()> {
    let mut object = application.custom_resource();
    let spec = object["spec"].as_object_mut().context("an application has a spec")?;
    spec.extend(more.as_object().cloned().unwrap_or_default());
    stage.testbed.management_kubectl().apply(&object).await.map(drop)
}

/// A condition of an object as kubectl shows it; `null` if it does not have it.
pub(crate) fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.and_then(|all| all.iter().find(|one| one["type"] == type_)).cloned().unwrap_or_default()
}

/// The Placements of an application.
pub(crate) async fn placements(stage: &Stage<'_>, application: &str) -> Result<Vec<Value>> {
    let args = ["-n", &stage.namespace, "get", "placements.kubernetes.krake.dev"];
    let list = stage.testbed.management_kubectl().json(&args).await?;
    let items = list["items"].as_array().context("kubectl lists items")?;
    Ok(items.iter().filter(|one| one["spec"]["application"] == application).cloned().collect())
}

/// The reasons of the Events about an object, wherever it is.
pub(crate) async fn events_of(stage: &Stage<'_>, name: &str) -> Result<Vec<String>> {
    let args = ["get", "events.events.k8s.io", "-A"];
    let list = stage.testbed.management_kubectl().json(&args).await?;
    let items = list["items"].as_array().context("kubectl lists items")?;
    let about = items.iter().filter(|event| event["regarding"]["name"] == name);
    Ok(about.filter_map(|event| event["reason"].as_str().map(str::to_owned)).collect())
}

/// The clusters that have been said to serve an application, one after the other, from `since` on, which is an earlier
/// version of it, up to now. The API server remembers every write of the last five minutes at least.
pub(crate) async fn homes(stage: &Stage<'_>, since: &Value) -> Result<Vec<Option<String>>> {
    let client = stage.testbed.fleet.management.client().await?;
    let home = |object: &Value| object["status"]["runningOn"]["name"].as_str().map(str::to_owned);
    let mut homes = vec![home(since)];
    homes.extend(later_versions(client, since).await?.iter().map(home));
    homes.dedup();
    Ok(homes)
}

/// Every version of an application that was written after this one.
async fn later_versions(client: Client, since: &Value) -> Result<Vec<Value>> {
    let of = |field: &str| since["metadata"][field].as_str().with_context(|| format!("an object has a {field}"));
    let (namespace, name, first) = (of("namespace")?, of("name")?, of("resourceVersion")?);
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("kubernetes.krake.dev", "v1alpha1", "Application"));
    let api = Api::<DynamicObject>::namespaced_with(client, namespace, &kind);
    let last = api.get(name).await.context("read the application")?.resource_version();
    let mut versions = Vec::new();
    if last.as_deref() == Some(first) {
        return Ok(versions);
    }
    let parameters = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = api.watch(&parameters, first).await.context("replay what was written")?.boxed();
    while let Some(event) = events.try_next().await? {
        let (WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object)) = event else {
            continue;
        };
        let is_last = object.resource_version() == last;
        versions.push(json!(object));
        if is_last {
            break;
        }
    }
    Ok(versions)
}
