//! Another scheduler and another garbage collector drive the system through REST, as those of the original Krake do; ours
//! are switched off.

use krake_acceptance::{SOON, Stage};
use krake_testbed::{Testbed, access::Account, eventually, fleet::FleetOptions, operator::Operator};
use serde_json::{Value, json};

/// What runs of ours.
const CONTROLLERS: &str = "--controllers=application,placement,cluster";

#[tokio::test]
async fn a_scheduler_that_speaks_rest_is_obeyed_and_so_is_a_garbage_collector() -> anyhow::Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    testbed.operator.stop().await?;
    let (fleet, ground) = (&testbed.fleet, testbed.fleet.ground());
    let account = fleet.kubeconfig_of(Account::Operator);
    let _operator = Operator::start("others", account, &[CONTROLLERS], (&ground.group, &ground.data)).await?;
    let stage = Stage::set(&testbed, "foreign").await?;
    let (name, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;

    bind(&stage, &shop.path(), "de").await?;
    stage.until_running_on(&shop.path(), "de").await?;
    bind(&stage, &shop.path(), "it").await?;
    stage.until_running_on(&shop.path(), "it").await?;

    // An update waits until the scheduler has seen it.
    stage.rest.edit(&shop.path(), |object| object["spec"]["manifest"][0]["spec"]["replicas"] = json!(2)).await?;
    let object = stage.rest.get(&shop.path()).await?.expect(200)?;
    let modified = object["metadata"]["modified"].clone();
    stage.rest.put(&format!("{}/status", shop.path()), &approved(object, modified)).await?.expect(200)?;
    stage.until_replicas(2, &name, 2).await?;

    // The collector takes its finalizer off, as often as it sees it; the rest is ours.
    stage.rest.delete(&shop.path()).await?.expect(200)?;
    eventually("the collector's finalizer stays away", SOON, async || let_go(&stage, &shop.path()).await).await?;
    stage.until_gone(&shop, &name).await
}

/// Takes the finalizer of a garbage collector off; fails while it was there.
async fn let_go(stage: &Stage<'_>, path: &str) -> anyhow::Result<()> {
    let answer = stage.rest.get(path).await?;
    if answer.status == 404 {
        return Ok(());
    }
    let mut object = answer.expect(200)?;
    let finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let others: Vec<_> = finalizers.iter().filter(|finalizer| *finalizer != "cascade_deletion").collect();
    if others.len() == finalizers.len() {
        return Ok(());
    }
    object["metadata"]["finalizers"] = json!(others);
    stage.rest.put(path, &object).await?;
    anyhow::bail!("it was there")
}

async fn bind(stage: &Stage<'_>, path: &str, cluster: &str) -> anyhow::Result<()> {
    let place = json!({ "api": "kubernetes", "kind": "Cluster", "namespace": stage.namespace, "name": cluster });
    let binding = json!({ "cluster": place });
    stage.rest.put(&format!("{path}/binding"), &binding).await?.expect(200)?;
    Ok(())
}

/// What a scheduler writes that has seen the application as it was modified then.
fn approved(mut object: Value, modified: Value) -> Value {
    object["status"]["kube_controller_triggered"] = modified;
    object
}
