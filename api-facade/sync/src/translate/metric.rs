//! Metric and `GlobalMetric`.

use krake_crds::core::metric as crd;
use krake_facade_wire::{Metadata, core as wire};

use super::{Pairing, metadata, status::NoStatus};
use crate::directory::Directory;

impl Pairing for wire::Metric {
    type Resource = crd::Metric;
    type Spec = crd::MetricSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, spec } = self;
        (spec_to_object(spec, metadata), NoStatus {})
    }

    fn to_wire(spec: Self::Spec, _: NoStatus, metadata: Metadata, _: &Directory) -> Self {
        let (spec, metadata) = spec_to_wire(spec, metadata);
        Self { metadata, spec }
    }
}

impl Pairing for wire::GlobalMetric {
    type Resource = crd::GlobalMetric;
    type Spec = crd::GlobalMetricSpec;
    type Status = NoStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[];

    fn fresh_status() -> NoStatus {
        NoStatus {}
    }

    fn to_object(&self, _: &Directory) -> (Self::Spec, NoStatus) {
        let Self { metadata, spec } = self;
        (crd::GlobalMetricSpec(spec_to_object(spec, metadata)), NoStatus {})
    }

    fn to_wire(crd::GlobalMetricSpec(spec): Self::Spec, _: NoStatus, metadata: Metadata, _: &Directory) -> Self {
        let (spec, metadata) = spec_to_wire(spec, metadata);
        Self { metadata, spec }
    }
}

fn spec_to_object(spec: &wire::MetricSpec, metadata: &Metadata) -> crd::MetricSpec {
    let wire::MetricSpec { allowed_values, min, max, provider: wire::MetricProvider { name, metric } } = spec;
    crd::MetricSpec {
        krake: metadata::krake(metadata),
        min: *min,
        max: *max,
        allowed_values: allowed_values.clone(),
        provider: crd::MetricSource { name: name.clone(), metric: metric.clone() },
    }
}

fn spec_to_wire(spec: crd::MetricSpec, mut metadata: Metadata) -> (wire::MetricSpec, Metadata) {
    let crd::MetricSpec { krake, min, max, allowed_values, provider } = spec;
    let crd::MetricSource { name, metric } = provider;
    metadata.inherit_labels = krake.inherit_labels;
    (wire::MetricSpec { allowed_values, min, max, provider: wire::MetricProvider { name, metric } }, metadata)
}
