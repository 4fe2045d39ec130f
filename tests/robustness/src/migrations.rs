//! One run: applications that migrate all the time, an operator that is killed in the midst of it, a witness, and what
//! must hold all the time and in the end.
//!
//! ```text
//! play ───▶ metrics that change places ──▶ applications move back and forth, some of them never on two clusters
//! strike ─▶ kill -9 while one of them moves, and a new start
//! watch ──▶ scene: everything that changes on the targets and in the management cluster, as it happens
//! ```
//!
//! - `single_home`: in the end every application is on one target, and its status says so. One that must not run twice
//!   never does, not even for a moment.
//! - `no_orphans`: in the end nothing of it is anywhere else.
//! - `no_phantom_delete`: nothing is removed from a target before it is replaced, and nobody is without a copy that serves.

mod play;
mod scene;
mod strike;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail, ensure};
use krake_testbed::{Testbed, eventually, progress::Progress};
use rand::{SeedableRng, rngs::StdRng};

use self::{
    play::{CLUSTERS, Play},
    scene::Scene,
    watch::Watch,
};
use crate::{
    eyes::Eyes,
    history::History,
    run::{Options, leaks, list, quiet, tell},
    scenario::Place,
    traffic::PATIENCE,
    witness::{Side, Witness},
};

/// Runs; the seed is shown at once, and in the end what was hit. Whom `options` names as victim does not matter: it is the
/// operator.
///
/// # Errors
/// The broken guarantee, with the seed and everything that was done.
pub async fn run(testbed: &Testbed, options: &Options) -> Result<()> {
    tell(testbed, options, async |history| Box::pin(attempt(testbed, options, history)).await).await
}

async fn attempt(testbed: &Testbed, options: &Options, history: &History) -> Result<()> {
    let (eyes, facade) = (Eyes::open(testbed).await?, tokio::sync::Mutex::new(()));
    let place = Place { testbed, eyes: &eyes, history, facade: &facade };
    let play = Play::new(place)?;
    let namespace = play.namespace();
    let scene = Mutex::new(Scene::new(namespace, &CLUSTERS));
    let watch = Watch { eyes: &eyes, history, scene: &scene, namespace };
    let sides = Witness::new(&eyes, history, &[Side::Stored, Side::Object]);
    tokio::select! {
        ended = watch.watch() => ended,
        ended = sides.watch_sides() => ended,
        ended = act(place, &play, &scene, options) => ended,
    }?;
    let breaches = leaks(place).await?;
    ensure!(breaches.is_empty(), "{}", list(&breaches));
    Ok(())
}

/// Everything from the first cluster to the last.
async fn act(place: Place<'_>, play: &Play<'_>, scene: &Mutex<Scene>, options: &Options) -> Result<()> {
    let namespace = play.namespace();
    place.history.step("play", "let applications run");
    play.open().await?;
    quiet(place.eyes, namespace, &play.prefer(0).await?).await?;

    place.history.step("play", "let them move while the operator is killed");
    let mut dice = StdRng::seed_from_u64(options.seed.wrapping_add(1));
    let hits = tokio::select! {
        flipped = play.flip(&mut dice) => bail!("the metrics no longer change: {flipped:?}"),
        hits = strike::strike(place, scene, (namespace, options.seed, options.kills)) => hits?,
    };

    place.history.step("play", "let them come to rest");
    quiet(place.eyes, namespace, &play.prefer(0).await?).await?;
    nothing_beside(scene, Some(1)).await?;

    place.history.step("play", "delete everything");
    quiet(place.eyes, namespace, &play.clear().await?).await?;
    nothing_beside(scene, None).await?;
    let tally = locked(scene).tally();
    let (applications, moves, removed) = (play.applications().count(), tally.moves, tally.removed);
    Progress::Shown.say(&format!(
        "{hits}; {applications} applications arrived {moves} times, and {removed} objects were removed, each after it was \
         replaced; KRAKE_SEED={}",
        options.seed
    ));
    Ok(())
}

/// `no_orphans`, with the pods, which go a moment after what they belong to.
async fn nothing_beside(scene: &Mutex<Scene>, home: Option<usize>) -> Result<()> {
    eventually("nothing is left on other targets", PATIENCE, async || {
        let left = locked(scene).left_beside(home);
        ensure!(left.is_empty(), "no_orphans: {left:?}");
        Ok(())
    })
    .await
}

fn locked(scene: &Mutex<Scene>) -> MutexGuard<'_, Scene> {
    scene.lock().unwrap_or_else(PoisonError::into_inner)
}
