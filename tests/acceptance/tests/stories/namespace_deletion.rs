//! `kubectl delete namespace` comes to an end, and nothing that ran from there is left on a target but what is to stay.

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{Testbed, eventually};
use serde_json::json;

const PLACEMENTS: &str = "placements.kubernetes.krake.dev";

#[tokio::test]
async fn a_deleted_namespace_goes_and_takes_along_what_ran_from_it() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "emptied")?;
    let cluster = stage.cluster(1)?;
    testbed.kubectl(&["create", "namespace", &stage.namespace]).await?;
    // On a system that has just been started, kubectl may not know the kind yet.
    eventually("the cluster is applied", SOON, async || {
        for object in cluster.documents() {
            testbed.management_kubectl().apply(&object).await?;
        }
        Ok(())
    })
    .await?;

    runs_and_goes(&stage).await
}

#[tokio::test]
async fn a_deleted_namespace_goes_though_its_clusters_came_through_rest() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "emptied-rest").await?;

    runs_and_goes(&stage).await?;
    for number in [1, 2] {
        stage.rest.get(&stage.cluster(number)?.path()).await?.expect(404)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_to_stay_stays_though_its_placement_or_its_namespace_is_deleted() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "kept").await?;
    let (name, shop) = stage.application("shop");
    let mut object = shop.where_label("location is DE").custom_resource();
    object["spec"]["deletionPolicy"] = json!("Retain");
    testbed.management_kubectl().apply(&object).await?;
    stage.until_object(APPLICATION, &name, |object| object["status"]["state"] == "RUNNING").await?;
    let target = testbed.target(1)?.kubectl();
    let copy = async || {
        let copy = target.json(&["-n", "default", "get", "deployment", &name]).await?;
        anyhow::Ok([copy["metadata"]["uid"].clone(), copy["metadata"]["deletionTimestamp"].clone()])
    };
    let before = copy().await?;

    let placement = async || {
        let list = testbed.management_kubectl().json(&["-n", &stage.namespace, "get", PLACEMENTS]).await?;
        anyhow::Ok(list["items"][0]["metadata"]["uid"].clone())
    };
    let first = placement().await?;
    testbed.kubectl(&["-n", &stage.namespace, "delete", PLACEMENTS, "--all", "--wait=false"]).await?;
    eventually("it is placed anew", SOON, async || {
        let now = placement().await?;
        ensure!(now.is_string() && now != first, "{now}");
        Ok(())
    })
    .await?;
    stage.until_object(APPLICATION, &name, |object| object["status"]["state"] == "RUNNING").await?;
    ensure!(copy().await? == before, "the copy was touched");

    testbed.kubectl(&["delete", "namespace", &stage.namespace, "--wait=false"]).await?;
    until_namespace_is_gone(&stage).await?;
    ensure!(copy().await? == before, "the copy was touched");
    target.run(&["-n", "default", "delete", "deployment", &name]).await.map(drop)
}

async fn runs_and_goes(stage: &Stage<'_>) -> Result<()> {
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    stage.testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    stage.until_running_on(&shop.path(), "de").await?;

    // Something on the target takes its time: what is there outlives the Secret with the kubeconfig.
    let target = stage.testbed.target(1)?.kubectl();
    let finalizers = |list: &[&str]| json!({ "metadata": { "finalizers": list } }).to_string();
    let patch = ["-n", "default", "patch", "deployment", &name, "--type=merge", "-p"];
    target.run(&[&patch[..], &[&finalizers(&["example.com/held"])]].concat()).await?;

    stage.testbed.kubectl(&["delete", "namespace", &stage.namespace, "--wait=false"]).await?;

    eventually("the Secret is gone, and the copy asked to go", SOON, async || {
        stage.absent("secret", "de-kubeconfig").await?;
        let copy = target.json(&["-n", "default", "get", "deployment", &name]).await?;
        ensure!(copy["metadata"]["deletionTimestamp"].is_string(), "{copy}");
        Ok(())
    })
    .await?;
    target.run(&[&patch[..], &[&finalizers(&[])]].concat()).await?;
    until_namespace_is_gone(stage).await?;
    stage.until_gone(&shop, &name).await
}

async fn until_namespace_is_gone(stage: &Stage<'_>) -> Result<()> {
    eventually("the namespace is gone", SOON, async || {
        let left = ["get", "namespace", &stage.namespace, "--ignore-not-found", "-o", "jsonpath={.status}"];
        let left = stage.testbed.kubectl(&left).await?;
        ensure!(left.trim().is_empty(), "{left}");
        Ok(())
    })
    .await
}
