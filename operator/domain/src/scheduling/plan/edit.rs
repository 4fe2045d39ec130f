//! What can be different in a plan. Names are Krake names.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use krake_crds::{
    constraint::label,
    kubernetes::{Application, ApplicationSpec, Cluster, ClusterSpec, cluster::ClusterState, cluster::ClusterStatus},
    reference::MetricReference,
};
use serde::Deserialize;

use super::snapshot::{Site, Snapshot, krake_name};
use crate::metric::{Invalid, MetricKey, Reading, Worth, normalise};

/// How many edits a plan may have.
const MOST_EDITS: usize = 100;

/// How many names an error lists.
const MOST_NAMES: usize = 10;

/// Where a value was read that nobody has read.
const SOURCE: &str = "the plan";

/// Something that is different.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Labels of a cluster. Those that it inherits from its cloud stay, and come before its own.
    Labels {
        /// The cluster.
        cluster: String,
        /// Labels that it gets.
        #[serde(default)]
        set: BTreeMap<String, String>,
        /// Keys of labels that it loses.
        #[serde(default)]
        remove: Vec<String>,
    },
    /// The value of a metric.
    Metric {
        /// The metric.
        metric: String,
        /// Whether it is a Metric of the namespace, and not a `GlobalMetric`.
        #[serde(default)]
        namespaced: bool,
        /// The cluster that has the value; without one all have it.
        #[serde(default)]
        cluster: Option<String>,
        /// What it is worth.
        is: Value,
    },
    /// A further cluster, online, with these labels, custom resources and metrics.
    Cluster {
        /// Its name, which no other cluster has.
        cluster: String,
        /// Its labels.
        #[serde(default)]
        labels: BTreeMap<String, String>,
        /// The custom resource definitions that it offers.
        #[serde(default)]
        custom_resources: Vec<String>,
        /// The metrics by which it is rated.
        #[serde(default)]
        metrics: Vec<MetricReference>,
    },
    /// A cluster is lost for good.
    ClusterGone {
        /// The cluster.
        cluster: String,
    },
    /// An application is new, or another than before.
    Application {
        /// Its name.
        application: String,
        /// The whole of its new `spec`. What only Kubernetes knows of it may be left out, and then stays.
        spec: Box<ApplicationSpec>,
    },
    /// An application is not there any more.
    ApplicationGone {
        /// The application.
        application: String,
    },
}

/// What a metric is worth.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Value {
    /// This value in the metric's own unit.
    Raw(f64),
    /// This part of its range, between 0 and 1.
    Normalised(f64),
}

/// Why an edit cannot be made.
#[derive(thiserror::Error, Clone, Debug, PartialEq)]
pub enum InvalidEdit {
    /// There are too many.
    #[error("there are {0} edits; at most {MOST_EDITS} are allowed")]
    TooMany(usize),
    /// There is nothing of this name.
    #[error("there is no {kind} {name}; there {known}")]
    Unknown {
        /// What was meant.
        kind: &'static str,
        /// The name that was given.
        name: String,
        /// What there is instead.
        known: String,
    },
    /// There is such a cluster already.
    #[error("there is a cluster {0} already; change its labels, or give another name")]
    Taken(String),
    /// The name cannot be that of a new object.
    #[error("`{0}` cannot be a name: 1 to 253 characters are needed")]
    Name(String),
    /// The key of a label is none.
    #[error("`{0}` is not a label key")]
    LabelKey(String),
    /// The value of a label is none.
    #[error("`{0}` is not a label value")]
    LabelValue(String),
    /// The value of a metric does not count.
    #[error("the metric {metric} cannot have this value: {reason}")]
    Value {
        /// The metric.
        metric: String,
        /// What is wrong with the value.
        reason: Invalid,
    },
}

