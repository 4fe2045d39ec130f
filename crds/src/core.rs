//! Group `core.krake.dev`: who may use the REST API, and by what clusters and clouds are rated.

pub mod metric;
pub mod metrics_provider;
pub mod role;
pub mod role_binding;

pub use metric::{GlobalMetric, GlobalMetricSpec, Metric, MetricSpec, MetricStatus};
pub use metrics_provider::{
    GlobalMetricsProvider, GlobalMetricsProviderSpec, MetricsProvider, MetricsProviderSpec, MetricsProviderStatus,
};
pub use role::{Role, RoleRule, RoleSpec, RoleVerb};
pub use role_binding::{RoleBinding, RoleBindingSpec};
