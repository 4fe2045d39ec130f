//! The two front doors behind one face: a story that is written once is played through each of them.
//!
//! A story says what its user wants with a builder, and the door says it in its own language: POST, PUT and DELETE through
//! REST, `kubectl apply` and `kubectl delete` on custom resources. What is then shown is read at the same door.

use anyhow::{Result, ensure};
use krake_testbed::{
    Testbed, eventually,
    objects::{Application, Cluster, Object, Spec},
};
use serde_json::Value;

use crate::{CLUSTER, SOON, Stage};

/// A front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Krake's REST API.
    Rest,
    /// The custom resources of the management cluster.
    Kubectl,
}

impl Door {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Rest, Self::Kubectl];

    /// A new namespace without clusters.
    ///
    /// # Errors
    /// When the namespace cannot be made.
    pub async fn bare<'a>(self, testbed: &'a Testbed, story: &str) -> Result<Stage<'a>> {
        let stage = Stage::bare(testbed, story)?;
        if self == Self::Kubectl {
            testbed.kubectl(&["create", "namespace", &stage.namespace]).await?;
            // On a system that has just been started, kubectl may not know the kinds yet.
            let look = ["-n", &stage.namespace, "get", CLUSTER];
            eventually("kubectl knows the kinds", SOON, async || testbed.kubectl(&look).await).await?;
        }
        Ok(stage)
    }

    /// A new namespace in which both targets are registered through this door and ONLINE: `de` (`location=DE`) and `it`
    /// (`location=IT`).
    ///
    /// # Errors
    /// When one of them does not get there.
    pub async fn set<'a>(self, testbed: &'a Testbed, story: &str) -> Result<Stage<'a>> {
        let stage = self.bare(testbed, story).await?;
        self.register(&stage, [stage.cluster(1)?, stage.cluster(2)?]).await?;
        Ok(stage)
    }

    /// Registers clusters and waits until they are ONLINE.
    ///
    /// # Errors
    /// When one of them does not get there.
    pub async fn register(self, stage: &Stage<'_>, clusters: impl IntoIterator<Item = Cluster>) -> Result<()> {
        let clusters: Vec<_> = clusters.into_iter().collect();
        for cluster in &clusters {
            self.create(stage, cluster).await?;
        }
        for cluster in &clusters {
            self.until_state(stage, cluster, "ONLINE").await?;
        }
        Ok(())
    }

    /// Makes an object, and first its Secret where the door wants one.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn create(self, stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<()> {
        match self {
            Self::Rest => stage.rest.post(&object.collection(), &object.rest()).await?.expect(200).map(drop),
            Self::Kubectl => apply(stage, object).await.map(drop),
        }
    }

    /// Replaces what a user says of an object, its labels and its spec, by what the builder says now.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn update(self, stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<()> {
        match self {
            Self::Rest => {
                let wanted = object.rest();
                let change = |shown: &mut Value| {
                    shown["metadata"]["labels"] = wanted["metadata"]["labels"].clone();
                    shown["spec"] = wanted["spec"].clone();
                };
                stage.rest.edit(&object.path(), change).await.map(drop)
            }
            Self::Kubectl => apply(stage, object).await.map(drop),
        }
    }

    /// Asks for the deletion of an object; does not wait for it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn delete(self, stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<()> {
        match self {
            Self::Rest => stage.rest.delete(&object.path()).await?.expect(200).map(drop),
            Self::Kubectl => {
                let (resource, name) = named(object);
                let args = ["-n", &stage.namespace, "delete", &resource, &name, "--wait=false"];
                stage.testbed.kubectl(&args).await.map(drop)
            }
        }
    }

    /// The object as this door shows it: see [`Self::spelled`] for the names of its members.
    ///
    /// # Errors
    /// When there is none.
    pub async fn shown(self, stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<Value> {
        match self {
            Self::Rest => stage.rest.get(&object.path()).await?.expect(200),
            Self::Kubectl => {
                let (resource, name) = named(object);
                stage.object(&resource, &name).await
            }
        }
    }

    /// A member of a `status` or `spec` in the spelling of this door: `running_on` is `runningOn` for kubectl.
    #[must_use]
    pub fn spelled(self, member: &str) -> String {
        if self == Self::Rest {
            return member.to_owned();
        }
        let mut words = member.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |all, word| {
            let (head, tail) = word.split_at(word.len().min(1));
            all + &head.to_uppercase() + tail
        })
    }

    /// Waits until what the door shows of an object satisfies `look`; gives the object.
    ///
    /// # Errors
    /// When it does not within [`SOON`]; the error shows what was seen last.
    pub async fn until(
        self,
        stage: &Stage<'_>,
        object: &Object<impl Spec>,
        look: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        eventually(&format!("{self:?} shows {} as wanted", object.path()), SOON, async || {
            let shown = self.shown(stage, object).await?;
            ensure!(look(&shown), "{shown}");
            Ok(shown)
        })
        .await
    }

    /// Waits until the door shows this `status.state`; gives the object.
    ///
    /// # Errors
    /// When it does not within [`SOON`].
    pub async fn until_state(self, stage: &Stage<'_>, object: &Object<impl Spec>, wanted: &str) -> Result<Value> {
        self.until(stage, object, |shown| shown["status"]["state"] == wanted).await
    }

    /// Waits until the door shows the application running on the cluster with this name; gives the object.
    ///
    /// # Errors
    /// When it does not within [`SOON`].
    pub async fn until_running_on(self, stage: &Stage<'_>, application: &Application, cluster: &str) -> Result<Value> {
        let running_on = self.spelled("running_on");
        let runs = |shown: &Value| {
            let status = &shown["status"];
            status["state"] == "RUNNING" && status[&running_on]["name"] == cluster
        };
        self.until(stage, application, runs).await
    }

    /// Waits until an object is gone from both doors.
    ///
    /// # Errors
    /// When one of them still shows it after [`SOON`].
    pub async fn until_gone(self, stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<()> {
        let (resource, name) = named(object);
        eventually(&format!("{} is gone", object.path()), SOON, async || {
            let status = stage.rest.get(&object.path()).await?.status;
            ensure!(status == 404, "REST still answers {status}");
            stage.absent(&resource, &name).await
        })
        .await
    }
}

/// Applies an object with kubectl, after its Secret; gives what kubectl said of the object.
///
/// # Errors
/// When it is refused.
pub async fn apply(stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<String> {
    let kubectl = stage.testbed.management_kubectl();
    let mut said = String::new();
    for document in object.documents() {
        said = kubectl.apply(&document).await?;
    }
    Ok(said)
}

/// An object as kubectl names it in full, e.g. `cluster.kubernetes.krake.dev`, and its name.
#[must_use]
pub fn named(object: &Object<impl Spec>) -> (String, String) {
    let object = object.custom_resource();
    let text = |path| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("/apiVersion");
    let group = version.split('/').next().unwrap_or_default();
    (format!("{}.{group}", text("/kind").to_lowercase()), text("/metadata/name"))
}
