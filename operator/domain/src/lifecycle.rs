//! What an application or a cluster is doing, in Krake's one word. The only place where a `state` is computed.

use krake_crds::{
    kubernetes::{
        application::ApplicationState,
        cluster::{ClusterState, Node},
        placement::WorkloadState,
    },
    reference::ObjectReference,
};

use crate::health::node;

/// What is known about an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its deletion was asked for.
    pub is_deleting: bool,
    /// How far the scheduler is.
    pub scheduling: Scheduling,
    /// The place that was chosen.
    pub scheduled_to: Option<ObjectReference>,
    /// The place that serves it.
    pub running_on: Option<ObjectReference>,
    /// How far the latest spec is at the chosen place.
    pub deployment: Deployment,
    /// What the workloads are doing: at the place that serves, or at the chosen one while none does.
    pub workload: Option<WorkloadState>,
}

/// How far the scheduler is with an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// It has not decided yet.
    #[default]
    Pending,
    /// A place is chosen and still valid.
    Done,
    /// No place was found; it will try again.
    Retrying,
    /// No place was found; it has given up.
    GivenUp,
}

/// How far a spec is on a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deployment {
    /// Not completely applied yet, or not known to be.
    #[default]
    Applying,
    /// The target holds it.
    Applied,
    /// It cannot be applied until somebody changes something.
    Refused,
}

/// The state of an application; the first line that holds decides.
#[must_use]
pub fn application_state(facts: &Facts) -> ApplicationState {
    let is_serving = facts.running_on.is_some();
    let is_moving = is_serving && facts.scheduled_to.is_some() && facts.running_on != facts.scheduled_to;
    if facts.is_deleting {
        ApplicationState::Deleting
    } else if facts.scheduling == Scheduling::GivenUp || facts.deployment == Deployment::Refused {
        ApplicationState::Failed
    } else if facts.scheduling == Scheduling::Retrying {
        ApplicationState::Degraded
    } else if facts.scheduled_to.is_none() && !is_serving {
        ApplicationState::Pending
    } else if is_moving {
        ApplicationState::Migrating
    } else if facts.deployment == Deployment::Applied {
        of_workload(facts.workload, is_serving)
    } else {
        of_work_in_progress(is_serving)
    }
}

fn of_workload(workload: Option<WorkloadState>, is_serving: bool) -> ApplicationState {
    match workload {
        Some(WorkloadState::Running) => ApplicationState::Running,
        Some(WorkloadState::Completed) => ApplicationState::Completed,
        Some(WorkloadState::Restarting) => ApplicationState::Restarting,
        Some(WorkloadState::Degraded) => ApplicationState::Degraded,
        Some(WorkloadState::Progressing) | None => of_work_in_progress(is_serving),
    }
}

fn of_work_in_progress(is_serving: bool) -> ApplicationState {
    if is_serving { ApplicationState::Reconciling } else { ApplicationState::Creating }
}

/// What is known about a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts<'a> {
    /// The state it had, if any.
    pub previous: Option<ClusterState>,
    /// What the latest probe found.
    pub probe: Probe<'a>,
    /// A metric that it refers to cannot be read.
    pub is_failing_metrics: bool,
    /// It is to be built, and no cloud was found for it; nobody looks for one any more.
    pub is_without_cloud: bool,
}

/// What a probe of a cluster found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe<'a> {
    /// There was none yet.
    NotYet,
    /// The cluster cannot be reached.
    Unreachable,
    /// The cluster answers again after an outage, but not for long enough yet to be relied upon.
    Returning,
    /// The cluster answered; these are its nodes.
    Answered(&'a [Node]),
}

