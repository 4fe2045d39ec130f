//! Carries out a plan, step by step, and stops at the first that fails; one that is withheld does not keep the rest.

use std::sync::Arc;

use krake_crds::{
    finalizer,
    kubernetes::{Application, Placement, PlacementSpec},
};
use krake_operator_loops::{context::Context, finalizers, labels, moved_away, safety};
use kube::{
    ResourceExt,
    api::{ListParams, Patch, PatchParams},
};

use super::{
    Error, MANAGER, copy,
    decide::{self, Plan, Proviso, Step},
    desired,
    observe::Observed,
};

/// What is there after the steps that were taken.
pub(super) struct Done {
    /// The application as last written or seen.
    pub(super) application: Arc<Application>,
    /// Its Placements as last written or seen.
    pub(super) placements: Vec<Arc<Placement>>,
    /// Whether the application was let go, so that nothing more may be written to it.
    pub(super) released: bool,
    /// Whether every step was taken; if not, the first reason.
    pub(super) result: Result<(), Error>,
}

pub(super) async fn act(observed: &Observed, plan: &Plan, context: &Context) -> Done {
    let mut done = Done {
        application: observed.application.clone(),
        placements: observed.placements.clone(),
        released: false,
        result: Ok(()),
    };
    for step in &plan.steps {
        let taken = done.take(step, context).await;
        let is_over = taken.as_ref().is_err_and(|error| error.withheld().is_none());
        done.result = done.result.and(taken);
        if is_over {
            break;
        }
    }
    done
}

impl Done {
    async fn take(&mut self, step: &Step, context: &Context) -> Result<(), Error> {
        match step {
            Step::Guard => self.guard(context).await,
            Step::Place { spec, over } => self.place(spec, over.as_deref(), context).await,
            Step::Remove { placement, proviso } => self.remove(placement, proviso, context).await,
            Step::Release => self.release(context).await,
        }
    }

    async fn guard(&mut self, context: &Context) -> Result<(), Error> {
        let api = context.api_of(&*self.application);
        let guarded = finalizers::ensure(&api, &self.application, finalizer::KUBERNETES_RESOURCES).await;
        if let Some(guarded) = guarded.map_err(Error::Finalizer)? {
            self.application = Arc::new(guarded);
        }
        Ok(())
    }

    async fn place(&mut self, spec: &PlacementSpec, over: Option<&Placement>, context: &Context) -> Result<(), Error> {
        if over.is_some_and(|over| !copy::belongs_to(over, &self.application)) {
            // Whose it becomes is decided by which application is there.
            self.expect_unchanged(context).await?;
        }
        let object = desired::object(&self.application, spec, over);
        let name = desired::name(&spec.application, &spec.cluster);
        let api = context.api::<Placement>(&self.application.namespace().unwrap_or_default());
        let applied = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await;
        let placed = applied.map_err(|error| Error::Place(spec.cluster.name.clone(), error))?;
        // It was to be removed, and is wanted again.
        let unmarked = moved_away::mark(&api, &placed, false).await;
        unmarked.map_err(|error| Error::Place(spec.cluster.name.clone(), error))?;
        tracing::info!(placement = name, generation = spec.application_generation, "placed on {}", spec.cluster.name);
        self.placements.retain(|before| before.name_any() != name);
        self.placements.push(Arc::new(placed));
        Ok(())
    }

    async fn remove(&self, placement: &Placement, proviso: &Proviso, context: &Context) -> Result<(), Error> {
        let cluster = || placement.spec.cluster.name.clone();
        if !context.is_current() {
            return Err(Error::Remove(cluster(), safety::Error::NotCurrent));
        }
        self.expect_unchanged(context).await?;
        if let Proviso::Replaced(replacement) = proviso {
            expect_ready(replacement, context).await?;
        }
        let still_due = |now: &Placement| {
            copy::belongs_to(now, &self.application) && (*proviso != Proviso::Idle || copy::is_idle(now))
        };
        // A mark that was left by a deletion that failed is taken off when the application goes.
        let is_moved_away = self.application.metadata.deletion_timestamp.is_none();
        let removed = safety::delete_copy(context, placement, is_moved_away, still_due).await;
        let removed = removed.map_err(|error| Error::Remove(cluster(), error))?;
        tracing::info!(placement = placement.name_any(), ?removed, "removing from {}", cluster());
        Ok(())
    }

    /// A decision to remove was made from a cache; it holds only if the application still says the same.
    async fn expect_unchanged(&self, context: &Context) -> Result<(), Error> {
        let api = context.api_of(&*self.application);
        let now = api.get_metadata_opt(&self.application.name_any()).await;
        let now = now.map_err(|error| Error::Read("the application", error))?;
        match now {
            Some(now) if now.metadata.resource_version == self.application.metadata.resource_version => Ok(()),
            _ => Err(Error::Changed("the application")),
        }
    }

    /// The cache may not know yet of a copy that was made a moment ago: the API server is asked. Of an application that
    /// is forced, copies that are on their way out may be left.
    async fn release(&mut self, context: &Context) -> Result<(), Error> {
        let namespace = self.application.namespace().unwrap_or_default();
        let selector = format!("{}={}", labels::APPLICATION_UID, self.application.uid().unwrap_or_default());
        let copies = context.api::<Placement>(&namespace).list_metadata(&ListParams::default().labels(&selector)).await;
        let copies = copies.map_err(|error| Error::Read("the Placements", error))?.items;
        let may_be_left = decide::is_forced(&self.application);
        if copies.iter().any(|one| !may_be_left || one.metadata.deletion_timestamp.is_none()) {
            return Err(Error::Changed("the list of Placements"));
        }
        let api = context.api_of(&*self.application);
        let released = finalizers::remove(&api, &self.application, finalizer::KUBERNETES_RESOURCES).await;
        released.map_err(Error::Finalizer)?;
        self.released = true;
        Ok(())
    }
}

async fn expect_ready(replacement: &Placement, context: &Context) -> Result<(), Error> {
    let now = context.api_of(replacement).get_opt(&replacement.name_any()).await;
    match now.map_err(|error| Error::Read("the Placement", error))? {
        Some(now) if now.uid() == replacement.uid() && copy::is_ready(&now) => Ok(()),
        _ => Err(Error::Changed("the Placement that serves")),
    }
}
