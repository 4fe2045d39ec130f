//! A target that Krake cannot reach: who stays, who goes, and what becomes of the copies when it is back.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{
    Testbed, eventually,
    objects::{Application, deployment as deployment_of},
    throughout,
};
use serde_json::{Value, json};

use crate::line::{Line, apply, condition, homes, placements};

/// How long the longer cut lasts.
const CUT: Duration = Duration::from_secs(30);

/// A stage whose first target is at the end of a line, and empty but for what arrives now; the other one follows.
async fn half_set<'a>(testbed: &'a Testbed, story: &str) -> Result<(Stage<'a>, Line)> {
    let stage = Stage::bare(testbed, story)?;
    let line = Line::to(&stage, 1).await?;
    stage.register([line.register(stage.cluster(1)?)]).await?;
    Ok((stage, line))
}

/// An application on the first target.
struct Tenant {
    name: String,
    path: String,
    /// It, as it was when it ran.
    object: Value,
    /// Its Deployment, with everything that is recorded about it.
    deployment: Value,
}

impl Tenant {
    async fn arrive(stage: &Stage<'_>, (name, application): (String, Application), more: Value) -> Result<Self> {
        apply(stage, &application, &more).await?;
        stage.until_running_on(&application.path(), "de").await?;
        let object = stage.object(APPLICATION, &name).await?;
        let deployment = deployment(stage, &name).await?;
        Ok(Self { path: application.path(), name, object, deployment })
    }

    /// Makes sure that it runs where it was, and that nothing else is intended.
    async fn stays(&self, stage: &Stage<'_>) -> Result<()> {
        let object = stage.rest.get(&self.path).await?.expect(200)?;
        let status = &object["status"];
        let places = [&status["running_on"]["name"], &status["scheduled_to"]["name"]];
        ensure!(status["state"] == "RUNNING" && places == ["de", "de"], "{} is elsewhere: {status}", self.name);
        ensure!(object["metadata"]["deleted"] == Value::Null, "{} is being deleted", self.name);
        Ok(())
    }

    /// Waits until its copy on the first target is known to be well again.
    async fn is_well_again(&self, stage: &Stage<'_>) -> Result<()> {
        eventually(&format!("{} is known to be well", self.name), SOON, async || {
            let copies = placements(stage, &self.name).await?;
            ensure!(copies.len() == 1, "{} has {} copies", self.name, copies.len());
            let (applied, ready) = (condition(&copies[0], "Applied"), condition(&copies[0], "Ready"));
            ensure!(applied["reason"] == "Applied" && ready["status"] == "True", "{applied} {ready}");
            self.stays(stage).await
        })
        .await
    }

    /// The clusters that have served it since it arrived.
    async fn homes(&self, stage: &Stage<'_>) -> Result<Vec<Option<String>>> {
        homes(stage, &self.object).await
    }
}

fn pinned(stage: &Stage<'_>) -> (String, Application) {
    let (name, application) = stage.application("pinned");
    (name, application.staying())
}

async fn deployment(stage: &Stage<'_>, name: &str) -> Result<Value> {
    let kubectl = stage.testbed.target(1)?.kubectl();
    kubectl.json(&["get", "deployment", name, "--show-managed-fields"]).await
}

