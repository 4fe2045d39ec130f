//! What the watches have shown so far, and what of it may not be. Pure.
//!
//! The watches of several servers do not come in the order in which things happened. So what seems wrong is only a
//! [`Suspicion`], until a fresh look confirms it.

mod phase;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::Value;

pub(super) use self::phase::{Phase, phase};
use crate::{eyes::application_of, thing::Thing};

/// Where a watch looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// At the applications of the management cluster.
    Applications,
    /// At its placements.
    Placements,
    /// At objects of this kind on this target.
    Target(usize, &'static str),
}

/// What a watch says about one object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Who says it.
    pub(super) source: Source,
    /// The object; when it is gone, as it was last.
    pub(super) object: Value,
    /// Whether it is gone.
    pub(super) is_gone: bool,
    /// When it was said.
    pub(super) at: Instant,
}

/// So long after a choice was taken back, what was decided by it may still be done.
const DECIDED_WITHIN: Duration = Duration::from_secs(1);

/// What may not be, if a fresh look shows it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// No target serves an application that was served before and is never to be without.
    Unserved(Thing),
    /// An application that must not run twice has Deployments or pods, ready or not, on two targets.
    Twice(Thing),
    /// The copy on a target was marked for deletion, and nothing has taken its place.
    Marked {
        /// The application.
        application: Thing,
        /// The target.
        target: usize,
    },
    /// Something of an application was removed from a target where it still belongs.
    Removed {
        /// The application.
        application: Thing,
        /// The target.
        target: usize,
        /// What it was.
        what: String,
    },
}

/// What follows from a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// What happened, for the history.
    pub(super) note: Option<String>,
    /// Whether an application has set out for another cluster.
    pub(super) sets_out: bool,
    /// What is to be looked at again.
    pub(super) suspicions: Vec<Suspicion>,
}

/// How much was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Moves that came to their end.
    pub(super) moves: usize,
    /// Objects that were removed from targets.
    pub(super) removed: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    target: usize,
    kind: &'static str,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    application: Thing,
    uid: Value,
    is_ready: bool,
    is_leaving: bool,
}

/// Everything of one namespace, as the watches show it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    namespace: String,
    /// The target of each cluster.
    homes: BTreeMap<String, usize>,
    applications: BTreeMap<Thing, Value>,
    placements: BTreeMap<String, Value>,
    items: BTreeMap<Spot, Item>,
    /// Applications that have been served.
    served: BTreeSet<Thing>,
    /// The targets that were chosen before the present ones, and since when they are no longer.
    choices: BTreeMap<Thing, (usize, Instant)>,
    /// The clusters on which they were last said to run.
    last_homes: BTreeMap<Thing, Value>,
    tally: Tally,
}

impl Scene {
    /// A scene of which nothing is known; the clusters of its namespace are on these targets.
    pub(super) fn new(namespace: &str, homes: &[(&str, usize)]) -> Self {
        let homes = homes.iter().map(|(name, target)| ((*name).to_owned(), *target)).collect();
        Self { namespace: namespace.to_owned(), homes, ..Self::default() }
    }

    /// How much was seen so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// The applications that move at the moment, and how far each of them is.
    pub(super) fn under_way(&self) -> Vec<(Thing, Phase)> {
        let placements: Vec<_> = self.placements.values().cloned().collect();
        let moving = self.applications.iter().filter_map(|(thing, application)| {
            Some((thing.clone(), phase(application, &placements, self.served.contains(thing))?))
        });
        moving.collect()
    }

    /// Whether an application has been served.
    pub(super) fn was_served(&self, thing: &Thing) -> bool {
        self.served.contains(thing)
    }

    /// Everything on targets that is not where it belongs, if `home` is the only target of each application.
    pub(super) fn left_beside(&self, home: Option<usize>) -> Vec<String> {
        let left = self.items.iter().filter(|(spot, _)| Some(spot.target) != home);
        left.map(|(spot, item)| format!("{} {} of {} on {}", spot.kind, spot.name, item.application, spot.target))
            .collect()
    }

    /// Takes note of a change; `is_given_up` says what users have deleted.
    pub(super) fn take(&mut self, change: &Change, is_given_up: impl Fn(&Thing) -> bool) -> Taken {
        match change.source {
            Source::Applications => self.take_application(change),
            Source::Placements => self.take_placement(change, is_given_up),
            Source::Target(target, kind) => {
                let name = text(&change.object["metadata"]["name"]);
                self.take_item(&Spot { target, kind, name }, change, is_given_up)
            }
        }
    }

