//! What an application asks of the scheduler.

use std::time::Duration;

use jiff::Timestamp;
use krake_crds::{
    condition,
    constraint::{self, LabelConstraint, MetricConstraint},
    kubernetes::{Application, cluster::ClusterState},
    reference::ObjectReference,
};
use serde::{Deserialize, Serialize};

use super::Candidate;

/// What an application asks of the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Uid of the application; spreads equal candidates.
    pub uid: String,
    /// Label constraints, all of which must hold.
    pub labels: Vec<LabelConstraint>,
    /// Metric constraints, all of which must hold.
    pub metrics: Vec<MetricConstraint>,
    /// Custom resource definitions that the cluster must offer.
    pub custom_resources: Vec<String>,
    /// Whether the application may leave a place it has.
    pub may_migrate: bool,
    /// How long it tolerates that its place is unusable.
    pub toleration: Toleration,
    /// The place it has.
    pub current: Option<ObjectReference>,
    /// Since when it has that place.
    pub scheduled_at: Option<Timestamp>,
    /// The place that serves it.
    pub running_on: Option<ObjectReference>,
    /// Whether what runs there is known to be well.
    #[serde(default)]
    pub is_well: bool,
    /// The place to which a move was given up, and until when it is left alone.
    pub avoided: Option<(ObjectReference, Timestamp)>,
}

/// How long an application tolerates that its place is unusable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Toleration {
    /// As long as the operator's configuration says.
    #[default]
    Usual,
    /// This long.
    For(Duration),
    /// Without end.
    Always,
}

impl Toleration {
    /// The time; nothing if it has no end.
    pub(super) fn over(self, usual: Duration) -> Option<Duration> {
        match self {
            Self::Usual => Some(usual),
            Self::For(time) => Some(time),
            Self::Always => None,
        }
    }
}

/// A constraint of the application cannot be read. Only a change of its spec helps.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("the constraint `{text}` cannot be read")]
pub struct InvalidConstraint {
    /// The constraint as it was written.
    pub text: String,
    /// What is wrong with it.
    #[source]
    pub source: constraint::Error,
}

/// The place of an application at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The place it has.
    pub(super) current: Option<&'a ObjectReference>,
    /// The place that is left alone.
    pub(super) avoided: Option<&'a ObjectReference>,
    until: Option<Timestamp>,
}

impl Place<'_> {
    /// Whether this is another place than the one that was chosen.
    pub(super) fn has_gone_back(&self, request: &Request) -> bool {
        self.current.is_some() && self.current != request.current.as_ref()
    }

    /// Whether the application has nothing better than the place that should be left alone: it runs nowhere.
    pub(super) fn is_stuck(&self) -> bool {
        self.current.is_some() && self.current == self.avoided
    }

    /// When the avoided place may be used again.
    pub(super) fn reconsider_after(&self, now: Timestamp) -> Option<Duration> {
        Duration::try_from(self.until?.duration_since(now)).ok()
    }
}

impl Request {
    /// What `application` asks for, with the place that it has according to its status.
    ///
    /// # Errors
    /// When one of the constraints cannot be read.
    pub fn of(application: &Application) -> Result<Self, InvalidConstraint> {
        let constraints = &application.spec.constraints;
        let status = application.status.as_ref();
        let migration = status.and_then(|status| status.migration.as_ref());
        Ok(Self {
            uid: application.metadata.uid.clone().unwrap_or_default(),
            labels: parse_all(constraints.cluster.labels.as_deref())?,
            metrics: parse_all(constraints.cluster.metrics.as_deref())?,
            custom_resources: constraints.cluster.custom_resources.clone(),
            may_migrate: constraints.migration,
            toleration: match application.spec.unreachable_toleration_seconds.map(u64::try_from) {
                None => Toleration::Usual,
                Some(Ok(seconds)) => Toleration::For(Duration::from_secs(seconds)),
                Some(Err(_)) => Toleration::Always,
            },
            current: place_of(application).cloned(),
            scheduled_at: status.and_then(|status| status.scheduled_at.as_ref()).map(|at| at.0),
            running_on: status.and_then(|status| status.running_on.clone()),
            is_well: status.is_some_and(|status| condition::is_true(&status.conditions, condition::HEALTHY)),
            avoided: migration.map(|given_up| (given_up.avoided.clone(), given_up.not_before.0)),
        })
    }

