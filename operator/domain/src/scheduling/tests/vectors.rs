//! Krake's numeric vectors, `controllers.md` §3.16.

use krake_crds::{
    core::MetricSpec,
    kubernetes::{Application, Cluster},
    reason::{Reason, ReasonCode},
};
use serde_json::{Value, from_value, json};

use super::*;
use crate::metric::{MetricKey, Reading, Readings, Worth, normalise};

/// The metrics of the vectors; `nm` is one of the namespace.
const METRICS: &[(&str, f64, f64, &[i64])] = &[
    ("el", 0.0, 1.0, &[]),
    ("green", 0.0, 1.0, &[]),
    ("heat", 0.0, 5.0, &[]),
    ("temp", -20.0, 60.0, &[]),
    ("z6", 0.0, 5.0, &[0, 1, 4, 5]),
    ("m1", 0.0, 1.0, &[]),
    ("nm", 0.0, 10.0, &[]),
    ("x", 0.0, 1.0, &[]),
    ("y", 0.0, 1.0, &[]),
    ("p", 0.0, 1.0, &[]),
    ("q", 0.0, 1.0, &[]),
];

struct Vector {
    name: &'static str,
    /// `cluster metric:weight metric:weight …`.
    clusters: &'static [&'static str],
    /// Raw values.
    raw: &'static [(&'static str, f64)],
    /// Where the application is, and since how many seconds.
    bound: Option<(&'static str, i64)>,
    /// Scores of the clusters that are ranked.
    scores: &'static [(&'static str, f64)],
    chosen: &'static str,
}

