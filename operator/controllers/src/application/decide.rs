//! Which Placements an application needs now, and which one serves it. Pure: nothing here reads or writes.

use std::sync::Arc;

use jiff::Timestamp;
use krake_crds::{
    finalizer,
    kubernetes::{
        Application, Placement, PlacementSpec,
        application::{DeletionPolicy, Migration, MigrationStrategy},
    },
    reference::ObjectReference,
};
use krake_operator_loops::{finalizers, moved_away};
use kube::ResourceExt;

use super::{
    copy, desired,
    observe::{Observed, Target},
    rollback::{Attempt, Course},
};

/// What is to be done, in this order, and what will hold afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The cluster that serves the application.
    pub(super) serving: Option<ObjectReference>,
    /// Why the copy that is wanted is not being made or changed.
    pub(super) held_up: Option<HeldUp>,
    /// What is recorded about moves that were given up.
    pub(super) migration: Option<Migration>,
    /// When the move that is under way is given up.
    pub(super) deadline: Option<Timestamp>,
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
        /// What must hold at that moment.
        proviso: Proviso,
    },
    /// Let the application go: nothing of it is left.
    Release,
}

/// What must hold when a copy is removed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Proviso {
    /// Nothing more than that it is the application's.
    None,
    /// This other copy can serve.
    Replaced(Arc<Placement>),
    /// It serves nobody.
    Idle,
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
    /// The move there was given up; the scheduler has not yet taken it back.
    GivenUp,
}

pub(super) fn decide(observed: &Observed, now: Timestamp) -> Plan {
    let application = &*observed.application;
    let mut plan =
        if application.metadata.deletion_timestamp.is_some() { farewell(observed) } else { course(observed, now) };
    let takeovers = takeovers(observed);
    if !takeovers.is_empty() {
        // What else is to be done, is to be done to copies that are ours.
        plan.steps = takeovers;
    }
    if needs_guard(observed, &plan.steps) {
        plan.steps.insert(0, Step::Guard);
    }
    plan
}

/// What follows from the scheduler's choice.
fn course(observed: &Observed, now: Timestamp) -> Plan {
    let status = observed.application.status.as_ref();
    let Some(wanted) = status.and_then(|status| status.scheduled_to.as_ref()) else {
        return Plan { held_up: Some(HeldUp::NotScheduled), ..resting(observed) };
    };
    let mut move_ =
        Move { observed, wanted, target: on(observed, wanted), serving: serving(observed), is_given_up: false };
    let (mut migration, mut deadline) = (move_.recorded().cloned(), None);
    match move_.attempt().map(|attempt| attempt.course(now)) {
        Some(Course::GivenUp(record)) => {
            move_.is_given_up = move_.is_served();
            // While nothing serves, it goes on until the scheduler finds another cluster.
            deadline = (!move_.is_given_up).then_some(record.not_before.0);
            migration = Some(record);
        }
        Some(Course::GoesOn(end)) => deadline = end,
        None => {}
    }
    let mut steps = move_.removals();
    let held_up = match move_.placing() {
        Ok(placing) => {
            steps.extend(placing);
            None
        }
        Err(why) => Some(why),
    };
    Plan { steps, serving: move_.serving_afterwards(), held_up, migration, deadline }
}

/// Whether nothing is to be done, and nothing is awaited but news.
pub(super) fn is_settled(observed: &Observed, plan: &Plan) -> bool {
    let is_single = observed.placements.len() <= 1;
    let is_staying = !observed.placements.iter().any(|placement| copy::is_leaving(placement));
    plan.steps.is_empty() && plan.held_up.is_none() && is_single && is_staying
}

/// A plan that changes nothing.
fn resting(observed: &Observed) -> Plan {
    let status = observed.application.status.as_ref();
    Plan {
        serving: serving(observed).map(|placement| placement.spec.cluster.clone()),
        migration: status.and_then(|status| status.migration.clone()),
        ..Plan::default()
    }
}

/// Makes those copies the application's own, and nobody else's, that are not: those that a lost namesake has left, and
/// those that Kubernetes' garbage collector would take for the application's property. What they ask for stays the same.
fn takeovers(observed: &Observed) -> Vec<Step> {
    let application = &*observed.application;
    let is_ours = |placement: &Placement| copy::belongs_to(placement, application) && !copy::is_owned(placement);
    // What nobody would remove in the end is not taken: an object in deletion cannot get a finalizer any more.
    if application.metadata.deletion_timestamp.is_some() && !is_guarded(application) {
        return Vec::new();
    }
    let foreign = observed.placements.iter().filter(|placement| !copy::is_leaving(placement) && !is_ours(placement));
    let take = |placement: &Arc<Placement>| Step::Place {
        spec: Box::new(placement.spec.clone()),
        over: Some(placement.clone()),
    };
    foreign.map(take).collect()
}

