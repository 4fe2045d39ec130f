//! A cluster that might take an application.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use krake_crds::{
    condition,
    krake_metadata::krake_name,
    kubernetes::{Cluster, cluster::ClusterState},
    reference::ObjectReference,
};
use serde::{Deserialize, Serialize};

use super::inheritance::{self, Parent};
use crate::metric::{Rating, Readings, rate};

/// A cluster that might take the application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The cluster.
    pub place: ObjectReference,
    /// Its Krake name, where that is another than the name of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub krake_name: Option<String>,
    /// Its Krake labels, inherited ones included.
    pub labels: BTreeMap<String, String>,
    /// The custom resource definitions it offers.
    pub custom_resources: BTreeSet<String>,
    /// Its state.
    pub state: ClusterState,
    /// Whether it is being deleted.
    pub is_deleting: bool,
    /// Since when it is not usable, if it is not and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable_since: Option<Timestamp>,
    /// Since when it answers the operator, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable_since: Option<Timestamp>,
    /// What its metrics say, inherited ones included.
    pub rating: Rating,
}

impl Candidate {
    /// `cluster` as a place for applications; `parent` is the cloud that it was scheduled to.
    #[must_use]
    pub fn of(cluster: &Cluster, parent: Option<&Parent<'_>>, readings: &Readings) -> Self {
        let status = cluster.status.as_ref();
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or_default();
        let krake_name = krake_name(cluster.spec.identity.as_ref(), Some(namespace), name);
        let exact = format!("{namespace}/{krake_name}");
        let metrics = inheritance::metrics(&cluster.spec, parent);
        let offered = cluster.spec.custom_resources.iter();
        let served = status.into_iter().flat_map(|status| &status.served_custom_resources);
        Self {
            place: ObjectReference::cluster(namespace, name),
            krake_name: (krake_name != name).then(|| krake_name.to_owned()),
            labels: inheritance::labels(&cluster.spec, parent),
            custom_resources: offered.chain(served).cloned().collect(),
            state: status.and_then(|status| status.state).unwrap_or_default(),
            is_deleting: cluster.metadata.deletion_timestamp.is_some(),
            unavailable_since: unavailable_since(cluster),
            reachable_since: reachable_since(cluster),
            ..Self::default()
        }
        .rated(rate(&metrics, Some(namespace), &[&exact, krake_name], readings))
    }

    /// A cloud as a place for clusters; `place` is the cloud. Values for single clusters mean nothing for it.
    #[must_use]
    pub fn of_cloud(place: ObjectReference, cloud: &Parent<'_>, is_deleting: bool, readings: &Readings) -> Self {
        let namespace = place.namespace.clone();
        let labels = cloud.spec.krake.labels.clone();
        let state = ClusterState::Online;
        let rating = rate(cloud.metrics(), namespace.as_deref(), &[], readings);
        Self { place, labels, state, is_deleting, ..Self::default() }.rated(rating)
    }

    /// Its Krake name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.krake_name.as_deref().unwrap_or(&self.place.name)
    }

    /// The candidate with what its metrics say.
    #[must_use]
    pub fn rated(self, rating: Rating) -> Self {
        Self { rating, ..self }
    }
}

/// Since when the conditions have been saying that the cluster cannot be used. What is merely unknown says nothing: that
/// the nodes may not be looked at is no outage, and may have been so for ever.
fn unavailable_since(cluster: &Cluster) -> Option<Timestamp> {
    let conditions = cluster.status.as_ref()?.conditions.as_slice();
    [condition::REACHABLE, condition::HEALTHY, condition::METRICS_AVAILABLE]
        .into_iter()
        .filter_map(|type_| condition::find(conditions, type_))
        .filter(|condition| condition.status == "False")
        .map(|condition| condition.last_transition_time.0)
        .min()
}

fn reachable_since(cluster: &Cluster) -> Option<Timestamp> {
    let reachable = condition::find(&cluster.status.as_ref()?.conditions, condition::REACHABLE)?;
    (reachable.status == "True").then_some(reachable.last_transition_time.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn cluster(status: &serde_json::Value) -> Cluster {
        from_value(json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
            "metadata": { "name": "c1", "namespace": "n" },
            "spec": { "customResources": ["a.b"] }, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_cluster_is_unavailable_since_its_conditions_say_so() {
        let condition = |type_: &str, status: &str, second: u32| {
            json!({
                "type": type_, "status": status, "reason": "R", "message": "",
                "lastTransitionTime": format!("2026-01-02T03:04:{second:02}Z"),
            })
        };
        let candidate = |conditions| {
            let cluster = cluster(&json!({ "state": "OFFLINE", "conditions": conditions }));
            Candidate::of(&cluster, None, &Readings::new())
        };
        let since = |conditions| candidate(conditions).unavailable_since;
        let answers = json!([condition("Reachable", "True", 1), condition("Healthy", "True", 2)]);
        assert_eq!(since(answers.clone()), None);
        assert_eq!(candidate(answers).reachable_since, Some("2026-01-02T03:04:01Z".parse().unwrap()));
        assert_eq!(candidate(json!([condition("Reachable", "False", 7)])).reachable_since, None);
        assert_eq!(candidate(json!([condition("Reachable", "Unknown", 7)])).reachable_since, None);
        let gone = json!([condition("Reachable", "False", 7), condition("Healthy", "Unknown", 1)]);
        assert_eq!(since(gone), Some("2026-01-02T03:04:07Z".parse().unwrap()));
        let unread = json!([condition("Reachable", "True", 1), condition("MetricsAvailable", "False", 9)]);
        assert_eq!(since(unread), Some("2026-01-02T03:04:09Z".parse().unwrap()));
    }

    #[test]
    fn what_a_cluster_serves_counts_as_what_it_declares() {
        let candidate = Candidate::of(&cluster(&json!({ "servedCustomResources": ["c.d"] })), None, &Readings::new());
        assert_eq!(candidate.custom_resources, BTreeSet::from(["a.b".to_owned(), "c.d".to_owned()]));
    }
}
