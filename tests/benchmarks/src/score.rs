//! The scheduler alone, on one core: every application is decided anew against every cluster, as when a metric changed.
//!
//! The comparison is the same decision as it would be made naively: with what was found about each candidate written out
//! for people each time, and not only for those who ask.

use std::{
    fmt::Write,
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use krake_crds::{
    kubernetes::{Application, Cluster},
    reference::ObjectReference,
};
use krake_operator_domain::{
    metric::{MetricKey, Reading, Readings, Worth},
    scheduling::{Candidate, Decision, Policy, Request, Verdict, decide},
};
use serde_json::json;

use crate::figure::{Figure, Sheet, number};

/// How often each figure is measured; the middle one counts.
const ROUNDS: usize = 3;

/// The naive way is measured for one of so many applications.
const SAMPLE: usize = 20;

/// By how many metrics each cluster is rated.
const METRICS_PER_CLUSTER: usize = 4;

/// One of so many clusters is where an application that is particular may run.
const ZONES: usize = 10;

/// How many clusters, applications and metrics there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Clusters.
    pub clusters: usize,
    /// Applications.
    pub applications: usize,
    /// Metrics; each cluster is rated by four of them.
    pub metrics: usize,
}

/// Measures and prints.
///
/// # Errors
/// When what is measured does not do what it should: then the figures would mean nothing.
pub fn run(size: Size, sheet: &Sheet) -> Result<()> {
    let now: Timestamp = "2026-01-02T03:04:05Z".parse().context("read a time")?;
    let clusters = (0..size.clusters).map(|number| cluster(number, size)).collect::<Result<Vec<_>>>()?;
    let readings = readings(size, now);
    let candidates = || clusters.iter().map(|cluster| Candidate::of(cluster, None, &readings)).collect::<Vec<_>>();
    let observed = middle(|| drop(black_box(candidates())));
    let name = format!("{} clusters rated by {METRICS_PER_CLUSTER} of {} metrics", size.clusters, size.metrics);
    sheet.print(&Figure::seconds(name, observed));

    let candidates = candidates();
    for (what, constraint) in [("of which all fit", None), ("of which a tenth fits by label", Some("zone is z0"))] {
        let requests =
            (0..size.applications).map(|number| request(number, size, constraint)).collect::<Result<Vec<_>>>()?;
        let scene = Scene { requests, candidates: &candidates, now };
        scene.check()?;
        let name = format!("{} applications scored against {} clusters, {what}", size.applications, size.clusters);
        let quick = middle(|| scene.decide_all());
        let sample = number(scene.requests.len()) / number(scene.requests.iter().step_by(SAMPLE).len());
        let naive = middle(|| scene.explain_some()).as_secs_f64() * sample;
        sheet.print(&Figure::seconds(name, quick).bar("1 s").compared("with all explained in words", naive));
    }
    Ok(())
}

struct Scene<'a> {
    requests: Vec<Request>,
    candidates: &'a [Candidate],
    now: Timestamp,
}

impl Scene<'_> {
    fn decide<'a>(&'a self, request: &'a Request) -> Decision<'a> {
        decide(request, self.candidates, &Policy::default(), self.now)
    }

    fn decide_all(&self) {
        for request in &self.requests {
            black_box(self.decide(request).chosen);
        }
    }

    fn explain_some(&self) {
        for request in self.requests.iter().step_by(SAMPLE) {
            black_box(explanation(&self.decide(request)));
        }
    }

    /// Some applications stay and some move: otherwise the work would not be that of a scheduler.
    fn check(&self) -> Result<()> {
        let places = || self.requests.iter().map(|request| (self.decide(request).chosen, request.current.as_ref()));
        ensure!(places().all(|(chosen, _)| chosen.is_some()), "some applications have no place");
        ensure!(places().any(|(chosen, current)| chosen != current), "no application moves");
        Ok(())
    }
}

/// What was found about every candidate, in words.
fn explanation(decision: &Decision<'_>) -> String {
    let mut text = decision.summary();
    for assessment in &decision.assessments {
        let name = &assessment.candidate.place.name;
        // A String takes everything.
        let _ = match &assessment.verdict {
            Verdict::Filtered(objection) => writeln!(text, "{name}: {objection}"),
            Verdict::Scored(score) => writeln!(text, "{name}: {}", score.sentence(assessment.candidate)),
        };
    }
    text
}

fn middle(mut work: impl FnMut()) -> Duration {
    let mut times = [Duration::ZERO; ROUNDS].map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn cluster_name(number: usize) -> String {
    format!("cluster-{number:04}")
}

fn metric_name(number: usize) -> String {
    format!("metric-{number:03}")
}

fn cluster(number: usize, size: Size) -> Result<Cluster> {
    let metrics: Vec<_> = (1..=METRICS_PER_CLUSTER)
        .map(|rank| json!({ "name": metric_name(number * rank % size.metrics), "weight": rank }))
        .collect();
    let cluster = json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": { "name": cluster_name(number), "namespace": "bench" },
        "spec": {
            "labels": {
                "zone": format!("z{}", number % ZONES), "location": "DE", "tier": "gold", "provider": "example",
            },
            "metrics": metrics,
        },
        "status": { "state": "ONLINE" },
    });
    serde_json::from_value(cluster).context("understand a cluster")
}

/// Values between 0 and 1 in no particular order.
fn readings(size: Size, now: Timestamp) -> Readings {
    let reading = |metric: usize| {
        let worth = Worth::One(number(metric * 61 % 97) / 97.0);
        let key = MetricKey { namespace: None, name: metric_name(metric) };
        (key, Reading { worth, at: now, source: "GlobalMetricsProvider bench".to_owned() })
    };
    (0..size.metrics).map(reading).collect()
}

/// An application that has had its place for long enough to leave it.
fn request(number: usize, size: Size, constraint: Option<&str>) -> Result<Request> {
    let place = ObjectReference::cluster("bench", &cluster_name(number % size.clusters));
    let application = json!({
        "apiVersion": "kubernetes.krake.dev/v1alpha1",
        "kind": "Application",
        "metadata": { "name": format!("app-{number:05}"), "namespace": "bench", "uid": format!("uid-{number}") },
        "spec": { "constraints": { "cluster": { "labels": constraint.map(|text| [text]) } } },
        "status": { "scheduledTo": place, "scheduledAt": "2026-01-01T00:00:00.000000Z" },
    });
    let application: Application = serde_json::from_value(application).context("understand an application")?;
    Request::of(&application).context("understand a constraint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_fleet_is_scored_and_explained() {
        let size = Size { clusters: 20, applications: 40, metrics: 8 };
        run(size, &Sheet::default()).unwrap();
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let readings = readings(size, now);
        let candidates: Vec<_> =
            (0..20).map(|number| Candidate::of(&cluster(number, size).unwrap(), None, &readings)).collect();
        let requests = vec![request(0, size, Some("zone is z0")).unwrap()];
        let scene = Scene { requests, candidates: &candidates, now };
        let text = explanation(&scene.decide(&scene.requests[0]));
        assert!(text.contains("2 of 20 fit") && text.contains("cluster-0001: the constraint"), "{text}");
    }
}
