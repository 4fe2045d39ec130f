//! Objects that stand for pods.

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
    let (status, strategy) = (&live["status"], &live["spec"]["updateStrategy"]);
    let is_current = status["updateRevision"].is_null() || status["currentRevision"] == status["updateRevision"];
    let replicas = Replicas::of(live);
    // With `OnDelete` old pods are meant to stay; with a partition those below it are.
    let updated = if is_current || strategy["type"] == "OnDelete" {
        replicas.desired
    } else {
        count(&status["updatedReplicas"]).saturating_add(count(&strategy["rollingUpdate"]["partition"]))
    };
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

    /// Running when exactly the desired pods are there, are ready, and `updated` says that they are of the latest kind:
    /// ready pods of the kind before do not count.
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
