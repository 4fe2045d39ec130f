//! A real Prometheus says where applications go.

use anyhow::{Context, Result, ensure};
use krake_acceptance::{SOON, Stage, door::Door, served_until_moved};
use krake_testbed::{
    Testbed,
    objects::{self, Application},
    prometheus::{self, Monitoring},
    unique,
};
use serde_json::{Value, json};
use tokio::time::timeout;

/// As long as an application stays where it was put, at least: what the operator of the testbed is told.
const DWELL: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// A global provider that asks the Prometheus, and a global metric between 0 and 1 for each of these names and queries.
async fn register(stage: &Stage<'_>, monitoring: &Monitoring, metrics: &[(&str, &str)]) -> Result<()> {
    let name = unique("gauges");
    let provider = objects::provider(&name, "prometheus", &json!({ "url": monitoring.prometheus.url() }));
    Door::Rest.create(stage, &provider).await?;
    for (metric, query) in metrics {
        Door::Rest.create(stage, &objects::metric(metric, 1.0, &name, query)).await?;
    }
    Ok(())
}

/// Registers `de`, rated by one metric, and `it`, rated by another one or the same; then submits the application.
async fn submit(stage: &Stage<'_>, shop: &Application, [of_de, of_it]: [&str; 2]) -> Result<()> {
    stage.register([stage.cluster(1)?.rated(of_de, 1.0), stage.cluster(2)?.rated(of_it, 1.0)]).await?;
    Door::Rest.create(stage, shop).await
}

/// When the application was given its place.
fn scheduled_at(object: &Value) -> Result<jiff::Timestamp> {
    Ok(object["status"]["scheduled"].as_str().context("it was scheduled")?.parse()?)
}

#[tokio::test]
async fn an_application_moves_because_a_real_prometheus_says_so() -> Result<()> {
    let (Some(testbed), Some(monitoring)) = (Testbed::shared().await?, Monitoring::shared().await?) else {
        return Ok(());
    };
    let stage = Stage::bare(testbed, "prometheus")?;
    let [of_de, of_it] = &["green_de", "green_it"].map(prometheus::unique);
    for (green, value) in [(of_de, 0.9), (of_it, 0.2)] {
        monitoring.exporter.set(green, value);
        monitoring.prometheus.sees(green, value).await?;
    }
    register(&stage, monitoring, &[(of_de, of_de), (of_it, of_it)]).await?;
    let (name, shop) = stage.application("shop");
    submit(&stage, &shop, [of_de, of_it]).await?;
    let placed = stage.until_running_on(&shop.path(), "de").await?;

    monitoring.exporter.set(of_de, 0.1);
    monitoring.exporter.set(of_it, 0.8);

    timeout(SOON, served_until_moved(&stage, &name)).await??;
    let moved = stage.until_running_on(&shop.path(), "it").await?;
    let stayed = scheduled_at(&moved)?.duration_since(scheduled_at(&placed)?);
    ensure!(stayed >= DWELL, "it moved after {stayed:?}");
    stage.nothing_left_on(1, &name).await
}

#[tokio::test]
async fn a_prometheus_that_has_no_number_moves_nothing_and_attracts_nothing() -> Result<()> {
    let (Some(testbed), Some(monitoring)) = (Testbed::shared().await?, Monitoring::shared().await?) else {
        return Ok(());
    };
    let stage = Stage::bare(testbed, "nan")?;
    let [of_de, of_it] = &["load_de", "load_it"].map(prometheus::unique);
    for (load, value) in [(of_de, 0.2), (of_it, 0.8)] {
        monitoring.exporter.set(load, value);
        monitoring.prometheus.sees(load, value).await?;
    }
    register(&stage, monitoring, &[(of_de, of_de), (of_it, of_it)]).await?;
    let (_, shop) = stage.application("shop");
    submit(&stage, &shop, [of_de, of_it]).await?;
    let placed = stage.until_running_on(&shop.path(), "it").await?;

    monitoring.exporter.set(of_it, f64::NAN);

    let it = stage.cluster(2)?;
    let failing = stage.until_state(&it.path(), "FAILING_METRICS").await?;
    assert_eq!(failing["status"]["metrics_reasons"][of_it]["code"], "INVALID_METRIC", "{}", failing["status"]);
    let (_, next) = stage.application("next");
    Door::Rest.create(&stage, &next).await?;
    stage.until_running_on(&next.path(), "de").await?;
    let stays = stage.until_running_on(&shop.path(), "it").await?;
    assert_eq!(scheduled_at(&stays)?, scheduled_at(&placed)?);

    monitoring.exporter.set(of_it, 0.9);

    stage.until_state(&it.path(), "ONLINE").await?;
    stage.until_running_on(&next.path(), "it").await?;
    Ok(())
}

#[tokio::test]
async fn one_query_rates_every_cluster_by_its_label() -> Result<()> {
    let (Some(testbed), Some(monitoring)) = (Testbed::shared().await?, Monitoring::shared().await?) else {
        return Ok(());
    };
    let stage = Stage::bare(testbed, "vector")?;
    let idle = prometheus::unique("idle");
    let of = |cluster: &str| format!("{}/{cluster}", stage.namespace);
    monitoring.exporter.set_labelled(&idle, &[("krake_cluster", &of("de"))], 0.3);
    monitoring.exporter.set_labelled(&idle, &[("krake_cluster", &of("it"))], 0.6);
    monitoring.prometheus.sees(&format!("max({idle})"), 0.6).await?;
    register(&stage, monitoring, &[(&idle, &format!("max by (krake_cluster) ({idle})"))]).await?;
    let (_, shop) = stage.application("shop");
    let shop = shop.where_metric(&format!("{idle}>=0.5"));
    submit(&stage, &shop, [&idle, &idle]).await?;
    stage.until_running_on(&shop.path(), "it").await?;
    Ok(())
}
