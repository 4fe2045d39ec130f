//! What the caches hold of a namespace.

use std::sync::Arc;

use krake_crds::{
    krake_metadata,
    kubernetes::{Application, Cluster},
};
use krake_operator_domain::scheduling::plan::{Cloud, Site, Snapshot};
use krake_operator_loops::{
    Context,
    parent::ParentCloud,
    readings::{existing, readings},
};
use kube::ResourceExt;

/// The application of this Krake name, else the one of this Kubernetes name.
pub(super) fn application(context: &Context, namespace: &str, name: &str) -> Option<Arc<Application>> {
    let all = context.applications.in_namespace(namespace);
    let found = all.into_iter().find(|application| krake_name(application) == name);
    found.or_else(|| context.applications.find(namespace, name))
}

/// The Krake name of an application.
pub(super) fn krake_name(application: &Application) -> &str {
    let meta = &application.metadata;
    let name = meta.name.as_deref().unwrap_or_default();
    krake_metadata::krake_name(application.spec.identity.as_ref(), meta.namespace.as_deref(), name)
}

/// The namespace as it is.
pub(super) fn of(namespace: &str, context: &Context) -> Snapshot {
    let mut applications = context.applications.in_namespace(namespace);
    applications.sort_by_key(|application| application.name_any());
    let mut clusters = context.clusters.in_namespace(namespace);
    clusters.sort_by_key(|cluster| cluster.name_any());
    let site = |cluster: Arc<Cluster>| {
        let cloud = ParentCloud::of(&cluster, context);
        let cloud = cloud.as_ref().map(ParentCloud::parent);
        let cloud = cloud.map(|cloud| Cloud { spec: Arc::new(cloud.spec.clone()), is_global: cloud.is_global });
        Site { cluster, cloud }
    };
    let is_seen = |of: Option<&String>| of.is_none_or(|of| of == namespace);
    Snapshot {
        namespace: namespace.to_owned(),
        applications,
        sites: clusters.into_iter().map(site).collect(),
        readings: readings(context)
            .iter()
            .filter(|(key, _)| is_seen(key.namespace.as_ref()))
            .map(|(key, reading)| (key.clone(), reading.clone()))
            .collect(),
        metrics: existing(context).filter(|(key, _)| is_seen(key.namespace.as_ref())).collect(),
        policy: context.policy(),
    }
}
