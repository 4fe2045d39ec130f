//! An application moves when its place no longer fits, and somebody serves it all the time.

use krake_acceptance::{APPLICATION, CLUSTER, SOON, Stage, served_until_moved};
use krake_testbed::{Testbed, eventually};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test]
async fn a_relabelled_cluster_hands_its_application_over_without_a_gap() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "relabel").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;

    // The labels change places: what was in DE is in IT, and the other way round.
    for (number, location) in [(2, "DE"), (1, "IT")] {
        let path = stage.cluster(number)?.path();
        stage.rest.edit(&path, |object| object["metadata"]["labels"]["location"] = json!(location)).await?;
    }

    timeout(SOON, served_until_moved(&stage, &name)).await??;
    stage.until_running_on(&shop.path(), "it").await?;
    stage.nothing_left_on(1, &name).await
}

#[tokio::test]
async fn a_cluster_relabelled_with_kubectl_moves_its_application_too() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "patched").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location in (IT)");
    testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    stage.until_running_on(&shop.path(), "it").await?;

    for (cluster, location) in [("de", "IT"), ("it", "DE")] {
        let patch = json!({ "spec": { "labels": { "location": location } } }).to_string();
        testbed.kubectl(&["-n", &stage.namespace, "patch", CLUSTER, cluster, "--type=merge", "-p", &patch]).await?;
    }

    stage.until_running_on(&shop.path(), "de").await?;
    stage.until_replicas(1, &name, 1).await?;
    eventually("nothing is left on the old target", SOON, async || stage.nothing_left_on(2, &name).await).await
}

#[tokio::test]
async fn an_application_without_a_place_says_so_and_runs_once_there_is_one() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "homeless").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is FR");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;

    let degraded = stage.until_state(&shop.path(), "DEGRADED").await?;
    assert_eq!(degraded["status"]["reason"]["code"], "NO_SUITABLE_RESOURCE");
    let object = stage.object(APPLICATION, &name).await?;
    let scheduled = object["status"]["conditions"]
        .as_array()
        .and_then(|conditions| conditions.iter().find(|condition| condition["type"] == "Scheduled").cloned());
    assert_eq!(scheduled.map(|condition| condition["status"].clone()), Some(json!("False")));

    let path = stage.cluster(2)?.path();
    stage.rest.edit(&path, |object| object["metadata"]["labels"]["location"] = json!("FR")).await?;
    stage.until_running_on(&shop.path(), "it").await?;
    Ok(())
}

#[tokio::test]
async fn an_application_that_must_stay_is_not_moved() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "pinned").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE").staying();
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;

    let relabelled = stage.cluster(1)?.path();
    stage.rest.edit(&relabelled, |object| object["metadata"]["labels"]["location"] = json!("IT")).await?;
    // An update is still deployed, where it is.
    stage.rest.edit(&shop.path(), |object| object["spec"]["manifest"][0]["spec"]["replicas"] = json!(2)).await?;

    stage.until_replicas(1, &name, 2).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    Ok(())
}
