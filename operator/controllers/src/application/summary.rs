//! What the status of an application says about its copies: conditions, reason, state. Pure.

mod claims;

use std::sync::Arc;

use jiff::Timestamp;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::{Application, ApplicationStatus, Placement},
    reason::{Reason, ReasonCode},
    reference::ObjectReference,
};
use krake_operator_domain::lifecycle::{self, Deployment, Facts, Scheduling};
use krake_operator_loops::safety::Withheld;

use super::{
    copy,
    decide::{HeldUp, Plan},
};

/// Types of the conditions that are written here.
pub(super) const CONDITIONS: &[&str] = &[
    condition::APPLIED,
    condition::HEALTHY,
    condition::READY,
    condition::RECONCILING,
    condition::STALLED,
    condition::DELETING,
];

/// An application as it is after a plan was carried out.
pub(super) struct View<'a> {
    application: &'a Application,
    status: ApplicationStatus,
    plan: &'a Plan,
    /// All its copies.
    placements: &'a [Arc<Placement>],
    /// The cluster that was chosen; the one that serves, when the move there was given up.
    chosen: Option<&'a ObjectReference>,
    /// The copy on that cluster.
    target: Option<&'a Placement>,
    /// The copy on the cluster that serves.
    serving: Option<&'a Placement>,
    /// Why a removal must not happen now.
    withheld: Option<&'a Withheld>,
}

impl<'a> View<'a> {
    pub(super) fn new(application: &'a Application, placements: &'a [Arc<Placement>], plan: &'a Plan) -> Self {
        let status = application.status.clone().unwrap_or_default();
        let on = |place: Option<&ObjectReference>| {
            placements.iter().find(|placement| Some(&placement.spec.cluster) == place).map(|placement| &**placement)
        };
        let serving = plan.serving.as_ref();
        let chosen = if plan.held_up == Some(HeldUp::GivenUp) {
            serving
        } else {
            application.status.as_ref().and_then(|status| status.scheduled_to.as_ref())
        };
        Self { application, status, plan, placements, chosen, target: on(chosen), serving: on(serving), withheld: None }
    }

    /// The same, when a removal that was planned must not happen.
    pub(super) fn withheld_by(self, withheld: Option<&'a Withheld>) -> Self {
        Self { withheld, ..self }
    }

    /// The status that follows.
    pub(super) fn status(&self, now: Timestamp) -> ApplicationStatus {
        let generation = self.application.metadata.generation;
        let serving = self.serving.and_then(|serving| serving.status.clone()).unwrap_or_default();
        let mut conditions = self.status.conditions.clone();
        conditions.retain(|known| !CONDITIONS.contains(&known.type_.as_str()));
        let claims = self.claims().into_iter();
        conditions.extend(claims.map(|claim: Claim| claim.over(&self.status.conditions, generation, now)));
        ApplicationStatus {
            observed_generation: generation,
            state: Some(lifecycle::application_state(&self.facts())),
            reason: self.reason(),
            conditions,
            running_on: self.plan.serving.clone(),
            migration: self.plan.migration.clone(),
            services: serving.services,
            container_health: serving.container_health,
            ..self.status.clone()
        }
    }

    fn facts(&self) -> Facts {
        let seen = self.serving.or(self.target).and_then(|placement| placement.status.as_ref());
        Facts {
            is_deleting: self.is_deleting(),
            scheduling: self.scheduling(),
            scheduled_to: self.chosen.cloned(),
            running_on: self.plan.serving.clone(),
            deployment: self.deployment(),
            workload: seen.and_then(|status| status.workload),
        }
    }

    fn is_deleting(&self) -> bool {
        self.application.metadata.deletion_timestamp.is_some()
    }

    /// What the scheduler says, if it says it about this generation.
    fn scheduling(&self) -> Scheduling {
        let scheduled = condition::find(&self.status.conditions, condition::SCHEDULED);
        let Some(scheduled) = scheduled.filter(|it| it.observed_generation == self.application.metadata.generation)
        else {
            return Scheduling::Pending;
        };
        let tries_again = self.status.scheduling.as_ref().is_some_and(|scheduling| scheduling.next_attempt.is_some());
        match scheduled.status.as_str() {
            "True" => Scheduling::Done,
            "False" if tries_again => Scheduling::Retrying,
            "False" => Scheduling::GivenUp,
            _ => Scheduling::Pending,
        }
    }

    /// How far the current generation is on the cluster that was chosen.
    fn deployment(&self) -> Deployment {
        match self.target.filter(|target| self.is_current(target)) {
            Some(target) if copy::is_applied(target) => Deployment::Applied,
            Some(target) if copy::is_refused(target) => Deployment::Refused,
            _ => Deployment::Applying,
        }
    }

    /// Whether the copy asks for what the application says now, and is not on its way out.
    fn is_current(&self, placement: &Placement) -> bool {
        !copy::is_leaving(placement)
            && Some(placement.spec.application_generation) == self.application.metadata.generation
    }

    /// Why things are not as they should be, in Krake's words.
    fn reason(&self) -> Option<Reason> {
        if let Some(reason) = self.placements.iter().find_map(|placement| self.trouble(placement)) {
            return Some(reason);
        }
        let scheduled = condition::find(&self.status.conditions, condition::SCHEDULED)?;
        if scheduled.status != "False" || self.is_deleting() {
            return None;
        }
        let code = match scheduled.reason.as_str() {
            "InvalidConstraint" => ReasonCode::InvalidResource,
            "NotSupportedYet" => ReasonCode::InvalidToscaManifest,
            _ => ReasonCode::NoSuitableResource,
        };
        Some(Reason::new(code, scheduled.message.clone()))
    }

    /// What is wrong with a copy that counts: the one that is wanted, or, in the end, any that does not go away.
    fn trouble(&self, placement: &Placement) -> Option<Reason> {
        let counts =
            self.is_deleting() || self.target.is_some_and(|target| target.spec.cluster == placement.spec.cluster);
        counts.then(|| placement.status.as_ref()?.reason.clone()).flatten()
    }
}

#[cfg(test)]
mod tests;
