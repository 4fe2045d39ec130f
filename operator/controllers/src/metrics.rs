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
mod reader;
mod record;
mod report;
mod turns;

use std::sync::Arc;

use krake_crds::{
    core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider},
    infrastructure::{Cloud, GlobalCloud},
    kubernetes::Cluster,
    openstack::Project,
};
use krake_operator_loops::context::Context;

/// Name of the controller in logs and instruments.
const NAME: &str = "metrics";

/// Runs the metrics controller until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    if !context.synced().await {
        return;
    }
    tokio::join!(
        Box::pin(reader::run(context.clone())),
        Box::pin(report::run::<Metric>(context.clone())),
        Box::pin(report::run::<GlobalMetric>(context.clone())),
        Box::pin(report::run::<MetricsProvider>(context.clone())),
        Box::pin(report::run::<GlobalMetricsProvider>(context.clone())),
        Box::pin(report::run::<Cluster>(context.clone())),
        Box::pin(report::run::<Cloud>(context.clone())),
        Box::pin(report::run::<GlobalCloud>(context.clone())),
        Box::pin(report::run::<Project>(context)),
    );
}