/// Whether the finalizer is missing although there is, or is about to be, something to remove. Somebody may have taken it
/// off.
fn needs_guard(observed: &Observed, steps: &[Step]) -> bool {
    let application = &*observed.application;
    let has_copies = !observed.placements.is_empty() || steps.iter().any(|step| matches!(step, Step::Place { .. }));
    has_copies && application.metadata.deletion_timestamp.is_none() && !is_guarded(application)
}

fn is_guarded(application: &Application) -> bool {
    finalizers::holds(application, finalizer::KUBERNETES_RESOURCES)
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

/// The copy that status says is serving; when that one is gone or about to go, another one that is ready to.
fn serving(observed: &Observed) -> Option<&Arc<Placement>> {
    let said = running_on(observed).and_then(|cluster| on(observed, cluster));
    if said.is_some_and(|said| !copy::is_leaving(said)) {
        return said;
    }
    let is_own = |placement: &&Arc<Placement>| copy::belongs_to(placement, &observed.application);
    observed.placements.iter().filter(is_own).find(|placement| can_serve(observed, placement)).or(said)
}

/// The cluster that status says is serving.
fn running_on(observed: &Observed) -> Option<&ObjectReference> {
    observed.application.status.as_ref()?.running_on.as_ref()
}

/// Whether a copy is ready, and its cluster still there to say so.
fn can_serve(observed: &Observed, placement: &Placement) -> bool {
    copy::is_ready(placement) && !observed.silent.contains(&placement.spec.cluster)
}

/// Whether nobody wants to wait until the copies of this application, which is in deletion, are gone.
pub(super) fn is_forced(application: &Application) -> bool {
    application.annotations().get(finalizer::FORCED).is_some_and(|forced| forced == "true")
}

/// The end: every copy is marked, and the application stays until none is left, or, if it is forced, until all of them
/// are marked. They learn before what is to become of what was deployed.
fn farewell(observed: &Observed) -> Plan {
    let application = &*observed.application;
    // What depends on it goes first: the garbage collector takes its finalizer off when that is done.
    if finalizers::holds(application, finalizer::CASCADE) && !is_forced(application) {
        return resting(observed);
    }
    let policy = application.spec.deletion_policy;
    let mut steps = Vec::new();
    let is_meant =
        |placement: &&Arc<Placement>| copy::belongs_to(placement, application) && !copy::is_leaving(placement);
    for placement in observed.placements.iter().filter(is_meant) {
        steps.extend(removal(placement, policy, Proviso::None));
    }
    let is_awaited = !observed.placements.is_empty() && !is_forced(application);
    if !is_awaited && is_guarded(application) {
        steps.push(Step::Release);
    }
    Plan { steps, ..resting(observed) }
}

/// Marks a copy, after telling it what is to become of what was deployed: it may outlive its application.
fn removal(placement: &Arc<Placement>, policy: DeletionPolicy, proviso: Proviso) -> Vec<Step> {
    let told = (placement.spec.deletion_policy != policy).then(|| Step::Place {
        spec: Box::new(PlacementSpec { deletion_policy: policy, ..placement.spec.clone() }),
        over: Some(placement.clone()),
    });
    told.into_iter().chain([Step::Remove { placement: placement.clone(), proviso }]).collect()
}

/// An application between the cluster that serves it and the one it was scheduled to. They may be the same.
struct Move<'a> {
    observed: &'a Observed,
    wanted: &'a ObjectReference,
    target: Option<&'a Arc<Placement>>,
    serving: Option<&'a Arc<Placement>>,
    is_given_up: bool,
}

impl<'a> Move<'a> {
    /// A first copy serves once it has come to rest; one that replaces another must be ready to.
    fn serving_afterwards(&self) -> Option<ObjectReference> {
        let takes_over = match (self.serving, self.target) {
            (_, None) => false,
            (None, Some(target)) => copy::has_settled(target) && !copy::is_leaving(target),
            (Some(_), Some(target)) => can_serve(self.observed, target),
        };
        let serving = if takes_over { self.target } else { self.serving };
        serving.map(|placement| placement.spec.cluster.clone())
    }

