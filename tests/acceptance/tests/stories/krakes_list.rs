//! What the original's own functional tests promise, `controllers.md` §11, as far as no other story here does.

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{
    Testbed, eventually,
    objects::{self, Application},
};
use serde_json::{Value, json};

/// The resource as kubectl names it in full.
const METRIC: &str = "metric.core.krake.dev";

async fn submit(stage: &Stage<'_>, application: &Application) -> Result<()> {
    stage.rest.post(&application.collection(), &application.rest()).await?.expect(200).map(drop)
}

async fn on_target(stage: &Stage<'_>, target: usize, args: &[&str]) -> Result<String> {
    stage.testbed.target(target)?.kubectl().run(args).await
}

/// E2.
#[tokio::test]
async fn objects_with_a_namespace_are_there_and_nowhere_else_and_go_with_the_application() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "secondary").await?;
    let (name, shop) = stage.application("shop");
    let home = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let there = objects::placed_in(objects::deployment(&name, 1), &name);
    let shop = shop.running([there, home]).where_label("location is DE");
    submit(&stage, &shop).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    let found =
        on_target(&stage, 1, &["get", "deployments", "-A", "-o", "name", "-l", "app.kubernetes.io/managed-by=krake"]);
    ensure!(found.await?.contains(&format!("/{name}")));
    on_target(&stage, 1, &["-n", &name, "get", "deployment", &name]).await?;
    stage.rest.delete(&shop.path()).await?.expect(200)?;
    stage.until_gone(&shop, &name).await?;
    let left = on_target(&stage, 1, &["get", "namespace", &name, "--ignore-not-found", "-o", "name"]).await?;
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}

/// E3.
#[tokio::test]
async fn every_spelling_of_a_label_constraint_finds_its_cluster() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "spellings").await?;
    let cases = [
        ("location is DE", "de"),
        ("location = DE", "de"),
        ("location=DE", "de"),
        ("location == DE", "de"),
        ("location in (DE,)", "de"),
        ("location is not DE", "it"),
        ("location != DE", "it"),
        ("location not in (DE,)", "it"),
    ];
    let mut submitted = Vec::new();
    for (constraint, cluster) in cases {
        let (_, application) = stage.application("spelled");
        let application = application.where_label(constraint);
        submit(&stage, &application).await?;
        submitted.push((application, cluster));
    }
    for (application, cluster) in submitted {
        stage.until_running_on(&application.path(), cluster).await?;
    }
    Ok(())
}

/// E9, E10.
#[tokio::test]
async fn clusters_that_do_not_answer_or_belong_to_others_are_no_place() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let others = Stage::set(testbed, "others").await?;
    let stage = Stage::bare(testbed, "nowhere")?;
    let (_, alone) = stage.application("alone");
    submit(&stage, &alone).await?;
    stage.until_state(&alone.path(), "DEGRADED").await?;

    let mut kubeconfig = testbed.target(1)?.kubeconfig().value().clone();
    // Nobody listens on the discard port.
    kubeconfig["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:9");
    let dead = stage.cluster(1)?.with_kubeconfig(kubeconfig);
    stage.rest.post(&dead.collection(), &dead.rest()).await?.expect(200)?;
    stage.until_state(&dead.path(), "OFFLINE").await?;
    let (_, limited) = stage.application("limited");
    let limited = limited.with_retries(1);
    submit(&stage, &limited).await?;
    let failed = stage.until_state(&limited.path(), "FAILED").await?;
    assert_eq!(failed["status"]["reason"]["code"], "NO_SUITABLE_RESOURCE");
    let clusters =
        others.rest.get(&format!("/kubernetes/namespaces/{}/clusters", others.namespace)).await?.expect(200)?;
    assert_eq!(clusters["items"].as_array().map(Vec::len), Some(2), "the others' clusters are there");
    Ok(())
}

/// E12.
#[tokio::test]
async fn an_application_that_was_kept_moves_once_it_may() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "released").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE").staying();
    testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    let patch = |spec: Value| json!({ "spec": { "constraints": spec } }).to_string();
    let change = async |spec: Value| {
        let patch = patch(spec);
        testbed.kubectl(&["-n", &stage.namespace, "patch", APPLICATION, &name, "--type=merge", "-p", &patch]).await
    };
    change(json!({ "cluster": { "labels": ["location is IT"] } })).await?;
    // Seen, and not followed.
    stage
        .until_object(APPLICATION, &name, |object| {
            object["status"]["scheduledGeneration"] == object["metadata"]["generation"]
        })
        .await?;
    stage.until_running_on(&shop.path(), "de").await?;
    change(json!({ "migration": true })).await?;
    stage.until_running_on(&shop.path(), "it").await?;
    Ok(())
}

