//! Wire types ⇄ custom resources, one file per noun. Adding a kind is adding a file and a line in `every_kind`.
//!
//! Neither language holds all that the other can say. A translation therefore gives what it can, and the caller keeps
//! on either side what the other could not have meant to change (see `face` and `stored`).

mod application;
mod cloud;
mod cluster;
mod infrastructure_provider;
mod magnum_cluster;
mod metric;
mod metrics_provider;
mod project;
mod role;
mod role_binding;

pub mod metadata;
pub mod reference;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;

use krake_facade_wire::{Kind, Metadata, core, infrastructure, kubernetes, openstack};
use serde::{Serialize, de::DeserializeOwned};

use crate::{directory::Directory, secret::SecretPart};

/// A kind of the REST contract, and the custom resource that stands for it.
pub trait Pairing: Kind {
    /// The custom resource.
    type Resource: kube::Resource<DynamicType = ()>;
    /// Its `spec`.
    type Spec: Serialize + DeserializeOwned + Send;
    /// Its `status`; for kinds without one, [`status::NoStatus`].
    type Status: Serialize + DeserializeOwned + Send;

    /// Fields of `spec` and `status` that REST does not know; they belong to Kubernetes alone.
    const OBJECT_ONLY: &'static [&'static str];
    /// The part that Kubernetes keeps in a Secret.
    const SECRET: Option<SecretPart> = None;

    /// Whether the stored status says that a scheduler has approved what is asked for now. Custom resources say it of a
    /// generation, in `status.scheduledGeneration`.
    fn is_approved(&self) -> bool {
        false
    }

    /// The status of an object to which nothing has happened yet.
    fn fresh_status() -> Self::Status;

    /// The custom resource's part of an object. Labels, owners, identity and secret references are left empty.
    fn to_object(&self, names: &Directory) -> (Self::Spec, Self::Status);

    /// The wire's part of an object. Metadata is taken as given, but for what the custom resource keeps in its `spec`.
    fn to_wire(spec: Self::Spec, status: Self::Status, metadata: Metadata, names: &Directory) -> Self;
}

/// What is done once for every kind.
pub(crate) trait ForKind {
    /// Does it for one kind.
    fn apply<P: Pairing>(&mut self);
}

/// The list of all kinds.
pub(crate) fn every_kind(work: &mut impl ForKind) {
    work.apply::<core::Role>();
    work.apply::<core::RoleBinding>();
    work.apply::<core::GlobalMetric>();
    work.apply::<core::GlobalMetricsProvider>();
    work.apply::<core::Metric>();
    work.apply::<core::MetricsProvider>();
    work.apply::<kubernetes::Application>();
    work.apply::<kubernetes::Cluster>();
    work.apply::<infrastructure::GlobalInfrastructureProvider>();
    work.apply::<infrastructure::InfrastructureProvider>();
    work.apply::<infrastructure::GlobalCloud>();
    work.apply::<infrastructure::Cloud>();
    work.apply::<openstack::Project>();
    work.apply::<openstack::MagnumCluster>();
}

#[cfg(test)]
mod tests;
