//! What the stories share: a stage with two registered targets, and what a user looks at.
//!
//! A story goes in through the front doors only, REST and kubectl, and looks at the targets as their owners would.

pub mod door;

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use krake_testbed::{
    Testbed, eventually,
    objects::{self, Application, Cluster},
    rest::Rest,
    unique,
};
use kube::{Api, Client};
use serde_json::Value;

/// Longer than anything takes on a busy machine with two cores; nothing waits for it when all is well.
pub const SOON: Duration = Duration::from_mins(1);

/// The resource as kubectl names it in full, because other operators have applications too.
pub const APPLICATION: &str = "application.kubernetes.krake.dev";

/// The resource as kubectl names it in full, because other operators have clusters too.
pub const CLUSTER: &str = "cluster.kubernetes.krake.dev";

/// A namespace of a story's own, with the two targets registered: `de` (`location=DE`) and `it` (`location=IT`).
#[derive(Debug)]
pub struct Stage<'a> {
    /// The system that the story plays on.
    pub testbed: &'a Testbed,
    /// The story's namespace, behind both doors.
    pub namespace: String,
    /// The REST door.
    pub rest: Rest,
}

impl<'a> Stage<'a> {
    /// A new namespace without clusters.
    ///
    /// # Errors
    /// When no REST client can be built.
    pub fn bare(testbed: &'a Testbed, story: &str) -> Result<Self> {
        Ok(Self { testbed, namespace: unique(story), rest: testbed.rest()? })
    }

    /// A new namespace in which both targets are registered through REST and ONLINE.
    ///
    /// # Errors
    /// When one of them does not get there.
    pub async fn set(testbed: &'a Testbed, story: &str) -> Result<Self> {
        let stage = Self::bare(testbed, story)?;
        stage.register([stage.cluster(1)?, stage.cluster(2)?]).await?;
        Ok(stage)
    }

    /// Registers clusters through REST and waits until they are ONLINE.
    ///
    /// # Errors
    /// When one of them does not get there.
    pub async fn register(&self, clusters: impl IntoIterator<Item = Cluster>) -> Result<()> {
        let clusters: Vec<_> = clusters.into_iter().collect();
        for cluster in &clusters {
            self.rest.post(&cluster.collection(), &cluster.rest()).await?.expect(200)?;
        }
        for cluster in &clusters {
            self.until_state(&cluster.path(), "ONLINE").await?;
        }
        Ok(())
    }

    /// The target with this number as a user registers it.
    ///
    /// # Errors
    /// When there is no such target.
    pub fn cluster(&self, number: usize) -> Result<Cluster> {
        let target = self.testbed.target(number)?;
        let (name, location) = if number == 1 { ("de", "DE") } else { ("it", "IT") };
        let cluster = objects::cluster(name, target.kubeconfig());
        Ok(cluster.in_namespace(&self.namespace).labelled("location", location))
    }

    /// An application with one Deployment of a name that no other story uses on the shared targets.
    #[must_use]
    pub fn application(&self, name: &str) -> (String, Application) {
        let name = unique(name);
        let application = objects::application(&name).in_namespace(&self.namespace);
        (name, application)
    }

    /// Waits until the REST door shows this state; gives the object.
    ///
    /// # Errors
    /// When it does not within [`SOON`].
    pub async fn until_state(&self, path: &str, state: &str) -> Result<Value> {
        eventually(&format!("{path} is {state}"), SOON, async || {
            let object = self.rest.get(path).await?.expect(200)?;
            ensure!(object["status"]["state"] == state, "{}", object["status"]);
            Ok(object)
        })
        .await
    }

    /// Waits until the application runs on the cluster with this name, as the REST door shows it.
    ///
    /// # Errors
    /// When it does not within [`SOON`].
    pub async fn until_running_on(&self, path: &str, cluster: &str) -> Result<Value> {
        eventually(&format!("{path} runs on {cluster}"), SOON, async || {
            let object = self.rest.get(path).await?.expect(200)?;
            let status = &object["status"];
            ensure!(status["state"] == "RUNNING" && status["running_on"]["name"] == cluster, "{status}");
            Ok(object)
        })
        .await
    }

