//! Kinds without rules of their own, all custom resources among them, by the conventions that controllers follow: the
//! rules of kstatus, to which `Available` is added for those that have no condition `Ready`.

use krake_crds::kubernetes::{application::ContainerHealth, placement::WorkloadState};
use serde_json::Value;

use super::{Assessment, condition, holds, is_outdated};

/// Conditions that sum an object up, the first that is there counts.
const SUMMARIES: [&str; 2] = ["Ready", "Available"];

/// How an object is that says so; nothing about one that follows no convention.
pub(super) fn assess(live: &Value) -> Option<Assessment> {
    let says_generation = live["status"]["observedGeneration"].is_i64();
    if says_generation && is_outdated(live) {
        return Some(said(WorkloadState::Progressing, "was changed and not looked at yet"));
    }
    if holds(live, "Stalled") {
        return Some(said(WorkloadState::Degraded, "is stalled"));
    }
    if holds(live, "Reconciling") {
        return Some(said(WorkloadState::Progressing, "is being worked on"));
    }
    let summary = SUMMARIES.iter().find_map(|type_| condition(live, type_));
    let (state, sentence) = match summary {
        Some(summary) if is_stale(summary, live) => (WorkloadState::Progressing, "was changed and not looked at yet"),
        Some(summary) if summary["status"] == "True" => (WorkloadState::Running, "is ready"),
        Some(_) => (WorkloadState::Progressing, "is not ready"),
        None => return None,
    };
    Some(said(state, sentence))
}

/// A definition whose names belong to another one will never be served.
pub(super) fn definition(live: &Value) -> Assessment {
    let has_lost = condition(live, "NamesAccepted").is_some_and(|accepted| accepted["status"] == "False");
    match (has_lost, holds(live, "Established")) {
        (true, _) => said(WorkloadState::Degraded, "has a name that another definition uses"),
        (false, true) => said(WorkloadState::Running, "is established"),
        (false, false) => said(WorkloadState::Progressing, "is not established yet"),
    }
}

/// A claim may rightly wait for the first pod that uses it, which then says that it cannot start.
pub(super) fn volume_claim(live: &Value) -> Option<Assessment> {
    (live["status"]["phase"] == "Lost").then(|| said(WorkloadState::Degraded, "has lost its volume"))
}

/// Whether a condition says that it is about an older spec.
fn is_stale(condition: &Value, live: &Value) -> bool {
    let (seen, now) = (condition["observedGeneration"].as_i64(), live["metadata"]["generation"].as_i64());
    seen.zip(now).is_some_and(|(seen, now)| seen < now)
}

fn said(state: WorkloadState, sentence: &str) -> Assessment {
    Assessment::new(state, ContainerHealth::default(), sentence)
}
