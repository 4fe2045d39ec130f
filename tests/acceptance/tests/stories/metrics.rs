//! Applications go where the metrics say, and stay where they are when the metrics say nothing sensible.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use krake_acceptance::{CLUSTER, SOON, Stage, served_until_moved};
use krake_testbed::{
    Testbed, eventually,
    objects::{self, Cluster},
    prometheus::{self, Monitoring},
    throughout, unique,
};
use serde_json::{Value, json};
use tokio::time::timeout;

/// As long as an application stays where it was put, at least: what the operator of the testbed is told.
const DWELL: Duration = Duration::from_secs(5);

/// A provider and metrics that both targets can be rated by.
struct Gauges {
    provider: String,
}

impl Gauges {
    /// A global provider, and a global metric between 0 and 1 for each of these names at the provider.
    async fn register(stage: &Stage<'_>, kind: &str, how: &Value, metrics: &[&str]) -> Result<Self> {
        let provider = unique("gauges");
        let object = objects::global_metrics_provider(&provider, kind, how);
        stage.rest.post("/core/globalmetricsproviders", &object).await?.expect(200)?;
        for metric in metrics {
            let object = objects::global_metric(metric, 1.0, &provider, metric);
            stage.rest.post("/core/globalmetrics", &object).await?.expect(200)?;
        }
        Ok(Self { provider })
    }

    /// Sets the values of a static provider.
    async fn set(&self, stage: &Stage<'_>, values: &Value) -> Result<()> {
        let path = format!("/core/globalmetricsproviders/{}", self.provider);
        stage.rest.edit(&path, |object| object["spec"]["static"]["metrics"] = values.clone()).await.map(drop)
    }
}

fn names<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(prometheus::unique)
}

/// When the application was given its place.
fn scheduled_at(object: &Value) -> Result<jiff::Timestamp> {
    Ok(object["status"]["scheduled"].as_str().context("it was scheduled")?.parse()?)
}

fn rated(stage: &Stage<'_>, number: usize, metrics: &[(&str, f64)]) -> Result<Cluster> {
    Ok(metrics.iter().fold(stage.cluster(number)?, |cluster, (metric, weight)| cluster.rated(metric, *weight)))
}

#[tokio::test]
async fn an_application_moves_because_a_real_prometheus_says_so() -> Result<()> {
    let (Some(testbed), Some(monitoring)) = (Testbed::shared().await?, Monitoring::shared().await?) else {
        return Ok(());
    };
    let stage = Stage::bare(testbed, "prometheus")?;
    let [green, green_too] = names(["green_de", "green_it"]);
    monitoring.exporter.set(&green, 0.9);
    monitoring.exporter.set(&green_too, 0.2);
    monitoring.prometheus.sees(&green, 0.9).await?;
    monitoring.prometheus.sees(&green_too, 0.2).await?;
    Gauges::register(&stage, "prometheus", &json!({ "url": monitoring.prometheus.url() }), &[&green, &green_too])
        .await?;
    stage.register([rated(&stage, 1, &[(&green, 1.0)])?, rated(&stage, 2, &[(&green_too, 1.0)])?]).await?;
    let (name, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    let placed = stage.until_running_on(&shop.path(), "de").await?;

    monitoring.exporter.set(&green, 0.1);
    monitoring.exporter.set(&green_too, 0.8);

    timeout(SOON, served_until_moved(&stage, &name)).await??;
    let moved = stage.until_running_on(&shop.path(), "it").await?;
    let stayed = scheduled_at(&moved)?.duration_since(scheduled_at(&placed)?);
    ensure!(stayed >= jiff::SignedDuration::try_from(DWELL)?, "it moved after {stayed:?}");
    stage.nothing_left_on(1, &name).await
}

#[tokio::test]
async fn one_query_rates_every_cluster_by_its_label() -> Result<()> {
    let (Some(testbed), Some(monitoring)) = (Testbed::shared().await?, Monitoring::shared().await?) else {
        return Ok(());
    };
    let stage = Stage::bare(testbed, "vector")?;
    let [idle] = names(["idle"]);
    let of = |cluster: &str| format!("{}/{cluster}", stage.namespace);
    monitoring.exporter.set_labelled(&idle, &[("krake_cluster", &of("de"))], 0.3);
    monitoring.exporter.set_labelled(&idle, &[("krake_cluster", &of("it"))], 0.6);
    monitoring.prometheus.sees(&format!("max({idle})"), 0.6).await?;
    let provider = unique("gauges");
    let how = json!({ "url": monitoring.prometheus.url() });
    let object = objects::global_metrics_provider(&provider, "prometheus", &how);
    stage.rest.post("/core/globalmetricsproviders", &object).await?.expect(200)?;
    let metric = objects::global_metric(&idle, 1.0, &provider, &format!("max by (krake_cluster) ({idle})"));
    stage.rest.post("/core/globalmetrics", &metric).await?.expect(200)?;
    stage.register([rated(&stage, 1, &[(&idle, 1.0)])?, rated(&stage, 2, &[(&idle, 1.0)])?]).await?;
    let (_, shop) = stage.application("shop");
    let shop = shop.where_metric(&format!("{idle}>=0.5"));
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "it").await?;
    Ok(())
}

