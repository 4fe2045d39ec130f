//! A target that never comes back, and how people get rid of it.

use anyhow::{Context, Result, ensure};
use krake_acceptance::{APPLICATION, CLUSTER, SOON, Stage};
use krake_testbed::{Testbed, eventually, objects::Cluster};
use serde_json::{Value, json};

use crate::line::{Line, apply, condition, events_of, placements};

/// Both ways: an application that has left before, and one that is taken by surprise.
pub(crate) async fn a_lost_target_is_let_go_by_policy_and_its_applications_run_elsewhere(
    testbed: &Testbed,
) -> Result<()> {
    let stage = Stage::bare(testbed, "lost")?;
    let line = Line::to(&stage, 1).await?;
    let [before, surprised] = ["first", "second"].map(|name| named(&stage, &line, name));
    let (before, surprised) = (before?, surprised?);
    stage.register([before.clone(), surprised.clone()]).await?;
    let (left_name, left) = stage.application("left");
    let left = left.where_label("number in (first, other)");
    apply(&stage, &left, &json!({ "unreachableTolerationSeconds": 1 })).await?;
    let (stays_name, stays) = stage.application("stays");
    let stays = stays.where_label("number in (second, other)");
    apply(&stage, &stays, &json!({})).await?;
    stage.until_running_on(&left.path(), "first").await?;
    stage.until_running_on(&stays.path(), "second").await?;
    stage.register([stage.cluster(2)?.labelled("number", "other")]).await?;
    line.cut();
    stage.until_running_on(&left.path(), "it").await?;

    // What has left before still has a copy there, which cannot be removed.
    delete(&stage, "first").await?;
    let copy = placements(&stage, &left_name).await?;
    let copy =
        copy.iter().find(|copy| copy["spec"]["cluster"]["name"] == "first").context("the copy is known")?.clone();
    let copy = copy["metadata"]["name"].as_str().context("a copy has a name")?.to_owned();
    stage
        .until_object(CLUSTER, "first", |object| {
            let deleting = condition(object, "Deleting");
            deleting["status"] == "True" && deleting["message"].as_str().is_some_and(|text| text.contains(&copy))
        })
        .await?;
    orphan(&stage, "first").await?;
    until_absent(&stage, &before, "first").await?;
    let left_events = events_of(&stage, &left_name).await?;
    ensure!(left_events.iter().any(|reason| reason == "ResourcesOrphaned"), "{left_events:?}");

    // What is there when the cluster goes gets another place.
    orphan(&stage, "second").await?;
    delete(&stage, "second").await?;
    until_absent(&stage, &surprised, "second").await?;
    for (name, application) in [(&left_name, &left), (&stays_name, &stays)] {
        stage.until_running_on(&application.path(), "it").await?;
        stage.until_replicas(2, name, 1).await?;
        let object = stage.object(APPLICATION, name).await?;
        ensure!(object["metadata"]["deletionTimestamp"] == Value::Null, "{name} is taken along");
        let copies = placements(&stage, name).await?;
        ensure!(copies.len() == 1, "{name} has {} copies", copies.len());
    }
    Ok(())
}

fn named(stage: &Stage<'_>, line: &Line, name: &str) -> Result<Cluster> {
    Ok(line.register(stage.cluster(1)?).named(name).labelled("number", name))
}

async fn delete(stage: &Stage<'_>, cluster: &str) -> Result<()> {
    let args = ["-n", &stage.namespace, "delete", CLUSTER, cluster, "--wait=false"];
    stage.testbed.kubectl(&args).await.map(drop)
}

async fn orphan(stage: &Stage<'_>, cluster: &str) -> Result<()> {
    let patch = json!({ "spec": { "deletionPolicy": "Orphan" } }).to_string();
    let args = ["-n", &stage.namespace, "patch", CLUSTER, cluster, "--type=merge", "-p", &patch];
    stage.testbed.kubectl(&args).await.map(drop)
}

async fn until_absent(stage: &Stage<'_>, cluster: &Cluster, name: &str) -> Result<()> {
    eventually(&format!("{name} is gone behind both doors"), SOON, async || {
        stage.absent(CLUSTER, name).await?;
        let status = stage.rest.get(&cluster.path()).await?.status;
        ensure!(status == 404, "REST still answers {status}");
        Ok(())
    })
    .await
}
