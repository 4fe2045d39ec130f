//! The same scheduling problem for Krake and for an original Krake, one after the other, both through REST.
//!
//! ```text
//!           ┌─▶ facade ──▶ management cluster ──▶ operator: decides, and deploys to hollow targets
//! problem ──┤
//!           └─▶ the original's API ──▶ its scheduler: decides
//! ```
//!
//! Both get the same bodies from the same client, which creates another application whenever a watch has told of a
//! decision; so the way of an application in and of a decision out is in the figure. Ours works as a whole: it has the
//! fleet of the other figures to look after, and deploys what it has placed. The original does nothing but decide. Its
//! scheduler never looks into a kubeconfig but wants clusters that are ONLINE, so we say that they are, as its cluster
//! controller would; that one, and its application controller, shall be off.

mod problem;
mod side;
mod window;

use std::num::NonZeroUsize;

use anyhow::{Context, Result, anyhow};
use krake_testbed::{binaries, scratch::Scratch};
use url::Url;

use super::{Run, writes};
use crate::{
    figure::{Figure, Sheet, number},
    hollow::Hollow,
};
use problem::{Creation, Problem};
use side::Side;
use window::{Load, Outcome};

/// How many applications wait for a decision at the same time: enough for both to be busy all the time.
const WAITING: usize = 32;

/// What is asked for to see that somebody decides.
const REHEARSAL: Load = Load { waiting: 1, decisions: 1 };

/// What to compare with.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The REST API of an original Krake that has nothing else to do.
    pub url: Url,
    /// How many decisions are counted.
    pub applications: NonZeroUsize,
}

/// An original Krake that answers.
pub(super) struct Original {
    side: Side,
    load: Load,
}

impl Original {
    /// Sees to it that the comparison will be possible, before the long part of the run: our facade is built, and the
    /// original decides on an application. It is left as empty as it was.
    pub(super) async fn prepare(comparison: &Comparison, sheet: &Sheet) -> Result<Self> {
        let side = Side::new(format!("the original Krake at {}", comparison.url), comparison.url.as_str())?;
        let load = Load { waiting: WAITING, decisions: comparison.applications.get() };
        let original = Self { side, load };
        original.side.greet().await.context("--compare wants the API of an original Krake whose scheduler runs")?;
        binaries::build(&[binaries::API_FACADE]).await?;
        original.side.clear().await?;
        let rehearsal = async {
            let targets = Targets::start().await?;
            original.solve(&targets, REHEARSAL, sheet).await
        };
        let rehearsal = original.then_clear(rehearsal, sheet);
        sheet.progress().step("original Krake places an application", rehearsal).await?;
        Ok(original)
    }

    /// Prints how many decisions a second each of the two makes. Whatever comes of it, nothing is left at the original.
    pub(super) async fn measure(&self, run: &Run<'_>, sheet: &Sheet) -> Result<()> {
        let targets = Targets::start().await?;
        let both = async {
            let ours = ours(run, &targets, self.load, sheet).await?;
            let theirs = self.solve(&targets, self.load, sheet).await?;
            anyhow::Ok([ours, theirs])
        };
        let outcomes = self.then_clear(both, sheet).await?;
        let what = format!("scheduling {} applications through REST", self.load.decisions);
        let [ours, theirs] = outcomes.map(|outcome| number(self.load.decisions) / outcome.took.as_secs_f64());
        let figure = Figure::new(&what, ours, "decisions/s");
        sheet.print(&figure.compared("of the original Krake", theirs));
        let [ours, theirs] = outcomes.map(|outcome| number(outcome.touched));
        let figure = Figure::new(what + ", overlooked until touched", ours, "applications");
        sheet.print(&figure.compared("at the original Krake", theirs));
        Ok(())
    }

    /// The original's turn.
    async fn solve(&self, targets: &Targets, load: Load, sheet: &Sheet) -> Result<Outcome> {
        self.side.create_all(targets.ground()).await?;
        self.side.declare_online().await?;
        self.side.place(&targets.problem, load, sheet).await
    }

    /// Does some work, and removes from the original what came of it, also when the work fails or is interrupted.
    async fn then_clear<T>(&self, work: impl Future<Output = Result<T>>, sheet: &Sheet) -> Result<T> {
        let outcome = tokio::select! {
            outcome = work => outcome,
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        };
        let cleared = self.side.clear().await;
        if let (Err(_), Err(error)) = (&outcome, &cleared) {
            sheet.progress().say(&format!("    … something is left: {error:#}"));
        }
        let done = outcome?;
        cleared.map(|()| done)
    }
}

/// The problem with hollow targets of its own, so that nothing of the fleet is in the way.
struct Targets {
    problem: Problem,
    hollow: Hollow,
    // Last, so that the folder goes after the server that reads from it.
    _scratch: Scratch,
}

impl Targets {
    async fn start() -> Result<Self> {
        let (problem, scratch) = (Problem::default(), Scratch::new()?);
        let hollow = Hollow::start(problem.clusters(), scratch.path()).await?;
        Ok(Self { problem, hollow, _scratch: scratch })
    }

    fn ground(&self) -> Vec<Creation> {
        self.problem.ground(|number| self.hollow.kubeconfig(number))
    }
}

/// Our turn, through a facade that has taken over the fleet before.
async fn ours(run: &Run<'_>, targets: &Targets, load: Load, sheet: &Sheet) -> Result<Outcome> {
    let facade = sheet.progress().step("REST facade", run.fleet.start_facade("api-facade")).await?;
    quiet(run, sheet).await?;
    let side = Side::new("our facade", facade.url())?;
    side.create_all(targets.ground()).await?;
    side.online().await?;
    let outcome = side.place(&targets.problem, load, sheet).await?;
    // Also what follows from the decisions is done before the original has its turn.
    quiet(run, sheet).await?;
    Ok(outcome)
}

async fn quiet(run: &Run<'_>, sheet: &Sheet) -> Result<()> {
    for etcd in [&run.fleet.etcd, &run.fleet.management.etcd] {
        writes::quiet(etcd, run.scale.patience(), sheet).await.context("wait until the system is quiet")?;
    }
    Ok(())
}