/// The snapshot as it would be.
pub(super) fn edited(snapshot: &Snapshot, edits: &[Edit], now: Timestamp) -> Result<Snapshot, InvalidEdit> {
    if edits.len() > MOST_EDITS {
        return Err(InvalidEdit::TooMany(edits.len()));
    }
    let mut edited = snapshot.clone();
    for edit in edits {
        make(&mut edited, edit, now)?;
    }
    Ok(edited)
}

fn make(snapshot: &mut Snapshot, edit: &Edit, now: Timestamp) -> Result<(), InvalidEdit> {
    match edit {
        Edit::Labels { cluster, set, remove } => relabel(snapshot, cluster, set, remove),
        Edit::Metric { metric, namespaced, cluster, is } => {
            let key = MetricKey { namespace: namespaced.then(|| snapshot.namespace.clone()), name: metric.clone() };
            read(snapshot, &key, cluster.as_deref(), *is, now)
        }
        Edit::Cluster { cluster, labels, custom_resources, metrics } => {
            checked(labels)?;
            let spec = ClusterSpec {
                labels: labels.clone(),
                custom_resources: custom_resources.clone(),
                metrics: metrics.clone(),
                ..ClusterSpec::default()
            };
            build(snapshot, cluster, spec)
        }
        Edit::ClusterGone { cluster } => {
            let index = site(snapshot, cluster)?;
            snapshot.sites.remove(index);
            Ok(())
        }
        Edit::Application { application, spec } => ask(snapshot, application, spec),
        Edit::ApplicationGone { application } => {
            let index = find_application(snapshot, application);
            let known = || snapshot.applications.iter().map(|application| krake_name(application));
            let index = index.ok_or_else(|| unknown("application", application, known()))?;
            snapshot.applications.remove(index);
            Ok(())
        }
    }
}

fn relabel(
    snapshot: &mut Snapshot,
    cluster: &str,
    set: &BTreeMap<String, String>,
    remove: &[String],
) -> Result<(), InvalidEdit> {
    checked(set)?;
    let index = site(snapshot, cluster)?;
    if let Some(site) = snapshot.sites.get_mut(index) {
        let labels = &mut Arc::make_mut(&mut site.cluster).spec.labels;
        labels.retain(|key, _| !remove.contains(key));
        labels.extend(set.clone());
    }
    Ok(())
}

fn checked(labels: &BTreeMap<String, String>) -> Result<(), InvalidEdit> {
    if let Some(key) = labels.keys().find(|key| !label::is_key(key)) {
        return Err(InvalidEdit::LabelKey(key.clone()));
    }
    match labels.values().find(|value| !label::is_value(value)) {
        Some(value) => Err(InvalidEdit::LabelValue(value.clone())),
        None => Ok(()),
    }
}

fn read(
    snapshot: &mut Snapshot,
    key: &MetricKey,
    cluster: Option<&str>,
    is: Value,
    now: Timestamp,
) -> Result<(), InvalidEdit> {
    let kind = if key.namespace.is_some() { "Metric" } else { "GlobalMetric" };
    let same_scope = || snapshot.metrics.keys().filter(|known| known.namespace == key.namespace);
    let spec = snapshot.metrics.get(key);
    let spec = spec.ok_or_else(|| unknown(kind, &key.name, same_scope().map(|known| &*known.name)))?;
    let refused = |reason| InvalidEdit::Value { metric: key.name.clone(), reason };
    let value = match is {
        Value::Raw(value) => normalise(spec, value).map_err(refused)?,
        Value::Normalised(value) if (0.0..=1.0).contains(&value) => value,
        Value::Normalised(value) => return Err(refused(Invalid::OutOfRange { value, min: 0.0, max: 1.0 })),
    };
    let worth = match cluster {
        None => Worth::One(value),
        Some(cluster) => {
            let index = site(snapshot, cluster)?;
            let mut values = per_cluster(snapshot, key);
            values.extend(snapshot.sites.get(index).map(|site| (exact_name(snapshot, site), Ok(value))));
            Worth::PerCluster(values)
        }
    };
    snapshot.readings.insert(key.clone(), Reading { worth, at: now, source: SOURCE.into() });
    Ok(())
}