    fn take_application(&mut self, Change { object, is_gone, at, .. }: &Change) -> Taken {
        let thing = Thing::application(&self.namespace, &text(&object["metadata"]["name"]));
        if *is_gone {
            self.applications.remove(&thing);
            return Taken { note: Some(format!("{thing} is gone")), ..Taken::default() };
        }
        let words = |object: &Value| {
            let status = &object["status"];
            let (to, on) = (&status["scheduledTo"]["name"], &status["runningOn"]["name"]);
            (to.clone(), on.clone(), status["state"].clone())
        };
        let before = self.applications.insert(thing.clone(), object.clone()).as_ref().map(words);
        let (to, on, state) = words(object);
        if !on.is_null() {
            let last = self.last_homes.insert(thing.clone(), on.clone());
            self.tally.moves += usize::from(last.is_some_and(|last| last != on));
        }
        if let Some((before, ..)) = before.as_ref().filter(|(before, ..)| *before != to)
            && let Some(target) = self.target_of(before)
        {
            self.choices.insert(thing.clone(), (target, *at));
        }
        let sets_out = before.as_ref().is_some_and(|(before, ..)| !before.is_null() && *before != to);
        let note = (before.as_ref() != Some(&(to.clone(), on.clone(), state.clone())))
            .then(|| format!("{thing} is {state}, scheduled to {to}, running on {on}"));
        Taken { note, sets_out, ..Taken::default() }
    }

    fn take_placement(&mut self, change: &Change, is_given_up: impl Fn(&Thing) -> bool) -> Taken {
        let Change { object, is_gone, at, .. } = change;
        let name = text(&object["metadata"]["name"]);
        let told = |object: &Value| {
            let leaving = if is_leaving(object) { ", leaving" } else { "" };
            let ready = if phase::is_ready(object) { "ready" } else { "not ready" };
            format!(
                "the copy of {} on {} is {ready}{leaving}",
                object["spec"]["application"], object["spec"]["cluster"]["name"]
            )
        };
        let before =
            if *is_gone { self.placements.remove(&name) } else { self.placements.insert(name, object.clone()) };
        let now = if *is_gone { format!("{}: released", told(object)) } else { told(object) };
        let note = (before.as_ref().map(told).as_ref() != Some(&now)).then_some(now);
        let was_leaving = before.as_ref().is_none_or(is_leaving);
        let application = Thing::application(&self.namespace, &text(&object["spec"]["application"]));
        let mut suspicions = Vec::new();
        if !was_leaving
            && (*is_gone || is_leaving(object))
            && !is_given_up(&application)
            && let Some(target) = self.target_of(&object["spec"]["cluster"]["name"])
            && !self.is_superseded(&application, target, *at)
        {
            suspicions.push(Suspicion::Marked { application, target });
        }
        Taken { note, suspicions, ..Taken::default() }
    }

    fn take_item(
        &mut self,
        spot: &Spot,
        Change { object, is_gone, at, .. }: &Change,
        is_given_up: impl Fn(&Thing) -> bool,
    ) -> Taken {
        let Some(application) = self.application_of(spot.kind, object) else { return Taken::default() };
        let now = (!is_gone).then(|| Item {
            application: application.clone(),
            uid: object["metadata"]["uid"].clone(),
            is_ready: is_ready(spot.kind, object),
            is_leaving: is_leaving(object),
        });
        let before = match &now {
            Some(item) => self.items.insert(spot.clone(), item.clone()),
            None => self.items.remove(spot),
        };
        let is_ours = spot.kind != POD;
        if is_ours && now.as_ref().is_some_and(|item| item.is_ready) {
            self.served.insert(application.clone());
        }
        let note = (before != now).then(|| tell(spot, now.as_ref()));
        if is_given_up(&application) {
            return Taken { note, ..Taken::default() };
        }
        let mut suspicions = Vec::new();
        if is_ours && before.is_some_and(|before| is_lost(&before, now.as_ref())) {
            self.tally.removed += 1;
            let is_due = self.is_superseded(&application, spot.target, *at)
                || (self.must_not_run_twice(&application) && self.has_left(&application, spot.target));
            if !is_due {
                let what = format!("{} {}", spot.kind, spot.name);
                suspicions.push(Suspicion::Removed { application: application.clone(), target: spot.target, what });
            }
        }
        suspicions.extend(self.wrong_about(&application));
        Taken { note, suspicions, ..Taken::default() }
    }

