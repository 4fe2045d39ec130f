//! A cluster that is to be built gets the cloud that fits, once.

use anyhow::{Result, ensure};
use krake_acceptance::{APPLICATION, CLUSTER, SOON, Stage};
use krake_testbed::{Testbed, eventually, objects, throughout, unique};
use serde_json::{Map, Value, json};

/// A cloud as kubectl names it in full.
const CLOUD: &str = "cloud.infrastructure.krake.dev";

/// A template from which a cluster can be built.
fn template() -> Value {
    json!({
        "tosca_definitions_version": "tosca_simple_yaml_1_0",
        "topology_template": { "outputs": { "kubeconfig": { "value": "it is known once the cluster is built" } } },
    })
}

/// A story with clouds.
struct Sky<'a> {
    stage: Stage<'a>,
}

impl<'a> Sky<'a> {
    fn over(testbed: &'a Testbed, story: &str) -> Result<Self> {
        Ok(Self { stage: Stage::bare(testbed, story)? })
    }

    fn clouds(&self) -> String {
        format!("/infrastructure/namespaces/{}/clouds", self.stage.namespace)
    }

    fn clusters(&self) -> String {
        format!("/kubernetes/namespaces/{}/clusters", self.stage.namespace)
    }

    fn cluster(&self, name: &str) -> String {
        format!("{}/{name}", self.clusters())
    }

    /// Makes a cloud through REST.
    async fn cloud(&self, name: &str, location: &str, metrics: &[&str]) -> Result<()> {
        let metrics: Vec<_> = metrics.iter().map(|name| json!({ "name": name, "weight": 1.0 })).collect();
        let user = json!({ "username": "u", "password": "p" });
        let cloud = json!({
            "api": "infrastructure", "kind": "Cloud",
            "metadata": { "name": name, "namespace": self.stage.namespace, "labels": { "location": location } },
            "spec": { "type": "openstack", "openstack": {
                "url": "http://keystone:5000/v3", "metrics": metrics,
                "auth": { "type": "password", "password": { "version": "3", "user": user, "project": { "name": "p" } } },
                "infrastructure_provider": { "name": "im" },
            } },
        });
        self.stage.rest.post(&self.clouds(), &cloud).await?.expect(200).map(drop)
    }

    /// Makes a global provider of these values and a global metric for each of them; gives the path of the provider.
    async fn gauges(&self, values: &Value) -> Result<String> {
        let provider = unique("gauges");
        let object = objects::provider(&provider, "static", &json!({ "metrics": values })).rest();
        self.stage.rest.post("/core/globalmetricsproviders", &object).await?.expect(200)?;
        for metric in values.as_object().into_iter().flat_map(Map::keys) {
            let object = objects::metric(metric, 1.0, &provider, metric).rest();
            self.stage.rest.post("/core/globalmetrics", &object).await?.expect(200)?;
        }
        Ok(format!("/core/globalmetricsproviders/{provider}"))
    }

    /// Asks for a cluster on a cloud in Germany through REST, given up after this many further attempts.
    async fn german(&self, name: &str, limit: i64) -> Result<()> {
        let cluster = json!({
            "api": "kubernetes", "kind": "Cluster",
            "metadata": { "name": name, "namespace": self.stage.namespace, "inherit_labels": true },
            "spec": {
                "tosca": template(), "backoff_limit": limit,
                "constraints": { "cloud": { "labels": ["location is DE"] } },
            },
        });
        self.stage.rest.post(&self.clusters(), &cluster).await?.expect(200).map(drop)
    }

    /// Waits until the REST door shows this cloud for a cluster.
    async fn until_on(&self, cluster: &str, cloud: &str) -> Result<Value> {
        let path = self.cluster(cluster);
        eventually(&format!("{cluster} is to be built on {cloud}"), SOON, async || {
            let object = self.stage.rest.get(&path).await?.expect(200)?;
            ensure!(object["status"]["scheduled_to"]["name"] == cloud, "{}", object["status"]);
            Ok(object)
        })
        .await
    }
}

