//! What is to be said about an object that has to do with metrics. Pure but for the caches that it reads.

use std::collections::BTreeMap;

use krake_crds::{
    condition::{self, Claim},
    core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider},
    infrastructure::{Cloud, GlobalCloud},
    krake_metadata::krake_name,
    kubernetes::Cluster,
    openstack::Project,
    reason::{Reason, ReasonCode},
    reference::MetricReference,
};
use krake_operator_domain::{
    metric::{MetricKey, Rating, Reading, Readings, Worth, rate},
    scheduling::inheritance::{self, Parent},
};
use krake_operator_loops::{
    context::Context,
    parent::ParentCloud,
    readings::{key_of, krake_name as krake_name_of},
};
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use super::{lookup, report::Finding};

/// Conditions of a metric.
pub(super) const OF_METRICS: &[&str] = &[condition::READY];
/// Conditions of a provider.
pub(super) const OF_PROVIDERS: &[&str] = &[condition::READY, condition::REACHABLE];
/// Conditions of what is rated, if another controller says whether it is ready.
pub(super) const OF_CLUSTERS: &[&str] = &[condition::METRICS_AVAILABLE];
/// Conditions of what is rated.
pub(super) const OF_CLOUDS: &[&str] = &[condition::METRICS_AVAILABLE, condition::READY];

/// Reason of a condition: there is a value that counts.
const READ: &str = "Read";
/// Reason of a condition: nothing refers to it, so that it is not read.
const NOT_IN_USE: &str = "NotInUse";
/// Reason of a condition: every metric could be read.
const AVAILABLE: &str = "MetricsAvailable";
/// Reason of a condition: some metrics could not be read.
const UNAVAILABLE: &str = "MetricsUnavailable";
/// Reason of a condition: there is nothing that could be wrong.
const USABLE: &str = "Usable";
/// Reason of a condition: the provider answers.
const ANSWERED: &str = "Answered";

pub(super) fn metric(metric: &Metric, context: &Context, _: &Readings) -> Option<Finding> {
    of_metric(&key_of(metric, &metric.spec.krake), context)
}

pub(super) fn global_metric(metric: &GlobalMetric, context: &Context, _: &Readings) -> Option<Finding> {
    of_metric(&key_of(metric, &metric.spec.0.krake), context)
}

fn of_metric(key: &MetricKey, context: &Context) -> Option<Finding> {
    let readings = context.readings.now();
    let claim = match readings.get(key).map(|reading| &reading.worth) {
        None => Claim::unknown(condition::READY, NOT_IN_USE, "no cluster, cloud or project refers to it"),
        Some(Worth::Unread) => return None,
        Some(Worth::Unknown(reason)) => Claim::no(condition::READY, word(reason.code), &reason.message),
        Some(Worth::One(_) | Worth::PerCluster(_)) => {
            Claim::yes(condition::READY, READ, "the metric has a value that counts")
        }
    };
    Some(Finding { claims: vec![claim], fields: Map::new() })
}

pub(super) fn provider(provider: &MetricsProvider, context: &Context, _: &Readings) -> Option<Finding> {
    let name = krake_name_of(provider, &provider.spec.krake);
    of_provider(provider.metadata.namespace.as_deref(), name, context)
}

pub(super) fn global_provider(provider: &GlobalMetricsProvider, context: &Context, _: &Readings) -> Option<Finding> {
    of_provider(None, krake_name_of(provider, &provider.spec.0.krake), context)
}

/// A provider is as good as the answers to the questions that were asked.
fn of_provider(namespace: Option<&str>, name: &str, context: &Context) -> Option<Finding> {
    let readings = context.readings.now();
    let source = lookup::source(namespace, name);
    let is_asked =
        |key: &MetricKey, reading: &Reading| key.namespace.as_deref() == namespace && reading.source == source;
    let asked: Vec<_> =
        readings.iter().filter(|(key, reading)| is_asked(key, reading)).map(|(_, reading)| &reading.worth).collect();
    let claims = if asked.is_empty() {
        let sentence = "no metric in use is read from it";
        vec![
            Claim::unknown(condition::READY, NOT_IN_USE, sentence),
            Claim::unknown(condition::REACHABLE, NOT_IN_USE, sentence),
        ]
    } else if asked.contains(&&Worth::Unread) {
        return None;
    } else {
        judged(&asked)
    };
    Some(Finding { claims, fields: Map::new() })
}

fn judged(asked: &[&Worth]) -> Vec<Claim> {
    let failure = |wanted: ReasonCode| {
        asked.iter().find_map(|worth| match worth {
            Worth::Unknown(reason) if reason.code == wanted => Some(reason),
            _ => None,
        })
    };
    if let Some(silence) = failure(ReasonCode::UnreachableMetricsProvider) {
        let no = |type_| Claim::no(type_, word(silence.code), &silence.message);
        return vec![no(condition::READY), no(condition::REACHABLE)];
    }
    let ready = match failure(ReasonCode::InvalidMetric) {
        Some(nonsense) => Claim::no(condition::READY, word(nonsense.code), &nonsense.message),
        None => Claim::yes(condition::READY, ANSWERED, "every metric in use that is read from it has a value"),
    };
    vec![ready, Claim::yes(condition::REACHABLE, ANSWERED, "the provider answers")]
}

