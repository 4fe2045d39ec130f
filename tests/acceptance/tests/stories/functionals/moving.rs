//! An application moves when its place no longer fits, if it may, and somebody serves it all the time.

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage, door::Door, served_until_moved};
use krake_testbed::{Testbed, eventually, objects};
use serde_json::Value;
use tokio::time::timeout;

through_both_doors![
    an_application_moves_without_a_gap_when_its_constraint_changes,
    an_application_moves_without_a_gap_when_its_cluster_is_relabelled,
    an_application_that_must_stay_is_updated_where_it_is_and_moves_once_it_may,
];

/// E11.
async fn an_application_moves_without_a_gap_when_its_constraint_changes(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.set(testbed, "moving").await?;
    let (name, shop) = stage.application("shop");
    door.create(&stage, &shop.clone().where_label("location is DE")).await?;
    door.until_running_on(&stage, &shop, "de").await?;

    let moving = shop.where_label("location is IT");
    door.update(&stage, &moving).await?;

    moved(&stage, door, &name, &moving).await
}

/// Nobody touches the application.
async fn an_application_moves_without_a_gap_when_its_cluster_is_relabelled(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.set(testbed, "relabelled").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;

    // The labels change places: what was in DE is in IT, and the other way round.
    for (number, location) in [(2, "DE"), (1, "IT")] {
        door.update(&stage, &stage.cluster(number)?.labelled("location", location)).await?;
    }

    moved(&stage, door, &name, &shop).await
}

async fn moved(stage: &Stage<'_>, door: Door, name: &str, shop: &objects::Application) -> Result<()> {
    timeout(SOON, served_until_moved(stage, name)).await??;
    door.until_running_on(stage, shop, "it").await?;
    stage.nothing_left_on(1, name).await
}

/// E12.
async fn an_application_that_must_stay_is_updated_where_it_is_and_moves_once_it_may(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.set(testbed, "staying").await?;
    let (name, shop) = stage.application("shop");
    let sized = |size: &str| shop.clone().running([objects::config_map(&name, "size", size)]);
    door.create(&stage, &sized("small").where_label("location is DE").staying()).await?;
    door.until_running_on(&stage, &shop, "de").await?;

    door.update(&stage, &sized("large").where_label("location is IT").staying()).await?;

    let target = testbed.target(1)?.kubectl();
    eventually("the update is deployed where the application is", SOON, async || {
        let size = target.run(&["get", "configmap", &name, "-o", "jsonpath={.data.size}"]).await?;
        ensure!(size == "large", "{size}");
        Ok(())
    })
    .await?;
    // The change of the constraint was seen, and not followed.
    let is_decided = |shown: &Value| shown["status"]["scheduledGeneration"] == shown["metadata"]["generation"];
    stage.until_object(APPLICATION, &name, is_decided).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    stage.nothing_left_on(2, &name).await?;

    door.update(&stage, &sized("large").where_label("location is IT")).await?;
    door.until_running_on(&stage, &shop, "it").await?;
    eventually("nothing is left on the old target", SOON, async || stage.nothing_left_on(1, &name).await).await
}
