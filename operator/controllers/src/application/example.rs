//! Applications and Placements for the tests of this controller, built by naming only what matters.

use std::sync::Arc;

use krake_crds::{
    kubernetes::{Application, Placement},
    reference::ObjectReference,
};
use krake_operator_loops::labels;
use kube::ResourceExt;
use serde_json::{from_value, json};

use super::desired;

/// A moment; which one does not matter.
const THEN: &str = "2026-01-02T03:04:05Z";

/// The cluster of this name.
pub(super) fn place(name: &str) -> ObjectReference {
    ObjectReference::cluster("web", name)
}

/// An application in its second generation, guarded by its finalizer, unscheduled.
pub(super) fn application() -> Application {
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "shop", "namespace": "web", "uid": "shop-uid", "generation": 2,
            "finalizers": [krake_crds::finalizer::KUBERNETES_RESOURCES],
        },
        "spec": { "manifest": [{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" } }] },
        "status": {},
    }))
    .unwrap()
}

/// The same, scheduled to one cluster in this generation, and served by another or by none.
pub(super) fn scheduled(to: &str, serving: &str) -> Application {
    let mut application = application();
    let status = application.status.get_or_insert_default();
    status.scheduled_to = Some(place(to));
    status.scheduled_generation = Some(2);
    status.running_on = (!serving.is_empty()).then(|| place(serving));
    status.conditions = vec![
        from_value(json!({
            "type": "Scheduled", "status": "True", "reason": "Bound", "message": "", "observedGeneration": 2,
            "lastTransitionTime": THEN,
        }))
        .unwrap(),
    ];
    application
}

/// The same, marked for deletion.
pub(super) fn deleted(mut application: Application) -> Application {
    application.metadata.deletion_timestamp = Some(from_value(json!(THEN)).unwrap());
    application
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It was made a moment ago.
    New,
    /// Its objects are on the target; the pods are on their way.
    Applied,
    /// It serves, or could.
    Ready,
    /// Its pods fail.
    Degraded,
    /// The target refuses it.
    Refused,
}

/// A copy of the application, as the application is now.
pub(super) fn copy_on(cluster: &str, progress: Progress) -> Placement {
    let application = application();
    let spec = desired::spec(&application, &place(cluster));
    let mut placement: Placement = from_value(desired::object(&application, &spec, None)).unwrap();
    placement.metadata.resource_version = Some("1".into());
    placement.metadata.generation = Some(7);
    placement.metadata.uid = Some(format!("{cluster}-uid"));
    placement.status = Some(from_value(status(progress)).unwrap());
    placement
}

fn status(progress: Progress) -> serde_json::Value {
    let condition = |type_: &str, status: &str| {
        json!({
            "type": type_, "status": status, "reason": "R", "message": format!("{type_} is {status}"),
            "observedGeneration": 7, "lastTransitionTime": THEN,
        })
    };
    let (applied, healthy, ready, workload) = match progress {
        Progress::New => return json!({}),
        Progress::Applied => ("True", "Unknown", "False", "Progressing"),
        Progress::Ready => ("True", "True", "True", "Running"),
        Progress::Degraded => ("True", "False", "False", "Degraded"),
        Progress::Refused => ("False", "Unknown", "False", "Progressing"),
    };
    let reason = (progress == Progress::Refused).then(|| json!({ "code": "INVALID_RESOURCE", "message": "refused" }));
    json!({
        "conditions": [condition("Applied", applied), condition("Healthy", healthy), condition("Ready", ready)],
        "workload": workload, "reason": reason,
        "containerHealth": { "desiredPods": 1, "runningPods": i32::from(ready == "True") },
    })
}

/// A copy that asks for what the application said in its first generation.
pub(super) fn outdated(mut placement: Placement) -> Placement {
    placement.spec.application_generation = 1;
    placement
}

/// A copy whose cluster does not answer any more; what it says is the last that was known.
pub(super) fn unreachable(mut placement: Placement) -> Placement {
    let status = placement.status.get_or_insert_default();
    for condition in status.conditions.iter_mut().filter(|condition| condition.type_ == "Applied") {
        condition.reason = "ClusterUnreachable".into();
    }
    placement
}

/// A copy that was made for an application of the same name that was lost.
pub(super) fn left_behind(mut placement: Placement) -> Placement {
    placement.labels_mut().insert(labels::APPLICATION_UID.into(), "lost-uid".into());
    placement
}

/// A copy on its way out.
pub(super) fn leaving(mut placement: Placement) -> Placement {
    placement.metadata.deletion_timestamp = Some(from_value(json!(THEN)).unwrap());
    placement
}

/// Copies as they come from a cache.
pub(super) fn copies<const N: usize>(placements: [Placement; N]) -> Vec<Arc<Placement>> {
    placements.into_iter().map(Arc::new).collect()
}
