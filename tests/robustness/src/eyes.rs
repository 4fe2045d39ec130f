//! How everything is looked at: what REST shows, the custom resources, and what is on the targets.

use anyhow::{Context, Result, bail};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Secret, Service},
};
use krake_testbed::{Testbed, rest::Rest};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, ListParams, ObjectMeta},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::thing::{Kind, Thing};

/// By this, and nothing else, Krake's objects on a target are found.
pub(crate) const OF_KRAKE: &str = "app.kubernetes.io/managed-by=krake";
const APPLICATION: &str = "krake.dev/application";

/// Something of an application on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the target.
    pub target: usize,
    /// What it belongs to.
    pub application: Thing,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What is asked for and what is ready, if it is a Deployment.
    pub replicas: Option<(i32, i32)>,
}

/// Clients for every side.
#[derive(Clone)]
pub struct Eyes {
    rest: Rest,
    management: Client,
    targets: Vec<Client>,
}

impl Eyes {
    /// Eyes on this system.
    ///
    /// # Errors
    /// When a client cannot be built.
    pub async fn open(testbed: &Testbed) -> Result<Self> {
        let mut targets = Vec::new();
        for target in &testbed.fleet.targets {
            targets.push(target.client().await?);
        }
        Ok(Self { rest: testbed.rest()?, management: testbed.fleet.management.client().await?, targets })
    }

    /// A client of the management cluster.
    #[must_use]
    pub fn management(&self) -> Client {
        self.management.clone()
    }

    /// A client of a target, counted from 1.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn target(&self, target: usize) -> Result<Client> {
        let client = target.checked_sub(1).and_then(|index| self.targets.get(index));
        client.cloned().context("no such target")
    }

    /// How many targets there are.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.targets.len()
    }

    /// All things of a kind as REST shows them, in one namespace or in all.
    ///
    /// # Errors
    /// When there is no list.
    pub async fn stored(&self, kind: Kind, namespace: Option<&str>) -> Result<Vec<Value>> {
        let below = namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
        let answer = self.rest.get(&format!("/kubernetes{below}/{}", kind.collection())).await?;
        let Value::Array(items) = answer.expect(200)?["items"].take() else { bail!("a list without items") };
        Ok(items)
    }

    /// All things of a kind as kubectl shows them, in one namespace or in all.
    ///
    /// # Errors
    /// When there is no list.
    pub async fn objects(&self, kind: Kind, namespace: Option<&str>) -> Result<Vec<Value>> {
        self.list(&kind.resource(), namespace).await
    }

    /// All placements, in one namespace or in all.
    ///
    /// # Errors
    /// When there is no list.
    pub async fn placements(&self, namespace: Option<&str>) -> Result<Vec<Value>> {
        self.list(&ApiResource::erase::<krake_crds::kubernetes::Placement>(&()), namespace).await
    }

    /// All Events, in the form of both of their API groups.
    ///
    /// # Errors
    /// When there is no list.
    pub async fn events(&self) -> Result<Vec<Value>> {
        let old = self.list(&ApiResource::erase::<k8s_openapi::api::core::v1::Event>(&()), None).await?;
        let new = self.list(&ApiResource::erase::<k8s_openapi::api::events::v1::Event>(&()), None).await?;
        Ok([old, new].concat())
    }

    async fn list(&self, resource: &ApiResource, namespace: Option<&str>) -> Result<Vec<Value>> {
        let client = self.management.clone();
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        };
        let list = api.list(&ListParams::default()).await.with_context(|| format!("list {}", resource.plural))?;
        list.items.iter().map(|item| serde_json::to_value(item).context("read an object")).collect()
    }

    /// One thing as kubectl shows it.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn object(&self, thing: &Thing) -> Result<Value> {
        let resource = thing.kind.resource();
        let api: Api<DynamicObject> = Api::namespaced_with(self.management.clone(), &thing.namespace, &resource);
        let object = api.get(&thing.name).await.with_context(|| format!("get {thing}"))?;
        serde_json::to_value(object).context("read an object")
    }

    /// The document under a key of a Secret, or nothing.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn secret(&self, namespace: &str, name: &str, key: &str) -> Result<Option<Value>> {
        let api: Api<Secret> = Api::namespaced(self.management.clone(), namespace);
        let secret = api.get_opt(name).await.with_context(|| format!("get the Secret {name}"))?;
        let text = secret.and_then(|secret| secret.data).and_then(|mut data| data.remove(key));
        Ok(text.and_then(|text| serde_json::from_slice(&text.0).ok()))
    }

    /// Everything of Krake's on a target, counted from 1.
    ///
    /// # Errors
    /// When a list is missing.
    pub async fn pieces(&self, target: usize) -> Result<Vec<Piece>> {
        let mut pieces = self.deployments(target).await?;
        pieces.extend(self.others::<Service>(target, "Service").await?);
        pieces.extend(self.others::<ConfigMap>(target, "ConfigMap").await?);
        Ok(pieces)
    }

    /// The Deployments of Krake's on a target, counted from 1.
    ///
    /// # Errors
    /// When the list is missing.
    pub async fn deployments(&self, target: usize) -> Result<Vec<Piece>> {
        let found = self.of_krake::<Deployment>(target).await?;
        Ok(found
            .into_iter()
            .map(|deployment| {
                let wanted = deployment.spec.replicas.unwrap_or(1);
                let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
                Piece { replicas: Some((wanted, ready)), ..piece(target, "Deployment", deployment.metadata) }
            })
            .collect())
    }

    /// Counts the pods of a Deployment of this name on a target, counted from 1.
    ///
    /// # Errors
    /// When the list is missing.
    pub async fn pods(&self, target: usize, deployment: &str) -> Result<usize> {
        let labels = format!("app={deployment}");
        let pods = Api::<Pod>::all(self.target(target)?).list_metadata(&ListParams::default().labels(&labels)).await;
        Ok(pods.with_context(|| format!("list pods on target {target}"))?.items.len())
    }

    async fn others<K>(&self, target: usize, kind: &str) -> Result<Vec<Piece>>
    where
        K: Clone + std::fmt::Debug + DeserializeOwned + Resource<DynamicType = ()>,
    {
        let found = self.of_krake::<K>(target).await?;
        Ok(found.into_iter().map(|object| piece(target, kind, object.meta().clone())).collect())
    }

    async fn of_krake<K>(&self, target: usize) -> Result<Vec<K>>
    where
        K: Clone + std::fmt::Debug + DeserializeOwned + Resource<DynamicType = ()>,
    {
        let list = Api::<K>::all(self.target(target)?).list(&ListParams::default().labels(OF_KRAKE)).await;
        Ok(list.with_context(|| format!("list on target {target}"))?.items)
    }
}

/// The application that something on a target belongs to, as its mark says.
pub(crate) fn application_of(object: &Value) -> Thing {
    marked(object["metadata"]["annotations"][APPLICATION].as_str().unwrap_or_default())
}

fn marked(owner: &str) -> Thing {
    let (namespace, name) = owner.split_once('/').unwrap_or_default();
    Thing::application(namespace, name)
}

fn piece(target: usize, kind: &str, metadata: ObjectMeta) -> Piece {
    let owner = metadata.annotations.and_then(|mut annotations| annotations.remove(APPLICATION)).unwrap_or_default();
    Piece {
        target,
        application: marked(&owner),
        kind: kind.to_owned(),
        name: metadata.name.unwrap_or_default(),
        replicas: None,
    }
}
