//! What users do, from the first cluster to the last, through both doors.
//!
//! Nothing waits for the system between steps, except where a step means something only afterwards: an edit through one
//! door of what the other door has just edited, a move of what runs.

use std::collections::BTreeMap;

use anyhow::Result;
use krake_testbed::{
    Testbed,
    objects::{self, config_map, deployment, service},
    unique,
};
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    eyes::Eyes,
    history::History,
    thing::Thing,
    traffic::User,
    validate::{WantedApplication, WantedCluster, Wish},
};

/// One user's play in a namespace of its own.
pub struct Scenario<'a> {
    testbed: &'a Testbed,
    /// Held while the facade is away.
    facade: &'a Mutex<()>,
    history: &'a History,
    user: User<'a>,
    namespace: String,
    /// The applications; their names are those of their Deployments, so no other play uses them.
    front: Thing,
    back: Thing,
    /// Born through REST and deleted with kubectl, and the other way round.
    crossing: [Thing; 2],
    /// Deleted while the facade is away.
    brief: Thing,
    /// Created while the facade is away, and collected with its cluster.
    alone: Thing,
}

/// Where a play happens.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The system.
    pub testbed: &'a Testbed,
    /// Eyes on it.
    pub eyes: &'a Eyes,
    /// Where everything is written down.
    pub history: &'a History,
    /// Held by whoever keeps the facade down.
    pub facade: &'a Mutex<()>,
}

impl<'a> Scenario<'a> {
    /// A play in a new namespace by the user of this name.
    ///
    /// # Errors
    /// When no REST client can be built.
    pub fn new(user: &str, place: Place<'a>) -> Result<Self> {
        let Place { testbed, eyes, history, facade } = place;
        let namespace = unique(user);
        let application = |name: &str| Thing::application(&namespace, &unique(name));
        Ok(Self {
            user: User::new(user, testbed, eyes, history)?,
            front: application("front"),
            back: application("back"),
            crossing: [application("from-rest"), application("from-kubectl")],
            brief: application("brief"),
            alone: application("alone"),
            testbed,
            facade,
            history,
            namespace,
        })
    }

    /// Where it plays.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Plays all steps but the last; gives what must come of it.
    ///
    /// # Errors
    /// When a user loses patience.
    pub async fn play(&self, dice: &mut StdRng) -> Result<Wish> {
        self.register_clusters().await?;
        self.create_applications().await?;
        self.update_applications().await?;
        self.await_running("de", "it").await?;
        self.delete_applications().await?;
        self.relabel_clusters().await?;
        self.await_running("it", "de").await?;
        self.act_while_facade_is_away(dice.random()).await?;
        self.delete_cluster_in_use(dice.random()).await?;
        Ok(self.wish())
    }

    /// Plays no more than the beginning: a cluster and an application from either door, which run. Gives what must stay.
    ///
    /// # Errors
    /// When a user loses patience.
    pub async fn open(&self) -> Result<Wish> {
        self.register_clusters().await?;
        self.create_lasting().await?;
        self.await_running("de", "it").await?;
        let application = |cluster: &str, target| WantedApplication {
            cluster: cluster.to_owned(),
            target,
            replicas: 1,
            labels: BTreeMap::new(),
        };
        Ok(Wish {
            applications: BTreeMap::from([
                (self.front.name.clone(), application("de", 1)),
                (self.back.name.clone(), application("it", 2)),
            ]),
            clusters: wanted_clusters("DE", "IT"),
        })
    }

    /// The application that was created with kubectl.
    #[must_use]
    pub fn application_from_kubectl(&self) -> &Thing {
        &self.back
    }

    /// Deletes everything that is left; gives what must come of it, which is nothing.
    ///
    /// # Errors
    /// When a user loses patience.
    pub async fn clear(&self, dice: &mut StdRng) -> Result<Wish> {
        self.user.step("delete all that is left");
        for thing in [self.front.clone(), self.back.clone(), self.named("de"), self.named("it")] {
            self.delete(&thing, dice.random()).await?;
        }
        Ok(Wish::default())
    }

    fn named(&self, cluster: &str) -> Thing {
        Thing::cluster(&self.namespace, cluster)
    }

    fn cluster(&self, name: &str, target: usize, location: &str) -> Result<objects::Cluster> {
        let kubeconfig = self.testbed.target(target)?.kubeconfig();
        let cluster = objects::cluster(name, kubeconfig).in_namespace(&self.namespace);
        Ok(cluster.labelled("location", location))
    }

    fn application(&self, thing: &Thing) -> objects::Application {
        objects::application(&thing.name).in_namespace(&self.namespace)
    }

    /// (g), and what everything else needs.
    async fn register_clusters(&self) -> Result<()> {
        self.user.step("register one cluster through REST, one with kubectl");
        let (de, it) = (self.cluster("de", 1, "DE")?, self.cluster("it", 2, "IT")?);
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        self.user.apply(&namespace).await?;
        self.user.post(&self.named("de"), &de.rest()).await?;
        for document in it.documents() {
            self.user.apply(&document).await?;
        }
        Ok(())
    }

    /// (b), and the same through REST.
    async fn create_applications(&self) -> Result<()> {
        self.user.step("create applications through both doors");
        self.create_lasting().await?;
        let [from_rest, from_kubectl] = &self.crossing;
        self.user.post(from_rest, &self.application(from_rest).rest()).await?;
        self.user.apply(&self.application(from_kubectl).custom_resource()).await?;
        self.user.apply(&self.application(&self.brief).custom_resource()).await
    }

