//! Which candidates fit at all. Filters run in the order of [`Filter`]'s variants; the first that objects is named.

use std::fmt;

use krake_crds::{
    constraint::{LabelConstraint, MetricConstraint},
    kubernetes::cluster::ClusterState,
};

use super::{Candidate, Request};

/// A reason for which a candidate does not fit, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The cluster is being deleted.
    Deleting,
    /// The cluster is not `ONLINE`.
    State(ClusterState),
    /// Its metrics have not been read yet.
    MetricsPending,
    /// A move to the cluster was given up a moment ago.
    Avoided,
    /// A label constraint does not match.
    Label,
    /// A custom resource definition is not offered.
    CustomResource,
    /// A metric constraint does not match.
    Metric,
    /// The cluster has no metrics, but others that fit have.
    WithoutMetrics,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleting => f.write_str("deleting"),
            Self::State(ClusterState::NotReady) => f.write_str("not ready"),
            Self::State(state) => f.write_str(&state.to_string().to_lowercase().replace('_', " ")),
            Self::MetricsPending => f.write_str("metrics pending"),
            Self::Avoided => f.write_str("avoided"),
            Self::Label => f.write_str("label"),
            Self::CustomResource => f.write_str("custom resource"),
            Self::Metric => f.write_str("metric"),
            Self::WithoutMetrics => f.write_str("without metrics"),
        }
    }
}

/// What exactly is wrong with a candidate. Displayed, it is one plain sentence without a full stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objection<'a> {
    /// The cluster is being deleted.
    Deleting,
    /// The cluster is not `ONLINE`.
    State(ClusterState),
    /// Some of its metrics cannot be read.
    FailingMetrics(&'a Candidate),
    /// Some of its metrics have not been read yet.
    MetricsPending,
    /// A move to the cluster was given up a moment ago.
    Avoided,
    /// This constraint does not match.
    Label(&'a LabelConstraint, Option<&'a str>),
    /// This custom resource definition is not offered.
    CustomResource(&'a str),
    /// This constraint does not match.
    Metric(&'a MetricConstraint, Option<f64>),
    /// The cluster has no metrics, but others that fit have.
    WithoutMetrics,
}

impl Objection<'_> {
    /// The objection as one word.
    #[must_use]
    pub fn filter(&self) -> Filter {
        match self {
            Self::Deleting => Filter::Deleting,
            Self::State(state) => Filter::State(*state),
            Self::FailingMetrics(_) => Filter::State(ClusterState::FailingMetrics),
            Self::MetricsPending => Filter::MetricsPending,
            Self::Avoided => Filter::Avoided,
            Self::Label(..) => Filter::Label,
            Self::CustomResource(_) => Filter::CustomResource,
            Self::Metric(..) => Filter::Metric,
            Self::WithoutMetrics => Filter::WithoutMetrics,
        }
    }
}

impl fmt::Display for Objection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleting => f.write_str("the cluster is being deleted"),
            Self::State(state) => write!(f, "the cluster is {state}, not ONLINE"),
            Self::FailingMetrics(candidate) => {
                let (name, reason) = candidate.rating.failures.first_key_value().unzip();
                let sentence = reason.map(|reason| reason.message.as_str()).unwrap_or_default();
                write!(f, "the metric {} cannot be read: {sentence}", name.map(String::as_str).unwrap_or_default())
            }
            Self::MetricsPending => f.write_str("the metrics of the cluster have not been read yet"),
            Self::Avoided => f.write_str("a move to the cluster was given up a moment ago"),
            Self::Label(constraint, Some(value)) => {
                write!(f, "the constraint `{constraint}` does not hold: the cluster has the value {value}")
            }
            Self::Label(constraint, None) => {
                write!(f, "the constraint `{constraint}` does not hold: the cluster has no label {}", constraint.key())
            }
            Self::CustomResource(name) => write!(f, "the cluster does not offer the custom resource {name}"),
            Self::Metric(constraint, Some(value)) => {
                write!(f, "the constraint `{constraint}` does not hold: weight times value is {value}")
            }
            Self::Metric(constraint, None) => {
                write!(f, "the constraint `{constraint}` does not hold: the cluster has no metric {}", constraint.key())
            }
            Self::WithoutMetrics => f.write_str("the cluster has no metrics, and others that fit have"),
        }
    }
}

/// What is wrong with the candidate: the first of all.
pub(crate) fn objection<'a>(request: &'a Request, candidate: &'a Candidate, avoided: bool) -> Option<Objection<'a>> {
    unavailable(candidate)
        .filter(|objection| *objection != Objection::MetricsPending)
        .or_else(|| avoided.then_some(Objection::Avoided))
        .or_else(|| unsuitable(request, candidate))
        // Last, so that it is only said of what would fit otherwise.
        .or_else(|| unavailable(candidate))
        .or_else(|| unrated(request, candidate))
}

/// What is wrong with the candidate at the moment, whoever asks.
///
/// A cluster whose metrics can be read again is used at once; one whose state says that they cannot and that has none is
/// not, as in Krake.
pub(crate) fn unavailable(candidate: &Candidate) -> Option<Objection<'_>> {
    if candidate.is_deleting {
        return Some(Objection::Deleting);
    }
    match candidate.state {
        ClusterState::Online | ClusterState::FailingMetrics if !candidate.rating.failures.is_empty() => {
            Some(Objection::FailingMetrics(candidate))
        }
        ClusterState::Online | ClusterState::FailingMetrics if candidate.rating.is_pending => {
            Some(Objection::MetricsPending)
        }
        ClusterState::Online => None,
        ClusterState::FailingMetrics if candidate.rating.is_complete() => None,
        state => Some(Objection::State(state)),
    }
}

/// What about the candidate does not suit this request, however well it is.
pub(crate) fn unsuitable<'a>(request: &'a Request, candidate: &'a Candidate) -> Option<Objection<'a>> {
    if let Some(constraint) = request.labels.iter().find(|constraint| !constraint.matches(&candidate.labels)) {
        return Some(Objection::Label(constraint, candidate.labels.get(constraint.key()).map(String::as_str)));
    }
    let missing = request.custom_resources.iter().find(|name| !candidate.custom_resources.contains(*name));
    missing.map(|name| Objection::CustomResource(name))
}

/// Which metric constraint does not hold. One about a metric that the candidate does not have never does, not even `!=`.
pub(crate) fn unrated<'a>(request: &'a Request, candidate: &'a Candidate) -> Option<Objection<'a>> {
    request.metrics.iter().find_map(|constraint| {
        let value = candidate.rating.weighted(constraint.key());
        (!value.is_some_and(|value| constraint.matches(value))).then_some(Objection::Metric(constraint, value))
    })
}