#[tokio::test]
async fn metrics_that_change_places_move_an_application_back_and_forth_but_not_too_often() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "flip")?;
    let [x, y] = names(["x", "y"]);
    let values = |x_is: f64, y_is: f64| json!({ &x: x_is, &y: y_is });
    let gauges = Gauges::register(&stage, "static", &json!({ "metrics": values(0.01, 0.1) }), &[&x, &y]).await?;
    stage.register([rated(&stage, 1, &[(&x, 1.0), (&y, 1.5)])?, rated(&stage, 2, &[(&x, 1.5), (&y, 1.0)])?]).await?;
    let (_, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    let mut times = vec![scheduled_at(&stage.until_running_on(&shop.path(), "de").await?)?];
    for ((x_is, y_is), cluster) in [((0.2, 0.01), "it"), ((0.01, 0.2), "de")] {
        gauges.set(&stage, &values(x_is, y_is)).await?;
        times.push(scheduled_at(&stage.until_running_on(&shop.path(), cluster).await?)?);
    }
    for pair in times.windows(2) {
        let stayed = pair[1].duration_since(pair[0]);
        ensure!(stayed >= jiff::SignedDuration::try_from(DWELL)?, "it moved after {stayed:?}");
    }
    // Better, but not by more than staying is worth: S26.
    gauges.set(&stage, &values(0.02, 0.01)).await?;
    throughout("it stays where it is", 2 * DWELL, async || {
        let object = stage.rest.get(&shop.path()).await?.expect(200)?;
        ensure!(object["status"]["scheduled_to"]["name"] == "de", "{}", object["status"]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn metrics_of_a_namespace_move_an_application_that_came_by_kubectl() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "own")?;
    let kubectl = testbed.management_kubectl();
    testbed.kubectl(&["create", "namespace", &stage.namespace]).await?;
    let object = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "core.krake.dev/v1alpha1", "kind": kind,
            "metadata": { "name": name, "namespace": stage.namespace }, "spec": spec,
        })
    };
    let provider = |p: f64, q: f64| {
        object("MetricsProvider", "gauges", json!({ "type": "static", "static": { "metrics": { "p": p, "q": q } } }))
    };
    kubectl.apply(&provider(0.8, 0.7)).await?;
    for metric in ["p", "q"] {
        let spec = json!({ "min": 0, "max": 1, "provider": { "name": "gauges", "metric": metric } });
        kubectl.apply(&object("Metric", metric, spec)).await?;
    }
    for (number, p, q) in [(1, 1.5, 1.0), (2, 1.0, 1.5)] {
        let cluster = stage.cluster(number)?.rated_by_own("p", p).rated_by_own("q", q);
        kubectl.apply(&cluster.secret()).await?;
        kubectl.apply(&cluster.custom_resource()).await?;
    }
    for name in ["de", "it"] {
        stage.until_object(CLUSTER, name, |object| object["status"]["state"] == "ONLINE").await?;
    }
    let (_, shop) = stage.application("shop");
    kubectl.apply(&shop.custom_resource()).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    kubectl.apply(&provider(0.7, 0.8)).await?;
    stage.until_running_on(&shop.path(), "it").await?;
    let ready = ["wait", "--for=condition=Ready", "metricsproviders.core.krake.dev/gauges", "--timeout=20s"];
    testbed.kubectl(&[&["-n", &stage.namespace][..], &ready[..]].concat()).await?;
    Ok(())
}