    /// The two applications that are there until the end.
    async fn create_lasting(&self) -> Result<()> {
        let name = &self.front.name;
        let pieces = [deployment(name, 1), service(name), config_map(name, "colour", "blue")];
        let front = self.application(&self.front).where_label("location is DE").running(pieces);
        let back = self.application(&self.back).where_label("location is IT");
        self.user.post(&self.front, &front.rest()).await?;
        self.user.apply(&back.custom_resource()).await
    }

    /// (a), and the same with kubectl; then each through the other door.
    async fn update_applications(&self) -> Result<()> {
        self.user.step("update each application through its own door");
        self.user.put(&self.front, set_replicas(2), has_replicas(2)).await?;
        self.user.patch(&self.back, &patch_replicas(3)).await?;
        self.user.step("update each application through the other door");
        self.user.sees_in_kubernetes(&self.front, has_replicas(2)).await?;
        let label = json!([{ "op": "add", "path": "/spec/labels", "value": { "tier": "gold" } }]);
        self.user.patch(&self.front, &label).await?;
        self.user.sees_in_rest(&self.back, has_replicas(3)).await?;
        self.user.put(&self.back, set_label("tier", "silver"), has_label("tier", "silver")).await
    }

    /// (d), for those that move afterwards.
    async fn await_running(&self, front: &str, back: &str) -> Result<()> {
        self.user.step("wait until the applications run where they shall");
        self.user.sees_in_kubernetes(&self.front, runs_on(front)).await?;
        self.user.sees_in_kubernetes(&self.back, runs_on(back)).await
    }

    /// (c)
    async fn delete_applications(&self) -> Result<()> {
        self.user.step("delete one application through each door");
        let [from_rest, from_kubectl] = &self.crossing;
        self.user.kubectl_delete(from_rest).await?;
        self.user.delete(from_kubectl).await
    }

    /// (f): what was in DE is in IT, and the other way round.
    async fn relabel_clusters(&self) -> Result<()> {
        self.user.step("relabel the clusters so that the applications change places");
        self.user.put(&self.named("de"), set_label("location", "IT"), has_label("location", "IT")).await?;
        let label = json!([{ "op": "add", "path": "/spec/labels/location", "value": "DE" }]);
        self.user.patch(&self.named("it"), &label).await
    }

    /// (g)
    async fn act_while_facade_is_away(&self, is_killed: bool) -> Result<()> {
        let _turn = self.facade.lock().await;
        self.user.step("stop the facade and go on with kubectl alone");
        if is_killed {
            self.testbed.facade.process.kill();
        } else {
            self.testbed.facade.stop().await?;
        }
        let spare = self.cluster("spare", 1, "FR")?;
        let alone = self.application(&self.alone).where_label("location is FR");
        for document in spare.documents().iter().chain(&alone.documents()) {
            self.user.apply(document).await?;
        }
        self.user.patch(&self.alone, &patch_replicas(2)).await?;
        self.user.patch(&self.back, &patch_replicas(2)).await?;
        self.user.kubectl_delete(&self.brief).await?;
        self.user.step("start the facade again");
        self.testbed.facade.process.start_again()
    }

    /// A cluster takes along what runs on it.
    async fn delete_cluster_in_use(&self, through_rest: bool) -> Result<()> {
        self.user.step("delete a cluster on which an application runs");
        self.user.sees_in_kubernetes(&self.alone, runs_on("spare")).await?;
        self.history.give_up(&self.alone);
        self.delete(&self.named("spare"), through_rest).await
    }

    async fn delete(&self, thing: &Thing, through_rest: bool) -> Result<()> {
        if through_rest { self.user.delete(thing).await } else { self.user.kubectl_delete(thing).await }
    }

    fn wish(&self) -> Wish {
        let application = |cluster: &str, target, replicas, tier: &str| WantedApplication {
            cluster: cluster.to_owned(),
            target,
            replicas,
            labels: BTreeMap::from([("tier".to_owned(), tier.to_owned())]),
        };
        Wish {
            applications: BTreeMap::from([
                (self.front.name.clone(), application("it", 2, 2, "gold")),
                (self.back.name.clone(), application("de", 1, 2, "silver")),
            ]),
            clusters: wanted_clusters("IT", "DE"),
        }
    }
}

/// The two clusters, with their locations.
fn wanted_clusters(de: &str, it: &str) -> BTreeMap<String, WantedCluster> {
    let located = |place: &str| BTreeMap::from([("location".to_owned(), place.to_owned())]);
    BTreeMap::from([
        ("de".to_owned(), WantedCluster { labels: located(de) }),
        ("it".to_owned(), WantedCluster { labels: located(it) }),
    ])
}

fn set_replicas(replicas: i32) -> impl Fn(&mut Value) {
    move |object| object["spec"]["manifest"][0]["spec"]["replicas"] = replicas.into()
}

fn has_replicas(replicas: i32) -> impl Fn(&Value) -> bool {
    move |object| object["spec"]["manifest"][0]["spec"]["replicas"] == replicas
}

fn patch_replicas(replicas: i32) -> Value {
    json!([{ "op": "replace", "path": "/spec/manifest/0/spec/replicas", "value": replicas }])
}

fn set_label(key: &str, value: &str) -> impl Fn(&mut Value) {
    move |object| object["metadata"]["labels"][key] = value.into()
}

fn has_label(key: &str, value: &str) -> impl Fn(&Value) -> bool {
    move |object| object["metadata"]["labels"][key] == value
}

/// How the custom resource says that an application runs on a cluster.
fn runs_on(cluster: &str) -> impl Fn(&Value) -> bool {
    move |object| {
        let (metadata, status) = (&object["metadata"], &object["status"]);
        status["observedGeneration"] == metadata["generation"]
            && status["state"] == "RUNNING"
            && status["runningOn"]["name"] == cluster
    }
}
