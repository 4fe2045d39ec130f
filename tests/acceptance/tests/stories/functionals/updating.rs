//! An update is deployed and stays, and nothing old comes back.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::door::Door;
use krake_testbed::{
    Testbed,
    objects::{config_map, deployment, placed_in},
    throughout,
};
use serde_json::{Value, json};

use super::nothing_is_new;

/// Longer than a correction takes.
const A_WHILE: Duration = Duration::from_secs(2);

through_both_doors![
    an_update_stays_and_an_application_made_anew_brings_nothing_old_back,
    an_update_without_a_change_is_no_update,
];

/// E20, E21, E22, E23.
async fn an_update_stays_and_an_application_made_anew_brings_nothing_old_back(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.set(testbed, "anew").await?;
    let target = testbed.target(1)?.kubectl();
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    let first = shop.clone().running([deployment(&name, 1), config_map(&name, "a", "1")]);
    door.create(&stage, &first).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    // Something of somebody else's is none of Krake's business.
    let foreign = format!("{name}-foreign");
    target.apply(&placed_in(config_map(&foreign, "whose", "mine"), "default")).await?;

    let mut scaled = deployment(&name, 2);
    scaled["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:1.26");
    door.update(&stage, &shop.clone().running([scaled, config_map(&name, "a", "1")])).await?;

    stage.until_replicas(1, &name, 2).await?;
    for shown_by in Door::BOTH {
        shown_by.until(&stage, &shop, |shown| shown["spec"]["manifest"][0]["spec"]["replicas"] == 2).await?;
    }
    let health = door.spelled("container_health");
    let pods = |shown: &Value, kind: &str| shown["status"][&health][door.spelled(kind)].clone();
    let two_are_counted = |shown: &Value| pods(shown, "desired_pods") == 2 && pods(shown, "running_pods") == 2;
    door.until(&stage, &shop, two_are_counted).await?;
    throughout("the update stays", A_WHILE, async || {
        let found = target.json(&["get", "deployment", &name]).await?;
        let spec = &found["spec"];
        let image = &spec["template"]["spec"]["containers"][0]["image"];
        ensure!(spec["replicas"] == 2 && image == "nginx:1.26", "{spec}");
        Ok(())
    })
    .await?;

    door.delete(&stage, &shop).await?;
    stage.until_gone(&shop, &name).await?;
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    stage.until_replicas(1, &name, 1).await?;
    let old = target.run(&["get", "configmap", &name, "--ignore-not-found", "-o", "name"]).await?;
    ensure!(old.trim().is_empty(), "{old}");
    let kept = target.run(&["get", "configmap", &foreign, "-o", "jsonpath={.data.whose}"]).await?;
    assert_eq!(kept, "mine");
    Ok(())
}

/// E28.
async fn an_update_without_a_change_is_no_update(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "same").await?;
    door.register(&stage, [stage.cluster(1)?]).await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.running([config_map(&name, "size", "small")]);
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    nothing_is_new(&stage, door, &shop).await
}
