//! What the metrics are worth now, as it was read by the metrics controller.

mod snapshot;

use jiff::Timestamp;
use krake_crds::{core::MetricSpec, krake_metadata::KrakeMetadata};
use krake_operator_domain::metric::{MetricKey, Reading, Readings, Worth};
use kube::{Resource, ResourceExt};

pub use self::snapshot::Snapshot;
use crate::context::Context;

/// What the metrics are worth now. Those that were made a moment ago and are not being read yet are there, too.
pub fn readings(context: &Context) -> Readings {
    let mut readings = Readings::clone(&context.readings.now());
    let unread = |key: &MetricKey| Reading {
        worth: Worth::Unread,
        at: Timestamp::UNIX_EPOCH,
        source: provider_kind(key).to_owned(),
    };
    for (key, _) in existing(context) {
        readings.entry(key).or_insert_with_key(unread);
    }
    readings
}

/// Every metric.
pub fn existing(context: &Context) -> impl Iterator<Item = (MetricKey, MetricSpec)> {
    let own = context.metrics.store.state().into_iter().map(|metric| {
        let namespace = metric.namespace();
        let name = krake_name(&*metric, &metric.spec.krake).to_owned();
        (MetricKey { namespace, name }, metric.spec.clone())
    });
    let global = context.global_metrics.store.state().into_iter().map(|metric| {
        let name = krake_name(&*metric, &metric.spec.0.krake).to_owned();
        (MetricKey { namespace: None, name }, metric.spec.0.clone())
    });
    own.chain(global)
}

/// The kind of provider that a metric of this scope is read from.
#[must_use]
pub fn provider_kind(key: &MetricKey) -> &'static str {
    if key.namespace.is_some() { "MetricsProvider" } else { "GlobalMetricsProvider" }
}

/// Whether an object of these names is the one that is meant by a Krake name.
pub fn krake_name<'a, K: Resource<DynamicType = ()>>(object: &'a K, krake: &'a KrakeMetadata) -> &'a str {
    let meta = object.meta();
    krake.name(meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default())
}
