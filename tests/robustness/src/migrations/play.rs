//! Applications that are never at rest: a metric says now that one cluster is the better one, now the other.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use krake_testbed::{
    eventually,
    objects::{self, Application, config_map, deployment, service},
    prometheus,
    rest::Rest,
    unique,
};
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    scenario::Place,
    thing::Thing,
    traffic::{PATIENCE, User},
    validate::{WantedApplication, WantedCluster, Wish},
};

/// The clusters, and the targets that they are.
pub(super) const CLUSTERS: [(&str, usize); 2] = [("de", 1), ("it", 2)];

/// How long a cluster is the better one: from not much longer than an application must stay on one, to longer than a move
/// takes.
const BETTER_FOR: std::ops::Range<Duration> = Duration::from_secs(3)..Duration::from_secs(8);

const WHO: &str = "user";

/// Who made an application, and how it may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Born {
    Rest,
    Kubectl,
    /// With kubectl, because REST has no word for it: it must not run twice.
    KubectlRecreate,
}

/// Two clusters, and some applications that fit on either of them.
pub(super) struct Play<'a> {
    place: Place<'a>,
    user: User<'a>,
    rest: Rest,
    namespace: String,
    provider: String,
    /// The metric of each cluster.
    metrics: [String; 2],
    applications: Vec<(Born, Thing)>,
}

impl<'a> Play<'a> {
    /// A play in a new namespace.
    ///
    /// # Errors
    /// When no REST client can be built.
    pub(super) fn new(place: Place<'a>) -> Result<Self> {
        let namespace = unique("moving");
        let application = |born, name: &str| (born, Thing::application(&namespace, &unique(name)));
        let applications = vec![
            application(Born::Rest, "plain"),
            application(Born::Rest, "whole"),
            application(Born::Kubectl, "other"),
            application(Born::KubectlRecreate, "single"),
            application(Born::KubectlRecreate, "sole"),
        ];
        Ok(Self {
            user: User::new(WHO, place.testbed, place.eyes, place.history)?,
            rest: place.testbed.rest()?,
            provider: unique("gauges"),
            metrics: ["green_de", "green_it"].map(prometheus::unique),
            applications,
            namespace,
            place,
        })
    }

    /// Where it plays.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The applications.
    pub(super) fn applications(&self) -> impl Iterator<Item = &Thing> {
        self.applications.iter().map(|(_, thing)| thing)
    }

    /// Registers the clusters and makes the applications, through both doors.
    ///
    /// # Errors
    /// When the user loses patience.
    pub(super) async fn open(&self) -> Result<()> {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        self.user.apply(&namespace).await?;
        let provider = objects::provider(&self.provider, "static", &json!({ "metrics": self.values(0) })).rest();
        self.rest.post("/core/globalmetricsproviders", &provider).await?.expect(200)?;
        for ((name, target), metric) in CLUSTERS.iter().zip(&self.metrics) {
            let object = objects::metric(metric, 1.0, &self.provider, metric).rest();
            self.rest.post("/core/globalmetrics", &object).await?.expect(200)?;
            let cluster = objects::cluster(name, self.place.testbed.target(*target)?.kubeconfig());
            let cluster = cluster.in_namespace(&self.namespace).rated(metric, 1.0);
            self.user.post(&Thing::cluster(&self.namespace, name), &cluster.rest()).await?;
        }
        for (number, (born, thing)) in self.applications.iter().enumerate() {
            let application = self.application(thing, number);
            let mut resource = application.custom_resource();
            match born {
                Born::Rest => self.user.post(thing, &application.rest()).await?,
                Born::Kubectl => self.user.apply(&resource).await?,
                Born::KubectlRecreate => {
                    resource["spec"]["migrationStrategy"] = json!("Recreate");
                    self.user.apply(&resource).await?;
                }
            }
        }
        Ok(())
    }

    /// Every other one brings more than a Deployment along.
    fn application(&self, thing: &Thing, number: usize) -> Application {
        let application = objects::application(&thing.name).in_namespace(&self.namespace);
        if number.is_multiple_of(2) {
            return application;
        }
        let name = &thing.name;
        application.running([deployment(name, 1), service(name), config_map(name, "colour", "blue")])
    }

    /// Changes again and again which cluster is the better one.
    ///
    /// # Errors
    /// When REST does not take it.
    pub(super) async fn flip(&self, dice: &mut StdRng) -> Result<()> {
        for better in (0..CLUSTERS.len()).cycle().skip(1) {
            self.prefer(better).await?;
            sleep(dice.random_range(BETTER_FOR)).await;
        }
        Ok(())
    }

    /// Makes one cluster the better one; gives what must come of it.
    ///
    /// # Errors
    /// When REST does not take it.
    pub(super) async fn prefer(&self, better: usize) -> Result<Wish> {
        let path = format!("/core/globalmetricsproviders/{}", self.provider);
        let values = self.values(better);
        eventually("the metrics are changed", PATIENCE, async || {
            self.rest.edit(&path, |object| object["spec"]["static"]["metrics"] = values.clone()).await.map(drop)
        })
        .await?;
        let (name, target) = CLUSTERS.get(better).copied().unwrap_or_default();
        self.place.history.note(WHO, format!("{name} is the better cluster"));
        let wanted = |(_, thing): &(Born, Thing)| {
            let wanted = WantedApplication { cluster: name.to_owned(), target, replicas: 1, labels: BTreeMap::new() };
            (thing.name.clone(), wanted)
        };
        let clusters = CLUSTERS.map(|(name, _)| (name.to_owned(), WantedCluster { labels: BTreeMap::new() }));
        Ok(Wish { applications: self.applications.iter().map(wanted).collect(), clusters: clusters.into() })
    }

    fn values(&self, better: usize) -> Value {
        let value = |number: usize| if number == better { 0.9 } else { 0.1 };
        let [de, it] = &self.metrics;
        json!({ de: value(0), it: value(1) })
    }

    /// Deletes everything; gives what must come of it, which is nothing.
    ///
    /// # Errors
    /// When the user loses patience.
    pub(super) async fn clear(&self) -> Result<Wish> {
        let clusters = CLUSTERS.map(|(name, _)| Thing::cluster(&self.namespace, name));
        for (number, thing) in self.applications().chain(&clusters).enumerate() {
            if number.is_multiple_of(2) {
                self.user.delete(thing).await?;
            } else {
                self.user.kubectl_delete(thing).await?;
            }
        }
        Ok(Wish::default())
    }
}
