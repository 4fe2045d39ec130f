//! Metrics controller: reads every metric that is in use, once per interval for the whole fleet, and says on every object
//! that refers to metrics whether they could be read. The scheduler asks no provider: it takes what is kept here.
//!
//! ```text
//! Metric + MetricsProvider ─▶ reader ─▶ snapshot ─▶ scheduler
//!                                           └─────▶ conditions of metrics, providers, clusters, clouds, projects
//! ```
//!
//! A provider that falls silent is forgiven for a while, in which its last values count; one that answers nonsense is not.

mod finding;
mod lookup;
mod pace;
mod reader;
mod record;
mod report;
mod sources;
mod turns;

use std::sync::Arc;

use krake_crds::{
    core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider},
    infrastructure::{Cloud, GlobalCloud},
    kubernetes::Cluster,
    openstack::Project,
};
use krake_operator_loops::context::Context;
use tokio::task::{JoinError, JoinSet};

/// Name of the controller in logs and instruments.
const NAME: &str = "metrics";

/// Runs the metrics controller until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    if !context.synced().await {
        return;
    }
    // Tasks of their own, so that none keeps the others waiting. They end with the term, or when this is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn(reader::run(context.clone()));
    tasks.spawn(report::run::<Metric>(context.clone()));
    tasks.spawn(report::run::<GlobalMetric>(context.clone()));
    tasks.spawn(report::run::<MetricsProvider>(context.clone()));
    tasks.spawn(report::run::<GlobalMetricsProvider>(context.clone()));
    tasks.spawn(report::run::<Cluster>(context.clone()));
    tasks.spawn(report::run::<Cloud>(context.clone()));
    tasks.spawn(report::run::<GlobalCloud>(context.clone()));
    tasks.spawn(report::run::<Project>(context));
    while let Some(ended) = tasks.join_next().await {
        // Whoever started this has to know.
        if let Err(error) = ended.map_err(JoinError::try_into_panic)
            && let Ok(panic) = error
        {
            std::panic::resume_unwind(panic);
        }
    }
}
