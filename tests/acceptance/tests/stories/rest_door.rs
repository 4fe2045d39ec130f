//! What goes in through REST comes out through kubectl and runs on the target.

use krake_acceptance::{APPLICATION, CLUSTER, SOON, Stage};
use krake_testbed::{
    Testbed,
    objects::{deployment, service},
};
use serde_json::json;

#[tokio::test]
async fn an_application_submitted_through_rest_runs_where_its_constraint_says() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "submit").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE").running([deployment(&name, 1), service(&name)]);
    let mut watch = stage.rest.watch(&shop.collection()).await?;

    let created = stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    assert_eq!(created["status"]["state"], "PENDING");

    watch.until(SOON, |event| event.kind == "ADDED" && event.name() == name).await?;
    let running = watch.until(SOON, |event| event.name() == name && event.state() == "RUNNING").await?;
    assert_eq!(running.object["metadata"]["uid"], created["metadata"]["uid"]);
    assert_eq!(running.object["status"]["running_on"]["name"], "de");
    stage.until_replicas(1, &name, 1).await?;
    stage.nothing_left_on(2, &name).await?;

    let object = stage.until_object(APPLICATION, &name, |object| object["status"]["state"] == "RUNNING").await?;
    assert_eq!(object["status"]["runningOn"]["name"], "de");
    let endpoint = object["status"]["services"][&name].as_str().unwrap_or_default().to_owned();
    assert!(endpoint.starts_with("127.0.0.1:"), "the endpoint of the NodePort service is {endpoint:?}");
    Ok(())
}

#[tokio::test]
async fn a_replica_count_put_through_rest_reaches_the_custom_resource_and_the_target() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "scale").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;

    stage.rest.edit(&shop.path(), |object| object["spec"]["manifest"][0]["spec"]["replicas"] = json!(3)).await?;

    stage.until_replicas(1, &name, 3).await?;
    stage.until_object(APPLICATION, &name, |object| object["spec"]["manifest"][0]["spec"]["replicas"] == 3).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    Ok(())
}

#[tokio::test]
async fn an_application_deleted_through_rest_is_gone_everywhere() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "delete").await?;
    let (name, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_state(&shop.path(), "RUNNING").await?;
    let mut watch = stage.rest.watch(&shop.collection()).await?;

    let marked = stage.rest.delete(&shop.path()).await?.expect(200)?;
    assert!(marked["metadata"]["deleted"].is_string());

    watch.until(SOON, |event| event.kind == "DELETED" && event.name() == name).await?;
    stage.until_gone(&shop, &name).await
}

#[tokio::test]
async fn a_kubeconfig_given_through_rest_sits_in_a_secret_and_comes_back_inline() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "secret").await?;
    let stored = stage.rest.get(&stage.cluster(1)?.path()).await?.expect(200)?;
    assert_eq!(stored["spec"]["kubeconfig"], *testbed.target(1)?.kubeconfig().value());

    let object = stage.object(CLUSTER, "de").await?;
    let token = testbed.target(1)?.kubeconfig().value()["users"][0]["user"]["token"].as_str().unwrap_or("?").to_owned();
    assert!(!object.to_string().contains(&token), "the custom resource holds a credential");
    assert!(object["spec"]["kubeconfigSecretRef"]["name"].is_string(), "{object}");
    Ok(())
}

#[tokio::test]
async fn deleting_a_cluster_removes_its_applications_first() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "collect").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;

    stage.rest.delete(&stage.cluster(1)?.path()).await?.expect(200)?;

    stage.until_gone(&shop, &name).await?;
    krake_testbed::eventually("the cluster is gone", SOON, async || {
        let status = stage.rest.get(&stage.cluster(1)?.path()).await?.status;
        anyhow::ensure!(status == 404, "REST still answers {status}");
        stage.absent(CLUSTER, "de").await
    })
    .await
}
