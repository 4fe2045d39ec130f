//! How the workloads of an application and the nodes of a cluster are, from what the target says about them.

mod convention;
pub mod node;
mod pod;
mod workload;

use krake_crds::kubernetes::{application::ContainerHealth, placement::WorkloadState};
use serde_json::Value;

use crate::manifest::Identity;

/// How one object is.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What it is doing.
    pub state: WorkloadState,
    /// The pods it stands for.
    pub pods: ContainerHealth,
    /// What is to be said about it, without its name and without a full stop.
    pub sentence: String,
}

impl Assessment {
    fn new(state: WorkloadState, pods: ContainerHealth, sentence: impl Into<String>) -> Self {
        Self { state, pods, sentence: sentence.into() }
    }
}

/// How all objects of a placement are, taken together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// The worst of what they are doing.
    pub workload: WorkloadState,
    /// All pods.
    pub pods: ContainerHealth,
    /// One sentence about the object that is worst off, or about all when they are well; without a full stop.
    pub sentence: String,
}

/// What was seen of an object.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// It is there.
    Live(&'a Value),
    /// It is gone, after it ended well with so many pods.
    Ended(i64),
    /// It is not there.
    Missing,
}

/// How a live object is; nothing if it says nothing about its health. That one that has ended well is then deleted does not
/// change how it was.
#[must_use]
pub fn assess(live: &Value) -> Option<Assessment> {
    let found = by_kind(live);
    let has_ended = found.as_ref().is_some_and(|found| found.state == WorkloadState::Completed);
    if has_ended || live["metadata"]["deletionTimestamp"].is_null() {
        return found;
    }
    let pods = found.map(|found| found.pods).unwrap_or_default();
    Some(Assessment::new(WorkloadState::Progressing, pods, "is being deleted"))
}

fn by_kind(live: &Value) -> Option<Assessment> {
    let group = crate::manifest::identity::group(live["apiVersion"].as_str().unwrap_or_default());
    match (group, live["kind"].as_str().unwrap_or_default()) {
        ("", "Pod") => Some(pod::assess(live)),
        ("apps", "Deployment") => Some(workload::deployment(live)),
        ("apps", "StatefulSet") => Some(workload::stateful_set(live)),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => Some(workload::replica_set(live)),
        ("apps", "DaemonSet") => Some(workload::daemon_set(live)),
        ("batch", "Job") => Some(workload::job(live)),
        // One that waits for its time is as it should be; its Jobs are not ours.
        ("batch", "CronJob") => None,
        ("", "PersistentVolumeClaim") => convention::volume_claim(live),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Some(convention::definition(live)),
        _ => convention::assess(live),
    }
}

/// How all objects of a placement are.
#[must_use]
pub fn aggregate<'a>(objects: impl IntoIterator<Item = (&'a Identity, Sight<'a>)>) -> Health {
    let mut pods = ContainerHealth::default();
    let mut worst: Option<(WorkloadState, String)> = None;
    for (identity, sight) in objects {
        let found = match sight {
            Sight::Live(live) => assess(live),
            Sight::Ended(pods) => Some(ended(pods)),
            Sight::Missing => Some(missing()),
        };
        let Some(found) = found else { continue };
        add(&mut pods, found.pods);
        if worst.as_ref().is_none_or(|(state, _)| severity(found.state) > severity(*state)) {
            worst = Some((found.state, format!("{identity} {}", found.sentence)));
        }
    }
    let (workload, sentence) = worst.unwrap_or((WorkloadState::Running, String::new()));
    let sentence = match workload {
        WorkloadState::Running => "all workloads run".into(),
        WorkloadState::Completed => "all workloads have ended well".into(),
        WorkloadState::Progressing | WorkloadState::Restarting | WorkloadState::Degraded => sentence,
    };
    Health { workload, pods, sentence }
}

/// What `workload` means after `before`, which was recorded for the same generation of the manifest, if anything was.
///
/// Workloads that are not ready look the same whether they are starting or failing. After a change of the manifest they
/// are starting; once they have run, they are failing until they run again.
#[must_use]
pub fn settle(before: Option<WorkloadState>, workload: WorkloadState) -> WorkloadState {
    match (before, workload) {
        (Some(WorkloadState::Running | WorkloadState::Degraded), WorkloadState::Progressing) => WorkloadState::Degraded,
        (Some(WorkloadState::Restarting), WorkloadState::Progressing) => WorkloadState::Restarting,
        (_, workload) => workload,
    }
}

fn ended(pods: i64) -> Assessment {
    let pods = ContainerHealth { desired_pods: pods, completed_pods: pods, ..ContainerHealth::default() };
    Assessment::new(WorkloadState::Completed, pods, "has ended well")
}

fn missing() -> Assessment {
    Assessment::new(WorkloadState::Degraded, ContainerHealth::default(), "is not on the target")
}

fn add(sum: &mut ContainerHealth, more: ContainerHealth) {
    let ContainerHealth { desired_pods, running_pods, completed_pods, failed_pods } = more;
    sum.desired_pods += desired_pods;
    sum.running_pods += running_pods;
    sum.completed_pods += completed_pods;
    sum.failed_pods += failed_pods;
}

/// `Completed` is the mildest: it needs everything else to be completed too.
fn severity(state: WorkloadState) -> u8 {
    match state {
        WorkloadState::Completed => 0,
        WorkloadState::Running => 1,
        WorkloadState::Progressing => 2,
        WorkloadState::Restarting => 3,
        WorkloadState::Degraded => 4,
    }
}

/// Whether the status is about an older spec than the object has.
fn is_outdated(live: &Value) -> bool {
    let generation = live["metadata"]["generation"].as_i64();
    generation.is_some_and(|generation| live["status"]["observedGeneration"].as_i64().unwrap_or(0) < generation)
}

/// The status of the condition of this type, if there is one: `True`, `False` or `Unknown`.
fn condition<'a>(live: &'a Value, type_: &str) -> Option<&'a Value> {
    live["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

fn holds(live: &Value, type_: &str) -> bool {
    condition(live, type_).is_some_and(|condition| condition["status"] == "True")
}

#[cfg(test)]
mod tests;
