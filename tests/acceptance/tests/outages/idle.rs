//! A quiet system writes nothing but Leases.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use krake_acceptance::Stage;
use krake_testbed::{Testbed, fleet::FleetOptions};
use serde_json::Value;

/// How long the system is watched.
const WATCHED: Duration = Duration::from_mins(1);

/// What Krake could write on the management cluster, Leases excepted.
const KINDS: &str = "applications.kubernetes.krake.dev,clusters.kubernetes.krake.dev,placements.kubernetes.krake.dev,\
                     secrets,namespaces,events,configmaps,serviceaccounts";

#[tokio::test]
async fn an_idle_minute_writes_nothing_to_etcd_and_only_leases_to_the_management_cluster() -> anyhow::Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    let stage = Stage::set(&testbed, "idle").await?;
    for location in ["DE", "IT"] {
        let (_, shop) = stage.application("shop");
        let shop = shop.where_label(&format!("location is {location}"));
        stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
        stage.until_state(&shop.path(), "RUNNING").await?;
    }
    settle(&testbed).await?;

    let before = (etcd_revision(&testbed).await?, versions(&testbed).await?);
    tokio::time::sleep(WATCHED).await;
    let after = (etcd_revision(&testbed).await?, versions(&testbed).await?);

    assert_eq!(before.0, after.0, "etcd was written to");
    assert_eq!(before.1, after.1, "the management cluster was written to");
    Ok(())
}

/// Waits until two looks, some seconds apart, show the same.
async fn settle(testbed: &Testbed) -> anyhow::Result<()> {
    krake_testbed::eventually("the system is quiet", krake_acceptance::SOON, async || {
        let before = (etcd_revision(testbed).await?, versions(testbed).await?);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let after = (etcd_revision(testbed).await?, versions(testbed).await?);
        anyhow::ensure!(before == after, "something is still written");
        Ok(())
    })
    .await
}

/// The revision of the facade's etcd, which every write raises, read through etcd's JSON gateway.
async fn etcd_revision(testbed: &Testbed) -> anyhow::Result<String> {
    let etcd = krake_testbed::rest::Rest::new(&testbed.fleet.etcd.endpoint())?;
    let status = etcd.post("/v3/maintenance/status", &serde_json::json!({})).await?.expect(200)?;
    status["header"]["revision"].as_str().map(str::to_owned).context("etcd names its revision")
}

/// The resource version of every object on the management cluster, by kind, namespace and name.
async fn versions(testbed: &Testbed) -> anyhow::Result<BTreeMap<String, String>> {
    let listed = testbed.management_kubectl().json(&["get", KINDS, "-A"]).await?;
    let items = listed["items"].as_array().context("kubectl lists items")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(items
        .iter()
        .map(|item| {
            let metadata = &item["metadata"];
            let key = format!("{} {}/{}", text(&item["kind"]), text(&metadata["namespace"]), text(&metadata["name"]));
            (key, text(&metadata["resourceVersion"]))
        })
        .collect())
}
