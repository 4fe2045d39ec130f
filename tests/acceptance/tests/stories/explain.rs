//! Why an application is where it is, and what would happen if something were different: asked through the REST door.

use anyhow::{Context, Result, ensure};
use krake_acceptance::{APPLICATION, CLUSTER, SOON, Stage};
use krake_operator_domain::scheduling::explanation::Record;
use krake_testbed::{
    Testbed, eventually,
    objects::{self, Application},
    prometheus, unique,
};
use serde_json::{Value, from_value, json};

/// Two global metrics between 0 and 10 with fixed values, of a provider of their own: `sun_de` and `sun_it`.
struct Sun {
    provider: String,
    names: [String; 2],
}

impl Sun {
    async fn register(stage: &Stage<'_>, values: [f64; 2]) -> Result<Self> {
        let sun = Self { provider: unique("sun"), names: ["sun_de", "sun_it"].map(prometheus::unique) };
        let how = json!({ "metrics": sun.values(values) });
        let object = objects::provider(&sun.provider, "static", &how).rest();
        stage.rest.post("/core/globalmetricsproviders", &object).await?.expect(200)?;
        for name in &sun.names {
            let object = objects::metric(name, 10.0, &sun.provider, name).rest();
            stage.rest.post("/core/globalmetrics", &object).await?.expect(200)?;
        }
        Ok(sun)
    }

    fn values(&self, values: [f64; 2]) -> Value {
        self.names.iter().zip(values).map(|(name, value)| (name.clone(), json!(value))).collect()
    }

    async fn set(&self, stage: &Stage<'_>, values: [f64; 2]) -> Result<()> {
        let path = format!("/core/globalmetricsproviders/{}", self.provider);
        stage.rest.edit(&path, |object| object["spec"]["static"]["metrics"] = self.values(values)).await.map(drop)
    }
}

fn placement(application: &Application) -> String {
    format!("{}/placement", application.path())
}

async fn plan(stage: &Stage<'_>, edits: Value) -> Result<Value> {
    stage.rest.post("/plan", &json!({ "namespace": stage.namespace, "edits": edits })).await?.expect(200)
}

/// Name and resource version of every object that a plan could touch.
async fn versions(stage: &Stage<'_>) -> Result<Vec<String>> {
    let kinds = format!("{APPLICATION},{CLUSTER},placements.kubernetes.krake.dev");
    let kubectl = stage.testbed.management_kubectl();
    let list = kubectl.json(&["-n", &stage.namespace, "get", &kinds]).await?;
    let items = list["items"].as_array().context("kubectl lists items")?;
    Ok(items
        .iter()
        .map(|item| format!("{} {}", item["metadata"]["name"], item["metadata"]["resourceVersion"]))
        .collect())
}

#[tokio::test]
async fn a_placement_is_explained_a_move_is_planned_and_comes_as_planned() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "explain")?;
    let sun = Sun::register(&stage, [9.0, 2.0]).await?;
    let [of_de, of_it] = &sun.names;
    stage.register([stage.cluster(1)?.rated(of_de, 2.0), stage.cluster(2)?.rated(of_it, 2.0)]).await?;
    let (name, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;

    let explained = stage.rest.get(&placement(&shop)).await?.expect(200)?;
    assert_eq!((&explained["chosen"], &explained["scheduled_to"]), (&json!("de"), &json!("de")), "{explained}");
    let [best, other] = [0, 1].map(|index| &explained["candidates"][index]);
    let term = &best["verdict"]["scored"]["terms"][0];
    assert_eq!((&term["name"], &term["value"], &term["weight"]), (&json!(of_de), &json!(0.9), &json!(2.0)));
    ensure!(term["age_seconds"].as_f64().is_some_and(|age| (0.0..60.0).contains(&age)), "{term}");
    assert_eq!(term["source"], format!("GlobalMetricsProvider {}", sun.provider));
    assert_eq!(other["cluster"], "it");
    ensure!(other["would_move"]["needed"]["rise"]["by"].as_f64().is_some_and(|by| by > 0.7), "{other}");
    let record: Record = from_value(explained["record"].clone())?;
    let again = serde_json::to_value(record.explain())?;
    for part in ["chosen", "because", "summary", "margin", "candidates"] {
        assert_eq!(again[part], explained[part], "{part}");
    }

    let planned = eventually("a plan changes nothing", SOON, async || {
        let before = versions(&stage).await?;
        let edit = json!({ "type": "metric", "metric": of_it, "is": { "raw": 9.9 } });
        let planned = plan(&stage, json!([edit, { "type": "metric", "metric": of_de, "is": { "raw": 0.5 } }])).await?;
        let after = versions(&stage).await?;
        ensure!(before == after, "{before:?} became {after:?}");
        Ok(planned)
    })
    .await?;
    let moved = &planned["moves"][0];
    assert_eq!((&moved["application"], &moved["from"], &moved["to"]), (&json!(name), &json!("de"), &json!("it")));
    assert_eq!((&planned["looked_at"], &moved["also_without_edits"]), (&json!(1), &json!(false)));
    let quiet = plan(&stage, json!([])).await?;
    assert_eq!((&quiet["unchanged"], &quiet["moves"]), (&json!(1), &json!([])));

    sun.set(&stage, [0.5, 9.9]).await?;
    stage.until_running_on(&shop.path(), "it").await?;
    let object = stage.object(APPLICATION, &name).await?;
    let decision = &object["status"]["decision"];
    assert_eq!(decision["verdicts"][0]["cluster"], "it", "{decision}");
    let sentence = decision["verdicts"][0]["sentence"].as_str().context("a sentence")?;
    ensure!(sentence.contains(of_it), "{sentence}");
    Ok(())
}

