//! Watches the management cluster and the targets, and ends with the first thing that may not be.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Instant,
};

use anyhow::{Result, bail};
use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream, select_all},
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Service},
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::{NamespaceResourceScope, Resource},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde_json::Value;

use super::{
    locked,
    scene::{Change, DEPLOYMENT, POD, Scene, Source, Suspicion},
};
use crate::{
    eyes::{Eyes, OF_KRAKE, Piece},
    history::History,
    thing::{Kind, Thing},
};

const WHO: &str = "witness";

/// Somebody who watches one namespace, and what it has on the targets.
pub(super) struct Watch<'a> {
    /// What is looked through.
    pub(super) eyes: &'a Eyes,
    /// Where everything is written down.
    pub(super) history: &'a History,
    /// What was seen.
    pub(super) scene: &'a Mutex<Scene>,
    /// The namespace.
    pub(super) namespace: &'a str,
}

impl Watch<'_> {
    /// Watches until something is seen that may not be.
    ///
    /// # Errors
    /// Always, with what was seen.
    pub(super) async fn watch(&self) -> Result<()> {
        let mut changes = self.changes()?;
        while let Some(change) = changes.next().await {
            match change {
                Ok(change) => self.take(&change).await?,
                // The watch begins again, and misses nothing by that.
                Err(error) => self.history.note(WHO, format!("a watch failed: {error}")),
            }
        }
        bail!("the watches have ended")
    }

    async fn take(&self, change: &Change) -> Result<()> {
        let taken = {
            let mut scene = locked(self.scene);
            scene.take(change, |thing| self.history.is_given_up(thing))
        };
        match taken.note {
            Some(note) if taken.sets_out => self.history.step(WHO, &note),
            Some(note) => self.history.note(WHO, note),
            None => {}
        }
        for suspicion in taken.suspicions {
            self.confirm(suspicion).await?;
        }
        Ok(())
    }

    /// Looks again at what is suspicious.
    async fn confirm(&self, suspicion: Suspicion) -> Result<()> {
        match suspicion {
            Suspicion::Unserved(thing) => {
                if self.serving(&thing).await?.is_empty() && !self.history.is_given_up(&thing) {
                    bail!("no_phantom_delete: no target serves {thing}, which nobody deleted");
                }
            }
            Suspicion::Twice(thing) => {
                let targets = self.present(&thing).await?;
                if targets.len() > 1 {
                    bail!("single_home: {thing} must not run twice, and is on targets {targets:?}");
                }
            }
            Suspicion::Marked { application, target } => {
                if !self.is_superseded(&application, target).await? && !self.history.is_given_up(&application) {
                    bail!(
                        "no_phantom_delete: the copy of {application} on {target} is marked, and nothing replaced it"
                    );
                }
            }
            Suspicion::Removed { application, target, what } => {
                if !self.is_due(&application, target).await? && !self.history.is_given_up(&application) {
                    bail!(
                        "no_phantom_delete: {what} of {application} was removed from {target}, and nothing replaced it"
                    );
                }
            }
        }
        Ok(())
    }

    /// Whether what an application has on a target may go.
    async fn is_due(&self, thing: &Thing, target: usize) -> Result<bool> {
        let placements = self.eyes.placements(Some(self.namespace)).await?;
        let has_left = {
            let scene = locked(self.scene);
            scene.must_not_run_twice(thing) && scene.has_left_as(&placements, thing, target)
        };
        Ok(has_left || self.is_superseded(thing, target).await?)
    }

    async fn is_superseded(&self, thing: &Thing, target: usize) -> Result<bool> {
        let goes_elsewhere = |application: &Value| {
            let scene = locked(self.scene);
            scene.must_not_run_twice(thing).then(|| scene.goes_elsewhere(application, target))
        };
        if let Some(goes_elsewhere) = goes_elsewhere(&self.eyes.object(thing).await?) {
            return Ok(goes_elsewhere);
        }
        Ok(self.serving(thing).await?.iter().any(|serving| *serving != target))
    }

    /// The targets on which an application has a Deployment that is ready.
    async fn serving(&self, thing: &Thing) -> Result<BTreeSet<usize>> {
        let is_serving = |piece: &Piece| piece.replicas.is_some_and(|(_, ready)| ready > 0);
        let mut targets = BTreeSet::new();
        for target in 1..=self.eyes.targets() {
            let deployments = self.eyes.deployments(target).await?;
            if deployments.iter().any(|piece| piece.application == *thing && is_serving(piece)) {
                targets.insert(target);
            }
        }
        Ok(targets)
    }

    /// The targets on which an application has a Deployment or pods.
    async fn present(&self, thing: &Thing) -> Result<BTreeSet<usize>> {
        let mut targets = BTreeSet::new();
        for target in 1..=self.eyes.targets() {
            let deployments = self.eyes.deployments(target).await?;
            let is_deployed = deployments.iter().any(|piece| piece.application == *thing);
            if is_deployed || self.eyes.pods(target, &thing.name).await? > 0 {
                targets.insert(target);
            }
        }
        Ok(targets)
    }

    /// Everything that happens, from all servers.
    fn changes(&self) -> Result<impl Stream<Item = Result<Change, watcher::Error>> + use<>> {
        let management = self.eyes.management();
        let of = |resource: ApiResource| Api::namespaced_with(management.clone(), self.namespace, &resource);
        let mut streams = vec![
            changes(of(Kind::Application.resource()), watcher::Config::default(), Source::Applications),
            changes(
                of(ApiResource::erase::<krake_crds::kubernetes::Placement>(&())),
                watcher::Config::default(),
                Source::Placements,
            ),
        ];
        for target in 1..=self.eyes.targets() {
            let client = self.eyes.target(target)?;
            let ours = || watcher::Config::default().labels(OF_KRAKE);
            streams.push(changes(all::<Deployment>(&client), ours(), Source::Target(target, DEPLOYMENT)));
            streams.push(changes(all::<Service>(&client), ours(), Source::Target(target, "Service")));
            streams.push(changes(all::<ConfigMap>(&client), ours(), Source::Target(target, "ConfigMap")));
            streams.push(changes(all::<Pod>(&client), watcher::Config::default(), Source::Target(target, POD)));
        }
        Ok(select_all(streams))
    }
}

