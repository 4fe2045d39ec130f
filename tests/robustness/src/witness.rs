//! Looks all the time for what may never be, not even for a moment: `no_phantom_delete`.
//!
//! - Nothing that nobody gave up is marked for deletion, disappears, or is replaced by a namesake; on either side.
//! - Of an application that has run and was not given up, some target always has a Deployment with a ready replica, also
//!   while it moves.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    eyes::Eyes,
    history::History,
    thing::{Kind, Thing},
};

/// Short enough to meet most gaps, long enough to leave the machine to others.
const PAUSE: Duration = Duration::from_millis(120);

/// One of the two places in which things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// etcd, as REST shows it.
    Stored,
    /// The management cluster.
    Object,
}

/// Somebody who looks all the time.
pub struct Witness<'a> {
    eyes: &'a Eyes,
    history: &'a History,
    sides: &'a [Side],
    serving: BTreeSet<Thing>,
    stored: BTreeMap<Thing, Value>,
    objects: BTreeMap<Thing, Value>,
}

impl<'a> Witness<'a> {
    /// A witness who has seen nothing yet; looks at these sides, and at the targets.
    #[must_use]
    pub fn new(eyes: &'a Eyes, history: &'a History, sides: &'a [Side]) -> Self {
        let (serving, stored, objects) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { eyes, history, sides, serving, stored, objects }
    }

    /// Looks until something happens that may not.
    ///
    /// # Errors
    /// Always, with what happened.
    pub async fn watch(mut self) -> Result<()> {
        loop {
            self.look().await?;
            sleep(PAUSE).await;
        }
    }

    /// As [`Self::watch`], but leaves the targets to others.
    ///
    /// # Errors
    /// As [`Self::watch`].
    pub async fn watch_sides(mut self) -> Result<()> {
        loop {
            self.look_at_sides().await?;
            sleep(PAUSE).await;
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When something has happened that may not, or a side that must answer does not.
    pub async fn look(&mut self) -> Result<()> {
        self.look_at_targets().await?;
        self.look_at_sides().await
    }

    async fn look_at_targets(&mut self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for target in 1..=self.eyes.targets() {
            seen.extend(self.serving_on(target).await?);
        }
        for thing in self.serving.clone().difference(&seen) {
            if !self.history.is_given_up(thing) && !self.is_served_after_all(thing).await? {
                bail!("no_phantom_delete: no target serves {thing}, which nobody deleted");
            }
        }
        self.serving.extend(seen);
        self.serving.retain(|thing| !self.history.is_given_up(thing));
        Ok(())
    }

    async fn serving_on(&self, target: usize) -> Result<Vec<Thing>> {
        let deployments = self.eyes.deployments(target).await?;
        let serving = deployments.into_iter().filter(|piece| piece.replicas.is_some_and(|(_, ready)| ready > 0));
        Ok(serving.map(|piece| piece.application).collect())
    }

    /// The targets are looked at one after the other. What moved from a later one to an earlier one in between was not
    /// seen, and is there now.
    async fn is_served_after_all(&self, thing: &Thing) -> Result<bool> {
        for target in 1..=self.eyes.targets() {
            if self.serving_on(target).await?.contains(thing) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_at_sides(&mut self) -> Result<()> {
        for kind in Kind::ALL {
            if self.sides.contains(&Side::Object) {
                let objects = self.eyes.objects(kind, None).await?;
                self.compare(kind, Side::Object, &objects)?;
            }
            // A facade that is down shows nothing, wrong or right.
            if self.sides.contains(&Side::Stored)
                && let Ok(stored) = self.eyes.stored(kind, None).await
            {
                self.compare(kind, Side::Stored, &stored)?;
            }
        }
        Ok(())
    }

    /// Compares what one side shows with what it showed before.
    fn compare(&mut self, kind: Kind, side: Side, list: &[Value]) -> Result<()> {
        let (known, mark) = match side {
            Side::Object => (&mut self.objects, "deletionTimestamp"),
            Side::Stored => (&mut self.stored, "deleted"),
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut seen = BTreeMap::new();
        for object in list {
            let metadata = &object["metadata"];
            let thing = Thing { kind, namespace: text(&metadata["namespace"]), name: text(&metadata["name"]) };
            if !metadata[mark].is_null() && !self.history.is_given_up(&thing) {
                bail!("no_phantom_delete: {side:?} of {thing} is marked for deletion, which nobody asked for");
            }
            seen.insert(thing, metadata["uid"].clone());
        }
        known.retain(|thing, _| !self.history.is_given_up(thing));
        for (thing, uid) in known.iter().filter(|(thing, _)| thing.kind == kind) {
            let now = seen.get(thing);
            if now != Some(uid) {
                bail!("no_phantom_delete: {side:?} of {thing} was {uid} and is {now:?}, and nobody deleted it");
            }
        }
        known.extend(seen.into_iter().filter(|(thing, _)| !self.history.is_given_up(thing)));
        Ok(())
    }
}