#[tokio::test]
async fn a_cluster_with_metrics_is_preferred_unless_a_label_says_otherwise() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "preferred")?;
    let [heat] = names(["heat"]);
    Gauges::register(&stage, "static", &json!({ "metrics": { &heat: 0.1 } }), &[&heat]).await?;
    stage.register([stage.cluster(1)?, rated(&stage, 2, &[(&heat, 1.0)])?]).await?;
    let ((_, free), (_, bound)) = (stage.application("free"), stage.application("bound"));
    let bound = bound.where_label("location is DE");
    for application in [&free, &bound] {
        stage.rest.post(&application.collection(), &application.rest()).await?.expect(200)?;
    }
    stage.until_running_on(&free.path(), "it").await?;
    stage.until_running_on(&bound.path(), "de").await?;
    Ok(())
}

#[tokio::test]
async fn a_cluster_whose_metrics_lie_takes_nothing_until_they_make_sense_again() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "lies")?;
    let [heat] = names(["heat"]);
    let gauges = Gauges::register(&stage, "static", &json!({ "metrics": { &heat: 7.0 } }), &[&heat]).await?;
    let cluster = rated(&stage, 1, &[(&heat, 1.0)])?;
    stage.rest.post(&cluster.collection(), &cluster.rest()).await?.expect(200)?;
    let failing = stage.until_state(&cluster.path(), "FAILING_METRICS").await?;
    assert_eq!(failing["status"]["metrics_reasons"][&heat]["code"], "INVALID_METRIC", "{}", failing["status"]);
    let (_, shop) = stage.application("shop");
    let shop = shop.with_retries(1);
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    let failed = stage.until_state(&shop.path(), "FAILED").await?;
    assert_eq!(failed["status"]["reason"]["code"], "NO_SUITABLE_RESOURCE");

    gauges.set(&stage, &json!({ &heat: 0.7 })).await?;
    stage.until_running_on(&shop.path(), "de").await?;
    eventually("the cluster has no reasons any more", SOON, async || {
        let object = stage.rest.get(&cluster.path()).await?.expect(200)?;
        let status = &object["status"];
        ensure!(status["state"] == "ONLINE" && status["metrics_reasons"] == json!({}), "{status}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_wrong_with_a_metric_has_krakes_names() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "wrong")?;
    let [unknown, orphan, unreachable] = names(["unknown", "orphan", "unreachable"]);
    // Nobody listens on the discard port.
    Gauges::register(&stage, "prometheus", &json!({ "url": "http://127.0.0.1:9" }), &[&unreachable]).await?;
    let object = objects::global_metric(&orphan, 1.0, "nobody", &orphan);
    stage.rest.post("/core/globalmetrics", &object).await?.expect(200)?;
    let metrics = [(&*unknown, 1.0), (&*orphan, 1.0), (&*unreachable, 1.0)];
    let cluster = rated(&stage, 1, &metrics)?;
    stage.register([stage.cluster(2)?]).await?;
    stage.rest.post(&cluster.collection(), &cluster.rest()).await?.expect(200)?;
    let failing = eventually("all reasons are known", SOON, async || {
        let object = stage.rest.get(&cluster.path()).await?.expect(200)?;
        let reasons = &object["status"]["metrics_reasons"];
        ensure!(object["status"]["state"] == "FAILING_METRICS" && reasons[&unreachable].is_object(), "{object}");
        Ok(object)
    })
    .await?;
    for (metric, code) in [
        (&unknown, "UNKNOWN_METRIC"),
        (&orphan, "UNKNOWN_METRICS_PROVIDER"),
        (&unreachable, "UNREACHABLE_METRICS_PROVIDER"),
    ] {
        assert_eq!(failing["status"]["metrics_reasons"][metric]["code"], code);
    }
    // The other cluster has no metrics, and is the one that is left.
    let (_, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "it").await?;
    Ok(())
}
