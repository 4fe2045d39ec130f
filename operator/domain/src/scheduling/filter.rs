//! Which candidates fit at all. Filters run in the order of [`Filter`]'s variants; the first that objects is named.

use std::fmt;

use krake_crds::kubernetes::cluster::ClusterState;

use super::{Candidate, Request};

/// A reason for which a candidate does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The cluster is being deleted.
    Deleting,
    /// The cluster is not `ONLINE`.
    State(ClusterState),
    /// A label constraint does not match.
    Label,
    /// A custom resource definition is not offered.
    CustomResource,
    /// A metric constraint does not match.
    Metric,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleting => f.write_str("deleting"),
            Self::State(ClusterState::NotReady) => f.write_str("not ready"),
            Self::State(state) => f.write_str(&state.to_string().to_lowercase().replace('_', " ")),
            Self::Label => f.write_str("label"),
            Self::CustomResource => f.write_str("custom resource"),
            Self::Metric => f.write_str("metric"),
        }
    }
}

/// The first filter that objects to the candidate, with a sentence about it.
pub(crate) fn objection(request: &Request, candidate: &Candidate) -> Option<(Filter, String)> {
    availability(candidate).or_else(|| mismatch(request, candidate))
}

/// What is wrong with the candidate at the moment, whoever asks.
fn availability(candidate: &Candidate) -> Option<(Filter, String)> {
    if candidate.is_deleting {
        return Some((Filter::Deleting, "the cluster is being deleted".into()));
    }
    (candidate.state != ClusterState::Online)
        .then(|| (Filter::State(candidate.state), format!("the cluster is {}, not ONLINE", candidate.state)))
}

/// What about the candidate does not suit this request, however well it is.
pub(crate) fn mismatch(request: &Request, candidate: &Candidate) -> Option<(Filter, String)> {
    if let Some(constraint) = request.labels.iter().find(|constraint| !constraint.matches(&candidate.labels)) {
        let found = candidate
            .labels
            .get(constraint.key())
            .map_or_else(|| format!("has no label {}", constraint.key()), |value| format!("has the value {value}"));
        return Some((Filter::Label, format!("the constraint `{constraint}` does not hold: the cluster {found}")));
    }
    if let Some(missing) = request.custom_resources.iter().find(|name| !candidate.custom_resources.contains(name)) {
        return Some((Filter::CustomResource, format!("the cluster does not offer the custom resource {missing}")));
    }
    let constraint = request.metrics.first()?;
    Some((Filter::Metric, format!("the constraint `{constraint}` cannot hold: metrics are not evaluated yet")))
}