    /// What is recorded about moves that were given up, as far as it still matters: a new version may do better, and a
    /// cluster that serves has done so.
    fn recorded(&self) -> Option<&'a Migration> {
        let application = &*self.observed.application;
        let status = application.status.as_ref()?;
        let is_same =
            status.observed_generation.is_none() || status.observed_generation == application.metadata.generation;
        let recorded = status.migration.as_ref().filter(|_| is_same)?;
        (self.serving_afterwards().as_ref() != Some(&recorded.avoided)).then_some(recorded)
    }

    /// Whether a copy serves that is not the one that is wanted.
    fn is_served(&self) -> bool {
        self.serving.is_some_and(|serving| !self.is_target(serving) && can_serve(self.observed, serving))
    }

    /// Whether the copy that is wanted is there, and no other counts: none is left, its cluster is lost, or it fails on a
    /// cluster whose nodes are not well. One that fails on a cluster that is well may do so everywhere: the application would
    /// wander through the fleet for ever.
    fn is_alone(&self) -> bool {
        let Observed { silent, unwell, .. } = self.observed;
        let counts = |serving: &Arc<Placement>| {
            let place = &serving.spec.cluster;
            !silent.contains(place) && (copy::is_ready(serving) || !unwell.contains(place))
        };
        self.target.is_some_and(|target| !copy::is_leaving(target)) && !self.serving.is_some_and(counts)
    }

    /// The move that can be given up, or, while nothing serves, for which another cluster is sought: one whose new copy
    /// cannot serve yet.
    fn attempt(&self) -> Option<Attempt<'a>> {
        if self.serving_afterwards().as_ref() == Some(self.wanted) || !(self.is_served() || self.is_alone()) {
            return None;
        }
        let status = self.observed.application.status.as_ref()?;
        Some(Attempt {
            to: self.wanted,
            // A new version begins anew.
            since: status.scheduled_at.as_ref().max(status.triggered_at.as_ref()).map(|at| at.0),
            deadline: self.observed.progress_deadline,
            is_refused: self
                .target
                .is_some_and(|target| copy::is_refused(target) && self.placing().is_ok_and(|steps| steps.is_empty())),
            recorded: self.recorded(),
        })
    }

    /// The copies that are to be removed now.
    fn removals(&self) -> Vec<Step> {
        let removable = |placement: &&Arc<Placement>| !self.is_target(placement) && !copy::is_leaving(placement);
        let others = self.observed.placements.iter().filter(removable);
        let remove =
            |(placement, proviso): (&Arc<Placement>, _)| Step::Remove { placement: placement.clone(), proviso };
        match self.observed.application.spec.migration_strategy {
            MigrationStrategy::Recreate => {
                let others = others.filter(|_| self.may_make_room());
                others.map(|placement| remove((placement, Proviso::None))).collect()
            }
            MigrationStrategy::MakeBeforeBreak => {
                others.filter_map(|placement| Some((placement, self.dispensable(placement)?))).map(remove).collect()
            }
        }
    }

    fn is_target(&self, placement: &Placement) -> bool {
        &placement.spec.cluster == self.wanted
    }

    /// Why nobody would miss this copy, if that is so.
    fn dispensable(&self, placement: &Placement) -> Option<Proviso> {
        if let Some(replacement) = self.replacement_of(placement) {
            return Some(Proviso::Replaced(replacement.clone()));
        }
        let is_serving = self.serving.is_some_and(|serving| serving.spec.cluster == placement.spec.cluster);
        let is_silent = self.observed.silent.contains(&placement.spec.cluster);
        (!is_serving && !is_silent && copy::is_idle(placement)).then_some(Proviso::Idle)
    }

    /// The copy that serves instead of this one. Status must say so already: a crash between the switch and the removal
    /// must not leave the application without a copy that anybody knows to be serving.
    fn replacement_of(&self, placement: &Placement) -> Option<&Arc<Placement>> {
        let serving = self.serving.filter(|serving| running_on(self.observed) == Some(&serving.spec.cluster))?;
        let is_another = serving.spec.cluster != placement.spec.cluster;
        (is_another && can_serve(self.observed, serving)).then_some(serving)
    }

    /// `Recreate`: nothing is removed before it is certain that the new copy can be made.
    fn may_make_room(&self) -> bool {
        let can_be_made = self.target.is_some() || self.observed.target == Target::Open;
        can_be_made && is_approved(&self.observed.application) && !self.is_given_up
    }

    /// What makes or changes the copy that is wanted; nothing if it is as it should be.
    fn placing(&self) -> Result<Vec<Step>, HeldUp> {
        let application = &*self.observed.application;
        if self.is_given_up {
            return Err(HeldUp::GivenUp);
        }
        if self.observed.target == Target::Foreign {
            return Err(HeldUp::Target(Target::Foreign));
        }
        if !is_approved(application) {
            return Err(HeldUp::NotApproved);
        }
        let strangers = || self.observed.strangers.iter().any(|stranger| self.is_target(stranger));
        if self.target.is_some_and(|target| copy::is_leaving(target)) || strangers() {
            return Err(HeldUp::EarlierCopy);
        }
        let spec = desired::spec(application, self.wanted);
        // A mark of a removal that was not carried out is taken off.
        if self.target.is_some_and(|target| target.spec == spec && !moved_away::is_marked(target)) {
            return Ok(Vec::new());
        }
        if self.target.is_none() {
            self.may_make()?;
        }
        Ok(vec![Step::Place { spec: Box::new(spec), over: self.target.cloned() }])
    }

    fn may_make(&self) -> Result<(), HeldUp> {
        if self.observed.target != Target::Open {
            return Err(HeldUp::Target(self.observed.target));
        }
        let recreates = self.observed.application.spec.migration_strategy == MigrationStrategy::Recreate;
        let has_others = || self.observed.placements.iter().any(|placement| !self.is_target(placement));
        if recreates && (has_others() || !self.observed.strangers.is_empty()) {
            return Err(HeldUp::OtherCopies);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
