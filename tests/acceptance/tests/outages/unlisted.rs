//! Lists that cannot be read, or not to their end: what the operator does not see is not gone.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context, Result, ensure};
use krake_acceptance::{APPLICATION, CLUSTER, SOON, Stage};
use krake_testbed::{
    Testbed,
    access::Account,
    eventually,
    fleet::{Fleet, FleetOptions},
    gate::{Failure, Gate},
    kubeconfig::Kubeconfig,
    objects::{Application, deployment},
    operator::Operator,
    throughout,
};
use serde_json::{Value, json};

use crate::line::{apply, homes, placements};

const CLUSTERS: &str = "clusters.kubernetes.krake.dev";
const PLACEMENTS: &str = "placements.kubernetes.krake.dev";

/// How often the operator has asked in vain before it is believed to be blind: once for each way to be refused.
const REFUSALS: usize = 3;

/// Longer than the operator lets an application stay before it looks for a better cluster, which is five seconds here.
const A_WHILE: Duration = Duration::from_secs(7);

/// Where the trouble begins.
#[derive(Clone, Copy, Debug)]
enum Begins {
    /// Before the operator starts, so that it never had a list.
    AtStart,
    /// While it works with the list that it had.
    AtWork,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_listed_is_not_taken_for_gone() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(mut testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    testbed.operator.stop().await?;
    let gate = gate(&testbed.fleet).await?;
    testbed.operator = operator_behind(&gate, &testbed.fleet).await?;
    let mut scene = Scene::set(&testbed, &gate).await?;
    for (begins, failure) in [
        (Begins::AtStart, Failure::Expired),
        (Begins::AtStart, Failure::AfterFirstPage),
        (Begins::AtWork, Failure::BrokenOff),
        // And a watch that has expired.
        (Begins::AtWork, Failure::AfterFirstPage),
    ] {
        let told = || format!("no list of clusters: {begins:?}, {failure:?}");
        scene.clusters_are_unknown(begins, failure).await.with_context(told)?;
    }
    for (begins, failure) in [
        (Begins::AtStart, Failure::Expired),
        (Begins::AtStart, Failure::AfterFirstPage),
        (Begins::AtWork, Failure::BrokenOff),
    ] {
        let told = || format!("no list of copies: {begins:?}, {failure:?}");
        scene.copies_are_unknown(begins, failure).await.with_context(told)?;
    }
    scene.users_go_on_while_copies_are_unknown().await
}

async fn gate(fleet: &Fleet) -> Result<Gate> {
    let text = fs::read_to_string(fleet.kubeconfig_of(Account::Operator)).context("read the operator's kubeconfig")?;
    Gate::start(&Kubeconfig::from_minified(serde_json::from_str(&text)?)?).await
}

async fn operator_behind(gate: &Gate, fleet: &Fleet) -> Result<Operator> {
    let ground = fleet.ground();
    let kubeconfig = ground.data.join("gate.kubeconfig");
    gate.kubeconfig().write(&kubeconfig)?;
    let place = (&ground.group, ground.data.as_path());
    Operator::start("operator-behind-gate", &kubeconfig, &["--reschedule-after-seconds=5"], place).await
}

/// Two applications, each on the target that its label asks for.
struct Scene<'a> {
    stage: Stage<'a>,
    gate: &'a Gate,
    german: (String, Application),
    italian: (String, Application),
    /// The names of the clusters in Germany and in Italy.
    at: [&'static str; 2],
}

impl<'a> Scene<'a> {
    async fn set(testbed: &'a Testbed, gate: &'a Gate) -> Result<Self> {
        let stage = Stage::set(testbed, "unlisted").await?;
        let settler = |name: &str, location: &str| {
            let (name, application) = stage.application(name);
            (name, application.where_label(&format!("location is {location}")))
        };
        let (german, italian) = (settler("german", "DE"), settler("italian", "IT"));
        for (_, application) in [&german, &italian] {
            apply(&stage, application, &json!({})).await?;
        }
        let scene = Self { stage, gate, german, italian, at: ["de", "it"] };
        scene.until_settled().await?;
        Ok(scene)
    }