#[tokio::test]
async fn a_cluster_gets_the_cloud_that_its_constraints_ask_for_and_keeps_it() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let sky = Sky::over(testbed, "fitting")?;
    sky.cloud("roma", "IT", &[]).await?;
    sky.cloud("bonn", "DE", &[]).await?;
    sky.german("edge", -1).await?;
    let bound = sky.until_on("edge", "bonn").await?;
    let status = &bound["status"];
    assert_eq!(
        status["scheduled_to"],
        json!({ "api": "infrastructure", "kind": "Cloud", "namespace": sky.stage.namespace, "name": "bonn" })
    );
    assert_eq!((&status["state"], &status["running_on"]), (&json!("PENDING"), &Value::Null));
    let since = status["scheduled"].clone();
    ensure!(since.is_string(), "{status}");
    let reason = "jsonpath={.status.conditions[?(@.type=='Scheduled')].message}";
    let told = testbed.kubectl(&["-n", &sky.stage.namespace, "get", CLUSTER, "edge", "-o", reason]).await?;
    // How many others there are depends on what was seen first, and on the global clouds of other stories.
    ensure!(told.starts_with("bound to Cloud bonn: 1 of "), "{told}");

    // Nothing moves, although the other cloud fits as well now and the chosen one no longer does.
    for (cloud, location) in [("bonn", "FR"), ("roma", "DE")] {
        let path = format!("{}/{cloud}", sky.clouds());
        sky.stage.rest.edit(&path, |object| object["metadata"]["labels"]["location"] = location.into()).await?;
        sky.stage.until_object(CLOUD, cloud, |object| object["spec"]["labels"]["location"] == location).await?;
    }
    throughout("it stays", std::time::Duration::from_secs(2), async || {
        let object = sky.stage.rest.get(&sky.cluster("edge")).await?.expect(200)?;
        ensure!(object["status"]["scheduled_to"]["name"] == "bonn", "{}", object["status"]);
        ensure!(object["status"]["scheduled"] == since, "{}", object["status"]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_cluster_without_a_cloud_fails_when_its_retries_are_used_up_and_recovers_with_the_first_that_fits()
-> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let sky = Sky::over(testbed, "cloudless")?;
    sky.cloud("roma", "IT", &[]).await?;
    sky.german("hasty", 0).await?;
    sky.german("patient", -1).await?;
    let failed = sky.stage.until_state(&sky.cluster("hasty"), "FAILED").await?;
    let reason = &failed["status"]["reason"];
    assert_eq!((&reason["code"], &failed["status"]["scheduled_to"]), (&json!("NO_SUITABLE_RESOURCE"), &Value::Null));
    let message = reason["message"].as_str().unwrap_or_default();
    ensure!(message.starts_with("0 of ") && message.ends_with(" label"), "{reason}");
    let waiting =
        sky.stage.until_object(CLUSTER, "patient", |object| object["status"]["scheduling"].is_object()).await?;
    assert_eq!(waiting["status"]["state"], "PENDING");

    sky.cloud("bonn", "DE", &[]).await?;
    for cluster in ["hasty", "patient"] {
        sky.until_on(cluster, "bonn").await?;
        eventually("nothing is wrong any more", SOON, async || {
            let object = sky.stage.rest.get(&sky.cluster(cluster)).await?.expect(200)?;
            let status = &object["status"];
            ensure!(status["state"] == "PENDING" && status["reason"].is_null(), "{status}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_cloud_of_the_namespace_is_better_than_a_global_one_with_better_metrics() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let sky = Sky::over(testbed, "own-cloud")?;
    let (namespace, kubectl) = (&sky.stage.namespace, testbed.management_kubectl());
    testbed.kubectl(&["create", "namespace", namespace]).await?;
    // What every namespace sees has names and labels of this story's own.
    let (global, mark) = (unique("global"), unique("mark"));
    let (el, heat) = (unique("el"), unique("heat"));
    sky.gauges(&json!({ &el: 0.3, &heat: 0.4 })).await?;
    let object = |group: &str, kind: &str, name: &str, spec: &Value| {
        json!({
            "apiVersion": format!("{group}.krake.dev/v1alpha1"), "kind": kind,
            "metadata": { "name": name, "namespace": namespace }, "spec": spec,
        })
    };
    let marked = |mark: &str, metric: &str| {
        let openstack = json!({
            "url": "http://keystone:5000/v3", "infrastructureProvider": { "name": "im" },
            "auth": { "type": "password", "password": { "user": { "username": "u" }, "project": { "name": "p" } } },
            "metrics": [{ "name": metric, "weight": 1.0 }],
        });
        json!({ "type": "openstack", "labels": { "mark": mark }, "openstack": openstack })
    };
    let mut everywhere = object("infrastructure", "GlobalCloud", &global, &marked(&mark, &heat));
    everywhere["metadata"].as_object_mut().map(|metadata| metadata.remove("namespace"));
    kubectl.apply(&everywhere).await?;
    kubectl.apply(&object("infrastructure", "Cloud", "own", &marked(&mark, &el))).await?;
    let constraints = json!({ "cloud": { "labels": [format!("mark is {mark}")] } });
    let spec = json!({ "tosca": template(), "constraints": constraints });
    kubectl.apply(&object("kubernetes", "Cluster", "near", &spec)).await?;
    let near = sky.until_on("near", "own").await?;
    assert_eq!(near["status"]["scheduled_to"]["kind"], "Cloud");

    kubectl.apply(&object("infrastructure", "Cloud", "own", &marked("other", &el))).await?;
    sky.stage.until_object(CLOUD, "own", |object| object["spec"]["labels"]["mark"] == "other").await?;
    kubectl.apply(&object("kubernetes", "Cluster", "far", &spec)).await?;
    let far = sky.until_on("far", &global).await?;
    let place = json!({ "api": "infrastructure", "kind": "GlobalCloud", "namespace": null, "name": global });
    assert_eq!(far["status"]["scheduled_to"], place);
    Ok(())
}

#[tokio::test]
async fn the_best_metrics_decide_and_a_cloud_whose_metrics_fail_says_so_until_they_are_back() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let sky = Sky::over(testbed, "rated")?;
    let (low, high) = (unique("low"), unique("high"));
    let values = |high_is: f64| json!({ &low: 0.2, &high: high_is });
    let gauges = sky.gauges(&values(7.0)).await?;
    sky.cloud("koeln", "DE", &[&low]).await?;
    sky.cloud("bonn", "DE", &[&high]).await?;
    let path = format!("{}/bonn", sky.clouds());
    let failing = sky.stage.until_state(&path, "FAILING_METRICS").await?;
    assert_eq!(failing["status"]["metrics_reasons"][&high]["code"], "INVALID_METRIC", "{}", failing["status"]);
    sky.german("first", -1).await?;
    sky.until_on("first", "koeln").await?;

    sky.stage.rest.edit(&gauges, |object| object["spec"]["static"]["metrics"] = values(0.9)).await?;
    let well = sky.stage.until_state(&path, "ONLINE").await?;
    assert_eq!(well["status"]["metrics_reasons"], json!({}));
    sky.german("second", -1).await?;
    sky.until_on("second", "bonn").await?;
    Ok(())
}

#[tokio::test]
async fn an_application_sees_a_label_of_the_cloud_as_soon_as_the_cloud_has_it() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let sky = Sky::over(testbed, "inherited")?;
    sky.cloud("bonn", "DE", &[]).await?;
    sky.german("edge", -1).await?;
    sky.until_on("edge", "bonn").await?;
    let (name, shop) = sky.stage.application("shop");
    let shop = shop.where_label("tier is gold");
    sky.stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    let verdict = |object: &Value, word: &str| {
        object["status"]["decision"]["verdicts"][0]["sentence"].as_str().is_some_and(|sentence| sentence.contains(word))
    };
    let target = testbed.target(1)?.kubeconfig().value().clone();
    sky.stage.rest.edit(&sky.cluster("edge"), |object| object["spec"]["kubeconfig"] = target.clone()).await?;
    sky.stage.until_state(&sky.cluster("edge"), "ONLINE").await?;
    sky.stage.until_object(APPLICATION, &name, |object| verdict(object, "tier")).await?;

    let path = format!("{}/bonn", sky.clouds());
    sky.stage.rest.edit(&path, |object| object["metadata"]["labels"]["tier"] = "gold".into()).await?;
    sky.stage.until_running_on(&shop.path(), "edge").await?;
    Ok(())
}