pub(crate) async fn a_cut_moves_only_what_does_not_tolerate_it_and_is_tidied_up_afterwards(
    testbed: &Testbed,
) -> Result<()> {
    let (stage, line) = half_set(testbed, "cut").await?;
    let toleration = |seconds: i64| json!({ "unreachableTolerationSeconds": seconds });
    let (name, loyal) = stage.application("loyal");
    let loyal_twice = loyal.clone().running([deployment_of(&name, 2)]);
    let (hasty, patient, loyal, pinned) = tokio::try_join!(
        Tenant::arrive(&stage, stage.application("hasty"), toleration(10)),
        Tenant::arrive(&stage, stage.application("patient"), json!({})),
        Tenant::arrive(&stage, (name, loyal), toleration(-1)),
        Tenant::arrive(&stage, pinned(&stage), toleration(1)),
    )?;
    stage.register([stage.cluster(2)?]).await?;

    line.cut();
    let moving = async {
        stage.until_state(&stage.cluster(1)?.path(), "OFFLINE").await?;
        // Nobody can tell yet whether this is there.
        apply(&stage, &loyal_twice, &toleration(-1)).await?;
        stage.until_running_on(&hasty.path, "it").await
    };
    let staying = throughout("the others stay", CUT, async || {
        patient.stays(&stage).await?;
        pinned.stays(&stage).await?;
        let object = stage.object(APPLICATION, &loyal.name).await?;
        let places = [&object["status"]["runningOn"]["name"], &object["status"]["scheduledTo"]["name"]];
        ensure!(places == ["de", "de"], "{}", object["status"]);
        Ok(())
    });
    tokio::try_join!(moving, staying)?;
    // Which is still served where it was, because nobody could tell it to end.
    ensure!(deployment(&stage, &hasty.name).await? == hasty.deployment, "somebody has touched the old copy");
    let copies = placements(&stage, &hasty.name).await?;
    let leaving = copies.iter().find(|copy| copy["spec"]["cluster"]["name"] == "de").cloned().unwrap_or_default();
    ensure!(condition(&leaving, "Deleting")["reason"] == "ClusterUnreachable", "{leaving}");

    line.mend();
    stage.until_state(&stage.cluster(1)?.path(), "ONLINE").await?;
    eventually("the old copy is gone", SOON, async || stage.nothing_left_on(1, &hasty.name).await).await?;
    stage.until_replicas(1, &loyal.name, 2).await?;
    for one in [&patient, &pinned, &loyal] {
        one.is_well_again(&stage).await?;
        let homes = one.homes(&stage).await?;
        ensure!(homes.iter().all(|home| home.as_deref() == Some("de")), "{} was served by {homes:?}", one.name);
    }
    for one in [&patient, &pinned] {
        ensure!(deployment(&stage, &one.name).await? == one.deployment, "{} was written without need", one.name);
    }
    stage.until_running_on(&hasty.path, "it").await?;
    let homes = hasty.homes(&stage).await?;
    ensure!(homes == [Some("de".to_owned()), Some("it".to_owned())], "{} was served by {homes:?}", hasty.name);
    eventually("it has one home", SOON, async || {
        let copies = placements(&stage, &hasty.name).await?;
        ensure!(copies.len() == 1 && copies[0]["spec"]["cluster"]["name"] == "it", "{copies:?}");
        Ok(())
    })
    .await
}

pub(crate) async fn a_target_that_flaps_keeps_its_application(testbed: &Testbed) -> Result<()> {
    const CUTS: usize = 3;
    /// Each cut is shorter than the toleration, with the few seconds after it in which nobody has noticed its end; all of
    /// them together are longer.
    const SHORT: Duration = Duration::from_secs(6);
    const TOLERATION_SECONDS: i64 = 15;
    let (stage, line) = half_set(testbed, "flapping").await?;
    let tolerant = json!({ "unreachableTolerationSeconds": TOLERATION_SECONDS });
    let tenant = Tenant::arrive(&stage, stage.application("shop"), tolerant).await?;
    stage.register([stage.cluster(2)?]).await?;
    let cluster = stage.cluster(1)?.path();

    for _ in 0..CUTS {
        line.cut();
        throughout("it stays", SHORT, async || tenant.stays(&stage).await).await?;
        stage.until_state(&cluster, "OFFLINE").await?;
        line.mend();
        eventually("the cluster answers again", SOON, async || {
            tenant.stays(&stage).await?;
            let object = stage.rest.get(&cluster).await?.expect(200)?;
            ensure!(object["status"]["state"] != "OFFLINE", "it is still offline");
            Ok(())
        })
        .await?;
    }

    stage.until_state(&cluster, "ONLINE").await?;
    tenant.is_well_again(&stage).await?;
    let homes = tenant.homes(&stage).await?;
    ensure!(homes.iter().all(|home| home.as_deref() == Some("de")), "it was served by {homes:?}");
    ensure!(deployment(&stage, &tenant.name).await? == tenant.deployment, "it was written without need");
    Ok(())
}
