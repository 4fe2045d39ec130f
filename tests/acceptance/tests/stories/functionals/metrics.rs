//! Metrics say where applications go, when they move, and when they do not: E4 to E8 and E13 to E16.

use std::{convert::Infallible, time::Duration};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use krake_acceptance::{SOON, Stage, door::Door};
use krake_operator_domain::scheduling::{
    Because,
    explanation::{Assessed, Explanation},
};
use krake_testbed::{
    Testbed, eventually,
    objects::{self, Application, Resource},
    rest::{Event, Watch},
    throughout, unique,
};
use serde_json::{Value, from_value, json};

through_both_doors![
    own_and_global_metrics_decide_together,
    a_cluster_with_metrics_is_preferred_unless_a_label_says_otherwise,
    a_cluster_whose_providers_are_not_there_takes_nothing,
    an_application_fails_on_an_unknown_metric_and_runs_once_it_makes_sense,
    metrics_that_change_places_move_an_application_each_time_but_not_too_soon,
    an_application_stays_where_leaving_is_not_worth_it_and_while_it_must,
];

/// As long as an application stays where it was put, at least: what the operator of the testbed is told.
const DWELL: SignedDuration = SignedDuration::from_secs(5);

/// How long nothing may happen once it is known that nothing should.
const A_MOMENT: Duration = Duration::from_secs(2);

/// A global provider of fixed values, with a global metric between 0 and 1 for each of them.
struct Gauges<'a> {
    stage: &'a Stage<'a>,
    door: Door,
    provider: String,
}

impl<'a> Gauges<'a> {
    async fn register(door: Door, stage: &'a Stage<'a>, values: &[(&str, f64)]) -> Result<Self> {
        let gauges = Self { stage, door, provider: unique("gauges") };
        door.create(stage, &gauges.showing(values)).await?;
        for (name, _) in values {
            door.create(stage, &objects::metric(name, 1.0, &gauges.provider, name)).await?;
        }
        Ok(gauges)
    }

    fn showing(&self, values: &[(&str, f64)]) -> Resource {
        let values: Value = values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        objects::static_provider(&self.provider, &values)
    }

    async fn show(&self, values: &[(&str, f64)]) -> Result<()> {
        self.door.update(self.stage, &self.showing(values)).await
    }
}

/// E4, with the numbers of S27.
async fn own_and_global_metrics_decide_together(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "weights").await?;
    let q = unique("q");
    let own = |p: f64| objects::static_provider("own", &json!({ "p": p })).in_namespace(&stage.namespace);
    door.create(&stage, &own(0.8)).await?;
    door.create(&stage, &objects::metric("p", 1.0, "own", "p").in_namespace(&stage.namespace)).await?;
    let global = Gauges::register(door, &stage, &[(&q, 0.7)]).await?;
    let de = stage.cluster(1)?.rated_by_own("p", 1.5).rated(&q, 1.0);
    let it = stage.cluster(2)?.rated_by_own("p", 1.0).rated(&q, 1.5);
    door.register(&stage, [de, it]).await?;
    let (_, shop) = stage.application("shop");
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;

    door.update(&stage, &own(0.7)).await?;
    global.show(&[(&q, 0.8)]).await?;

    door.until_running_on(&stage, &shop, "it").await?;
    let (own, global) = ("metricsproviders.core.krake.dev/own", format!("globalmetricsproviders/{}", global.provider));
    for provider in [own, &global] {
        let ready = ["-n", &stage.namespace, "wait", "--for=condition=Ready", provider, "--timeout=60s"];
        testbed.kubectl(&ready).await?;
    }
    Ok(())
}

/// E5, E6.
async fn a_cluster_with_metrics_is_preferred_unless_a_label_says_otherwise(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.bare(testbed, "preferred").await?;
    let heat = unique("heat");
    Gauges::register(door, &stage, &[(&heat, 0.1)]).await?;
    door.register(&stage, [stage.cluster(1)?, stage.cluster(2)?.rated(&heat, 1.0)]).await?;
    let ((_, free), (_, bound)) = (stage.application("free"), stage.application("bound"));
    let bound = bound.where_label("location is DE");
    for application in [&free, &bound] {
        door.create(&stage, application).await?;
    }
    door.until_running_on(&stage, &free, "it").await?;
    door.until_running_on(&stage, &bound, "de").await?;
    Ok(())
}

/// Waits until the door shows that the metrics of a cluster cannot be read, each for this reason.
async fn until_failing(
    door: Door,
    stage: &Stage<'_>,
    cluster: &objects::Cluster,
    codes: &[(&str, &str)],
) -> Result<()> {
    let reasons = door.spelled("metrics_reasons");
    let is_failing = |shown: &Value| {
        let status = &shown["status"];
        let is_told = |(metric, code): &(&str, &str)| status[&reasons][metric]["code"] == *code;
        status["state"] == "FAILING_METRICS" && codes.iter().all(is_told)
    };
    door.until(stage, cluster, is_failing).await.map(drop)
}

