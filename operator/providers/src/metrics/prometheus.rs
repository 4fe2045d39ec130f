//! Prometheus, and whatever speaks its query API.
//!
//! Source: Prometheus' documentation, "HTTP API", sections "Format overview", "Instant queries" and "Expression query
//! result formats".
//!
//! A query may give one series per cluster. Each names its cluster in the label `krake_cluster`: `namespace/name` for one
//! cluster, or `name` for the clusters of that name in all namespaces; the more exact one counts. Whoever can set this label
//! on a series decides about what the cluster is worth. It should therefore be set where only those who run Prometheus can:
//! by the labels or relabelling of a scrape configuration (with `honor_labels` off, so that they win over those of the
//! scraped target), or by a recording rule.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use krake_crds::core::metrics_provider;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    Error, InvalidMetric, Unreachable, Values,
    endpoint::{Answer, Endpoint, shorten},
    number,
};

/// The label that makes a value one of a cluster.
const CLUSTER: &str = "krake_cluster";
const NAME: &str = "__name__";

/// The types of errors that explain what is wrong with a query. Nothing else of a refusal is passed on: whatever is at the
/// URL could have written it.
const ABOUT_QUERIES: [&str; 2] = ["bad_data", "execution"];

#[derive(Debug)]
pub(super) struct Prometheus {
    endpoint: Endpoint,
}

#[derive(Deserialize)]
struct Success {
    data: Data,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Sample>),
    Scalar(Point),
    Matrix(IgnoredAny),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct Sample {
    metric: BTreeMap<String, String>,
    /// Absent if it is a histogram.
    value: Option<Point>,
}

/// A time and a value.
#[derive(Deserialize)]
struct Point(IgnoredAny, Value);

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "errorType")]
    type_: String,
    error: String,
}

impl Prometheus {
    pub(super) fn new(spec: &metrics_provider::Prometheus) -> Result<Self, Error> {
        Ok(Self { endpoint: Endpoint::new(&spec.url, None)? })
    }

    /// Evaluates the metric as a query now.
    pub(super) async fn read(&self, metric: &str) -> Result<Values, Error> {
        let request = self.endpoint.request(Method::GET, &["api", "v1", "query"]).query(&[("query", metric)]);
        let answer = self.endpoint.ask(request).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        let success: Success = answer.json().ok_or(Unreachable::NotUnderstood("Prometheus"))?;
        Ok(match success.data {
            Data::Vector(samples) => values(&samples, metric)?,
            Data::Scalar(point) => Values::One(number::of_json(&point.1)?),
            Data::Matrix(_) => return Err(InvalidMetric::WrongKind("range vector").into()),
            Data::String(_) => return Err(InvalidMetric::WrongKind("string").into()),
        })
    }

    /// 400 means a query that cannot be read, 422 one that cannot be evaluated.
    fn refusal(&self, answer: &Answer) -> Error {
        let is_about_query = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&answer.status);
        let explains = |failure: &Failure| is_about_query && ABOUT_QUERIES.contains(&failure.type_.as_str());
        match answer.json::<Failure>().filter(explains) {
            Some(failure) => InvalidMetric::Query(self.endpoint.quote(&failure.error)).into(),
            None => answer.refusal().into(),
        }
    }
}

fn values(samples: &[Sample], metric: &str) -> Result<Values, InvalidMetric> {
    if samples.iter().any(|sample| sample.metric.contains_key(CLUSTER)) {
        return Ok(per_cluster(samples));
    }
    // Krake's rule. Results of functions have no name, so that a single sample needs none.
    let named = samples.iter().find(|sample| sample.metric.get(NAME).is_some_and(|name| name == metric));
    match (named, samples) {
        (Some(sample), _) | (None, [sample]) => Ok(Values::One(value(sample)?)),
        (None, []) => Err(InvalidMetric::NoValue),
        (None, many) => Err(InvalidMetric::Ambiguous(many.len())),
    }
}

/// The values with a cluster; those without are about something else. A cluster with two has none.
fn per_cluster(samples: &[Sample]) -> Values {
    let mut clusters = BTreeMap::new();
    for sample in samples {
        let Some(cluster) = sample.metric.get(CLUSTER) else { continue };
        let same = || Err(InvalidMetric::SameCluster(shorten(cluster)));
        clusters.entry(cluster.clone()).and_modify(|known| *known = same()).or_insert_with(|| value(sample));
    }
    Values::PerCluster(clusters)
}

fn value(sample: &Sample) -> Result<f64, InvalidMetric> {
    number::of_json(&sample.value.as_ref().ok_or(InvalidMetric::NotNumber)?.1)
}

#[cfg(test)]
mod tests;