#[tokio::test]
async fn a_plan_says_what_labels_lost_clusters_and_new_applications_bring_about() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "plan").await?;
    let (name, bound) = stage.application("bound");
    let bound = bound.where_label("location is DE");
    stage.rest.post(&bound.collection(), &bound.rest()).await?.expect(200)?;
    stage.until_running_on(&bound.path(), "de").await?;

    let lost = plan(&stage, json!([{ "type": "cluster_gone", "cluster": "de" }])).await?;
    let unplaced = &lost["unplaced"][0];
    assert_eq!((&unplaced["application"], &unplaced["from"]), (&json!(name), &json!("de")));
    assert_eq!(unplaced["summary"], "0 of 1 fit: 1 label");

    let swapped = json!([
        { "type": "labels", "cluster": "de", "remove": ["location"] },
        { "type": "labels", "cluster": "it", "set": { "location": "DE" } },
    ]);
    let swapped = plan(&stage, swapped).await?;
    assert_eq!((&swapped["moves"][0]["from"], &swapped["moves"][0]["to"]), (&json!("de"), &json!("it")));

    let new = objects::application("next").in_namespace(&stage.namespace).where_label("location is IT");
    let new = plan(&stage, json!([{ "type": "application", "application": new.rest() }])).await?;
    assert_eq!((&new["placed"][0]["application"], &new["placed"][0]["to"]), (&json!("next"), &json!("it")));
    assert_eq!(stage.rest.get(&format!("{}/next", bound.collection())).await?.status, 404);

    let wrong = json!({ "namespace": stage.namespace, "edits": [{ "type": "cluster_gone", "cluster": "fr" }] });
    let problem = stage.rest.post("/plan", &wrong).await?.expect(422)?;
    assert_eq!(problem["detail"], "there is no cluster fr; there are: de, it");
    let problem = stage.rest.post("/plan", &json!({ "edits": [] })).await?.expect(422)?;
    assert_eq!(problem["detail"], "`namespace` must be the name of a namespace");
    assert_eq!(stage.rest.get(&format!("{}/nobody/placement", bound.collection())).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn names_that_kubernetes_cannot_hold_are_krakes_in_explanations_and_plans() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage { namespace: unique("Team"), ..Stage::bare(testbed, "unused")? };
    let cluster = objects::cluster("Edge_1", testbed.target(1)?.kubeconfig()).in_namespace(&stage.namespace);
    stage.register([cluster]).await?;
    let name = unique("My_Shop");
    let shop = objects::application(&name.to_lowercase().replace('_', "-")).in_namespace(&stage.namespace);
    let mut body = shop.rest();
    body["metadata"]["name"] = json!(name);
    stage.rest.post(&shop.collection(), &body).await?.expect(200)?;
    let path = format!("{}/{name}", shop.collection());
    stage.until_running_on(&path, "Edge_1").await?;
    let explained = stage.rest.get(&format!("{path}/placement")).await?.expect(200)?;
    for part in [&explained["chosen"], &explained["running_on"], &explained["candidates"][0]["cluster"]] {
        assert_eq!(part, "Edge_1", "{explained}");
    }
    assert_eq!(explained["application"], json!(name));
    let lost = plan(&stage, json!([{ "type": "cluster_gone", "cluster": "Edge_1" }])).await?;
    let unplaced = &lost["unplaced"][0];
    assert_eq!((&unplaced["application"], &unplaced["from"]), (&json!(name), &json!("Edge_1")), "{lost}");
    Ok(())
}
