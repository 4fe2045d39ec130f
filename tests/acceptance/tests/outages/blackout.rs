//! An outage of the operator's own network: every target is silent at once, and they come back one after the other.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, Stage};
use krake_testbed::{Testbed, fleet::FleetOptions, throughout};
use serde_json::json;

use crate::line::{Line, apply, homes};

/// How long an application puts up with a silent cluster.
const TOLERATION: Duration = Duration::from_secs(12);

/// For how long the first target that is back is alone; less than the toleration, which begins anew.
const ALONE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn the_first_target_that_is_back_does_not_take_the_applications_of_the_others() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    let stage = Stage::bare(&testbed, "blackout")?;
    let (first, other) = (Line::to(&stage, 1).await?, Line::to(&stage, 2).await?);
    let (de, it) = (first.register(stage.cluster(1)?), other.register(stage.cluster(2)?));
    stage.register([de.clone()]).await?;
    let (name, shop) = stage.application("shop");
    apply(&stage, &shop, &json!({ "unreachableTolerationSeconds": TOLERATION.as_secs() })).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    let before = stage.object(APPLICATION, &name).await?;
    stage.register([it.clone()]).await?;

    let stays = async || {
        let object = stage.rest.get(&shop.path()).await?.expect(200)?;
        let status = &object["status"];
        ensure!(status["scheduled_to"]["name"] == "de" && status["running_on"]["name"] == "de", "{status}");
        anyhow::Ok(())
    };
    first.cut();
    other.cut();
    stage.until_state(&de.path(), "OFFLINE").await?;
    stage.until_state(&it.path(), "OFFLINE").await?;
    throughout("there is nowhere to go", TOLERATION, stays).await?;

    other.mend();
    stage.until_state(&it.path(), "ONLINE").await?;
    throughout("it does not go to the first that is back", ALONE, stays).await?;
    first.mend();
    stage.until_state(&de.path(), "ONLINE").await?;
    stage.until_running_on(&shop.path(), "de").await?;
    let homes = homes(&stage, &before).await?;
    ensure!(homes.iter().all(|home| home.as_deref() == Some("de")), "it was served by {homes:?}");

    // A target that stays away is left as ever.
    first.cut();
    stage.until_running_on(&shop.path(), "it").await.map(drop)
}
