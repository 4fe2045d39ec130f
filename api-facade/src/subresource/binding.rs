//! `binding`: where the scheduler puts an application or a cluster. The target need not exist. Source: sections 1.9 and
//! 1.21 of the REST contract.

use axum::extract::State;
use axum::response::Response;
use krake_facade_wire::kubernetes::{Application, CloudBinding, Cluster, ClusterBinding};
use krake_facade_wire::openstack::{MagnumCluster, MagnumClusterBinding};
use krake_facade_wire::{Body, Timestamp};

use super::{change, own};
use crate::authz::Verb;
use crate::call::Call;
use crate::payload::Payload;
use crate::problem::Failure;
use crate::resource::{Resource, now};
use crate::served::Served;

/// A kind that can be bound.
pub(crate) trait Bindable: Served {
    /// What the scheduler sends.
    type Binding: Body + Send + Sync;

    /// Whether an object that does not exist is noticed before a body that is wrong.
    const LOOKED_UP_FIRST: bool = false;

    /// Notes the choice and its time.
    fn bind(&mut self, binding: &Self::Binding, now: Timestamp);
}

impl Bindable for Application {
    type Binding = ClusterBinding;

    fn bind(&mut self, binding: &ClusterBinding, now: Timestamp) {
        self.status.scheduled = Some(now);
        self.status.kube_controller_triggered = Some(now);
        self.status.scheduled_to = Some(binding.cluster.clone());
        own(&mut self.metadata.owners, &binding.cluster);
    }
}

impl Bindable for Cluster {
    type Binding = CloudBinding;

    fn bind(&mut self, binding: &CloudBinding, now: Timestamp) {
        self.status.scheduled = Some(now);
        self.status.scheduled_to = Some(binding.cloud.clone());
        own(&mut self.metadata.owners, &binding.cloud);
    }
}

impl Bindable for MagnumCluster {
    type Binding = MagnumClusterBinding;

    const LOOKED_UP_FIRST: bool = true;

    fn bind(&mut self, binding: &MagnumClusterBinding, _: Timestamp) {
        self.status.project = Some(binding.project.clone());
        self.status.template = Some(binding.template.clone());
        own(&mut self.metadata.owners, &binding.project);
    }
}

/// Binds an object.
///
/// # Errors
/// The set S of the contract.
pub(crate) async fn put<K: Bindable>(
    State(resource): State<Resource<K>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Update, Some("binding")).await?;
    if K::LOOKED_UP_FIRST {
        resource.load(&call).await?;
    }
    let binding = K::Binding::decode(&payload.json().await?)?;
    change(&resource, &call, |stored: &mut K| {
        stored.bind(&binding, now());
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::{Kind, ResourceRef, json};

    use super::*;
    use crate::testing::{application, at, cluster};

    fn reference(kind: &str, name: &str) -> ResourceRef {
        ResourceRef { api: "kubernetes".into(), namespace: Some("n".into()), kind: kind.into(), name: name.into() }
    }

    #[test]
    fn an_application_is_handed_over_the_moment_it_is_bound() {
        let mut bound = application("a");
        let binding = ClusterBinding { cluster: reference("Cluster", "c") };
        bound.bind(&binding, at(8));
        bound.bind(&binding, at(9));
        assert_eq!(bound.status.scheduled, Some(at(9)));
        assert_eq!(bound.status.kube_controller_triggered, Some(at(9)));
        assert_eq!(bound.status.scheduled_to, Some(binding.cluster.clone()));
        assert_eq!(bound.metadata.owners, [binding.cluster]);
        assert_eq!(bound.metadata.modified, application("a").metadata.modified);
    }

    #[test]
    fn an_application_that_moves_keeps_its_old_owner() {
        let mut bound = application("a");
        for name in ["one", "two", "one"] {
            bound.bind(&ClusterBinding { cluster: reference("Cluster", name) }, at(9));
        }
        assert_eq!(bound.metadata.owners, [reference("Cluster", "one"), reference("Cluster", "two")]);
    }

    #[test]
    fn a_magnum_cluster_takes_the_template_with_the_project() {
        let body = br#"{"metadata": {"name": "m"}, "spec": {}}"#;
        let mut bound = MagnumCluster::decode_new(&json::parse(body).unwrap()).unwrap();
        let binding = MagnumClusterBinding { project: reference("Project", "p"), template: "t".into() };
        bound.bind(&binding, at(8));
        assert_eq!(bound.status.project.as_ref(), Some(&binding.project));
        assert_eq!(bound.status.template.as_deref(), Some("t"));
        assert_eq!(bound.metadata.owners, [binding.project]);
    }

    #[test]
    fn a_cluster_is_not_handed_over_by_its_binding() {
        let mut bound = cluster("c");
        bound.bind(&CloudBinding { cloud: reference("Cloud", "o") }, at(9));
        assert_eq!((bound.status.scheduled, bound.status.kube_controller_triggered), (Some(at(9)), None));
    }
}
