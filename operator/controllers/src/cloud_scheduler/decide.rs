//! What follows from the facts: a cloud, another attempt later, or a refusal. Pure.

use jiff::Timestamp;
use krake_crds::{
    condition,
    kubernetes::{Cluster, application::Scheduling},
    reference::ObjectReference,
};
use krake_operator_domain::{
    backoff,
    scheduling::{
        Candidate,
        cloud::{self, Choice},
    },
};

use super::observe::{Need, Observed};

/// What the scheduler says about a cluster.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is going away, and keeps what was said about it.
    GoingAway,
    /// It needs no cloud, and nothing is to be said about one.
    NotNeeded,
    /// It is built on this cloud.
    Bound(Bound),
    /// Nothing is known yet about the metrics of a cloud that might fit.
    Waiting,
    /// There is no cloud for it now.
    Unplaced {
        /// One line about all clouds.
        summary: String,
        /// The attempts that are left; without a next one there are none.
        retries: Scheduling,
    },
    /// There can be no cloud for it before its spec changes.
    Refused {
        /// Sentence for people.
        message: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) cloud: ObjectReference,
    /// One line about the clouds that it was chosen from, if it was chosen now: the global ones only if no other fits.
    pub(super) summary: Option<String>,
}

pub(super) fn decide(observed: &Observed, now: Timestamp) -> Outcome {
    match &observed.need {
        Need::GoingAway => Outcome::GoingAway,
        Need::None => Outcome::NotNeeded,
        Need::Met(cloud) => Outcome::Bound(Bound { cloud: cloud.clone(), summary: None }),
        Need::Open { own, global } => choose(&observed.cluster, own, global, now),
    }
}

fn choose(cluster: &Cluster, own: &[Candidate], global: &[Candidate], now: Timestamp) -> Outcome {
    let request = match cloud::request(cluster) {
        Ok(request) => request,
        Err(error) => return Outcome::Refused { message: format!("{error}: {}", error.source) },
    };
    let all = [own, global].concat();
    match cloud::choose(&request, own, global) {
        Choice::Cloud(chosen) => {
            let is_own = own.iter().any(|cloud| cloud.place == *chosen);
            let summary = cloud::summary(&request, if is_own { own } else { &all });
            Outcome::Bound(Bound { cloud: chosen.clone(), summary: Some(summary) })
        }
        Choice::MetricsPending => Outcome::Waiting,
        Choice::NothingFits => {
            Outcome::Unplaced { summary: cloud::summary(&request, &all), retries: retries(cluster, now) }
        }
    }
}

/// The attempts that are left after this failed one. A new spec starts over.
fn retries(cluster: &Cluster, now: Timestamp) -> Scheduling {
    let status = cluster.status.as_ref();
    let scheduled = status.and_then(|status| condition::find(&status.conditions, condition::SCHEDULED));
    let failed_before = scheduled
        .is_some_and(|known| known.status == "False" && known.observed_generation == cluster.metadata.generation);
    let before = status.and_then(|status| status.scheduling.as_ref()).filter(|_| failed_before);
    backoff::attempts_left(&cluster.spec.backoff, before, now)
}

#[cfg(test)]
mod tests;
