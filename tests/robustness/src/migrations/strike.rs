//! Kills the operator in the midst of migrations.

use std::{
    collections::BTreeMap,
    fmt::{Display, Formatter},
    sync::Mutex,
    time::Duration,
};

use anyhow::{Result, ensure};
use krake_testbed::eventually;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use super::{
    locked,
    scene::{Phase, Scene, phase},
};
use crate::{
    fault::{Moment, Victim, await_moment, free_leases},
    scenario::Place,
    thing::{Kind, Thing},
};

/// How long after an application has set out it may be hit: as long as a move takes on a busy machine.
const DEPTH: Duration = Duration::from_millis(2500);
/// The longest pause before a kill that does not wait for a departure.
const LONGEST_CALM: Duration = Duration::from_secs(4);
/// The longest time between a kill and the new start.
const LONGEST_DOWN: Duration = Duration::from_millis(1500);
/// More than so many attempts for each kill that counts mean that nothing moves.
const ATTEMPTS: usize = 10;
/// How long the truth about a moment may take to be read.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

const WHO: &str = "fault";

/// One kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Strike {
    moment: Moment,
    down: Duration,
}

/// The kills of a run; the same for the same seed.
fn strikes(seed: u64) -> impl Iterator<Item = Strike> {
    let mut dice = StdRng::seed_from_u64(seed);
    std::iter::repeat_with(move || Strike {
        moment: if dice.random() {
            Moment::InStep(dice.random_range(Duration::ZERO..DEPTH))
        } else {
            Moment::Anytime(dice.random_range(Duration::ZERO..LONGEST_CALM))
        },
        down: dice.random_range(Duration::ZERO..LONGEST_DOWN),
    })
}

/// What was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    /// Kills that hit a migration.
    pub(super) kills: usize,
    /// The migrations that they hit, by how far these were.
    pub(super) phases: BTreeMap<Phase, usize>,
}

impl Display for Hits {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} kills hit {} migrations", self.kills, self.phases.values().sum::<usize>())?;
        let phases: Vec<_> = self.phases.iter().map(|(phase, count)| format!("{phase:?} {count}")).collect();
        write!(formatter, " ({})", phases.join(", "))
    }
}

/// Kills and starts the operator again, until so many kills have hit a migration.
///
/// # Errors
/// When the operator does not come back, or nothing moves.
pub(super) async fn strike(
    place: Place<'_>,
    scene: &Mutex<Scene>,
    (namespace, seed, kills): (&str, u64, usize),
) -> Result<Hits> {
    let operator = &place.testbed.operator;
    let mut hits = Hits::default();
    let mut steps = place.history.steps();
    for strike in strikes(seed).take(kills.saturating_mul(ATTEMPTS)) {
        if hits.kills == kills {
            break;
        }
        await_moment(strike.moment, &mut steps).await;
        if locked(scene).under_way().is_empty() {
            continue;
        }
        ensure!(operator.process.id().is_some(), "the operator has ended by itself: {}", operator.process.log_tail());
        operator.process.kill();
        // Nobody writes any more: what is there now was there when it died.
        let struck = truth(place, scene, namespace).await?;
        hits.kills += usize::from(!struck.is_empty());
        place.history.note(WHO, format!("{} kill -9, down for {:?}: {struck:?}", hits.kills, strike.down));
        for (_, phase) in struck {
            *hits.phases.entry(phase).or_default() += 1;
        }
        free_leases(place.testbed, Victim::Operator).await?;
        sleep(strike.down).await;
        operator.process.start_again()?;
        place.history.note(WHO, "starts again");
    }
    ensure!(hits.kills == kills, "only {} kills of {kills} hit a migration", hits.kills);
    operator.ready().await?;
    Ok(hits)
}

/// The migrations that are under way, as the management cluster says it now.
async fn truth(place: Place<'_>, scene: &Mutex<Scene>, namespace: &str) -> Result<Vec<(Thing, Phase)>> {
    eventually("the management cluster says what moves", ANSWERED_WITHIN, async || {
        let applications = place.eyes.objects(Kind::Application, Some(namespace)).await?;
        let placements = place.eyes.placements(Some(namespace)).await?;
        let moving = applications.iter().filter_map(|application| {
            let name = application["metadata"]["name"].as_str().unwrap_or_default();
            let thing = Thing::application(namespace, name);
            let was_served = locked(scene).was_served(&thing);
            Some((thing, phase(application, &placements, was_served)?))
        });
        Ok(moving.collect())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_its_kills_and_another_one_does_not() {
        let plan = |seed| strikes(seed).take(20).collect::<Vec<_>>();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }
}
