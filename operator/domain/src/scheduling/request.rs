//! Requests and candidates from the custom resources they describe.

use jiff::Timestamp;
use krake_crds::{
    condition, constraint,
    kubernetes::{Application, Cluster},
    reference::ObjectReference,
};

use super::{Candidate, Request};

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

impl Request {
    /// What `application` asks for, with `current` as the place that it has.
    ///
    /// # Errors
    /// When one of the constraints cannot be read.
    pub fn of(application: &Application) -> Result<Self, InvalidConstraint> {
        let constraints = &application.spec.constraints;
        let status = application.status.as_ref();
        Ok(Self {
            uid: application.metadata.uid.clone().unwrap_or_default(),
            labels: parse_all(constraints.cluster.labels.as_deref())?,
            metrics: parse_all(constraints.cluster.metrics.as_deref())?,
            custom_resources: constraints.cluster.custom_resources.clone(),
            may_migrate: constraints.migration,
            current: status.and_then(|status| status.scheduled_to.clone()),
            scheduled_at: status.and_then(|status| status.scheduled_at.as_ref()).map(|at| at.0),
        })
    }
}

fn parse_all<C: std::str::FromStr<Err = constraint::Error>>(
    texts: Option<&[String]>,
) -> Result<Vec<C>, InvalidConstraint> {
    let parse = |text: &String| text.parse().map_err(|source| InvalidConstraint { text: text.clone(), source });
    texts.unwrap_or_default().iter().map(parse).collect()
}

impl Candidate {
    /// `cluster` as a place for applications.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let status = cluster.status.as_ref();
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or_default();
        Self {
            cluster: ObjectReference::cluster(namespace, name),
            labels: cluster.spec.labels.clone(),
            custom_resources: cluster.spec.custom_resources.clone(),
            state: status.and_then(|status| status.state).unwrap_or_default(),
            is_deleting: cluster.metadata.deletion_timestamp.is_some(),
            unavailable_since: unavailable_since(cluster),
        }
    }
}

/// Since when the conditions have been saying that the cluster cannot be used.
fn unavailable_since(cluster: &Cluster) -> Option<Timestamp> {
    let conditions = cluster.status.as_ref()?.conditions.as_slice();
    [condition::REACHABLE, condition::HEALTHY]
        .into_iter()
        .filter_map(|type_| condition::find(conditions, type_))
        .filter(|condition| condition.status != "True")
        .map(|condition| condition.last_transition_time.0)
        .min()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn application(labels: &str) -> Application {
        from_value(json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1",
            "kind": "Application",
            "metadata": { "name": "shop", "uid": "u1" },
            "spec": { "constraints": { "cluster": { "labels": [labels], "metrics": ["load < 5"] }, "migration": false } },
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
    }

    #[test]
    fn a_constraint_that_cannot_be_read_is_named() {
        let error = Request::of(&application("location equals DE")).unwrap_err();
        assert_eq!(error.text, "location equals DE");
        assert_eq!(error.to_string(), "the constraint `location equals DE` cannot be read");
    }

    #[test]
    fn a_cluster_is_unavailable_since_its_conditions_say_so() {
        let condition = |type_: &str, status: &str, second: u32| {
            json!({
                "type": type_, "status": status, "reason": "R", "message": "",
                "lastTransitionTime": format!("2026-01-02T03:04:{second:02}Z"),
            })
        };
        let cluster = |conditions| -> Cluster {
            from_value(json!({
                "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
                "metadata": { "name": "c1", "namespace": "n" },
                "spec": {}, "status": { "state": "OFFLINE", "conditions": conditions },
            }))
            .unwrap()
        };
        let healthy = cluster(json!([condition("Reachable", "True", 1), condition("Healthy", "True", 2)]));
        assert_eq!(Candidate::of(&healthy).unavailable_since, None);
        let gone = cluster(json!([condition("Reachable", "False", 7), condition("Healthy", "Unknown", 8)]));
        assert_eq!(Candidate::of(&gone).unavailable_since, Some("2026-01-02T03:04:07Z".parse().unwrap()));
    }
}
