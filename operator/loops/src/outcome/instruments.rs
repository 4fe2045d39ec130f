//! What the loops export about themselves. Labels come from closed sets, never from names of objects.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Counters and histograms of all loops. Cheap to clone: every clone counts into the same numbers.
#[derive(Clone, Debug)]
pub struct Instruments {
    reconciles: Family<Reconcile, Counter>,
    durations: Family<Loop, Histogram>,
    status_writes: Family<Loop, Counter>,
    metric_reads: Family<MetricRead, Counter>,
    new_places: Counter,
    decisions: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MetricRead {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reconcile {
    controller: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Loop {
    controller: &'static str,
}

impl Instruments {
    /// Makes the instruments and enters them into `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let made = Self {
            reconciles: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0])),
            status_writes: Family::default(),
            metric_reads: Family::default(),
            new_places: Counter::default(),
            decisions: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]),
        };
        let reconciles = "Reconciles, by controller and outcome: ok, or the category of the error";
        registry.register("reconciles", reconciles, made.reconciles.clone());
        let durations = "Time one reconcile took";
        registry.register_with_unit("reconcile_duration", durations, Unit::Seconds, made.durations.clone());
        registry.register("status_writes", "Status patches sent, by controller", made.status_writes.clone());
        let reads = "Questions to metrics providers, by outcome: ok or failed";
        registry.register("metric_reads", reads, made.metric_reads.clone());
        let places =
            "Decisions to move that followed from a change of clusters or metrics; again until they are written";
        registry.register("new_places", places, made.new_places.clone());
        let decisions = "Time to decide all applications of a namespace anew after such a change";
        registry.register_with_unit("decision_duration", decisions, Unit::Seconds, made.decisions.clone());
        made
    }

    /// Counts that all applications of a namespace were decided anew, and how many of them have to move.
    pub fn decided_anew(&self, moves: u64, took: Duration) {
        self.new_places.inc_by(moves);
        self.decisions.observe(took.as_secs_f64());
    }

    /// Counts one reconcile. `outcome` is `ok` or the category of the error.
    pub fn reconciled(&self, controller: &'static str, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Reconcile { controller, outcome }).inc();
        self.durations.get_or_create(&Loop { controller }).observe(took.as_secs_f64());
    }

    /// Counts one question to a metrics provider.
    pub fn read_metric(&self, is_answered: bool) {
        let outcome = if is_answered { "ok" } else { "failed" };
        self.metric_reads.get_or_create(&MetricRead { outcome }).inc();
    }

    /// Counts one status patch.
    pub fn wrote_status(&self, controller: &'static str) {
        self.status_writes.get_or_create(&Loop { controller }).inc();
    }
}
