//! What every controller shares during one term of leadership: clients, caches, settings. Holds no decision and no fact
//! that could not be read again from the management cluster.

mod announcer;
mod cache;
mod grouping;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use krake_crds::{
    core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider, SafetyPolicy},
    infrastructure::{Cloud, GlobalCloud},
    kubernetes::{Application, Cluster, Placement},
    openstack::Project,
};
use krake_operator_domain::scheduling::Policy;
use krake_operator_targets::ClusterCache;
use kube::{
    Api, Client, ResourceExt,
    runtime::events::{EventType, Recorder, Reporter},
};
use tokio_util::sync::CancellationToken;

use futures::{FutureExt, StreamExt, future};
use tokio::sync::watch;

pub use self::cache::Touched;
pub use self::cache::{Cached, Known, Shared, Watched};
use self::{
    announcer::Announcer,
    cache::{Fill, Starting},
};
use crate::{market::Market, outcome::Instruments, readings::Snapshot, safety::Ledger, superseded::Superseded};

/// What the controllers may be told. Every duration is a judgement; the defaults are Krake's where Krake has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Least time that a bound application stays on a cluster that still fits. Krake's default: 60 s; there it is the
    /// period of scheduling anew, too, while here changes wake the scheduler.
    pub reschedule_after: Duration,
    /// Weight of staying where an application already is, against the sum of the metric weights. Krake's default: 0.1.
    pub stickiness: f64,
    /// How long a cluster may be unreachable before its applications look for another one. Five minutes, as Kubernetes
    /// gives an unreachable node.
    pub unreachable_toleration: Duration,
    /// Limit on one reconcile; a silent API server must not hold a slot for ever. Long enough for calls to a slow target:
    /// one that writes may take half a minute, and what is under way is reported only at the end.
    pub reconcile_deadline: Duration,
    /// Period between two probes of a cluster.
    pub probe_interval: Duration,
    /// Whether kubeconfigs of targets may lead to the operator's own host.
    pub allow_local_targets: bool,
    /// How long a deletion may wait before it says that it is stuck. Time enough for a target that restarts.
    pub deletion_patience: Duration,
    /// How long a new copy may take to become ready before a move is given up. As long as Kubernetes gives a Deployment.
    pub progress_deadline: Duration,
    /// Period between two reads of a metric.
    pub metrics_interval: Duration,
    /// How long a value counts when newer ones cannot be read.
    pub metrics_max_age: Duration,
    /// The namespace that the operator keeps its own things in: Secrets of cluster-scoped objects, the Lease.
    pub namespace: String,
    /// Period after which a Placement is compared with its target even when nothing was announced: a net, because every
    /// change there is.
    pub drift_check_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reschedule_after: Duration::from_mins(1),
            stickiness: 0.1,
            unreachable_toleration: Duration::from_mins(5),
            reconcile_deadline: Duration::from_mins(2),
            probe_interval: Duration::from_secs(5),
            allow_local_targets: false,
            deletion_patience: Duration::from_mins(10),
            progress_deadline: Duration::from_mins(10),
            metrics_interval: Duration::from_secs(10),
            metrics_max_age: Duration::from_mins(1),
            namespace: "krake-system".into(),
            drift_check_interval: Duration::from_mins(30),
        }
    }
}

/// Everything a controller may use during one term of leadership.
pub struct Context {
    /// Client of the management cluster.
    pub client: Client,
    /// Writes Kubernetes Events; one for all, because it counts repetitions.
    announcer: Announcer,
    /// Every Application.
    pub applications: Shared<Application>,
    /// Every Cluster.
    pub clusters: Shared<Cluster>,
    /// Every Placement.
    pub placements: Shared<Placement>,
    /// Every Metric.
    pub metrics: Shared<Metric>,
    /// Every `GlobalMetric`.
    pub global_metrics: Shared<GlobalMetric>,
    /// Every `MetricsProvider`.
    pub metrics_providers: Shared<MetricsProvider>,
    /// Every `GlobalMetricsProvider`.
    pub global_metrics_providers: Shared<GlobalMetricsProvider>,
    /// Every Cloud.
    pub clouds: Shared<Cloud>,
    /// Every `GlobalCloud`.
    pub global_clouds: Shared<GlobalCloud>,
    /// Every Project.
    pub projects: Shared<Project>,
    /// Every `SafetyPolicy`.
    pub safety_policies: Shared<SafetyPolicy>,
    /// The clusters of each namespace as the scheduler sees them.
    pub market: Market,
    /// What the metrics are worth now.
    pub readings: Snapshot,
    /// What was moved and removed lately, for the budgets of the safety policies.
    pub ledger: Ledger,
    /// Connections to the target clusters.
    pub targets: Arc<ClusterCache>,
    /// What the loops export about themselves.
    pub instruments: Instruments,
    /// What the loops have replaced lately.
    pub(crate) superseded: Arc<Superseded>,
    /// What the controllers were told.
    pub settings: Settings,
    /// When the term began.
    began: Timestamp,
    /// Cancelled when the term ends.
    pub stop: CancellationToken,
    /// How far each cache is.
    fills: Vec<watch::Receiver<Fill>>,
}