    /// A custom resource as kubectl shows it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn object(&self, resource: &str, name: &str) -> Result<Value> {
        self.testbed.management_kubectl().json(&["-n", &self.namespace, "get", resource, name]).await
    }

    /// Waits until kubectl's view of an object satisfies `look`.
    ///
    /// # Errors
    /// When it does not within [`SOON`].
    pub async fn until_object(&self, resource: &str, name: &str, look: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("kubectl shows {resource} {name} as wanted"), SOON, async || {
            let object = self.object(resource, name).await?;
            ensure!(look(&object), "{object}");
            Ok(object)
        })
        .await
    }

    /// Waits until the Deployment on a target has this many ready replicas.
    ///
    /// # Errors
    /// When it does not within [`SOON`].
    pub async fn until_replicas(&self, target: usize, name: &str, replicas: i32) -> Result<()> {
        let client = self.testbed.target(target)?.client().await?;
        eventually(&format!("{name} has {replicas} replicas on target {target}"), SOON, async || {
            let ready = ready_replicas(&client, name).await?;
            ensure!(ready == Some(replicas), "{ready:?}");
            Ok(())
        })
        .await
    }

    /// Waits until the application is gone from both doors and nothing of it is left on any target.
    ///
    /// # Errors
    /// When something is still there after [`SOON`]; the error says what.
    pub async fn until_gone(&self, application: &Application, name: &str) -> Result<()> {
        eventually(&format!("{name} is gone everywhere"), SOON, async || {
            let status = self.rest.get(&application.path()).await?.status;
            ensure!(status == 404, "REST still answers {status}");
            self.absent(APPLICATION, name).await?;
            for target in 1..=self.testbed.fleet.targets.len() {
                self.nothing_left_on(target, name).await?;
            }
            Ok(())
        })
        .await
    }

    /// Makes sure that kubectl does not find an object.
    ///
    /// # Errors
    /// When it does, or cannot say.
    pub async fn absent(&self, resource: &str, name: &str) -> Result<()> {
        let args = ["-n", &self.namespace, "get", resource, name, "--ignore-not-found", "-o", "name"];
        let found = self.testbed.kubectl(&args).await?;
        ensure!(found.trim().is_empty(), "kubectl still shows {}", found.trim());
        Ok(())
    }

    /// Makes sure that nothing of an application is on a target: `no_orphans`.
    ///
    /// # Errors
    /// When there is something; the error names it.
    pub async fn nothing_left_on(&self, target: usize, application: &str) -> Result<()> {
        let owner = format!("{}/{application}", self.namespace);
        let kubectl = self.testbed.target(target)?.kubectl();
        let selector = ["-l", "app.kubernetes.io/managed-by=krake"];
        let kinds = ["get", "deployments,services,configmaps,jobs", "-A"];
        let listed = kubectl.json(&[&kinds[..], &selector[..]].concat()).await?;
        let items = listed["items"].as_array().context("kubectl lists items")?;
        match items.iter().find(|item| item["metadata"]["annotations"]["krake.dev/application"] == *owner) {
            None => Ok(()),
            Some(left) => bail!("target {target} still has {} {}", left["kind"], left["metadata"]["name"]),
        }
    }
}

/// Looks at both targets until the first has let go of an application and the second serves it; there is no moment in which
/// neither serves.
///
/// # Errors
/// When there was such a moment.
pub async fn served_until_moved(stage: &Stage<'_>, name: &str) -> Result<()> {
    let (old, new) = (stage.testbed.target(1)?.client().await?, stage.testbed.target(2)?.client().await?);
    loop {
        let (there, here) = (ready_replicas(&old, name).await?, ready_replicas(&new, name).await?);
        ensure!(there >= Some(1) || here >= Some(1), "nobody serves {name}: {there:?} and {here:?}");
        if there.is_none() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The ready replicas of a Deployment in the namespace `default`, or `None` if there is no such Deployment.
///
/// # Errors
/// When the API server does not answer.
pub async fn ready_replicas(client: &Client, name: &str) -> Result<Option<i32>> {
    let deployment = Api::<Deployment>::namespaced(client.clone(), "default").get_opt(name).await?;
    Ok(deployment.map(|found| found.status.and_then(|status| status.ready_replicas).unwrap_or(0)))
}

/// The message of a command that was refused.
///
/// # Errors
/// When it was not.
pub fn refusal(outcome: Result<String>) -> Result<String> {
    match outcome {
        Ok(output) => Err(anyhow!("accepted: {output}")),
        Err(error) => Ok(format!("{error:#}")),
    }
}
