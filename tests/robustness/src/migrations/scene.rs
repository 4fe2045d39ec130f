//! What the watches have shown so far, and what of it may not be. Pure.
//!
//! The watches of several servers do not come in the order in which things happened. So what seems wrong is only a
//! [`Suspicion`], until a fresh look confirms it.

mod phase;

use std::collections::{BTreeMap, BTreeSet};

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
}

/// What may not be, if a fresh look shows it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// No target serves an application that was served before and is never to be without.
    Unserved(Thing),
    /// An application that must not run twice has Deployments or pods, ready or not, on two targets.
    Twice(Thing),
    /// Something of an application was removed from a target, and nothing has taken its place.
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
        let Change { source, object, is_gone } = change;
        match *source {
            Source::Applications => self.take_application(object, *is_gone),
            Source::Placements => self.take_placement(object, *is_gone),
            Source::Target(target, kind) => {
                let name = text(&object["metadata"]["name"]);
                self.take_item(&Spot { target, kind, name }, (!is_gone).then_some(object), object, is_given_up)
            }
        }
    }

    fn take_application(&mut self, object: &Value, is_gone: bool) -> Taken {
        let thing = Thing::application(&self.namespace, &text(&object["metadata"]["name"]));
        if is_gone {
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
        let sets_out = before.as_ref().is_some_and(|(before, ..)| !before.is_null() && *before != to);
        let note = (before.as_ref() != Some(&(to.clone(), on.clone(), state.clone())))
            .then(|| format!("{thing} is {state}, scheduled to {to}, running on {on}"));
        Taken { note, sets_out, ..Taken::default() }
    }

    fn take_placement(&mut self, object: &Value, is_gone: bool) -> Taken {
        let name = text(&object["metadata"]["name"]);
        let told = |object: &Value| {
            let leaving = if object["metadata"]["deletionTimestamp"].is_null() { "" } else { ", leaving" };
            let ready = if phase::is_ready(object) { "ready" } else { "not ready" };
            format!(
                "the copy of {} on {} is {ready}{leaving}",
                object["spec"]["application"], object["spec"]["cluster"]["name"]
            )
        };
        if is_gone {
            self.placements.remove(&name);
            let note = format!("{}: released", told(object));
            return Taken { note: Some(note), ..Taken::default() };
        }
        let before = self.placements.insert(name, object.clone());
        let now = told(object);
        let note = (before.as_ref().map(told).as_ref() != Some(&now)).then_some(now);
        Taken { note, ..Taken::default() }
    }

    fn take_item(
        &mut self,
        spot: &Spot,
        now: Option<&Value>,
        last: &Value,
        is_given_up: impl Fn(&Thing) -> bool,
    ) -> Taken {
        let Some(application) = self.application_of(spot.kind, last) else { return Taken::default() };
        let now = now.map(|object| Item {
            application: application.clone(),
            uid: object["metadata"]["uid"].clone(),
            is_ready: is_ready(spot.kind, object),
            is_leaving: !object["metadata"]["deletionTimestamp"].is_null(),
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
            if !self.is_superseded(&application, spot.target) {
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

    /// Whether what an application has on a target has been replaced: by a copy elsewhere that serves, or, for one that
    /// must not run twice, by the decision that it goes elsewhere.
    fn is_superseded(&self, thing: &Thing, target: usize) -> bool {
        if self.must_not_run_twice(thing) {
            return self.applications.get(thing).is_some_and(|application| self.goes_elsewhere(application, target));
        }
        let mut serving = self.items.iter().filter(|(spot, item)| {
            spot.kind == DEPLOYMENT && spot.target != target && item.is_ready && item.application == *thing
        });
        serving.next().is_some()
    }

    /// Whether an application was scheduled to another target than this one.
    pub(super) fn goes_elsewhere(&self, application: &Value, target: usize) -> bool {
        let to = application["status"]["scheduledTo"]["name"].as_str();
        to.and_then(|to| self.homes.get(to)).is_some_and(|home| *home != target)
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
