//! What a plan starts from: the objects of a namespace as they are.

use std::{collections::BTreeMap, sync::Arc};

use krake_crds::{
    core::MetricSpec,
    infrastructure::CloudSpec,
    krake_metadata,
    kubernetes::{Application, Cluster},
};

use crate::{
    metric::{MetricKey, Readings},
    scheduling::{Candidate, Policy, inheritance::Parent},
};

/// A namespace at a moment. Objects are shared with whoever made it: only what an edit changes is made anew.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The namespace.
    pub namespace: String,
    /// Its applications.
    pub applications: Vec<Arc<Application>>,
    /// Its clusters.
    pub sites: Vec<Site>,
    /// What the metrics are worth.
    pub readings: Readings,
    /// The metrics that exist.
    pub metrics: BTreeMap<MetricKey, MetricSpec>,
    /// What the operator was told.
    pub policy: Policy,
}

/// A cluster, and the cloud that it was scheduled to.
#[derive(Clone, Debug)]
pub struct Site {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// What it inherits from.
    pub cloud: Option<Cloud>,
}

/// A cloud.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// What it is.
    pub spec: Arc<CloudSpec>,
    /// Whether it is one for every namespace.
    pub is_global: bool,
}

impl Snapshot {
    /// The clusters as the scheduler sees them.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidate> {
        let candidate = |site: &Site| {
            let parent = site.cloud.as_ref().map(|cloud| Parent { spec: &cloud.spec, is_global: cloud.is_global });
            Candidate::of(&site.cluster, parent.as_ref(), &self.readings)
        };
        self.sites.iter().map(candidate).collect()
    }
}

impl Site {
    /// The Krake name of the cluster.
    pub(super) fn name(&self) -> &str {
        let meta = &self.cluster.metadata;
        let name = meta.name.as_deref().unwrap_or_default();
        krake_metadata::krake_name(self.cluster.spec.identity.as_ref(), meta.namespace.as_deref(), name)
    }
}

/// The Krake name of an application.
pub(super) fn krake_name(application: &Application) -> &str {
    let meta = &application.metadata;
    let name = meta.name.as_deref().unwrap_or_default();
    krake_metadata::krake_name(application.spec.identity.as_ref(), meta.namespace.as_deref(), name)
}
