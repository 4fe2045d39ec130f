//! The candidates of each namespace, as they are now. Made once per change and shared by all decisions: in a large fleet
//! thousands of applications look at the same clusters.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use krake_operator_domain::scheduling::Candidate;
use kube::ResourceExt;

use crate::{context::Context, parent::ParentCloud, readings::readings};

/// The candidates of each namespace. What is not there is made when it is asked for.
#[derive(Debug, Default)]
pub struct Market {
    namespaces: Mutex<HashMap<String, Arc<[Candidate]>>>,
}

impl Market {
    /// The clusters of a namespace and no others, in the order of their names: that is the wall between tenants.
    pub fn candidates(&self, namespace: &str, context: &Context) -> Arc<[Candidate]> {
        // Made under the lock, so that nothing older can take the place of something newer.
        let mut namespaces = self.lock();
        let made = || make(namespace, context);
        namespaces.entry(namespace.to_owned()).or_insert_with(made).clone()
    }

    /// Looks at a namespace anew. Whether it is another one than before, and anybody had asked for it.
    pub fn refresh(&self, namespace: &str, context: &Context) -> bool {
        let mut namespaces = self.lock();
        let Some(known) = namespaces.get_mut(namespace) else { return false };
        let now = make(namespace, context);
        std::mem::replace(known, now.clone()) != now
    }

    /// The namespaces that somebody has asked for.
    pub fn namespaces(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<[Candidate]>>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As it is now, for those who want to know how old the values are.
pub fn make(namespace: &str, context: &Context) -> Arc<[Candidate]> {
    let readings = readings(context);
    let mut clusters = context.clusters.in_namespace(namespace);
    clusters.sort_by_key(|cluster| cluster.name_any());
    let candidate = |cluster: &Arc<_>| {
        let cloud = ParentCloud::of(cluster, context);
        Candidate::of(cluster, cloud.as_ref().map(ParentCloud::parent).as_ref(), &readings)
    };
    clusters.iter().map(candidate).collect()
}