/// E20, E21, E22, E23.
#[tokio::test]
async fn what_is_foreign_stays_and_an_application_made_anew_brings_nothing_old_back() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "anew").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    let foreign = objects::config_map(&format!("{name}-foreign"), "whose", "mine");
    testbed.target(1)?.kubectl().apply(&objects::placed_in(foreign, "default")).await?;
    submit(&stage, &shop.clone().running([objects::deployment(&name, 1), objects::config_map(&name, "a", "1")]))
        .await?;
    stage.until_running_on(&shop.path(), "de").await?;
    stage.rest.edit(&shop.path(), |object| object["spec"]["manifest"][0]["spec"]["replicas"] = json!(2)).await?;
    eventually("two pods are counted", SOON, async || {
        let object = stage.rest.get(&shop.path()).await?.expect(200)?;
        let health = &object["status"]["container_health"];
        ensure!(health["desired_pods"] == 2 && health["running_pods"] == 2, "{health}");
        Ok(())
    })
    .await?;
    stage.rest.delete(&shop.path()).await?.expect(200)?;
    stage.until_gone(&shop, &name).await?;
    submit(&stage, &shop).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    let old = on_target(&stage, 1, &["get", "configmap", &name, "--ignore-not-found", "-o", "name"]).await?;
    ensure!(old.trim().is_empty(), "{old}");
    stage.until_replicas(1, &name, 1).await?;
    let foreign = format!("{name}-foreign");
    let kept = on_target(&stage, 1, &["get", "configmap", &foreign, "-o", "jsonpath={.data.whose}"]).await?;
    assert_eq!(kept, "mine");
    Ok(())
}

/// E34, with the kinds that exist without OpenStack, through kubectl; and a cycle, which is named and can be broken.
#[tokio::test]
async fn owners_go_after_what_depends_on_them_and_a_cycle_is_named_until_it_is_broken() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "owners")?;
    let kubectl = testbed.management_kubectl();
    testbed.kubectl(&["create", "namespace", &stage.namespace]).await?;
    let owner = |name: &str| json!({ "api": "core", "kind": "Metric", "namespace": stage.namespace, "name": name });
    let metric = |name: &str, owners: &[&str]| {
        let owners: Vec<_> = owners.iter().map(|name| owner(name)).collect();
        json!({
            "apiVersion": "core.krake.dev/v1alpha1", "kind": "Metric",
            "metadata": { "name": name, "namespace": stage.namespace },
            "spec": { "min": 0, "max": 1, "provider": { "name": "none", "metric": name }, "owners": owners },
        })
    };
    for (name, owners) in [("root", &[][..]), ("left", &["root"]), ("right", &["root"]), ("leaf", &["left", "right"])] {
        kubectl.apply(&metric(name, owners)).await?;
    }
    // The guard is put on by the collector once it knows of the dependent.
    stage
        .until_object(METRIC, "root", |object| {
            object["metadata"]["finalizers"].to_string().contains("krake.dev/cascade-deletion")
        })
        .await?;
    testbed.kubectl(&["-n", &stage.namespace, "delete", METRIC, "root", "--wait=false"]).await?;
    for name in ["leaf", "left", "right", "root"] {
        eventually(&format!("{name} is gone"), SOON, async || stage.absent(METRIC, name).await).await?;
    }

    for (name, owner) in [("one", "two"), ("two", "one")] {
        kubectl.apply(&metric(name, &[owner])).await?;
    }
    stage
        .until_object(METRIC, "one", |object| {
            object["metadata"]["finalizers"].to_string().contains("krake.dev/cascade-deletion")
        })
        .await?;
    testbed.kubectl(&["-n", &stage.namespace, "delete", METRIC, "one", "--wait=false"]).await?;
    stage.until_object(METRIC, "one", |object| object["status"].to_string().contains("OwnershipCycle")).await?;
    let free = json!({ "spec": { "owners": [] } }).to_string();
    testbed.kubectl(&["-n", &stage.namespace, "patch", METRIC, "one", "--type=merge", "-p", &free]).await?;
    for name in ["two", "one"] {
        eventually(&format!("{name} is gone"), SOON, async || stage.absent(METRIC, name).await).await?;
    }
    Ok(())
}
