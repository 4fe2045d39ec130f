//! Who shares a fleet: a tenant who may use one namespace of a target only, and one who reaches for the cluster of another.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{
    Testbed, eventually,
    kubeconfig::Kubeconfig,
    objects::{cluster, config_map, deployment},
    throughout, unique,
};
use serde_json::{Value, json};

/// How long nothing may happen once it is known that nothing should.
const A_MOMENT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_kubeconfig_that_is_limited_to_a_namespace_is_enough() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "limited")?;
    let room = Room::made(testbed, &unique("room")).await?;
    let tenants = cluster("de", &room.kubeconfig).in_namespace(&stage.namespace);
    stage.register([tenants]).await?;

    let (name, shop) = stage.application("shop");
    let shop = shop.running([deployment(&name, 2)]);
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;

    // Its pods are seen, though nobody may watch the whole cluster for them.
    stage.until_running_on(&shop.path(), "de").await?;
    room.until_replicas(&name, 2).await?;
    room.scale(&name, 3).await?;
    room.until_replicas(&name, 2).await?;
    stage.rest.delete(&shop.path()).await?.expect(200)?;
    stage.until_gone(&shop, &name).await
}

#[tokio::test]
async fn no_application_gets_onto_the_cluster_of_another_namespace() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let (theirs, ours) = (Stage::set(testbed, "theirs").await?, Stage::set(testbed, "ours").await?);
    let (name, shop) = ours.application("shop");
    let shop = shop.running([config_map(&name, "reach", "far")]).where_label("location is nowhere");
    ours.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    ours.until_state(&shop.path(), "PENDING").await?;

    // As everybody may do who may write this subresource, or the status of the custom resource.
    let place = json!({ "api": "kubernetes", "kind": "Cluster", "namespace": theirs.namespace, "name": "de" });
    ours.rest.put(&format!("{}/binding", shop.path()), &json!({ "cluster": place })).await?.expect(200)?;

    eventually("somebody is told why not", SOON, async || {
        let about = format!("reason=ForeignCluster,regarding.name={name}");
        let events = ["-n", &ours.namespace, "get", "events.events.k8s.io", "--field-selector", &about];
        let events = testbed.management_kubectl().json(&events).await?;
        ensure!(events["items"].as_array().is_some_and(|items| !items.is_empty()), "there is no such Event");
        Ok(())
    })
    .await?;
    ours.until_object(APPLICATION, &name, |object| object["status"]["scheduledTo"].is_null()).await?;
    throughout("nothing of it gets there", A_MOMENT, async || {
        let target = testbed.target(1)?.kubectl();
        let found = target.run(&["get", "configmap", &name, "--ignore-not-found", "-o", "name"]).await?;
        ensure!(found.trim().is_empty(), "{found}");
        ours.nothing_left_on(1, &name).await
    })
    .await?;

    // And it is not lost for it.
    let anywhere = |object: &mut Value| object["spec"]["constraints"]["cluster"]["labels"] = json!(["location is DE"]);
    ours.rest.edit(&shop.path(), anywhere).await?;
    ours.until_running_on(&shop.path(), "de").await?;
    Ok(())
}

/// A namespace of the first target, and one who may do everything in it and nothing elsewhere.
struct Room<'a> {
    testbed: &'a Testbed,
    name: String,
    kubeconfig: Kubeconfig,
}

impl<'a> Room<'a> {
    async fn made(testbed: &'a Testbed, name: &str) -> Result<Self> {
        let target = testbed.target(1)?;
        let owner = json!({ "kind": "ServiceAccount", "name": "owner", "namespace": name });
        for object in [
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "owner", "namespace": name } }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": { "name": "owner", "namespace": name },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
                "subjects": [owner],
            }),
        ] {
            target.kubectl().apply(&object).await?;
        }
        let token = target.kubectl().run(&["-n", name, "create", "token", "owner"]).await?;
        let kubeconfig = target.kubeconfig().for_user("owner", token.trim())?.in_namespace(name);
        Ok(Self { testbed, name: name.to_owned(), kubeconfig })
    }

    async fn scale(&self, deployment: &str, replicas: u32) -> Result<()> {
        let patch = json!({ "spec": { "replicas": replicas } }).to_string();
        let target = self.testbed.target(1)?.kubectl();
        target.run(&["-n", &self.name, "patch", "deployment", deployment, "-p", &patch]).await.map(drop)
    }

    async fn until_replicas(&self, deployment: &str, replicas: u32) -> Result<()> {
        let target = self.testbed.target(1)?.kubectl();
        eventually(&format!("{deployment} has {replicas} replicas"), SOON, async || {
            let found = target.json(&["-n", &self.name, "get", "deployment", deployment]).await?;
            let wanted = found["spec"]["replicas"].as_u64().context("a Deployment has replicas")?;
            ensure!(wanted == u64::from(replicas) && found["status"]["readyReplicas"] == wanted, "{}", found["status"]);
            Ok(())
        })
        .await
    }
}