    async fn until_settled(&self) -> Result<()> {
        for ((_, application), home) in [&self.german, &self.italian].into_iter().zip(self.at) {
            self.stage.until_running_on(&application.path(), home).await?;
        }
        eventually("each has one copy", SOON, async || {
            for ((name, _), home) in [&self.german, &self.italian].into_iter().zip(self.at) {
                let copies = placements(&self.stage, name).await?;
                ensure!(copies.len() == 1 && copies[0]["spec"]["cluster"]["name"] == home, "{copies:?}");
            }
            Ok(())
        })
        .await
    }

    async fn clusters_are_unknown(&mut self, begins: Begins, failure: Failure) -> Result<()> {
        self.blind(begins, CLUSTERS, failure).await?;
        let since = self.objects().await?;
        let before = self.inventory().await?;
        self.swap_locations().await?;
        self.nothing_happens(begins, &before).await?;
        self.gate.mend();
        self.until_moved(&since).await
    }

    async fn copies_are_unknown(&mut self, begins: Begins, failure: Failure) -> Result<()> {
        let before = self.inventory().await?;
        self.blind(begins, PLACEMENTS, failure).await?;
        self.nothing_happens(begins, &before).await?;
        let since = self.objects().await?;
        self.gate.mend();
        self.swap_locations().await?;
        self.until_moved(&since).await
    }

    /// Lets the reads of a collection fail, until the operator must have noticed.
    async fn blind(&self, begins: Begins, resource: &str, failure: Failure) -> Result<()> {
        let operator = &self.stage.testbed.operator;
        match begins {
            Begins::AtStart => {
                operator.stop().await?;
                self.gate.fail(resource, failure);
                operator.process.start_again()?;
            }
            Begins::AtWork => self.gate.fail(resource, failure),
        }
        eventually("the operator asks again and again", SOON, async || {
            let refusals = self.gate.refusals();
            ensure!(refusals >= REFUSALS, "{refusals} refusals");
            Ok(())
        })
        .await
    }

    async fn nothing_happens(&self, begins: Begins, before: &BTreeSet<String>) -> Result<()> {
        throughout("nothing is made, moved or removed", A_WHILE, async || {
            if matches!(begins, Begins::AtStart) {
                let (is_ready, says) = self.stage.testbed.operator.readiness().await?;
                ensure!(!is_ready && says.contains("caches"), "the operator says {says}");
            }
            let now = self.inventory().await?;
            let differences: Vec<_> = now.symmetric_difference(before).collect();
            ensure!(differences.is_empty(), "changed: {differences:?}");
            Ok(())
        })
        .await
    }

    /// Everything that could be made, moved or removed, here and on the targets.
    async fn inventory(&self) -> Result<BTreeSet<String>> {
        let testbed = self.stage.testbed;
        let here = format!("{APPLICATION},{CLUSTERS},{PLACEMENTS}");
        let here = testbed.management_kubectl().json(&["-n", &self.stage.namespace, "get", &here]).await?;
        let mut found = described(&here)?;
        for number in 1..=testbed.fleet.targets.len() {
            let all = ["get", "deployments", "-A", "-l", "app.kubernetes.io/managed-by=krake"];
            found.append(&mut described(&testbed.target(number)?.kubectl().json(&all).await?)?);
        }
        Ok(found)
    }

    /// The two applications as they are now.
    async fn objects(&self) -> Result<[Value; 2]> {
        let of = async |(name, _): &(String, Application)| self.stage.object(APPLICATION, name).await;
        Ok([of(&self.german).await?, of(&self.italian).await?])
    }

    /// Germany and Italy change places. Returns once the management cluster knows.
    async fn swap_locations(&mut self) -> Result<()> {
        self.at.reverse();
        for (name, location) in self.at.into_iter().zip(["DE", "IT"]) {
            let path = format!("{}/{name}", self.stage.cluster(1)?.collection());
            self.stage.rest.edit(&path, |object| object["metadata"]["labels"]["location"] = location.into()).await?;
            self.stage.until_object(CLUSTER, name, |object| object["spec"]["labels"]["location"] == location).await?;
        }
        Ok(())
    }