const VECTORS: &[Vector] = &[
    Vector {
        name: "S1",
        clusters: &["c1 el:10 green:1", "c2 el:1 green:10"],
        raw: &[("el", 0.9), ("green", 0.1)],
        bound: None,
        scores: &[("c1", 0.827_272_727_272_727_3), ("c2", 0.172_727_272_727_272_73)],
        chosen: "c1",
    },
    Vector {
        name: "S2",
        clusters: &["c1 el:10 green:1", "c2 el:1 green:10"],
        raw: &[("el", 0.9), ("green", 0.1)],
        bound: Some(("c1", 120)),
        scores: &[("c1", 0.828_828_828_828_828_8), ("c2", 0.172_727_272_727_272_73)],
        chosen: "c1",
    },
    Vector {
        name: "S3",
        clusters: &["c1 el:10 green:1", "c2 el:1 green:10"],
        raw: &[("el", 0.1), ("green", 0.9)],
        bound: Some(("c1", 120)),
        scores: &[("c1", 0.180_180_180_180_180_2), ("c2", 0.827_272_727_272_727_3)],
        chosen: "c2",
    },
    Vector {
        name: "S4",
        clusters: &["c1 el:10 green:1", "c2 el:1 green:10"],
        raw: &[("el", 0.1), ("green", 0.9)],
        bound: Some(("c1", 10)),
        scores: &[],
        chosen: "c1",
    },
    Vector {
        name: "S5",
        clusters: &["a m1:1", "b m1:1"],
        raw: &[("m1", 0.75)],
        bound: Some(("a", 120)),
        scores: &[("a", 0.772_727_272_727_272_6), ("b", 0.75)],
        chosen: "a",
    },
    Vector {
        name: "S6",
        clusters: &["c1 heat:0.45 el:2", "c2 heat:1", "c3"],
        raw: &[("heat", 2.0), ("el", 0.3)],
        bound: None,
        scores: &[("c1", 0.318_367_346_938_775_5), ("c2", 0.4)],
        chosen: "c2",
    },
    Vector {
        name: "S7",
        clusters: &["c1 heat:0.45 el:2", "c2 heat:1", "c3"],
        raw: &[("heat", 2.0), ("el", 0.3)],
        bound: Some(("c3", 120)),
        scores: &[("c1", 0.318_367_346_938_775_5), ("c2", 0.4)],
        chosen: "c2",
    },
    Vector {
        name: "S8",
        clusters: &["c1 heat:0.45 el:2", "c2 heat:1", "c3"],
        raw: &[("heat", 2.0), ("el", 0.3)],
        bound: Some(("c2", 120)),
        scores: &[("c1", 0.318_367_346_938_775_5), ("c2", 0.454_545_454_545_454_53)],
        chosen: "c2",
    },
    Vector {
        name: "S9",
        clusters: &["c1 temp:3"],
        raw: &[("temp", 10.0)],
        bound: None,
        scores: &[("c1", 0.375)],
        chosen: "c1",
    },
    Vector {
        name: "S10",
        clusters: &["c1 heat:1", "c2"],
        raw: &[("heat", 5.5)],
        bound: None,
        scores: &[("c2", 0.0)],
        chosen: "c2",
    },
    Vector {
        name: "S11 upper",
        clusters: &["c1 heat:1"],
        raw: &[("heat", 5.0)],
        bound: None,
        scores: &[("c1", 1.0)],
        chosen: "c1",
    },
    Vector {
        name: "S11 lower",
        clusters: &["c1 heat:1"],
        raw: &[("heat", 0.0)],
        bound: None,
        scores: &[("c1", 0.0)],
        chosen: "c1",
    },
    Vector {
        name: "S12 not allowed",
        clusters: &["c1 z6:1"],
        raw: &[("z6", 2.0)],
        bound: None,
        scores: &[],
        chosen: NOWHERE,
    },
    Vector {
        name: "S12 allowed",
        clusters: &["c1 z6:1"],
        raw: &[("z6", 4.0)],
        bound: None,
        scores: &[("c1", 0.8)],
        chosen: "c1",
    },
    Vector { name: "S13", clusters: &["c1 nope:1"], raw: &[], bound: None, scores: &[], chosen: NOWHERE },
    Vector { name: "S14", clusters: &["c1 z:1", "c2"], raw: &[], bound: None, scores: &[("c2", 0.0)], chosen: "c2" },
    Vector {
        name: "S15",
        clusters: &["c1", "c2"],
        raw: &[],
        bound: Some(("c1", 120)),
        scores: &[("c1", 0.1), ("c2", 0.0)],
        chosen: "c1",
    },
    Vector {
        name: "S22",
        clusters: &["c1 nm:2"],
        raw: &[("nm", 7.0)],
        bound: None,
        scores: &[("c1", 0.7)],
        chosen: "c1",
    },
    Vector {
        name: "S24",
        clusters: &["c1 x:1 y:1.5", "c2 x:1.5 y:1"],
        raw: &[("x", 0.01), ("y", 0.1)],
        bound: None,
        scores: &[("c1", 0.064), ("c2", 0.046)],
        chosen: "c1",
    },
    Vector {
        name: "S25",
        clusters: &["c1 x:1 y:1.5", "c2 x:1.5 y:1"],
        raw: &[("x", 0.2), ("y", 0.01)],
        bound: Some(("c1", 61)),
        scores: &[("c1", 0.121_153_846_153_846_17), ("c2", 0.124)],
        chosen: "c2",
    },
    Vector {
        name: "S26",
        clusters: &["c1 x:1 y:1.5", "c2 x:1.5 y:1"],
        raw: &[("x", 0.02), ("y", 0.01)],
        bound: Some(("c1", 61)),
        scores: &[("c1", 0.051_923_076_923_076_926), ("c2", 0.016)],
        chosen: "c1",
    },
    Vector {
        name: "S27 first",
        clusters: &["c1 p:1.5 q:1", "c2 p:1 q:1.5"],
        raw: &[("p", 0.8), ("q", 0.7)],
        bound: None,
        scores: &[("c1", 0.76), ("c2", 0.74)],
        chosen: "c1",
    },
    Vector {
        name: "S27 second",
        clusters: &["c1 p:1.5 q:1", "c2 p:1 q:1.5"],
        raw: &[("p", 0.7), ("q", 0.8)],
        bound: None,
        scores: &[("c1", 0.74), ("c2", 0.76)],
        chosen: "c2",
    },
    Vector { name: "S28", clusters: &[], raw: &[], bound: None, scores: &[], chosen: NOWHERE },
];

