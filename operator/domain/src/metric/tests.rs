use krake_crds::{
    reason::{Reason, ReasonCode},
    reference::MetricReference,
};
use proptest::prelude::*;

use super::*;

fn spec(min: f64, max: f64, allowed_values: &[i64]) -> MetricSpec {
    MetricSpec { min, max, allowed_values: allowed_values.to_vec(), ..MetricSpec::default() }
}

#[test]
fn values_of_the_numeric_vectors() {
    for (name, spec, value, expected) in [
        ("S9 temp", spec(-20.0, 60.0, &[]), 10.0, Some(0.375)),
        ("S10 heat", spec(0.0, 5.0, &[]), 5.5, None),
        ("S11 upper bound", spec(0.0, 5.0, &[]), 5.0, Some(1.0)),
        ("S11 lower bound", spec(0.0, 5.0, &[]), 0.0, Some(0.0)),
        ("S12 not allowed", spec(0.0, 5.0, &[0, 1, 4, 5]), 2.0, None),
        ("S12 allowed", spec(0.0, 5.0, &[0, 1, 4, 5]), 4.0, Some(0.8)),
        ("S22 nm", spec(0.0, 10.0, &[]), 7.0, Some(0.7)),
        ("minus zero", spec(0.0, 1.0, &[0]), -0.0, Some(0.0)),
        ("not a number", spec(0.0, 5.0, &[]), f64::NAN, None),
        ("infinite", spec(0.0, 5.0, &[]), f64::INFINITY, None),
        ("empty range", spec(1.0, 1.0, &[]), 1.0, None),
        ("range upside down", spec(2.0, 1.0, &[]), 1.5, None),
        ("endless range", spec(f64::NEG_INFINITY, 1.0, &[]), 0.0, None),
    ] {
        assert_eq!(normalise(&spec, value).ok(), expected, "{name}");
    }
}

#[test]
fn what_is_wrong_is_said_in_the_same_words_for_every_value() {
    let sentence = |spec: &MetricSpec, value| normalise(spec, value).unwrap_err().to_string();
    for value in [5.5, 7.0, f64::NAN] {
        assert_eq!(sentence(&spec(0.0, 5.0, &[]), value), "its value is not between 0 and 5");
    }
    for value in [2.0, 3.0] {
        assert_eq!(sentence(&spec(0.0, 5.0, &[1]), value), "its value is none of the allowed ones");
    }
    assert_eq!(sentence(&spec(3.0, 3.0, &[]), 3.0), "its range is empty: min is 3 and max is 3");
}

fn reading(worth: Worth) -> Reading {
    Reading { worth, at: jiff::Timestamp::UNIX_EPOCH, source: "MetricsProvider prometheus".into() }
}

fn key(namespace: Option<&str>, name: &str) -> MetricKey {
    MetricKey { namespace: namespace.map(str::to_owned), name: name.into() }
}

fn reference(name: &str, weight: f64, namespaced: bool) -> MetricReference {
    MetricReference { name: name.into(), weight, namespaced }
}

fn readings() -> Readings {
    let broken = Reason::new(ReasonCode::UnreachableMetricsProvider, "no answer");
    Readings::from([
        (key(None, "heat"), reading(Worth::One(0.4))),
        (key(Some("web"), "heat"), reading(Worth::One(0.9))),
        (
            key(None, "load"),
            reading(Worth::PerCluster([("web/edge".into(), Ok(0.1)), ("edge".into(), Ok(0.2))].into())),
        ),
        (key(None, "broken"), reading(Worth::Unknown(broken))),
        (key(None, "fresh"), reading(Worth::Unread)),
    ])
}

fn rated(reference: MetricReference, namespace: Option<&str>, names: &[&str]) -> Result<f64, ReasonCode> {
    let name = reference.name.clone();
    let rating = rate(&[reference], namespace, names, &readings());
    rating.weighted(&name).ok_or_else(|| rating.failures[&name].code)
}

#[test]
fn a_reference_means_the_metric_of_its_namespace_or_the_global_one() {
    assert_eq!(rated(reference("heat", 1.0, false), Some("web"), &[]), Ok(0.4));
    assert_eq!(rated(reference("heat", 1.0, true), Some("web"), &[]), Ok(0.9));
    assert_eq!(rated(reference("heat", 1.0, true), Some("dev"), &[]), Err(ReasonCode::UnknownMetric));
    assert_eq!(rated(reference("heat", 1.0, true), None, &[]), Err(ReasonCode::InvalidMetric));
    assert_eq!(rated(reference("nope", 1.0, false), Some("web"), &[]), Err(ReasonCode::UnknownMetric));
    assert_eq!(rated(reference("broken", 1.0, false), None, &[]), Err(ReasonCode::UnreachableMetricsProvider));
}

#[test]
fn a_value_for_a_single_cluster_is_that_of_its_most_exact_name() {
    assert_eq!(rated(reference("load", 1.0, false), Some("web"), &["web/edge", "edge"]), Ok(0.1));
    assert_eq!(rated(reference("load", 1.0, false), Some("dev"), &["dev/edge", "edge"]), Ok(0.2));
    assert_eq!(
        rated(reference("load", 1.0, false), Some("dev"), &["dev/core", "core"]),
        Err(ReasonCode::InvalidMetric)
    );
}

#[test]
fn a_weight_must_be_above_zero() {
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(rated(reference("heat", weight, false), None, &[]), Err(ReasonCode::InvalidMetric), "{weight}");
    }
}

#[test]
fn one_metric_that_fails_makes_a_rating_incomplete() {
    let references = [reference("heat", 1.0, false), reference("nope", 1.0, false)];
    let rating = rate(&references, None, &[], &readings());
    assert_eq!((rating.terms.len(), rating.failures.len(), rating.is_complete()), (1, 1, false));
    assert!(rate(&references[..1], None, &[], &readings()).is_complete());
    assert!(!Rating::default().is_complete());
    let unread = rate(&[references[0].clone(), reference("fresh", 1.0, false)], None, &[], &readings());
    assert_eq!((unread.failures.len(), unread.is_pending, unread.is_complete()), (0, true, false));
}

proptest! {
    #[test]
    fn what_counts_is_between_zero_and_one(min in -1e6_f64..1e6, span in 1e-3_f64..1e6, value: f64) {
        if let Ok(normalised) = normalise(&spec(min, min + span, &[]), value) {
            prop_assert!((0.0..=1.0).contains(&normalised));
        }
    }
}
