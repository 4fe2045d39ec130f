//! Two targets rated by values that a story sets.

use anyhow::Result;
use krake_acceptance::Stage;
use krake_testbed::{objects, prometheus::unique};
use serde_json::{Value, json};

/// A metric for each target, of a static provider.
pub(crate) struct Gauges {
    provider: String,
    metrics: [String; 2],
}

impl Gauges {
    /// Registers them, and both targets with them. The first target is the better one.
    pub(crate) async fn register(stage: &Stage<'_>) -> Result<Self> {
        let gauges = Self { provider: krake_testbed::unique("gauges"), metrics: ["here", "there"].map(unique) };
        let how = json!({ "metrics": gauges.values([0.9, 0.1]) });
        let provider = objects::provider(&gauges.provider, "static", &how).rest();
        stage.rest.post("/core/globalmetricsproviders", &provider).await?.expect(200)?;
        for metric in &gauges.metrics {
            let metric = objects::metric(metric, 1.0, &gauges.provider, metric).rest();
            stage.rest.post("/core/globalmetrics", &metric).await?.expect(200)?;
        }
        let [here, there] = &gauges.metrics;
        stage.register([stage.cluster(1)?.rated(here, 1.0), stage.cluster(2)?.rated(there, 1.0)]).await?;
        Ok(gauges)
    }

    /// Sets how good each target is.
    pub(crate) async fn set(&self, stage: &Stage<'_>, values: [f64; 2]) -> Result<()> {
        let path = format!("/core/globalmetricsproviders/{}", self.provider);
        let change = |object: &mut Value| object["spec"]["static"]["metrics"] = self.values(values);
        stage.rest.edit(&path, change).await.map(drop)
    }

    fn values(&self, values: [f64; 2]) -> Value {
        self.metrics.iter().zip(values).map(|(metric, value)| (metric.clone(), json!(value))).collect()
    }
}
