//! What the statuses and specs of several kinds share: times, reasons, constraints, free-form content.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use indexmap::IndexMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use krake_crds::reference::MetricReference;
use krake_facade_wire::{Json, MetricRef, Reason, ReasonCode, Timestamp, Verbatim, json::Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The status of a kind that has none in REST. What the custom resource has there belongs to Kubernetes alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoStatus {}

pub(crate) fn time_to_object(time: &Timestamp) -> MicroTime {
    MicroTime(time.instant())
}

pub(crate) fn time_to_wire(MicroTime(instant): &MicroTime) -> Timestamp {
    Timestamp::now_utc(*instant)
}

pub(crate) fn reason_to_object(reason: &Reason) -> krake_crds::reason::Reason {
    let Reason { code, message } = reason.clone();
    // Both lists of codes are Krake's, by the same names.
    let code = code.as_str().parse().unwrap_or(krake_crds::reason::ReasonCode::InternalError);
    krake_crds::reason::Reason::new(code, message)
}

pub(crate) fn reason_to_wire(reason: krake_crds::reason::Reason) -> Reason {
    let krake_crds::reason::Reason { code, message, .. } = reason;
    Reason { code: ReasonCode::find(&code.to_string()).unwrap_or(ReasonCode::InternalError), message }
}

pub(crate) fn reasons_to_object(reasons: &IndexMap<String, Reason>) -> BTreeMap<String, krake_crds::reason::Reason> {
    reasons.iter().map(|(name, why)| (name.clone(), reason_to_object(why))).collect()
}

pub(crate) fn reasons_to_wire(reasons: BTreeMap<String, krake_crds::reason::Reason>) -> IndexMap<String, Reason> {
    reasons.into_iter().map(|(name, why)| (name, reason_to_wire(why))).collect()
}

pub(crate) fn metrics_to_object(metrics: &[MetricRef]) -> Vec<MetricReference> {
    let to_object = |MetricRef { name, weight, namespaced }| MetricReference { name, weight, namespaced };
    metrics.iter().cloned().map(to_object).collect()
}

pub(crate) fn metrics_to_wire(metrics: Vec<MetricReference>) -> Vec<MetricRef> {
    let to_wire = |MetricReference { name, weight, namespaced }| MetricRef { name, weight, namespaced };
    metrics.into_iter().map(to_wire).collect()
}

pub(crate) fn object_to_value(members: &Object) -> Value {
    Value::Object(members.iter().map(|(name, member)| (name.clone(), Value::from(member))).collect())
}

/// The members of an object; anything else has none.
pub(crate) fn value_to_object(value: &Value) -> Object {
    match Json::from(value) {
        Json::Object(members) => members,
        _ => Object::new(),
    }
}

pub(crate) fn constraints_to_object<C>(constraints: Option<&Vec<Verbatim<C>>>) -> Option<Vec<String>> {
    constraints.map(|list| list.iter().map(|constraint| constraint.text().to_owned()).collect())
}

/// What is no constraint cannot be shown; the custom resource's conditions say what is wrong with it.
pub(crate) fn constraints_to_wire<C: FromStr>(constraints: Option<Vec<String>>) -> Option<Vec<Verbatim<C>>> {
    constraints.map(|list| list.iter().filter_map(|text| text.parse().ok()).collect())
}

/// A word that both languages have.
pub(crate) fn word<T: FromStr + Default>(text: impl Display) -> T {
    text.to_string().parse().unwrap_or_default()
}