pub(super) fn cluster(cluster: &Cluster, context: &Context, readings: &Readings) -> Option<Finding> {
    let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
    let cloud = ParentCloud::of(cluster, context);
    let parent = cloud.as_ref().map(ParentCloud::parent);
    let references = inheritance::metrics(&cluster.spec, parent.as_ref());
    let krake = krake_name(cluster.spec.identity.as_ref(), Some(&namespace), &name);
    let exact = format!("{namespace}/{krake}");
    let rating = rate(&references, Some(&namespace), &[&exact, krake], readings);
    Some(Finding { claims: available(&references, &rating)?.into_iter().collect(), fields: reasons(&rating) })
}

pub(super) fn cloud(cloud: &Cloud, _: &Context, readings: &Readings) -> Option<Finding> {
    let metrics = Parent { spec: &cloud.spec, is_global: false }.metrics().to_vec();
    of_cloud(&metrics, cloud.metadata.namespace.as_deref(), readings)
}

pub(super) fn global_cloud(cloud: &GlobalCloud, _: &Context, readings: &Readings) -> Option<Finding> {
    of_cloud(Parent { spec: &cloud.spec.0, is_global: true }.metrics(), None, readings)
}

pub(super) fn project(project: &Project, _: &Context, readings: &Readings) -> Option<Finding> {
    of_cloud(&project.spec.metrics, project.metadata.namespace.as_deref(), readings)
}

/// Clouds and projects have no other state than that of their metrics.
fn of_cloud(references: &[MetricReference], namespace: Option<&str>, readings: &Readings) -> Option<Finding> {
    let rating = rate(references, namespace, &[], readings);
    let available = available(references, &rating)?;
    let fails = available.as_ref().is_some_and(|claim| claim.holds == Some(false));
    let ready = match &available {
        Some(claim) => Claim { type_: condition::READY, ..claim.clone() },
        None => Claim::yes(condition::READY, USABLE, "nothing is known that is wrong with it"),
    };
    let mut fields = reasons(&rating);
    fields.insert("state".into(), json!(if fails { "FAILING_METRICS" } else { "ONLINE" }));
    Some(Finding { claims: available.into_iter().chain([ready]).collect(), fields })
}

/// Whether every metric could be read; nothing while that is not known, and no claim where there are none.
#[expect(clippy::option_option, reason = "not known, and nothing to know")]
fn available(references: &[MetricReference], rating: &Rating) -> Option<Option<Claim>> {
    if references.is_empty() {
        return Some(None);
    }
    if let Some((name, reason)) = rating.failures.first_key_value() {
        let others = rating.failures.len() - 1;
        let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        let message = format!("{name}: {}{more}", reason.message);
        return Some(Some(Claim::no(condition::METRICS_AVAILABLE, UNAVAILABLE, message)));
    }
    (!rating.is_pending)
        .then(|| Some(Claim::yes(condition::METRICS_AVAILABLE, AVAILABLE, "every metric could be read")))
}

fn reasons(rating: &Rating) -> Map<String, Value> {
    let reasons: BTreeMap<&String, &Reason> = rating.failures.iter().collect();
    if reasons.is_empty() {
        return Map::new();
    }
    [("metricsReasons".to_owned(), json!(reasons))].into_iter().collect()
}

/// The reason of a condition for one of Krake's codes.
fn word(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::UnreachableMetricsProvider => "UnreachableMetricsProvider",
        ReasonCode::UnknownMetricsProvider => "UnknownMetricsProvider",
        ReasonCode::UnknownMetric => "UnknownMetric",
        _ => "InvalidMetric",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn unknown(code: ReasonCode) -> Worth {
        Worth::Unknown(Reason::new(code, "m"))
    }

    fn holds(claims: &[Claim]) -> BTreeSet<(&'static str, Option<bool>)> {
        claims.iter().map(|claim| (claim.type_, claim.holds)).collect()
    }

    #[test]
    fn a_provider_that_answers_nonsense_is_reachable_and_not_ready() {
        let both = |ready, reachable| {
            BTreeSet::from([(condition::READY, Some(ready)), (condition::REACHABLE, Some(reachable))])
        };
        let silent = unknown(ReasonCode::UnreachableMetricsProvider);
        let nonsense = unknown(ReasonCode::InvalidMetric);
        assert_eq!(holds(&judged(&[&Worth::One(0.5)])), both(true, true));
        assert_eq!(holds(&judged(&[&Worth::One(0.5), &nonsense])), both(false, true));
        assert_eq!(holds(&judged(&[&nonsense, &silent])), both(false, false));
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_first_reason() {
        let references = ["heat", "load"].map(|name| MetricReference { name: name.into(), ..Default::default() });
        let reason = Reason::new(ReasonCode::UnknownMetric, "there is no GlobalMetric");
        let failures: BTreeMap<_, _> = references.iter().map(|one| (one.name.clone(), reason.clone())).collect();
        let rating = Rating { failures, ..Rating::default() };
        let claim = available(&references, &rating).unwrap().unwrap();
        assert_eq!((claim.holds, &*claim.message), (Some(false), "heat: there is no GlobalMetric (and 1 more)"));
        assert_eq!(available(&[], &Rating::default()), Some(None));
        assert_eq!(available(&references, &Rating { is_pending: true, ..Rating::default() }), None);
    }
}
