//! What the metrics are worth now, as it was read by the metrics controller.

mod merged;
mod snapshot;

use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use krake_crds::{core::MetricSpec, krake_metadata::KrakeMetadata};
use krake_operator_domain::metric::{MetricKey, Reading, Readings, Worth};
use kube::{Resource, ResourceExt};

pub use self::snapshot::Snapshot;
use crate::context::Context;

/// What the metrics are worth now. Those that were made a moment ago and are not being read yet are there, too. Made once
/// per change, so that everybody may ask as often as they like.
pub fn readings(context: &Context) -> Arc<Readings> {
    let changes = || {
        let (own, global) = (context.metrics.changes(), context.global_metrics.changes());
        stream::select(own.map(drop), global.map(drop)).boxed()
    };
    context.readings.merged(changes, |read| with_unread(read, keys(context)))
}

fn with_unread(read: &Arc<Readings>, keys: impl Iterator<Item = MetricKey>) -> Arc<Readings> {
    let missing: Vec<_> = keys.filter(|key| !read.contains_key(key)).collect();
    if missing.is_empty() {
        return read.clone();
    }
    let mut readings = Readings::clone(read);
    let unread = |key: &MetricKey| Reading {
        worth: Worth::Unread,
        at: Timestamp::UNIX_EPOCH,
        source: provider_kind(key.namespace.as_deref()).to_owned(),
    };
    for key in missing {
        readings.entry(key).or_insert_with_key(unread);
    }
    Arc::new(readings)
}

/// The key of every metric.
fn keys(context: &Context) -> impl Iterator<Item = MetricKey> {
    let own = context.metrics.store.state().into_iter().map(|metric| key_of(&*metric, &metric.spec.krake));
    let global = context.global_metrics.store.state().into_iter().map(|metric| key_of(&*metric, &metric.spec.0.krake));
    own.chain(global)
}

/// Every metric.
pub fn existing(context: &Context) -> impl Iterator<Item = (MetricKey, MetricSpec)> {
    let own = context.metrics.store.state().into_iter();
    let own = own.map(|metric| (key_of(&*metric, &metric.spec.krake), metric.spec.clone()));
    let global = context.global_metrics.store.state().into_iter();
    let global = global.map(|metric| (key_of(&*metric, &metric.spec.0.krake), metric.spec.0.clone()));
    own.chain(global)
}

/// How references to a metric give it.
pub fn key_of<K: Resource<DynamicType = ()>>(metric: &K, krake: &KrakeMetadata) -> MetricKey {
    MetricKey { namespace: metric.namespace(), name: krake_name(metric, krake).to_owned() }
}

/// The kind of provider that a metric of this namespace, or of none, is read from.
#[must_use]
pub fn provider_kind(namespace: Option<&str>) -> &'static str {
    if namespace.is_some() { "MetricsProvider" } else { "GlobalMetricsProvider" }
}

/// Whether an object of these names is the one that is meant by a Krake name.
pub fn krake_name<'a, K: Resource<DynamicType = ()>>(object: &'a K, krake: &'a KrakeMetadata) -> &'a str {
    let meta = object.meta();
    krake.name(meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_that_were_not_read_yet_are_added_and_nothing_else_is_copied() {
        let key = |name: &str| MetricKey { namespace: None, name: name.into() };
        let reading =
            Reading { worth: Worth::One(0.5), at: Timestamp::UNIX_EPOCH, source: "GlobalMetricsProvider p".into() };
        let read = Arc::new(Readings::from([(key("heat"), reading)]));
        assert!(Arc::ptr_eq(&with_unread(&read, [key("heat")].into_iter()), &read));
        let merged = with_unread(&read, ["heat", "load"].map(key).into_iter());
        assert_eq!(merged[&key("heat")], read[&key("heat")]);
        assert_eq!(merged[&key("load")].worth, Worth::Unread);
    }
}
