//! The servers are real, and do what real ones do.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{apps::v1::Deployment, batch::v1::Job, core::v1::Secret};
use krake_testbed::{
    access::Account,
    cluster::Cluster,
    eventually,
    fleet::{Fleet, FleetOptions},
    kubeconfig::Kubeconfig,
    lane::Lane,
    objects::{deployment, job},
    process::start_time,
    throughout,
};
use kube::{Api, api::ListParams};

const SOON: Duration = Duration::from_secs(15);

async fn rolled_out(cluster: &Cluster, name: &str, replicas: i32) -> Result<()> {
    let deployments: Api<Deployment> = Api::default_namespaced(cluster.client().await?);
    eventually(&format!("{name} is rolled out"), SOON, async || {
        let status = deployments.get(name).await?.status.context("no status")?;
        ensure!(status.available_replicas == Some(replicas), "{status:?}");
        Ok(())
    })
    .await
}

async fn workloads_run_and_end(target: &Cluster) -> Result<()> {
    target.kubectl().apply(&deployment("web", 3)).await?;
    target.kubectl().apply(&job("sum")).await?;
    rolled_out(target, "web", 3).await?;
    let jobs: Api<Job> = Api::default_namespaced(target.client().await?);
    eventually("the job is complete", SOON, async || {
        let status = jobs.get("sum").await?.status.context("no status")?;
        ensure!(status.succeeded == Some(1), "{status:?}");
        Ok(())
    })
    .await
}

async fn a_paused_api_server_is_silent_and_comes_back(target: &Cluster) -> Result<()> {
    let client = target.client().await?;
    target.api_server.pause()?;
    throughout("silence", Duration::from_secs(1), async || {
        let answer = tokio::time::timeout(Duration::from_millis(300), client.apiserver_version()).await;
        ensure!(answer.is_err(), "an answer");
        Ok(())
    })
    .await?;
    target.api_server.resume()?;
    target.ready().await?;
    rolled_out(target, "web", 3).await
}

async fn a_killed_api_server_comes_back_under_its_address(target: &Cluster) -> Result<()> {
    target.api_server.kill();
    ensure!(target.client().await?.apiserver_version().await.is_err(), "a dead server answers");
    target.api_server.start_again()?;
    target.ready().await?;
    rolled_out(target, "web", 3).await
}

/// The facade publishes kubeconfigs, the operator only reads them.
async fn the_accounts_have_the_rights_of_the_chart_and_no_more(fleet: &Fleet) -> Result<()> {
    for (account, may_create) in [(Account::Operator, false), (Account::ApiFacade, true)] {
        let text = std::fs::read_to_string(fleet.kubeconfig_of(account))?;
        let client = Kubeconfig::from_minified(serde_json::from_str(&text)?)?.client().await?;
        let secrets: Api<Secret> = Api::namespaced(client, "default");
        secrets.list(&ListParams::default()).await.context("list secrets")?;
        let secret: Secret = serde_json::from_value(serde_json::json!({ "metadata": { "name": "probe" } }))?;
        let outcome = secrets.create(&kube::api::PostParams::default(), &secret).await;
        ensure!(outcome.is_ok() == may_create, "{account:?}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_fleet_is_real_and_leaves_nothing_behind() -> Result<()> {
    if Lane::Clusters.skipped().is_some() {
        return Ok(());
    }
    let fleet = Box::pin(Fleet::start(FleetOptions { targets: 1, ..FleetOptions::default() })).await?;
    let target = fleet.target(1)?;
    workloads_run_and_end(target).await?;
    a_paused_api_server_is_silent_and_comes_back(target).await?;
    a_killed_api_server_comes_back_under_its_address(target).await?;
    the_accounts_have_the_rights_of_the_chart_and_no_more(&fleet).await?;

    let data = fleet.ground().data.clone();
    let ids: Vec<u32> = fleet.processes().filter_map(|(_, process)| process.id()).collect();
    assert_eq!(ids.len(), 9, "etcd, three of the management cluster, five of the target");
    drop(fleet);
    assert!(!data.exists());
    assert!(ids.into_iter().all(|id| start_time(id).is_none()));
    Ok(())
}
