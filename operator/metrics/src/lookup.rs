//! Which metrics are in use, and by which provider each of them is read.

use std::{collections::BTreeSet, sync::Arc};

use krake_crds::{
    core::{GlobalMetricsProvider, MetricSpec, MetricsProvider, MetricsProviderSpec},
    reference::MetricReference,
};
use krake_operator_domain::{
    metric::MetricKey,
    scheduling::inheritance::{self, Parent},
};
use krake_operator_loops::{
    context::Context,
    parent::ParentCloud,
    readings::{existing, krake_name, provider_kind},
};

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

/// How the source of a metric is called.
pub(super) fn source(namespace: Option<&str>, provider: &str) -> String {
    format!("{} {provider}", provider_kind(namespace))
}

/// Every metric that exists and that a cluster, cloud or project refers to.
pub(super) fn wanted(context: &Context) -> Vec<Wanted> {
    let used = used(context);
    existing(context)
        .filter(|(key, _)| used.contains(key))
        .map(|(key, spec)| Wanted { provider: provider(&key, &spec.provider.name, context), key, spec })
        .collect()
}

fn provider(key: &MetricKey, name: &str, context: &Context) -> Option<Provider> {
    if let Some(namespace) = &key.namespace {
        let providers: Vec<Arc<MetricsProvider>> = context.metrics_providers.in_namespace(namespace);
        let found = providers.iter().find(|one| krake_name(&***one, &one.spec.krake) == name)?;
        return Some(Provider { spec: found.spec.clone(), secrets: namespace.clone() });
    }
    let is_meant = |one: &GlobalMetricsProvider| krake_name(one, &one.spec.0.krake) == name;
    let found = context.global_metrics_providers.store.find(is_meant)?;
    Some(Provider { spec: found.spec.0.clone(), secrets: context.settings.namespace.clone() })
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