type PerCluster = BTreeMap<String, Result<f64, krake_crds::reason::Reason>>;

/// What a metric is worth for each cluster, so that one of them can have another value.
fn per_cluster(snapshot: &Snapshot, key: &MetricKey) -> PerCluster {
    let all = |value: Result<f64, krake_crds::reason::Reason>| {
        snapshot.sites.iter().map(|site| (exact_name(snapshot, site), value.clone())).collect()
    };
    match snapshot.readings.get(key).map(|reading| &reading.worth) {
        Some(Worth::One(value)) => all(Ok(*value)),
        Some(Worth::Unknown(reason)) => all(Err(reason.clone())),
        Some(Worth::PerCluster(values)) => values.clone(),
        Some(Worth::Unread) | None => PerCluster::new(),
    }
}

/// The name under which values for single clusters are looked for first.
fn exact_name(snapshot: &Snapshot, site: &Site) -> String {
    format!("{}/{}", snapshot.namespace, site.name())
}

fn build(snapshot: &mut Snapshot, name: &str, spec: ClusterSpec) -> Result<(), InvalidEdit> {
    named(name)?;
    if find_site(snapshot, name).is_some() {
        return Err(InvalidEdit::Taken(name.to_owned()));
    }
    let mut cluster = Cluster::new(name, spec);
    cluster.metadata.namespace = Some(snapshot.namespace.clone());
    cluster.status = Some(ClusterStatus { state: Some(ClusterState::Online), ..ClusterStatus::default() });
    snapshot.sites.push(Site { cluster: Arc::new(cluster), cloud: None });
    Ok(())
}

/// Every new spec is a new generation: work that was done is to be done again.
fn ask(snapshot: &mut Snapshot, name: &str, spec: &ApplicationSpec) -> Result<(), InvalidEdit> {
    let known = find_application(snapshot, name).and_then(|index| snapshot.applications.get_mut(index));
    let Some(known) = known else {
        named(name)?;
        let mut application = Application::new(name, spec.clone());
        application.metadata.namespace = Some(snapshot.namespace.clone());
        snapshot.applications.push(Arc::new(application));
        return Ok(());
    };
    let known = Arc::make_mut(known);
    let toleration = spec.unreachable_toleration_seconds.or(known.spec.unreachable_toleration_seconds);
    known.spec = ApplicationSpec {
        identity: known.spec.identity.clone(),
        unreachable_toleration_seconds: toleration,
        ..spec.clone()
    };
    known.metadata.generation = known.metadata.generation.map(|generation| generation.saturating_add(1));
    Ok(())
}

fn named(name: &str) -> Result<(), InvalidEdit> {
    if (1..=253).contains(&name.len()) { Ok(()) } else { Err(InvalidEdit::Name(name.chars().take(253).collect())) }
}

fn find_application(snapshot: &Snapshot, name: &str) -> Option<usize> {
    snapshot.applications.iter().position(|application| krake_name(application) == name)
}

fn find_site(snapshot: &Snapshot, name: &str) -> Option<usize> {
    snapshot.sites.iter().position(|site| site.name() == name)
}

fn site(snapshot: &Snapshot, name: &str) -> Result<usize, InvalidEdit> {
    find_site(snapshot, name).ok_or_else(|| unknown("cluster", name, snapshot.sites.iter().map(Site::name)))
}

fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> InvalidEdit {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let more = known.len().saturating_sub(MOST_NAMES);
    known.truncate(MOST_NAMES);
    let known = match (known.is_empty(), more) {
        (true, _) => "is none".to_owned(),
        (false, 0) => format!("are: {}", known.join(", ")),
        (false, more) => format!("are: {} and {more} more", known.join(", ")),
    };
    InvalidEdit::Unknown { kind, name: name.chars().take(253).collect(), known }
}
