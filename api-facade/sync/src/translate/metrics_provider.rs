//! `MetricsProvider` and `GlobalMetricsProvider`. The token of `InfluxDB` is in a Secret in Kubernetes.

use krake_crds::core::metrics_provider as crd;
use krake_facade_wire::{Metadata, core as wire};

use super::{Pairing, metadata, status::NoStatus};
use crate::{
    directory::Directory,
    secret::{Form, SecretPart, Section},
};

const fn token(suffix: &'static str) -> SecretPart {
    SecretPart {
        section: Section::Spec,
        reference: &["influx", "tokenSecretRef"],
        suffix,
        form: Form::Text { key: "token", wire: &[&["influx", "token"]] },
    }
}

impl Pairing for wire::MetricsProvider {
    type Resource = crd::MetricsProvider;
    type Spec = crd::MetricsProviderSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];
    const SECRET: Option<SecretPart> = Some(token("-metrics-token"));

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, spec } = self;
        (spec_to_object(spec, metadata), NoStatus {})
    }

    fn to_wire(spec: Self::Spec, _: NoStatus, mut metadata: Metadata, _: &Directory) -> Self {
        metadata.inherit_labels = spec.krake.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec) }
    }
}

impl Pairing for wire::GlobalMetricsProvider {
    type Resource = crd::GlobalMetricsProvider;
    type Spec = crd::GlobalMetricsProviderSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];
    const SECRET: Option<SecretPart> = Some(token("-globalmetrics-token"));

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, spec } = self;
        (crd::GlobalMetricsProviderSpec(spec_to_object(spec, metadata)), NoStatus {})
    }

    fn to_wire(
        crd::GlobalMetricsProviderSpec(spec): Self::Spec,
        _: NoStatus,
        mut metadata: Metadata,
        _: &Directory,
    ) -> Self {
        metadata.inherit_labels = spec.krake.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec) }
    }
}

fn spec_to_object(spec: &wire::MetricsProviderSpec, metadata: &Metadata) -> crd::MetricsProviderSpec {
    let common = crd::MetricsProviderSpec { krake: metadata::krake(metadata), ..Default::default() };
    match spec.clone() {
        wire::MetricsProviderSpec::Prometheus(wire::PrometheusSpec { url }) => crd::MetricsProviderSpec {
            type_: crd::MetricsProviderType::Prometheus,
            prometheus: Some(crd::Prometheus { url }),
            ..common
        },
        wire::MetricsProviderSpec::Influx(wire::InfluxSpec { url, token: _, org, bucket }) => {
            crd::MetricsProviderSpec {
                type_: crd::MetricsProviderType::Influx,
                influx: Some(crd::Influx { url, org, bucket, token_secret_ref: None }),
                ..common
            }
        }
        wire::MetricsProviderSpec::Kafka(wire::KafkaSpec { comparison_column, value_column, table, url }) => {
            crd::MetricsProviderSpec {
                type_: crd::MetricsProviderType::Kafka,
                kafka: Some(crd::Kafka { url, table, comparison_column, value_column }),
                ..common
            }
        }
        wire::MetricsProviderSpec::Static(wire::StaticSpec { metrics }) => crd::MetricsProviderSpec {
            type_: crd::MetricsProviderType::Static,
            static_: Some(crd::Static { metrics: metrics.into_iter().collect() }),
            ..common
        },
    }
}

/// The definition sees to it that the member which the type names is there.
fn spec_to_wire(spec: crd::MetricsProviderSpec) -> wire::MetricsProviderSpec {
    let crd::MetricsProviderSpec { krake: _, type_, prometheus, influx, kafka, static_ } = spec;
    match type_ {
        crd::MetricsProviderType::Prometheus => {
            let crd::Prometheus { url } = prometheus.unwrap_or_default();
            wire::MetricsProviderSpec::Prometheus(wire::PrometheusSpec { url })
        }
        crd::MetricsProviderType::Influx => {
            let crd::Influx { url, org, bucket, token_secret_ref: _ } = influx.unwrap_or_default();
            wire::MetricsProviderSpec::Influx(wire::InfluxSpec { url, token: String::new(), org, bucket })
        }
        crd::MetricsProviderType::Kafka => {
            let crd::Kafka { url, table, comparison_column, value_column } = kafka.unwrap_or_default();
            wire::MetricsProviderSpec::Kafka(wire::KafkaSpec { comparison_column, value_column, table, url })
        }
        crd::MetricsProviderType::Static => {
            let crd::Static { metrics } = static_.unwrap_or_default();
            wire::MetricsProviderSpec::Static(wire::StaticSpec { metrics: metrics.into_iter().collect() })
        }
    }
}
