use jiff::Timestamp;
use krake_crds::{infrastructure::CloudSpec, reference::MetricReference};
use serde_json::{from_value, json};

use super::*;
use crate::{
    metric::{MetricKey, Rating, Reading, Readings, Worth},
    scheduling::inheritance::Parent,
};

/// What the metrics of the numeric vectors are worth: heat is 2 of 5, el is 0.3 of 1.
fn readings() -> Readings {
    let reading = |value| Reading { worth: Worth::One(value), at: Timestamp::UNIX_EPOCH, source: "test".into() };
    [("heat", 0.4), ("el", 0.3)]
        .into_iter()
        .map(|(name, value)| (MetricKey { namespace: None, name: name.into() }, reading(value)))
        .collect()
}

fn cloud(name: &str, location: Option<&str>, metrics: &[(&str, f64)]) -> Candidate {
    let spec: CloudSpec = from_value(json!({
        "type": "openstack",
        "labels": location.map(|location| json!({ "location": location })).unwrap_or(json!({})),
        "openstack": {
            "url": "http://keystone", "auth": { "type": "password" }, "infrastructureProvider": { "name": "im" },
            "metrics": metrics.iter().map(|(name, weight)| json!({ "name": name, "weight": weight })).collect::<Vec<_>>(),
        },
    }))
    .unwrap();
    let place = ObjectReference { kind: "Cloud".into(), name: name.into(), ..ObjectReference::default() };
    Candidate::of_cloud(place, &Parent { spec: &spec, is_global: false }, false, &readings())
}

fn asking(labels: &[&str], metrics: &[&str]) -> Request {
    Request {
        uid: "u1".into(),
        labels: labels.iter().map(|text| text.parse().unwrap()).collect(),
        metrics: metrics.iter().map(|text| text.parse().unwrap()).collect(),
        ..Request::default()
    }
}

fn name<'a>(request: &Request, own: &'a [Candidate], global: &'a [Candidate]) -> Option<&'a str> {
    match choose(request, own, global) {
        Choice::Cloud(place) => Some(place.name.as_str()),
        Choice::NothingFits => None,
        Choice::MetricsPending => panic!("metrics are pending"),
    }
}

#[test]
fn clouds_of_the_numeric_vectors() {
    let free = asking(&[], &[]);
    let german = asking(&["location is DE"], &[]);
    let hot = asking(&[], &["heat >= 0.4"]);
    let heat = ("heat", 1.0);
    let el = ("el", 1.0);
    let nope = ("nope", 1.0);
    for (vector, request, own, global, expected) in [
        ("K1", &free, vec![cloud("k1", None, &[el])], vec![cloud("g", None, &[heat])], Some("k1")),
        ("K2", &german, vec![cloud("k1", None, &[])], vec![cloud("g", Some("DE"), &[])], Some("g")),
        ("K3", &free, vec![], vec![], None),
        (
            "K4",
            &free,
            vec![cloud("k1", None, &[el]), cloud("k2", None, &[heat]), cloud("k3", None, &[])],
            vec![],
            Some("k2"),
        ),
        ("K5", &free, vec![cloud("k1", None, &[nope])], vec![], Some("k1")),
        ("K6", &hot, vec![cloud("k2", None, &[heat])], vec![], Some("k2")),
        ("K7", &hot, vec![cloud("k2", None, &[])], vec![], None),
    ] {
        assert_eq!(name(request, &own, &global), expected, "{vector}");
    }
}

#[test]
fn a_cloud_that_is_being_deleted_takes_nothing_and_is_counted() {
    let leaving = Candidate { is_deleting: true, ..cloud("k1", Some("DE"), &[]) };
    let clouds = [leaving, cloud("k2", Some("IT"), &[])];
    let request = asking(&["location is DE"], &[]);
    assert_eq!(name(&request, &clouds, &[]), None);
    assert_eq!(summary(&request, &clouds), "0 of 2 fit: 1 deleting, 1 label");
    assert_eq!(summary(&asking(&["location is IT"], &[]), &clouds), "1 of 2 fits: 1 deleting");
    assert_eq!(summary(&request, &[]), "there is no cloud");
}

#[test]
fn nothing_is_decided_while_metrics_that_matter_are_being_read() {
    let pending = |cloud: Candidate| {
        let rating = Rating { is_pending: true, ..Rating::default() };
        cloud.rated(rating)
    };
    let request = asking(&["location is DE"], &[]);
    let fits = cloud("k1", Some("DE"), &[("el", 1.0)]);
    let choice = |own: &[Candidate], global: &[Candidate]| match choose(&request, own, global) {
        Choice::Cloud(place) => place.name.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(choice(&[fits.clone(), pending(cloud("k2", Some("DE"), &[]))], &[]), "MetricsPending");
    assert_eq!(choice(&[], &[pending(cloud("g", Some("DE"), &[]))]), "MetricsPending");
    // Neither can be chosen, whatever their metrics say.
    assert_eq!(choice(&[fits.clone(), pending(cloud("k2", Some("IT"), &[]))], &[]), "k1");
    let leaving = Candidate { is_deleting: true, ..pending(cloud("k2", Some("DE"), &[])) };
    assert_eq!(choice(&[fits, leaving], &[pending(cloud("g", Some("DE"), &[]))]), "k1");
}

#[test]
fn the_order_of_the_clouds_does_not_matter() {
    let clouds: Vec<_> = ["a", "b", "c", "d"].map(|name| cloud(name, None, &[("el", 1.0)])).into();
    let reversed: Vec<_> = clouds.iter().rev().cloned().collect();
    assert_eq!(name(&asking(&[], &[]), &clouds, &[]), name(&asking(&[], &[]), &reversed, &[]));
}

#[test]
fn a_reference_with_a_namespace_means_nothing_to_a_global_cloud() {
    let spec = CloudSpec {
        openstack: Some(krake_crds::infrastructure::cloud::OpenstackCloud {
            metrics: vec![MetricReference { name: "heat".into(), weight: 1.0, namespaced: true }],
            ..Default::default()
        }),
        ..CloudSpec::default()
    };
    let place = ObjectReference { kind: "GlobalCloud".into(), name: "g".into(), ..ObjectReference::default() };
    let rated = Candidate::of_cloud(place, &Parent { spec: &spec, is_global: true }, false, &readings());
    assert!(rated.rating.failures.contains_key("heat"));
}
