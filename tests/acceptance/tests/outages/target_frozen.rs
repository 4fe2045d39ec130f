//! A target that does not answer for a minute loses nothing and disturbs nobody.

use std::time::Duration;

use anyhow::ensure;
use krake_acceptance::{SOON, Stage, ready_replicas};
use krake_testbed::{Testbed, eventually, fleet::FleetOptions, throughout};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long the target is frozen.
const FROZEN: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_target_frozen_for_a_minute_keeps_its_applications_and_delays_no_other() -> anyhow::Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    let stage = Stage::set(&testbed, "frozen").await?;
    let (frozen_name, frozen) = stage.application("frozen");
    let (lively_name, lively) = stage.application("lively");
    let (frozen, lively) = (frozen.where_label("location is DE"), lively.where_label("location is IT"));
    for application in [&frozen, &lively] {
        stage.rest.post(&application.collection(), &application.rest()).await?.expect(200)?;
    }
    stage.until_running_on(&frozen.path(), "de").await?;
    stage.until_running_on(&lively.path(), "it").await?;

    let begun = Instant::now();
    testbed.target(1)?.api_server.pause()?;
    stage.until_state(&stage.cluster(1)?.path(), "OFFLINE").await?;

    // The other target's application is served as fast as ever.
    stage.rest.edit(&lively.path(), |object| object["spec"]["manifest"][0]["spec"]["replicas"] = json!(2)).await?;
    let update = Instant::now();
    stage.until_replicas(2, &lively_name, 2).await?;
    ensure!(update.elapsed() < Duration::from_secs(10), "the other target waited {:?}", update.elapsed());

    // Nothing of the frozen one is given up.
    throughout("the application stays", FROZEN.saturating_sub(begun.elapsed()), async || {
        let object = stage.rest.get(&frozen.path()).await?.expect(200)?;
        let status = &object["status"];
        ensure!(status["running_on"]["name"] == "de" && status["scheduled_to"]["name"] == "de", "{status}");
        ensure!(object["metadata"]["deleted"] == Value::Null, "{}", object["metadata"]);
        Ok(())
    })
    .await?;

    testbed.target(1)?.api_server.resume()?;
    stage.until_state(&stage.cluster(1)?.path(), "ONLINE").await?;
    stage.until_running_on(&frozen.path(), "de").await?;
    let client = testbed.target(1)?.client().await?;
    eventually("the frozen application is still there", SOON, async || {
        let ready = ready_replicas(&client, &frozen_name).await?;
        ensure!(ready == Some(1), "{ready:?}");
        Ok(())
    })
    .await
}
