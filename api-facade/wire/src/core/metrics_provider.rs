//! Metrics providers: where the values of metrics come from.

use indexmap::IndexMap;

use crate::Metadata;
use crate::schema::{container, opaque_debug, record, required};

record! {
    /// A metrics provider of a namespace.
    #[derive(Debug)]
    pub struct MetricsProvider in "core" as "MetricsProvider" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: MetricsProviderSpec = required(),
    }
}

record! {
    /// A metrics provider for all namespaces.
    #[derive(Debug)]
    pub struct GlobalMetricsProvider in "core" as "GlobalMetricsProvider" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: MetricsProviderSpec = required(),
    }
}

container! {
    /// What a metrics provider is, and how to reach it.
    #[derive(Debug)]
    pub enum MetricsProviderSpec {
        /// A Prometheus server.
        Prometheus(PrometheusSpec) = "prometheus",
        /// An `InfluxDB`.
        Influx(InfluxSpec) = "influx",
        /// A KSQL database on Kafka.
        Kafka(KafkaSpec) = "kafka",
        /// Values that stand here.
        Static(StaticSpec) = "static",
    }
}

record! {
    /// A Prometheus server.
    #[derive(Debug, Eq)]
    pub struct PrometheusSpec {
        /// Its URL; nobody checks that it is one.
        pub url: String = required(),
    }
}

record! {
    /// An `InfluxDB`, version 2.
    #[derive(Eq)]
    pub struct InfluxSpec {
        /// Its URL; nobody checks that it is one.
        pub url: String = required(),
        /// What lets clients in.
        pub token: String = required(),
        /// The organization that owns the bucket.
        pub org: String = required(),
        /// Where the values are.
        pub bucket: String = required(),
    }
}

record! {
    /// A KSQL database on Kafka.
    #[derive(Debug, Eq)]
    pub struct KafkaSpec {
        /// The column with the names of the metrics.
        pub comparison_column: String = required(),
        /// The column with their values.
        pub value_column: String = required(),
        /// The table of both columns.
        pub table: String = required(),
        /// The database's URL; nobody checks that it is one.
        pub url: String = required(),
    }
}

record! {
    /// Values that do not change by themselves.
    #[derive(Debug)]
    pub struct StaticSpec {
        /// The values, by what the metrics call them.
        pub metrics: IndexMap<String, f64> = required(),
    }
}

opaque_debug!(InfluxSpec);
