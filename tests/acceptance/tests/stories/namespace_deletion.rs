//! `kubectl delete namespace` comes to an end, and nothing that ran from there is left on a target.

use krake_acceptance::{SOON, Stage};
use krake_testbed::{Testbed, eventually};

#[tokio::test]
async fn a_deleted_namespace_goes_and_takes_along_what_ran_from_it() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "emptied")?;
    let cluster = stage.cluster(1)?;
    testbed.kubectl(&["create", "namespace", &stage.namespace]).await?;
    for object in [cluster.secret(), cluster.custom_resource()] {
        testbed.management_kubectl().apply(&object).await?;
    }

    runs_and_goes(&stage).await
}

#[tokio::test]
async fn a_deleted_namespace_goes_though_its_clusters_came_through_rest() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "emptied-rest").await?;

    runs_and_goes(&stage).await?;
    for number in [1, 2] {
        stage.rest.get(&stage.cluster(number)?.path()).await?.expect(404)?;
    }
    Ok(())
}

async fn runs_and_goes(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    stage.testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    stage.until_running_on(&shop.path(), "de").await?;

    stage.testbed.kubectl(&["delete", "namespace", &stage.namespace, "--wait=false"]).await?;

    eventually("the namespace is gone", SOON, async || {
        let left = ["get", "namespace", &stage.namespace, "--ignore-not-found", "-o", "jsonpath={.status}"];
        let left = stage.testbed.kubectl(&left).await?;
        anyhow::ensure!(left.trim().is_empty(), "{left}");
        Ok(())
    })
    .await?;
    stage.until_gone(&shop, &name).await
}
