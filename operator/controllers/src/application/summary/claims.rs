//! The conditions of an application.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use krake_crds::{
    condition::{self, Claim},
    kubernetes::Placement,
};
use krake_operator_domain::lifecycle::{Deployment, Scheduling};

use super::View;
use crate::application::{copy, decide::HeldUp, observe::Target};

/// The target holds what the spec says.
const APPLIED: &str = "Applied";
/// The target is about to.
const APPLYING: &str = "Applying";
/// The target refused it.
const APPLY_FAILED: &str = "ApplyFailed";
/// The scheduler has not chosen a cluster, or has not approved this generation.
const NOT_SCHEDULED: &str = "NotScheduled";
/// The chosen cluster cannot take the application.
const CLUSTER_UNAVAILABLE: &str = "ClusterUnavailable";
/// Something must be removed from a cluster before.
const AWAITING_REMOVAL: &str = "AwaitingRemoval";
/// Nothing is deployed.
const NOT_DEPLOYED: &str = "NotDeployed";
/// The workloads are fine.
const HEALTHY: &str = "Healthy";
/// The workloads are on their way.
const PROGRESSING: &str = "Progressing";
/// The workloads are not fine.
const UNHEALTHY: &str = "Unhealthy";
/// The application runs as its spec says.
const RUNNING: &str = "Running";
/// Another cluster takes over.
const MIGRATING: &str = "Migrating";
/// Deletion is under way.
const DELETING: &str = "Deleting";

