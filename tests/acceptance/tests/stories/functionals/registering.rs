//! Clusters, providers and clouds are registered, changed and removed.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use krake_acceptance::{
    CLUSTER, Stage,
    door::{Door, named},
    refusal,
};
use krake_testbed::{
    Testbed,
    kubeconfig::Kubeconfig,
    objects::{self, Resource, resource, static_provider},
    unique,
};
use serde_json::{Value, json};

use super::nothing_is_new;

through_both_doors![
    a_cluster_gets_another_kubeconfig_and_other_labels,
    providers_and_clouds_are_made_once_changed_by_changes_and_gone_when_deleted,
];

/// E29.
async fn a_cluster_gets_another_kubeconfig_and_other_labels(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "edge").await?;
    let right = testbed.target(1)?.kubeconfig();
    // Nobody listens on the discard port.
    let wrong = right.with_server("https://127.0.0.1:9");
    let edge = |kubeconfig: &Kubeconfig| objects::cluster("edge", kubeconfig).in_namespace(&stage.namespace);
    door.create(&stage, &edge(&wrong).labelled("location", "DE")).await?;
    door.until_state(&stage, &edge(&wrong), "OFFLINE").await?;

    // A label more, and a kubeconfig that leads somewhere.
    let merged = edge(right).labelled("location", "DE").labelled("tier", "gold");
    door.update(&stage, &merged).await?;
    door.until_state(&stage, &merged, "ONLINE").await?;
    is_labelled(&stage, &merged, &json!({ "location": "DE", "tier": "gold" })).await?;
    Door::Rest.until(&stage, &merged, |shown| shown["spec"]["kubeconfig"] == *right.value()).await?;
    let object = stage.object(CLUSTER, "edge").await?;
    let token = right.value()["users"][0]["user"]["token"].as_str().context("the kubeconfig has a token")?;
    ensure!(!object.to_string().contains(token), "the custom resource holds a credential");
    let secret = object["spec"]["kubeconfigSecretRef"]["name"].as_str().context("a cluster refers to its Secret")?;
    let content = "go-template={{ .data.kubeconfig | base64decode }}";
    let held = testbed.kubectl(&["-n", &stage.namespace, "get", "secret", secret, "-o", content]).await?;
    assert_eq!(held.parse::<Value>()?, *right.value());

    // The labels are replaced, and one of them is not there any more.
    let replaced = edge(right).labelled("tier", "silver");
    door.update(&stage, &replaced).await?;
    is_labelled(&stage, &replaced, &json!({ "tier": "silver" })).await
}

/// Waits until both doors show exactly these labels.
async fn is_labelled(stage: &Stage<'_>, cluster: &objects::Cluster, labels: &Value) -> Result<()> {
    Door::Rest.until(stage, cluster, |shown| shown["metadata"]["labels"] == *labels).await?;
    Door::Kubectl.until(stage, cluster, |shown| shown["spec"]["labels"] == *labels).await?;
    Ok(())
}

/// E30.
async fn providers_and_clouds_are_made_once_changed_by_changes_and_gone_when_deleted(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.bare(testbed, "catalogue").await?;
    let kinds = [static_provider(&unique("gauges"), &json!({ "heat": 0.5 })), infrastructure_provider(), cloud()];
    let owned = kinds.into_iter().map(|kind| kind.in_namespace(&stage.namespace));
    let everywhere = [infrastructure_provider(), cloud()];
    let lives = owned.chain(everywhere).map(|object| async {
        let object = object;
        lives(&stage, door, &object).await.with_context(|| object.path())
    });
    try_join_all(lives).await.map(drop)
}

async fn lives(stage: &Stage<'_>, door: Door, object: &Resource) -> Result<()> {
    let first = object.clone().labelled("tier", "one");
    door.create(stage, &first).await?;
    is_refused_twice(stage, door, &first).await?;

    let second = object.clone().labelled("tier", "two");
    door.update(stage, &second).await?;
    Door::Rest.until(stage, object, |shown| shown["metadata"]["labels"]["tier"] == "two").await?;
    Door::Kubectl.until(stage, object, |shown| shown["spec"]["labels"]["tier"] == "two").await?;
    nothing_is_new(stage, door, &second).await?;

    let last = Door::Rest.shown(stage, object).await?;
    door.delete(stage, object).await?;
    door.until_gone(stage, object).await?;
    is_missing(stage, door, object, &last).await
}

/// The door says that there is no such object, whatever one wants of it.
async fn is_missing(stage: &Stage<'_>, door: Door, object: &Resource, last: &Value) -> Result<()> {
    match door {
        Door::Rest => {
            stage.rest.get(&object.path()).await?.expect(404)?;
            stage.rest.put(&object.path(), last).await?.expect(404)?;
            stage.rest.delete(&object.path()).await?.expect(404)?;
        }
        Door::Kubectl => {
            let (resource, name) = named(object);
            let edit = ["--type=merge", "-p", "{}"];
            for (verb, args) in [("get", &[][..]), ("patch", &edit[..]), ("delete", &[][..])] {
                let args = [&["-n", &stage.namespace, verb, &resource, &name], args].concat();
                let refusal = refusal(stage.testbed.kubectl(&args).await)?;
                ensure!(refusal.contains("NotFound"), "{refusal}");
            }
        }
    }
    Ok(())
}

/// The door says that there is such an object already.
async fn is_refused_twice(stage: &Stage<'_>, door: Door, object: &Resource) -> Result<()> {
    match door {
        Door::Rest => stage.rest.post(&object.collection(), &object.rest()).await?.expect(409).map(drop),
        Door::Kubectl => {
            let kubectl = stage.testbed.management_kubectl();
            let created = kubectl.run_with_input(&["create", "-f", "-"], &object.custom_resource().to_string()).await;
            let refusal = refusal(created)?;
            ensure!(refusal.contains("AlreadyExists"), "{refusal}");
            Ok(())
        }
    }
}

fn infrastructure_provider() -> Resource {
    let credentials = json!({ "username": "admin", "password": "p" });
    let rest = json!({ "url": "http://im:8800", "username": "admin", "password": "p" });
    let reference = json!({ "url": "http://im:8800", "credentialsSecretRef": { "name": "{secret}" } });
    resource("infrastructure", "InfrastructureProvider", &unique("im"))
        .saying(&json!({ "type": "im", "im": rest }), &json!({ "type": "im", "im": reference }))
        .hiding(&credentials)
}

fn cloud() -> Resource {
    let (user, project) = (json!({ "username": "u" }), json!({ "name": "p" }));
    let mut known = user.clone();
    known["password"] = json!("p");
    let rest = json!({
        "url": "http://keystone:5000/v3", "metrics": [], "infrastructure_provider": { "name": "im" },
        "auth": { "type": "password", "password": { "version": "3", "user": known, "project": project } },
    });
    let reference = json!({
        "url": "http://keystone:5000/v3", "infrastructureProvider": { "name": "im" },
        "auth": { "type": "password", "password": { "user": user, "project": project } },
        "authSecretRef": { "name": "{secret}", "key": "password" },
    });
    resource("infrastructure", "Cloud", &unique("cloud"))
        .saying(
            &json!({ "type": "openstack", "openstack": rest }),
            &json!({ "type": "openstack", "openstack": reference }),
        )
        .hiding(&json!({ "password": "p" }))
}
