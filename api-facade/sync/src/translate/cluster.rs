//! Cluster. Its kubeconfig is inline in REST and in a Secret in Kubernetes: see `secret`.

use std::collections::BTreeMap;

use krake_crds::kubernetes::{application::Backoff, cluster as crd};
use krake_facade_wire::{Metadata, json::Object, kubernetes as wire};

use super::{
    Pairing, reference,
    status::{
        constraints_to_object, constraints_to_wire, metrics_to_object, metrics_to_wire, object_to_value,
        reason_to_object, reason_to_wire, reasons_to_object, reasons_to_wire, time_to_object, time_to_wire,
        value_to_object, word,
    },
};
use crate::{
    directory::Directory,
    secret::{Form, SecretPart, Section},
};

impl Pairing for wire::Cluster {
    type Resource = crd::Cluster;
    type Spec = crd::ClusterSpec;
    type Status = crd::ClusterStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[
        "deletionPolicy",
        "observedGeneration",
        "conditions",
        "version",
        "nodeCount",
        "readyNodeCount",
        "servedCustomResources",
        "scheduling",
    ];
    const SECRET: Option<SecretPart> = Some(SecretPart {
        section: Section::Spec,
        reference: &["kubeconfigSecretRef"],
        suffix: "-kubeconfig",
        form: Form::Document { key: "kubeconfig", wire: &["kubeconfig"] },
    });

    fn fresh_status() -> Self::Status {
        crd::ClusterStatus { state: Some(crd::ClusterState::default()), ..Default::default() }
    }

    fn to_object(&self, names: &Directory) -> (Self::Spec, Self::Status) {
        let Self { metadata, spec, status } = self;
        (spec_to_object(spec, metadata.inherit_labels), status_to_object(status, names))
    }

    fn to_wire(spec: Self::Spec, status: Self::Status, mut metadata: Metadata, names: &Directory) -> Self {
        metadata.inherit_labels = spec.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec), status: status_to_wire(status, names) }
    }
}

fn spec_to_object(spec: &wire::ClusterSpec, inherit_labels: bool) -> crd::ClusterSpec {
    let wire::ClusterSpec {
        kubeconfig: _,
        tosca,
        custom_resources,
        constraints,
        metrics,
        inherit_metrics,
        backoff,
        backoff_delay,
        backoff_limit,
        auto_generated,
    } = spec;
    let wire::ClusterPlacementConstraints { cloud: wire::CloudConstraints { labels, metrics: about_metrics } } =
        constraints;
    let cloud = crd::CloudConstraints {
        labels: constraints_to_object(labels.as_ref()),
        metrics: constraints_to_object(about_metrics.as_ref()),
    };
    crd::ClusterSpec {
        identity: None,
        labels: BTreeMap::new(),
        inherit_labels,
        owners: Vec::new(),
        kubeconfig_secret_ref: None,
        tosca: (!tosca.is_empty()).then(|| object_to_value(tosca)),
        custom_resources: custom_resources.clone(),
        constraints: crd::ClusterPlacementConstraints { cloud },
        metrics: metrics_to_object(metrics),
        inherit_metrics: *inherit_metrics,
        backoff: Backoff { factor: *backoff, delay_seconds: *backoff_delay, limit: *backoff_limit },
        auto_generated: *auto_generated,
        deletion_policy: crd::ClusterDeletionPolicy::default(),
    }
}

fn spec_to_wire(spec: crd::ClusterSpec) -> wire::ClusterSpec {
    let crd::ClusterSpec {
        identity: _,
        labels: _,
        inherit_labels: _,
        owners: _,
        kubeconfig_secret_ref: _,
        tosca,
        custom_resources,
        constraints: crd::ClusterPlacementConstraints { cloud },
        metrics,
        inherit_metrics,
        backoff: Backoff { factor, delay_seconds, limit },
        auto_generated,
        deletion_policy: _,
    } = spec;
    let crd::CloudConstraints { labels, metrics: about_metrics } = cloud;
    let cloud =
        wire::CloudConstraints { labels: constraints_to_wire(labels), metrics: constraints_to_wire(about_metrics) };
    wire::ClusterSpec {
        kubeconfig: Object::new(),
        tosca: tosca.as_ref().map(value_to_object).unwrap_or_default(),
        custom_resources,
        constraints: wire::ClusterPlacementConstraints { cloud },
        metrics: metrics_to_wire(metrics),
        inherit_metrics,
        backoff: factor,
        backoff_delay: delay_seconds,
        backoff_limit: limit,
        auto_generated,
    }
}

