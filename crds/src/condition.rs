//! Conditions: the truth in status. This file holds the only transition rules.
//!
//! Types are few, positive and the same across kinds; each has exactly one writer per kind. Reasons are `PascalCase`,
//! messages one plain sentence that does not change while the reason stays the same.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::reason::shortened;

/// The summary of all others: usable now.
pub const READY: &str = "Ready";
/// kstatus: present and true only while the controllers are still working towards the spec.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: present and true only while nothing moves until somebody changes something.
pub const STALLED: &str = "Stalled";
/// Application, Cluster without a kubeconfig: a place is chosen and still valid. Written by the scheduler.
pub const SCHEDULED: &str = "Scheduled";
/// Application, Placement: the target holds the desired manifest.
pub const APPLIED: &str = "Applied";
/// Application, Placement: the workloads are fine. Cluster: the nodes are fine.
pub const HEALTHY: &str = "Healthy";
/// Cluster: the last probe was answered. Written by the cluster controller. Metrics providers: the last question was.
/// Written by the metrics controller.
pub const REACHABLE: &str = "Reachable";
/// Cluster, Cloud, Project: every metric that is referred to could be read. Written by the metrics controller; present only
/// where metrics are referred to.
pub const METRICS_AVAILABLE: &str = "MetricsAvailable";
/// `SafetyPolicy`: a budget is used up, and what it limits waits for a human.
pub const TRIPPED: &str = "Tripped";
/// All with finalizers: deletion is under way; the message says what is awaited.
pub const DELETING: &str = "Deleting";

/// What a condition shall say now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// One of the constants of this module.
    pub type_: &'static str,
    /// Whether it holds; `None` is `Unknown`.
    pub holds: Option<bool>,
    /// `PascalCase`, from a closed set.
    pub reason: &'static str,
    /// One plain sentence without timestamps; cut to [`crate::reason::LONGEST_MESSAGE`] when it becomes a condition.
    pub message: String,
}

impl Claim {
    /// A condition that holds.
    pub fn yes(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, holds: Some(true), reason, message: message.into() }
    }

    /// A condition that does not hold.
    pub fn no(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, holds: Some(false), reason, message: message.into() }
    }

    /// A condition of which nothing is known yet.
    pub fn unknown(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, holds: None, reason, message: message.into() }
    }

    /// The condition that follows on `existing`: its transition time moves only when its status does.
    #[must_use]
    pub fn over(self, existing: &[Condition], generation: Option<i64>, now: Timestamp) -> Condition {
        let status = match self.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let since = find(existing, self.type_)
            .filter(|before| before.status == status)
            .map_or(Time(now), |before| before.last_transition_time.clone());
        Condition {
            type_: self.type_.into(),
            status: status.into(),
            reason: self.reason.into(),
            message: shortened(self.message),
            observed_generation: generation,
            last_transition_time: since,
        }
    }
}

/// The condition of this type, if it was ever set.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type is `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// Whether the condition of this type is `False`.
#[must_use]
pub fn is_false(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "False")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let first = Claim::no(READY, "Waiting", "waiting").over(&[], Some(1), at(10));
        let second = Claim::no(READY, "Failed", "failed").over(&[first], Some(2), at(20));
        assert_eq!((second.last_transition_time.0, second.observed_generation), (at(10), Some(2)));
        let third = Claim::yes(READY, "Running", "runs").over(&[second], Some(2), at(30));
        assert_eq!(third.last_transition_time.0, at(30));
    }
}