    /// The application that something on a target belongs to, if it is one of ours. Pods bear the name of its Deployment.
    fn application_of(&self, kind: &str, object: &Value) -> Option<Thing> {
        let thing = if kind == POD {
            Thing::application(&self.namespace, object["metadata"]["labels"]["app"].as_str()?)
        } else {
            application_of(object)
        };
        (thing.namespace == self.namespace).then_some(thing)
    }

    fn wrong_about(&self, thing: &Thing) -> Option<Suspicion> {
        let items = self.items.iter().filter(|(_, item)| item.application == *thing);
        if self.must_not_run_twice(thing) {
            let running = items.filter(|(spot, _)| [DEPLOYMENT, POD].contains(&spot.kind));
            let targets: BTreeSet<usize> = running.map(|(spot, _)| spot.target).collect();
            return (targets.len() > 1).then(|| Suspicion::Twice(thing.clone()));
        }
        let is_served = items.into_iter().any(|(spot, item)| spot.kind == DEPLOYMENT && item.is_ready);
        (!is_served && self.served.contains(thing)).then(|| Suspicion::Unserved(thing.clone()))
    }

    /// Whether the application may not even for a moment run twice.
    pub(super) fn must_not_run_twice(&self, thing: &Thing) -> bool {
        self.applications.get(thing).is_some_and(|found| found["spec"]["migrationStrategy"] == "Recreate")
    }

    /// Whether the copy that an application has on a target has been replaced: by one elsewhere that serves, or, for one that
    /// must not run twice, by the decision that it goes elsewhere.
    fn is_superseded(&self, thing: &Thing, target: usize, now: Instant) -> bool {
        if self.must_not_run_twice(thing) {
            let was_elsewhere = self.choices.get(thing).is_some_and(|(before, until)| {
                *before != target && now.saturating_duration_since(*until) < DECIDED_WITHIN
            });
            let application = self.applications.get(thing);
            return was_elsewhere || application.is_some_and(|found| self.goes_elsewhere(found, target));
        }
        let mut serving = self.items.iter().filter(|(spot, item)| {
            spot.kind == DEPLOYMENT && spot.target != target && item.is_ready && item.application == *thing
        });
        serving.next().is_some()
    }

    /// Whether an application was scheduled to another target than this one.
    pub(super) fn goes_elsewhere(&self, application: &Value, target: usize) -> bool {
        self.target_of(&application["status"]["scheduledTo"]["name"]).is_some_and(|home| home != target)
    }

    fn target_of(&self, cluster: &Value) -> Option<usize> {
        self.homes.get(cluster.as_str()?).copied()
    }

    fn has_left(&self, thing: &Thing, target: usize) -> bool {
        self.has_left_as(self.placements.values(), thing, target)
    }

    /// Whether an application has no copy on a target, among these, or none that stays.
    pub(super) fn has_left_as<'a>(
        &self,
        placements: impl IntoIterator<Item = &'a Value>,
        thing: &Thing,
        target: usize,
    ) -> bool {
        let is_it = |placement: &&Value| {
            let (application, cluster) = (&placement["spec"]["application"], &placement["spec"]["cluster"]["name"]);
            *application == *thing.name && self.target_of(cluster) == Some(target)
        };
        placements.into_iter().filter(is_it).all(is_leaving)
    }
}

/// What serves.
pub(super) const DEPLOYMENT: &str = "Deployment";
/// What runs, and is not ours but the Deployment's.
pub(super) const POD: &str = "Pod";

/// Whether something runs there.
fn is_ready(kind: &str, object: &Value) -> bool {
    let status = &object["status"];
    match kind {
        DEPLOYMENT => status["readyReplicas"].as_i64() > Some(0),
        POD => {
            let conditions = status["conditions"].as_array().into_iter().flatten();
            conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        }
        _ => false,
    }
}

fn is_leaving(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// Whether something was removed, or marked for removal, just now.
fn is_lost(before: &Item, now: Option<&Item>) -> bool {
    !before.is_leaving && now.is_none_or(|now| now.is_leaving || now.uid != before.uid)
}

fn tell(Spot { target, kind, name }: &Spot, item: Option<&Item>) -> String {
    let how = match item {
        None => "gone",
        Some(Item { is_leaving: true, .. }) => "leaving",
        Some(Item { is_ready: true, .. }) => "ready",
        Some(_) => "there",
    };
    format!("{kind} {name} on {target} is {how}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
