//! An application runs where its objects say, and leaves nothing behind.

use anyhow::{Result, ensure};
use krake_acceptance::{SOON, door::Door};
use krake_testbed::{
    Testbed,
    objects::{config_map, deployment, placed_in, service},
};
use serde_json::json;

through_both_doors![
    an_application_runs_has_an_address_and_leaves_nothing_behind,
    objects_with_a_namespace_are_there_and_nowhere_else_and_go_with_the_application,
];

/// E1.
async fn an_application_runs_has_an_address_and_leaves_nothing_behind(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.set(testbed, "echo").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE").running([deployment(&name, 1), service(&name)]);
    let mut watch = stage.rest.watch(&shop.collection()).await?;

    door.create(&stage, &shop).await?;

    // Whichever door it came through, REST tells of it, and both show it.
    watch.until(SOON, |event| event.kind == "ADDED" && event.name() == name).await?;
    let running = watch.until(SOON, |event| event.name() == name && event.state() == "RUNNING").await?;
    assert_eq!(running.object["status"]["running_on"]["name"], "de");
    for shown_by in Door::BOTH {
        let shown = shown_by.until_running_on(&stage, &shop, "de").await?;
        let address = shown["status"]["services"][&name].as_str().unwrap_or_default();
        ensure!(address.starts_with("127.0.0.1:"), "the address of the NodePort service is {address:?}");
    }
    stage.until_replicas(1, &name, 1).await?;
    stage.nothing_left_on(2, &name).await?;

    door.delete(&stage, &shop).await?;

    watch.until(SOON, |event| event.kind == "DELETED" && event.name() == name).await?;
    stage.until_gone(&shop, &name).await
}

/// E2.
async fn objects_with_a_namespace_are_there_and_nowhere_else_and_go_with_the_application(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.set(testbed, "secondary").await?;
    let (name, shop) = stage.application("shop");
    let home = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let there = placed_in(config_map(&name, "where", "there"), &name);
    let shop = shop.running([there, home]).where_label("location is DE");
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    let target = testbed.target(1)?.kubectl();
    let found = target.json(&["get", "configmaps", "-A", "--field-selector", &format!("metadata.name={name}")]).await?;
    let places: Vec<_> =
        found["items"].as_array().into_iter().flatten().map(|item| &item["metadata"]["namespace"]).collect();
    assert_eq!(places, [&name]);

    door.delete(&stage, &shop).await?;

    stage.until_gone(&shop, &name).await?;
    let left = target.run(&["get", "namespace", &name, "--ignore-not-found", "-o", "name"]).await?;
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}
