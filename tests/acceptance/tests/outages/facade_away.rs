//! Without the facade everything still works through kubectl; when it is back, REST shows what happened.

use anyhow::ensure;
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{Testbed, access::Account, binaries, eventually, fleet::FleetOptions};
use tokio::process::Command;

#[tokio::test]
async fn kubectl_alone_does_everything_and_rest_catches_up() -> anyhow::Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    let stage = Stage::bare(&testbed, "alone")?;
    let kubectl = testbed.management_kubectl();
    let (kept, shop) = stage.application("kept");
    let (dropped, other) = stage.application("dropped");

    // One application is known to both sides before the facade goes.
    kubectl.run(&["create", "namespace", &stage.namespace]).await?;
    for document in stage.cluster(1)?.documents().iter().chain(&other.documents()) {
        kubectl.apply(document).await?;
    }
    stage.until_state(&other.path(), "RUNNING").await?;
    testbed.facade.stop().await?;

    // A cluster with its kubeconfig, a new application, an update and a deletion, with kubectl alone.
    let shop = shop.where_label("location is IT");
    for document in stage.cluster(2)?.documents().iter().chain(&shop.documents()) {
        kubectl.apply(document).await?;
    }
    let object = format!("{APPLICATION}/{kept}");
    kubectl.run(&["-n", &stage.namespace, "wait", "--for=condition=Ready", &object, "--timeout=60s"]).await?;
    let patch = r#"[{"op":"replace","path":"/spec/manifest/0/spec/replicas","value":2}]"#;
    kubectl.run(&["-n", &stage.namespace, "patch", APPLICATION, &kept, "--type=json", "-p", patch]).await?;
    stage.until_replicas(2, &kept, 2).await?;
    kubectl.run(&["-n", &stage.namespace, "delete", APPLICATION, &dropped, "--wait=false"]).await?;
    eventually("the deleted application left its target", SOON, async || stage.nothing_left_on(1, &dropped).await)
        .await?;

    testbed.facade.start_again().await?;
    let stored = stage.until_running_on(&shop.path(), "it").await?;
    assert_eq!(stored["spec"]["manifest"][0]["spec"]["replicas"], 2);
    stage.until_state(&stage.cluster(2)?.path(), "ONLINE").await?;
    stage.until_gone(&other, &dropped).await
}

#[tokio::test]
async fn a_detached_facade_leaves_nothing_stuck() -> anyhow::Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    let stage = Stage::set(&testbed, "detached").await?;
    let (name, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_state(&shop.path(), "RUNNING").await?;
    testbed.facade.stop().await?;

    let detached = Command::new(binaries::path(binaries::API_FACADE)?)
        .arg("--kubeconfig")
        .arg(testbed.fleet.kubeconfig_of(Account::ApiFacade))
        .arg("detach")
        .output()
        .await?;
    ensure!(detached.status.success(), "{}", String::from_utf8_lossy(&detached.stderr));

    testbed.kubectl(&["-n", &stage.namespace, "delete", APPLICATION, &name, "--timeout=60s"]).await?;
    stage.absent(APPLICATION, &name).await
}
