//! A move to a place where the application cannot run: it is given up, and nobody notices but who reads the Events.

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage, ready_replicas};
use krake_testbed::{Testbed, cluster::NODE, eventually, objects::deployment, unique};
use serde_json::{Value, json};

use crate::{
    gauges::Gauges,
    line::{apply, events_of, homes},
};

pub(crate) async fn a_move_that_never_gets_ready_is_given_up_and_the_old_copy_serves_all_the_time(
    testbed: &Testbed,
) -> Result<()> {
    let stage = Stage::bare(testbed, "bad-move")?;
    let gauges = Gauges::register(&stage).await?;
    // Something that the pods need is on the nodes of the first target only.
    let need = unique("need");
    testbed.target(1)?.kubectl().run(&["label", "node", NODE, &format!("{need}=met")]).await?;
    let (name, shop) = stage.application("shop");
    let mut needy = deployment(&name, 1);
    needy["spec"]["template"]["spec"]["nodeSelector"] = json!({ &need: "met" });
    apply(&stage, &shop.clone().running([needy]), &json!({ "progressDeadlineSeconds": 5 })).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    let before = stage.object(APPLICATION, &name).await?;

    gauges.set(&stage, [0.1, 0.9]).await?;
    let (old, new) = (testbed.target(1)?.client().await?, testbed.target(2)?.client().await?);
    let serves = async || {
        let ready = ready_replicas(&old, &name).await?;
        ensure!(ready == Some(1), "the old copy has {ready:?}");
        anyhow::Ok(())
    };
    eventually("the move is tried", SOON, async || {
        serves().await?;
        let tried = ready_replicas(&new, &name).await?;
        ensure!(tried == Some(0), "the new copy has {tried:?}");
        Ok(())
    })
    .await?;
    eventually("the move is given up", SOON, async || {
        serves().await?;
        stage.nothing_left_on(2, &name).await?;
        let reasons = events_of(&stage, &name).await?;
        ensure!(reasons.iter().any(|reason| reason == "MigrationFailed"), "{reasons:?}");
        Ok(())
    })
    .await?;

    let back = |object: &Value| {
        let status = &object["status"];
        status["state"] == "RUNNING" && [&status["scheduledTo"]["name"], &status["runningOn"]["name"]] == ["de", "de"]
    };
    stage.until_object(APPLICATION, &name, back).await?;
    let homes = homes(&stage, &before).await?;
    ensure!(homes == [Some("de".to_owned())], "it was served by {homes:?}");
    serves().await
}
