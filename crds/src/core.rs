//! Group `core.krake.dev`: who may use the REST API, by what clusters and clouds are rated, and what the operator may do.

pub mod metric;
pub mod metrics_provider;
pub mod role;
pub mod role_binding;
pub mod safety_policy;

pub use metric::{GlobalMetric, GlobalMetricSpec, Metric, MetricSpec, MetricStatus};
pub use metrics_provider::{
    GlobalMetricsProvider, GlobalMetricsProviderSpec, MetricsProvider, MetricsProviderSpec, MetricsProviderStatus,
};
pub use role::{Role, RoleRule, RoleSpec, RoleVerb};
pub use role_binding::{RoleBinding, RoleBindingSpec};
pub use safety_policy::{Budget, Budgets, SafetyPolicy, SafetyPolicySpec, SafetyPolicyStatus};
