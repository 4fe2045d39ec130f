//! The Prometheus is real, and sees what tests show it.

use anyhow::Result;
use krake_testbed::{
    lane::Lane,
    prometheus::{Exporter, Monitoring, Prometheus, unique},
    scratch::Scratch,
};

#[tokio::test]
async fn prometheus_sees_values_that_are_set_changed_and_removed() -> Result<()> {
    let Some(Monitoring { exporter, prometheus, .. }) = Monitoring::shared().await? else { return Ok(()) };
    let heat = unique("heat");
    exporter.set(&heat, 2.0);
    prometheus.sees(&heat, 2.0).await?;
    exporter.set(&heat, -0.25);
    prometheus.sees(&heat, -0.25).await?;
    exporter.set(&heat, f64::NAN);
    prometheus.sees(&heat, f64::NAN).await?;
    exporter.remove(&heat);
    prometheus.sees_nothing(&heat).await
}

#[tokio::test]
async fn prometheus_tells_values_apart_by_their_labels() -> Result<()> {
    let Some(Monitoring { exporter, prometheus, .. }) = Monitoring::shared().await? else { return Ok(()) };
    let load = unique("load");
    let of = |cluster| format!("{load}{{krake_cluster=\"{cluster}\"}}");
    exporter.set_labelled(&load, &[("krake_cluster", "edge")], 0.3);
    exporter.set_labelled(&load, &[("krake_cluster", "core")], 0.7);
    prometheus.sees(&of("edge"), 0.3).await?;
    prometheus.sees(&of("core"), 0.7).await?;
    exporter.remove_labelled(&load, &[("krake_cluster", "edge")]);
    prometheus.sees_nothing(&of("edge")).await?;
    prometheus.sees(&of("core"), 0.7).await
}

#[tokio::test]
async fn prometheus_looks_again_after_it_was_killed() -> Result<()> {
    let Some(own) = Monitoring::own().await? else { return Ok(()) };
    own.exporter.set("heat", 1.0);
    own.prometheus.sees("heat", 1.0).await?;
    own.prometheus.process.kill();
    own.prometheus.process.start_again()?;
    own.prometheus.ready().await?;
    own.exporter.set("heat", 2.0);
    own.prometheus.sees("heat", 2.0).await
}

#[tokio::test]
async fn prometheus_answers_below_a_path_and_sees_that_an_exporter_is_gone() -> Result<()> {
    if Lane::Prometheus.skipped().is_some() {
        return Ok(());
    }
    let (scratch, exporter) = (Scratch::new()?, Exporter::start()?);
    let prometheus = Prometheus::start_below("/behind/a/gateway", scratch.path(), &[exporter.address()]).await?;
    exporter.set("heat", 1.0);
    prometheus.sees("heat", 1.0).await?;
    drop(exporter);
    prometheus.sees_nothing("heat").await?;
    prometheus.sees("up", 0.0).await
}