fn readings(raw: &[(&str, f64)]) -> Readings {
    let worth = |name: &str, value: f64| {
        let (_, min, max, allowed) = METRICS.iter().find(|metric| metric.0 == name).unwrap();
        let spec = MetricSpec { min: *min, max: *max, allowed_values: allowed.to_vec(), ..MetricSpec::default() };
        let invalid = |error: crate::metric::Invalid| Worth::Unknown(Reason::new(error.code(), error.to_string()));
        normalise(&spec, value).map_or_else(invalid, Worth::One)
    };
    let of = |&(name, value): &(&str, f64)| {
        let namespace = (name == "nm").then(|| "shop".to_owned());
        let reading = Reading { worth: worth(name, value), at: at(NOW), source: "test".into() };
        (MetricKey { namespace, name: name.into() }, reading)
    };
    // The provider of `z` is missing.
    let no_provider = Reason::new(ReasonCode::UnknownMetricsProvider, "there is no such provider");
    let orphan = Reading { worth: Worth::Unknown(no_provider), at: at(NOW), source: "test".into() };
    raw.iter().map(of).chain([(MetricKey { namespace: None, name: "z".into() }, orphan)]).collect()
}

fn cluster(text: &str, state: &str, extra: &Value) -> Cluster {
    let mut words = text.split(' ');
    let name = words.next().unwrap();
    let metrics: Vec<_> = words
        .map(|word| {
            let (metric, weight) = word.split_once(':').unwrap();
            json!({ "name": metric, "weight": weight.parse::<f64>().unwrap(), "namespaced": metric == "nm" })
        })
        .collect();
    let mut spec = json!({ "metrics": metrics });
    spec.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": name, "namespace": "shop" }, "spec": spec, "status": { "state": state },
    }))
    .unwrap()
}

fn candidates(vector: &Vector) -> Vec<Candidate> {
    let readings = readings(vector.raw);
    let of = |text: &&str| Candidate::of(&cluster(text, "ONLINE", &json!({})), None, &readings);
    vector.clusters.iter().map(of).collect()
}

#[test]
fn decisions_of_the_numeric_vectors() {
    for vector in VECTORS {
        let request = vector.bound.map_or_else(|| request(&[]), |(to, seconds)| bound(&[], to, seconds));
        let candidates = candidates(vector);
        let decision = run(&request, &candidates);
        let chosen = decision.chosen.map_or(NOWHERE, |place| &place.name);
        assert_eq!(chosen, vector.chosen, "{}", vector.name);
        if decision.because == Because::Dwelling {
            continue;
        }
        let mut scores: Vec<_> =
            decision.ranking().iter().map(|(one, score)| (&*one.place.name, score.total)).collect();
        scores.sort_by_key(|(name, _)| *name);
        assert_eq!(scores.len(), vector.scores.len(), "{}: {scores:?}", vector.name);
        for ((name, score), (expected_name, expected)) in scores.iter().zip(vector.scores) {
            assert_eq!(name, expected_name, "{}", vector.name);
            assert!((score - expected).abs() < 1e-9, "{} {name}: {score} is not {expected}", vector.name);
        }
    }
}

#[test]
fn s10_s13_s14_failing_metrics_say_why() {
    let code = |text: &str, raw: &[(&str, f64)], metric: &str| {
        let candidate = Candidate::of(&cluster(text, "ONLINE", &json!({})), None, &readings(raw));
        candidate.rating.failures[metric].code
    };
    assert_eq!(code("c1 heat:1", &[("heat", 5.5)], "heat"), ReasonCode::InvalidMetric);
    assert_eq!(code("c1 nope:1", &[], "nope"), ReasonCode::UnknownMetric);
    assert_eq!(code("c1 z:1", &[], "z"), ReasonCode::UnknownMetricsProvider);
}

#[test]
fn s16_only_online_clusters_are_eligible() {
    for state in [
        "PENDING",
        "CONNECTING",
        "OFFLINE",
        "UNHEALTHY",
        "NOTREADY",
        "FAILING_METRICS",
        "CREATING",
        "RECONCILING",
        "DELETING",
        "FAILING_RECONCILIATION",
        "FAILED",
        "DEGRADED",
    ] {
        let candidate = Candidate::of(&cluster("c1", state, &json!({})), None, &Readings::new());
        assert_eq!(outcome(&request(&[]), &[candidate]).0, NOWHERE, "{state}");
    }
}

