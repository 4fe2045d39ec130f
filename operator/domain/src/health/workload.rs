//! Objects that stand for pods, and custom resources that say whether they are ready.

use krake_crds::kubernetes::{application::ContainerHealth, placement::WorkloadState};
use serde_json::Value;

use super::{Assessment, condition, holds, is_outdated};

pub(super) fn deployment(live: &Value) -> Assessment {
    let replicas = Replicas::of(live);
    if holds(live, "ReplicaFailure") {
        return replicas.assessed(WorkloadState::Degraded, "cannot create its pods");
    }
    let has_given_up = condition(live, "Progressing").is_some_and(|progress| progress["status"] == "False");
    if has_given_up && !is_outdated(live) {
        return replicas.assessed(WorkloadState::Degraded, "makes no progress");
    }
    replicas.rolled_out(live, count(&live["status"]["updatedReplicas"]))
}

pub(super) fn stateful_set(live: &Value) -> Assessment {
    let status = &live["status"];
    // With `OnDelete` and partitions old pods are meant to stay.
    let is_partial = live["spec"]["updateStrategy"]["type"] == "OnDelete"
        || count(&live["spec"]["updateStrategy"]["rollingUpdate"]["partition"]) > 0;
    let is_current =
        is_partial || status["updateRevision"].is_null() || status["currentRevision"] == status["updateRevision"];
    let replicas = Replicas::of(live);
    let updated = if is_current { replicas.desired } else { count(&status["updatedReplicas"]) };
    replicas.rolled_out(live, updated)
}

pub(super) fn replica_set(live: &Value) -> Assessment {
    let replicas = Replicas::of(live);
    if holds(live, "ReplicaFailure") {
        return replicas.assessed(WorkloadState::Degraded, "cannot create its pods");
    }
    replicas.rolled_out(live, replicas.desired)
}

pub(super) fn daemon_set(live: &Value) -> Assessment {
    let status = &live["status"];
    let desired = count(&status["desiredNumberScheduled"]);
    // A set without nodes looks like one that was not looked at yet; the observed generation tells them apart.
    let replicas =
        Replicas { desired, existing: count(&status["currentNumberScheduled"]), ready: count(&status["numberReady"]) };
    let is_on_delete = live["spec"]["updateStrategy"]["type"] == "OnDelete";
    replicas.rolled_out(live, if is_on_delete { desired } else { count(&status["updatedNumberScheduled"]) })
}

pub(super) fn job(live: &Value) -> Assessment {
    let status = &live["status"];
    let pods = ContainerHealth {
        desired_pods: live["spec"]["completions"].as_i64().unwrap_or(1),
        running_pods: count(&status["active"]),
        completed_pods: count(&status["succeeded"]),
        failed_pods: count(&status["failed"]),
    };
    let (state, sentence) = if holds(live, "Complete") {
        (WorkloadState::Completed, "has ended well")
    } else if holds(live, "Failed") {
        (WorkloadState::Degraded, "has failed")
    } else if holds(live, "Suspended") {
        (WorkloadState::Running, "is suspended")
    } else if status["startTime"].is_string() {
        (WorkloadState::Running, "runs")
    } else {
        (WorkloadState::Progressing, "has not started yet")
    };
    Assessment::new(state, pods, sentence)
}

/// A custom resource that follows the convention of a condition `Ready`; nothing about any other.
pub(super) fn custom_resource(live: &Value) -> Option<Assessment> {
    let ready = condition(live, "Ready")?;
    let says_generation = live["status"]["observedGeneration"].is_i64();
    let (state, sentence) = if says_generation && is_outdated(live) {
        (WorkloadState::Progressing, "is being worked on")
    } else if holds(live, "Stalled") {
        (WorkloadState::Degraded, "is stalled")
    } else if ready["status"] == "True" {
        (WorkloadState::Running, "is ready")
    } else {
        (WorkloadState::Progressing, "is not ready")
    };
    Some(Assessment::new(state, ContainerHealth::default(), sentence))
}

/// The pods that a set of equal ones wants and has.
#[derive(Clone, Copy)]
struct Replicas {
    desired: i64,
    existing: i64,
    ready: i64,
}

impl Replicas {
    fn of(live: &Value) -> Self {
        Self {
            desired: live["spec"]["replicas"].as_i64().unwrap_or(1),
            existing: count(&live["status"]["replicas"]),
            ready: count(&live["status"]["readyReplicas"]),
        }
    }

    /// Running when exactly the desired pods are there, are ready, and `updated` says that they are of the latest kind.
    fn rolled_out(self, live: &Value, updated: i64) -> Assessment {
        let is_done = self.existing == self.desired && self.ready == self.desired && updated >= self.desired;
        let sentence = format!("has {} of {} pods ready", self.ready, self.desired);
        match (is_outdated(live), is_done) {
            (true, _) => self.assessed(WorkloadState::Progressing, "was changed and not looked at yet"),
            (false, true) => self.assessed(WorkloadState::Running, sentence),
            (false, false) => self.assessed(WorkloadState::Progressing, sentence),
        }
    }

    fn assessed(self, state: WorkloadState, sentence: impl Into<String>) -> Assessment {
        let pods =
            ContainerHealth { desired_pods: self.desired, running_pods: self.ready, ..ContainerHealth::default() };
        Assessment::new(state, pods, sentence)
    }
}

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}