/// What the controllers are given from outside.
pub struct Given {
    /// Client of the management cluster.
    pub client: Client,
    /// Name of this process in Events.
    pub instance: String,
    /// What the loops export about themselves.
    pub instruments: Instruments,
    /// What the controllers were told.
    pub settings: Settings,
}

impl Context {
    /// The context of one term, which ends when `stop` is cancelled, and the pump that fills its caches. The pump must
    /// be polled.
    pub fn start(given: Given, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send) {
        let Given { client, instance, instruments, settings } = given;
        let mut starting = Starting::new(client.clone(), stop.clone());
        let reporter = Reporter { controller: "krake.dev/operator".into(), instance: Some(instance) };
        let recording = client.clone();
        let recorder = move || Recorder::new(recording.clone(), reporter.clone());
        let (announcer, announcing) = Announcer::start(recorder, stop.clone());
        starting.pumps.push(announcing.boxed());
        let context = Self {
            announcer,
            applications: starting.shared(),
            clusters: starting.shared(),
            placements: starting.grouped(application_of),
            metrics: starting.shared(),
            global_metrics: starting.shared(),
            metrics_providers: starting.shared(),
            global_metrics_providers: starting.shared(),
            clouds: starting.shared(),
            global_clouds: starting.shared(),
            projects: starting.shared(),
            safety_policies: starting.shared(),
            market: Market::default(),
            readings: Snapshot::default(),
            ledger: Ledger::default(),
            targets: Arc::new(ClusterCache::new(settings.probe_interval, stop.clone())),
            instruments,
            superseded: Arc::default(),
            settings,
            began: Timestamp::now(),
            stop,
            client,
            fills: starting.fills,
        };
        (context, starting.pumps.collect())
    }

    /// What the scheduler is told.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            reschedule_after: self.settings.reschedule_after,
            stickiness: self.settings.stickiness,
            unreachable_toleration: self.settings.unreachable_toleration,
            looking_since: Some(self.began),
        }
    }

    /// The API of kind `K` in the object's namespace.
    pub fn api_of<K: Watched>(&self, object: &K) -> Api<K> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }

    /// The API of kind `K` in `namespace`.
    #[must_use]
    pub fn api<K: Watched>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The Placements of the application with this name, whoever made them, as last seen.
    #[must_use]
    pub fn placements_of(&self, namespace: &str, application: &str) -> Vec<Arc<Placement>> {
        self.placements.in_group(&group_of_application(namespace, application))
    }

    /// Returns once every cache has been filled completely: before that, what is missing in them means nothing.
    /// Returns `false` if that will never happen, because the term is over.
    pub async fn synced(&self) -> bool {
        let filled = future::join_all(self.fills.iter().cloned().map(is_filled));
        let ready = async { filled.await.into_iter().all(|is_filled| is_filled) };
        self.stop.run_until_cancelled(ready).await.unwrap_or(false)
    }

    /// Whether every cache has been filled completely.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.fills.iter().all(|fill| *fill.borrow() != Fill::Partial)
    }

    /// Whether every cache is complete and no watch has failed since.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.fills.iter().all(|fill| *fill.borrow() == Fill::Current)
    }

    /// Tells the users of `object` that something happened to it. Best effort, and beside the work: nobody waits for it.
    pub fn announce<K: Known>(&self, object: &K, announcement: Announcement) {
        self.announce_about(object.object_ref(&()), announcement);
    }

    /// Returns once everything was told that was announced before.
    pub async fn told(&self) {
        self.announcer.told().await;
    }

    /// As [`Self::announce`], for an object of a kind that is not known at compile time.
    pub fn announce_about(&self, object: ObjectReference, announcement: Announcement) {
        self.announcer.announce(object, announcement);
    }
}

/// The group that a Placement is in: those of its application.
fn application_of(placement: &Placement) -> String {
    group_of_application(&placement.namespace().unwrap_or_default(), &placement.spec.application)
}

/// The group of the Placements of this application.
fn group_of_application(namespace: &str, application: &str) -> String {
    format!("{namespace}/{application}")
}

async fn is_filled(mut fill: watch::Receiver<Fill>) -> bool {
    fill.wait_for(|fill| *fill != Fill::Partial).await.is_ok()
}

/// Something that happened, for users. The recorder drops a repetition of the same reason and action for some minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Normal, or a warning.
    pub severity: EventType,
    /// `PascalCase`, from a closed set.
    pub reason: &'static str,
    /// What we were doing, `PascalCase`.
    pub action: &'static str,
    /// Which thing and what value.
    pub note: String,
}

impl Announcement {
    /// Something that is as it should be.
    pub fn normal(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { severity: EventType::Normal, reason, action, note: note.into() }
    }

    /// Something a user may want to look at.
    pub fn warning(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { severity: EventType::Warning, reason, action, note: note.into() }
    }
}
