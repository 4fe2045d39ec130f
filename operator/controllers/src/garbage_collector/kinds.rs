//! Every kind of the REST API, and what is kept of its objects: enough to know who depends on whom.

use std::sync::LazyLock;

use futures::{Stream, StreamExt, stream};
use krake_crds::{
    identity::Identity,
    kubernetes::{Application, Cluster, Placement},
    reference::{ObjectReference, Owner},
};
use kube::{
    api::{ApiResource, ObjectMeta},
    core::Object,
    runtime::{reflector::ObjectRef, watcher},
};
use serde::Deserialize;

use crate::context::{Shared, Touched, Watched};

/// An object of any kind, as far as owners and dependents go.
pub(super) type Outline = Object<Claims, Bindings>;

/// What a spec says of that.
#[derive(Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub(super) struct Claims {
    pub(super) identity: Option<Identity>,
    pub(super) owners: Vec<Owner>,
}

/// What a status says of that: where the object was put. It depends on the place, whatever its spec says.
#[derive(Deserialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Bindings {
    /// Of an Application a cluster, of a Cluster a cloud.
    pub(super) scheduled_to: Option<ObjectReference>,
    /// As `scheduled_to`.
    pub(super) running_on: Option<ObjectReference>,
    /// Of a `MagnumCluster`.
    pub(super) project: Option<ObjectReference>,
}

impl Bindings {
    /// All places.
    pub(super) fn places(&self) -> impl Iterator<Item = &ObjectReference> {
        [&self.scheduled_to, &self.running_on, &self.project].into_iter().flatten()
    }
}

/// Every kind but Placement, which follows rules of its own.
pub(super) static ALL: LazyLock<Vec<ApiResource>> = LazyLock::new(|| {
    let kinds = krake_crds::definitions().into_iter().flat_map(|definition| {
        let spec = definition.spec;
        spec.versions.into_iter().filter(|version| version.storage).map(move |version| ApiResource {
            api_version: format!("{}/{}", spec.group, version.name),
            group: spec.group.clone(),
            version: version.name,
            kind: spec.names.kind.clone(),
            plural: spec.names.plural.clone(),
        })
    });
    kinds.filter(|kind| *kind != ApiResource::erase::<Placement>(&())).collect()
});

/// What is kept of an Application.
pub(super) fn application(object: &Application) -> Outline {
    let status = object.status.as_ref().map(|status| Bindings {
        scheduled_to: status.scheduled_to.clone(),
        running_on: status.running_on.clone(),
        project: None,
    });
    let spec = Claims { identity: object.spec.identity.clone(), owners: object.spec.owners.clone() };
    Outline { types: None, metadata: kept(&object.metadata), spec, status }
}

/// What is kept of a Cluster.
pub(super) fn cluster(object: &Cluster) -> Outline {
    let status = object.status.as_ref().map(|status| Bindings {
        scheduled_to: status.scheduled_to.clone(),
        running_on: status.running_on.clone(),
        project: None,
    });
    let spec = Claims { identity: object.spec.identity.clone(), owners: object.spec.owners.clone() };
    Outline { types: None, metadata: kept(&object.metadata), spec, status }
}

/// What is kept of the metadata.
pub(super) fn kept(metadata: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        deletion_timestamp: metadata.deletion_timestamp.clone(),
        finalizers: metadata.finalizers.clone(),
        ..ObjectMeta::default()
    }
}

/// The events of a kind that has a cache already.
pub(super) fn of_cache<K: Watched>(
    cache: &Shared<K>,
    outline: fn(&K) -> Outline,
) -> impl Stream<Item = watcher::Result<watcher::Event<Outline>>> + Send + use<K> {
    let store = cache.store.clone();
    cache.changes().flat_map(move |touched| {
        let events = match touched {
            Touched::One(object) => vec![match store.get(&ObjectRef::from_obj(&*object)) {
                Some(now) => watcher::Event::Apply(outline(&now)),
                None => watcher::Event::Delete(outline(&object)),
            }],
            Touched::All => {
                let objects = store.state();
                let listed = objects.iter().map(|object| watcher::Event::InitApply(outline(object)));
                [watcher::Event::Init].into_iter().chain(listed).chain([watcher::Event::InitDone]).collect()
            }
        };
        stream::iter(events.into_iter().map(Ok))
    })
}