fn all<K>(client: &Client) -> Api<DynamicObject>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::all_with(client.clone(), &ApiResource::erase::<K>(&()))
}

/// What a watch tells; what it has missed while it began again, it tells afterwards.
fn changes(
    api: Api<DynamicObject>,
    config: watcher::Config,
    source: Source,
) -> BoxStream<'static, Result<Change, watcher::Error>> {
    let mut known = Known::default();
    let events = watcher(api, config).default_backoff();
    let changes = events.flat_map(move |event| {
        stream::iter(match event {
            Ok(event) => known.changes(event, source).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    changes.boxed()
}

/// What a watch has told, by uid.
#[derive(Default)]
struct Known {
    objects: BTreeMap<String, Value>,
    /// What was known before it began again, as far as it was not told again.
    unconfirmed: BTreeMap<String, Value>,
}

impl Known {
    fn changes(&mut self, event: Event<DynamicObject>, source: Source) -> Vec<Change> {
        let at = Instant::now();
        let there = |object| Change { source, object, is_gone: false, at };
        let gone = |object| Change { source, object, is_gone: true, at };
        match event {
            Event::Init => {
                self.unconfirmed.append(&mut self.objects);
                Vec::new()
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let (uid, object) = read(&object);
                self.unconfirmed.remove(&uid);
                self.objects.insert(uid, object.clone());
                vec![there(object)]
            }
            Event::InitDone => std::mem::take(&mut self.unconfirmed).into_values().map(gone).collect(),
            Event::Delete(object) => {
                let (uid, object) = read(&object);
                self.objects.remove(&uid);
                vec![gone(object)]
            }
        }
    }
}

fn read(object: &DynamicObject) -> (String, Value) {
    let uid = object.metadata.uid.clone().unwrap_or_default();
    // What came as JSON goes as JSON.
    (uid, serde_json::to_value(object).unwrap_or_default())
}