impl View<'_> {
    /// All conditions: the three that are always there, and those that hold only now and then.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let (applied, healthy) = (self.applied(), self.healthy());
        let ready = self.ready(&applied, &healthy);
        let mut claims = vec![];
        if self.is_deleting() {
            claims.push(self.waiting(condition::DELETING));
        } else if self.is_stuck() {
            claims.push(Claim::yes(condition::STALLED, ready.reason, ready.message.clone()));
        } else if let Some(work) = self.work(&applied) {
            claims.push(work);
        }
        claims.extend([applied, healthy, ready]);
        claims
    }

    fn applied(&self) -> Claim {
        let no = |reason, message: String| Claim::no(condition::APPLIED, reason, message);
        if self.is_deleting() {
            return no(DELETING, "the application is being deleted".into());
        }
        let cluster = self.chosen.map(|chosen| chosen.name.as_str()).unwrap_or_default();
        match self.plan.held_up {
            Some(HeldUp::NotScheduled) => no(NOT_SCHEDULED, "no cluster was chosen yet".into()),
            Some(HeldUp::NotApproved) => no(NOT_SCHEDULED, "the scheduler has not approved this version yet".into()),
            Some(HeldUp::Target(target)) => no(CLUSTER_UNAVAILABLE, unavailable(target, cluster)),
            Some(HeldUp::EarlierCopy) => {
                no(AWAITING_REMOVAL, format!("an earlier copy is still being removed from {cluster}"))
            }
            Some(HeldUp::OtherCopies) if self.placements.is_empty() => {
                let earlier = "copies of an earlier application of this name are still being removed";
                no(AWAITING_REMOVAL, format!("it must never run twice: {earlier}"))
            }
            Some(HeldUp::OtherCopies) => no(AWAITING_REMOVAL, format!("it must never run twice: {}", self.awaited())),
            Some(HeldUp::GivenUp) | None => self.applied_to(cluster),
        }
    }

    fn applied_to(&self, cluster: &str) -> Claim {
        let failing = self.target.and_then(|target| failure(target, condition::APPLIED));
        match (self.deployment(), failing) {
            (Deployment::Applied, _) => Claim::yes(condition::APPLIED, APPLIED, format!("applied to {cluster}")),
            (Deployment::Refused | Deployment::Applying, Some(failing)) => {
                Claim::no(condition::APPLIED, APPLY_FAILED, format!("{cluster}: {}", failing.message))
            }
            (Deployment::Refused | Deployment::Applying, None) => {
                Claim::no(condition::APPLIED, APPLYING, format!("being applied to {cluster}"))
            }
        }
    }

    /// The workloads that serve; before any do, those that are to.
    fn healthy(&self) -> Claim {
        let seen = self.serving.or(self.target);
        let known = seen.and_then(|placement| placement.status.as_ref());
        let Some(health) = known.and_then(|status| condition::find(&status.conditions, condition::HEALTHY)) else {
            return Claim::unknown(condition::HEALTHY, NOT_DEPLOYED, "nothing is deployed yet");
        };
        let message = health.message.clone();
        match health.status.as_str() {
            "True" => Claim::yes(condition::HEALTHY, HEALTHY, message),
            "False" => Claim::no(condition::HEALTHY, UNHEALTHY, message),
            _ => Claim::unknown(condition::HEALTHY, PROGRESSING, message),
        }
    }

    /// Usable now, as the spec says now. A move without a gap does not end it.
    fn ready(&self, applied: &Claim, healthy: &Claim) -> Claim {
        if let Some(refusal) = self.refusal() {
            return Claim::no(condition::READY, NOT_SCHEDULED, refusal.message.clone());
        }
        let serves = self.serving.is_some_and(|serving| self.is_current(serving) && copy::is_applied(serving));
        if serves && healthy.holds == Some(true) && !self.is_deleting() {
            return Claim::yes(condition::READY, RUNNING, healthy.message.clone());
        }
        let cause = if applied.holds == Some(true) { healthy } else { applied };
        Claim { type_: condition::READY, holds: Some(false), ..cause.clone() }
    }

    /// The scheduler's condition, when it says that there is no place.
    fn refusal(&self) -> Option<&Condition> {
        let refused = matches!(self.scheduling(), Scheduling::Retrying | Scheduling::GivenUp) && !self.is_deleting();
        condition::find(&self.status.conditions, condition::SCHEDULED).filter(|_| refused)
    }

    /// Whether nothing moves until somebody changes something.
    fn is_stuck(&self) -> bool {
        self.scheduling() == Scheduling::GivenUp || self.deployment() == Deployment::Refused
    }

    /// What the controllers are still at.
    fn work(&self, applied: &Claim) -> Option<Claim> {
        if self.withheld.is_some() {
            return Some(self.waiting(condition::RECONCILING));
        }
        let between = self.serving.zip(self.chosen);
        if let Some((serving, chosen)) = between.filter(|(serving, chosen)| serving.spec.cluster != **chosen) {
            let message = format!("moving from {} to {}; {}", serving.spec.cluster.name, chosen.name, applied.message);
            return Some(Claim::yes(condition::RECONCILING, MIGRATING, message));
        }
        (applied.holds != Some(true))
            .then(|| Claim::yes(condition::RECONCILING, applied.reason, applied.message.clone()))
    }

    /// Copies are to be removed, and what keeps them.
    fn waiting(&self, type_: &'static str) -> Claim {
        match self.withheld {
            Some(withheld) => Claim::yes(type_, withheld.reason, format!("{}: {}", self.awaited(), withheld.sentence)),
            None => Claim::yes(type_, AWAITING_REMOVAL, self.awaited()),
        }
    }

    /// The clusters from which something must be removed first.
    fn awaited(&self) -> String {
        let wanted = self.chosen;
        let awaited = self.placements.iter().filter(|one| self.is_deleting() || Some(&one.spec.cluster) != wanted);
        let clusters: Vec<_> = awaited
            .map(|placement| {
                let why = placement.status.as_ref();
                let why = why.and_then(|status| condition::find(&status.conditions, condition::DELETING));
                let name = &placement.spec.cluster.name;
                why.map_or_else(|| name.clone(), |why| format!("{name} ({})", why.message))
            })
            .collect();
        if clusters.is_empty() {
            return "nothing of it is left on any cluster".into();
        }
        format!("waiting for its removal from {}", clusters.join(", "))
    }
}

fn failure<'a>(placement: &'a Placement, type_: &str) -> Option<&'a Condition> {
    let status = placement.status.as_ref()?;
    condition::find(&status.conditions, type_)
        .filter(|it| it.status == "False" && it.observed_generation == placement.metadata.generation)
}

fn unavailable(target: Target, cluster: &str) -> String {
    match target {
        Target::Absent => format!("there is no cluster {cluster}"),
        Target::Foreign => {
            format!("{cluster} is a cluster of another namespace, and those are not open to applications")
        }
        Target::Leaving => format!("the cluster {cluster} is being deleted"),
        Target::Unprotected | Target::Open => format!("the cluster {cluster} is being prepared"),
    }
}
