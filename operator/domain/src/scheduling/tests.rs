mod decisions;
pub(super) mod properties;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use krake_crds::{kubernetes::cluster::ClusterState, reference::ObjectReference};

use super::*;
use crate::metric::{Rating, Term};

pub(super) const NOW: i64 = 1_000_000;
pub(super) const NOWHERE: &str = "nowhere";

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn reference(name: &str) -> ObjectReference {
    ObjectReference::cluster("shop", name)
}

pub(super) fn online(name: &str, location: &str) -> Candidate {
    Candidate {
        place: reference(name),
        labels: BTreeMap::from([("location".into(), location.into())]),
        state: ClusterState::Online,
        ..Candidate::default()
    }
}

pub(super) fn in_state(name: &str, state: ClusterState, seconds: i64) -> Candidate {
    Candidate { state, unavailable_since: Some(at(NOW - seconds)), ..online(name, "DE") }
}

/// A candidate with metrics of these values and weights.
pub(super) fn rated(candidate: Candidate, metrics: &[(&str, f64, f64)]) -> Candidate {
    let term =
        |&(name, value, weight): &(&str, f64, f64)| Term { name: name.into(), value, weight, at: None, source: None };
    candidate.rated(Rating { terms: metrics.iter().map(term).collect(), ..Rating::default() })
}

pub(super) fn request(labels: &[&str]) -> Request {
    Request {
        uid: "5c6a".into(),
        labels: labels.iter().map(|text| text.parse().unwrap()).collect(),
        may_migrate: true,
        ..Request::default()
    }
}

pub(super) fn bound(labels: &[&str], to: &str, seconds: i64) -> Request {
    Request { current: Some(reference(to)), scheduled_at: Some(at(NOW - seconds)), ..request(labels) }
}

fn run<'a>(request: &'a Request, candidates: &'a [Candidate]) -> Decision<'a> {
    decide(request, candidates, &Policy::default(), at(NOW))
}

fn outcome(request: &Request, candidates: &[Candidate]) -> (String, Because, Option<u64>) {
    let decision = run(request, candidates);
    let after = decision.reconsider_after.map(|after| after.as_secs());
    (decision.chosen.map_or(NOWHERE.into(), |place| place.name.clone()), decision.because, after)
}
