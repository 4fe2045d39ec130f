//! Every kind of the REST API, and what is kept of its objects: enough to know who depends on whom.

use std::sync::LazyLock;

use futures::{Stream, StreamExt, stream};
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::Condition,
};
use krake_crds::{
    condition,
    core::SafetyPolicy,
    finalizer,
    identity::Identity,
    kubernetes::{Application, Cluster, Placement, cluster::ClusterDeletionPolicy},
    reference::{ObjectReference, Owner},
};
use krake_operator_loops::context::{Shared, Touched, Watched};
use kube::{
    api::{ApiResource, ObjectMeta},
    core::Object,
    runtime::{reflector::ObjectRef, watcher},
};
use serde::{Deserialize, Deserializer};

/// An object of any kind, as far as owners and dependents go.
pub(super) type Outline = Object<Claims, Bindings>;

/// What a spec says of that.
#[derive(Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub(super) struct Claims {
    pub(super) identity: Option<Identity>,
    pub(super) owners: Vec<Owner>,
    /// Of a Cluster: that the applications on it outlive it.
    #[serde(rename = "deletionPolicy", deserialize_with = "is_orphan")]
    pub(super) lets_applications_go: bool,
}

/// Applications have a policy too, with other values.
fn is_orphan<'de, D: Deserializer<'de>>(policy: D) -> Result<bool, D::Error> {
    Ok(Option::<String>::deserialize(policy)?.as_deref() == Some("Orphan"))
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
    /// Only what this controller says.
    #[serde(deserialize_with = "said")]
    pub(super) conditions: Vec<Condition>,
}

fn said<'de, D: Deserializer<'de>>(conditions: D) -> Result<Vec<Condition>, D::Error> {
    Ok(ours(&Option::<Vec<Condition>>::deserialize(conditions)?.unwrap_or_default()))
}

fn ours(conditions: &[Condition]) -> Vec<Condition> {
    condition::find(conditions, condition::DELETING).cloned().into_iter().collect()
}

impl Bindings {
    /// All places.
    pub(super) fn places(&self) -> impl Iterator<Item = &ObjectReference> {
        [&self.scheduled_to, &self.running_on, &self.project].into_iter().flatten()
    }
}

/// Every kind but Placement, which follows rules of its own, and `SafetyPolicy`, which owns nothing and is nobody's.
pub(super) static ALL: LazyLock<Vec<ApiResource>> = LazyLock::new(|| of_definitions(|_| true));

/// Those whose status says what their deletion waits for, here. That of an Application is the application controller's.
pub(super) static WITH_CONDITION: LazyLock<Vec<ApiResource>> = LazyLock::new(|| {
    let mut kinds = of_definitions(has_conditions);
    kinds.retain(|kind| *kind != ApiResource::erase::<Application>(&()));
    kinds
});

fn of_definitions(wanted: impl Fn(&CustomResourceDefinition) -> bool) -> Vec<ApiResource> {
    let kinds = krake_crds::definitions().into_iter().filter(wanted).flat_map(|definition| {
        let spec = definition.spec;
        spec.versions.into_iter().filter(|version| version.storage).map(move |version| ApiResource {
            api_version: format!("{}/{}", spec.group, version.name),
            group: spec.group.clone(),
            version: version.name,
            kind: spec.names.kind.clone(),
            plural: spec.names.plural.clone(),
        })
    });
    let apart = [ApiResource::erase::<Placement>(&()), ApiResource::erase::<SafetyPolicy>(&())];
    kinds.filter(|kind| !apart.contains(kind)).collect()
}

fn has_conditions(definition: &CustomResourceDefinition) -> bool {
    definition.spec.versions.iter().filter(|version| version.storage).any(|version| {
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let status = schema.and_then(|schema| schema.properties.as_ref()?.get("status")?.properties.as_ref());
        status.is_some_and(|status| status.contains_key("conditions"))
    })
}

/// What is kept of an Application.
pub(super) fn application(object: &Application) -> Outline {
    let status = object.status.as_ref().map(|status| Bindings {
        scheduled_to: status.scheduled_to.clone(),
        running_on: status.running_on.clone(),
        ..Bindings::default()
    });
    let (identity, owners) = (object.spec.identity.clone(), object.spec.owners.clone());
    let spec = Claims { identity, owners, lets_applications_go: false };
    Outline { types: None, metadata: kept(&object.metadata), spec, status }
}

/// What is kept of a Cluster.
pub(super) fn cluster(object: &Cluster) -> Outline {
    let status = object.status.as_ref().map(|status| Bindings {
        scheduled_to: status.scheduled_to.clone(),
        running_on: status.running_on.clone(),
        project: None,
        conditions: ours(&status.conditions),
    });
    let (identity, owners) = (object.spec.identity.clone(), object.spec.owners.clone());
    let lets_applications_go = object.spec.deletion_policy == ClusterDeletionPolicy::Orphan;
    let spec = Claims { identity, owners, lets_applications_go };
    Outline { types: None, metadata: kept(&object.metadata), spec, status }
}

/// What is kept of the metadata.
pub(super) fn kept(metadata: &ObjectMeta) -> ObjectMeta {
    let forced = metadata.annotations.as_ref().and_then(|annotations| annotations.get_key_value(finalizer::FORCED));
    ObjectMeta {
        annotations: forced.map(|(name, value)| [(name.clone(), value.clone())].into()),
        generation: metadata.generation,
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
