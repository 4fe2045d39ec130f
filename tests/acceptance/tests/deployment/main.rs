//! What an application's objects are on its target, while it lives and after it was deleted.

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{
    Testbed, eventually,
    kubectl::Kubectl,
    objects::{deployment, placed_in, service},
    throughout,
};
use serde_json::{Value, json};

/// Longer than a correction takes.
const A_WHILE: std::time::Duration = std::time::Duration::from_secs(5);

/// A story on the first target.
struct Play<'a> {
    stage: Stage<'a>,
    name: String,
    /// What the user applies.
    application: Value,
    path: String,
    target: Kubectl,
}

impl<'a> Play<'a> {
    async fn set(testbed: &'a Testbed, story: &str, manifest: impl FnOnce(&str) -> Vec<Value>) -> Result<Self> {
        let stage = Stage::set(testbed, story).await?;
        let (name, shop) = stage.application("shop");
        let shop = shop.where_label("location is DE").running(manifest(&name));
        let target = testbed.target(1)?.kubectl().clone();
        Ok(Self { application: shop.custom_resource(), path: shop.path(), stage, name, target })
    }

    async fn apply(&self) -> Result<()> {
        self.stage.testbed.management_kubectl().apply(&self.application).await.map(drop)
    }

    async fn run(&self) -> Result<()> {
        self.apply().await?;
        self.stage.until_running_on(&self.path, "de").await.map(drop)
    }

    async fn delete(&self) -> Result<()> {
        let args = ["-n", &self.stage.namespace, "delete", APPLICATION, &self.name, "--timeout=60s"];
        self.stage.testbed.kubectl(&args).await.map(drop)
    }

    /// An object of the application as it is on the target; `null` if it is not there.
    async fn found(&self, kind: &str) -> Result<Value> {
        let listed =
            self.target.json(&["get", kind, "--field-selector", &format!("metadata.name={}", self.name)]).await?;
        Ok(listed["items"][0].clone())
    }

    async fn until(&self, kind: &str, look: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("{kind} {} is as wanted", self.name), SOON, async || {
            let found = self.found(kind).await?;
            ensure!(look(&found), "{found}");
            Ok(found)
        })
        .await
    }

    async fn patch(&self, kind: &str, patch: &Value, more: &[&str]) -> Result<()> {
        let patch = patch.to_string();
        self.target.run(&[&["patch", kind, &self.name, "--type=merge", "-p", &patch], more].concat()).await.map(drop)
    }
}

fn one_deployment(name: &str) -> Vec<Value> {
    vec![deployment(name, 1)]
}

fn is_marked(object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    labels["app.kubernetes.io/managed-by"] == "krake" || labels["krake.dev/placement"].is_string()
}

#[tokio::test]
async fn an_orphan_stays_without_our_marks_and_belongs_to_nobody() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let mut play = Play::set(testbed, "orphan", one_deployment).await?;
    play.application["spec"]["deletionPolicy"] = json!("Orphan");
    play.run().await?;
    let before = play.found("deployment").await?;
    assert!(is_marked(&before));

    play.delete().await?;

    let after = play.found("deployment").await?;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["spec"], before["spec"]);
    assert!(!is_marked(&after), "{after}");
    let managed = play.target.json(&["get", "deployment", &play.name, "--show-managed-fields"]).await?;
    let managers = managed["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    assert!(managers.iter().all(|one| one["manager"] != "krake"), "{managers:?}");
    play.target.run(&["delete", "deployment", &play.name]).await.map(drop)
}

#[tokio::test]
async fn what_is_retained_is_taken_over_by_an_application_of_the_same_name() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let mut play = Play::set(testbed, "retain", one_deployment).await?;
    play.application["spec"]["deletionPolicy"] = json!("Retain");
    play.run().await?;
    let before = play.found("deployment").await?;

    play.delete().await?;

    let retained = play.found("deployment").await?;
    assert_eq!(retained["metadata"]["labels"], before["metadata"]["labels"]);
    play.application["spec"]["deletionPolicy"] = json!("Delete");
    play.run().await?;
    assert_eq!(play.found("deployment").await?["metadata"]["uid"], before["metadata"]["uid"]);
    play.delete().await?;
    play.until("deployment", Value::is_null).await.map(drop)
}

#[tokio::test]
async fn a_hopeless_deployment_fails_at_its_limit_and_recovers_when_the_spec_changes() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let mut play =
        Play::set(testbed, "limit", |name| vec![placed_in(deployment(name, 1), "no-such-namespace")]).await?;
    play.application["spec"]["backoff"] = json!({ "limit": 1, "delaySeconds": 1, "factor": 2 });
    play.apply().await?;

    let failed = play.stage.until_state(&play.path, "FAILED").await?;

    assert_eq!(failed["status"]["reason"]["code"], "KUBERNETES_ERROR");
    let is_stalled = |object: &Value| {
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|one| one["type"] == "Stalled" && one["status"] == "True")
    };
    play.stage.until_object(APPLICATION, &play.name, is_stalled).await?;
    play.application["spec"]["manifest"][0]["metadata"]["namespace"] = json!("default");
    play.run().await?;
    play.delete().await
}

#[tokio::test]
async fn the_address_of_a_service_follows_the_target() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let play = Play::set(testbed, "address", |name| {
        let mut service = service(name);
        service["spec"]["type"] = json!("LoadBalancer");
        vec![deployment(name, 1), service]
    })
    .await?;
    play.run().await?;
    let until_address = async |address: &str| {
        eventually(&format!("the address is {address}"), SOON, async || {
            let object = play.stage.rest.get(&play.path).await?.expect(200)?;
            ensure!(object["status"]["services"][&play.name] == address, "{}", object["status"]["services"]);
            Ok(())
        })
        .await
    };
    until_address("<pending>:80").await?;

    for (ingress, address) in [
        (json!({ "ip": "192.0.2.7" }), "192.0.2.7:80"),
        (json!({ "hostname": "shop.example.org" }), "shop.example.org:80"),
    ] {
        let status = json!({ "status": { "loadBalancer": { "ingress": [ingress] } } });
        play.patch("service", &status, &["--subresource=status"]).await?;
        until_address(address).await?;
    }
    play.delete().await
}

#[tokio::test]
async fn nothing_is_removed_while_a_human_has_stopped_it() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let play = Play::set(testbed, "stop", one_deployment).await?;
    play.run().await?;
    let policy = json!({
        "apiVersion": "core.krake.dev/v1alpha1", "kind": "SafetyPolicy", "metadata": { "name": play.name },
        "spec": { "stop": true, "namespaces": [play.stage.namespace] },
    });
    let management = testbed.management_kubectl();
    management.apply(&policy).await?;
    management.run(&["wait", "--for=condition=Ready", &format!("safetypolicy/{}", play.name), "--timeout=60s"]).await?;

    let args = ["-n", &play.stage.namespace, "delete", APPLICATION, &play.name, "--wait=false"];
    management.run(&args).await?;

    throughout("the Deployment stays", A_WHILE, async || {
        ensure!(is_marked(&play.found("deployment").await?), "it is gone");
        Ok(())
    })
    .await?;
    management.run(&["delete", "safetypolicy", &play.name]).await?;
    play.until("deployment", Value::is_null).await.map(drop)
}
