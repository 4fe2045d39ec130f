//! Reading a Placement: one copy of an application on one cluster.

use krake_crds::{
    condition,
    kubernetes::{Application, Placement, placement::WorkloadState},
    reason::ReasonCode,
};

/// Whether the Placement was made for this very Application, and not for a namesake before it.
pub(super) fn belongs_to(placement: &Placement, application: &Application) -> bool {
    let Some(uid) = application.metadata.uid.as_deref() else { return false };
    placement.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid)
}

/// Whether it is on its way out. It is never used again: a new one is made when it is gone.
pub(super) fn is_leaving(placement: &Placement) -> bool {
    placement.metadata.deletion_timestamp.is_some()
}

/// Whether the target holds the manifest of this Placement, as it is now.
pub(super) fn is_applied(placement: &Placement) -> bool {
    holds_now(placement, condition::APPLIED)
}

/// Whether it could serve on its own, as it is now.
pub(super) fn is_ready(placement: &Placement) -> bool {
    !is_leaving(placement) && holds_now(placement, condition::READY)
}

/// Whether it is applied and has come to rest, well or badly: a first copy counts as serving from then on.
pub(super) fn has_settled(placement: &Placement) -> bool {
    let workload = placement.status.as_ref().and_then(|status| status.workload);
    is_applied(placement) && workload.is_some_and(|workload| workload != WorkloadState::Progressing)
}

/// Whether only a change of the manifest, or of the target, can bring it there.
pub(super) fn is_refused(placement: &Placement) -> bool {
    let Some(status) = placement.status.as_ref() else { return false };
    let fails = condition::find(&status.conditions, condition::APPLIED).is_some_and(|applied| {
        applied.status == "False" && applied.observed_generation == placement.metadata.generation
    });
    let code = status.reason.as_ref().map(|reason| reason.code);
    fails && matches!(code, Some(ReasonCode::InvalidResource | ReasonCode::UnsupportedResource))
}

/// A condition counts only if it speaks of the current generation.
fn holds_now(placement: &Placement, type_: &str) -> bool {
    let Some(status) = placement.status.as_ref() else { return false };
    condition::find(&status.conditions, type_).is_some_and(|condition| {
        condition.status == "True" && condition.observed_generation == placement.metadata.generation
    })
}