/// E7.
async fn a_cluster_whose_providers_are_not_there_takes_nothing(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "unreachable").await?;
    // Nobody listens on the discard port.
    let provider = objects::provider("away", "prometheus", &json!({ "url": "http://127.0.0.1:9" }));
    door.create(&stage, &provider.in_namespace(&stage.namespace)).await?;
    for (metric, provider) in [("unreachable", "away"), ("orphan", "nobody")] {
        door.create(&stage, &objects::metric(metric, 1.0, provider, "up").in_namespace(&stage.namespace)).await?;
    }
    let de = stage.cluster(1)?.rated_by_own("unreachable", 1.0).rated_by_own("orphan", 1.0);
    door.create(&stage, &de).await?;
    door.register(&stage, [stage.cluster(2)?]).await?;
    let codes = [("unreachable", "UNREACHABLE_METRICS_PROVIDER"), ("orphan", "UNKNOWN_METRICS_PROVIDER")];
    until_failing(door, &stage, &de, &codes).await?;
    let (_, shop) = stage.application("shop");
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "it").await?;
    Ok(())
}

/// E8; then the metric is made after all, lies at first, and then says something sensible.
async fn an_application_fails_on_an_unknown_metric_and_runs_once_it_makes_sense(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.bare(testbed, "unknown").await?;
    let heat = unique("heat");
    let de = stage.cluster(1)?.rated(&heat, 1.0);
    door.create(&stage, &de).await?;
    until_failing(door, &stage, &de, &[(&heat, "UNKNOWN_METRIC")]).await?;
    let (_, shop) = stage.application("shop");
    let shop = shop.with_retries(1);
    door.create(&stage, &shop).await?;
    let failed = door.until_state(&stage, &shop, "FAILED").await?;
    assert_eq!(failed["status"]["reason"]["code"], "NO_SUITABLE_RESOURCE");

    let gauges = Gauges::register(door, &stage, &[(&heat, 7.0)]).await?;
    until_failing(door, &stage, &de, &[(&heat, "INVALID_METRIC")]).await?;

    gauges.show(&[(&heat, 0.7)]).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    let reasons = door.spelled("metrics_reasons");
    let is_well = |shown: &Value| {
        let reasons = shown["status"][&reasons].as_object();
        shown["status"]["state"] == "ONLINE" && reasons.is_none_or(serde_json::Map::is_empty)
    };
    door.until(&stage, &de, is_well).await.map(drop)
}

/// The values of x and y, and the scores of the two clusters for an application on `de`: S25, S26.
const BETTER_ELSEWHERE: ([f64; 2], [f64; 2]) = ([0.2, 0.01], [0.121_153_846_153_846_17, 0.124]);
const NOT_BETTER_ENOUGH: ([f64; 2], [f64; 2]) = ([0.02, 0.01], [0.051_923_076_923_076_926, 0.016]);

/// The two clusters of S24 to S26 in a new namespace: `de` is rated by x and half as much again by y, `it` the other way
/// round.
struct Rivals<'a> {
    gauges: Gauges<'a>,
    x: String,
    y: String,
}

impl<'a> Rivals<'a> {
    /// They are made in a state in which `de` is the better one: S24.
    async fn set(door: Door, stage: &'a Stage<'a>) -> Result<Self> {
        let (x, y) = (unique("x"), unique("y"));
        let gauges = Gauges::register(door, stage, &[(&x, 0.01), (&y, 0.1)]).await?;
        let de = stage.cluster(1)?.rated(&x, 1.0).rated(&y, 1.5);
        let it = stage.cluster(2)?.rated(&x, 1.5).rated(&y, 1.0);
        door.register(stage, [de, it]).await?;
        Ok(Self { gauges, x, y })
    }

    async fn show(&self, [x_is, y_is]: [f64; 2]) -> Result<()> {
        self.gauges.show(&[(&self.x, x_is), (&self.y, y_is)]).await
    }

    /// Values of which now the one and now the other cluster is the better one, without end.
    async fn fluctuate(&self) -> Result<Infallible> {
        let mut time = tokio::time::interval(Duration::from_secs(1));
        loop {
            for values in [[0.2, 0.01], [0.01, 0.2]] {
                time.tick().await;
                self.show(values).await?;
            }
        }
    }

