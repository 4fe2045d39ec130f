//! Clients of REST that are faster than the sync lose nothing, and what they remove stays removed.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use krake_acceptance::{APPLICATION, CLUSTER, Stage};
use krake_testbed::{Testbed, objects};
use serde_json::{Value, json};

/// How many objects are written at once, and how often each.
const OBJECTS: usize = 6;
const TURNS: usize = 15;

#[tokio::test]
async fn of_updates_in_haste_the_last_one_stays_though_controllers_write_as_well() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "haste")?;
    try_join_all((0..OBJECTS).map(|number| updated_in_haste(&stage, format!("edge-{number}")))).await?;
    Ok(())
}

async fn updated_in_haste(stage: &Stage<'_>, name: String) -> Result<()> {
    let target = stage.testbed.target(1)?;
    let cluster = objects::cluster(&name, target.kubeconfig()).in_namespace(&stage.namespace);
    let mut wanted = stage.rest.post(&cluster.collection(), &cluster.rest()).await?.expect(200)?;
    for turn in 1..=TURNS {
        wanted["metadata"]["labels"]["turn"] = json!(turn.to_string());
        wanted["spec"]["custom_resources"] = json!([format!("turn-{turn}.example.com")]);
        wanted["spec"]["kubeconfig"]["contexts"][0]["context"]["namespace"] = json!(format!("turn-{turn}"));
        wanted = stage.rest.put(&cluster.path(), &wanted).await?.expect(200)?;
    }
    let last = TURNS.to_string();
    stage.until_object(CLUSTER, &name, |object| object["spec"]["labels"]["turn"] == *last).await?;
    stage.until_state(&cluster.path(), "ONLINE").await?;
    let shown = stage.rest.get(&cluster.path()).await?.expect(200)?;
    for path in ["/metadata/labels", "/spec"] {
        ensure!(shown.pointer(path) == wanted.pointer(path), "{path} of {name} is {shown}");
    }
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_removed_by_force_and_made_again_in_haste_is_the_last_one() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "force")?;
    try_join_all((0..OBJECTS).map(|number| made_again_in_haste(&stage, format!("shop-{number}")))).await?;
    Ok(())
}

async fn made_again_in_haste(stage: &Stage<'_>, name: String) -> Result<()> {
    let shop = objects::application(&name).in_namespace(&stage.namespace);
    let forced = format!("{}?force=True", shop.path());
    for life in ["first", "second"] {
        stage.rest.post(&shop.collection(), &shop.clone().labelled("life", life).rest()).await?.expect(200)?;
        stage.rest.delete(&forced).await?.expect(200)?;
    }
    let last = shop.clone().labelled("life", "last");
    let made = stage.rest.post(&shop.collection(), &last.rest()).await?.expect(200)?;
    let is_last = |object: &Value| object["spec"]["labels"]["life"] == "last";
    stage.until_object(APPLICATION, &name, is_last).await?;
    let shown = stage.rest.get(&shop.path()).await?.expect(200)?;
    ensure!(shown["metadata"]["uid"] == made["metadata"]["uid"], "{name} is another one: {shown}");

    stage.rest.delete(&forced).await?.expect(200)?;
    stage.until_gone(&shop, &name).await.with_context(|| format!("{name} comes back"))
}
