//! Which Placements an application needs now, and which one serves it. Pure: nothing here reads or writes.

use std::sync::Arc;

use krake_crds::{
    finalizer,
    kubernetes::{Application, Placement, PlacementSpec, application::MigrationStrategy},
    reference::ObjectReference,
};

use super::{
    copy, desired,
    observe::{Observed, Target},
};
use crate::finalizers;

/// What is to be done, in this order, and what will hold afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The cluster that serves the application.
    pub(super) serving: Option<ObjectReference>,
    /// Why the copy that is wanted is not being made or changed.
    pub(super) held_up: Option<HeldUp>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Guard the application's deletion, before anything exists that it would have to remove.
    Guard,
    /// Make or change a copy.
    Place {
        /// What it shall ask for.
        spec: Box<PlacementSpec>,
        /// The copy that is there already.
        over: Option<Arc<Placement>>,
    },
    /// Mark a copy for deletion.
    Remove {
        /// The copy.
        placement: Arc<Placement>,
        /// Only if this other copy can serve at that moment.
        replaced_by: Option<Arc<Placement>>,
    },
    /// Let the application go: nothing of it is left.
    Release,
}

/// Why the copy that is wanted is not being made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldUp {
    /// The scheduler has not chosen a cluster.
    NotScheduled,
    /// The scheduler has not yet approved this generation of the spec.
    NotApproved,
    /// The cluster cannot take a new copy.
    Target(Target),
    /// An earlier copy on the same cluster is still being removed.
    EarlierCopy,
    /// `Recreate`: the other copies must be gone first.
    OtherCopies,
}

pub(super) fn decide(observed: &Observed) -> Plan {
    let application = &*observed.application;
    if application.metadata.deletion_timestamp.is_some() {
        return farewell(observed);
    }
    let status = application.status.as_ref();
    let Some(wanted) = status.and_then(|status| status.scheduled_to.as_ref()) else {
        let serving = serving(observed).map(|placement| placement.spec.cluster.clone());
        return Plan { steps: Vec::new(), serving, held_up: Some(HeldUp::NotScheduled) };
    };
    let move_ = Move { observed, wanted, target: on(observed, wanted), serving: serving(observed) };
    let mut steps = move_.removals();
    let held_up = match move_.placing() {
        Ok(placing) => {
            steps.extend(placing);
            None
        }
        Err(why) => Some(why),
    };
    Plan { steps, serving: move_.serving_afterwards(), held_up }
}

/// Whether nothing is to be done, and nothing is awaited but news.
pub(super) fn is_settled(observed: &Observed, plan: &Plan) -> bool {
    plan.steps.is_empty() && plan.held_up.is_none() && !observed.placements.iter().any(|one| copy::is_leaving(one))
}

/// Whether the scheduler has approved what the spec says now.
fn is_approved(application: &Application) -> bool {
    let approved = application.status.as_ref().and_then(|status| status.scheduled_generation);
    approved.is_some() && approved == application.metadata.generation
}

/// The application's own copy on this cluster.
fn on<'a>(observed: &'a Observed, cluster: &ObjectReference) -> Option<&'a Arc<Placement>> {
    observed.placements.iter().find(|placement| &placement.spec.cluster == cluster)
}

/// The copy that status says is serving, if it exists.
fn serving(observed: &Observed) -> Option<&Arc<Placement>> {
    on(observed, observed.application.status.as_ref()?.running_on.as_ref()?)
}

/// The end: every copy is marked, and the application stays until none is left.
fn farewell(observed: &Observed) -> Plan {
    let staying = observed.placements.iter().filter(|placement| !copy::is_leaving(placement));
    let mut steps: Vec<_> =
        staying.map(|placement| Step::Remove { placement: placement.clone(), replaced_by: None }).collect();
    if observed.placements.is_empty() && finalizers::holds(&*observed.application, finalizer::KUBERNETES_RESOURCES) {
        steps.push(Step::Release);
    }
    Plan { steps, serving: serving(observed).map(|placement| placement.spec.cluster.clone()), held_up: None }
}