    /// Waits until both have moved, and makes sure that each did so once, from where it was at first.
    async fn until_moved(&self, since: &[Value; 2]) -> Result<()> {
        self.until_settled().await?;
        let [german, italian] = self.at;
        for (before, way) in since.iter().zip([[italian, german], [german, italian]]) {
            let homes = homes(&self.stage, before).await?;
            ensure!(homes == way.map(|home| Some(home.to_owned())), "served by {homes:?} and not by {way:?}");
        }
        let (is_ready, says) = self.stage.testbed.operator.readiness().await?;
        ensure!(is_ready, "the operator says {says}");
        Ok(())
    }

    async fn users_go_on_while_copies_are_unknown(&self) -> Result<()> {
        let stage = &self.stage;
        let before = self.inventory().await?;
        let [leaver, late, fleeting] = ["leaver", "late", "fleeting"].map(|name| stage.application(name));
        apply(stage, &leaver.1, &json!({})).await?;
        stage.until_state(&leaver.1.path(), "RUNNING").await?;

        self.blind(Begins::AtWork, PLACEMENTS, Failure::AfterFirstPage).await?;
        for (name, application) in [&late, &fleeting] {
            apply(stage, application, &json!({})).await?;
            eventually(&format!("{name} gets a copy"), SOON, async || self.single_home(name).await).await?;
        }
        for (name, _) in [&leaver, &fleeting] {
            let delete = ["-n", &stage.namespace, "delete", APPLICATION, name, "--wait=false"];
            stage.testbed.kubectl(&delete).await?;
        }
        let (name, german) = self.german.clone();
        apply(stage, &german.running([deployment(&name, 2)]), &json!({})).await?;
        throughout("nobody is moved, doubled or orphaned", A_WHILE, async || {
            let now = self.inventory().await?;
            let missing: Vec<_> = before.difference(&now).collect();
            ensure!(missing.is_empty(), "missing: {missing:?}");
            for (name, _) in [&self.german, &self.italian, &late] {
                self.single_home(name).await?;
            }
            for (name, _) in [&leaver, &fleeting] {
                self.no_orphans(name).await?;
            }
            Ok(())
        })
        .await?;

        self.gate.mend();
        stage.until_state(&late.1.path(), "RUNNING").await?;
        for (name, application) in [&leaver, &fleeting] {
            stage.until_gone(application, name).await?;
            ensure!(placements(stage, name).await?.is_empty(), "a copy of {name} is left");
        }
        let target = if self.at == ["de", "it"] { 1 } else { 2 };
        stage.until_replicas(target, &name, 2).await?;
        self.single_home(&late.0).await?;
        self.until_settled().await
    }

    /// Makes sure that an application has one copy.
    async fn single_home(&self, name: &str) -> Result<()> {
        let copies = placements(&self.stage, name).await?;
        ensure!(copies.len() == 1, "{name} has {} copies: {copies:?}", copies.len());
        Ok(())
    }

    /// Makes sure that an application has at most one copy, and outlives it.
    async fn no_orphans(&self, name: &str) -> Result<()> {
        // In this order: it may go in between, but no copy may stay.
        let application = self.stage.absent(APPLICATION, name).await;
        let copies = placements(&self.stage, name).await?;
        ensure!(copies.len() <= usize::from(application.is_err()), "{name} has left {copies:?}");
        Ok(())
    }
}

/// What there is, where it is, and that it stays.
fn described(list: &Value) -> Result<BTreeSet<String>> {
    let items = list["items"].as_array().context("kubectl lists items")?;
    let describe = |item: &Value| {
        let (metadata, status) = (&item["metadata"], &item["status"]);
        let places = [&item["spec"]["cluster"]["name"], &status["scheduledTo"]["name"], &status["runningOn"]["name"]];
        let leaves = &metadata["deletionTimestamp"];
        format!("{} {} {} {places:?} {leaves}", item["kind"], metadata["name"], metadata["uid"])
    };
    Ok(items.iter().map(describe).collect())
}
