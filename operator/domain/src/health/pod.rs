//! Pods that stand in a manifest themselves.

use krake_crds::kubernetes::{application::ContainerHealth, placement::WorkloadState};
use serde_json::Value;

use super::{Assessment, holds};

/// Reasons for which a container waits that time alone does not remove.
const BROKEN: [&str; 7] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

pub(super) fn assess(pod: &Value) -> Assessment {
    let (state, sentence) = state(pod);
    let count = |is_so: bool| i64::from(is_so);
    let has_failed = pod["status"]["phase"] == "Failed";
    let pods = ContainerHealth {
        desired_pods: 1,
        running_pods: count(state == WorkloadState::Running),
        completed_pods: count(state == WorkloadState::Completed),
        failed_pods: count(has_failed),
    };
    Assessment::new(state, pods, sentence)
}

fn state(pod: &Value) -> (WorkloadState, String) {
    match pod["status"]["phase"].as_str() {
        Some("Succeeded") => return (WorkloadState::Completed, "has ended well".into()),
        Some("Failed") => return (WorkloadState::Degraded, "has failed".into()),
        _ => {}
    }
    if let Some(reason) = containers(pod).filter_map(|one| one["state"]["waiting"]["reason"].as_str()).find(is_broken) {
        return (WorkloadState::Degraded, format!("has a container that waits because of {reason}"));
    }
    if containers(pod).any(|container| will_restart(pod, container)) {
        return (WorkloadState::Restarting, "has a container that will be started again".into());
    }
    let is_ready = match super::condition(pod, "Ready") {
        Some(_) => holds(pod, "Ready"),
        None => pod["status"]["phase"] == "Running",
    };
    if is_ready { (WorkloadState::Running, "runs".into()) } else { (WorkloadState::Progressing, "is not ready".into()) }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    lists.into_iter().filter_map(|list| pod["status"][list].as_array()).flatten()
}

fn is_broken(reason: &&str) -> bool {
    BROKEN.contains(reason)
}

/// Whether a container has ended and the kubelet will start it again.
fn will_restart(pod: &Value, container: &Value) -> bool {
    let Some(ended) = container["state"].get("terminated") else { return false };
    // An init container that has ended well is done.
    let has_ended_well = ended["exitCode"].as_i64() == Some(0);
    let is_init = pod["status"]["initContainerStatuses"]
        .as_array()
        .is_some_and(|list| list.iter().any(|init| init["name"] == container["name"]));
    match pod["spec"]["restartPolicy"].as_str() {
        Some("Never") => false,
        Some("OnFailure") => !has_ended_well,
        _ => !(is_init && has_ended_well),
    }
}
