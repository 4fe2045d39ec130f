//! What people forbid with a safety policy waits, says so, and is done when they permit it.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage, ready_replicas};
use krake_testbed::{Testbed, eventually, throughout, unique};
use serde_json::{Value, json};

use crate::{
    gauges::Gauges,
    line::{apply, condition, events_of},
};

/// Longer than any of it takes when it is permitted.
const A_WHILE: Duration = Duration::from_secs(10);

/// A safety policy for the namespace of a story.
struct Policy<'a> {
    stage: &'a Stage<'a>,
    name: String,
}

impl<'a> Policy<'a> {
    fn new(stage: &'a Stage<'a>) -> Self {
        Self { stage, name: unique("policy") }
    }

    /// Applies it, and waits until it is followed.
    async fn says(&self, spec: Value) -> Result<()> {
        let mut object = json!({
            "apiVersion": "core.krake.dev/v1alpha1", "kind": "SafetyPolicy",
            "metadata": { "name": self.name }, "spec": spec,
        });
        object["spec"]["namespaces"] = json!([self.stage.namespace]);
        self.stage.testbed.management_kubectl().apply(&object).await?;
        self.until(|object| object["status"]["observedGeneration"] == object["metadata"]["generation"]).await
    }

    async fn until(&self, look: impl Fn(&Value) -> bool) -> Result<()> {
        eventually("the policy is as wanted", SOON, async || {
            let args = ["get", "safetypolicies.core.krake.dev", &self.name];
            let object = self.stage.testbed.management_kubectl().json(&args).await?;
            ensure!(look(&object), "{object}");
            Ok(())
        })
        .await
    }

    fn is_named_in(&self, condition: &Value) -> bool {
        condition["status"] == "True" && condition["message"].as_str().is_some_and(|text| text.contains(&self.name))
    }
}

async fn delete(stage: &Stage<'_>, name: &str) -> Result<()> {
    let args = ["-n", &stage.namespace, "delete", APPLICATION, name, "--wait=false"];
    stage.testbed.kubectl(&args).await.map(drop)
}

pub(crate) async fn the_stop_switch_holds_moves_and_removals_until_it_is_off(testbed: &Testbed) -> Result<()> {
    let stage = Stage::bare(testbed, "stopped")?;
    let gauges = Gauges::register(&stage).await?;
    let ((mover_name, mover), (leaver_name, leaver)) = (stage.application("mover"), stage.application("leaver"));
    for application in [&mover, &leaver] {
        apply(&stage, application, &json!({})).await?;
        stage.until_running_on(&application.path(), "de").await?;
    }
    let policy = Policy::new(&stage);
    policy.says(json!({ "stop": true })).await?;

    gauges.set(&stage, [0.1, 0.9]).await?;
    delete(&stage, &leaver_name).await?;
    let is_withheld = |object: &Value| {
        let scheduled = condition(object, "Scheduled");
        scheduled["reason"] == "MigrationWithheld" && policy.is_named_in(&scheduled)
    };
    stage.until_object(APPLICATION, &mover_name, is_withheld).await?;
    stage.until_object(APPLICATION, &leaver_name, |object| policy.is_named_in(&condition(object, "Deleting"))).await?;
    let client = testbed.target(1)?.client().await?;
    throughout("both stay", A_WHILE, async || {
        let object = stage.object(APPLICATION, &mover_name).await?;
        ensure!(object["status"]["scheduledTo"]["name"] == "de", "{}", object["status"]);
        for name in [&mover_name, &leaver_name] {
            let ready = ready_replicas(&client, name).await?;
            ensure!(ready == Some(1), "{name} has {ready:?}");
        }
        Ok(())
    })
    .await?;

    policy.says(json!({ "stop": false })).await?;
    stage.until_running_on(&mover.path(), "it").await?;
    stage.until_gone(&leaver, &leaver_name).await
}

pub(crate) async fn a_tripped_budget_keeps_the_rest_until_somebody_acknowledges_it(testbed: &Testbed) -> Result<()> {
    let stage = Stage::set(testbed, "budget").await?;
    let tenants: Vec<_> = (0..3).map(|_| stage.application("shop")).collect();
    for (_, application) in &tenants {
        apply(&stage, application, &json!({})).await?;
    }
    for (_, application) in &tenants {
        stage.until_state(&application.path(), "RUNNING").await?;
    }
    let policy = Policy::new(&stage);
    policy.says(json!({ "fleet": { "deletions": { "limit": 1 } } })).await?;

    for (name, _) in &tenants {
        delete(&stage, name).await?;
    }
    let is_tripped = |object: &Value| condition(object, "Tripped")["status"] == "True";
    policy.until(is_tripped).await?;
    eventually("an Event tells of it", SOON, async || {
        let reasons = events_of(&stage, &policy.name).await?;
        ensure!(reasons.iter().any(|reason| reason == "BudgetTripped"), "{reasons:?}");
        Ok(())
    })
    .await?;
    let left = async || {
        let mut left = Vec::new();
        for (name, _) in &tenants {
            let args = ["-n", &stage.namespace, "get", APPLICATION, name, "--ignore-not-found", "-o", "name"];
            if !testbed.kubectl(&args).await?.trim().is_empty() {
                left.push(name);
            }
        }
        anyhow::Ok(left)
    };
    eventually("one has gone", SOON, async || {
        let left = left().await?;
        ensure!(left.len() == 2, "{left:?}");
        Ok(())
    })
    .await?;
    throughout("two stay, with what they have", A_WHILE, async || {
        let left = left().await?;
        ensure!(left.len() == 2, "{left:?}");
        for name in left {
            let (de, it) = (stage.nothing_left_on(1, name).await, stage.nothing_left_on(2, name).await);
            ensure!(de.is_err() || it.is_err(), "{name} has nothing any more");
        }
        Ok(())
    })
    .await?;
    for name in left().await? {
        stage.until_object(APPLICATION, name, |object| policy.is_named_in(&condition(object, "Deleting"))).await?;
    }

    policy.says(json!({ "acknowledged": 1, "fleet": { "deletions": { "limit": 3 } } })).await?;
    for (name, application) in &tenants {
        stage.until_gone(application, name).await?;
    }
    policy.until(|object| !is_tripped(object)).await
}
