//! Work that ends, and is tidied away by its cluster.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::{SOON, Stage};
use krake_testbed::{Testbed, eventually, objects::job, throughout};
use serde_json::json;

/// How long nothing may happen once it is known that nothing should.
const A_MOMENT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_job_that_is_done_and_removed_by_its_cluster_is_not_done_again() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "finished").await?;
    let (name, work) = stage.application("work");
    let mut job = job(&name);
    job["spec"]["ttlSecondsAfterFinished"] = json!(3);
    let work = work.running([job]).where_label("location is DE");
    stage.rest.post(&work.collection(), &work.rest()).await?.expect(200)?;
    stage.until_state(&work.path(), "COMPLETED").await?;

    let target = testbed.target(1)?.kubectl();
    let is_gone = async || {
        let found = target.run(&["get", "job", &name, "--ignore-not-found", "-o", "name"]).await?;
        ensure!(found.trim().is_empty(), "{found}");
        anyhow::Ok(())
    };
    eventually("its cluster removes it", SOON, is_gone).await?;
    throughout("it stays done", A_MOMENT, async || {
        is_gone().await?;
        let status = stage.rest.get(&work.path()).await?.expect(200)?["status"].clone();
        ensure!(status["state"] == "COMPLETED", "{status}");
        Ok(())
    })
    .await?;

    stage.rest.delete(&work.path()).await?.expect(200)?;
    stage.until_gone(&work, &name).await
}
