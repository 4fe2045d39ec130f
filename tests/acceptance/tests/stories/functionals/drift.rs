//! What somebody changes on the target comes back, if it is observed: E17 to E19.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use krake_acceptance::{SOON, Stage, door::Door};
use krake_testbed::{Testbed, eventually, kubectl::Kubectl, objects, throughout};
use serde_json::{Value, json};

through_both_doors![
    what_somebody_deletes_or_changes_on_the_target_comes_back,
    a_secret_is_kept_as_declared_and_loses_the_key_that_is_declared_no_more,
    only_observed_fields_are_kept_and_one_that_the_target_assigned_is_kept_as_it_was,
];

/// How long nothing may happen once it is known that nothing should.
const A_MOMENT: Duration = Duration::from_secs(2);

/// The Deployment of an application on its target.
struct Found<'a> {
    target: &'a Kubectl,
    name: &'a str,
}

impl Found<'_> {
    /// As it is; `null` if it is not there.
    async fn now(&self) -> Result<Value> {
        let named = format!("metadata.name={}", self.name);
        let listed = self.target.json(&["get", "deployments", "--field-selector", &named]).await?;
        Ok(listed["items"][0].clone())
    }

    async fn until(&self, look: impl Fn(&Value) -> bool) -> Result<()> {
        eventually(&format!("the Deployment {} is as wanted", self.name), SOON, async || {
            let found = self.now().await?;
            ensure!(look(&found), "{found}");
            Ok(())
        })
        .await
    }

    async fn patch(&self, patch: &Value) -> Result<()> {
        self.target.run(&["patch", "deployment", self.name, "-p", &patch.to_string()]).await.map(drop)
    }
}

/// E17.
async fn what_somebody_deletes_or_changes_on_the_target_comes_back(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.set(testbed, "drift").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    let deployment = Found { target: testbed.target(1)?.kubectl(), name: &name };
    let first = deployment.now().await?["metadata"]["uid"].clone();

    deployment.target.run(&["delete", "deployment", &name]).await?;
    deployment.until(|found| found["metadata"]["uid"].is_string() && found["metadata"]["uid"] != first).await?;

    deployment.patch(&json!({ "spec": { "replicas": 3 } })).await?;
    deployment.until(|found| found["spec"]["replicas"] == 1).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    Ok(())
}

/// E17, of what the API server turns into something else when it stores it.
async fn a_secret_is_kept_as_declared_and_loses_the_key_that_is_declared_no_more(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.set(testbed, "secret").await?;
    let (name, shop) = stage.application("shop");
    let secret =
        |data: Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data });
    let shop = shop.where_label("location is DE").running([secret(json!({ "user": "krake", "token": "t" }))]);
    door.create(&stage, &shop).await?;
    let target = testbed.target(1)?.kubectl();
    let until_data = async |wanted: Value| {
        eventually(&format!("the Secret holds {wanted}"), SOON, async || {
            let found = target.json(&["get", "secret", &name]).await?;
            ensure!(found["data"] == wanted, "it holds {}", found["data"]);
            Ok(())
        })
        .await
    };
    until_data(json!({ "token": "dA==", "user": "a3Jha2U=" })).await?;

    target.run(&["patch", "secret", &name, "-p", r#"{"data":{"user":"eA==","token":null}}"#]).await?;
    until_data(json!({ "token": "dA==", "user": "a3Jha2U=" })).await?;

    door.update(&stage, &shop.running([secret(json!({ "user": "krake" }))])).await?;
    until_data(json!({ "user": "a3Jha2U=" })).await
}

/// E18, E19.
async fn only_observed_fields_are_kept_and_one_that_the_target_assigned_is_kept_as_it_was(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.set(testbed, "observer").await?;
    let (name, shop) = stage.application("shop");
    let mut manifest = objects::deployment(&name, 1);
    manifest["spec"].as_object_mut().map(|spec| spec.shift_remove("replicas"));
    let observed = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name }, "spec": { "replicas": null },
    });
    let shop = shop.where_label("location is DE").running([manifest]).observing([observed]);
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    until_recorded(&stage, r#"{"spec":{"replicas":1}}"#).await?;

    let deployment = Found { target: testbed.target(1)?.kubectl(), name: &name };
    let container = json!({ "name": "web", "image": "nginx:1.28" });
    deployment.patch(&json!({ "spec": { "template": { "spec": { "containers": [container] } } } })).await?;
    deployment.patch(&json!({ "spec": { "replicas": 2 } })).await?;

    // The later change was seen and taken back, so the earlier one was seen as well.
    deployment.until(|found| found["spec"]["replicas"] == 1).await?;
    throughout("the unobserved image stays", A_MOMENT, async || {
        let found = deployment.now().await?;
        ensure!(found["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1.28", "{found}");
        Ok(())
    })
    .await
}

/// Waits until it is on record what the target has assigned to the observed fields of the only object in a namespace.
async fn until_recorded(stage: &Stage<'_>, wanted: &str) -> Result<()> {
    let kubectl = stage.testbed.management_kubectl();
    eventually("the assigned value is recorded", SOON, async || {
        let list = kubectl.json(&["-n", &stage.namespace, "get", "placements.kubernetes.krake.dev"]).await?;
        let frozen = list.pointer("/items/0/status/inventory/0/frozen").context("there is no record yet")?;
        ensure!(frozen == wanted, "{frozen}");
        Ok(())
    })
    .await
}
