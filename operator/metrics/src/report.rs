//! Says on every object that has to do with metrics whether they could be read. Values are not written anywhere: they
//! change all the time.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use krake_crds::{
    condition::Claim,
    core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider},
    infrastructure::{Cloud, GlobalCloud},
    kubernetes::Cluster,
    openstack::Project,
};
use krake_operator_domain::metric::Readings;
use krake_operator_loops::{
    changes::Changes,
    context::{Announcement, Context, Known, Shared},
    drive::drive_kind,
    outcome::{Failure, Retry, kube_category},
    readings::readings,
    status::Part,
};
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio_stream::wrappers::WatchStream;

use super::{NAME, finding};

/// Field manager of everything that is written here.
const MANAGER: &str = "krake-metrics";

/// What is to be said about an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Finding {
    /// The conditions.
    pub(super) claims: Vec<Claim>,
    /// Fields of the status, by their names in JSON.
    pub(super) fields: Map<String, Value>,
}

/// A kind that is told about metrics.
pub(super) trait Told: Known + Serialize {
    /// What is written.
    const PART: Part;
    /// The cache of the kind.
    fn shared(context: &Context) -> &Shared<Self>;
    /// The API of the object.
    fn api(&self, context: &Context) -> Api<Self>;
    /// The conditions that it has.
    fn conditions(&self) -> &[Condition];
    /// What is to be said; nothing while that is not known.
    fn finding(&self, context: &Context, readings: &Readings) -> Option<Finding>;
}

/// Implements [`Told`]: the kind, its cache, how its API is made, its part of the status, and what is found about it.
macro_rules! told {
    ($kind:ty, $cache:ident, $api:expr, $part:expr, $finding:expr) => {
        impl Told for $kind {
            const PART: Part = $part;

            fn shared(context: &Context) -> &Shared<Self> {
                &context.$cache
            }

            fn api(&self, context: &Context) -> Api<Self> {
                $api(context, self)
            }

            fn conditions(&self) -> &[Condition] {
                self.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
            }

            fn finding(&self, context: &Context, readings: &Readings) -> Option<Finding> {
                $finding(self, context, readings)
            }
        }
    };
}

const METRIC: Part = part(&["observedGeneration"], finding::OF_METRICS);
const PROVIDER: Part = part(&["observedGeneration"], finding::OF_PROVIDERS);
const CLUSTER: Part = part(&["metricsReasons"], finding::OF_CLUSTERS);
const CLOUD: Part = part(&["observedGeneration", "state", "metricsReasons"], finding::OF_CLOUDS);

const fn part(fields: &'static [&'static str], conditions: &'static [&'static str]) -> Part {
    Part { manager: MANAGER, fields, conditions }
}

fn global<K: Known>(context: &Context, _: &K) -> Api<K> {
    Api::all(context.client.clone())
}

told!(Metric, metrics, Context::api_of, METRIC, finding::metric);
told!(GlobalMetric, global_metrics, global, METRIC, finding::global_metric);
told!(MetricsProvider, metrics_providers, Context::api_of, PROVIDER, finding::provider);
told!(GlobalMetricsProvider, global_metrics_providers, global, PROVIDER, finding::global_provider);
told!(Cluster, clusters, Context::api_of, CLUSTER, finding::cluster);
told!(Cloud, clouds, Context::api_of, CLOUD, finding::cloud);
told!(GlobalCloud, global_clouds, global, CLOUD, finding::global_cloud);
told!(Project, projects, Context::api_of, CLOUD, finding::project);

/// Runs the loop over the kind `K` until the term of `context` ends.
pub(super) async fn run<K: Told>(context: Arc<Context>) {
    let controller = K::shared(&context).controller().reconcile_on(by_readings::<K>(&context));
    drive_kind(NAME, (), controller, context, reconcile::<K>).await;
}

/// The objects about which something else is to be said since metrics were read or clouds have changed.
fn by_readings<K: Told>(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<K>> + Send + use<K> {
    let mut seen = Changes::default();
    let read = WatchStream::new(context.readings.changes()).map(drop);
    // What a cluster inherits changes with its cloud.
    let clouds = context.clouds.changes().map(drop);
    let global_clouds = context.global_clouds.changes().map(drop);
    let changes = stream::select_all([read.boxed(), clouds.boxed(), global_clouds.boxed()]);
    let context = context.clone();
    changes.flat_map(move |()| {
        let readings = readings(&context);
        let mut objects = K::shared(&context).store.state();
        objects.retain(|object| {
            let key = (object.namespace().unwrap_or_default(), object.name_any());
            seen.notes(key, object.finding(&context, &readings))
        });
        stream::iter(objects.into_iter().map(|object| ObjectRef::from_obj(&*object)))
    })
}

async fn reconcile<K: Told>(object: Arc<K>, context: Arc<Context>) -> Result<Action, Error> {
    let Some(finding) = object.finding(&context, &readings(&context)) else { return Ok(Action::await_change()) };
    let wanted = status_after(&*object, &finding, Timestamp::now());
    let Some(written) = K::PART.write(&object.api(&context), &*object, &wanted).await.map_err(Error)? else {
        return Ok(Action::await_change());
    };
    context.instruments.wrote_status(NAME);
    if let Some(announcement) = announcement(object.conditions(), &finding) {
        context.announce(&written, announcement);
    }
    Ok(Action::await_change())
}

fn status_after<K: Told>(object: &K, finding: &Finding, now: Timestamp) -> Value {
    let generation = object.meta().generation;
    let claims = finding.claims.iter().cloned();
    let conditions: Vec<_> = claims.map(|claim| claim.over(object.conditions(), generation, now)).collect();
    let mut status = finding.fields.clone();
    status.insert("observedGeneration".into(), json!(generation));
    status.insert("conditions".into(), json!(conditions));
    Value::Object(status)
}

/// What users are told: that something cannot be read any more, and that it can be again.
fn announcement(before: &[Condition], finding: &Finding) -> Option<Announcement> {
    let claim = finding.claims.first()?;
    let known = krake_crds::condition::find(before, claim.type_).map(|known| known.status.as_str());
    match (known, claim.holds) {
        (Some("False"), Some(true)) => Some(Announcement::normal(claim.reason, "ReadingMetrics", &claim.message)),
        (None | Some("True" | "Unknown"), Some(false)) => {
            Some(Announcement::warning(claim.reason, "ReadingMetrics", &claim.message))
        }
        _ => None,
    }
}

/// Why it could not be recorded what was found.
#[derive(thiserror::Error, Debug)]
#[error("recording whether metrics could be read")]
struct Error(#[source] kube::Error);

impl Failure for Error {
    fn category(&self) -> &'static str {
        kube_category(&self.0)
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}