#[test]
fn s17_s18_failing_metrics_end_with_a_value() {
    let readings = readings(&[("heat", 2.0)]);
    let again = Candidate::of(&cluster("c1 heat:1", "FAILING_METRICS", &json!({})), None, &readings);
    let found = [again];
    let request = request(&[]);
    let decision = run(&request, &found);
    assert_eq!(decision.chosen.map(|place| &*place.name), Some("c1"));
    assert!((decision.ranking()[0].1.total - 0.4).abs() < 1e-9);
    let without = Candidate::of(&cluster("c1", "FAILING_METRICS", &json!({})), None, &readings);
    assert_eq!(outcome(&request, &[without]).0, NOWHERE);
}

#[test]
fn s23_stickiness_is_one_more_metric() {
    let clusters = [rated(online("a", "DE"), &[("m1", 0.5, 1.0)]), rated(online("b", "DE"), &[("m1", 0.5, 1.0)])];
    for (stickiness, expected) in [
        (0.0, 0.5),
        (0.1, 0.545_454_545_454_545_4),
        (0.5, 0.666_666_666_666_666_6),
        (1.0, 0.75),
        (2.0, 0.833_333_333_333_333_4),
    ] {
        let policy = Policy { stickiness, ..Policy::default() };
        let request = bound(&[], "a", 120);
        let decision = decide(&request, &clusters, &policy, at(NOW));
        let Some(Verdict::Scored(score)) = decision.verdict_on(&reference("a")) else { panic!("a does not fit") };
        assert!((score.total - expected).abs() < 1e-9, "σ = {stickiness}: {}", score.total);
        assert_eq!(decision.verdict_on(&reference("b")), Some(&Verdict::Scored(Score { total: 0.5, stickiness: 0.0 })));
    }
}

/// A cluster on the cloud of the vectors: labels `location` and `tier`, metrics `heat:2` and `el:1`.
fn inheriting(text: &str, extra: &Value) -> Candidate {
    let cloud: krake_crds::infrastructure::CloudSpec = from_value(json!({
        "type": "openstack", "labels": { "location": "DE", "tier": "gold" },
        "openstack": {
            "url": "http://keystone", "auth": { "type": "password" }, "infrastructureProvider": { "name": "im" },
            "metrics": [{ "name": "heat", "weight": 2 }, { "name": "el", "weight": 1 }],
        },
    }))
    .unwrap();
    let parent = inheritance::Parent { spec: &cloud, is_global: false };
    Candidate::of(&cluster(text, "ONLINE", extra), Some(&parent), &readings(&[("heat", 2.0), ("el", 0.3)]))
}

#[test]
fn clusters_inherit_from_their_clouds() {
    let labels = |candidate: &Candidate| candidate.labels.clone().into_iter().collect::<Vec<_>>();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let all = inheriting("c", &json!({ "labels": { "location": "IT" }, "inheritLabels": true }));
    assert_eq!(labels(&all), [pair("location", "DE"), pair("tier", "gold")], "I1");
    let score = |candidate: &Candidate| Score::of(candidate, 0.0).total;
    let inherited = inheriting("c", &json!({ "inheritMetrics": true }));
    assert!((score(&inherited) - 0.366_666_666_666_666_7).abs() < 1e-9, "I2");
    let own = inheriting("c el:1", &json!({ "inheritMetrics": true }));
    assert!((score(&own) - 0.366_666_666_666_666_7).abs() < 1e-9, "I3");
    let nothing = inheriting("c", &json!({}));
    assert_eq!((score(&nothing), labels(&nothing)), (0.0, vec![]), "I4");
    let constraints = json!({ "constraints": { "cloud": { "labels": ["tier is gold"], "metrics": ["el > 0"] } } });
    let named = inheriting("c", &constraints);
    assert_eq!(labels(&named), [pair("tier", "gold")]);
    assert!((score(&named) - 0.3).abs() < 1e-9);
}

#[test]
fn a_request_with_metrics_reads_from_an_application() {
    let application: Application = from_value(json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Application", "metadata": { "name": "shop" },
        "spec": { "constraints": { "cluster": { "metrics": ["load > 5"] } } },
    }))
    .unwrap();
    let request = Request::of(&application).unwrap();
    let loaded = |weight| [rated(online("c1", "DE"), &[("load", 1.0, weight)])];
    assert_eq!(outcome(&request, &loaded(6.0)).0, "c1");
    assert_eq!(outcome(&request, &loaded(5.0)).0, NOWHERE);
}