    /// A move that was given up leaves the application where it runs, if it runs anywhere.
    pub(super) fn place(&self, candidates: &[Candidate], now: Timestamp) -> Place<'_> {
        let avoided = self.avoided.as_ref().filter(|(_, until)| *until > now);
        let (avoided, until) = (avoided.map(|(place, _)| place), avoided.map(|(_, until)| *until));
        let current = self.current.as_ref();
        let runs = self.running_on.as_ref().filter(|_| avoided == current);
        let runs = runs.filter(|place| self.may_be_served(candidates, place));
        Place { current: current.map(|current| runs.unwrap_or(current)), avoided, until }
    }

    /// Whether this place, where it runs, may serve it: it is there, and not known to be lost. One whose nodes are not well
    /// does if the copy there is well nevertheless; to go back to a dead one would help nobody.
    fn may_be_served(&self, candidates: &[Candidate], place: &ObjectReference) -> bool {
        use ClusterState::{Connecting, NotReady, Offline, Unhealthy};
        match candidates.iter().find(|candidate| candidate.place == *place).map(|found| found.state) {
            None | Some(Offline | Connecting) => false,
            Some(NotReady | Unhealthy) => self.is_well,
            Some(_) => true,
        }
    }
}

/// The place that `application` has. A cluster of another namespace is none, whoever wrote that down.
#[must_use]
pub fn place_of(application: &Application) -> Option<&ObjectReference> {
    let namespace = application.metadata.namespace.as_deref().unwrap_or_default();
    application.status.as_ref()?.scheduled_to.as_ref().filter(|place| place.is_within(namespace))
}

pub(super) fn parse_all<C: std::str::FromStr<Err = constraint::Error>>(
    texts: Option<&[String]>,
) -> Result<Vec<C>, InvalidConstraint> {
    let parse = |text: &String| text.parse().map_err(|source| InvalidConstraint { text: text.clone(), source });
    texts.unwrap_or_default().iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn application(labels: &str) -> Application {
        from_value(json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1",
            "kind": "Application",
            "metadata": { "name": "shop", "namespace": "n", "uid": "u1" },
            "spec": {
                "constraints": { "cluster": { "labels": [labels], "metrics": ["load < 5"] }, "migration": false },
                "unreachableTolerationSeconds": 30,
            },
            "status": {
                "scheduledTo": { "group": "kubernetes.krake.dev", "kind": "Cluster", "namespace": "n", "name": "c1" },
                "scheduledAt": "2026-01-02T03:04:05.000000Z",
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_request_says_what_the_application_says() {
        let request = Request::of(&application("location is DE")).unwrap();
        assert_eq!((request.uid.as_str(), request.may_migrate), ("u1", false));
        assert_eq!((request.labels.len(), request.metrics.len()), (1, 1));
        assert_eq!(request.current, Some(ObjectReference::cluster("n", "c1")));
        assert_eq!(request.scheduled_at, Some("2026-01-02T03:04:05Z".parse().unwrap()));
        assert_eq!(request.toleration, Toleration::For(Duration::from_secs(30)));
        let mut without_end = application("location is DE");
        without_end.spec.unreachable_toleration_seconds = Some(-1);
        assert_eq!(Request::of(&without_end).unwrap().toleration, Toleration::Always);
    }

    #[test]
    fn a_cluster_of_another_namespace_is_no_place() {
        let mut application = application("location is DE");
        application.metadata.namespace = Some("other".into());
        assert_eq!(Request::of(&application).unwrap().current, None);
        application.status.as_mut().unwrap().scheduled_to.as_mut().unwrap().namespace = None;
        assert!(Request::of(&application).unwrap().current.is_some(), "it names none");
    }

    #[test]
    fn a_constraint_that_cannot_be_read_is_named() {
        let error = Request::of(&application("location equals DE")).unwrap_err();
        assert_eq!(error.text, "location equals DE");
        assert_eq!(error.to_string(), "the constraint `location equals DE` cannot be read");
    }
}
