//! What is known about a Cluster before anything is done: its object, and the kubeconfig that it names.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use krake_crds::{
    kubernetes::{Cluster, Placement},
    reference::SecretKeyReference,
};
use krake_operator_loops::context::Context;
use krake_operator_targets::{ClusterKey, Kubeconfig, Refusal};
use kube::{Api, ResourceExt};

use super::Error;

/// A Cluster and what its kubeconfig is like.
pub(super) struct Observed {
    pub(super) cluster: Arc<Cluster>,
    pub(super) key: ClusterKey,
    pub(super) access: Access,
    /// Whether something still has to be done on it: it is in deletion, or has a Placement.
    pub(super) is_needed: bool,
}

/// Whether there is a kubeconfig to connect with.
pub(super) enum Access {
    /// A kubeconfig that passed every check.
    Given(Box<Kubeconfig>),
    /// A kubeconfig that did not.
    Refused(Refusal),
    /// None yet, and this sentence says what is awaited.
    Missing(String),
}

pub(super) async fn observe(cluster: &Arc<Cluster>, context: &Context) -> Result<Observed, Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let access = match &cluster.spec.kubeconfig_secret_ref {
        Some(reference) => read(&namespace, reference, context).await?,
        None => {
            Access::Missing("building clusters from TOSCA templates is not supported yet; give a kubeconfig".into())
        }
    };
    let key = ClusterKey::new(namespace, cluster.name_any());
    let is_needed = cluster.metadata.deletion_timestamp.is_some()
        || context.placements.store.state().iter().any(|placement| is_on(&key, placement));
    Ok(Observed { cluster: cluster.clone(), key, access, is_needed })
}

fn is_on(cluster: &ClusterKey, placement: &Placement) -> bool {
    let reference = &placement.spec.cluster;
    let namespace = reference.namespace.clone().or_else(|| placement.namespace());
    reference.name == cluster.name && namespace.is_some_and(|namespace| namespace == cluster.namespace)
}

async fn read(namespace: &str, reference: &SecretKeyReference, context: &Context) -> Result<Access, Error> {
    let SecretKeyReference { name, key } = reference;
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let Some(secret) = api.get_opt(name).await.map_err(Error::ReadSecret)? else {
        return Ok(Access::Missing(format!("there is no Secret {name}")));
    };
    let Some(text) = secret.data.as_ref().and_then(|data| data.get(key)) else {
        return Ok(Access::Missing(format!("the Secret {name} has no key {key}")));
    };
    let is_local_allowed = context.settings.allow_local_targets;
    Ok(match Kubeconfig::from_bytes(&text.0).and_then(|kubeconfig| kubeconfig.admitted(is_local_allowed)) {
        Ok(kubeconfig) => Access::Given(Box::new(kubeconfig)),
        Err(refusal) => Access::Refused(refusal),
    })
}