/// An application between the cluster that serves it and the one it was scheduled to. They may be the same.
struct Move<'a> {
    observed: &'a Observed,
    wanted: &'a ObjectReference,
    target: Option<&'a Arc<Placement>>,
    serving: Option<&'a Arc<Placement>>,
}

impl Move<'_> {
    /// A first copy serves once it has come to rest; one that replaces another must be ready to.
    fn serving_afterwards(&self) -> Option<ObjectReference> {
        let takes_over = match (self.serving, self.target) {
            (_, None) => false,
            (None, Some(target)) => copy::has_settled(target) && !copy::is_leaving(target),
            (Some(_), Some(target)) => copy::is_ready(target),
        };
        let serving = if takes_over { self.target } else { self.serving };
        serving.map(|placement| placement.spec.cluster.clone())
    }

    /// The copies that are to be removed now.
    fn removals(&self) -> Vec<Step> {
        let removable = |placement: &&Arc<Placement>| !self.is_target(placement) && !copy::is_leaving(placement);
        let others = self.observed.placements.iter().filter(removable);
        match self.observed.application.spec.migration_strategy {
            MigrationStrategy::Recreate => others
                .filter(|_| self.may_make_room())
                .map(|placement| Step::Remove { placement: placement.clone(), replaced_by: None })
                .collect(),
            MigrationStrategy::MakeBeforeBreak => others
                .filter_map(|placement| {
                    let replaced_by = self.replacement_of(placement)?.clone();
                    Some(Step::Remove { placement: placement.clone(), replaced_by: Some(replaced_by) })
                })
                .collect(),
        }
    }

    fn is_target(&self, placement: &Placement) -> bool {
        &placement.spec.cluster == self.wanted
    }

    /// The copy that serves instead of this one. Status must say so already: a crash between the switch and the removal
    /// must not leave the application without a copy that anybody knows to be serving.
    fn replacement_of(&self, placement: &Placement) -> Option<&Arc<Placement>> {
        self.serving.filter(|serving| serving.spec.cluster != placement.spec.cluster && copy::is_ready(serving))
    }

    /// `Recreate`: nothing is removed before it is certain that the new copy can be made.
    fn may_make_room(&self) -> bool {
        is_approved(&self.observed.application) && (self.target.is_some() || self.observed.target == Target::Open)
    }

    /// What makes or changes the copy that is wanted; nothing if it is as it should be.
    fn placing(&self) -> Result<Vec<Step>, HeldUp> {
        let application = &*self.observed.application;
        if !is_approved(application) {
            return Err(HeldUp::NotApproved);
        }
        let strangers = || self.observed.strangers.iter().any(|stranger| self.is_target(stranger));
        if self.target.is_some_and(|target| copy::is_leaving(target)) || strangers() {
            return Err(HeldUp::EarlierCopy);
        }
        let spec = desired::spec(application, self.wanted);
        if self.target.is_some_and(|target| target.spec == spec) {
            return Ok(Vec::new());
        }
        if self.target.is_none() {
            self.may_make()?;
        }
        let guarded = finalizers::holds(application, finalizer::KUBERNETES_RESOURCES);
        let place = Step::Place { spec: Box::new(spec), over: self.target.cloned() };
        Ok((!guarded).then_some(Step::Guard).into_iter().chain([place]).collect())
    }

    fn may_make(&self) -> Result<(), HeldUp> {
        if self.observed.target != Target::Open {
            return Err(HeldUp::Target(self.observed.target));
        }
        let recreates = self.observed.application.spec.migration_strategy == MigrationStrategy::Recreate;
        if recreates && self.observed.placements.iter().any(|placement| !self.is_target(placement)) {
            return Err(HeldUp::OtherCopies);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