/// The state of a cluster.
///
/// A cluster that was offline is `CONNECTING` at its first answer, and only a later one says how it is: look again soon.
/// `FAILING_METRICS` is said of a cluster that would be `ONLINE` otherwise: it hides no outage. (Krake's does.)
/// Deletion does not change the word: what is awaited then is the applications, and they need to know how the cluster is.
#[must_use]
pub fn cluster_state(facts: &ClusterFacts<'_>) -> ClusterState {
    if facts.is_without_cloud {
        return ClusterState::Failed;
    }
    let state = match (facts.probe, facts.previous) {
        // It has a cloud now, or a kubeconfig.
        (Probe::NotYet, Some(ClusterState::Failed)) => ClusterState::Pending,
        // An operator that has just started knows less than the one before it.
        (Probe::NotYet, previous) => previous.unwrap_or(ClusterState::Pending),
        (Probe::Unreachable, _) => ClusterState::Offline,
        (Probe::Returning, _) | (Probe::Answered(_), Some(ClusterState::Offline)) => ClusterState::Connecting,
        (Probe::Answered(nodes), _) => node::evaluate(nodes).state,
    };
    match state {
        ClusterState::Online if facts.is_failing_metrics => ClusterState::FailingMetrics,
        ClusterState::FailingMetrics if !facts.is_failing_metrics => ClusterState::Online,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use krake_crds::kubernetes::cluster::NodeCondition;

    use super::*;

    fn place(name: &str) -> Option<ObjectReference> {
        (!name.is_empty()).then(|| ObjectReference::cluster("shop", name))
    }

    #[test]
    fn states_of_applications() {
        use ApplicationState as A;
        use Deployment::{Applied, Applying, Refused};
        use Scheduling::{Done, GivenUp, Pending, Retrying};
        use WorkloadState as W;
        for (scheduling, scheduled_to, running_on, deployment, workload, expected) in [
            (Pending, "", "", Applying, None, A::Pending),
            (Retrying, "", "", Applying, None, A::Degraded),
            (GivenUp, "", "", Applying, None, A::Failed),
            (Done, "a", "", Applying, None, A::Creating),
            (Pending, "a", "", Applying, None, A::Creating),
            (Done, "a", "", Refused, None, A::Failed),
            (Done, "a", "", Applied, Some(W::Progressing), A::Creating),
            (Done, "a", "", Applied, Some(W::Degraded), A::Degraded),
            (Done, "a", "", Applied, Some(W::Completed), A::Completed),
            (Done, "a", "a", Applied, Some(W::Running), A::Running),
            (Pending, "a", "a", Applied, Some(W::Running), A::Running),
            (Done, "a", "a", Applying, Some(W::Running), A::Reconciling),
            (Done, "a", "a", Applied, Some(W::Progressing), A::Reconciling),
            (Done, "a", "a", Applied, None, A::Reconciling),
            (Done, "a", "a", Applied, Some(W::Restarting), A::Restarting),
            (Done, "a", "a", Applied, Some(W::Degraded), A::Degraded),
            (Done, "a", "a", Refused, Some(W::Running), A::Failed),
            (Done, "b", "a", Applying, Some(W::Running), A::Migrating),
            (Done, "b", "a", Applied, Some(W::Degraded), A::Migrating),
            (Done, "b", "a", Refused, Some(W::Running), A::Failed),
            (Retrying, "", "a", Applied, Some(W::Running), A::Degraded),
            (Pending, "", "a", Applied, Some(W::Running), A::Running),
        ] {
            let facts = Facts {
                is_deleting: false,
                scheduling,
                scheduled_to: place(scheduled_to),
                running_on: place(running_on),
                deployment,
                workload,
            };
            assert_eq!(application_state(&facts), expected, "{facts:?}");
            assert_eq!(application_state(&Facts { is_deleting: true, ..facts }), A::Deleting);
        }
    }

    fn node(condition: &str, status: &str) -> Node {
        let says = NodeCondition { type_: condition.into(), status: status.into(), ..NodeCondition::default() };
        Node { name: "n".into(), conditions: vec![says] }
    }

    #[test]
    fn states_of_clusters() {
        use ClusterState as C;
        let (ready, not_ready) = ([node("Ready", "True")], [node("Ready", "False")]);
        for (previous, probe, expected) in [
            (None, Probe::NotYet, C::Pending),
            (Some(C::Online), Probe::NotYet, C::Online),
            (None, Probe::Unreachable, C::Offline),
            (Some(C::Online), Probe::Unreachable, C::Offline),
            (Some(C::Connecting), Probe::Unreachable, C::Offline),
            (None, Probe::Answered(&ready), C::Online),
            (Some(C::Pending), Probe::Answered(&[]), C::Online),
            (Some(C::Offline), Probe::Answered(&ready), C::Connecting),
            (Some(C::Offline), Probe::Returning, C::Connecting),
            (Some(C::Connecting), Probe::Returning, C::Connecting),
            (Some(C::Connecting), Probe::Answered(&ready), C::Online),
            (Some(C::Connecting), Probe::Answered(&not_ready), C::NotReady),
            (Some(C::NotReady), Probe::Answered(&ready), C::Online),
        ] {
            let facts = ClusterFacts { previous, probe, is_failing_metrics: false, is_without_cloud: false };
            assert_eq!(cluster_state(&facts), expected, "{previous:?} {probe:?}");
        }
    }

    #[test]
    fn a_cluster_without_a_cloud_has_failed_until_it_gets_one() {
        let facts = |previous, is_without_cloud| ClusterFacts {
            previous,
            probe: Probe::NotYet,
            is_failing_metrics: false,
            is_without_cloud,
        };
        assert_eq!(cluster_state(&facts(None, true)), ClusterState::Failed);
        assert_eq!(cluster_state(&facts(Some(ClusterState::Pending), true)), ClusterState::Failed);
        assert_eq!(cluster_state(&facts(Some(ClusterState::Failed), false)), ClusterState::Pending);
    }

    #[test]
    fn failing_metrics_are_told_of_clusters_that_are_well_otherwise() {
        use ClusterState as C;
        let (ready, not_ready) = ([node("Ready", "True")], [node("Ready", "False")]);
        let pressed = [node("DiskPressure", "True")];
        for (previous, probe, is_failing_metrics, expected) in [
            (C::Online, Probe::Answered(&ready), true, C::FailingMetrics),
            (C::FailingMetrics, Probe::Answered(&ready), true, C::FailingMetrics),
            (C::FailingMetrics, Probe::Answered(&ready), false, C::Online),
            (C::FailingMetrics, Probe::NotYet, true, C::FailingMetrics),
            (C::FailingMetrics, Probe::NotYet, false, C::Online),
            (C::Pending, Probe::NotYet, true, C::Pending),
            (C::FailingMetrics, Probe::Unreachable, true, C::Offline),
            (C::Offline, Probe::Returning, true, C::Connecting),
            (C::FailingMetrics, Probe::Answered(&not_ready), true, C::NotReady),
            (C::FailingMetrics, Probe::Answered(&pressed), true, C::Unhealthy),
        ] {
            let facts = ClusterFacts { previous: Some(previous), probe, is_failing_metrics, is_without_cloud: false };
            assert_eq!(cluster_state(&facts), expected, "{facts:?}");
        }
    }
}
