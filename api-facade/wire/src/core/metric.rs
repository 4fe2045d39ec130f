//! Metrics: numbers that decide where something runs.

use crate::Metadata;
use crate::schema::{record, required};

record! {
    /// A metric of a namespace.
    #[derive(Debug)]
    pub struct Metric in "core" as "Metric" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// What is measured, and where.
        pub spec: MetricSpec = required(),
    }
}

record! {
    /// A metric for all namespaces.
    #[derive(Debug)]
    pub struct GlobalMetric in "core" as "GlobalMetric" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// What is measured, and where.
        pub spec: MetricSpec = required(),
    }
}

record! {
    /// What is measured, and where.
    #[derive(Debug)]
    pub struct MetricSpec {
        /// The only values that the metric has; if empty, any between `min` and `max`.
        pub allowed_values: Vec<i64> = required(),
        /// The lowest value; nobody checks that it is not above `max`.
        pub min: f64 = required(),
        /// The highest value.
        pub max: f64 = required(),
        /// Who knows the value.
        pub provider: MetricProvider = required(),
    }
}

record! {
    /// Who knows the value of a metric.
    #[derive(Debug, Eq)]
    pub struct MetricProvider {
        /// The metrics provider: one of the metric's own namespace, or a global one if the metric is.
        pub name: String = required(),
        /// What the provider calls the metric.
        pub metric: String = required(),
    }
}
