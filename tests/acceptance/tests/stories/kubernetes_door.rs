//! What only the users of kubectl have: waiting, owners of fields, and explanations.

use krake_acceptance::{APPLICATION, Stage};
use krake_testbed::Testbed;
use serde_json::json;

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
