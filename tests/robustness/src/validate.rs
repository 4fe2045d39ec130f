//! What must be true when all is quiet, as named guarantees over what was seen. Pure: each takes a [`World`] and says
//! what is wrong with it.

mod converged;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::thing::Kind;

pub use world::World;

/// What users asked for in a namespace. What is not in here must be gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The applications by name.
    pub applications: BTreeMap<String, WantedApplication>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, WantedCluster>,
}

/// An application as users asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedApplication {
    /// The cluster that it must run on.
    pub cluster: String,
    /// The target that this is.
    pub target: usize,
    /// The replicas of its Deployment.
    pub replicas: i32,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A cluster as users asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedCluster {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A broken guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Its name.
    pub guarantee: &'static str,
    /// What was seen.
    pub seen: String,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.guarantee, self.seen)
    }
}

fn breaches(guarantee: &'static str, seen: impl IntoIterator<Item = String>) -> Vec<Breach> {
    seen.into_iter().map(|seen| Breach { guarantee, seen }).collect()
}

/// All guarantees about a quiet world.
#[must_use]
pub fn quiet(world: &World, wish: &Wish) -> Vec<Breach> {
    [converged(world), single_home(world), no_orphans(world), desired(world, wish)].concat()
}

/// Both sides show the same things, each in the same state.
#[must_use]
pub fn converged(world: &World) -> Vec<Breach> {
    breaches("converged", converged::differences(world))
}

/// Every application is on exactly one target, the one that was chosen, and its placement says which.
#[must_use]
pub fn single_home(world: &World) -> Vec<Breach> {
    let mut seen = Vec::new();
    for (thing, object) in world.objects.iter().filter(|(thing, _)| thing.kind == Kind::Application) {
        let pieces = world.pieces.iter().filter(|piece| piece.application == *thing);
        let targets: BTreeSet<usize> = pieces.map(|piece| piece.target).collect();
        let placements = world.placements.iter().filter(|placement| placement["spec"]["application"] == thing.name);
        let places: Vec<&Value> = placements.map(|placement| &placement["spec"]["cluster"]["name"]).collect();
        let (home, chosen) = (&object["status"]["runningOn"]["name"], &object["status"]["scheduledTo"]["name"]);
        if targets.len() != 1 || places != [home] || home != chosen {
            seen.push(format!("{thing} is on targets {targets:?}, placed on {places:?}, status {}", object["status"]));
        }
    }
    breaches("single_home", seen)
}

/// Nothing is left of an application that is gone: nothing on a target, no placement.
#[must_use]
pub fn no_orphans(world: &World) -> Vec<Breach> {
    let is_lost = |name: &Value| {
        let is_it = |thing: &&crate::thing::Thing| thing.kind == Kind::Application && *name == *thing.name;
        !world.objects.keys().any(|thing| is_it(&thing))
    };
    let pieces = world.pieces.iter().filter(|piece| !world.objects.contains_key(&piece.application));
    let placements = world.placements.iter().filter(|placement| is_lost(&placement["spec"]["application"]));
    let seen = pieces
        .map(|piece| format!("{} {} of {} on {}", piece.kind, piece.name, piece.application, piece.target))
        .chain(placements.map(|placement| format!("a placement without application: {placement}")));
    breaches("no_orphans", seen)
}

/// Everything is as users asked for, on both sides and on the targets, and there is nothing else.
#[must_use]
pub fn desired(world: &World, wish: &Wish) -> Vec<Breach> {
    let mut seen = Vec::new();
    for (kind, wanted) in [
        (Kind::Application, wish.applications.keys().collect::<BTreeSet<_>>()),
        (Kind::Cluster, wish.clusters.keys().collect()),
    ] {
        let found: BTreeSet<_> = world.objects.keys().filter(|thing| thing.kind == kind).map(|t| &t.name).collect();
        if found != wanted {
            seen.push(format!("there are {} {found:?} and not {wanted:?}", kind.collection()));
        }
    }
    for (name, wanted) in &wish.applications {
        seen.extend(unlike_application(world, name, wanted));
    }
    for (name, wanted) in &wish.clusters {
        let found = world.objects.iter().find(|(thing, _)| thing.kind == Kind::Cluster && thing.name == *name);
        let object = found.map_or(&Value::Null, |(_, object)| object);
        let is_asked = labels(object) == wanted.labels;
        if !is_asked || object["status"]["state"] != "ONLINE" {
            seen.push(format!("{name} is not {wanted:?}: {} {}", object["spec"]["labels"], object["status"]));
        }
    }
    breaches("desired", seen)
}

fn unlike_application(world: &World, name: &str, wanted: &WantedApplication) -> Option<String> {
    let (thing, object) =
        world.objects.iter().find(|(thing, _)| thing.kind == Kind::Application && thing.name == *name)?;
    let (spec, status) = (&object["spec"], &object["status"]);
    let has_replicas = spec["manifest"][0]["spec"]["replicas"] == wanted.replicas;
    let is_asked = has_replicas && labels(object) == wanted.labels;
    let is_said = status["state"] == "RUNNING" && status["runningOn"]["name"] == wanted.cluster;
    let is_there = world.pieces.iter().any(|piece| {
        let is_it = piece.application == *thing && piece.target == wanted.target;
        is_it && piece.replicas == Some((wanted.replicas, wanted.replicas))
    });
    let pieces = || world.pieces.iter().filter(|piece| piece.application == *thing).collect::<Vec<_>>();
    let told = || format!("{thing} is not {wanted:?}: {spec} {status}, on targets {:?}", pieces());
    (!(is_asked && is_said && is_there)).then(told)
}

fn labels(object: &Value) -> BTreeMap<String, String> {
    let members = object["spec"]["labels"].as_object().into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// No credential is in a text: neither in an object other than a Secret, nor in a log.
#[must_use]
pub fn no_secret_leaked<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>, tokens: &[String]) -> Vec<Breach> {
    let leaks = |text: &str| tokens.iter().any(|token| text.contains(token.as_str()));
    let leaking = texts.into_iter().filter(|(_, text)| leaks(text));
    breaches("no_secret_leaked", leaking.map(|(place, _)| format!("a credential is in {place}")))
}

#[cfg(test)]
mod tests;
