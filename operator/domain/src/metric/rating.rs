//! What the metrics of a cluster or cloud say about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use krake_crds::{
    reason::{Reason, ReasonCode},
    reference::MetricReference,
};
use serde::{Deserialize, Serialize};

use super::{MetricKey, Reading, Readings, Worth};

/// What the metrics of a candidate say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// One term per metric that could be read, in the order of the references.
    pub terms: Vec<Term>,
    /// Why the others could not be read, by the name of the metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, Reason>,
    /// Whether some of them have not been read yet, so that nobody knows.
    #[serde(default)]
    pub is_pending: bool,
}

/// A metric of a candidate. Two are equal if they say the same, whenever they were read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Term {
    /// Krake name of the metric.
    pub name: String,
    /// Normalised value, between 0 and 1.
    pub value: f64,
    /// How much the term counts against the others; dimensionless, above 0.
    pub weight: f64,
    /// When the value was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, value, weight, at: _, source } = self;
        (name, value, weight, source) == (&other.name, &other.value, &other.weight, &other.source)
    }
}

impl Rating {
    /// Whether there is a value of every metric, and of at least one.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.terms.is_empty() && self.failures.is_empty() && !self.is_pending
    }

    /// The weighted value of this metric: what metric constraints are about (Krake, *constraints*). Of a metric that is
    /// referred to twice it is the first.
    #[must_use]
    pub fn weighted(&self, metric: &str) -> Option<f64> {
        self.terms.iter().find(|term| term.name == metric).map(|term| term.weight * term.value)
    }

    /// The sum of the weighted values, and the sum of the weights.
    #[must_use]
    pub fn sums(&self) -> (f64, f64) {
        self.terms
            .iter()
            .fold((0.0, 0.0), |(values, weights), term| (values + term.value * term.weight, weights + term.weight))
    }
}

/// What `references` of an object say about it. `names` are those under which values for single clusters may be kept, the
/// most exact first; `namespace` is that of the object.
#[must_use]
pub fn rate(references: &[MetricReference], namespace: Option<&str>, names: &[&str], readings: &Readings) -> Rating {
    let mut rating = Rating::default();
    for reference in references {
        match term(reference, namespace, names, readings) {
            Ok(Some(term)) => rating.terms.push(term),
            Ok(None) => rating.is_pending = true,
            Err(reason) => drop(rating.failures.insert(reference.name.clone(), reason)),
        }
    }
    rating
}

fn term(
    reference: &MetricReference,
    namespace: Option<&str>,
    names: &[&str],
    readings: &Readings,
) -> Result<Option<Term>, Reason> {
    let MetricReference { name, weight, namespaced } = reference;
    let invalid = |message: String| Reason::new(ReasonCode::InvalidMetric, message);
    if *namespaced && namespace.is_none() {
        return Err(invalid(format!("the metric {name} is that of a namespace, and there is none")));
    }
    if !(weight.is_finite() && *weight > 0.0) {
        return Err(invalid(format!("the weight {weight} of the metric {name} is not above 0")));
    }
    let Some(Reading { worth, at, source }) = readings.get(&MetricKey::of(reference, namespace)) else {
        return Err(unknown(name, *namespaced));
    };
    let value = match worth {
        Worth::One(value) => *value,
        Worth::Unknown(reason) => return Err(reason.clone()),
        Worth::Unread => return Ok(None),
        Worth::PerCluster(values) => match names.iter().find_map(|name| values.get(*name)) {
            Some(value) => value.clone()?,
            None => return Err(invalid(format!("the metric {name} has no value for this cluster"))),
        },
    };
    Ok(Some(Term { name: name.clone(), value, weight: *weight, at: Some(*at), source: Some(source.clone()) }))
}

/// There is no such metric.
fn unknown(name: &str, namespaced: bool) -> Reason {
    let kind = if namespaced { "Metric" } else { "GlobalMetric" };
    Reason::new(ReasonCode::UnknownMetric, format!("there is no {kind} {name}"))
}