fn status_to_object(status: &wire::ClusterStatus, names: &Directory) -> crd::ClusterStatus {
    let wire::ClusterStatus {
        reason,
        kube_controller_triggered,
        state,
        metrics_reasons,
        last_applied_tosca: _,
        nodes,
        cluster_id,
        scheduled,
        scheduled_to,
        running_on,
        retries: _,
    } = status;
    crd::ClusterStatus {
        observed_generation: None,
        state: Some(word(state.as_str())),
        reason: reason.as_ref().map(reason_to_object),
        conditions: Vec::new(),
        version: None,
        node_count: None,
        ready_node_count: None,
        nodes: nodes.iter().map(node_to_object).collect(),
        scheduled_to: scheduled_to.as_ref().map(|place| reference::to_object(place, names)),
        scheduled_at: scheduled.as_ref().map(time_to_object),
        running_on: running_on.as_ref().map(|place| reference::to_object(place, names)),
        triggered_at: kube_controller_triggered.as_ref().map(time_to_object),
        cluster_id: cluster_id.clone(),
        served_custom_resources: Vec::new(),
        scheduling: None,
        metrics_reasons: reasons_to_object(metrics_reasons),
    }
}

/// What only the original's controllers keep in a status starts empty.
fn status_to_wire(status: crd::ClusterStatus, names: &Directory) -> wire::ClusterStatus {
    let crd::ClusterStatus {
        observed_generation: _,
        state,
        reason,
        conditions: _,
        version: _,
        node_count: _,
        ready_node_count: _,
        nodes,
        scheduled_to,
        scheduled_at,
        running_on,
        triggered_at,
        cluster_id,
        served_custom_resources: _,
        scheduling: _,
        metrics_reasons,
    } = status;
    wire::ClusterStatus {
        reason: reason.map(reason_to_wire),
        kube_controller_triggered: triggered_at.map(|time| time_to_wire(&time)),
        state: wire::ClusterState::find(&state.unwrap_or_default().to_string()).unwrap_or_default(),
        metrics_reasons: reasons_to_wire(metrics_reasons),
        nodes: nodes.into_iter().map(node_to_wire).collect(),
        cluster_id,
        scheduled: scheduled_at.map(|time| time_to_wire(&time)),
        scheduled_to: scheduled_to.map(|place| reference::to_wire(place, names)),
        running_on: running_on.map(|place| reference::to_wire(place, names)),
        ..wire::ClusterStatus::default()
    }
}

fn node_to_object(node: &wire::ClusterNode) -> crd::Node {
    let wire::ClusterNode { api: _, kind: _, metadata: wire::ClusterNodeMetadata { name }, status } = node;
    let conditions = status.iter().flat_map(|status| &status.conditions).map(condition_to_object).collect();
    crd::Node { name: name.clone(), conditions }
}

fn node_to_wire(node: crd::Node) -> wire::ClusterNode {
    let crd::Node { name, conditions } = node;
    wire::ClusterNode {
        api: "kubernetes".to_owned(),
        kind: "ClusterNode".to_owned(),
        metadata: wire::ClusterNodeMetadata { name },
        status: Some(wire::ClusterNodeStatus { conditions: conditions.into_iter().map(condition_to_wire).collect() }),
    }
}

fn condition_to_object(condition: &wire::ClusterNodeCondition) -> crd::NodeCondition {
    let wire::ClusterNodeCondition { message, reason, status, type_ } = condition.clone();
    crd::NodeCondition { type_, status, reason, message }
}

fn condition_to_wire(condition: crd::NodeCondition) -> wire::ClusterNodeCondition {
    let crd::NodeCondition { type_, status, reason, message } = condition;
    wire::ClusterNodeCondition { message, reason, status, type_ }
}

#[cfg(test)]
mod tests;