    /// Waits until the scheduler knows these scores and keeps an application on `de` for this reason.
    async fn until_kept(&self, shop: &Application, scores: [f64; 2], because: Because) -> Result<()> {
        let rest = &self.gauges.stage.rest;
        let path = format!("{}/placement", shop.path());
        eventually("the scheduler has seen the new values", SOON, async || {
            let explained: Explanation = from_value(rest.get(&path).await?.expect(200)?)?;
            let kept = explained.chosen.as_deref() == Some("de") && explained.because == because.to_string();
            let is_known = ["de", "it"]
                .iter()
                .zip(scores)
                .all(|(cluster, wanted)| score(&explained, cluster).is_some_and(|score| (score - wanted).abs() < 1e-9));
            ensure!(kept && is_known, "{explained:?}");
            Ok(())
        })
        .await
    }

    /// Looks for a moment whether an application stays where it was put.
    async fn stays(&self, shop: &Application, placed: &Place) -> Result<()> {
        throughout("it stays where it is", A_MOMENT, async || {
            let object = self.gauges.stage.rest.get(&shop.path()).await?.expect(200)?;
            ensure!(place(&object["status"]).as_ref() == Some(placed), "{}", object["status"]);
            Ok(())
        })
        .await
    }
}

fn score(explained: &Explanation, cluster: &str) -> Option<f64> {
    match &explained.candidates.iter().find(|found| found.cluster == cluster)?.verdict {
        Assessed::Scored { score, .. } => Some(*score),
        Assessed::Filtered { .. } => None,
    }
}

/// Where an application was put, and when.
type Place = (String, Timestamp);

/// What the status of an application in REST says of it.
fn place(status: &Value) -> Option<Place> {
    Some((status["scheduled_to"]["name"].as_str()?.to_owned(), status["scheduled"].as_str()?.parse().ok()?))
}

/// The moves of an application, as a watch shows them.
struct Moves {
    watch: Watch,
    places: Vec<Place>,
}

impl Moves {
    async fn watch(stage: &Stage<'_>, shop: &Application) -> Result<Self> {
        Ok(Self { watch: stage.rest.watch(&shop.collection()).await?, places: Vec::new() })
    }

    /// Waits until the application was put somewhere this often.
    async fn until(&mut self, count: usize) -> Result<()> {
        let places = &mut self.places;
        let is_enough = |event: &Event| {
            let place = place(&event.object["status"]);
            if place.is_some() && place.as_ref() != places.last() {
                places.extend(place);
            }
            places.len() >= count
        };
        self.watch.until(2 * SOON, is_enough).await.map(drop)
    }

    /// Each move led elsewhere, and none came too soon.
    fn are_well_spaced(&self) -> Result<()> {
        for pair in self.places.windows(2) {
            let [(from, since), (to, at)] = pair else { continue };
            let stayed = at.duration_since(*since);
            ensure!(from != to && stayed >= DWELL, "from {from} to {to} after {stayed:?}");
        }
        Ok(())
    }
}

/// E13, E14, E16.
async fn metrics_that_change_places_move_an_application_each_time_but_not_too_soon(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.bare(testbed, "flip").await?;
    let rivals = Rivals::set(door, &stage).await?;
    let (_, shop) = stage.application("shop");
    let mut moves = Moves::watch(&stage, &shop).await?;
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    for (values, cluster) in [(BETTER_ELSEWHERE.0, "it"), ([0.01, 0.2], "de")] {
        rivals.show(values).await?;
        door.until_running_on(&stage, &shop, cluster).await?;
    }
    moves.until(3).await?;

    tokio::select! {
        broken = rivals.fluctuate() => match broken? {},
        seen = moves.until(6) => seen?,
    }
    moves.are_well_spaced()
}

/// E15, and E13 for those who must stay.
async fn an_application_stays_where_leaving_is_not_worth_it_and_while_it_must(
    testbed: &Testbed,
    door: Door,
) -> Result<()> {
    let stage = door.bare(testbed, "stay").await?;
    let rivals = Rivals::set(door, &stage).await?;
    let (_, shop) = stage.application("shop");
    door.create(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "de").await?;
    let shown = stage.until_running_on(&shop.path(), "de").await?;
    let placed = place(&shown["status"]).context("it has a place")?;

    let (values, scores) = NOT_BETTER_ENOUGH;
    rivals.show(values).await?;
    // And not because it came a moment ago.
    rivals.until_kept(&shop, scores, Because::Best).await?;
    rivals.stays(&shop, &placed).await?;

    door.update(&stage, &shop.clone().staying()).await?;
    rivals.until_kept(&shop, scores, Because::Pinned).await?;
    let (values, scores) = BETTER_ELSEWHERE;
    rivals.show(values).await?;
    rivals.until_kept(&shop, scores, Because::Pinned).await?;
    rivals.stays(&shop, &placed).await?;

    door.update(&stage, &shop).await?;
    door.until_running_on(&stage, &shop, "it").await.map(drop)
}
