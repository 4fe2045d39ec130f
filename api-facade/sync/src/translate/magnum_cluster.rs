//! `MagnumCluster`.

use krake_crds::openstack::magnum_cluster as crd;
use krake_facade_wire::{Metadata, openstack as wire};

use super::{
    Pairing, metadata, reference,
    status::{
        constraints_to_object, constraints_to_wire, metrics_to_object, metrics_to_wire, reason_to_object,
        reason_to_wire, word,
    },
};
use crate::directory::Directory;

impl Pairing for wire::MagnumCluster {
    type Resource = crd::MagnumCluster;
    type Spec = crd::MagnumClusterSpec;
    type Status = crd::MagnumClusterStatus;

    const OBJECT_ONLY: &'static [&'static str] = &["observedGeneration", "conditions"];

    fn fresh_status() -> Self::Status {
        crd::MagnumClusterStatus { state: Some(crd::MagnumClusterState::default()), ..Default::default() }
    }

    fn to_object(&self, names: &Directory) -> (Self::Spec, Self::Status) {
        let Self { metadata, spec, status } = self;
        let wire::MagnumClusterSpec { master_count, node_count, metrics, constraints } = spec;
        let spec = crd::MagnumClusterSpec {
            krake: metadata::krake(metadata),
            master_count: *master_count,
            node_count: *node_count,
            metrics: metrics_to_object(metrics),
            constraints: constraints.as_ref().map(places_to_object),
        };
        (spec, status_to_object(status, names))
    }

    fn to_wire(spec: Self::Spec, status: Self::Status, mut metadata: Metadata, names: &Directory) -> Self {
        let crd::MagnumClusterSpec { krake, master_count, node_count, metrics, constraints } = spec;
        metadata.inherit_labels = krake.inherit_labels;
        let (metrics, constraints) = (metrics_to_wire(metrics), constraints.map(places_to_wire));
        let spec = wire::MagnumClusterSpec { master_count, node_count, metrics, constraints };
        Self { metadata, spec, status: status_to_wire(status, names) }
    }
}

fn places_to_object(constraints: &wire::MagnumClusterConstraints) -> crd::MagnumConstraints {
    let wire::MagnumClusterConstraints { project } = constraints;
    let to_object = |wire::ProjectConstraints { labels }: &wire::ProjectConstraints| crd::ProjectConstraints {
        labels: constraints_to_object(labels.as_ref()),
    };
    crd::MagnumConstraints { project: project.as_ref().map(to_object) }
}

fn places_to_wire(constraints: crd::MagnumConstraints) -> wire::MagnumClusterConstraints {
    let crd::MagnumConstraints { project } = constraints;
    let to_wire = |crd::ProjectConstraints { labels }| wire::ProjectConstraints { labels: constraints_to_wire(labels) };
    wire::MagnumClusterConstraints { project: project.map(to_wire) }
}

fn status_to_object(status: &wire::MagnumClusterStatus, names: &Directory) -> crd::MagnumClusterStatus {
    let wire::MagnumClusterStatus {
        reason,
        state,
        project,
        template,
        cluster_id,
        node_count,
        api_address,
        master_addresses,
        node_addresses,
        cluster,
    } = status.clone();
    crd::MagnumClusterStatus {
        observed_generation: None,
        state: Some(word(state.as_str())),
        reason: reason.as_ref().map(reason_to_object),
        conditions: Vec::new(),
        project: project.as_ref().map(|project| reference::to_object(project, names)),
        template,
        cluster_id,
        node_count,
        api_address,
        master_addresses,
        node_addresses,
        cluster: cluster.as_ref().map(|cluster| reference::to_object(cluster, names)),
    }
}

fn status_to_wire(status: crd::MagnumClusterStatus, names: &Directory) -> wire::MagnumClusterStatus {
    let crd::MagnumClusterStatus {
        observed_generation: _,
        state,
        reason,
        conditions: _,
        project,
        template,
        cluster_id,
        node_count,
        api_address,
        master_addresses,
        node_addresses,
        cluster,
    } = status;
    wire::MagnumClusterStatus {
        reason: reason.map(reason_to_wire),
        state: wire::MagnumClusterState::find(&state.unwrap_or_default().to_string()).unwrap_or_default(),
        project: project.map(|project| reference::to_wire(project, names)),
        template,
        cluster_id,
        node_count,
        api_address,
        master_addresses,
        node_addresses,
        cluster: cluster.map(|cluster| reference::to_wire(cluster, names)),
    }
}
