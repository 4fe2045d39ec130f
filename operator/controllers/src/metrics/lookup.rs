//! Which metrics are in use, and by which provider each of them is read.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use krake_crds::{
    core::{GlobalMetricsProvider, MetricSpec, MetricsProvider, MetricsProviderSpec},
    krake_metadata::KrakeMetadata,
    reference::MetricReference,
};
use krake_operator_domain::{
    metric::{MetricKey, Reading, Readings, Worth},
    scheduling::inheritance::{self, Parent},
};
use kube::{Resource, ResourceExt};

use crate::{context::Context, parent::ParentCloud};

/// A metric in use, and what is needed to read it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// The metric.
    pub(super) key: MetricKey,
    /// Its range, and its name at the provider.
    pub(super) spec: MetricSpec,
    /// Where it is read; nothing if there is no such provider.
    pub(super) provider: Option<Provider>,
}

/// A metrics provider.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Provider {
    /// How it is reached.
    pub(super) spec: MetricsProviderSpec,
    /// Where the Secrets are that it names.
    pub(super) secrets: String,
}

/// The kind of provider that a metric of this scope is read from.
pub(super) fn provider_kind(key: &MetricKey) -> &'static str {
    if key.namespace.is_some() { "MetricsProvider" } else { "GlobalMetricsProvider" }
}

/// How the source of a metric is called.
pub(super) fn source(key: &MetricKey, provider: &str) -> String {
    format!("{} {provider}", provider_kind(key))
}

/// Every metric that exists and that a cluster, cloud or project refers to.
pub(super) fn wanted(context: &Context) -> Vec<Wanted> {
    let used = used(context);
    existing(context)
        .filter(|(key, _)| used.contains(key))
        .map(|(key, spec)| Wanted { provider: provider(&key, &spec.provider.name, context), key, spec })
        .collect()
}

/// Whether an object of these names is the one that is meant by a Krake name.
pub(super) fn krake_name<'a, K: Resource<DynamicType = ()>>(object: &'a K, krake: &'a KrakeMetadata) -> &'a str {
    let meta = object.meta();
    krake.name(meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default())
}

fn provider(key: &MetricKey, name: &str, context: &Context) -> Option<Provider> {
    match &key.namespace {
        Some(namespace) => {
            let providers: Vec<Arc<MetricsProvider>> = context.metrics_providers.in_namespace(namespace);
            let found = providers.iter().find(|one| krake_name(&***one, &one.spec.krake) == name)?;
            Some(Provider { spec: found.spec.clone(), secrets: namespace.clone() })
        }
        None => {
            let is_meant = |one: &GlobalMetricsProvider| krake_name(one, &one.spec.0.krake) == name;
            let found = context.global_metrics_providers.store.find(is_meant)?;
            Some(Provider { spec: found.spec.0.clone(), secrets: context.settings.namespace.clone() })
        }
    }
}

/// What the metrics are worth now. Those that were made a moment ago and are not being read yet are there, too.
pub(crate) fn readings(context: &Context) -> Readings {
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
fn existing(context: &Context) -> impl Iterator<Item = (MetricKey, MetricSpec)> {
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

/// What every cluster, cloud and project refers to, inherited metrics included.
fn used(context: &Context) -> BTreeSet<MetricKey> {
    let mut used = BTreeSet::new();
    let mut note = |references: &[MetricReference], namespace: Option<&str>| {
        used.extend(references.iter().map(|reference| MetricKey::of(reference, namespace)));
    };
    for cluster in context.clusters.store.state() {
        let cloud = ParentCloud::of(&cluster, context);
        let parent = cloud.as_ref().map(ParentCloud::parent);
        note(&inheritance::metrics(&cluster.spec, parent.as_ref()), cluster.metadata.namespace.as_deref());
    }
    for cloud in context.clouds.store.state() {
        note(Parent { spec: &cloud.spec, is_global: false }.metrics(), cloud.metadata.namespace.as_deref());
    }
    for cloud in context.global_clouds.store.state() {
        note(Parent { spec: &cloud.spec.0, is_global: true }.metrics(), None);
    }
    for project in context.projects.store.state() {
        note(&project.spec.metrics, project.metadata.namespace.as_deref());
    }
    used
}
