//! `binding`: where the scheduler puts an application or a cluster. The target need not exist.

use axum::extract::State;
use axum::response::Response;
use krake_facade_wire::kubernetes::{Application, CloudBinding, Cluster, ClusterBinding};
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

/// Binds an object.
///
/// # Errors
/// The set S of the contract.
pub(crate) async fn put<K: Bindable>(
    State(resource): State<Resource<K>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Update, Some("binding"))?;
    let binding = K::Binding::decode(&payload.json().await?)?;
    change(&resource, &call, |stored: &mut K| {
        stored.bind(&binding, now());
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::ResourceRef;

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
    fn a_cluster_is_not_handed_over_by_its_binding() {
        let mut bound = cluster("c");
        bound.bind(&CloudBinding { cloud: reference("Cloud", "o") }, at(9));
        assert_eq!((bound.status.scheduled, bound.status.kube_controller_triggered), (Some(at(9)), None));
    }
}
