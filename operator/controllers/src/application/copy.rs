//! Reading a Placement: one copy of an application on one cluster.

use krake_crds::{
    condition,
    kubernetes::{Application, Placement, placement::WorkloadState},
    reason::ReasonCode,
};
use krake_operator_loops::labels;
use kube::Resource;

use crate::placement::CLUSTER_UNREACHABLE;

/// Whether the Placement was made for this very Application, or was taken over by it, and is not that of a namesake.
pub(super) fn belongs_to(placement: &Placement, application: &Application) -> bool {
    let marked = labels::application_uid(placement);
    marked.is_some() && marked == application.metadata.uid.as_deref()
}

/// Whether Kubernetes' garbage collector would remove it as soon as its Application is lost, which is not a reason.
/// Placements were made so once.
pub(super) fn is_owned(placement: &Placement) -> bool {
    let owners = placement.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.kind == Application::kind(&()))
}

/// Whether it is on its way out. It is never used again: a new one is made when it is gone.
pub(super) fn is_leaving(placement: &Placement) -> bool {
    placement.metadata.deletion_timestamp.is_some()
}

/// Whether the target holds the manifest of this Placement, as it is now.
pub(super) fn is_applied(placement: &Placement) -> bool {
    holds_now(placement, condition::APPLIED)
}

/// Whether it could serve on its own, as it is now. Of one whose target does not answer nobody knows.
pub(super) fn is_ready(placement: &Placement) -> bool {
    !is_leaving(placement) && !is_outdated(placement) && holds_now(placement, condition::READY)
}

/// Whether it certainly serves nobody: it is not ready, and none of its pods runs.
pub(super) fn is_idle(placement: &Placement) -> bool {
    let running = placement.status.as_ref().map_or(0, |status| status.container_health.running_pods);
    running == 0 && !is_outdated(placement) && !holds_now(placement, condition::READY)
}

/// Whether what it says was true once, and the target has fallen silent since.
fn is_outdated(placement: &Placement) -> bool {
    let applied = placement.status.as_ref().and_then(|status| condition::find(&status.conditions, condition::APPLIED));
    applied.is_some_and(|applied| applied.reason == CLUSTER_UNREACHABLE)
}

/// Whether it is applied and has come to rest, well or badly: a first copy counts as serving from then on.
pub(super) fn has_settled(placement: &Placement) -> bool {
    let workload = placement.status.as_ref().and_then(|status| status.workload);
    is_applied(placement) && workload.is_some_and(|workload| workload != WorkloadState::Progressing)
}

/// Whether only a change of the manifest, or of the target, can bring it there.
pub(super) fn is_refused(placement: &Placement) -> bool {
    let Some(status) = placement.status.as_ref() else { return false };
    if holds_now(placement, condition::STALLED) {
        return true;
    }
    let fails = condition::find(&status.conditions, condition::APPLIED).is_some_and(|applied| {
        applied.status == "False" && applied.observed_generation == placement.metadata.generation
    });
    let code = status.reason.as_ref().map(|reason| reason.code);
    fails && matches!(code, Some(ReasonCode::InvalidResource | ReasonCode::UnsupportedResource))
}

/// Why it is not ready, in its own words.
pub(super) fn complaint(placement: &Placement) -> Option<&str> {
    let conditions = placement.status.as_ref()?.conditions.as_slice();
    let failing =
        [condition::APPLIED, condition::READY].into_iter().filter_map(|type_| condition::find(conditions, type_));
    failing.into_iter().find(|condition| condition.status != "True").map(|condition| condition.message.as_str())
}

/// A condition counts only if it speaks of the current generation.
fn holds_now(placement: &Placement, type_: &str) -> bool {
    let Some(status) = placement.status.as_ref() else { return false };
    condition::find(&status.conditions, type_).is_some_and(|condition| {
        condition.status == "True" && condition.observed_generation == placement.metadata.generation
    })
}
