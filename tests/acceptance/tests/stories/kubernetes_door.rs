//! What goes in through kubectl comes out through REST and runs on the target.

use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::Testbed;
use serde_json::json;

#[tokio::test]
async fn an_application_applied_with_kubectl_appears_in_rest_and_runs() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "apply").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is IT");
    let mut watch = stage.rest.watch(&shop.collection()).await?;

    testbed.management_kubectl().apply(&shop.custom_resource()).await?;

    watch.until(SOON, |event| event.kind == "ADDED" && event.name() == name).await?;
    watch.until(SOON, |event| event.name() == name && event.state() == "RUNNING").await?;
    let listed = stage.rest.get(&shop.collection()).await?.expect(200)?;
    assert_eq!(listed["items"][0]["metadata"]["name"], *name);
    stage.until_replicas(2, &name, 1).await
}

#[tokio::test]
async fn kubectl_wait_returns_when_the_application_runs() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "wait").await?;
    let (name, shop) = stage.application("shop");
    testbed.management_kubectl().apply(&shop.custom_resource()).await?;

    let object = format!("{APPLICATION}/{name}");
    testbed.kubectl(&["-n", &stage.namespace, "wait", "--for=condition=Ready", &object, "--timeout=60s"]).await?;

    assert_eq!(stage.object(APPLICATION, &name).await?["status"]["state"], "RUNNING");
    Ok(())
}

#[tokio::test]
async fn an_edit_with_kubectl_reaches_rest_and_the_target() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "edit").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.where_label("location is DE");
    testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    stage.until_running_on(&shop.path(), "de").await?;

    let patch = r#"[{"op":"replace","path":"/spec/manifest/0/spec/replicas","value":2}]"#;
    testbed.kubectl(&["-n", &stage.namespace, "patch", APPLICATION, &name, "--type=json", "-p", patch]).await?;

    stage.until_replicas(1, &name, 2).await?;
    krake_testbed::eventually("REST shows the edit", SOON, async || {
        let object = stage.rest.get(&shop.path()).await?.expect(200)?;
        let replicas = &object["spec"]["manifest"][0]["spec"]["replicas"];
        anyhow::ensure!(*replicas == 2, "{replicas}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn rest_takes_a_field_that_kubectl_manages_only_with_force() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "managed").await?;
    let (name, shop) = stage.application("shop");
    testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    let mut object = stage.until_state(&shop.path(), "RUNNING").await?;
    object["spec"]["manifest"][0]["spec"]["replicas"] = json!(2);

    let refused = stage.rest.put(&shop.path(), &object).await?.expect(409)?;
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("kubectl")), "{refused}");
    let unchanged = stage.object(APPLICATION, &name).await?;
    assert_eq!(unchanged["spec"]["manifest"][0]["spec"]["replicas"], 1);

    stage.rest.put(&format!("{}?force=true", shop.path()), &object).await?.expect(200)?;
    stage.until_object(APPLICATION, &name, |object| object["spec"]["manifest"][0]["spec"]["replicas"] == 2).await?;
    Ok(())
}

#[tokio::test]
async fn an_application_deleted_with_kubectl_is_gone_everywhere() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "remove").await?;
    let (name, shop) = stage.application("shop");
    testbed.management_kubectl().apply(&shop.custom_resource()).await?;
    stage.until_state(&shop.path(), "RUNNING").await?;

    testbed.kubectl(&["-n", &stage.namespace, "delete", APPLICATION, &name, "--timeout=60s"]).await?;

    stage.until_gone(&shop, &name).await
}

#[tokio::test]
async fn every_field_of_an_application_is_explained() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let version = "--api-version=kubernetes.krake.dev/v1alpha1";
    let text = testbed.kubectl(&["explain", "application.spec", version]).await?;
    for field in ["manifest", "constraints", "migrationStrategy", "observerSchema"] {
        assert!(text.contains(field), "{field} is missing in:\n{text}");
    }
    let undocumented = text.matches("<no description>").count();
    assert_eq!(undocumented, 0, "{text}");
    Ok(())
}
