//! The API `core`: who may do what, and what is measured where.

mod metric;
mod metrics_provider;
mod role;
mod role_binding;

pub use metric::{GlobalMetric, Metric, MetricProvider, MetricSpec};
pub use metrics_provider::{
    GlobalMetricsProvider, InfluxSpec, KafkaSpec, MetricsProvider, MetricsProviderSpec, PrometheusSpec, StaticSpec,
};
pub use role::{Role, RoleRule, RoleVerb};
pub use role_binding::RoleBinding;
